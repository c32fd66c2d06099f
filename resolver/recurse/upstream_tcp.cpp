#include "resolver/recurse/upstream_tcp.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>

#include <algorithm>
#include <cassert>
#include <cerrno>

namespace placard::recurse {
namespace {

constexpr Milliseconds kKept = 10'000;     // idle connections, where the server says nothing of it
constexpr Milliseconds kMaxKept = 30'000;  // and where it does
constexpr std::size_t kMaxPipelined = 64;  // questions of one connection in flight
constexpr std::size_t kMaxAbandoned = 64;  // unanswered questions that nobody waits for; then the connection is left

NetworkError error_of(int status) {
  switch (status) {
    case UV_ETIMEDOUT:
      return NetworkError::timeout;
    case UV_EOF:
    case UV_ECONNRESET:
    case UV_ECONNABORTED:
    case UV_EPIPE:
      return NetworkError::closed;
    case UV_EMFILE:
    case UV_ENFILE:
    case UV_ENOMEM:
    case UV_ENOBUFS:
    case UV_EADDRNOTAVAIL:  // no local port is left
      return NetworkError::overloaded;
    default:
      return NetworkError::unreachable;
  }
}

}  // namespace

// The exchange
// ---------------------------------------------------------------------------------------------------------

TcpExchange::TcpExchange(TcpPool& pool, const Outgoing& outgoing, const Cookie& cookie)
    : Alarm(pool.context().loop),
      pool_(pool),
      outgoing_(outgoing),
      message_(outgoing, cookie, Transport::tcp, pool.context().random) {}

TcpExchange::~TcpExchange() {
  if (connection_ != nullptr) connection_->remove(*this);
}

void TcpExchange::start(Milliseconds timeout, bool fresh) {
  started_ = pool_.context().loop.now();
  const auto connection = pool_.connection_for(outgoing_.server, fresh);
  if (!connection) return finish(std::unexpected(connection.error()));
  reused_ = (*connection)->answered();
  (*connection)->add(*this);
  Alarm::start(timeout);
}

void TcpExchange::on_time() {
  ++pool_.context().counters.timeouts;
  if (connection_ != nullptr) connection_->lost_patience();
  finish(std::unexpected(NetworkError::timeout));
}

void TcpExchange::on_reply(wire::Bytes reply) {
  Incoming incoming;
  incoming.bytes.assign(reply.begin(), reply.end());
  const Fit fit = message_.judge(incoming.bytes, signs_);
  if (fit != Fit::ours) {
    pool_.context().counters.drop(fit == Fit::malformed      ? Drop::malformed
                                  : fit == Fit::other_cookie ? Drop::cookie
                                                             : Drop::question);
    return finish(std::unexpected(NetworkError::malformed));
  }
  if (signs_.keepalive) connection_->keep_for(*signs_.keepalive);
  ++pool_.context().counters.tcp_received;
  incoming.rtt = pool_.context().loop.now() - started_;
  finish(std::move(incoming));
}

void TcpExchange::finish(ExchangeResult result) {
  stop();
  if (connection_ != nullptr) connection_->remove(*this);
  complete(std::move(result));
}

// The connection
// -------------------------------------------------------------------------------------------------------

TcpConnection::TcpConnection(TcpPool& pool, const net::Endpoint& server)
    : Alarm(pool.context().loop), pool_(pool), server_(server), kept_(kKept) {
  // Without a socket when the system has none left: connecting tries again, and says so.
  if (uv_tcp_init_ex(pool.context().loop.uv(), &tcp_, server.address.v6 ? AF_INET6 : AF_INET) != 0)
    uv_tcp_init(pool.context().loop.uv(), &tcp_);
  tcp_.data = this;
}

std::expected<void, NetworkError> TcpConnection::open() {
  ++pool_.context().counters.tcp_opened;
  heard_ = pool_.context().loop.now();
  uv_os_fd_t fd = -1;
  if (pool_.context().limits.tcp_fast_open && uv_fileno(reinterpret_cast<uv_handle_t*>(&tcp_), &fd) == 0) {
    const int one = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, &one, sizeof one);  // a system without it connects as ever
  }
  sockaddr_storage address{};
  server_.to_sockaddr(address);
  connect_.data = this;
  const int status = uv_tcp_connect(
      &connect_, &tcp_, reinterpret_cast<const sockaddr*>(&address),
      [](uv_connect_t* request, int result) { static_cast<TcpConnection*>(request->data)->on_connect(result); });
  if (status != 0) return std::unexpected(error_of(status));
  uv_tcp_nodelay(&tcp_, 1);
  return {};
}

