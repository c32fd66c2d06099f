// The control socket over real sockets: one line each way, the author from the kernel, bounds, stale and living files.
#include "resolver/app/control.hpp"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <cstring>
#include <fstream>
#include <latch>
#include <thread>

#include "tests/resolver/app/temporary_directory.hpp"

using namespace placard::app;
using namespace std::chrono_literals;

namespace {

ControlHandler echo() {
  return [](std::string_view request, const std::string& author) { return std::string(request) + " by " + author; };
}

int connect_raw(const std::string& path) {
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
  REQUIRE(::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
  return fd;
}

std::string read_all(int fd) {
  std::string all;
  char buffer[4096];
  for (;;) {
    const auto got = ::recv(fd, buffer, sizeof buffer, 0);
    if (got <= 0) return all;
    all.append(buffer, static_cast<std::size_t>(got));
  }
}

}  // namespace

TEST_CASE("a request gets its reply, and the author is who the kernel says") {
  const TemporaryDirectory folder;
  const auto path = folder.path("control.sock");
  auto server = ControlServer::open(path);
  REQUIRE(server);
  struct stat file{};
  REQUIRE(::stat(path.c_str(), &file) == 0);
  CHECK((file.st_mode & 0777) == 0600);
  (*server)->serve(echo());
  const auto reply = control_call(path, "hello");
  REQUIRE(reply);
  CHECK(*reply == "hello by " + author_of(::getuid()));
  server->reset();
  CHECK(::access(path.c_str(), F_OK) != 0);
}

TEST_CASE("no server is told apart from a server that fails") {
  const TemporaryDirectory folder;
  const auto none = control_call(folder.path("none.sock"), "x");
  REQUIRE_FALSE(none);
  CHECK(none.error().kind == ControlFailure::no_server);
}

TEST_CASE("a living server's socket is refused, a dead one's replaced, another file left alone") {
  const TemporaryDirectory folder;
  const auto path = folder.path("control.sock");
  {
    auto first = ControlServer::open(path);
    REQUIRE(first);
    const auto second = ControlServer::open(path);
    REQUIRE_FALSE(second);
    CHECK(second.error().find("another server is running there") != std::string::npos);
  }
  {
    // A server that died: bound, closed, file left behind.
    const int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
    REQUIRE(::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    ::close(fd);
  }
  auto replaced = ControlServer::open(path);
  REQUIRE(replaced);
  (*replaced)->serve(echo());
  CHECK(control_call(path, "x"));
  const auto plain = folder.path("file");
  std::ofstream(plain) << "precious";
  CHECK_FALSE(ControlServer::open(plain));
  CHECK(::access(plain.c_str(), F_OK) == 0);
  CHECK_FALSE(ControlServer::open(folder.path(std::string(200, 'x'))));
}

TEST_CASE("requests run at the same time, and one more than the limit is told so") {
  const TemporaryDirectory folder;
  const auto path = folder.path("control.sock");
  ControlLimits limits;
  limits.connections = 2;
  auto server = ControlServer::open(path, limits);
  REQUIRE(server);
  std::latch both(3), release(1);
  (*server)->serve([&](std::string_view request, const std::string&) {
    both.count_down();
    release.wait();
    return std::string(request);
  });
  std::atomic<int> good{0};
  std::thread one([&] { good += control_call(path, "one").value_or("") == "one"; });
  std::thread two([&] { good += control_call(path, "two").value_or("") == "two"; });
  both.arrive_and_wait();
  const auto busy = control_call(path, "three");
  REQUIRE(busy);
  CHECK(busy->find("busy") != std::string::npos);
  release.count_down();
  one.join();
  two.join();
  CHECK(good == 2);
}

TEST_CASE("too long, too slow and unfinished requests end in an error and harm nobody") {
  const TemporaryDirectory folder;
  const auto path = folder.path("control.sock");
  ControlLimits limits;
  limits.request = 1000;
  limits.reply = 100;
  limits.read = 200ms;
  auto server = ControlServer::open(path, limits);
  REQUIRE(server);
  (*server)->serve(echo());

  const int slow = connect_raw(path);
  REQUIRE(::send(slow, "half a requ", 11, 0) == 11);
  CHECK(read_all(slow).find("request: timed out") != std::string::npos);
  ::close(slow);

  const int gone = connect_raw(path);
  REQUIRE(::send(gone, "half", 4, 0) == 4);
  ::shutdown(gone, SHUT_WR);
  CHECK(read_all(gone).find("ended before the end of the line") != std::string::npos);
  ::close(gone);

  const int large = connect_raw(path);
  const std::string many(2000, 'x');
  REQUIRE(::send(large, many.data(), many.size(), MSG_NOSIGNAL) == 2000);
  CHECK(read_all(large).find("longer than 1000 octets") != std::string::npos);
  ::close(large);

  CHECK(control_call(path, std::string(90, 'y')).value_or("").find("too large") != std::string::npos);
  CHECK(control_call(path, "still here").value_or("").starts_with("still here"));
}

TEST_CASE("a server ends while a client dawdles") {
  const TemporaryDirectory folder;
  const auto path = folder.path("control.sock");
  auto server = ControlServer::open(path);
  REQUIRE(server);
  (*server)->serve(echo());
  const int idle = connect_raw(path);
  CHECK(control_call(path, "x"));
  server->reset();  // comes back long before the ten seconds a request may take
  CHECK(read_all(idle).find("request:") != std::string::npos);
  ::close(idle);
}
