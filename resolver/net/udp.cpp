#include "resolver/net/udp.hpp"

#include <algorithm>
#include <array>
#include <cassert>
#include <cerrno>
#include <cstring>
#include <optional>
#include <vector>

namespace placard::net {
namespace {

/// Octets of the queue's memory that are kept when it is empty.
constexpr std::size_t kKeptQueueMemory = 1U << 20U;

bool is_wildcard(const Address& address) {
  return std::ranges::all_of(address.bytes(), [](std::uint8_t octet) { return octet == 0; });
}

/// The buffers of a batch start a cache line apart modulo the page: at 4096 octets they would all share the same sets
/// of the first-level cache.
template <std::size_t Size>
struct alignas(64) Buffer {
  std::array<std::uint8_t, Size> octets;
  std::array<std::uint8_t, 64> unused;
};

/// Room for one IP_PKTINFO or IPV6_PKTINFO.
struct ControlBuffer {
  alignas(cmsghdr) std::array<std::uint8_t, CMSG_SPACE(sizeof(in6_pktinfo))> octets;
};

std::optional<Address> local_address_of(msghdr& header) {
  for (cmsghdr* part = CMSG_FIRSTHDR(&header); part != nullptr; part = CMSG_NXTHDR(&header, part)) {
    if (part->cmsg_level == IPPROTO_IP && part->cmsg_type == IP_PKTINFO) {
      in_pktinfo info{};
      std::memcpy(&info, CMSG_DATA(part), sizeof info);
      // ipi_spec_dst, not ipi_addr: ours even where the datagram went to a broadcast address; and what set_source()
      // writes.
      return Address::from_bytes({reinterpret_cast<const std::uint8_t*>(&info.ipi_spec_dst), 4});
    }
    if (part->cmsg_level == IPPROTO_IPV6 && part->cmsg_type == IPV6_PKTINFO) {
      in6_pktinfo info{};
      std::memcpy(&info, CMSG_DATA(part), sizeof info);
      return Address::from_bytes({reinterpret_cast<const std::uint8_t*>(&info.ipi6_addr), 16});
    }
  }
  return std::nullopt;
}

/// `interface`: of the one who is answered; a link-local source has to have the same.
void set_source(msghdr& header, ControlBuffer& control, const Address& local, std::uint32_t interface) {
  const auto put = [&](int level, int type, const auto& info) {
    header.msg_control = control.octets.data();
    header.msg_controllen = CMSG_SPACE(sizeof info);
    cmsghdr* part = CMSG_FIRSTHDR(&header);
    part->cmsg_level = level;
    part->cmsg_type = type;
    part->cmsg_len = CMSG_LEN(sizeof info);
    std::memcpy(CMSG_DATA(part), &info, sizeof info);
  };
  if (local.v6) {
    in6_pktinfo info{};
    std::memcpy(&info.ipi6_addr, local.octets.data(), 16);
    info.ipi6_ifindex = interface;
    put(IPPROTO_IPV6, IPV6_PKTINFO, info);
  } else {
    in_pktinfo info{};
    std::memcpy(&info.ipi_spec_dst, local.octets.data(), 4);
    put(IPPROTO_IP, IP_PKTINFO, info);
  }
}

/// The arrays of one recvmmsg or sendmmsg; each message has one iovec, one address, one control buffer.
struct Batch {
  std::array<mmsghdr, kUdpBatch> messages{};
  std::array<iovec, kUdpBatch> vectors{};
  std::array<sockaddr_storage, kUdpBatch> addresses{};
  std::array<ControlBuffer, kUdpBatch> controls;

  Batch() {
    for (std::size_t i = 0; i < kUdpBatch; ++i) {
      messages[i].msg_hdr.msg_iov = &vectors[i];
      messages[i].msg_hdr.msg_iovlen = 1;
      messages[i].msg_hdr.msg_name = &addresses[i];
    }
  }
};

}  // namespace

struct UdpListener::State {
  State(Loop& its_loop, Descriptor socket, UdpHandler& its_handler)
      : loop(its_loop),
        fd(std::move(socket)),
        handler(its_handler),
        local(local_endpoint(fd.get())),
        wildcard(is_wildcard(local.address)),
        flush_at_round_end(loop, [this] { flush_queue(); }),
        between(loop, [this] { receive_batch(); }) {
    for (std::size_t i = 0; i < kUdpBatch; ++i) {
      incoming.vectors[i] = {received[i].octets.data(), kUdpReceiveSize};
      if (wildcard) incoming.messages[i].msg_hdr.msg_control = incoming.controls[i].octets.data();
    }
    reset_incoming(kUdpBatch);
  }

  void watch(int events) { uv_poll_start(poll, events, on_poll); }
  static void on_poll(uv_poll_t* poll, int status, int events);
  void receive();
  bool receive_batch();
  void reset_incoming(std::size_t count);
  void answer(std::size_t count);
  void announce(std::size_t first, std::size_t count);
  std::size_t add_outgoing(std::size_t place, const UdpPeer& peer, const std::uint8_t* octets, std::size_t size);
  std::size_t send_outgoing(std::size_t count);
  void queue(const UdpPeer& peer, wire::Bytes answer);
  void flush_queue();

