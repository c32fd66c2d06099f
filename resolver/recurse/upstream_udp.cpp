#include "resolver/recurse/upstream_udp.hpp"

#include <sys/epoll.h>

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <stdexcept>

namespace placard::recurse {
namespace {

constexpr std::size_t kUses = 64;     // questions by one exclusive socket, in all
constexpr Milliseconds kAge = 2'000;  // a socket takes questions for that long
constexpr std::size_t kSharedUses = 4'096;
constexpr std::size_t kSpentKept = kUses;      // ids that a late reply may still bring
constexpr std::uint32_t kLowestPort = 10'000;  // below are the ports of services that may be started beside us
constexpr int kPortTries = 8;
constexpr std::size_t kReceiveBatch = 16;    // datagrams a system call
constexpr std::size_t kReceiveSize = 4'096;  // octets; we ask for less
constexpr int kEventBatch = 32;
/// So many replies before the loop's other handles get their turn: each may lead to much work, and clients whose
/// answers are known wait meanwhile. What is left wakes the loop again at once.
constexpr std::size_t kRepliesPerWake = 256;
constexpr std::size_t kSendBatch = 64;
/// Questions by one socket before what has come is read again: a receive buffer of the usual size holds about 250
/// replies.
constexpr std::size_t kSendsPerRound = 128;
constexpr Milliseconds kRetry = 2;  // when a socket was full

bool would_block(int error) {
  return error == EAGAIN || error == EWOULDBLOCK || error == ENOBUFS;
}

}  // namespace

struct UdpSocket {
  struct Entry {
    std::uint16_t id;
    UdpExchange* exchange;
  };

  Entry* find(std::uint16_t id) {
    const auto found = std::ranges::find(entries, id, &Entry::id);
    return found == entries.end() ? nullptr : &*found;
  }
  bool is_spent(std::uint16_t id) const { return std::ranges::find(spent, id) != spent.end(); }
  void spend(std::uint16_t id) {
    if (spent.size() < kSpentKept) {
      spent.push_back(id);
    } else {
      spent[spent_next++ % kSpentKept] = id;
    }
  }

