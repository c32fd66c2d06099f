// A small HTTP server for pages that people and monitors read: the notice, and the metrics. A wrapper of libmicrohttpd.
//
// A new connection beyond a limit is taken, and an older one ended for it: the oldest that has not sent its request, or
// else the oldest. Who holds connections open without asking anything keeps nobody else out.
//
// One thread of its own for all its addresses, never a worker's loop; the handler runs on it. Only GET and HEAD, no
// request bodies, one request per connection: a page needs no more, and everything is easier to bound. It keeps no
// log of who asked for what.
#pragma once

#include <cstddef>
#include <expected>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "resolver/net/address.hpp"

namespace placard::net {

struct HttpRequest {
  std::string method;  ///< "GET" or "HEAD"
  std::string target;  ///< as sent: "/path?query", percent-encoded
  std::string host;    ///< header fields, empty when absent; repeated ones are joined by ", "
  std::string accept;
  std::string accept_language;
  Address client;  ///< personal data: for choosing the client's view, and for nothing that lasts
};

struct HttpResponse {
  int status = 200;
  std::vector<std::pair<std::string, std::string>> headers;  ///< without Content-Length, Date and Connection
  std::string body;                                          ///< left out for HEAD by the server
};

struct HttpLimits {
  unsigned connections = 1'024;           ///< per address listened on
  unsigned connections_per_client = 256;  ///< of one IP address: many people may share it
  std::size_t memory =
      16 * 1024;           ///< octets a connection may use for its request and the response's header; more is 431
  unsigned head = 5;       ///< seconds from connecting to the end of the request's header
  unsigned idle = 10;      ///< seconds without an octet either way
  unsigned lifetime = 30;  ///< seconds from connecting to the response's last octet
};

using HttpHandler = std::function<HttpResponse(const HttpRequest&)>;

class HttpServer {
 public:
  /// Listens on all of `endpoints` or on none; the error names the one that is in use or forbidden. An exception that
  /// leaves `handler` becomes a 500 without details.
  static std::expected<std::unique_ptr<HttpServer>, std::string> start(const std::vector<Endpoint>& endpoints,
                                                                       HttpHandler handler,
                                                                       const HttpLimits& limits = {});
  ~HttpServer();                                   ///< closes every connection; no handler runs afterwards
  const std::vector<Endpoint>& endpoints() const;  ///< as bound: port 0 became a real one

 private:
  struct State;
  explicit HttpServer(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace placard::net
