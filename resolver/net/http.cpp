// libmicrohttpd is driven from our own thread (external epoll): that thread can then end connections that have lived
// too long, which the library's idle timeout alone does not, and every callback runs on it, so nothing needs a lock.
#include "resolver/net/http.hpp"

#include <fmt/format.h>
#include <microhttpd.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <chrono>
#include <list>
#include <string_view>
#include <thread>

#include "resolver/net/listener.hpp"

namespace placard::net {
namespace {

using Clock = std::chrono::steady_clock;

struct HttpConnection {
  int fd;
  Address client;
  Clock::time_point start;
  std::string target;
  bool begun = false;  // its request's header is there; the library calls the access handler twice a request
  bool ended = false;  // by us; the library has yet to notice
};

using Connections = std::list<HttpConnection>;  // in the order they came

/// The library's C callbacks, with their `self`.
struct Daemon {
  HttpHandler& handler;
  const HttpLimits& limits;
  Connections connections;
  MHD_Daemon* daemon = nullptr;

  static void on_connection(void* self, MHD_Connection* connection, void** context,
                            MHD_ConnectionNotificationCode code);
  static void* on_target(void* self, const char* target, MHD_Connection* connection);
  static MHD_Result on_request(void* self, MHD_Connection* connection, const char* url, const char* method,
                               const char* version, const char* body, std::size_t* body_size, void** context);
  void end_old_connections(Clock::time_point now);
  void make_room();
};

/// Connections beyond the limit that the library may hold until it has noticed that we ended others.
constexpr unsigned kSpare = 64;

/// The library sees the end of the stream and closes on its own.
void end(HttpConnection& connection) {
  if (connection.ended) return;
  connection.ended = true;
  shutdown(connection.fd, SHUT_RDWR);
}

HttpConnection* context_of(MHD_Connection* connection) {
  const auto* info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
  return info == nullptr ? nullptr : static_cast<HttpConnection*>(info->socket_context);
}

void Daemon::on_connection(void* self, MHD_Connection* connection, void** context,
                           MHD_ConnectionNotificationCode code) {
  auto& daemon = *static_cast<Daemon*>(self);
  if (code == MHD_CONNECTION_NOTIFY_STARTED) {
    const auto* info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    const auto* client = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    const auto address = client != nullptr && client->client_addr != nullptr
                             ? Endpoint::from_sockaddr(client->client_addr).address
                             : Address();
    daemon.connections.push_back({info->connect_fd, address, Clock::now(), {}, false, false});
    *context = &daemon.connections.back();
    daemon.make_room();
  } else {
    std::erase_if(daemon.connections, [&](const HttpConnection& each) { return &each == *context; });
  }
}

/// Sees the request target before the library decodes it.
void* Daemon::on_target(void*, const char* target, MHD_Connection* connection) {
  if (auto* context = context_of(connection)) context->target = target;
  return nullptr;
}

struct Fields {
  HttpRequest& request;
  bool has_body = false;
  int hosts = 0;
};

bool same_field(std::string_view name, std::string_view lower_case) {
  return std::ranges::equal(name, lower_case,
                            [](char a, char b) { return (a >= 'A' && a <= 'Z' ? a + ('a' - 'A') : a) == b; });
}

MHD_Result collect_field(void* self, MHD_ValueKind, const char* name_text, const char* value_text) {
  auto& fields = *static_cast<Fields*>(self);
  const std::string_view name = name_text, value = value_text == nullptr ? "" : value_text;
  const auto join = [&](std::string& field) {
    field += field.empty() ? std::string(value) : fmt::format(", {}", value);
  };
  if (same_field(name, "host")) {
    ++fields.hosts;
    fields.request.host = value;
  } else if (same_field(name, "accept")) {
    join(fields.request.accept);
  } else if (same_field(name, "accept-language")) {
    join(fields.request.accept_language);
  } else if (same_field(name, "transfer-encoding") || (same_field(name, "content-length") && value != "0")) {
    fields.has_body = true;
  }
  return MHD_YES;
}

HttpResponse plain_response(int status, std::string_view text) {
  return {status,
          {{"Content-Type", "text/plain; charset=utf-8"}, {"Cache-Control", "no-store"}},
          fmt::format("{}\n", text)};
}

HttpResponse answer(const HttpRequest& request, const Fields& fields, const HttpHandler& handler) {
  if (request.method != "GET" && request.method != "HEAD") {
    auto response = plain_response(MHD_HTTP_METHOD_NOT_ALLOWED, "only GET and HEAD are answered here");
    response.headers.emplace_back("Allow", "GET, HEAD");
    return response;
  }
  if (fields.hosts > 1) return plain_response(MHD_HTTP_BAD_REQUEST, "more than one Host");  // RFC 9112 3.2
  if (fields.has_body) return plain_response(MHD_HTTP_CONTENT_TOO_LARGE, "requests have no body here");
  try {
    return handler(request);
  } catch (...) {  // the details are not the visitor's business; the handler's owner logs and counts its own errors
    return plain_response(MHD_HTTP_INTERNAL_SERVER_ERROR, "something went wrong here");
  }
}

/// False when a header field has octets that cannot be sent; then nothing was queued.
bool queue(MHD_Connection* connection, const HttpResponse& response) {
  auto* const raw = MHD_create_response_from_buffer(response.body.size(), const_cast<char*>(response.body.data()),
                                                    MHD_RESPMEM_MUST_COPY);
  if (raw == nullptr) return false;
  bool sound = MHD_add_response_header(raw, "Connection", "close") == MHD_YES;
  for (const auto& [name, value] : response.headers)
    sound = sound && MHD_add_response_header(raw, name.c_str(), value.c_str()) == MHD_YES;
  sound = sound && MHD_queue_response(connection, static_cast<unsigned>(response.status), raw) == MHD_YES;
  MHD_destroy_response(raw);
  return sound;
}

MHD_Result Daemon::on_request(void* self, MHD_Connection* connection, const char*, const char* method, const char*,
                              const char*, std::size_t* body_size, void**) {
  auto& daemon = *static_cast<Daemon*>(self);
  auto* const context = context_of(connection);
  if (context == nullptr) return MHD_NO;
  HttpRequest request{
      .method = method, .target = context->target, .host = {}, .accept = {}, .accept_language = {}, .client = {}};
  Fields fields{request};
  MHD_get_connection_values(connection, MHD_HEADER_KIND, collect_field, &fields);
  // First call, header read: only what is refused is answered already here, which also makes the library stop reading.
  const bool refused = fields.has_body || (request.method != "GET" && request.method != "HEAD");
  if (!context->begun && !refused) {
    context->begun = true;
    return MHD_YES;
  }
  *body_size = 0;
  request.client = context->client;
  if (queue(connection, answer(request, fields, daemon.handler))) return MHD_YES;
  return queue(connection, plain_response(MHD_HTTP_INTERNAL_SERVER_ERROR, "something went wrong here")) ? MHD_YES
                                                                                                        : MHD_NO;
}

void Daemon::end_old_connections(Clock::time_point now) {
  for (auto& connection : connections) {
    const auto age = now - connection.start;
    if (age < std::chrono::seconds(std::min(limits.head, limits.lifetime))) break;
    if (!connection.begun || age >= std::chrono::seconds(limits.lifetime)) end(connection);
  }
}

/// For the newest connection, where it is one too many: of its client, or of all.
void Daemon::make_room() {
  const auto& newest = connections.back();
  const auto end_one = [&](auto&& counts, unsigned limit) {
    std::size_t open = 0;
    HttpConnection *oldest = nullptr, *oldest_silent = nullptr;
    for (auto& each : connections) {
      if (each.ended || !counts(each)) continue;
      ++open;
      if (oldest == nullptr) oldest = &each;
      if (oldest_silent == nullptr && !each.begun) oldest_silent = &each;
    }
    if (open <= limit) return;
    // The newest itself is silent as yet: it is no candidate.
    end(oldest_silent != nullptr && oldest_silent != &newest ? *oldest_silent : *oldest);
  };
  end_one([&](const HttpConnection& each) { return each.client == newest.client; }, limits.connections_per_client);
  end_one([](const HttpConnection&) { return true; }, limits.connections);
}

}  // namespace

struct HttpServer::State {
  HttpHandler handler;
  HttpLimits limits;
  std::vector<Endpoint> endpoints;
  std::list<Daemon> daemons;
  Bell bell;
  std::jthread thread;

