#include "resolver/recurse/upstream.hpp"

#include <cassert>
#include <chrono>

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
  }
  return "unknown error";
}

struct Upstream::State {
  State(net::Loop& loop, const UpstreamLimits& limits) : context{loop, limits, {}, {}}, udp(context), tcp(context) {}
  ~State() { assert(in_flight == 0); }

  net::Task<ExchangeResult> over_tcp(const Outgoing& outgoing, Milliseconds timeout);

  UpstreamContext context;
  UdpPool udp;
  TcpPool tcp;
  std::size_t in_flight = 0;
};

namespace {

/// One more in flight, until the exchange ends or is cancelled.
class Counted {
 public:
  explicit Counted(std::size_t& count) : count_(count) { ++count_; }
  Counted(const Counted&) = delete;
  Counted& operator=(const Counted&) = delete;
  ~Counted() { --count_; }

 private:
  std::size_t& count_;
};

}  // namespace

net::Task<ExchangeResult> Upstream::exchange(Outgoing outgoing) {
  if (state_->in_flight >= state_->context.limits.in_flight) co_return std::unexpected(NetworkError::overloaded);
  const Counted counted(state_->in_flight);
  Milliseconds left = outgoing.timeout;
  const bool asked_over_udp = outgoing.transport == Transport::udp;
  bool other_case = false;
  if (asked_over_udp) {
    const Milliseconds began = now();
    UdpExchange over_udp(state_->udp, outgoing);
    over_udp.start();
    ExchangeResult result = co_await over_udp;
    if (!over_udp.distrusted()) co_return result;
    const Milliseconds passed = now() - began;
    if (passed >= left) co_return result;
    left -= passed;
    other_case = over_udp.other_case();
  }
  ExchangeResult result = co_await state_->over_tcp(outgoing, left);
  // What made us come here is what the caller shall know of this server, when TCP is no way out.
  if (!result && asked_over_udp)
    co_return std::unexpected(other_case ? NetworkError::other_case : NetworkError::malformed);
  if (result) result->other_case = other_case;
  co_return result;
}

/// Once more on a fresh connection when a kept one ended before the answer: the server may have closed it while idle.
net::Task<ExchangeResult> Upstream::State::over_tcp(const Outgoing& outgoing, Milliseconds timeout) {
  const Milliseconds began = context.loop.now();
  {
    TcpExchange first(tcp, outgoing);
    first.start(timeout, false);
    ExchangeResult result = co_await first;
    if (result || result.error() != NetworkError::closed || !first.reused()) co_return result;
  }
  const Milliseconds passed = context.loop.now() - began;
  if (passed >= timeout) co_return std::unexpected(NetworkError::timeout);
  TcpExchange second(tcp, outgoing);
  second.start(timeout - passed, true);
  ExchangeResult result = co_await second;
  co_return result;
}

Upstream::Upstream(net::Loop& loop, const UpstreamLimits& limits) : state_(std::make_unique<State>(loop, limits)) {}
Upstream::~Upstream() = default;

net::Task<void> Upstream::sleep(Milliseconds delay) {
  return net::sleep(state_->context.loop, delay);
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
