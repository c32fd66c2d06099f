// Upstream against small servers on loopback sockets that answer, lie, mangle, keep silent, or are not there.
#include "resolver/recurse/upstream.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <mutex>
#include <set>

#include "tests/resolver/recurse/fake_servers.hpp"

namespace placard::recurse {
namespace {

using namespace test;       // NOLINT: the helpers of these tests
using namespace net::test;  // NOLINT

TEST_CASE("a question is asked as it should be, and its answer comes back", "[upstream]") {
  for (const char* host : {"127.0.0.1", "::1"}) {
    INFO(host);
    Octets seen;
    std::mutex mutex;
    FakeUdp server(
        [&](const Octets& query, FakeUdp::Send send) {
          const std::lock_guard lock(mutex);
          seen = query;
          send(reply_to(query));
        },
        host);
    Asker asker;
    const ExchangeResult result = asker.ask(question_for(server.endpoint()));
    CHECK(address_in(result) == "192.0.2.7");
    const auto reply = wire::parse_message(result->bytes);
    // Its owner's case is the caller's again, in the question and where records point to it.
    CHECK(same_case(reply->question_name(), question_for(server.endpoint()).question.name.view()));
    CHECK(same_case((*reply->records(wire::Section::answer).begin()).owner().view(), reply->question_name()));

    const std::lock_guard lock(mutex);
    const auto query = wire::parse_message(seen);
    REQUIRE(query);
    CHECK(query->question() == question_for(server.endpoint()).question);
    CHECK_FALSE(same_case(query->question_name(), reply->question_name()));
    CHECK_FALSE(query->header().rd);
    CHECK_FALSE(query->header().qr);
    REQUIRE(query->edns());
    CHECK(query->edns()->udp_size == 1232);
    CHECK(query->edns()->dnssec_ok);
    CHECK(asker.upstream.counters().udp_sent == 1);
    CHECK(asker.upstream.counters().udp_received == 1);
    CHECK(asker.upstream.counters().mismatched == 0);
  }
}

TEST_CASE("flags, EDNS and case are the caller's choice", "[upstream]") {
  Octets seen;
  std::mutex mutex;
  FakeUdp server([&](const Octets& query, FakeUdp::Send send) {
    const std::lock_guard lock(mutex);
    seen = query;
    send(reply_to(query));
  });
  Asker asker;
  Outgoing outgoing = question_for(server.endpoint());
  outgoing.recursion_desired = outgoing.checking_disabled = true;
  outgoing.edns = outgoing.random_case = false;
  REQUIRE(asker.ask(outgoing));
  const std::lock_guard lock(mutex);
  const auto query = wire::parse_message(seen);
  REQUIRE(query);
  CHECK(query->header().rd);
  CHECK(query->header().cd);
  CHECK_FALSE(query->edns());
  CHECK(same_case(query->question_name(), outgoing.question.name.view()));
}

TEST_CASE("replies that are not ours are dropped, the true one behind them counts", "[upstream]") {
  struct Row {
    const char* what;
    Octets (*forge)(Octets true_reply);
  };
  for (const auto& [what, forge] : {
           Row{"another id",
               [](Octets reply) {
                 reply[1] ^= 1;
                 return reply;
               }},
           Row{"a question sent back",
               [](Octets reply) {
                 reply[2] &= 0x7f;
                 return reply;
               }},
           Row{"another opcode",
               [](Octets reply) {
                 reply[2] |= 0x20;
                 return reply;
               }},
           Row{"another name",
               [](Octets reply) {
                 reply[14] = reply[14] == 'x' ? 'y' : 'x';
                 return reply;
               }},
           Row{"another case",
               [](Octets reply) {
                 reply[13] ^= 0x20;
                 return reply;
               }},
           Row{"no question with NOERROR",
               [](Octets reply) {
                 reply.resize(12);
                 std::fill(reply.begin() + 4, reply.end(), std::uint8_t{0});
                 return reply;
               }},
           Row{"one octet", [](Octets) { return Octets{7}; }},
           Row{"nothing", [](Octets) { return Octets{}; }},
       }) {
    INFO(what);
    FakeUdp server([forger = forge](const Octets& query, FakeUdp::Send send) {
      send(forger(reply_to(query, "203.0.113.66")));
      send(reply_to(query));
    });
    UpstreamLimits limits;
    limits.grace = kPatience;  // however slow this machine is just now
    Asker asker(limits);
    CHECK(address_in(asker.ask(question_for(server.endpoint()))) == "192.0.2.7");
    CHECK(asker.upstream.counters().mismatched == 1);
  }
}

TEST_CASE("a reply from another port of the server is not seen", "[upstream]") {
  const Descriptor other = client_socket(SOCK_DGRAM);
  FakeUdp server([&](const Octets& query, FakeUdp::Send send) {
    const Octets forged = reply_to(query, "203.0.113.66");
    sockaddr_storage to{};
    const socklen_t size = send.to.to_sockaddr(to);
    // The kernel refuses it (the asker's socket is connected); what matters is that it can't count.
    sendto(other.get(), forged.data(), forged.size(), 0, reinterpret_cast<sockaddr*>(&to), size);
    send(reply_to(query));
  });
  for (const std::size_t sockets : {512U, 1U}) {
    UpstreamLimits limits;
    limits.udp_sockets = sockets;
    Asker asker(limits);
    // With one exclusive socket, the second question's is shared and not connected.
    for (const ExchangeResult& result :
         asker.ask_all({question_for(server.endpoint()), question_for(server.endpoint())})) {
      CHECK(address_in(result) == "192.0.2.7");
    }
  }
}

TEST_CASE("mangled replies end the exchange at once, or are read as well as they can be", "[upstream]") {
  struct Row {
    const char* what;
    Octets (*mangle)(Octets true_reply);
    const char* outcome;
  };
  for (const auto& [what, mangle, outcome] : {
           Row{"header cut",
               [](Octets reply) {
                 reply.resize(7);
                 return reply;
               },
               "malformed reply"},
           Row{"record cut",
               [](Octets reply) {
                 reply.resize(reply.size() - 3);
                 return reply;
               },
               "malformed reply"},
           Row{"octets behind",
               [](Octets reply) {
                 reply.push_back(0);
                 return reply;
               },
               "192.0.2.7"},
           Row{"record cut, with TC",
               [](Octets reply) {
                 reply.resize(reply.size() - 3);
                 reply[2] |= 2;
                 return reply;
               },
               "NOERROR TC"},
           Row{"TC",
               [](Octets reply) {
                 reply[2] |= 2;
                 reply[7] = 0;
                 reply.resize(reply.size() - 16);
                 return reply;
               },
               "NOERROR TC"},
           Row{"FORMERR without question",
               [](Octets reply) {
                 reply.resize(12);
                 std::fill(reply.begin() + 4, reply.end(), std::uint8_t{0});
                 reply[3] = 1;
                 return reply;
               },
               "FORMERR"},
           Row{"REFUSED",
               [](Octets reply) {
                 reply[3] = 5;
                 reply[7] = 0;
                 reply.resize(reply.size() - 16);
                 return reply;
               },
               "REFUSED"},
       }) {
    INFO(what);
    FakeUdp server([mangler = mangle](const Octets& query, FakeUdp::Send send) { send(mangler(reply_to(query))); });
    Asker asker;
    CHECK(address_in(asker.ask(question_for(server.endpoint()))) == outcome);
  }
}

TEST_CASE("a server that does not echo the case is asked over TCP, or known by its error", "[upstream]") {
  const auto lowered = [](Octets reply) {
    const auto question = wire::parse_message(reply)->question();
    const wire::Name lower = question.name.lowered();
    std::ranges::copy(lower.view().bytes(), reply.begin() + 12);
    return reply;
  };
  const auto answer = [&](const Octets& query, FakeUdp::Send send) { send(lowered(reply_to(query))); };
  {
    FakeUdp server(answer);
    Asker asker;
    CHECK(address_in(asker.ask(question_for(server.endpoint()))) == "reply in another case");
    Outgoing plain = question_for(server.endpoint(), "Mixed.Example.ORG");
    plain.random_case = false;
    CHECK(address_in(asker.ask(plain)) == "192.0.2.7");
  }
  FakeTcp tcp([&](FakeTcp::Connection& connection) {
    while (const auto query = connection.read()) connection.write(lowered(reply_to(*query, "192.0.2.8")));
  });
  FakeUdp server(answer, "127.0.0.1", tcp.endpoint().port);
  Asker asker;
  const auto over_tcp = asker.ask(question_for(server.endpoint()));
  CHECK(address_in(over_tcp) == "192.0.2.8");
  CHECK(over_tcp->other_case);
}

TEST_CASE("many guesses at the id move the question to TCP", "[upstream]") {
  FakeTcp tcp([&](FakeTcp::Connection& connection) {
    while (const auto query = connection.read()) connection.write(reply_to(*query, "192.0.2.8"));
  });
  FakeUdp server(
      [](const Octets& query, FakeUdp::Send send) {
        Octets forged = reply_to(query, "203.0.113.66");
        for (int guess = 1; guess <= 20; ++guess) {
          forged[0] = static_cast<std::uint8_t>(query[0] + guess);
          send(forged);
        }
      },
      "127.0.0.1", tcp.endpoint().port);
  Asker asker;
  CHECK(address_in(asker.ask(question_for(server.endpoint()))) == "192.0.2.8");
  CHECK(asker.upstream.counters().mismatched >= 8);
}

TEST_CASE("silence is a timeout, a closed port is unreachable", "[upstream]") {
  Asker asker;
  Endpoint closed;
  {
    const Descriptor gone = client_socket(SOCK_DGRAM);
    closed = local_endpoint(gone.get());
  }
  const Descriptor silent = client_socket(SOCK_DGRAM);
  Outgoing to_silent = question_for(local_endpoint(silent.get()));
  to_silent.timeout = 20;
  CHECK(address_in(asker.ask(to_silent)) == "timeout");
  CHECK(asker.upstream.counters().timeouts == 1);
  CHECK(address_in(asker.ask(question_for(closed))) == "unreachable");
  CHECK(address_in(asker.ask(question_for(closed))) == "unreachable");
  CHECK(address_in(asker.ask(question_for(loopback(53, "255.255.255.255")))) == "unreachable");
  Outgoing over_tcp = question_for(closed);
  over_tcp.transport = Transport::tcp;
  CHECK(address_in(asker.ask(over_tcp)) == "unreachable");
}

TEST_CASE("ports and ids are spread, and no port is known to two servers", "[upstream]") {
  std::mutex mutex;
  std::set<int> ids;
  std::array<std::set<int>, 2> ports;
  const auto record = [&](std::size_t server) {
    return [&, server](const Octets& query, FakeUdp::Send send) {
      const std::lock_guard lock(mutex);
      ids.insert(query[0] << 8 | query[1]);
      ports[server].insert(send.to.port);
      send(reply_to(query));
    };
  };
  FakeUdp first(record(0));
  FakeUdp second(record(1));
  Asker asker;
  for (int i = 0; i < 500; ++i) {
    REQUIRE(asker.ask(question_for(first.endpoint())));
    REQUIRE(asker.ask(question_for(second.endpoint())));
  }
  const std::lock_guard lock(mutex);
  CHECK(ids.size() > 950);      // of 1,000; chance leaves about 992
  CHECK(ports[0].size() >= 8);  // each serves 64 questions at most
  CHECK(*ports[0].begin() >= 1024);
  // One may come again by chance: 8 of 55,536 beside 8 others.
  CHECK(std::ranges::count_if(ports[0], [&](int port) { return ports[1].contains(port); }) <= 1);
}

TEST_CASE("ports and ids are as likely as one another", "[upstream]") {
  std::mutex mutex;
  std::vector<std::uint32_t> ids;
  std::set<std::uint32_t> ports;
  FakeUdp server([&](const Octets& query, FakeUdp::Send send) {
    {
      const std::lock_guard lock(mutex);
      ids.push_back(static_cast<std::uint32_t>(query[0] << 8 | query[1]));
      ports.insert(send.to.port);
    }
    send(reply_to(query));
  });
  Asker asker;
  for (int round = 0; round < 256; ++round) {  // a port serves 64 questions
    for (const auto& result : asker.ask_all(std::vector<Outgoing>(64, question_for(server.endpoint()))))
      REQUIRE(result);
  }
  const std::lock_guard lock(mutex);
  REQUIRE(ids.size() == 256 * 64);
  REQUIRE(ports.size() > 240);
  // Pearson's chi-squared statistic of the numbers over equal parts of their range.
  const auto chi_squared = [](const auto& numbers, std::size_t parts, auto part_of) {
    std::vector<double> counts(parts);
    for (const auto number : numbers) ++counts[part_of(number)];
    const double expected = static_cast<double>(numbers.size()) / static_cast<double>(parts);
    double sum = 0;
    for (const double count : counts) sum += (count - expected) * (count - expected) / expected;
    return sum;
  };
  // The bounds are passed by chance once in more than a billion runs (63 and 15 degrees of freedom).
  CHECK(chi_squared(ids, 64, [](std::uint32_t id) { return id >> 10U; }) < 150);
  CHECK(chi_squared(ids, 64, [](std::uint32_t id) { return id & 63U; }) < 150);
  CHECK(chi_squared(ports, 16, [](std::uint32_t port) { return (port - 10'000) * 16 / 55'536; }) < 75);
  CHECK(chi_squared(ports, 16, [](std::uint32_t port) { return port & 15U; }) < 75);
}

TEST_CASE("ten thousand questions in flight at once, and every answer arrives", "[upstream]") {
  std::vector<std::unique_ptr<FakeUdp>> servers;
  for (int i = 0; i < 100; ++i) {
    servers.push_back(
        std::make_unique<FakeUdp>([](const Octets& query, FakeUdp::Send send) { send(reply_to(query)); }));
  }
  std::vector<Outgoing> questions;
  for (int i = 0; i < 10'000; ++i) {
    const std::string name = "question-number-" + std::to_string(i) + ".example.org";
    questions.push_back(question_for(servers[static_cast<std::size_t>(i) % servers.size()]->endpoint(), name.c_str()));
  }
  // Then few enough sockets that most servers are asked by shared ones, within what their receive buffers hold.
  for (const auto& [sockets, count] : {std::pair<std::size_t, std::size_t>{512, 10'000}, {64, 800}}) {
    INFO("sockets: " << sockets);
    UpstreamLimits limits;
    limits.udp_sockets = sockets;
    Asker asker(limits);
    questions.resize(count);
    const auto results = asker.ask_all(questions);
    std::size_t right = 0;
    for (std::size_t i = 0; i < results.size(); ++i) {
      if (!results[i]) continue;
      const auto reply = wire::parse_message(results[i]->bytes);
      if (reply && reply->question() == questions[i].question) ++right;
    }
    CHECK(right == questions.size());
    CHECK(asker.upstream.counters().udp_sent == questions.size());
    CHECK(asker.upstream.counters().mismatched == 0);
  }
}

TEST_CASE("questions beyond the bound are refused at once", "[upstream]") {
  UpstreamLimits limits;
  limits.in_flight = 3;
  const Descriptor silent = client_socket(SOCK_DGRAM);
  Outgoing question = question_for(local_endpoint(silent.get()));
  question.timeout = 20;
  Asker asker(limits);
  std::size_t overloaded = 0;
  for (const auto& result : asker.ask_all(std::vector<Outgoing>(5, question))) {
    REQUIRE_FALSE(result);
    if (result.error() == NetworkError::overloaded) ++overloaded;
  }
  CHECK(overloaded == 2);
  CHECK(asker.upstream.counters().timeouts == 3);
}

TEST_CASE("exchanges are cancelled at any moment", "[upstream]") {
  FakeUdp answering([](const Octets& query, FakeUdp::Send send) { send(reply_to(query)); });
  const Descriptor silent = client_socket(SOCK_DGRAM);
  FakeTcp tcp([](FakeTcp::Connection& connection) {
    while (const auto query = connection.read()) connection.write(reply_to(*query));
  });
  FakeTcp silent_tcp([](FakeTcp::Connection& connection) {
    while (connection.read()) {
    }
  });
  std::vector<Outgoing> questions;
  for (const Endpoint& server : {answering.endpoint(), local_endpoint(silent.get())})
    questions.push_back(question_for(server));
  for (const Endpoint& server : {tcp.endpoint(), silent_tcp.endpoint()}) {
    questions.push_back(question_for(server));
    questions.back().transport = Transport::tcp;
  }
  Asker asker;
  // After 0, 1, 2, ... rounds of the loop: before anything was sent, connecting, sent, answered.
  for (int rounds = 0; rounds < 30; ++rounds) {
    ExchangeResult unused = std::unexpected(NetworkError::closed);
    asker.waiting = SIZE_MAX;
    for (int i = 0; i < 20; ++i) {
      for (const Outgoing& question : questions) asker.tasks.spawn(asker.ask_one(question, unused));
    }
    for (int round = 0; round < rounds; ++round) uv_run(asker.loop.uv(), UV_RUN_NOWAIT);
    asker.tasks.cancel_all();
  }
  // And it still works. The first server's socket may be full of what was cancelled, and drop this question.
  FakeUdp fresh([](const Octets& query, FakeUdp::Send send) { send(reply_to(query)); });
  CHECK(address_in(asker.ask(question_for(fresh.endpoint()))) == "192.0.2.7");
  CHECK(address_in(asker.ask(questions[2])) == "192.0.2.7");
}

TEST_CASE("an answer may cancel the other questions", "[upstream]") {
  FakeUdp server([](const Octets& query, FakeUdp::Send send) { send(reply_to(query)); });
  Asker asker;
  auto others = std::make_unique<net::TaskSet>();
  ExchangeResult unused = std::unexpected(NetworkError::closed);
  const auto first = [](Asker& self, Outgoing question, std::unique_ptr<net::TaskSet>& victims) -> net::Task<void> {
    const ExchangeResult result = co_await self.upstream.exchange(question);
    victims.reset();
    self.loop.stop();
  };
  asker.tasks.spawn(first(asker, question_for(server.endpoint()), others));
  asker.waiting = SIZE_MAX;
  for (int i = 0; i < 40; ++i) others->spawn(asker.ask_one(question_for(server.endpoint()), unused));
  asker.loop.run();
  CHECK(others == nullptr);
  CHECK(address_in(asker.ask(question_for(server.endpoint()))) == "192.0.2.7");
}

TEST_CASE("when a port closes, all questions to it end, and those asked anew meanwhile too", "[upstream]") {
  Endpoint closed;
  {
    const Descriptor gone = client_socket(SOCK_DGRAM);
    closed = local_endpoint(gone.get());
  }
  Asker asker;
  const auto ask_thrice = [](Asker& self, Outgoing question, int& unreachable) -> net::Task<void> {
    for (int i = 0; i < 3; ++i) {
      const ExchangeResult result = co_await self.upstream.exchange(question);
      if (!result && result.error() == NetworkError::unreachable) ++unreachable;
    }
    if (--self.waiting == 0) self.loop.stop();
  };
  int unreachable = 0;
  asker.waiting = 200;
  for (int i = 0; i < 200; ++i) asker.tasks.spawn(ask_thrice(asker, question_for(closed), unreachable));
  asker.loop.run();
  CHECK(unreachable == 600);
}

}  // namespace
}  // namespace placard::recurse
