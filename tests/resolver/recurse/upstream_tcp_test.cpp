// Upstream over TCP: framing, pipelining, kept connections, and connections that end at the wrong time.
#include <catch2/catch.hpp>

#include "tests/resolver/recurse/fake_servers.hpp"

namespace placard::recurse {
namespace {

using namespace test;       // NOLINT: the helpers of these tests
using namespace net::test;  // NOLINT

Outgoing tcp_question(const Endpoint& server, const char* name = "Name.example.org") {
  Outgoing outgoing = question_for(server, name);
  outgoing.transport = Transport::tcp;
  return outgoing;
}

TEST_CASE("questions over TCP share one connection", "[upstream][tcp]") {
  FakeTcp server([](FakeTcp::Connection& connection) {
    while (const auto query = connection.read()) connection.write(reply_to(*query));
  });
  Asker asker;
  for (int i = 0; i < 3; ++i) {
    const auto result = asker.ask(tcp_question(server.endpoint()));
    REQUIRE(address_in(result) == "192.0.2.7");
    CHECK(same_case(wire::parse_message(result->bytes)->question_name(),
                    wire::Name::from_text("Name.example.org")->view()));
  }
  for (const auto& result : asker.ask_all(std::vector<Outgoing>(60, tcp_question(server.endpoint())))) {
    REQUIRE(address_in(result) == "192.0.2.7");
  }
  CHECK(server.connections() == 1);
  CHECK(asker.upstream.counters().tcp_sent == 63);
  CHECK(asker.upstream.counters().tcp_received == 63);
}

TEST_CASE("more questions than one connection takes go by several, bounded ones", "[upstream][tcp]") {
  FakeTcp server([](FakeTcp::Connection& connection) {
    while (const auto query = connection.read()) connection.write(reply_to(*query));
  });
  UpstreamLimits limits;
  limits.tcp_connections = 3;
  Asker asker(limits);
  std::size_t answered = 0;
  std::size_t overloaded = 0;
  for (const auto& result : asker.ask_all(std::vector<Outgoing>(200, tcp_question(server.endpoint())))) {
    if (result) ++answered;
    if (!result && result.error() == NetworkError::overloaded) ++overloaded;
  }
  CHECK(answered == 3 * 64);
  CHECK(overloaded == 8);
  CHECK(server.connections() == 3);
}

TEST_CASE("a server that takes connections and says nothing gives place to others", "[upstream][tcp]") {
  FakeTcp mute([](FakeTcp::Connection& connection) {
    while (connection.read()) {
    }
  });
  FakeTcp server([](FakeTcp::Connection& connection) {
    while (const auto query = connection.read()) connection.write(reply_to(*query));
  });
  UpstreamLimits limits;
  limits.tcp_connections = 1;
  limits.tcp_patience = 0;
  Asker asker(limits);
  Outgoing unanswered = tcp_question(mute.endpoint());
  unanswered.timeout = 60'000;
  const auto results = asker.ask_all({unanswered, unanswered, tcp_question(server.endpoint())});
  CHECK(address_in(results[0]) == "timeout");
  CHECK(address_in(results[1]) == "timeout");
  CHECK(address_in(results[2]) == "192.0.2.7");
}

TEST_CASE("answers come in any order and in any pieces", "[upstream][tcp]") {
  FakeTcp server([](FakeTcp::Connection& connection) {
    std::vector<Octets> queries;
    while (queries.size() < 20) queries.push_back(*connection.read());
    for (auto query = queries.rbegin(); query != queries.rend(); ++query) {
      for (const std::uint8_t octet : FakeTcp::Connection::framed(reply_to(*query))) connection.write_raw({octet});
    }
    connection.read();
  });
  Asker asker;
  std::vector<Outgoing> questions;
  for (int i = 0; i < 20; ++i)
    questions.push_back(tcp_question(server.endpoint(), ("n" + std::to_string(i) + ".org").c_str()));
  const auto results = asker.ask_all(questions);
  for (std::size_t i = 0; i < results.size(); ++i) {
    REQUIRE(results[i]);
    CHECK(wire::parse_message(results[i]->bytes)->question() == questions[i].question);
  }
}

TEST_CASE("the longest answer arrives whole", "[upstream][tcp]") {
  FakeTcp server([](FakeTcp::Connection& connection) {
    const auto query = connection.read();
    Octets reply = reply_to(*query);
    // A second record: a TXT that fills the message.
    reply[7] = 2;
    for (const int octet : {0xc0, 12, 0, 16, 0, 1, 0, 0, 0, 60}) reply.push_back(static_cast<std::uint8_t>(octet));
    const std::size_t rest = wire::kMaxMessageSize - reply.size() - 2;
    reply.push_back(static_cast<std::uint8_t>(rest >> 8U));
    reply.push_back(static_cast<std::uint8_t>(rest & 0xffU));
    for (std::size_t left = rest; left > 0;) {
      const std::size_t string = std::min<std::size_t>(left - 1, 255);
      reply.push_back(static_cast<std::uint8_t>(string));
      reply.insert(reply.end(), string, 'x');
      left -= string + 1;
    }
    connection.write(reply);
    connection.read();
  });
  Asker asker;
  const auto result = asker.ask(tcp_question(server.endpoint()));
  REQUIRE(result);
  CHECK(result->bytes.size() == wire::kMaxMessageSize);
}

TEST_CASE("a connection that ends before its first answer is closed, and not tried again", "[upstream][tcp]") {
  for (const bool cut : {false, true}) {
    INFO(cut);
    FakeTcp server([&](FakeTcp::Connection& connection) {
      const auto query = connection.read();
      if (!cut) return;
      Octets half = FakeTcp::Connection::framed(reply_to(*query));
      half.resize(half.size() / 2);
      connection.write_raw(half);
    });
    Asker asker;
    CHECK(address_in(asker.ask(tcp_question(server.endpoint()))) == "connection closed");
    CHECK(server.connections() == 1);
  }
}

TEST_CASE("a kept connection that the server closes is replaced by a fresh one, once", "[upstream][tcp]") {
  // Each connection answers one question and closes when the second comes.
  FakeTcp server([](FakeTcp::Connection& connection) {
    connection.write(reply_to(*connection.read()));
    connection.read();
  });
  Asker asker;
  for (int i = 0; i < 5; ++i) REQUIRE(address_in(asker.ask(tcp_question(server.endpoint()))) == "192.0.2.7");
  CHECK(server.connections() == 5);

  // The fresh one, too, ends before the answer.
  std::atomic<int> connections = 0;
  FakeTcp worse([&](FakeTcp::Connection& connection) {
    const auto query = connection.read();
    if (connections++ == 0) {
      connection.write(reply_to(*query));
      connection.read();
    }
  });
  CHECK(address_in(asker.ask(tcp_question(worse.endpoint()))) == "192.0.2.7");
  CHECK(address_in(asker.ask(tcp_question(worse.endpoint()))) == "connection closed");
  CHECK(worse.connections() == 2);
}

TEST_CASE("what waits on a kept connection when the server closes it shares fresh ones", "[upstream][tcp]") {
  // The first connection answers one question, reads those that follow, and closes; the later ones answer all.
  std::atomic<int> connections = 0;
  FakeTcp server([&](FakeTcp::Connection& connection) {
    if (++connections > 1) {
      while (const auto query = connection.read()) connection.write(reply_to(*query));
      return;
    }
    connection.write(reply_to(*connection.read()));
    for (int i = 0; i < 40; ++i) connection.read();
  });
  Asker asker;
  REQUIRE(address_in(asker.ask(tcp_question(server.endpoint()))) == "192.0.2.7");
  for (const auto& result : asker.ask_all(std::vector<Outgoing>(40, tcp_question(server.endpoint())))) {
    CHECK(address_in(result) == "192.0.2.7");
  }
  CHECK(server.connections() == 2);
}

TEST_CASE("replies over TCP that are not ours", "[upstream][tcp]") {
  struct Row {
    const char* what;
    Octets (*forge)(Octets true_reply);
    const char* outcome;
  };
  for (const auto& [what, forge, outcome] : {
           Row{"another id, then the true one",
               [](Octets reply) {
                 reply[1] ^= 1;
                 return reply;
               },
               "192.0.2.7"},
           Row{"another name",
               [](Octets reply) {
                 reply[14] = reply[14] == 'x' ? 'y' : 'x';
                 return reply;
               },
               "malformed reply"},
           Row{"a record cut",
               [](Octets reply) {
                 reply.resize(reply.size() - 1);
                 return reply;
               },
               "malformed reply"},
           Row{"too short for a header",
               [](Octets reply) {
                 reply.resize(11);
                 return reply;
               },
               "malformed reply"},
           Row{"nothing", [](Octets) { return Octets{}; }, "malformed reply"},
       }) {
    INFO(what);
    FakeTcp server([forger = forge](FakeTcp::Connection& connection) {
      while (const auto query = connection.read()) {
        connection.write(forger(reply_to(*query, "203.0.113.66")));
        connection.write(reply_to(*query));
      }
    });
    Asker asker;
    CHECK(address_in(asker.ask(tcp_question(server.endpoint()))) == outcome);
  }
}

TEST_CASE("a silent connection is a timeout, and not used again", "[upstream][tcp]") {
  std::atomic<int> connections = 0;
  FakeTcp server([&](FakeTcp::Connection& connection) {
    const bool silent = connections++ == 0;
    while (const auto query = connection.read()) {
      if (!silent) connection.write(reply_to(*query));
    }
  });
  Asker asker;
  Outgoing question = tcp_question(server.endpoint());
  question.timeout = 30;
  CHECK(address_in(asker.ask(question)) == "timeout");
  question.timeout = kPatience;
  CHECK(address_in(asker.ask(question)) == "192.0.2.7");
  CHECK(server.connections() == 2);

  // A server that never accepts: its queue is full, connecting takes for ever.
  const Descriptor full = client_socket(SOCK_STREAM);
  REQUIRE(listen(full.get(), 0) == 0);
  std::vector<Outgoing> questions(3, tcp_question(local_endpoint(full.get())));
  for (Outgoing& each : questions) each.timeout = 30;
  for (const auto& result : asker.ask_all(questions)) CHECK(address_in(result) == "timeout");
}

}  // namespace
}  // namespace placard::recurse