  struct Queued {
    UdpPeer peer;
    std::size_t offset, size;  // in queued_octets
  };

  Loop& loop;
  Descriptor fd;
  UdpHandler& handler;
  Endpoint local;
  bool wildcard;
  uv_poll_t* poll = nullptr;  // freed by its close callback
  RoundEnd flush_at_round_end;
  Urgent between;
  UdpCounters counters;

  std::array<Buffer<kUdpReceiveSize>, kUdpBatch> received;
  std::array<Buffer<kUdpSendSize>, kUdpBatch> replies;
  Batch incoming;
  Batch outgoing;

  std::vector<Queued> queued;
  std::vector<std::uint8_t> queued_octets;
  std::size_t flushed = 0;  // of queued: sent or dropped, when the socket took only some
};

void UdpListener::State::on_poll(uv_poll_t* poll, int status, int events) {
  auto* state = static_cast<State*>(poll->data);
  if (status < 0) {
    // libuv stops watching a socket that reports an error; the error is of some datagram sent earlier: take it, go on.
    int error = 0;
    socklen_t size = sizeof error;
    getsockopt(state->fd.get(), SOL_SOCKET, SO_ERROR, &error, &size);
    state->watch(UV_READABLE);
    return;
  }
  if ((events & UV_WRITABLE) != 0) {
    state->watch(UV_READABLE);
    state->flush_queue();
  }
  if ((events & UV_READABLE) != 0) state->receive();
}

void UdpListener::State::receive() {
  // Bounded: timers, TCP and the other listeners get their turn; what is left wakes the loop again at once.
  for (int batch = 0; batch < kUdpBatchesPerWake; ++batch) {
    if (!receive_batch()) return;
  }
  handler.on_backlog();
}

/// Sets what recvmmsg has overwritten in the first `count` messages.
void UdpListener::State::reset_incoming(std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    incoming.messages[i].msg_hdr.msg_namelen = sizeof(sockaddr_storage);
    incoming.messages[i].msg_hdr.msg_controllen = wildcard ? sizeof(ControlBuffer) : 0;
  }
}

/// Whether there may be more.
bool UdpListener::State::receive_batch() {
  const int count = recvmmsg(fd.get(), incoming.messages.data(), kUdpBatch, MSG_DONTWAIT, nullptr);
  if (count <= 0) return count < 0 && errno != EAGAIN && errno != EWOULDBLOCK;  // an error is taken by asking: go on
  ++counters.batches;
  counters.received += static_cast<std::uint64_t>(count);
  handler.on_batch();
  answer(static_cast<std::size_t>(count));
  reset_incoming(static_cast<std::size_t>(count));
  return static_cast<std::size_t>(count) == kUdpBatch;
}

void UdpListener::State::announce(std::size_t first, std::size_t count) {
  std::array<wire::Bytes, kUdpGroup> packets;
  for (std::size_t i = 0; i < count; ++i)
    packets[i] = {received[first + i].octets.data(), incoming.messages[first + i].msg_len};
  handler.expect({packets.data(), count});
}

void UdpListener::State::answer(std::size_t count) {
  std::size_t ready = 0;
  for (std::size_t i = 0; i < count; ++i) {
    if (i % kUdpGroup == 0) announce(i, std::min(kUdpGroup, count - i));
    UdpPeer peer;
    peer.remote = Endpoint::from_sockaddr(reinterpret_cast<const sockaddr*>(&incoming.addresses[i]));
    if (peer.remote.port == 0) continue;  // nobody can be answered there
    if (wildcard) {
      if (const auto destination = local_address_of(incoming.messages[i].msg_hdr)) {
        peer.local = *destination;
        peer.has_local = true;
      }
    } else {
      peer.local = local.address;
    }
    auto& reply = replies[ready].octets;
    const std::size_t size =
        handler.on_datagram({received[i].octets.data(), incoming.messages[i].msg_len}, peer, reply);
    assert(size <= kUdpSendSize);
    if (size != 0) ready = add_outgoing(ready, peer, reply.data(), size);
  }
  const std::size_t sent = send_outgoing(ready);
  // The socket is full: the rest waits with the later answers.
  for (std::size_t i = sent; i < ready; ++i) {
    const auto& header = outgoing.messages[i].msg_hdr;
    UdpPeer peer;
    peer.remote = Endpoint::from_sockaddr(static_cast<const sockaddr*>(header.msg_name));
    if (const auto source = local_address_of(outgoing.messages[i].msg_hdr)) {
      peer.local = *source;
      peer.has_local = true;
    }
    queue(peer, {static_cast<const std::uint8_t*>(header.msg_iov->iov_base), header.msg_iov->iov_len});
  }
}

