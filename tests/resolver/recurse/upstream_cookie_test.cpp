// DNS cookies as a client sends and wants them (RFC 7873), with servers that keep to them, change them, lose them,
// choke on them, or are somebody else.
#include <algorithm>
#include <catch2/catch.hpp>
#include <mutex>
#include <set>

#include "tests/resolver/recurse/fake_servers.hpp"
#include "zones/wire/writer.hpp"

namespace placard::recurse {
namespace {

using namespace test;       // NOLINT: the helpers of these tests
using namespace net::test;  // NOLINT

constexpr auto kCookie = static_cast<std::uint16_t>(wire::OptionCode::cookie);
const Octets kServerCookie{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};
const Octets kNextCookie{16, 15, 14, 13, 12, 11, 10, 9};

/// The cookie option of a message; nothing when it has none.
std::optional<Octets> cookie_in(const Octets& message) {
  const auto parsed = wire::parse_message(message);
  REQUIRE(parsed);
  const auto option = parsed->edns() ? parsed->edns()->option(kCookie) : std::nullopt;
  if (!option) return std::nullopt;
  return Octets(option->begin(), option->end());
}

Octets client_part(const Octets& cookie) {
  return {cookie.begin(), cookie.begin() + 8};
}

Octets joined(Octets one, const Octets& other) {
  one.insert(one.end(), other.begin(), other.end());
  return one;
}

/// reply_to with an OPT that carries `rcode` and, when there is one, the cookie.
Octets with_opt(Octets reply, const std::optional<Octets>& cookie, wire::Rcode rcode = wire::Rcode::noerror) {
  Octets buffer(4096);
  std::ranges::copy(reply, buffer.begin());
  wire::MessageWriter writer(buffer, buffer.size());
  writer.resume(reply.size());
  std::vector<wire::MessageWriter::EdnsOption> options;
  if (cookie) options.push_back({kCookie, *cookie});
  writer.edns(1232, true, rcode, options);
  const auto written = writer.finish();
  return {written->begin(), written->end()};
}

/// What a server saw, question by question.
struct Seen {
  std::mutex mutex;
  std::vector<std::optional<Octets>> cookies;