void TcpConnection::on_connect(int status) {
  if (closed_) return;
  if (status != 0) return close(error_of(status));
  connected_ = true;
  status = uv_read_start(
      stream(),
      [](uv_handle_t* handle, std::size_t, uv_buf_t* buffer) {
        auto& shared = static_cast<TcpConnection*>(handle->data)->pool_.read_buffer_;
        *buffer = uv_buf_init(reinterpret_cast<char*>(shared.data()), static_cast<unsigned>(shared.size()));
      },
      [](uv_stream_t* stream, ssize_t size, const uv_buf_t* buffer) {
        static_cast<TcpConnection*>(stream->data)->on_read(size, reinterpret_cast<const std::uint8_t*>(buffer->base));
      });
  if (status != 0) return close(error_of(status));
  flush();
}

void TcpConnection::keep_for(Milliseconds idle) {
  kept_ = std::min(idle, kMaxKept);
}

bool TcpConnection::takes_more() const {
  return !closed_ && !silent_ && entries_.size() < kMaxPipelined && abandoned_.size() < kMaxAbandoned;
}

void TcpConnection::add(TcpExchange& exchange) {
  const auto taken = [this](std::uint16_t id) {
    return std::ranges::find(entries_, id, &Entry::id) != entries_.end() ||
           std::ranges::find(abandoned_, id) != abandoned_.end();
  };
  std::uint16_t id = pool_.context().random.next16();
  while (taken(id)) id = pool_.context().random.next16();
  exchange.message_.set_id(id);
  exchange.connection_ = this;
  if (entries_.empty()) heard_ = pool_.context().loop.now();
  entries_.push_back({id, &exchange});
  stop();

  const wire::Bytes message = exchange.message_.bytes();
  output_.push_back(static_cast<std::uint8_t>(message.size() >> 8U));
  output_.push_back(static_cast<std::uint8_t>(message.size() & 0xffU));
  output_.insert(output_.end(), message.begin(), message.end());
  ++pool_.context().counters.tcp_sent;
  if (!wants_flush_) {
    wants_flush_ = true;
    pool_.want_flush(*this);
  }
}

void TcpConnection::remove(TcpExchange& exchange) {
  assert(exchange.connection_ == this);
  exchange.connection_ = nullptr;
  const auto entry = std::ranges::find(entries_, &exchange, &Entry::exchange);
  assert(entry != entries_.end());
  if (!exchange.completed_by_reply_) abandoned_.push_back(entry->id);
  *entry = entries_.back();
  entries_.pop_back();
  if (!entries_.empty() || closed_) return;
  if (!connected_ || !takes_more() || kept_ == 0) return close(NetworkError::closed);
  idle_since_ = pool_.context().loop.now();
  Alarm::start(kept_);
}

void TcpConnection::on_time() {
  close(NetworkError::closed);
}

void TcpConnection::flush() {
  wants_flush_ = false;
  if (!connected_ || closed_ || writing_ || output_.empty()) return;
  written_.swap(output_);
  output_.clear();
  uv_buf_t buffer = uv_buf_init(reinterpret_cast<char*>(written_.data()), static_cast<unsigned>(written_.size()));
  const int sent = uv_try_write(stream(), &buffer, 1);
  // EINPROGRESS: a fast open that turned into a usual one.
  if (sent < 0 && sent != UV_EAGAIN && sent != -EINPROGRESS) return close(error_of(sent));
  if (sent > 0) written_.erase(written_.begin(), written_.begin() + sent);
  if (written_.empty()) return;

  buffer = uv_buf_init(reinterpret_cast<char*>(written_.data()), static_cast<unsigned>(written_.size()));
  write_.data = this;
  writing_ = true;
  const int status = uv_write(&write_, stream(), &buffer, 1, [](uv_write_t* request, int result) {
    auto* self = static_cast<TcpConnection*>(request->data);
    self->writing_ = false;
    self->written_.clear();
    if (self->closed_) return;
    if (result != 0) return self->close(error_of(result));
    self->flush();
  });
  if (status != 0) close(error_of(status));
}

void TcpConnection::on_read(ssize_t size, const std::uint8_t* octets) {
  if (size < 0) return close(error_of(static_cast<int>(size)));
  heard_ = pool_.context().loop.now();
  input_.insert(input_.end(), octets, octets + size);
  cut_messages();
}