  ~State() {
    for (auto& each : daemons) {
      if (each.daemon != nullptr) MHD_stop_daemon(each.daemon);  // calls back for each connection
    }
  }
  bool add(Descriptor socket);
  void run();
};

bool HttpServer::State::add(Descriptor socket) {
  const auto endpoint = local_endpoint(socket.get());
  auto& each = daemons.emplace_back(Daemon{handler, limits, {}, nullptr});
  const unsigned flags =
      endpoint.address.v6 ? unsigned{MHD_USE_EPOLL} | unsigned{MHD_USE_IPv6} : unsigned{MHD_USE_EPOLL};
  each.daemon = MHD_start_daemon(
      flags, endpoint.port, nullptr, nullptr, &Daemon::on_request, &each, MHD_OPTION_LISTEN_SOCKET, socket.get(),
      MHD_OPTION_CONNECTION_LIMIT, limits.connections + kSpare, MHD_OPTION_CONNECTION_TIMEOUT, limits.idle,
      MHD_OPTION_CONNECTION_MEMORY_LIMIT, limits.memory, MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_NOTIFY_CONNECTION,
      &Daemon::on_connection, &each, MHD_OPTION_URI_LOG_CALLBACK, &Daemon::on_target, &each, MHD_OPTION_END);
  if (each.daemon == nullptr) return false;
  socket.release();  // the daemon's now
  endpoints.push_back(endpoint);
  return true;
}

void HttpServer::State::run() {
  std::vector<pollfd> watched{{bell.fd(), POLLIN, 0}};
  for (const auto& each : daemons)
    watched.push_back({MHD_get_daemon_info(each.daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd, POLLIN, 0});
  while (true) {
    MHD_UNSIGNED_LONG_LONG wait = 1000;  // milliseconds: how late an old connection may be ended
    for (const auto& each : daemons) {
      MHD_UNSIGNED_LONG_LONG wanted = 0;
      if (MHD_get_timeout(each.daemon, &wanted) == MHD_YES) wait = std::min(wait, wanted);
    }
    poll(watched.data(), watched.size(), static_cast<int>(wait));
    if (watched[0].revents != 0) return;
    const auto now = Clock::now();
    for (auto& each : daemons) {
      each.end_old_connections(now);
      MHD_run(each.daemon);
    }
  }
}

std::expected<std::unique_ptr<HttpServer>, std::string> HttpServer::start(const std::vector<Endpoint>& endpoints,
                                                                          HttpHandler handler,
                                                                          const HttpLimits& limits) {
  auto sockets = listen_exclusively(endpoints);
  if (!sockets) return std::unexpected(sockets.error());
  auto state = std::make_unique<State>();
  state->handler = std::move(handler);
  state->limits = limits;
  for (auto& socket : *sockets) {
    const auto endpoint = local_endpoint(socket.get()).to_text();
    if (!state->add(std::move(socket)))
      return std::unexpected(fmt::format("cannot serve HTTP on {}: libmicrohttpd does not start", endpoint));
  }
  state->thread = std::jthread([raw = state.get()] { raw->run(); });
  return std::unique_ptr<HttpServer>(new HttpServer(std::move(state)));
}

HttpServer::HttpServer(std::unique_ptr<State> state) : state_(std::move(state)) {}

HttpServer::~HttpServer() {
  state_->bell.ring();
  state_->thread.join();
}

const std::vector<Endpoint>& HttpServer::endpoints() const {
  return state_->endpoints;
}

}  // namespace placard::net