  std::optional<Octets> note(const Octets& query) {
    const std::lock_guard lock(mutex);
    cookies.push_back(cookie_in(query));
    return cookies.back();
  }
  std::vector<std::optional<Octets>> all() {
    const std::lock_guard lock(mutex);
    return cookies;
  }
};

/// A server at one port for both transports.
struct BothWays {
  BothWays(std::function<Octets(const Octets&)> over_udp, std::function<Octets(const Octets&)> over_tcp)
      : tcp([over_tcp](FakeTcp::Connection& connection) {
          while (const auto query = connection.read()) connection.write(over_tcp(*query));
        }),
        udp([over_udp](const Octets& query, FakeUdp::Send send) { send(over_udp(query)); }, "127.0.0.1",
            tcp.endpoint().port) {}
  FakeTcp tcp;
  FakeUdp udp;
};

UpstreamLimits patient() {
  UpstreamLimits limits;
  limits.grace = 1;  // what does not fit goes to TCP soon
  return limits;
}

TEST_CASE("a server's cookie comes back with the next question, each server's client cookie is its own", "[upstream]") {
  Seen seen, other_seen;
  FakeUdp server([&](const Octets& query, FakeUdp::Send send) {
    const auto cookie = seen.note(query);
    REQUIRE(cookie);
    send(with_opt(reply_to(query), joined(client_part(*cookie), kServerCookie)));
  });
  FakeUdp other([&](const Octets& query, FakeUdp::Send send) {
    other_seen.note(query);
    send(with_opt(reply_to(query), std::nullopt));
  });
  Asker asker;
  for (int i = 0; i < 2; ++i) CHECK(address_in(asker.ask(question_for(server.endpoint()))) == "192.0.2.7");
  for (int i = 0; i < 2; ++i) CHECK(address_in(asker.ask(question_for(other.endpoint()))) == "192.0.2.7");

  const auto cookies = seen.all();
  REQUIRE(cookies.size() == 2);
  CHECK(cookies[0]->size() == 8);
  CHECK(*cookies[1] == joined(*cookies[0], kServerCookie));
  const auto others = other_seen.all();
  REQUIRE(others.size() == 2);
  CHECK(others[0]->size() == 8);
  CHECK(others[0] == others[1]);
  CHECK(*others[0] != *cookies[0]);
  // Another process, or this one after a restart, has other cookies.
  Asker restarted;
  CHECK(restarted.ask(question_for(other.endpoint())));
  CHECK(other_seen.all().back() != others[0]);
}

TEST_CASE("no cookie is sent without EDNS, or where they are off", "[upstream]") {
  Seen seen;
  FakeUdp server([&](const Octets& query, FakeUdp::Send send) {
    seen.note(query);
    send(reply_to(query));
  });
  UpstreamLimits limits;
  limits.cookies = false;
  CHECK(Asker(limits).ask(question_for(server.endpoint())));
  Outgoing plain = question_for(server.endpoint());
  plain.edns = false;
  CHECK(Asker().ask(plain));
  for (const auto& cookie : seen.all()) CHECK_FALSE(cookie);
}

TEST_CASE("forged replies without our client cookie do not count, the true one behind them does", "[upstream]") {
  FakeUdp server([](const Octets& query, FakeUdp::Send send) {
    Octets cookie = *cookie_in(query);
    Octets wrong = cookie;
    wrong[0] ^= 1;
    send(with_opt(reply_to(query, "203.0.113.66"), joined(client_part(wrong), kServerCookie)));
    send(with_opt(reply_to(query, "203.0.113.66"), Octets{1, 2, 3}));
    send(with_opt(reply_to(query, "203.0.113.66"), joined(client_part(cookie), {1, 2})));
    send(with_opt(reply_to(query), joined(client_part(cookie), kServerCookie)));
  });
  UpstreamLimits limits;
  limits.grace = kPatience;
  Asker asker(limits);
  CHECK(address_in(asker.ask(question_for(server.endpoint()))) == "192.0.2.7");
  CHECK(asker.upstream.counters().mismatched == 3);
  CHECK(asker.upstream.counters().dropped[static_cast<std::size_t>(Drop::cookie)] == 3);
}

TEST_CASE("a server that owes a cookie and sends none is asked over TCP, where nobody forges", "[upstream]") {
  std::atomic<bool> forged = false;
  Seen over_tcp;
  const auto honest = [](const Octets& query) {
    return with_opt(reply_to(query), joined(client_part(*cookie_in(query)), kServerCookie));
  };
  BothWays server(
      [&](const Octets& query) {
        return forged ? with_opt(reply_to(query, "203.0.113.66"), std::nullopt) : honest(query);
      },
      [&](const Octets& query) {
        over_tcp.note(query);
        return honest(query);
      });
  Asker asker(patient());
  CHECK(address_in(asker.ask(question_for(server.udp.endpoint()))) == "192.0.2.7");
  forged = true;
  CHECK(address_in(asker.ask(question_for(server.udp.endpoint()))) == "192.0.2.7");
  CHECK(asker.upstream.counters().distrusted == 1);
  REQUIRE(over_tcp.all().size() == 1);
  CHECK(over_tcp.all().front()->size() == 8 + kServerCookie.size());
  // It kept its cookie over TCP: it still owes one over UDP.
  CHECK(address_in(asker.ask(question_for(server.udp.endpoint()))) == "192.0.2.7");
  CHECK(asker.upstream.counters().distrusted == 2);
}

TEST_CASE("a server that gave cookies up says so over TCP once, and is asked without", "[upstream]") {
  std::atomic<bool> stopped = false;
  Seen seen;
  BothWays server(
      [&](const Octets& query) {
        const auto cookie = seen.note(query);
        if (stopped) return with_opt(reply_to(query), std::nullopt);
        return with_opt(reply_to(query), joined(client_part(*cookie), kServerCookie));
      },
      [&](const Octets& query) { return with_opt(reply_to(query), std::nullopt); });
  Asker asker(patient());
  CHECK(address_in(asker.ask(question_for(server.udp.endpoint()))) == "192.0.2.7");
  stopped = true;
  CHECK(address_in(asker.ask(question_for(server.udp.endpoint()))) == "192.0.2.7");
  CHECK(asker.upstream.counters().tcp_received == 1);
  CHECK(address_in(asker.ask(question_for(server.udp.endpoint()))) == "192.0.2.7");
  CHECK(asker.upstream.counters().tcp_received == 1);
  CHECK_FALSE(seen.all().back());
}

TEST_CASE("BADCOOKIE is answered with the new cookie once, then with TCP", "[upstream]") {
  SECTION("the new cookie is good") {
    Seen seen;
    FakeUdp server([&](const Octets& query, FakeUdp::Send send) {
      const auto cookie = seen.note(query);
      const Octets full = joined(client_part(*cookie), kNextCookie);
      send(*cookie == full ? with_opt(reply_to(query), full) : with_opt(reply_to(query), full, wire::Rcode::badcookie));
    });
    Asker asker;
    CHECK(address_in(asker.ask(question_for(server.endpoint()))) == "192.0.2.7");
    CHECK(seen.all().size() == 2);
    CHECK(asker.upstream.counters().bad_cookies == 1);
    CHECK(asker.upstream.counters().tcp_sent == 0);
  }
  SECTION("no cookie is ever good") {
    std::atomic<int> asked = 0;
    BothWays server(
        [&](const Octets& query) {
          ++asked;
          return with_opt(reply_to(query), joined(client_part(*cookie_in(query)), kNextCookie), wire::Rcode::badcookie);
        },
        [](const Octets& query) {
          return with_opt(reply_to(query), joined(client_part(*cookie_in(query)), kNextCookie));
        });
    Asker asker;
    CHECK(address_in(asker.ask(question_for(server.udp.endpoint()))) == "192.0.2.7");
    CHECK(asked == 2);
    CHECK(asker.upstream.counters().tcp_received == 1);
  }
  SECTION("without a server cookie to go on with") {
    std::atomic<int> asked = 0;
    BothWays server(
        [&](const Octets& query) {
          ++asked;
          return with_opt(reply_to(query), std::nullopt, wire::Rcode::badcookie);
        },
        [](const Octets& query) { return with_opt(reply_to(query), std::nullopt); });
    Asker asker;
    CHECK(address_in(asker.ask(question_for(server.udp.endpoint()))) == "192.0.2.7");
    CHECK(asked == 1);
  }
}

TEST_CASE("a server that chokes on the option is asked without it, and remembered", "[upstream]") {
  Seen seen;
  FakeUdp server([&](const Octets& query, FakeUdp::Send send) {
    Octets reply = reply_to(query);
    if (seen.note(query)) {
      reply.resize(reply.size() - 16);
      reply[3] = 1;  // FORMERR
      reply[7] = 0;
    }
    send(reply);
  });
  Asker asker;
  CHECK(address_in(asker.ask(question_for(server.endpoint()))) == "192.0.2.7");
  CHECK(address_in(asker.ask(question_for(server.endpoint()))) == "192.0.2.7");
  const auto cookies = seen.all();
  REQUIRE(cookies.size() == 3);
  CHECK(cookies[0]);
  CHECK_FALSE(cookies[1]);
  CHECK_FALSE(cookies[2]);
}

TEST_CASE("a server that sends options back as they came does not do cookies", "[upstream]") {
  FakeUdp server([](const Octets& query, FakeUdp::Send send) { send(with_opt(reply_to(query), cookie_in(query))); });
  Asker asker;
  for (int i = 0; i < 3; ++i) CHECK(address_in(asker.ask(question_for(server.endpoint()))) == "192.0.2.7");
  CHECK(asker.upstream.counters().mismatched == 0);
}

TEST_CASE("a truncated reply needs no cookie: it leads to TCP", "[upstream]") {
  std::atomic<bool> limited = false;
  FakeUdp server([&](const Octets& query, FakeUdp::Send send) {
    if (!limited) return send(with_opt(reply_to(query), joined(client_part(*cookie_in(query)), kServerCookie)));
    Octets reply = reply_to(query);
    reply.resize(reply.size() - 16);
    reply[2] |= 2;  // TC
    reply[7] = 0;
    send(reply);
  });
  Asker asker;
  CHECK(asker.ask(question_for(server.endpoint())));
  limited = true;
  CHECK(address_in(asker.ask(question_for(server.endpoint()))) == "NOERROR TC");
}

TEST_CASE("a silent server that never sent a cookie is asked without one", "[upstream]") {
  ServerTable table;
  const Endpoint server = loopback(5301);
  CHECK(table.begin(server, 1000)->size == 8);
  table.note_timeout(server, 1000);
  CHECK(table.begin(server, 1000)->empty());
  table.note_answer(server, 5, 2000);
  CHECK(table.begin(server, 2000)->size == 8);
  table.note_cookie(server, kServerCookie, 2000);
  table.note_timeout(server, 3000);
  CHECK(table.begin(server, 3000)->size == 8 + kServerCookie.size());
  CHECK(table.begin(server, 2000 + ServerTable::kForgetCookie)->empty());
}

}  // namespace
}  // namespace placard::recurse
