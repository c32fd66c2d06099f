#include "resolver/app/control.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <pwd.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <condition_variable>
#include <cstring>
#include <mutex>
#include <optional>
#include <thread>

#include "resolver/net/socket.hpp"

namespace placard::app {
namespace {

using Clock = std::chrono::steady_clock;

using net::Descriptor;

std::string system_error(std::string_view what) {
  return fmt::format("{}: {}", what, std::strerror(errno));
}

std::optional<sockaddr_un> socket_address(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof address.sun_path) return std::nullopt;
  std::memcpy(address.sun_path, path.data(), path.size());
  return address;
}

const sockaddr* generic(const sockaddr_un& address) {
  return reinterpret_cast<const sockaddr*>(&address);
}

/// Waits for `events` on `fd`, or for `cancel` to become readable. False: not before the deadline, or cancelled.
bool wait_for(int fd, short events, Clock::time_point deadline, int cancel = -1) {
  for (;;) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
    if (left <= 0) return false;
    pollfd watched[2] = {{fd, events, 0}, {cancel, POLLIN, 0}};
    const int ready = ::poll(watched, cancel >= 0 ? 2 : 1, static_cast<int>(std::min<long long>(left, 60'000)));
    if (ready < 0 && errno != EINTR) return false;
    if (ready > 0 && watched[0].revents != 0) return true;
    if (ready > 0 && watched[1].revents != 0) return false;
  }
}

/// Reads up to the first newline, which is left out. What stands behind it is not ours to read.
std::expected<std::string, std::string> read_line(int fd, std::size_t limit, Clock::time_point deadline,
                                                  int cancel = -1) {
  std::string line;
  char buffer[16384];
  for (;;) {
    if (!wait_for(fd, POLLIN, deadline, cancel)) return std::unexpected("timed out");
    const auto got = ::recv(fd, buffer, sizeof buffer, MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) continue;
    if (got < 0) return std::unexpected(system_error("read"));
    if (got == 0) return std::unexpected("ended before the end of the line");
    const auto* end = static_cast<const char*>(std::memchr(buffer, '\n', static_cast<std::size_t>(got)));
    line.append(buffer, end ? static_cast<std::size_t>(end - buffer) : static_cast<std::size_t>(got));
    if (line.size() > limit) return std::unexpected(fmt::format("longer than {} octets", limit));
    if (end) return line;
  }
}

std::expected<void, std::string> write_line(int fd, std::string_view line, Clock::time_point deadline,
                                            int cancel = -1) {
  std::string whole(line);
  whole += '\n';
  std::string_view left = whole;
  while (!left.empty()) {
    if (!wait_for(fd, POLLOUT, deadline, cancel)) return std::unexpected("timed out");
    const auto sent = ::send(fd, left.data(), left.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent < 0 && (errno == EAGAIN || errno == EINTR)) continue;
    if (sent < 0) return std::unexpected(system_error("write"));
    left.remove_prefix(static_cast<std::size_t>(sent));
  }
  return {};
}

std::string error_reply(std::string_view reason) {
  return fmt::format(R"({{"error":"{}"}})", reason);
}

}  // namespace

std::string author_of(unsigned uid) {
  passwd entry{};
  passwd* found = nullptr;
  char buffer[4096];
  if (::getpwuid_r(uid, &entry, buffer, sizeof buffer, &found) == 0 && found)
    return fmt::format("uid {} ({})", uid, found->pw_name);
  return fmt::format("uid {}", uid);
}

struct ControlServer::State {
  std::string path;
  ControlLimits limits;
  Descriptor listener, cancel;
  struct stat file{};  // as bound: only our own file is removed in the end
  ControlHandler handler;
  std::thread acceptor;
  std::mutex mutex;
  std::condition_variable idle;
  std::size_t connections = 0;  // guarded by mutex

  void accept_all() {
    for (;;) {
      pollfd watched[2] = {{listener.get(), POLLIN, 0}, {cancel.get(), POLLIN, 0}};
      if (::poll(watched, 2, -1) < 0 && errno != EINTR) return;
      if (watched[1].revents != 0) return;
      Descriptor client(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
      if (client.get() < 0) {
        // Out of descriptors: the connection stays in the backlog; a pause keeps this from spinning.
        if (errno == EMFILE || errno == ENFILE)
          wait_for(cancel.get(), POLLIN, Clock::now() + std::chrono::milliseconds(100));
        continue;
      }
      const std::lock_guard lock(mutex);
      if (connections == limits.connections) {
        (void)write_line(client.get(), error_reply("the server is busy with other commands"),
                         Clock::now() + std::chrono::seconds(1));
        continue;
      }
      ++connections;
      try {
        std::thread([this, owned = std::make_shared<Descriptor>(std::move(client))]() mutable {
          serve_one(owned->get());
          owned.reset();
          const std::lock_guard done(mutex);
          if (--connections == 0) idle.notify_all();
        }).detach();
      } catch (const std::system_error&) {
        --connections;
      }
    }
  }

  void serve_one(int client) {
    ucred peer{};
    socklen_t size = sizeof peer;
    if (::getsockopt(client, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return;
    const auto request = read_line(client, limits.request, Clock::now() + limits.read, cancel.get());
    auto reply = request ? handler(*request, author_of(peer.uid)) : error_reply("request: " + request.error());
    if (reply.size() > limits.reply) reply = error_reply("the reply is too large for the control socket");
    // Whoever asked and went away needs no reply.
    (void)write_line(client, reply, Clock::now() + limits.write);
  }
};

ControlServer::ControlServer(std::unique_ptr<State> state) : state_(std::move(state)) {}

std::expected<std::unique_ptr<ControlServer>, std::string> ControlServer::open(const std::string& path,
                                                                               const ControlLimits& limits) {
  const auto address = socket_address(path);
  if (!address)
    return std::unexpected(fmt::format("control socket {}: the path is too long for a socket (107 octets)", path));
  auto state = std::make_unique<State>();
  state->path = path;
  state->limits = limits;
  state->listener = Descriptor(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  state->cancel = Descriptor(::eventfd(0, EFD_CLOEXEC));
  if (state->listener.get() < 0 || state->cancel.get() < 0) return std::unexpected(system_error("control socket"));

  struct stat old{};
  if (::lstat(path.c_str(), &old) == 0) {
    if (!S_ISSOCK(old.st_mode))
      return std::unexpected(fmt::format("control socket {}: a file that is no socket is in the way", path));
    const Descriptor probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    const bool alive =
        ::connect(probe.get(), generic(*address), sizeof *address) == 0 || errno == EAGAIN || errno == EINPROGRESS;
    if (alive) return std::unexpected(fmt::format("control socket {}: another server is running there", path));
    if (errno != ECONNREFUSED) return std::unexpected(system_error(fmt::format("control socket {}", path)));
    ::unlink(path.c_str());
  }
  const auto mask = ::umask(0177);  // the file is private from its first moment
  const int bound = ::bind(state->listener.get(), generic(*address), sizeof *address);
  const auto bind_error = system_error(fmt::format("control socket {}", path));
  ::umask(mask);
  if (bound != 0) return std::unexpected(bind_error);
  ::lstat(path.c_str(), &state->file);
  if (::listen(state->listener.get(), 16) != 0)
    return std::unexpected(system_error(fmt::format("control socket {}", path)));
  return std::unique_ptr<ControlServer>(new ControlServer(std::move(state)));
}

void ControlServer::serve(ControlHandler handler) {
  state_->handler = std::move(handler);
  state_->acceptor = std::thread([state = state_.get()] { state->accept_all(); });
}

ControlServer::~ControlServer() {
  ::eventfd_write(state_->cancel.get(), 1);
  if (state_->acceptor.joinable()) state_->acceptor.join();
  std::unique_lock lock(state_->mutex);
  state_->idle.wait(lock, [this] { return state_->connections == 0; });
  struct stat now{};
  if (::lstat(state_->path.c_str(), &now) == 0 && now.st_ino == state_->file.st_ino &&
      now.st_dev == state_->file.st_dev)
    ::unlink(state_->path.c_str());
}

std::expected<std::string, ControlError> control_call(const std::string& path, std::string_view request,
                                                      std::chrono::milliseconds patience, const ControlLimits& limits) {
  auto failed = [](ControlFailure kind, std::string reason) {
    return std::unexpected(ControlError{kind, std::move(reason)});
  };
  const auto address = socket_address(path);
  if (!address) return failed(ControlFailure::no_server, fmt::format("{}: the path is too long for a socket", path));
  const Descriptor server(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (server.get() < 0) return failed(ControlFailure::broken, system_error("socket"));
  if (::connect(server.get(), generic(*address), sizeof *address) != 0) {
    if (errno == ENOENT || errno == ECONNREFUSED || errno == ENOTDIR)
      return failed(ControlFailure::no_server, fmt::format("no server runs at {}", path));
    const bool denied = errno == EACCES || errno == EPERM;
    return failed(denied ? ControlFailure::forbidden : ControlFailure::broken, system_error(path));
  }
  if (request.find('\n') != request.npos || request.size() > limits.request)
    return failed(ControlFailure::broken, fmt::format("the request is longer than {} octets", limits.request));
  const auto deadline = Clock::now() + patience;
  if (auto written = write_line(server.get(), request, deadline); !written) {
    // A busy server says so and closes before it has read all.
    if (auto reply = read_line(server.get(), limits.reply, deadline)) return *reply;
    return failed(ControlFailure::broken, fmt::format("{}: {}", path, written.error()));
  }
  auto reply = read_line(server.get(), limits.reply, deadline);
  if (!reply) return failed(ControlFailure::broken, fmt::format("{}: the server's reply {}", path, reply.error()));
  return *std::move(reply);
}

}  // namespace placard::app