  net::Descriptor fd;
  bool v6 = false;
  bool exclusive = false;
  bool retired = false;
  net::Endpoint server;  // of an exclusive one
  Milliseconds opened = 0;
  std::size_t uses = 0;
  std::vector<Entry> entries;        // questions in flight
  std::vector<UdpExchange*> unsent;  // of those: to leave at the end of the round
  std::vector<std::uint16_t> spent;  // ids of questions that have ended
  std::size_t spent_next = 0;
  int pins = 0;  // settle() waits while somebody handles this socket
  bool in_idle = false;
  std::list<UdpSocket>::iterator self;
};

struct UdpPool::Receiving {
  std::array<std::array<std::uint8_t, kReceiveSize>, kReceiveBatch> octets;
  std::array<mmsghdr, kReceiveBatch> messages{};
  std::array<iovec, kReceiveBatch> vectors{};
  std::array<sockaddr_storage, kReceiveBatch> addresses{};
};

// The pool: sockets
// ----------------------------------------------------------------------------------------------------

UdpPool::UdpPool(UpstreamContext& context)
    : context_(context),
      epoll_(epoll_create1(EPOLL_CLOEXEC)),
      receiving_(std::make_unique<Receiving>()),
      flush_at_round_end_(context.loop, [this] { flush(); }),
      retry_(context.loop, [this] { flush(); }),
      sweep_(context.loop, [this] { close_old_idle(); }) {
  auto poll = std::make_unique<uv_poll_t>();
  if (!epoll_.valid() || uv_poll_init(context.loop.uv(), poll.get(), epoll_.get()) != 0) {
    throw std::runtime_error("cannot watch sockets: " + net::system_error_text(errno));
  }
  poll_ = poll.release();
  poll_->data = this;
  uv_poll_start(poll_, UV_READABLE,
                [](uv_poll_t* handle, int, int) { static_cast<UdpPool*>(handle->data)->on_readable(); });
  for (std::size_t i = 0; i < kReceiveBatch; ++i) {
    receiving_->vectors[i] = {receiving_->octets[i].data(), kReceiveSize};
    msghdr& header = receiving_->messages[i].msg_hdr;
    header.msg_iov = &receiving_->vectors[i];
    header.msg_iovlen = 1;
    header.msg_name = &receiving_->addresses[i];
  }
}

UdpPool::~UdpPool() {
  for (const UdpSocket& socket : busy_) assert(socket.entries.empty());
  uv_close(reinterpret_cast<uv_handle_t*>(poll_),
           [](uv_handle_t* handle) { delete reinterpret_cast<uv_poll_t*>(handle); });
}

std::expected<void, NetworkError> UdpPool::add(UdpExchange& exchange) {
  const auto found = socket_for(exchange.outgoing_.server);
  if (!found) return std::unexpected(found.error());
  UdpSocket& socket = **found;
  std::uint16_t id = context_.random.next16();
  // Few of the 65,536 are taken: kUses, or what is in flight on a shared socket.
  while (socket.find(id) != nullptr || socket.is_spent(id)) id = context_.random.next16();
  exchange.message_.set_id(id);
  exchange.socket_ = &socket;
  ++socket.uses;
  if (socket.in_idle) {
    socket.in_idle = false;
    busy_.splice(busy_.end(), idle_, socket.self);
  }
  socket.entries.push_back({id, &exchange});
  if (socket.unsent.empty()) unsent_.push_back(&socket);
  socket.unsent.push_back(&exchange);
  flush_at_round_end_.arm();
  return {};
}

void UdpPool::remove(UdpExchange& exchange) {
  if (exchange.socket_ == nullptr) return;
  UdpSocket& socket = *exchange.socket_;
  exchange.socket_ = nullptr;
  const std::uint16_t id = exchange.message_.id();
  UdpSocket::Entry* entry = socket.find(id);
  assert(entry != nullptr && entry->exchange == &exchange);
  *entry = socket.entries.back();
  socket.entries.pop_back();
  socket.spend(id);
  std::erase(socket.unsent, &exchange);
  settle(socket);
}

bool UdpPool::worn(const UdpSocket& socket) const {
  return socket.uses >= (socket.exclusive ? kUses : kSharedUses) || context_.loop.now() - socket.opened >= kAge;
}

std::expected<UdpSocket*, NetworkError> UdpPool::socket_for(const net::Endpoint& server) {
  if (const auto found = current_.find(server); found != current_.end()) {
    UdpSocket& socket = *found->second;
    if (!worn(socket)) return &socket;
    retire(socket);
    settle(socket);
  }
  // A quarter of the sockets is kept for the shared ones: of two families, and those that wear out beside.
  const std::size_t most = std::max<std::size_t>(1, context_.limits.udp_sockets - context_.limits.udp_sockets / 4);
  if (exclusive_ >= most && !idle_.empty()) close(idle_.front());
  if (exclusive_ < most) {
    const auto opened = open(server.address.v6, &server);
    if (opened) return opened;
    if (opened.error() != NetworkError::overloaded) return opened;
  }
  UdpSocket* shared = shared_socket(server.address.v6);
  if (shared == nullptr) return std::unexpected(NetworkError::overloaded);
  return shared;
}

UdpSocket* UdpPool::shared_socket(bool v6) {
  auto& sockets = shared_[v6 ? 1 : 0];
  const std::size_t most = std::max<std::size_t>(1, context_.limits.udp_sockets / 16);
  if (sockets.size() < most) {
    if (const auto opened = open(v6, nullptr)) sockets.push_back(*opened);
  }
  if (sockets.empty()) return nullptr;
  UdpSocket*& picked = sockets[context_.random.below(static_cast<std::uint32_t>(sockets.size()))];
  if (worn(*picked) && retired_shared_ < 2 * most) {
    if (const auto opened = open(v6, nullptr)) {
      UdpSocket& old = *picked;
      picked = *opened;
      ++retired_shared_;
      old.retired = true;
      settle(old);
    }
  }
  return picked;
}

/// A socket of its own random port; one that the kernel gives when the tries are all taken.
net::Descriptor UdpPool::open_bound(bool v6) {
  net::Descriptor fd(::socket(v6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd.valid()) return fd;
  if (v6) {
    const int one = 1;
    setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one);
  }
  net::ignore_path_mtu(fd.get(), v6);
  for (int tries = 0; tries <= kPortTries; ++tries) {
    net::Endpoint local;
    local.address.v6 = v6;
    local.port =
        tries == kPortTries ? 0 : static_cast<std::uint16_t>(kLowestPort + context_.random.below(65'536 - kLowestPort));
    sockaddr_storage address{};
    const socklen_t size = local.to_sockaddr(address);
    if (bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), size) == 0) return fd;
  }
  return {};
}

/// Connected and exclusive with `server`, shared without. overloaded: the system has no more sockets or ports for us.
std::expected<UdpSocket*, NetworkError> UdpPool::open(bool v6, const net::Endpoint* server) {
  net::Descriptor fd = open_bound(v6);
  if (!fd.valid()) return std::unexpected(errno == EAFNOSUPPORT ? NetworkError::unreachable : NetworkError::overloaded);
  if (server != nullptr) {
    sockaddr_storage address{};
    const socklen_t size = server->to_sockaddr(address);
    if (connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), size) != 0) {
      return std::unexpected(NetworkError::unreachable);
    }
  }
  UdpSocket& socket = busy_.emplace_back();
  socket.self = std::prev(busy_.end());
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.ptr = &socket;
  if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd.get(), &event) != 0) {
    busy_.pop_back();
    return std::unexpected(NetworkError::overloaded);
  }
  socket.fd = std::move(fd);
  socket.v6 = v6;
  socket.opened = context_.loop.now();
  if (server != nullptr) {
    socket.exclusive = true;
    socket.server = *server;
    ++exclusive_;
    current_[*server] = &socket;
  }
  return &socket;
}

