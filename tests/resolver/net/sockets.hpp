// What the socket tests share: plain blocking client sockets on loopback, and a loop that runs on its own thread.
#pragma once

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cerrno>
#include <cstdint>
#include <functional>
#include <future>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "resolver/net/loop.hpp"
#include "resolver/net/socket.hpp"

namespace placard::net::test {

using Octets = std::vector<std::uint8_t>;

/// How long a test waits for what must come. Only a broken program ever waits that long.
inline constexpr int kPatience = 20'000;

inline Octets octets(std::string_view text) {
  return {text.begin(), text.end()};
}
inline std::string text(const Octets& bytes) {
  return {bytes.begin(), bytes.end()};
}

inline Endpoint loopback(std::uint16_t port, const char* host = "127.0.0.1") {
  return {*Address::from_text(host), port};
}

/// True when `fd` has something to read (or has ended) within `patience` milliseconds.
inline bool readable(int fd, int patience = kPatience) {
  pollfd one{fd, POLLIN, 0};
  return poll(&one, 1, patience) == 1;
}

/// A blocking socket, bound to `local` (a free port).
inline Descriptor client_socket(int type, const char* host = "127.0.0.1") {
  const Endpoint local = loopback(0, host);
  Descriptor socket(::socket(local.address.v6 ? AF_INET6 : AF_INET, type | SOCK_CLOEXEC, 0));
  sockaddr_storage address{};
  const socklen_t size = local.to_sockaddr(address);
  REQUIRE(bind(socket.get(), reinterpret_cast<sockaddr*>(&address), size) == 0);
  return socket;
}

inline void connect_to(const Descriptor& socket, const Endpoint& server) {
  sockaddr_storage address{};
  const socklen_t size = server.to_sockaddr(address);
  REQUIRE(connect(socket.get(), reinterpret_cast<sockaddr*>(&address), size) == 0);
}

/// A loop that runs on a thread of its own until this is destroyed. What belongs to the loop is made and destroyed by
/// call().
class LoopThread {
 public:
  LoopThread() : thread_([this] { loop_.run(); }) {}
  ~LoopThread() {
    loop_.stop();
    thread_.join();
  }
  Loop& loop() { return loop_; }
  /// Runs `work` on the loop's thread and waits for it.
  template <class Work>
  auto call(Work work) {
    std::packaged_task<decltype(work())()> task(std::move(work));
    auto result = task.get_future();
    loop_.post([&task] { task(); });
    return result.get();
  }

 private:
  Loop loop_;
  std::thread thread_;
};

}  // namespace placard::net::test
