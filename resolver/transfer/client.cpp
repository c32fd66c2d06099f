#include "resolver/transfer/client.hpp"

#include <gnutls/crypto.h>

#include <array>
#include <cassert>
#include <optional>

#include "zones/wire/message.hpp"
#include "zones/wire/octets.hpp"

namespace placard::transfer {
namespace {

constexpr std::size_t kReadAhead = 256U << 10U;  // octets read and not yet asked for: then reading pauses
constexpr std::size_t kUdpSize = 4096;

struct Failure {
  std::string text;
};
/// nullopt: it has come to pass.
using Outcome = std::optional<Failure>;

}  // namespace

std::uint16_t random_id() {
  std::uint16_t id = 0;
  gnutls_rnd(GNUTLS_RND_NONCE, &id, sizeof id);
  return id;
}

std::uint32_t random_below(std::uint32_t bound) {
  assert(bound > 0);
  std::uint32_t value = 0;
  gnutls_rnd(GNUTLS_RND_NONCE, &value, sizeof value);
  return value % bound;  // for spreading in time: the bias does no harm
}

// ---------------------------------------------------------------- UDP

namespace {

class UdpQuestion final : private net::Alarm {
 public:
  UdpQuestion(net::Loop& loop, std::uint16_t id) : Alarm(loop), id_(id), udp_(new uv_udp_t) {
    uv_udp_init(loop.uv(), udp_);
    udp_->data = this;
  }
  ~UdpQuestion() override {
    udp_->data = nullptr;
    uv_close(reinterpret_cast<uv_handle_t*>(udp_),
             [](uv_handle_t* handle) { delete reinterpret_cast<uv_udp_t*>(handle); });
  }

  std::optional<std::string> send(const net::Endpoint& server, const Message& question, net::Milliseconds timeout) {
    sockaddr_storage address{};
    server.to_sockaddr(address);
    int status = uv_udp_connect(udp_, reinterpret_cast<const sockaddr*>(&address));
    uv_buf_t buffer = uv_buf_init(reinterpret_cast<char*>(const_cast<std::uint8_t*>(question.data())),
                                  static_cast<unsigned>(question.size()));
    if (status == 0) {
      const int sent = uv_udp_try_send(udp_, &buffer, 1, nullptr);
      status = sent < 0 ? sent : 0;
    }
    if (status == 0)
      status = uv_udp_recv_start(
          udp_,
          [](uv_handle_t* handle, std::size_t, uv_buf_t* into) {
            auto* self = static_cast<UdpQuestion*>(handle->data);
            *into = uv_buf_init(reinterpret_cast<char*>(self->buffer_.data()), kUdpSize);
          },
          [](uv_udp_t* handle, ssize_t size, const uv_buf_t* from, const sockaddr* peer, unsigned) {
            auto* self = static_cast<UdpQuestion*>(handle->data);
            if (self == nullptr) return;
            if (size < 0) return self->finish(std::unexpected(std::string(uv_strerror(static_cast<int>(size)))));
            if (size > 0 && peer != nullptr)
              self->on_datagram({reinterpret_cast<const std::uint8_t*>(from->base), static_cast<std::size_t>(size)});
          });
    if (status != 0) return std::string(uv_strerror(status));
    Alarm::start(timeout);
    return std::nullopt;
  }

  net::Completion<std::expected<Message, std::string>> done;

 private:
  void on_datagram(wire::Bytes octets) {
    if (octets.size() >= wire::kHeaderSize && wire::load16(octets.data()) == id_)
      finish(Message(octets.begin(), octets.end()));
  }
  void on_time() override { finish(std::unexpected(std::string("no answer in time"))); }
  /// The last thing that is done with this object: whoever waits may destroy it.
  void finish(std::expected<Message, std::string> outcome) {
    if (done.completed()) return;
    stop();
    uv_udp_recv_stop(udp_);
    done.complete(std::move(outcome));
  }

  std::uint16_t id_;
  uv_udp_t* udp_;
  std::array<std::uint8_t, kUdpSize> buffer_;
};

}  // namespace

net::Task<std::expected<Message, std::string>> ask_udp(net::Loop& loop, net::Endpoint server, Message question,
                                                       net::Milliseconds timeout) {
  UdpQuestion exchange(loop, wire::load16(question.data()));
  if (const auto failed = exchange.send(server, question, timeout)) co_return std::unexpected(*failed);
  co_return co_await exchange.done;
}

// ---------------------------------------------------------------- TCP

/// Outlives TcpClient until libuv has let go of the handle.
struct TcpClient::Socket final : private net::Alarm {
  explicit Socket(net::Loop& loop) : Alarm(loop) {
    uv_tcp_init(loop.uv(), &tcp);
    tcp.data = this;
  }

  void close() {
    waiting = nullptr;
    stop();
    uv_close(reinterpret_cast<uv_handle_t*>(&tcp),
             [](uv_handle_t* handle) { delete static_cast<Socket*>(handle->data); });
  }

  /// What a task waits for: lives in its frame.
  class Wait {
   public:
    Wait(Socket& socket, net::Milliseconds timeout) : socket_(&socket) {
      assert(socket.waiting == nullptr);
      socket.waiting = this;
      socket.start(timeout);
    }
    ~Wait() {
      if (socket_ != nullptr && socket_->waiting == this) {
        socket_->waiting = nullptr;
        socket_->stop();
      }
    }
    Wait(const Wait&) = delete;
    Wait& operator=(const Wait&) = delete;
    net::Completion<Outcome> done;

