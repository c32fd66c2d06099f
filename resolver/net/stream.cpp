#include "resolver/net/stream.hpp"

#include <netinet/tcp.h>

#include <algorithm>
#include <list>
#include <map>
#include <vector>

#include "resolver/net/socket.hpp"
#include "resolver/net/stream_connection.hpp"

namespace placard::net {
namespace {

constexpr int kBacklog = 1024;         // connections that wait for accept(); the system may hold fewer
constexpr int kFastOpenBacklog = 256;  // TCP Fast Open (RFC 7413) connections that have no full handshake yet

/// What one client is for connections_per_client: whoever has an IPv6 address has the rest of its /64.
Address client_of(Address address) {
  if (address.v6) std::fill(address.octets.begin() + 8, address.octets.end(), std::uint8_t{0});
  return address;
}

}  // namespace

struct StreamListener::State final : ConnectionOwner {
  State(Loop& its_loop, StreamHandler& its_handler, const StreamLimits& its_limits)
      : loop(its_loop), handler(its_handler), round_end(its_loop, [this] { go_on(); }) {
    limits = its_limits;
  }

  void accept();
  void close_idle();
  bool on_client(Connection& connection) override;
  Milliseconds idle_time() const override;
  bool make_place();
  void go_on();
  void on_message(Connection& connection, wire::Bytes message) override {
    handler.on_message(message, connection.shared_from_this());
  }
  void on_active(Connection& connection) override {
    connections.splice(connections.end(), connections, connection.place);
  }
  void on_closed(Connection& connection) override;
  void close_slowest() override;
  void at_round_end(Connection& connection) override {
    waiting.push_back(connection.shared_from_this());
    round_end.arm();
  }

  Loop& loop;
  StreamHandler& handler;
  Endpoint local;
  uv_tcp_t* tcp = nullptr;                             // freed by its close callback
  std::list<std::shared_ptr<Connection>> connections;  // the longest inactive first
  std::map<Address, std::size_t> per_client;           // connections; no zeros
  std::vector<std::shared_ptr<Connection>> waiting;    // for the end of the round
  RoundEnd round_end;
};

void StreamListener::State::accept() {
  const auto connection = std::make_shared<Connection>(loop, *this);
  if (!connection->accept(*tcp)) return;
  close_idle();
  connection->place = connections.insert(connections.end(), connection);
  const bool from_proxy = limits.is_proxy && limits.is_proxy(connection->remote().address);
  if ((!from_proxy && !on_client(*connection)) || (connections.size() > limits.connections && !make_place())) {
    ++counters.refused;
    return connection->close();
  }
  ++counters.accepted;
  connection->start_reading();
}

/// Counts a connection as its client's; false: that has too many.
bool StreamListener::State::on_client(Connection& connection) {
  connection.counted_as = client_of(connection.remote().address);
  return ++per_client[*connection.counted_as] <= limits.connections_per_client;
}

/// Idle connections are a courtesy: from half of the places on, the time they have shrinks to a tenth (RFC 7766 6.2.3).
Milliseconds StreamListener::State::idle_time() const {
  const std::size_t half = limits.connections / 2;
  if (connections.size() <= half || half == 0) return limits.idle;
  return limits.idle - limits.idle * 9 / 10 * std::min(connections.size() - half, half) / half;
}

/// Those that have been idle for longer than there is time for now.
void StreamListener::State::close_idle() {
  while (!connections.empty()) {
    const std::shared_ptr<Connection> first = connections.front();
    if (!first->idle() || first->last_active() + idle_time() > loop.now()) return;
    ++counters.timed_out;
    first->close();
  }
}

/// Closes the longest idle connection but the newest; false when none is idle.
bool StreamListener::State::make_place() {
  const auto newest = std::prev(connections.end());
  const auto idle = std::find_if(connections.begin(), newest, [](const auto& each) { return each->idle(); });
  if (idle == newest) return false;
  ++counters.evicted;
  const std::shared_ptr<Connection> gone = *idle;
  gone->close();
  return true;
}

void StreamListener::State::close_slowest() {
  // Not whoever is written to: a few that never read could so keep everybody else from being answered.
  const auto slowest = std::ranges::max_element(connections, {}, [](const auto& each) { return each->noted_unsent(); });
  const std::shared_ptr<Connection> gone = *slowest;
  ++counters.closed_slow;
  gone->close();
}

void StreamListener::State::go_on() {
  const auto these = std::move(waiting);
  waiting.clear();
  for (const auto& connection : these) connection->go_on();
}

void StreamListener::State::on_closed(Connection& connection) {
  if (connection.counted_as) {
    const auto client = per_client.find(*connection.counted_as);
    if (--client->second == 0) per_client.erase(client);
  }
  connections.erase(connection.place);
}

std::expected<std::unique_ptr<StreamListener>, std::string> StreamListener::open(Loop& loop, const Endpoint& local,
                                                                                 StreamHandler& handler,
                                                                                 const StreamLimits& limits) {
  auto socket = open_listening_socket(local, SocketKind::tcp);
  if (!socket) return std::unexpected(std::move(socket.error()));
  // Where the system has no Fast Open, clients do without.
  setsockopt(socket->get(), IPPROTO_TCP, TCP_FASTOPEN, &kFastOpenBacklog, sizeof kFastOpenBacklog);

  auto state = std::make_unique<State>(loop, handler, limits);
  state->local = local_endpoint(socket->get());
  state->tcp = new uv_tcp_t;
  uv_tcp_init(loop.uv(), state->tcp);
  state->tcp->data = state.get();
  std::unique_ptr<StreamListener> listener(new StreamListener(std::move(state)));  // closes the handle from here on
  uv_tcp_t* tcp = listener->state_->tcp;
  int status = uv_tcp_open(tcp, socket->get());
  if (status == 0) {
    socket->release();
    status = uv_listen(reinterpret_cast<uv_stream_t*>(tcp), kBacklog, [](uv_stream_t* server, int error) {
      if (error == 0) static_cast<State*>(server->data)->accept();
    });
  }
  if (status != 0) return std::unexpected("cannot listen on " + local.to_text() + " (TCP): " + uv_strerror(status));
  return listener;
}

StreamListener::StreamListener(std::unique_ptr<State> state) : state_(std::move(state)) {}

StreamListener::~StreamListener() {
  while (!state_->connections.empty()) {
    const std::shared_ptr<Connection> connection = state_->connections.front();
    connection->close();
  }
  uv_close(reinterpret_cast<uv_handle_t*>(state_->tcp),
           [](uv_handle_t* handle) { delete reinterpret_cast<uv_tcp_t*>(handle); });
}

StreamCounters& StreamCounters::operator+=(const StreamCounters& other) {
  accepted += other.accepted;
  refused += other.refused;
  timed_out += other.timed_out;
  closed_slow += other.closed_slow;
  messages += other.messages;
  evicted += other.evicted;
  malformed += other.malformed;
  malformed_proxy += other.malformed_proxy;
  return *this;
}

const StreamCounters& StreamListener::counters() const {
  return state_->counters;
}
std::size_t StreamListener::open_connections() const {
  return state_->connections.size();
}
const Endpoint& StreamListener::local() const {
  return state_->local;
}

}  // namespace placard::net
