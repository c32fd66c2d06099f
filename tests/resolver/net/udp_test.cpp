// UdpListener over real loopback sockets: answers at once and later, batches, wildcard addresses, errors of binding.
#include "resolver/net/udp.hpp"

#include <catch2/catch.hpp>
#include <fstream>
#include <functional>
#include <map>
#include <set>

#include "tests/resolver/net/sockets.hpp"

namespace placard::net {
namespace {

using namespace test;  // NOLINT: the helpers of these tests

/// Answers "now ..." at once with what it got, keeps "later ..." until release(), is silent on anything else.
struct Echoing final : UdpHandler {
  void on_batch() override { ++batches; }
  std::size_t on_datagram(wire::Bytes packet, const UdpPeer& peer, std::span<std::uint8_t> reply) override {
    const Octets bytes(packet.begin(), packet.end());
    if (text(bytes).starts_with("now")) {
      std::copy(bytes.begin(), bytes.end(), reply.begin());
      return bytes.size();
    }
    if (text(bytes).starts_with("more") && more) more();
    if (text(bytes).starts_with("later")) kept.emplace_back(peer, bytes);
    if (text(bytes).starts_with("size")) return std::stoul(text(bytes).substr(5));
    return 0;
  }
  void on_backlog() override { ++backlogs; }
  std::vector<std::pair<UdpPeer, Octets>> kept;
  int batches = 0, backlogs = 0;
  std::function<void()> more;
};

struct UdpServer {
  explicit UdpServer(const Endpoint& local) {
    thread.call([&] {
      auto opened = UdpListener::open(thread.loop(), local, handler);
      if (!opened) throw std::runtime_error(opened.error());
      listener = std::move(*opened);
    });
    endpoint = listener->local();
  }
  ~UdpServer() {
    thread.call([&] { listener.reset(); });
  }
  UdpCounters counters() {
    return thread.call([&] { return listener->counters(); });
  }
  LoopThread thread;
  Echoing handler;
  std::unique_ptr<UdpListener> listener;
  Endpoint endpoint;
};

void send_text(const Descriptor& socket, std::string_view message) {
  REQUIRE(send(socket.get(), message.data(), message.size(), 0) == static_cast<ssize_t>(message.size()));
}

std::optional<Octets> receive(const Descriptor& socket, int patience = kPatience) {
  if (!readable(socket.get(), patience)) return std::nullopt;
  Octets bytes(65'536);
  const ssize_t size = recv(socket.get(), bytes.data(), bytes.size(), 0);
  if (size < 0) return std::nullopt;
  bytes.resize(static_cast<std::size_t>(size));
  return bytes;
}

TEST_CASE("a listening socket gets as much room for bursts as the system allows") {
  const auto socket = open_listening_socket(*Endpoint::from_text("127.0.0.1:0", 0), SocketKind::udp);
  REQUIRE(socket);
  int allowed = 0, size = 0;
  socklen_t length = sizeof size;
  std::ifstream("/proc/sys/net/core/rmem_max") >> allowed;
  REQUIRE(getsockopt(socket->get(), SOL_SOCKET, SO_RCVBUF, &size, &length) == 0);
  CHECK(size >= 2 * std::min(allowed, kUdpReceiveBuffer));  // Linux counts its own overhead in
}

TEST_CASE("a datagram is answered at once, over IPv4 and IPv6", "[udp]") {
  for (const char* host : {"127.0.0.1", "::1"}) {
    INFO(host);
    UdpServer server(loopback(0, host));
    CHECK(server.endpoint.port != 0);
    const Descriptor client = client_socket(SOCK_DGRAM, host);
    connect_to(client, server.endpoint);
    send_text(client, "now one");
    CHECK(receive(client) == octets("now one"));
    const UdpCounters counters = server.counters();
    CHECK(counters.received == 1);
    CHECK(counters.sent == 1);
    CHECK(counters.batches == 1);
    CHECK(counters.dropped == 0);
  }
}

TEST_CASE("a listener on a wildcard address answers from the address that was asked", "[udp]") {
  struct Row {
    const char *wildcard, *asked, *client;
  };
  for (const auto& [wildcard, asked, client_host] :
       {Row{"0.0.0.0", "127.0.0.99", "127.0.0.1"}, Row{"::", "::1", "::1"}}) {
    INFO(wildcard);
    UdpServer server(loopback(0, wildcard));
    const Descriptor client = client_socket(SOCK_DGRAM, client_host);
    // Connected: the kernel lets in only what comes from the address that was asked.
    connect_to(client, loopback(server.endpoint.port, asked));
    send_text(client, "now");
    CHECK(receive(client) == octets("now"));
    send_text(client, "later");
    send_text(client, "now again");
    CHECK(receive(client) == octets("now again"));
    server.thread.call([&] {
      REQUIRE(server.handler.kept.size() == 1);
      const auto& [peer, bytes] = server.handler.kept.front();
      CHECK(peer.has_local);
      CHECK(peer.local.to_text() == asked);
      server.listener->send(peer, bytes);
    });
    CHECK(receive(client) == octets("later"));
  }
}

TEST_CASE("an IPv6 wildcard leaves IPv4 alone", "[udp]") {
  UdpServer server(loopback(0, "::"));
  UdpServer beside(loopback(server.endpoint.port, "0.0.0.0"));
  const Descriptor client = client_socket(SOCK_DGRAM);
  connect_to(client, loopback(server.endpoint.port));
  send_text(client, "now");
  CHECK(receive(client) == octets("now"));
  CHECK(server.counters().received == 0);
}

TEST_CASE("thousands of answers, at once and later, reach their own askers", "[udp]") {
  UdpServer server(loopback(0));
  constexpr int kClients = 20;
  constexpr int kRounds = 20;
  constexpr int kEach = 10;
  std::vector<Descriptor> clients;
  for (int i = 0; i < kClients; ++i) {
    clients.push_back(client_socket(SOCK_DGRAM));
    connect_to(clients.back(), server.endpoint);
  }
  for (int round = 0; round < kRounds; ++round) {
    std::vector<std::set<std::string>> expected(kClients);
    for (int i = 0; i < kClients; ++i) {
      for (int each = 0; each < kEach; ++each) {
        const std::string tail = std::to_string(i) + "/" + std::to_string(round) + "/" + std::to_string(each);
        const std::string message = (each % 2 == 0 ? "now " : "later ") + tail;
        expected[static_cast<std::size_t>(i)].insert(message);
        send_text(clients[static_cast<std::size_t>(i)], message);
      }
    }
    // All of this round's "later" have come when the last one has.
    std::size_t kept = 0;
    while (kept < kClients * kEach / 2) kept = server.thread.call([&] { return server.handler.kept.size(); });
    server.thread.call([&] {
      for (const auto& [peer, bytes] : server.handler.kept) server.listener->send(peer, bytes);
      server.handler.kept.clear();
    });
    for (int i = 0; i < kClients; ++i) {
      std::set<std::string> got;
      for (int each = 0; each < kEach; ++each) {
        const auto answer = receive(clients[static_cast<std::size_t>(i)]);
        REQUIRE(answer);
        got.insert(text(*answer));
      }
      REQUIRE(got == expected[static_cast<std::size_t>(i)]);
    }
  }
  const UdpCounters counters = server.counters();
  CHECK(counters.received == kClients * kRounds * kEach);
  CHECK(counters.sent == counters.received);
  CHECK(counters.dropped == 0);
}

TEST_CASE("who is behind with reading hears of it", "[udp]") {
  UdpServer server(loopback(0));
  const auto client = client_socket(SOCK_DGRAM);
  connect_to(client, server.endpoint);
  // Each datagram that is read brings another, so that a batch is always full and no buffer has to hold them all.
  int left = kUdpBatchesPerWake * static_cast<int>(kUdpBatch);
  server.thread.call([&] {
    server.handler.more = [&] {
      if (--left > 0) send_text(client, "more");
      if (left == 0) send_text(client, "now");
    };
    for (std::size_t i = 0; i < kUdpBatch; ++i) send_text(client, "more");
  });
  REQUIRE(receive(client));
  CHECK(server.thread.call([&] { return server.handler.backlogs; }) >= 1);
}

TEST_CASE("a glance from other work answers a whole batch, each time", "[udp]") {
  Loop loop;
  Echoing handler;
  const auto listener = UdpListener::open(loop, loopback(0), handler);
  REQUIRE(listener);
  const Descriptor client = client_socket(SOCK_DGRAM);
  connect_to(client, (*listener)->local());
  for (int round = 1; round <= 2; ++round) {
    for (std::size_t i = 0; i < kUdpBatch; ++i) send_text(client, "now");
    while (handler.batches < round) loop.glance();  // two that follow at once are one
    for (std::size_t i = 0; i < kUdpBatch; ++i) CHECK(receive(client) == octets("now"));
  }
}

TEST_CASE("a question over the receive size is cut, an answer of the send size leaves whole", "[udp]") {
  UdpServer server(loopback(0));
  const Descriptor client = client_socket(SOCK_DGRAM);
  connect_to(client, server.endpoint);
  send_text(client, "now" + std::string(kUdpReceiveSize, 'x'));
  const auto cut = receive(client);
  REQUIRE(cut);
  CHECK(cut->size() == kUdpReceiveSize);
  send_text(client, "size " + std::to_string(kUdpSendSize));
  const auto whole = receive(client);
  REQUIRE(whole);
  CHECK(whole->size() == kUdpSendSize);
}

TEST_CASE("the queue for later answers is bounded, and what cannot be sent is counted", "[udp]") {
  UdpServer server(loopback(0));
  server.thread.call([&] {
    UdpPeer nobody{loopback(9), {}, false};
    const Octets answer = octets("answer");
    for (std::size_t i = 0; i < kUdpMaxQueued + 10; ++i) server.listener->send(nobody, answer);
    CHECK(server.listener->counters().dropped == 10);
    server.listener->send(nobody, Octets(kUdpSendSize + 1));
    CHECK(server.listener->counters().dropped == 11);
  });
  // The queue has left by the next round, and the listener still works.
  const Descriptor client = client_socket(SOCK_DGRAM);
  connect_to(client, server.endpoint);
  send_text(client, "now");
  CHECK(receive(client) == octets("now"));
  CHECK(server.counters().sent == kUdpMaxQueued + 1);

  server.thread.call([&] {
    // The system refuses broadcasts from this socket. The answer behind it must leave.
    const Octets answer = octets("behind");
    server.listener->send(UdpPeer{loopback(9, "255.255.255.255"), {}, false}, answer);
    server.listener->send(UdpPeer{local_endpoint(client.get()), {}, false}, answer);
  });
  CHECK(receive(client) == octets("behind"));
  CHECK(server.counters().dropped == 12);
}

TEST_CASE("a listener is destroyed with answers queued", "[udp]") {
  LoopThread thread;
  Echoing handler;
  thread.call([&] {
    auto listener = UdpListener::open(thread.loop(), loopback(0), handler);
    REQUIRE(listener);
    (*listener)->send(UdpPeer{loopback(9), {}, false}, octets("never sent"));
  });
}

TEST_CASE("a port in use is said with its address; sharing by SO_REUSEPORT is seen by port_is_taken", "[udp]") {
  const Descriptor other = client_socket(SOCK_DGRAM);  // without SO_REUSEPORT
  const Endpoint taken = local_endpoint(other.get());
  Loop loop;
  Echoing handler;
  const auto failed = UdpListener::open(loop, taken, handler);
  REQUIRE_FALSE(failed);
  CHECK(failed.error() == "cannot listen on " + taken.to_text() + " (UDP): address already in use");
  CHECK(port_is_taken(taken, false));
  CHECK_FALSE(port_is_taken(loopback(0), false));

  Endpoint shared;
  {
    auto first = UdpListener::open(loop, loopback(0), handler);
    REQUIRE(first);
    shared = (*first)->local();
    CHECK(UdpListener::open(loop, shared, handler));
    CHECK(port_is_taken(shared, false));
  }
  CHECK_FALSE(port_is_taken(shared, false));
  CHECK_FALSE(UdpListener::open(loop, loopback(0, "192.0.2.1"), handler));  // not an address of ours
}

}  // namespace
}  // namespace placard::net