void UdpPool::retire(UdpSocket& socket) {
  if (socket.retired || !socket.exclusive) return;
  socket.retired = true;
  current_.erase(socket.server);
}

void UdpPool::settle(UdpSocket& socket) {
  if (!socket.entries.empty() || socket.pins > 0) return;
  if (socket.retired) return close(socket);
  if (!socket.exclusive || socket.in_idle) return;
  if (idle_.empty()) sweep_.start(kAge);
  socket.in_idle = true;
  idle_.splice(idle_.end(), busy_, socket.self);
}

void UdpPool::close(UdpSocket& socket) {
  assert(socket.entries.empty() && socket.pins == 0);
  if (socket.exclusive) {
    retire(socket);
    --exclusive_;
  } else {
    --retired_shared_;
  }
  std::ranges::replace(unsent_, &socket, nullptr);
  std::ranges::replace(flushing_, &socket, nullptr);
  socket.fd = {};  // leaves the epoll set by itself
  closed_.splice(closed_.end(), socket.in_idle ? idle_ : busy_, socket.self);
  if (!handling_events_) closed_.clear();
}

void UdpPool::close_old_idle() {
  // Those idle for longest need not be the oldest; a young one is looked at again next time.
  for (auto next = idle_.begin(); next != idle_.end();) {
    UdpSocket& socket = *next++;
    if (worn(socket)) close(socket);
  }
  if (!idle_.empty()) sweep_.start(kAge);
}

// The pool: datagrams
// --------------------------------------------------------------------------------------------------

void UdpPool::on_readable() {
  std::array<epoll_event, kEventBatch> events;
  for (std::size_t replies = 0; replies < kRepliesPerWake;) {
    const int count = epoll_wait(epoll_.get(), events.data(), kEventBatch, 0);
    handling_events_ = true;
    for (int i = 0; i < count && replies < kRepliesPerWake; ++i) {
      auto* socket = static_cast<UdpSocket*>(events[static_cast<std::size_t>(i)].data.ptr);
      if (!socket->fd.valid()) continue;
      replies += receive(*socket);
    }
    handling_events_ = false;
    closed_.clear();
    if (count < kEventBatch) return;
  }
}

/// How many datagrams there were.
std::size_t UdpPool::receive(UdpSocket& socket) {
  Receiving& receiving = *receiving_;
  for (auto& message : receiving.messages) message.msg_hdr.msg_namelen = sizeof(sockaddr_storage);
  const int count = recvmmsg(socket.fd.get(), receiving.messages.data(), kReceiveBatch, MSG_DONTWAIT, nullptr);
  ++socket.pins;
  if (count < 0 && !would_block(errno) && errno != EINTR) {
    fail_all(socket);  // an ICMP error: the server, or its port, is not there
  }
  for (int i = 0; i < count; ++i) {
    const auto place = static_cast<std::size_t>(i);
    const auto from = net::Endpoint::from_sockaddr(reinterpret_cast<const sockaddr*>(&receiving.addresses[place]));
    deliver(socket, from, {receiving.octets[place].data(), receiving.messages[place].msg_len});
    context_.loop.glance();
  }
  --socket.pins;
  settle(socket);
  return static_cast<std::size_t>(std::max(count, 0));
}

