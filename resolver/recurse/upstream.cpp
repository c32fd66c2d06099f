#include "resolver/recurse/upstream.hpp"

#include <algorithm>
#include <cassert>
#include <chrono>

#include "resolver/net/work.hpp"
#include "resolver/recurse/upstream_context.hpp"
#include "resolver/recurse/upstream_tcp.hpp"
#include "resolver/recurse/upstream_udp.hpp"

namespace placard::recurse {

std::string_view to_text(NetworkError error) {
  switch (error) {
    case NetworkError::timeout:
      return "timeout";
    case NetworkError::unreachable:
      return "unreachable";
    case NetworkError::closed:
      return "connection closed";
    case NetworkError::malformed:
      return "malformed reply";
    case NetworkError::other_case:
      return "reply in another case";
    case NetworkError::overloaded:
      return "too many questions in flight";
    case NetworkError::server_busy:
      return "too many questions in flight to this server";
  }
  return "unknown error";
}

std::string_view to_text(Drop drop) {
  switch (drop) {
    case Drop::id:
      return "id";
    case Drop::address:
      return "address";
    case Drop::question:
      return "question";
    case Drop::letter_case:
      return "case";
    case Drop::cookie:
      return "cookie";
    case Drop::malformed:
      return "malformed";
  }
  return "unknown";
}

struct Upstream::State {
  State(net::Loop& loop, const UpstreamLimits& limits, std::shared_ptr<ServerTable> servers)
      : context{loop, limits, {}, {}, std::move(servers)}, udp(context), tcp(context) {}
  ~State() { assert(in_flight == 0); }

  net::Task<ExchangeResult> converse(const Outgoing& outgoing, Cookie cookie);
  net::Task<ExchangeResult> over_tcp(const Outgoing& outgoing, Cookie cookie, Milliseconds timeout);
  bool wants_again(const Outgoing& outgoing, Cookie& cookie, const ReplySigns& signs);
  void note_cookie(const Outgoing& outgoing, const Cookie& sent, const ReplySigns& signs, Transport transport);

  UpstreamContext context;
  UdpPool udp;
  TcpPool tcp;
  std::size_t in_flight = 0;
};

namespace {

constexpr int kUdpRounds = 3;  // as first meant; with another cookie; without one

/// One more in flight, in all and to the server, until the exchange ends or is cancelled.
class UnderWay {
 public:
  UnderWay(std::size_t& count, ServerTable& servers, const net::Endpoint& server)
      : count_(count), servers_(servers), server_(server) {
    ++count_;
  }
  UnderWay(const UnderWay&) = delete;
  UnderWay& operator=(const UnderWay&) = delete;
  ~UnderWay() {
    --count_;
    servers_.end(server_, ending_);
  }
  void ended(const ExchangeResult& result) {
    if (result) ending_ = Ending::answered;
    if (!result && result.error() == NetworkError::timeout) ending_ = Ending::silent;
  }

