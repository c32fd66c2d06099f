#include "resolver/net/reset.hpp"

#include <poll.h>

#include <cerrno>
#include <thread>

#include "resolver/net/listener.hpp"

namespace placard::net {
namespace {

constexpr int kAcceptsPerRound = 64;  // so that no listener starves the others

/// Accepts and resets what waits. False when the system has no descriptor to spare.
bool reset_waiting(int listener) {
  for (int i = 0; i < kAcceptsPerRound; ++i) {
    const Descriptor connection(accept4(listener, nullptr, nullptr, SOCK_CLOEXEC));
    if (!connection.valid()) return errno != EMFILE && errno != ENFILE && errno != ENOBUFS && errno != ENOMEM;
    const linger at_once{.l_onoff = 1, .l_linger = 0};  // close() then sends RST
    setsockopt(connection.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  }
  return true;
}

}  // namespace

struct ResetListener::State {
  std::vector<Descriptor> sockets;
  std::vector<Endpoint> endpoints;
  Bell bell;
  std::jthread thread;

  void run() {
    std::vector<pollfd> watched{{bell.fd(), POLLIN, 0}};
    for (const auto& socket : sockets) watched.push_back({socket.get(), POLLIN, 0});
    while (true) {
      poll(watched.data(), watched.size(), -1);
      if (watched[0].revents != 0) return;
      bool breathe = false;
      for (std::size_t i = 1; i < watched.size(); ++i) {
        if (watched[i].revents != 0) breathe = !reset_waiting(watched[i].fd) || breathe;
      }
      constexpr int kBreath = 100;  // milliseconds: the socket stays readable, and we must not spin
      if (breathe) poll(watched.data(), 1, kBreath);
    }
  }
};

std::expected<std::unique_ptr<ResetListener>, std::string> ResetListener::start(
    const std::vector<Endpoint>& endpoints) {
  auto sockets = listen_exclusively(endpoints);
  if (!sockets) return std::unexpected(sockets.error());
  auto state = std::make_unique<State>();
  state->sockets = std::move(*sockets);
  for (const auto& socket : state->sockets) state->endpoints.push_back(local_endpoint(socket.get()));
  state->thread = std::jthread([raw = state.get()] { raw->run(); });
  return std::unique_ptr<ResetListener>(new ResetListener(std::move(state)));
}

ResetListener::ResetListener(std::unique_ptr<State> state) : state_(std::move(state)) {}

ResetListener::~ResetListener() {
  state_->bell.ring();
  state_->thread.join();
}

const std::vector<Endpoint>& ResetListener::endpoints() const {
  return state_->endpoints;
}

}  // namespace placard::net