void UdpPool::deliver(UdpSocket& socket, const net::Endpoint& from, wire::Bytes datagram) {
  if (datagram.size() < 2) {
    context_.counters.drop(Drop::malformed);
    return near_miss(socket, from);
  }
  const auto id = static_cast<std::uint16_t>(datagram[0] << 8U | datagram[1]);
  UdpSocket::Entry* entry = socket.find(id);
  if (entry != nullptr && entry->exchange->outgoing_.server == from) return entry->exchange->on_reply(datagram);
  context_.counters.drop(entry == nullptr ? Drop::id : Drop::address);
  if (entry == nullptr && !socket.is_spent(id)) near_miss(socket, from);  // a spent id: a late reply, or a second one
}

/// A wrong id from the right address: somebody may be guessing. Each question to that server takes note.
void UdpPool::near_miss(UdpSocket& socket, const net::Endpoint& from) {
  std::vector<UdpExchange*> giving_up;
  for (const UdpSocket::Entry& entry : socket.entries) {
    if (entry.exchange->outgoing_.server != from) continue;
    if (entry.exchange->near_misses_ + 1 < context_.limits.near_misses) {
      ++entry.exchange->near_misses_;
    } else {
      giving_up.push_back(entry.exchange);
    }
  }
  for (UdpExchange* exchange : giving_up) {
    // One that gives up may cancel the others: only those still there are told.
    const auto still = std::ranges::find(socket.entries, exchange, &UdpSocket::Entry::exchange);
    if (still != socket.entries.end()) exchange->on_near_miss();
  }
}

void UdpPool::fail_all(UdpSocket& socket) {
  if (!socket.exclusive) return;  // of which server, an unconnected socket does not say
  ++socket.pins;
  retire(socket);  // what asks the server again gets another socket: this loop ends
  while (!socket.entries.empty()) socket.entries.back().exchange->finish(std::unexpected(NetworkError::unreachable));
  --socket.pins;
  settle(socket);
}

void UdpPool::flush() {
  flushing_.swap(unsent_);
  for (std::size_t i = 0; i < flushing_.size(); ++i) {
    UdpSocket* socket = flushing_[i];
    if (socket == nullptr || socket->unsent.empty()) continue;
    ++socket->pins;
    flush_socket(*socket);
    --socket->pins;
    settle(*socket);
    context_.loop.glance();
  }
  flushing_.clear();
}

void UdpPool::flush_socket(UdpSocket& socket) {
  std::array<mmsghdr, kSendBatch> messages;
  std::array<iovec, kSendBatch> vectors;
  std::array<sockaddr_storage, kSendBatch> addresses;
  for (std::size_t total = 0; !socket.unsent.empty();) {
    if (total >= kSendsPerRound) {
      unsent_.push_back(&socket);
      return flush_at_round_end_.arm();
    }
    const std::size_t count = std::min(socket.unsent.size(), kSendBatch);
    for (std::size_t i = 0; i < count; ++i) {
      const wire::Bytes octets = socket.unsent[i]->message_.bytes();
      vectors[i] = {const_cast<std::uint8_t*>(octets.data()), octets.size()};  // sendmmsg only reads
      messages[i] = {};
      messages[i].msg_hdr.msg_iov = &vectors[i];
      messages[i].msg_hdr.msg_iovlen = 1;
      if (!socket.exclusive) {
        messages[i].msg_hdr.msg_name = &addresses[i];
        messages[i].msg_hdr.msg_namelen = socket.unsent[i]->outgoing_.server.to_sockaddr(addresses[i]);
      }
    }
    const int sent = sendmmsg(socket.fd.get(), messages.data(), static_cast<unsigned>(count), MSG_DONTWAIT);
    if (sent > 0) {
      for (int i = 0; i < sent; ++i) socket.unsent[static_cast<std::size_t>(i)]->sent_ = context_.loop.now();
      socket.unsent.erase(socket.unsent.begin(), socket.unsent.begin() + sent);
      context_.counters.udp_sent += static_cast<std::uint64_t>(sent);
      total += static_cast<std::size_t>(sent);
    } else if (would_block(errno)) {
      unsent_.push_back(&socket);
      return retry_.start(kRetry);
    } else if (errno == ECONNREFUSED && socket.exclusive) {
      return fail_all(socket);
    } else if (errno != EINTR) {
      socket.unsent.front()->finish(std::unexpected(NetworkError::unreachable));
    }
  }
}

}  // namespace placard::recurse