 private:
  std::size_t& count_;
  ServerTable& servers_;
  net::Endpoint server_;
  Ending ending_ = Ending::other;
};

}  // namespace

net::Task<ExchangeResult> Upstream::exchange(Outgoing outgoing) {
  State& state = *state_;
  auto& counters = state.context.counters;
  if (state.in_flight >= state.context.limits.in_flight) co_return std::unexpected(NetworkError::overloaded);
  std::optional<Cookie> cookie = state.context.servers->begin(outgoing.server, now());
  if (!cookie) {
    ++counters.busy;
    co_return std::unexpected(NetworkError::server_busy);
  }
  UnderWay counted(state.in_flight, *state.context.servers, outgoing.server);
  if (!state.context.limits.cookies || !outgoing.edns) *cookie = {};
  auto conversing = state.converse(outgoing, *cookie);
  ExchangeResult result = co_await conversing;
  counted.ended(result);
  co_return result;
}

/// Over UDP, again with the cookie that BADCOOKIE brought, or without one where FORMERR may mean it; over TCP when the
/// caller says so, when the replies look forged, or when the server will not have our cookie (RFC 7873 5.3).
net::Task<ExchangeResult> Upstream::State::converse(const Outgoing& outgoing, Cookie cookie) {
  const Milliseconds deadline = context.loop.now() + outgoing.timeout;
  bool other_case = false;
  for (int round = 0; outgoing.transport == Transport::udp; ++round) {
    Outgoing udp_question = outgoing;
    udp_question.timeout = deadline - context.loop.now();
    UdpExchange over_udp(udp, udp_question, cookie);
    over_udp.start();
    ExchangeResult result = co_await over_udp;
    const bool late = context.loop.now() >= deadline;
    if (over_udp.distrusted()) {
      if (late) co_return result;
      ++context.counters.distrusted;
      other_case = over_udp.other_case();
      break;
    }
    if (!result) co_return result;
    const ReplySigns signs = over_udp.signs();
    note_cookie(outgoing, cookie, signs, Transport::udp);
    if (late || !wants_again(outgoing, cookie, signs)) co_return result;
    if (signs.rcode == wire::Rcode::badcookie && (round > 0 || !cookie.has_server_part())) break;
    if (round + 1 >= kUdpRounds) co_return result;
  }
  auto asking = over_tcp(outgoing, cookie, deadline - context.loop.now());
  ExchangeResult result = co_await asking;
  // What made us come here is what the caller shall know of this server, when TCP is no way out.
  if (!result && outgoing.transport == Transport::udp)
    co_return std::unexpected(other_case ? NetworkError::other_case : NetworkError::malformed);
  if (result) result->other_case = other_case;
  co_return result;
}

/// Whether the reply was about the cookie alone, and the question is to be asked again with `cookie` as it is now.
bool Upstream::State::wants_again(const Outgoing& outgoing, Cookie& cookie, const ReplySigns& signs) {
  if (cookie.empty()) return false;
  if (signs.rcode == wire::Rcode::badcookie) {
    ++context.counters.bad_cookies;
    cookie = signs.cookie.has_server_part() ? signs.cookie : Cookie{};
    return true;
  }
  // One that has given a cookie before knows the option.
  if (signs.rcode != wire::Rcode::formerr || cookie.has_server_part()) return false;
  context.servers->note_no_cookie(outgoing.server, context.loop.now());
  cookie = {};
  return true;
}

void Upstream::State::note_cookie(const Outgoing& outgoing, const Cookie& sent, const ReplySigns& signs,
                                  Transport transport) {
  if (sent.empty()) return;
  const Milliseconds now = context.loop.now();
  if (signs.cookie.has_server_part()) {
    const auto before = sent.bytes().subspan(Cookie::kClientSize);
    const auto got = signs.cookie.bytes().subspan(Cookie::kClientSize);
    if (!std::ranges::equal(before, got)) context.servers->note_cookie(outgoing.server, got, now);
  } else if (sent.has_server_part() && transport == Transport::tcp) {
    context.servers->note_no_cookie(outgoing.server, now);  // nobody forges that: it gave them up
  }
}

/// Once more on a fresh connection when a kept one ended before the answer: the server may have closed it while idle.
net::Task<ExchangeResult> Upstream::State::over_tcp(const Outgoing& outgoing, Cookie cookie, Milliseconds timeout) {
  const Milliseconds began = context.loop.now();
  {
    TcpExchange first(tcp, outgoing, cookie);
    first.start(timeout, false);
    ExchangeResult result = co_await first;
    if (result) note_cookie(outgoing, cookie, first.signs(), Transport::tcp);
    if (result || result.error() != NetworkError::closed || !first.reused()) co_return result;
  }
  const Milliseconds passed = context.loop.now() - began;
  if (passed >= timeout) co_return std::unexpected(NetworkError::timeout);
  TcpExchange second(tcp, outgoing, cookie);
  second.start(timeout - passed, true);
  ExchangeResult result = co_await second;
  if (result) note_cookie(outgoing, cookie, second.signs(), Transport::tcp);
  co_return result;
}

Upstream::Upstream(net::Loop& loop, const UpstreamLimits& limits, std::shared_ptr<ServerTable> servers)
    : state_(std::make_unique<State>(loop, limits, std::move(servers))) {
  assert(state_->context.servers);
}
Upstream::~Upstream() = default;

net::Task<void> Upstream::sleep(Milliseconds delay) {
  return net::sleep(state_->context.loop, delay);
}
net::Task<void> Upstream::work(std::function<void()> job) {
  return net::work(state_->context.loop, std::move(job));
}
Milliseconds Upstream::now() const {
  return state_->context.loop.now();
}

std::int64_t Upstream::wall_seconds() const {
  using namespace std::chrono;
  return duration_cast<seconds>(system_clock::now().time_since_epoch()).count();
}

std::uint32_t Upstream::random(std::uint32_t below) {
  return state_->context.random.below(below);
}
const UpstreamCounters& Upstream::counters() const {
  return state_->context.counters;
}

}  // namespace placard::recurse