   private:
    friend struct Socket;
    Socket* socket_;
  };

  /// Who waits goes on inside this call and may close the socket.
  void tell(Outcome outcome) {
    if (waiting == nullptr) return;
    Wait& wait = *waiting;
    waiting = nullptr;
    wait.socket_ = nullptr;
    stop();
    wait.done.complete(std::move(outcome));
  }
  void on_time() override { tell(Failure{"no answer in time"}); }

  bool has_message() const {
    return input.size() - used >= 2 && input.size() - used - 2 >= wire::load16(input.data() + used);
  }
  Message take_message() {
    const auto at = input.begin() + static_cast<std::ptrdiff_t>(used);
    const std::size_t size = wire::load16(input.data() + used);
    Message message(at + 2, at + 2 + static_cast<std::ptrdiff_t>(size));
    used += 2 + size;
    if (used == input.size()) {
      input.clear();
      used = 0;
    } else if (used > kReadAhead / 2) {
      input.erase(input.begin(), input.begin() + static_cast<std::ptrdiff_t>(used));
      used = 0;
    }
    return message;
  }
  void read() {
    if (reading || ended) return;
    const int status = uv_read_start(
        stream(),
        [](uv_handle_t* handle, std::size_t, uv_buf_t* into) {
          auto* self = static_cast<Socket*>(handle->data);
          *into = uv_buf_init(reinterpret_cast<char*>(self->buffer.data()), static_cast<unsigned>(self->buffer.size()));
        },
        [](uv_stream_t* from, ssize_t size, const uv_buf_t*) { static_cast<Socket*>(from->data)->on_read(size); });
    reading = status == 0;
    if (status != 0) ended = Failure{uv_strerror(status)};
  }
  void on_read(ssize_t size) {
    if (size == 0) return;
    if (size < 0) {
      uv_read_stop(stream());
      reading = false;
      ended = Failure{size == UV_EOF ? "the server closed the connection" : uv_strerror(static_cast<int>(size))};
      return tell(ended);
    }
    input.insert(input.end(), buffer.begin(), buffer.begin() + size);
    if (input.size() - used >= kReadAhead && has_message()) {
      uv_read_stop(stream());
      reading = false;
    }
    if (has_message()) tell(std::nullopt);
  }
  uv_stream_t* stream() { return reinterpret_cast<uv_stream_t*>(&tcp); }

  uv_tcp_t tcp{};
  uv_connect_t connecting{};
  Wait* waiting = nullptr;
  std::array<std::uint8_t, 65536> buffer;
  std::vector<std::uint8_t> input;
  std::size_t used = 0;  // octets of it that were taken
  bool reading = false;
  std::optional<Failure> ended;
};

TcpClient::TcpClient(net::Loop& loop) : socket_(new Socket(loop)) {}

TcpClient::~TcpClient() {
  socket_->close();
}

net::Task<std::expected<void, std::string>> TcpClient::connect(net::Endpoint server, net::Milliseconds timeout) {
  sockaddr_storage address{};
  server.to_sockaddr(address);
  socket_->connecting.data = socket_;
  const int status = uv_tcp_connect(
      &socket_->connecting, &socket_->tcp, reinterpret_cast<const sockaddr*>(&address),
      [](uv_connect_t* request, int result) {
        if (result == UV_ECANCELED) return;  // closed; the task is gone
        static_cast<Socket*>(request->data)->tell(result == 0 ? Outcome() : Failure{uv_strerror(result)});
      });
  if (status != 0) co_return std::unexpected(std::string(uv_strerror(status)));
  Socket::Wait wait(*socket_, timeout);
  const Outcome outcome = co_await wait.done;
  if (outcome) co_return std::unexpected(outcome->text);
  uv_tcp_nodelay(&socket_->tcp, 1);
  co_return std::expected<void, std::string>();
}

std::expected<void, std::string> TcpClient::send(Message message) {
  struct Write {
    uv_write_t request;
    std::vector<std::uint8_t> octets;
  };
  auto write = std::make_unique<Write>();
  write->octets.resize(2);
  wire::store16(write->octets.data(), static_cast<std::uint16_t>(message.size()));
  write->octets.insert(write->octets.end(), message.begin(), message.end());
  write->request.data = write.get();
  uv_buf_t buffer =
      uv_buf_init(reinterpret_cast<char*>(write->octets.data()), static_cast<unsigned>(write->octets.size()));
  const int status = uv_write(&write->request, socket_->stream(), &buffer, 1,
                              [](uv_write_t* request, int) { delete static_cast<Write*>(request->data); });
  if (status != 0) return std::unexpected(std::string(uv_strerror(status)));
  write.release();
  return {};
}

net::Task<std::expected<Message, std::string>> TcpClient::receive(net::Milliseconds timeout) {
  if (!socket_->has_message()) {
    socket_->read();
    if (socket_->ended) co_return std::unexpected(socket_->ended->text);
    Socket::Wait wait(*socket_, timeout);
    const Outcome outcome = co_await wait.done;
    if (outcome) co_return std::unexpected(outcome->text);
  }
  co_return socket_->take_message();
}

}  // namespace placard::transfer
