// The HTTP server and the resetting port over real loopback sockets.
#include "resolver/net/http.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include <atomic>
#include <cerrno>
#include <stdexcept>

#include "resolver/net/reset.hpp"
#include "resolver/net/socket.hpp"

namespace placard::net {
namespace {

using Catch::Matchers::Contains;
using Catch::Matchers::EndsWith;
using Catch::Matchers::StartsWith;

std::vector<Endpoint> any_port() {
  return {Endpoint::from_text("127.0.0.1:0", 0).value(), Endpoint::from_text("[::1]:0", 0).value()};
}

Descriptor connected(const Endpoint& endpoint, const char* from = nullptr) {
  Descriptor socket(::socket(endpoint.address.v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_storage address{};
  if (from != nullptr) {
    const auto own_size = Endpoint::from_text(from, 0).value().to_sockaddr(address);
    REQUIRE(bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), own_size) == 0);
  }
  const auto size = endpoint.to_sockaddr(address);
  REQUIRE(connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), size) == 0);
  return socket;
}

/// Everything up to the end of the stream; fails the test when a minute passes without an octet.
std::string read_all(const Descriptor& socket) {
  std::string result;
  char buffer[4096];
  while (true) {
    pollfd readable{socket.get(), POLLIN, 0};
    REQUIRE(poll(&readable, 1, 60'000) == 1);
    const auto size = recv(socket.get(), buffer, sizeof buffer, 0);
    if (size <= 0) return result;
    result.append(buffer, static_cast<std::size_t>(size));
  }
}

void send_all(const Descriptor& socket, std::string_view text) {
  while (!text.empty()) {
    const auto size = send(socket.get(), text.data(), text.size(), MSG_NOSIGNAL);
    if (size <= 0) return;  // refused half way: what the server said is still to be read
    text.remove_prefix(static_cast<std::size_t>(size));
  }
}

std::string ask(const Endpoint& endpoint, std::string_view request) {
  const auto socket = connected(endpoint);
  send_all(socket, request);
  return read_all(socket);
}

HttpResponse echo(const HttpRequest& request) {
  return {451,
          {{"Content-Type", "text/plain"}, {"X-Test", "yes"}},
          request.method + "|" + request.target + "|" + request.host + "|" + request.accept + "|" +
              request.accept_language + "|" + request.client.to_text()};
}

std::unique_ptr<HttpServer> serve(HttpHandler handler, const HttpLimits& limits = {}) {
  auto server = HttpServer::start(any_port(), std::move(handler), limits);
  if (!server) throw std::runtime_error(server.error());
  return std::move(*server);
}

TEST_CASE("a request reaches the handler as it was sent, over IPv4 and IPv6") {
  const auto server = serve(echo);
  REQUIRE(server->endpoints().size() == 2);
  for (const auto& endpoint : server->endpoints()) {
    REQUIRE(endpoint.port != 0);
    const auto reply =
        ask(endpoint,
            "GET /a%20b/../c?lang=%3Cx&lang=fr HTTP/1.1\r\nHost: kiwifarms.net:8451\r\naccept-LANGUAGE: fr\r\n"
            "Accept: text/html\r\nAccept-Language: en;q=0.5\r\nCookie: secret\r\n\r\n");
    CHECK_THAT(reply, StartsWith("HTTP/1.1 451 "));
    CHECK_THAT(reply, Contains("\r\nX-Test: yes\r\n"));
    CHECK_THAT(reply, Contains("\r\nConnection: close\r\n"));
    CHECK_THAT(reply, EndsWith("\r\n\r\nGET|/a%20b/../c?lang=%3Cx&lang=fr|kiwifarms.net:8451|text/html|fr, en;q=0.5|" +
                               endpoint.address.to_text()));
  }
}

TEST_CASE("HEAD has the header of GET and no body") {
  const auto server = serve(echo);
  const auto reply = ask(server->endpoints()[0], "HEAD / HTTP/1.1\r\nHost: a.example\r\n\r\n");
  CHECK_THAT(reply, StartsWith("HTTP/1.1 451 "));
  CHECK_THAT(reply, Contains("\r\nContent-Length: 28\r\n"));
  CHECK_THAT(reply, EndsWith("\r\n\r\n"));
}

TEST_CASE("what is no plain request for a page is refused without asking the handler") {
  std::atomic<int> asked = 0;
  const auto server = serve([&](const HttpRequest& request) {
    ++asked;
    return echo(request);
  });
  const auto endpoint = server->endpoints()[0];
  CHECK_THAT(ask(endpoint, "POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 5\r\n\r\nhello"),
             StartsWith("HTTP/1.1 405 ") && Contains("Allow: GET, HEAD"));
  CHECK_THAT(ask(endpoint, "DELETE / HTTP/1.1\r\nHost: a.example\r\n\r\n"), StartsWith("HTTP/1.1 405 "));
  CHECK_THAT(ask(endpoint, "GET / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 1000000000\r\n\r\nhel"),
             StartsWith("HTTP/1.1 413 "));
  CHECK_THAT(ask(endpoint, "GET / HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"),
             StartsWith("HTTP/1.1 413 "));
  CHECK_THAT(ask(endpoint, "GET / HTTP/1.1\r\nHost: a.example\r\nHost: b.example\r\n\r\n"),
             StartsWith("HTTP/1.1 400 "));
  CHECK_THAT(ask(endpoint, "GET / HTTP/1.1\r\nHost: a.example\r\nX: " + std::string(20'000, 'x') + "\r\n\r\n"),
             StartsWith("HTTP/1.1 431 "));
  CHECK(asked == 0);
  CHECK_THAT(ask(endpoint, "GET / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 0\r\n\r\n"),
             StartsWith("HTTP/1.1 451 "));
  CHECK(asked == 1);
}

TEST_CASE("a handler that throws, or a header that cannot be sent, is a 500 without details") {
  const auto server = serve([](const HttpRequest& request) -> HttpResponse {
    if (request.target == "/header") return {200, {{"X-Split", "a\r\nSet-Cookie: b"}}, "body"};
    throw std::runtime_error("secret detail");
  });
  for (const std::string target : {"/", "/header"}) {
    const auto reply = ask(server->endpoints()[0], "GET " + target + " HTTP/1.1\r\nHost: a.example\r\n\r\n");
    CHECK_THAT(reply, StartsWith("HTTP/1.1 500 "));
    CHECK(reply.find("secret") == std::string::npos);
    CHECK(reply.find("Set-Cookie") == std::string::npos);
  }
}

TEST_CASE("a second request on a connection is not read") {
  const auto server = serve(echo);
  const auto reply = ask(server->endpoints()[0],
                         "GET /1 HTTP/1.1\r\nHost: a.example\r\n\r\nGET /2 HTTP/1.1\r\nHost: a.example\r\n\r\n");
  CHECK_THAT(reply, Contains("GET|/1|"));
  CHECK(reply.find("GET|/2|") == std::string::npos);
}

TEST_CASE("a client that says nothing, or too slowly, is closed, and others are served meanwhile") {
  const auto server = serve(echo, {.idle = 30, .lifetime = 1});
  const auto silent = connected(server->endpoints()[0]);
  const auto slow = connected(server->endpoints()[0]);
  send_all(slow, "GET / HTTP/1.1\r\nHost: a.ex");
  CHECK_THAT(ask(server->endpoints()[0], "GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"), StartsWith("HTTP/1.1 451 "));
  read_all(silent);  // returns when the server closes
  read_all(slow);
}

TEST_CASE("a request whose header does not come is ended before a slow reader would be") {
  const auto server = serve(echo, {.head = 1, .idle = 60, .lifetime = 60});
  const auto slow = connected(server->endpoints()[0]);
  send_all(slow, "GET / HTTP/1.1\r\nHost: a.ex");
  read_all(slow);  // would fail after a minute
}

TEST_CASE("one client's silent connections keep nobody out, not even others behind its address") {
  const auto server = serve(echo, {.connections_per_client = 3, .head = 120, .idle = 120, .lifetime = 120});
  const auto endpoint = server->endpoints()[0];
  std::vector<Descriptor> silent;
  for (int i = 0; i < 3; ++i) silent.push_back(connected(endpoint));
  for (int i = 0; i < 8; ++i)
    CHECK_THAT(ask(endpoint, "GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"), StartsWith("HTTP/1.1 451 "));
  CHECK(read_all(silent[0]).empty());  // the oldest gave way
  send_all(silent[2], "GET / HTTP/1.1\r\nHost: a.example\r\n\r\n");
  CHECK_THAT(read_all(silent[2]), StartsWith("HTTP/1.1 451 "));
}

TEST_CASE("silent connections of many clients keep nobody out") {
  const auto server =
      serve(echo, {.connections = 4, .connections_per_client = 2, .head = 120, .idle = 120, .lifetime = 120});
  const auto endpoint = server->endpoints()[0];
  std::vector<Descriptor> silent;
  for (const auto* from : {"127.0.0.11", "127.0.0.12", "127.0.0.13", "127.0.0.14", "127.0.0.15", "127.0.0.16"})
    for (int i = 0; i < 2; ++i) silent.push_back(connected(endpoint, from));
  for (int i = 0; i < 8; ++i)
    CHECK_THAT(ask(endpoint, "GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"), StartsWith("HTTP/1.1 451 "));
}

TEST_CASE("a port in use is a clear error, and is free again when its server is gone") {
  auto first = serve(echo);
  const auto endpoint = first->endpoints()[0];
  const auto open = connected(endpoint);
  const auto second = HttpServer::start({endpoint}, echo);
  REQUIRE_FALSE(second);
  CHECK(second.error() == "cannot listen on " + endpoint.to_text() + " (TCP): address already in use");
  const auto resets = ResetListener::start({endpoint});
  REQUIRE_FALSE(resets);
  first.reset();  // with a connection open
  CHECK(read_all(open).empty());
  CHECK(HttpServer::start({endpoint}, echo).has_value());
}

TEST_CASE("the port for HTTPS resets at once") {
  const auto listener = ResetListener::start(any_port());
  REQUIRE(listener);
  for (const auto& endpoint : (*listener)->endpoints()) {
    for (int i = 0; i < 200; ++i) {  // more than it accepts in one round
      const Descriptor socket(::socket(endpoint.address.v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
      sockaddr_storage address{};
      const auto size = endpoint.to_sockaddr(address);
      if (connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), size) != 0) {
        REQUIRE(errno == ECONNRESET);  // the reset came before connect() had returned
        continue;
      }
      pollfd readable{socket.get(), POLLIN, 0};
      REQUIRE(poll(&readable, 1, 60'000) == 1);
      char octet = 0;
      REQUIRE(recv(socket.get(), &octet, 1, 0) == -1);
      REQUIRE(errno == ECONNRESET);
    }
  }
}

}  // namespace
}  // namespace placard::net