std::size_t UdpListener::State::add_outgoing(std::size_t place, const UdpPeer& peer, const std::uint8_t* octets,
                                             std::size_t size) {
  outgoing.vectors[place] = {const_cast<std::uint8_t*>(octets), size};  // sendmmsg only reads
  msghdr& header = outgoing.messages[place].msg_hdr;
  header.msg_namelen = peer.remote.to_sockaddr(outgoing.addresses[place]);
  header.msg_control = nullptr;
  header.msg_controllen = 0;
  if (peer.has_local) set_source(header, outgoing.controls[place], peer.local, peer.remote.interface);
  return place + 1;
}

/// How many are done with: sent, or refused one by one. Fewer than `count`: the socket is full.
std::size_t UdpListener::State::send_outgoing(std::size_t count) {
  std::size_t done = 0;
  while (done < count) {
    const int sent = sendmmsg(fd.get(), &outgoing.messages[done], static_cast<unsigned>(count - done), MSG_DONTWAIT);
    if (sent > 0) {
      done += static_cast<std::size_t>(sent);
      counters.sent += static_cast<std::uint64_t>(sent);
    } else if (errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS) {
      break;
    } else if (errno != EINTR) {
      ++counters.dropped;  // this one cannot be sent (no route, a filter); the others may
      ++done;
    }
  }
  return done;
}

void UdpListener::State::queue(const UdpPeer& peer, wire::Bytes answer) {
  if (queued.size() - flushed >= kUdpMaxQueued || answer.size() > kUdpSendSize || answer.empty()) {
    ++counters.dropped;
    return;
  }
  queued.push_back({peer, queued_octets.size(), answer.size()});
  queued_octets.insert(queued_octets.end(), answer.begin(), answer.end());
  flush_at_round_end.arm();
}

void UdpListener::State::flush_queue() {
  while (flushed < queued.size()) {
    const std::size_t count = std::min(queued.size() - flushed, kUdpGroup);
    for (std::size_t i = 0; i < count; ++i) {
      const Queued& each = queued[flushed + i];
      add_outgoing(i, each.peer, queued_octets.data() + each.offset, each.size);
    }
    const std::size_t done = send_outgoing(count);
    flushed += done;
    if (done < count) {
      watch(UV_READABLE | UV_WRITABLE);
      break;
    }
    loop.glance();
  }
  if (flushed == queued.size()) {
    queued.clear();
    queued_octets.clear();
    if (queued_octets.capacity() > kKeptQueueMemory) queued_octets.shrink_to_fit();
    flushed = 0;
  } else if (flushed >= kUdpMaxQueued) {
    // A socket that is full for long: what is done with makes place, so that the queue's memory stays bounded.
    queued_octets.erase(queued_octets.begin(),
                        queued_octets.begin() + static_cast<std::ptrdiff_t>(queued[flushed].offset));
    const std::size_t gone = queued[flushed].offset;
    queued.erase(queued.begin(), queued.begin() + static_cast<std::ptrdiff_t>(flushed));
    for (Queued& each : queued) each.offset -= gone;
    flushed = 0;
  }
}

std::expected<std::unique_ptr<UdpListener>, std::string> UdpListener::open(Loop& loop, const Endpoint& local,
                                                                           UdpHandler& handler) {
  auto socket = open_listening_socket(local, SocketKind::udp);
  if (!socket) return std::unexpected(std::move(socket.error()));
  const int fd = socket->get();
  ignore_path_mtu(fd, local.address.v6);
  const int one = 1;
  const bool wildcard = is_wildcard(local.address);
  if (wildcard && (local.address.v6 ? setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &one, sizeof one)
                                    : setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &one, sizeof one)) != 0) {
    return std::unexpected("cannot listen on " + local.to_text() +
                           " (UDP): no packet information: " + system_error_text(errno));
  }

  auto state = std::make_unique<State>(loop, std::move(*socket), handler);
  auto poll = std::make_unique<uv_poll_t>();
  if (const int status = uv_poll_init(loop.uv(), poll.get(), fd); status != 0) {
    return std::unexpected("cannot listen on " + local.to_text() + " (UDP): " + uv_strerror(status));
  }
  state->poll = poll.release();
  state->poll->data = state.get();
  state->watch(UV_READABLE);
  return std::unique_ptr<UdpListener>(new UdpListener(std::move(state)));
}

UdpListener::UdpListener(std::unique_ptr<State> state) : state_(std::move(state)) {}

UdpListener::~UdpListener() {
  // Stops watching before the descriptor closes; the handle itself is libuv's until its callback.
  uv_close(reinterpret_cast<uv_handle_t*>(state_->poll),
           [](uv_handle_t* handle) { delete reinterpret_cast<uv_poll_t*>(handle); });
}

void UdpListener::send(const UdpPeer& peer, wire::Bytes answer) {
  state_->queue(peer, answer);
}
const UdpCounters& UdpListener::counters() const {
  return state_->counters;
}
const Endpoint& UdpListener::local() const {
  return state_->local;
}

}  // namespace placard::net
