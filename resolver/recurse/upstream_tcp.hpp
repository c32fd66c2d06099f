// Questions over TCP (RFC 7766): one connection a server, pipelined, kept for a while after its last answer.
//
// Connections in all, connections to one server and questions on one are bounded; the longest idle one makes place, or
// the longest silent one. A server may close a kept connection at any time: who meets that asks once more on a fresh
// one (upstream.cpp). Where the system and the server know TCP Fast Open (RFC 7413), the first question travels with
// the SYN; where either does not, the kernel connects as ever. A DNS question may arrive twice without harm.
#pragma once

#include <uv.h>

#include <array>
#include <list>
#include <memory>
#include <unordered_map>
#include <vector>

#include "resolver/recurse/upstream_context.hpp"
#include "resolver/recurse/upstream_question.hpp"

namespace placard::recurse {

class TcpPool;
class TcpConnection;

/// One question over TCP, awaited where it stands; its destruction ends it. REQUIRES: `outgoing` lives longer.
class TcpExchange final : public net::Completion<ExchangeResult>, private net::Alarm {
 public:
  TcpExchange(TcpPool& pool, const Outgoing& outgoing, const Cookie& cookie);
  ~TcpExchange() override;

  /// May complete at once. `fresh`: on a new connection, not on a kept one.
  void start(Milliseconds timeout, bool fresh);
  /// It was sent on a connection that had answered before.
  bool reused() const { return reused_; }
  const ReplySigns& signs() const { return signs_; }  ///< of the reply it ended in

 private:
  friend class TcpConnection;
  void on_time() override;
  void on_reply(wire::Bytes reply);
  /// Last statement of who calls it: `this` may be gone.
  void finish(ExchangeResult result);

  TcpPool& pool_;
  const Outgoing& outgoing_;
  OutgoingMessage message_;
  ReplySigns signs_;
  TcpConnection* connection_ = nullptr;  // where it is registered
  Milliseconds started_ = 0;
  bool reused_ = false;
  bool completed_by_reply_ = false;
};

class TcpConnection final : private net::Alarm {
 public:
  TcpConnection(TcpPool& pool, const net::Endpoint& server);

  std::expected<void, NetworkError> open();  ///< begins to connect; once
  void add(TcpExchange& exchange);
  void remove(TcpExchange& exchange);
  void close(NetworkError reason);  ///< and ends every question on it
  void give_place();                ///< closes; its questions run out of time in the next round
  void flush();

  const net::Endpoint& server() const { return server_; }
  bool takes_more() const;
  bool idle() const { return entries_.empty(); }
  bool answered() const { return answered_; }
  Milliseconds idle_since() const { return idle_since_; }
  Milliseconds heard() const { return heard_; }  ///< when something came, or there was nothing to wait for
  void lost_patience() { silent_ = true; }       ///< a question on it ran out of time: no new ones
  void keep_for(Milliseconds idle);              ///< as the server has it (RFC 7828)

  std::list<std::unique_ptr<TcpConnection>>::iterator place;  ///< the pool's

 private:
  struct Entry {
    std::uint16_t id;
    TcpExchange* exchange;
  };
  void on_connect(int status);
  void on_read(ssize_t size, const std::uint8_t* octets);
  void cut_messages();
  void deliver(wire::Bytes message);
  void on_time() override;
  void let_go();
  uv_stream_t* stream() { return reinterpret_cast<uv_stream_t*>(&tcp_); }

  TcpPool& pool_;
  net::Endpoint server_;
  uv_tcp_t tcp_{};
  uv_connect_t connect_{};
  uv_write_t write_{};
  std::vector<Entry> entries_;            // questions in flight
  std::vector<std::uint16_t> abandoned_;  // ids that may still be answered, to nobody
  std::vector<std::uint8_t> input_;
  std::vector<std::uint8_t> output_;   // framed questions, to leave at the end of the round
  std::vector<std::uint8_t> written_;  // what libuv is sending, while writing_
  bool connected_ = false, closed_ = false, writing_ = false, answered_ = false, silent_ = false, wants_flush_ = false;
  Milliseconds idle_since_ = 0;
  Milliseconds heard_ = 0;
  Milliseconds kept_ = 0;  // how long it may be idle
};

class TcpPool {
 public:
  explicit TcpPool(UpstreamContext& context);
  ~TcpPool();  ///< REQUIRES: no exchange is left

  UpstreamContext& context() { return context_; }
  /// `fresh`: none that has answered before; those who lost one together share the next.
  /// overloaded, server_busy: there are as many connections as there may be, in all or to this server.
  std::expected<TcpConnection*, NetworkError> connection_for(const net::Endpoint& server, bool fresh);

 private:
  friend class TcpConnection;
  bool make_place();
  void forget(TcpConnection& connection);  ///< it closes; freed once libuv has let go of it
  void want_flush(TcpConnection& connection);

  UpstreamContext& context_;
  std::list<std::unique_ptr<TcpConnection>> connections_;
  std::unordered_map<net::Endpoint, TcpConnection*, net::EndpointHash> current_;
  std::vector<TcpConnection*> to_flush_;  // nullptr: closed since
  std::vector<TcpConnection*> flushing_;  // the same, while they are flushed
  net::RoundEnd flush_at_round_end_;
  std::array<std::uint8_t, 65'536> read_buffer_;  // what one read() brings; used at once
};

}  // namespace placard::recurse
