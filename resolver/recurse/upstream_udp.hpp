// Questions over UDP: sockets with random ports, ids, and the replies' way back to who waits for them.
//
// A socket is connected to one server, so that the kernel drops what others send and reports ICMP errors, and its port
// is known to that server only: were it shared between servers, one that an attacker owns would tell him the port of
// questions to another (RFC 5452 9). It serves a bounded number of questions for a short time. When all exclusive
// sockets are in use, questions go out by a few unconnected ones, which all servers share.
//
// The sockets stand in an epoll set of their own, which the loop watches as one handle: opening and closing a socket
// costs no libuv handle, and its memory goes at once. Questions of a round leave by one sendmmsg a socket.
#pragma once

#include <array>
#include <list>
#include <memory>
#include <unordered_map>
#include <vector>

#include "resolver/net/socket.hpp"
#include "resolver/recurse/upstream_context.hpp"
#include "resolver/recurse/upstream_question.hpp"

namespace placard::recurse {

class UdpPool;
struct UdpSocket;

/// One question over UDP, awaited where it stands; its destruction ends it. REQUIRES: `outgoing` lives longer.
class UdpExchange final : public net::Completion<ExchangeResult>, private net::Alarm {
 public:
  UdpExchange(UdpPool& pool, const Outgoing& outgoing, const Cookie& cookie);
  ~UdpExchange() override;

  void start();  ///< may complete at once
  /// The replies look forged, or the server does not echo the question as asked: to be asked again over TCP.
  bool distrusted() const { return distrusted_; }
  /// And the case of the name was all that was wrong.
  bool other_case() const { return other_case_; }
  const ReplySigns& signs() const { return signs_; }  ///< of the reply it ended in

 private:
  friend class UdpPool;
  void on_time() override;
  void on_reply(wire::Bytes reply);
  void on_near_miss();
  /// Last statement of who calls it: `this` may be gone.
  void finish(ExchangeResult result);

  UdpPool& pool_;
  const Outgoing& outgoing_;
  OutgoingMessage message_;
  ReplySigns signs_;
  UdpSocket* socket_ = nullptr;  // where it is registered
  Milliseconds started_ = 0;
  Milliseconds sent_ = 0;
  std::size_t near_misses_ = 0;
  bool other_question_ = false;  // a reply with our id had another question, case or cookie
  bool other_case_ = false;      // it was ours but for the case of the name
  bool distrusted_ = false;
};

class UdpPool {
 public:
  explicit UdpPool(UpstreamContext& context);
  ~UdpPool();  ///< REQUIRES: no exchange is left

  UpstreamContext& context() { return context_; }

 private:
  friend class UdpExchange;
  using SocketList = std::list<UdpSocket>;

  /// Picks a socket and an id, and queues the question; otherwise the error.
  std::expected<void, NetworkError> add(UdpExchange& exchange);
  void remove(UdpExchange& exchange);

  std::expected<UdpSocket*, NetworkError> socket_for(const net::Endpoint& server);
  UdpSocket* shared_socket(bool v6);
  std::expected<UdpSocket*, NetworkError> open(bool v6, const net::Endpoint* server);
  net::Descriptor open_bound(bool v6);
  void retire(UdpSocket& socket);  ///< no new questions on it
  void settle(UdpSocket& socket);  ///< to the idle ones, or closed, when no question is left on it
  void close(UdpSocket& socket);
  bool worn(const UdpSocket& socket) const;

  void on_readable();
  std::size_t receive(UdpSocket& socket);
  void deliver(UdpSocket& socket, const net::Endpoint& from, wire::Bytes datagram);
  void near_miss(UdpSocket& socket, const net::Endpoint& from);
  void fail_all(UdpSocket& socket);
  void flush();
  void flush_socket(UdpSocket& socket);
  void close_old_idle();

  struct Receiving;

  UpstreamContext& context_;
  net::Descriptor epoll_;
  uv_poll_t* poll_;  // on epoll_; freed by its close callback
  std::unique_ptr<Receiving> receiving_;
  SocketList busy_;            // exclusive and shared ones with questions, and idle shared ones
  SocketList idle_;            // exclusive ones without questions, the longest idle first
  SocketList closed_;          // until no event can name them any more
  std::size_t exclusive_ = 0;  // sockets
  std::unordered_map<net::Endpoint, UdpSocket*, net::EndpointHash> current_;  // where a server's next question goes
  std::array<std::vector<UdpSocket*>, 2> shared_;                             // IPv4, IPv6
  std::size_t retired_shared_ = 0;
  std::vector<UdpSocket*> unsent_;    // sockets with questions to send; nullptr: closed since
  std::vector<UdpSocket*> flushing_;  // the same, while flush() runs
  net::RoundEnd flush_at_round_end_;
  net::Timer retry_;  // of sockets that were full
  net::Timer sweep_;  // of idle sockets
  bool handling_events_ = false;
};

}  // namespace placard::recurse
