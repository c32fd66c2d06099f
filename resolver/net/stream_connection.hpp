// One client's TCP connection: cuts what comes into messages, gathers answers and sends them at the end of the round.
//
// It is closed by its bounds (StreamLimits), by the client, or by its owner; whatever the reason, close() is the one
// way out. The object lives until libuv has let go of its handle, and longer while somebody holds a shared_ptr.
#pragma once

#include <uv.h>

#include <array>
#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <vector>

#include "resolver/net/stream.hpp"

namespace placard::net {

class Connection;

/// What a listener is for its connections; outlives them or detaches them by close().
class ConnectionOwner {
 public:
  virtual void on_message(Connection& connection, wire::Bytes message) = 0;
  virtual bool on_client(Connection& connection) = 0;  ///< its client is known now; false: one connection too many
  virtual Milliseconds idle_time() const = 0;          ///< that connections have as things stand
  virtual void on_active(Connection& connection) = 0;  ///< something came from or went to the client
  virtual void on_closed(Connection& connection) = 0;
  virtual void close_slowest() = 0;                       ///< the connection with most unsent. REQUIRES: some have
  virtual void at_round_end(Connection& connection) = 0;  ///< wants go_on() to be called; at most once a round

  StreamLimits limits;
  StreamCounters counters;
  std::size_t unsent = 0;                       ///< octets of all connections
  std::array<std::uint8_t, 65536> read_buffer;  ///< what one read() brings; used at once

 protected:
  ~ConnectionOwner() = default;
};

class Connection final : public StreamConnection, public std::enable_shared_from_this<Connection>, private Alarm {
 public:
  Connection(Loop& loop, ConnectionOwner& owner) : Alarm(loop), loop_(loop), owner_(&owner) {}

  /// Takes the connection that waits at `listener` and closes it again, when `false` comes back (it is gone already).
  bool accept(uv_tcp_t& listener);
  void start_reading();
  void close();
  void go_on();  ///< sends what has gathered, reads on where reading had paused

  const Endpoint& remote() const override { return remote_; }
  const Endpoint& local() const override { return local_; }
  Milliseconds idle_timeout() const override { return owner_ == nullptr ? 0 : owner_->idle_time(); }
  void send(wire::Bytes answer) override;
  void forget_one() override;
  void send_part(wire::Bytes message) override;
  void when_drained(std::function<void(bool open)> drained) override;
  void abort() override { close(); }
  bool idle() const { return in_flight_ == 0 && input_.empty(); }
  Milliseconds last_active() const { return last_active_; }
  std::size_t noted_unsent() const { return noted_unsent_; }  ///< what of the owner's `unsent` is its

  std::list<std::shared_ptr<Connection>>::iterator place;  ///< the owner's
  std::optional<Address> counted_as;                       ///< the owner's: which client's

 private:
  void on_read(ssize_t size, const std::uint8_t* octets);
  void take(wire::Bytes octets);
  std::size_t cut_proxy_header(wire::Bytes octets);
  std::size_t cut_messages(wire::Bytes octets);
  void note_unsent();
  bool put(wire::Bytes message);
  void one_done();
  void tell_drained(bool open);
  void pause_or_resume();
  void flush();
  void close_when_done();
  void active();
  void watch_time();
  Milliseconds deadline() const;
  void on_time() override;
  std::size_t unsent() const { return output_.size() + (writing_ ? uv_stream_get_write_queue_size(stream()) : 0); }
  uv_stream_t* stream() const { return reinterpret_cast<uv_stream_t*>(const_cast<uv_tcp_t*>(&tcp_)); }
  void want_round_end();

  Loop& loop_;
  ConnectionOwner* owner_;  // nullptr: closed
  uv_tcp_t tcp_{};
  uv_write_t write_{};
  std::shared_ptr<Connection> self_;  // until the close callback
  Endpoint remote_, local_;

  std::vector<std::uint8_t> input_;    // octets not cut into messages yet
  std::vector<std::uint8_t> output_;   // framed answers of this round, and those behind written_
  std::vector<std::uint8_t> written_;  // what libuv is sending, while writing_
  std::size_t in_flight_ = 0;
  bool writing_ = false;
  bool reading_ = false;
  std::size_t noted_unsent_ = 0;
  bool expects_proxy_ = false;  // a PROXY header, before anything else
  bool ended_ = false;          // the client has sent all it will
  bool round_end_wanted_ = false;
  std::vector<std::function<void(bool)>> drained_;  // who waits until nothing is left unsent
  Milliseconds last_active_ = 0;
  Milliseconds message_began_ = 0;  // first octet of what stands in input_
  Milliseconds alarm_due_ = 0;
};

}  // namespace placard::net
