// Servers on loopback sockets, each on a thread of its own, that do with a question what the test says.
#pragma once

#include <array>
#include <atomic>
#include <functional>
#include <thread>

#include "resolver/recurse/upstream.hpp"
#include "tests/resolver/net/sockets.hpp"
#include "zones/wire/message.hpp"

namespace placard::recurse::test {

using net::Descriptor;
using net::Endpoint;
using net::local_endpoint;
using net::test::Octets;
using ExchangeResult = std::expected<Incoming, NetworkError>;

/// The question sent back as an answer of one A record, whose owner points to the question's name. No OPT.
inline Octets reply_to(const Octets& query, const char* address = "192.0.2.7") {
  const auto message = wire::parse_message(query);
  if (!message) return {};
  Octets reply(query.begin(), query.begin() + static_cast<std::ptrdiff_t>(message->question_end()));
  reply[2] |= 0x84;  // QR, AA
  reply[7] = 1;
  reply[11] = 0;
  for (const int octet : {0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4}) reply.push_back(static_cast<std::uint8_t>(octet));
  const auto parsed = net::Address::from_text(address);
  reply.insert(reply.end(), parsed->octets.begin(), parsed->octets.begin() + 4);
  return reply;
}

/// A UDP server.
class FakeUdp {
 public:
  struct Send {
    void operator()(const Octets& reply) const {
      sockaddr_storage address{};
      const socklen_t size = to.to_sockaddr(address);
      sendto(fd, reply.data(), reply.size(), 0, reinterpret_cast<sockaddr*>(&address), size);
    }
    int fd;
    Endpoint to;
  };

  explicit FakeUdp(std::function<void(const Octets&, Send)> answer, const char* host = "127.0.0.1",
                   std::uint16_t port = 0)
      : socket_(open(host, port)),
        endpoint_(net::local_endpoint(socket_.get())),
        answer_(std::move(answer)),
        thread_([this] { serve(); }) {}
  ~FakeUdp() {
    // One octet from its own address ends it: nobody else can send from there.
    Send{socket_.get(), endpoint_}({0});
    thread_.join();
  }
  const Endpoint& endpoint() const { return endpoint_; }

