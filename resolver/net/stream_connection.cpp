#include "resolver/net/stream_connection.hpp"

#include <cassert>
#include <utility>

#include "resolver/net/proxy.hpp"
#include "zones/wire/message.hpp"

namespace placard::net {
namespace {

Endpoint endpoint_of(const uv_tcp_t& tcp, int (*get)(const uv_tcp_t*, sockaddr*, int*), bool& found) {
  sockaddr_storage storage{};
  int size = sizeof storage;
  found = get(&tcp, reinterpret_cast<sockaddr*>(&storage), &size) == 0 &&
          (storage.ss_family == AF_INET || storage.ss_family == AF_INET6);
  return found ? Endpoint::from_sockaddr(reinterpret_cast<const sockaddr*>(&storage)) : Endpoint{};
}

/// What much came or went through is not kept for that: there may be thousands of connections.
void give_back(std::vector<std::uint8_t>& buffer) {
  constexpr std::size_t kKept = 8'192;  // octets
  if (buffer.capacity() > kKept && buffer.size() <= kKept) buffer.shrink_to_fit();
}

}  // namespace

bool Connection::accept(uv_tcp_t& listener) {
  uv_tcp_init(loop_.uv(), &tcp_);
  tcp_.data = this;
  self_ = shared_from_this();
  bool has_remote = false;
  bool has_local = false;
  if (uv_accept(reinterpret_cast<uv_stream_t*>(&listener), stream()) == 0) {
    remote_ = endpoint_of(tcp_, uv_tcp_getpeername, has_remote);
    local_ = endpoint_of(tcp_, uv_tcp_getsockname, has_local);
  }
  if (has_remote && has_local) {
    expects_proxy_ = owner_->limits.is_proxy && owner_->limits.is_proxy(remote_.address);
    return true;
  }
  owner_ = nullptr;  // it was never told of us
  uv_close(reinterpret_cast<uv_handle_t*>(&tcp_),
           [](uv_handle_t* handle) { static_cast<Connection*>(handle->data)->self_.reset(); });
  return false;
}

void Connection::close() {
  if (owner_ == nullptr) return;
  ConnectionOwner& owner = *owner_;
  owner.unsent -= noted_unsent_;
  owner_ = nullptr;
  stop();
  tell_drained(false);
  uv_close(reinterpret_cast<uv_handle_t*>(&tcp_),
           [](uv_handle_t* handle) { static_cast<Connection*>(handle->data)->self_.reset(); });
  owner.on_closed(*this);
}

void Connection::start_reading() {
  uv_tcp_nodelay(&tcp_, 1);
  active();
  pause_or_resume();
  watch_time();
}

/// Reads while there is place for questions. Once paused, half of the places must be free again.
void Connection::pause_or_resume() {
  if (owner_ == nullptr || ended_) return;
  if (reading_ && in_flight_ >= owner_->limits.in_flight) {
    uv_read_stop(stream());
    reading_ = false;
  } else if (!reading_ && in_flight_ <= owner_->limits.in_flight / 2) {
    const int status = uv_read_start(
        stream(),
        [](uv_handle_t* handle, std::size_t, uv_buf_t* buffer) {
          auto& shared = static_cast<Connection*>(handle->data)->owner_->read_buffer;
          *buffer = uv_buf_init(reinterpret_cast<char*>(shared.data()), static_cast<unsigned>(shared.size()));
        },
        [](uv_stream_t* stream, ssize_t size, const uv_buf_t* buffer) {
          static_cast<Connection*>(stream->data)->on_read(size, reinterpret_cast<const std::uint8_t*>(buffer->base));
        });
    if (status != 0) return close();
    reading_ = true;
  }
}

void Connection::on_read(ssize_t size, const std::uint8_t* octets) {
  if (size > 0) {
    take({octets, static_cast<std::size_t>(size)});
  } else if (size == UV_EOF) {
    // The client may have closed its half only: what it asked is still answered.
    ended_ = true;
    reading_ = false;
    input_.clear();
    close_when_done();
  } else if (size < 0) {
    close();
  }
}

void Connection::take(wire::Bytes octets) {
  const bool began = input_.empty();
  std::size_t used = 0;
  if (began) {
    used = cut_messages(octets);
    if (owner_ == nullptr) return;
    input_.assign(octets.begin() + static_cast<std::ptrdiff_t>(used), octets.end());
  } else {
    input_.insert(input_.end(), octets.begin(), octets.end());
    used = cut_messages(input_);
    if (owner_ == nullptr) return;
    input_.erase(input_.begin(), input_.begin() + static_cast<std::ptrdiff_t>(used));
  }
  give_back(input_);
  if (began || used > 0) message_began_ = loop_.now();
  pause_or_resume();
  watch_time();
}

/// Whom the balancer speaks for. The octets used; 0: more must come.
std::size_t Connection::cut_proxy_header(wire::Bytes octets) {
  const auto header = parse_proxy_header(octets);
  if (!header) {
    if (header.error() == ProxyError::incomplete) return 0;
    ++owner_->counters.malformed_proxy;
    close();
    return 0;
  }
  expects_proxy_ = false;
  if (header->client) remote_ = *header->client;
  if (!owner_->on_client(*this)) close();
  return header->size;
}

/// Hands out whole messages while there is place for questions. The octets used.
std::size_t Connection::cut_messages(wire::Bytes octets) {
  std::size_t at = 0;
  if (expects_proxy_ && !octets.empty()) at = cut_proxy_header(octets);
  while (owner_ != nullptr && !expects_proxy_ && in_flight_ < owner_->limits.in_flight && octets.size() - at >= 2) {
    const std::size_t size = static_cast<std::size_t>(octets[at] << 8U | octets[at + 1]);
    if (size < wire::kHeaderSize) {
      // Nothing that short can be answered, and who sends it has lost the frame.
      ++owner_->counters.malformed;
      close();
      break;
    }
    if (octets.size() - at - 2 < size) break;
    ++in_flight_;
    ++owner_->counters.messages;
    active();
    const wire::Bytes message = octets.subspan(at + 2, size);
    at += 2 + size;
    owner_->on_message(*this, message);
  }
  return at;
}

void Connection::send(wire::Bytes answer) {
  if (put(answer)) one_done();
}

void Connection::send_part(wire::Bytes message) {
  if (put(message)) want_round_end();
}

/// False when the connection is closed, perhaps just now.
bool Connection::put(wire::Bytes answer) {
  assert(answer.size() <= wire::kMaxMessageSize);
  if (owner_ == nullptr) return false;
  output_.push_back(static_cast<std::uint8_t>(answer.size() >> 8U));
  output_.push_back(static_cast<std::uint8_t>(answer.size() & 0xffU));
  output_.insert(output_.end(), answer.begin(), answer.end());
  if (unsent() > owner_->limits.unsent) {
    flush();  // much in one round is no slow reader yet
    if (owner_ == nullptr) return false;
    if (unsent() > owner_->limits.unsent) {
      ++owner_->counters.closed_slow;
      close();
      return false;
    }
  }
  note_unsent();
  while (owner_ != nullptr && owner_->unsent > owner_->limits.unsent_in_all) owner_->close_slowest();  // maybe this
  return owner_ != nullptr;
}

void Connection::when_drained(std::function<void(bool open)> drained) {
  drained_.push_back(std::move(drained));
  if (owner_ == nullptr) return tell_drained(false);
  want_round_end();
}

void Connection::tell_drained(bool open) {
  for (const auto& drained : std::exchange(drained_, {})) drained(open);
}

void Connection::note_unsent() {
  const std::size_t now = unsent();
  owner_->unsent += now - noted_unsent_;
  noted_unsent_ = now;
}

void Connection::forget_one() {
  if (owner_ != nullptr) one_done();
}

void Connection::one_done() {
  assert(in_flight_ > 0);
  --in_flight_;
  if (in_flight_ == 0) active();  // idle from here
  want_round_end();
}

void Connection::want_round_end() {
  if (round_end_wanted_) return;
  round_end_wanted_ = true;
  owner_->at_round_end(*this);
}

void Connection::go_on() {
  round_end_wanted_ = false;
  if (owner_ == nullptr) return;
  flush();
  if (owner_ == nullptr) return;
  note_unsent();
  if (!reading_ && !ended_ && in_flight_ <= owner_->limits.in_flight / 2) {
    message_began_ = loop_.now();  // the pause was ours, not the client's
    take({});                      // what had come before reading paused; then reads on
  } else {
    watch_time();
  }
}

void Connection::flush() {
  if (writing_) return;
  if (!output_.empty()) {
    uv_buf_t buffer = uv_buf_init(reinterpret_cast<char*>(output_.data()), static_cast<unsigned>(output_.size()));
    const int sent = uv_try_write(stream(), &buffer, 1);
    if (sent < 0 && sent != UV_EAGAIN) return close();
    if (sent > 0) active();
    const std::size_t done = sent > 0 ? static_cast<std::size_t>(sent) : 0;
    written_.assign(output_.begin() + static_cast<std::ptrdiff_t>(done), output_.end());
    output_.clear();
    give_back(output_);
  }
  if (written_.empty()) {
    tell_drained(true);
    return close_when_done();
  }

  uv_buf_t rest = uv_buf_init(reinterpret_cast<char*>(written_.data()), static_cast<unsigned>(written_.size()));
  write_.data = this;
  writing_ = true;
  const int status = uv_write(&write_, stream(), &rest, 1, [](uv_write_t* request, int result) {
    auto* self = static_cast<Connection*>(request->data);
    self->writing_ = false;
    self->written_.clear();
    give_back(self->written_);
    if (self->owner_ == nullptr) return;
    if (result != 0) return self->close();
    self->active();
    self->flush();
    if (self->owner_ != nullptr) self->note_unsent();
  });
  if (status != 0) close();
}

void Connection::close_when_done() {
  if (owner_ != nullptr && ended_ && in_flight_ == 0 && output_.empty() && !writing_) close();
}

void Connection::active() {
  last_active_ = loop_.now();
  owner_->on_active(*this);
}

/// When this is to be closed as things stand; UINT64_MAX while it waits for answers of ours.
Milliseconds Connection::deadline() const {
  if (reading_ && !input_.empty()) return message_began_ + owner_->limits.message;
  return in_flight_ == 0 ? last_active_ + owner_->idle_time() : UINT64_MAX;
}

/// The alarm may ring too early, never too late: it is moved only to an earlier time, and looks again when it rings.
void Connection::watch_time() {
  if (owner_ == nullptr) return;
  const Milliseconds due = deadline();
  if (due == UINT64_MAX || (running() && alarm_due_ <= due)) return;
  alarm_due_ = due;
  Alarm::start(due > loop_.now() ? due - loop_.now() : 0);
}

void Connection::on_time() {
  if (deadline() > loop_.now()) return watch_time();
  ++owner_->counters.timed_out;
  close();
}

}  // namespace placard::net