/// `input_` stays below a message and one read: 128 KiB.
void TcpConnection::cut_messages() {
  // Whole messages are taken out first: who is told of one may bring anything about, this connection's end too.
  const std::vector<std::uint8_t> octets = std::exchange(input_, {});
  const wire::Bytes all(octets);
  std::size_t at = 0;
  while (!closed_ && all.size() - at >= 2) {
    const std::size_t size = static_cast<std::size_t>(all[at] << 8U | all[at + 1]);
    if (size < wire::kHeaderSize) return close(NetworkError::malformed);
    if (all.size() - at - 2 < size) break;
    deliver(all.subspan(at + 2, size));
    at += 2 + size;
  }
  if (!closed_) input_.assign(octets.begin() + static_cast<std::ptrdiff_t>(at), octets.end());
}

void TcpConnection::deliver(wire::Bytes message) {
  answered_ = true;
  const auto id = static_cast<std::uint16_t>(message[0] << 8U | message[1]);
  const auto entry = std::ranges::find(entries_, id, &Entry::id);
  if (entry == entries_.end()) {
    if (std::erase(abandoned_, id) == 0) pool_.context().counters.drop(Drop::id);
    return;
  }
  entry->exchange->completed_by_reply_ = true;
  entry->exchange->on_reply(message);
}

void TcpConnection::let_go() {
  closed_ = true;
  stop();
  uv_close(reinterpret_cast<uv_handle_t*>(&tcp_),
           [](uv_handle_t* handle) { delete static_cast<TcpConnection*>(handle->data); });
  pool_.forget(*this);
}

void TcpConnection::close(NetworkError reason) {
  if (closed_) return;
  let_go();
  while (!entries_.empty()) entries_.back().exchange->finish(std::unexpected(reason));
}

/// Who waits for answers is told soon, not here: they may ask for the very place that this makes.
void TcpConnection::give_place() {
  if (closed_) return;
  let_go();
  for (const Entry& entry : std::exchange(entries_, {})) {
    entry.exchange->connection_ = nullptr;
    entry.exchange->Alarm::start(0);
  }
}

// The pool
// -------------------------------------------------------------------------------------------------------------

TcpPool::TcpPool(UpstreamContext& context)
    : context_(context), flush_at_round_end_(context.loop, [this] {
        flushing_.swap(to_flush_);
        for (std::size_t i = 0; i < flushing_.size(); ++i) {
          if (flushing_[i] != nullptr) flushing_[i]->flush();
        }
        flushing_.clear();
      }) {}

TcpPool::~TcpPool() {
  while (!connections_.empty()) {
    assert(connections_.front()->idle());
    connections_.front()->close(NetworkError::closed);
  }
}

void TcpPool::want_flush(TcpConnection& connection) {
  to_flush_.push_back(&connection);
  flush_at_round_end_.arm();
}

void TcpPool::forget(TcpConnection& connection) {
  if (const auto found = current_.find(connection.server()); found != current_.end() && found->second == &connection) {
    current_.erase(found);
  }
  std::ranges::replace(to_flush_, &connection, nullptr);
  std::ranges::replace(flushing_, &connection, nullptr);
  connection.place->release();  // its close callback deletes it
  connections_.erase(connection.place);
}

/// The longest idle one goes; where none is, the one whose server has been silent for longest, if that is long: a
/// stranger's servers that take connections and say nothing must not keep all others from being asked.
bool TcpPool::make_place() {
  TcpConnection *oldest = nullptr, *mutest = nullptr;
  for (const auto& connection : connections_) {
    if (connection->idle() && (oldest == nullptr || connection->idle_since() < oldest->idle_since()))
      oldest = connection.get();
    if (mutest == nullptr || connection->heard() < mutest->heard()) mutest = connection.get();
  }
  if (oldest != nullptr) {
    oldest->close(NetworkError::closed);
    return true;
  }
  if (mutest == nullptr || mutest->heard() + context_.limits.tcp_patience > context_.loop.now()) return false;
  mutest->give_place();
  return true;
}

std::expected<TcpConnection*, NetworkError> TcpPool::connection_for(const net::Endpoint& server, bool fresh) {
  const auto found = current_.find(server);
  if (found != current_.end() && found->second->takes_more() && !(fresh && found->second->answered()))
    return found->second;
  const auto to_server = [&](const auto& connection) { return connection->server() == server; };
  if (std::ranges::count_if(connections_, to_server) >= static_cast<std::ptrdiff_t>(context_.limits.tcp_per_server))
    return std::unexpected(NetworkError::server_busy);
  if (connections_.size() >= context_.limits.tcp_connections && !make_place())
    return std::unexpected(NetworkError::overloaded);
  connections_.push_back(std::make_unique<TcpConnection>(*this, server));
  TcpConnection& connection = *connections_.back();
  connection.place = std::prev(connections_.end());
  if (const auto opened = connection.open(); !opened) {
    connection.close(opened.error());
    return std::unexpected(opened.error());
  }
  current_[server] = &connection;
  return &connection;
}

}  // namespace placard::recurse