 private:
  static Descriptor open(const char* host, std::uint16_t port) {
    const Endpoint local = net::test::loopback(port, host);
    Descriptor socket(::socket(local.address.v6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    sockaddr_storage address{};
    const socklen_t size = local.to_sockaddr(address);
    REQUIRE(bind(socket.get(), reinterpret_cast<sockaddr*>(&address), size) == 0);
    return socket;
  }
  void serve() {
    Octets query(4096);
    for (;;) {
      query.resize(4096);
      sockaddr_storage from{};
      socklen_t from_size = sizeof from;
      const ssize_t size =
          recvfrom(socket_.get(), query.data(), query.size(), 0, reinterpret_cast<sockaddr*>(&from), &from_size);
      if (size < 0) continue;  // an ICMP error of a reply that nobody took
      query.resize(static_cast<std::size_t>(size));
      const Endpoint peer = Endpoint::from_sockaddr(reinterpret_cast<sockaddr*>(&from));
      if (peer == endpoint_) return;
      answer_(query, Send{socket_.get(), peer});
    }
  }

  Descriptor socket_;
  Endpoint endpoint_;
  std::function<void(const Octets&, Send)> answer_;
  std::thread thread_;
};

/// A TCP server: each connection is one call on a thread of its own; when it returns, the connection closes.
class FakeTcp {
 public:
  class Connection {
   public:
    explicit Connection(Descriptor fd) : fd_(std::move(fd)) {}
    /// One whole message; nothing when the client has ended.
    std::optional<Octets> read() {
      const auto size = read_octets(2);
      if (!size) return std::nullopt;
      return read_octets(static_cast<std::size_t>((*size)[0] << 8U | (*size)[1]));
    }
    void write(const Octets& message) { write_raw(framed(message)); }
    void write_raw(const Octets& octets) {
      static_cast<void>(!::send(fd_.get(), octets.data(), octets.size(), MSG_NOSIGNAL));
    }
    static Octets framed(const Octets& message) {
      Octets octets{static_cast<std::uint8_t>(message.size() >> 8U), static_cast<std::uint8_t>(message.size() & 0xffU)};
      octets.insert(octets.end(), message.begin(), message.end());
      return octets;
    }
    int fd() const { return fd_.get(); }

   private:
    std::optional<Octets> read_octets(std::size_t size) {
      Octets octets(size);
      for (std::size_t have = 0; have < size;) {
        const ssize_t got = recv(fd_.get(), octets.data() + have, size - have, 0);
        if (got <= 0) return std::nullopt;
        have += static_cast<std::size_t>(got);
      }
      return octets;
    }
    Descriptor fd_;
  };

  explicit FakeTcp(std::function<void(Connection&)> serve)
      : listener_(net::test::client_socket(SOCK_STREAM)), serve_(std::move(serve)) {
    REQUIRE(listen(listener_.get(), 64) == 0);
    endpoint_ = net::local_endpoint(listener_.get());
    thread_ = std::thread([this] { accept_all(); });
  }
  ~FakeTcp() {
    shutdown(listener_.get(), SHUT_RDWR);  // ends accept()
    thread_.join();
  }
  const Endpoint& endpoint() const { return endpoint_; }
  int connections() const { return connections_; }

 private:
  void accept_all() {
    std::vector<std::thread> threads;
    std::vector<std::shared_ptr<Connection>> open;
    for (;;) {
      Descriptor fd(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
      if (!fd.valid()) break;
      ++connections_;
      auto connection = std::make_shared<Connection>(std::move(fd));
      open.push_back(connection);
      threads.emplace_back([this, connection] {
        serve_(*connection);
        shutdown(connection->fd(), SHUT_RDWR);
      });
    }
    for (const auto& connection : open) shutdown(connection->fd(), SHUT_RDWR);
    for (auto& thread : threads) thread.join();
  }

  Descriptor listener_;
  Endpoint endpoint_;
  std::function<void(Connection&)> serve_;
  std::atomic<int> connections_ = 0;
  std::thread thread_;
};

inline Outgoing question_for(const Endpoint& server,
                             const char* name = "a-name-with-many-letters-for-the-case.example.org") {
  Outgoing outgoing;
  outgoing.question.name = *wire::Name::from_text(name);
  outgoing.server = server;
  outgoing.timeout = net::test::kPatience;
  return outgoing;
}

/// The first address of the answer, or what came instead.
inline std::string address_in(const ExchangeResult& result) {
  if (!result) return std::string(to_text(result.error()));
  const auto message = wire::parse_reply(result->bytes);
  REQUIRE(message);
  for (const auto& record : message->records(wire::Section::answer)) {
    return net::Address::from_bytes(record.rdata()).to_text();
  }
  return wire::to_text(message->rcode()) + (message->header().tc ? " TC" : "");
}

/// An Upstream on a loop that this thread runs.
struct Asker {
  explicit Asker(const UpstreamLimits& limits = {},
                 std::shared_ptr<ServerTable> table = std::make_shared<ServerTable>())
      : servers(std::move(table)), upstream(loop, limits, servers) {}

  net::Task<void> ask_one(Outgoing outgoing, ExchangeResult& into) {
    into = co_await upstream.exchange(outgoing);
    if (--waiting == 0) loop.stop();
  }
  std::vector<ExchangeResult> ask_all(const std::vector<Outgoing>& questions) {
    std::vector<ExchangeResult> results(questions.size(), std::unexpected(NetworkError::closed));
    waiting = questions.size();
    for (std::size_t i = 0; i < questions.size(); ++i) tasks.spawn(ask_one(questions[i], results[i]));
    loop.run();
    REQUIRE(waiting == 0);
    tasks.collect();
    return results;
  }
  ExchangeResult ask(const Outgoing& question) { return ask_all({question}).front(); }

  net::Loop loop;
  std::shared_ptr<ServerTable> servers;
  Upstream upstream;
  std::size_t waiting = 0;
  net::TaskSet tasks;  // last: goes first
};

}  // namespace placard::recurse::test
