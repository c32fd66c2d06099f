// StreamListener over real loopback connections: framing, pipelining, order, and every bound.
#include "resolver/net/stream.hpp"

#include <malloc.h>

#include <catch2/catch.hpp>
#include <numeric>
#include <set>

#include "tests/resolver/net/sockets.hpp"
#include "zones/wire/message.hpp"

namespace placard::net {
namespace {

using namespace test;  // NOLINT: the helpers of these tests

/// Answers at once with the question's octets, or keeps them when `keep` is set; "big N" is answered with N octets.
struct EchoHandler final : StreamHandler {
  void on_message(wire::Bytes message, const std::shared_ptr<StreamConnection>& connection) override {
    const Octets bytes(message.begin(), message.end());
    if (keep) {
      kept.emplace_back(connection, bytes);
    } else if (text(bytes).starts_with("big")) {
      connection->send(Octets(std::stoul(text(bytes).substr(4)), 'b'));
    } else {
      connection->send(bytes);
    }
  }
  bool keep = false;
  std::vector<std::pair<std::weak_ptr<StreamConnection>, Octets>> kept;
};

struct Server {
  explicit Server(const StreamLimits& limits = {}, const char* host = "127.0.0.1") {
    thread.call([&] {
      auto opened = StreamListener::open(thread.loop(), loopback(0, host), handler, limits);
      if (!opened) throw std::runtime_error(opened.error());
      listener = std::move(*opened);
    });
    endpoint = listener->local();
  }
  ~Server() {
    thread.call([&] { listener.reset(); });
  }
  StreamCounters counters() {
    return thread.call([&] { return listener->counters(); });
  }
  std::size_t open_connections() {
    return thread.call([&] { return listener->open_connections(); });
  }
  void keep() {
    thread.call([&] { handler.keep = true; });
  }
  /// Waits until `count` messages are kept.
  void await_kept(std::size_t count) {
    while (thread.call([&] { return handler.kept.size(); }) < count) std::this_thread::yield();
  }
  LoopThread thread;
  EchoHandler handler;
  std::unique_ptr<StreamListener> listener;
  Endpoint endpoint;
};

struct Client {
  explicit Client(const Endpoint& server)
      : socket(client_socket(SOCK_STREAM, server.address.v6 ? "::1" : "127.0.0.1")) {
    connect_to(socket, server);
  }
  void write(const Octets& bytes) const {
    REQUIRE(::send(socket.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size()));
  }
  /// Exactly `size` octets; fewer when the connection ends.
  Octets read(std::size_t size) const {
    Octets bytes(size);
    std::size_t have = 0;
    while (have < size && readable(socket.get())) {
      const ssize_t got = recv(socket.get(), bytes.data() + have, size - have, 0);
      if (got <= 0) break;
      have += static_cast<std::size_t>(got);
    }
    bytes.resize(have);
    return bytes;
  }
  std::optional<std::string> message() const {
    const Octets size = read(2);
    if (size.size() < 2) return std::nullopt;
    return text(read(static_cast<std::size_t>(size[0] << 8U | size[1])));
  }
  bool closed() const { return read(1).empty() && readable(socket.get(), 0); }
  Descriptor socket;
};

Octets framed(std::string_view message) {
  Octets bytes{static_cast<std::uint8_t>(message.size() >> 8U), static_cast<std::uint8_t>(message.size() & 0xffU)};
  bytes.insert(bytes.end(), message.begin(), message.end());
  return bytes;
}

/// A message of at least 12 octets.
std::string numbered(int number) {
  return "question no. " + std::to_string(number);
}

TEST_CASE("a message is answered, over IPv4 and IPv6", "[stream]") {
  for (const char* host : {"127.0.0.1", "::1"}) {
    INFO(host);
    Server server({}, host);
    const Client client(server.endpoint);
    client.write(framed(numbered(1)));
    CHECK(client.message() == numbered(1));
    server.keep();
    client.write(framed(numbered(2)));
    server.await_kept(1);
    server.thread.call([&] {
      const auto connection = server.handler.kept.front().first.lock();
      REQUIRE(connection);
      CHECK(connection->remote() == local_endpoint(client.socket.get()));
      CHECK(connection->local() == server.endpoint);
      connection->send(octets("later"));
    });
    CHECK(client.message() == "later");
    CHECK(server.counters().messages == 2);
  }
}

TEST_CASE("questions in one write are answered, even those whose frames are split", "[stream]") {
  Server server;
  const Client client(server.endpoint);
  constexpr int kCount = 1'000;
  Octets all;
  for (int i = 0; i < kCount; ++i) {
    const Octets one = framed(numbered(i));
    all.insert(all.end(), one.begin(), one.end());
  }
  const std::size_t half = all.size() / 2 + 1;
  client.write({all.begin(), all.begin() + static_cast<std::ptrdiff_t>(half)});
  client.write({all.begin() + static_cast<std::ptrdiff_t>(half), all.end()});
  for (int i = 0; i < kCount; ++i) REQUIRE(client.message() == numbered(i));
}

TEST_CASE("a message that comes octet by octet is put together", "[stream]") {
  Server server;
  const Client client(server.endpoint);
  const int one = 1;
  setsockopt(client.socket.get(), IPPROTO_TCP, 1 /* TCP_NODELAY */, &one, sizeof one);
  for (int i = 0; i < 3; ++i) {
    for (const std::uint8_t octet : framed(numbered(i))) {
      client.write({octet});
      server.counters();  // a round trip to the loop's thread: it has likely read this octet alone
    }
    REQUIRE(client.message() == numbered(i));
  }
}

TEST_CASE("the longest message there is goes both ways", "[stream]") {
  Server server;
  const Client client(server.endpoint);
  const std::string longest(wire::kMaxMessageSize, 'x');
  client.write(framed(longest));
  CHECK(client.message() == longest);
}

TEST_CASE("answers leave in any order", "[stream]") {
  Server server;
  server.keep();
  const Client client(server.endpoint);
  for (int i = 0; i < 10; ++i) client.write(framed(numbered(i)));
  server.await_kept(10);
  server.thread.call([&] {
    for (int i = 9; i >= 0; --i) {
      const auto& [connection, bytes] = server.handler.kept[static_cast<std::size_t>(i)];
      if (i % 2 == 0) {
        connection.lock()->send(bytes);
      } else {
        connection.lock()->forget_one();
      }
    }
  });
  for (int i = 8; i >= 0; i -= 2) CHECK(client.message() == numbered(i));
}

TEST_CASE("reading pauses at the bound of questions in flight and goes on after answers", "[stream]") {
  StreamLimits limits;
  limits.in_flight = 4;
  Server server(limits);
  server.keep();
  const Client client(server.endpoint);
  Octets all;
  for (int i = 0; i < 100; ++i) {
    const Octets one = framed(numbered(i));
    all.insert(all.end(), one.begin(), one.end());
  }
  client.write(all);
  std::size_t answered = 0;
  while (answered < 100) {
    server.await_kept(1);
    answered += server.thread.call([&] {
      const auto now = std::move(server.handler.kept);
      server.handler.kept.clear();
      if (now.size() > 4) throw std::runtime_error("more questions in flight than the bound");
      for (const auto& [connection, bytes] : now) connection.lock()->send(bytes);
      return now.size();
    });
  }
  for (int i = 0; i < 100; ++i) REQUIRE(client.message() == numbered(i));
}

TEST_CASE("a client that has closed its half gets its answers, then the end", "[stream]") {
  Server server;
  server.keep();
  const Client client(server.endpoint);
  client.write(framed(numbered(1)));
  client.write(framed(numbered(2)));
  client.write({0, 100, 'p', 'a', 'r', 't'});
  shutdown(client.socket.get(), SHUT_WR);
  server.await_kept(2);
  server.thread.call([&] { server.handler.kept[0].first.lock()->send(octets("first")); });
  CHECK(client.message() == "first");
  CHECK(server.open_connections() == 1);
  server.thread.call([&] { server.handler.kept[1].first.lock()->send(octets("second")); });
  CHECK(client.message() == "second");
  CHECK(client.closed());
  CHECK(server.open_connections() == 0);
}

TEST_CASE("a message too short for a header closes the connection", "[stream]") {
  for (const std::string message : {"", "x", "eleven octe"}) {
    Server server;
    const Client client(server.endpoint);
    client.write(framed(message));
    CHECK(client.closed());
    CHECK(server.counters().malformed == 1);
    CHECK(server.counters().messages == 0);
  }
}

TEST_CASE("a client that does not read is closed", "[stream]") {
  StreamLimits limits;
  limits.unsent = 100'000;
  Server server(limits);
  const Client client(server.endpoint);
  const int small = 4096;
  setsockopt(client.socket.get(), SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
  std::uint64_t asked = 0;
  while (server.counters().closed_slow == 0) {
    REQUIRE(++asked < 10'000);  // 600 MB: no socket buffer is that large
    const Octets question = framed("big 60000 octets");
    if (::send(client.socket.get(), question.data(), question.size(), MSG_NOSIGNAL) < 0) break;
  }
  while (server.counters().closed_slow == 0) std::this_thread::yield();
  CHECK(server.open_connections() == 0);
}

TEST_CASE("a slow reader within the bound gets everything", "[stream]") {
  Server server;
  const Client client(server.endpoint);
  const int small = 4096;
  setsockopt(client.socket.get(), SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
  for (int i = 0; i < 4; ++i) client.write(framed("big 60000 octets"));
  while (server.counters().messages < 4) std::this_thread::yield();
  for (int i = 0; i < 4; ++i) REQUIRE(client.message() == std::string(60'000, 'b'));
}

TEST_CASE("an idle connection is closed after its time, a busy one is not", "[stream]") {
  StreamLimits limits;
  limits.idle = 30;
  Server server(limits);
  server.keep();
  const Client busy(server.endpoint);
  busy.write(framed(numbered(1)));
  server.await_kept(1);
  const Client idle(server.endpoint);
  CHECK(idle.closed());
  CHECK(server.counters().timed_out == 1);
  CHECK(server.open_connections() == 1);
  server.thread.call([&] { server.handler.kept[0].first.lock()->send(octets("in the end")); });
  CHECK(busy.message() == "in the end");
  CHECK(busy.closed());  // idle now
  CHECK(server.counters().timed_out == 2);
}

TEST_CASE("a message that takes too long is not waited for", "[stream]") {
  StreamLimits limits;
  limits.message = 30;
  Server server(limits);
  const Client client(server.endpoint);
  client.write(framed(numbered(1)));
  CHECK(client.message() == numbered(1));
  client.write({0});
  CHECK(client.closed());
  CHECK(server.counters().timed_out == 1);
}

TEST_CASE("the longest idle connection makes place; when all are busy, the new one is refused", "[stream]") {
  StreamLimits limits;
  limits.connections = 3;
  Server server(limits);
  std::vector<std::unique_ptr<Client>> clients;
  const auto add = [&] {
    clients.push_back(std::make_unique<Client>(server.endpoint));
    clients.back()->write(framed(numbered(7)));
    return clients.back()->message();
  };
  for (int i = 0; i < 3; ++i) REQUIRE(add() == numbered(7));
  clients[0]->write(framed(numbered(8)));  // so the second is idle for longest
  CHECK(clients[0]->message() == numbered(8));
  CHECK(add() == numbered(7));
  CHECK(clients[1]->closed());
  CHECK(server.counters().evicted == 1);
  CHECK(server.open_connections() == 3);

  server.keep();
  for (const std::size_t busy : {0U, 2U, 3U}) clients[busy]->write(framed(numbered(9)));
  server.await_kept(3);
  const Client refused(server.endpoint);
  CHECK(refused.closed());
  CHECK(server.counters().refused == 1);
  CHECK(server.counters().accepted == 4);
}

TEST_CASE("one client has a bounded number of connections", "[stream]") {
  StreamLimits limits;
  limits.connections_per_client = 2;
  Server server(limits);
  const Client first(server.endpoint);
  auto second = std::make_unique<Client>(server.endpoint);
  first.write(framed(numbered(1)));
  second->write(framed(numbered(2)));
  CHECK(first.message() == numbered(1));
  CHECK(second->message() == numbered(2));
  CHECK(Client(server.endpoint).closed());
  CHECK(server.counters().refused == 1);
  second.reset();
  while (server.open_connections() > 1) std::this_thread::yield();
  const Client third(server.endpoint);
  third.write(framed(numbered(3)));
  CHECK(third.message() == numbered(3));
}

TEST_CASE("answers for a connection that is gone go nowhere", "[stream]") {
  Server server;
  server.keep();
  auto client = std::make_unique<Client>(server.endpoint);
  client->write(framed(numbered(1)));
  server.await_kept(1);
  const auto held = server.thread.call([&] { return server.handler.kept[0].first.lock(); });
  // A reset, not a half-close.
  const linger hard{1, 0};
  setsockopt(client->socket.get(), SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
  client.reset();
  while (server.open_connections() > 0) std::this_thread::yield();
  server.thread.call([&] { held->send(octets("too late")); });
  server.thread.call([&] { held->forget_one(); });
}

TEST_CASE("a listener is destroyed with connections in every state", "[stream]") {
  auto server = std::make_unique<Server>();
  server->keep();
  const Client asked(server->endpoint);
  const Client partial(server->endpoint);
  const Client silent(server->endpoint);
  asked.write(framed(numbered(1)));
  partial.write({0, 50, 'x'});
  server->await_kept(1);
  const auto held = server->thread.call([&] {
    auto connection = server->handler.kept[0].first.lock();
    connection->send(octets("never flushed"));
    return connection;
  });
  server.reset();
  held->send(octets("too late"));
  CHECK(partial.closed());
}

TEST_CASE("a TCP port in use is said with its address", "[stream]") {
  const Descriptor other = client_socket(SOCK_STREAM);
  REQUIRE(listen(other.get(), 1) == 0);
  const Endpoint taken = local_endpoint(other.get());
  Loop loop;
  EchoHandler handler;
  const auto failed = StreamListener::open(loop, taken, handler, {});
  REQUIRE_FALSE(failed);
  CHECK(failed.error() == "cannot listen on " + taken.to_text() + " (TCP): address already in use");
  CHECK(port_is_taken(taken, true));
  const auto first = StreamListener::open(loop, loopback(0), handler, {});
  REQUIRE(first);
  CHECK(port_is_taken((*first)->local(), true));
  CHECK(StreamListener::open(loop, (*first)->local(), handler, {}));
}

/// A PROXY header for a client of that address.
Octets proxied(std::uint8_t last_octet) {
  Octets bytes = {0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a, 0x21, 0x11, 0, 12};
  bytes.insert(bytes.end(), {192, 0, 2, last_octet, 198, 51, 100, 1, 0x10, 0x01, 0, 53});
  return bytes;
}

TEST_CASE("a balancer's connection is its client's, once the header has come, in however many pieces", "[stream]") {
  StreamLimits limits;
  limits.connections_per_client = 1;
  limits.is_proxy = [](const Address&) { return true; };
  Server server(limits);
  server.keep();
  const Client client(server.endpoint);
  const auto header = proxied(7);
  client.write({header.begin(), header.begin() + 20});
  client.write({header.begin() + 20, header.end()});
  client.write(framed(numbered(1)));
  server.await_kept(1);
  const auto remote = server.thread.call([&] { return server.handler.kept[0].first.lock()->remote().to_text(); });
  CHECK(remote == "192.0.2.7:4097");

  auto more = proxied(8);  // from the same balancer, for another client
  const auto question = framed(numbered(2));
  more.insert(more.end(), question.begin(), question.end());
  const Client other(server.endpoint);
  other.write(more);
  server.await_kept(2);
  const Client again(server.endpoint);  // one too many for the first client
  again.write(proxied(7));
  CHECK(again.closed());
  const Client naked(server.endpoint);
  naked.write(framed(numbered(3)));
  CHECK(naked.closed());
  CHECK(server.counters().malformed_proxy == 1);
}

TEST_CASE("idle connections have less time when most places are taken", "[stream]") {
  StreamLimits limits;
  limits.connections = 4;
  limits.idle = 60'000;
  Server server(limits);
  std::vector<std::unique_ptr<Client>> clients;
  std::vector<Milliseconds> times;
  server.keep();
  for (int i = 0; i < 4; ++i) {
    clients.push_back(std::make_unique<Client>(server.endpoint));
    clients.back()->write(framed(numbered(i)));
    server.await_kept(static_cast<std::size_t>(i) + 1);
    times.push_back(server.thread.call([&] { return server.handler.kept.back().first.lock()->idle_timeout(); }));
  }
  CHECK(times == std::vector<Milliseconds>{60'000, 60'000, 33'000, 6'000});
}

TEST_CASE("what waits for readers is bounded over all connections", "[stream]") {
  StreamLimits limits;
  limits.unsent = 64 << 20;
  limits.unsent_in_all = 1 << 20;
  Server server(limits);
  std::vector<std::unique_ptr<Client>> clients;
  for (int i = 0; i < 8; ++i) {
    clients.push_back(std::make_unique<Client>(server.endpoint));
    Octets questions;  // in one write: the server may close at any answer
    for (int question = 0; question < 100; ++question) {
      const auto one = framed("big 60000 octets");
      questions.insert(questions.end(), one.begin(), one.end());
    }
    clients.back()->write(questions);
  }
  while (server.counters().closed_slow == 0) std::this_thread::yield();  // nobody reads
  CHECK(server.open_connections() < 8);
}

TEST_CASE("where too much waits for readers, who reads is not the one that goes", "[stream]") {
  StreamLimits limits;
  limits.unsent = 64 << 20;
  limits.unsent_in_all = 1 << 20;
  Server server(limits);
  server.keep();
  const Client silent(server.endpoint);
  const int small = 4096;
  setsockopt(silent.socket.get(), SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
  silent.write(framed(numbered(1)));
  server.await_kept(1);
  std::size_t sent = 0;
  const auto push = [&](std::size_t size) {
    server.thread.call([&] {
      const auto connection = server.handler.kept.front().first.lock();
      REQUIRE(connection);
      connection->send_part(Octets(size, 's'));
      sent = size + 2;
    });
  };
  for (bool taken = true; taken;) {  // until the system takes no more of it
    const auto drained = std::make_shared<bool>(false);
    push(2'000);
    server.thread.call(
        [&] { server.handler.kept.front().first.lock()->when_drained([drained](bool open) { *drained = open; }); });
    for (int round = 0; round < 4; ++round) taken = server.thread.call([&] { return *drained; });
  }
  for (std::size_t all = 2'002; all + 50'002 <= limits.unsent_in_all; all += sent) push(50'000);
  REQUIRE(server.open_connections() == 1);
  server.thread.call([&] { server.handler.keep = false; });

  const Client honest(server.endpoint);
  honest.write(framed("big 65000 octets"));
  CHECK(honest.message().value_or("").size() == 65'000);
  CHECK(server.counters().closed_slow == 1);
  CHECK(server.open_connections() == 1);
}

TEST_CASE("a connection that had much to send keeps little memory", "[stream]") {
  constexpr std::size_t kConnections = 60;
  Server server;
  const auto in_use = [] {
    const auto now = mallinfo2();
    return now.uordblks + now.hblkhd;
  };
  std::vector<std::unique_ptr<Client>> clients;
  for (std::size_t i = 0; i < kConnections; ++i) {
    clients.push_back(std::make_unique<Client>(server.endpoint));
    clients.back()->write(framed(numbered(1)));
    REQUIRE(clients.back()->message() == numbered(1));
  }
  const std::size_t before = in_use();
  for (const auto& client : clients) {
    Octets questions;
    for (int question = 0; question < 4; ++question) {
      const auto one = framed("big 60000 octets");
      questions.insert(questions.end(), one.begin(), one.end());
    }
    client->write(questions);
    for (int question = 0; question < 4; ++question) REQUIRE(client->message() == std::string(60'000, 'b'));
    const auto long_one = framed(std::string(60'000, 'q'));  // comes in pieces
    client->write(long_one);
    REQUIRE(client->message() == std::string(60'000, 'q'));
    client->write(framed(numbered(2)));
    REQUIRE(client->message() == numbered(2));
  }
  server.thread.call([] {});
  CHECK(in_use() < before + kConnections * 32 * 1'024);
}

}  // namespace
}  // namespace placard::net
