#include "resolver/serve/worker.hpp"

#include <algorithm>

#include "resolver/net/proxy.hpp"
#include "resolver/net/work.hpp"
#include "resolver/recurse/servers.hpp"
#include "resolver/serve/query.hpp"

namespace placard::serve {
namespace {

/// One address the worker listens on: hands packets to the pipeline and knows the way back.
class Listener final : public net::UdpHandler, public net::StreamHandler {
 public:
  Listener(std::uint16_t number, Pipeline& pipeline, const PrefixTable& proxies, WorkerCounters& counters)
      : number_(number),
        pipeline_(pipeline),
        proxies_(proxies),
        counters_(counters),
        stream_reply_(wire::kMaxMessageSize) {}

  std::expected<void, std::string> open(net::Loop& loop, const net::Endpoint& endpoint,
                                        const net::StreamLimits& limits) {
    auto udp = net::UdpListener::open(loop, endpoint, *this);
    if (!udp) return std::unexpected(udp.error());
    auto stream = net::StreamListener::open(loop, endpoint, *this, limits);
    if (!stream) return std::unexpected(stream.error());
    udp_ = std::move(*udp);
    stream_ = std::move(*stream);
    return {};
  }

  void on_batch() override { pipeline_.read_clock(); }
  void on_backlog() override { pipeline_.fall_behind(); }
  void expect(std::span<const wire::Bytes> packets) override { pipeline_.expect(packets, number_); }

  std::size_t on_datagram(wire::Bytes packet, const net::UdpPeer& peer, std::span<std::uint8_t> reply) override {
    ReturnPath path;
    path.udp = udp_.get();
    path.peer = peer;
    if (!proxies_.empty() && proxies_.contains(peer.remote.address)) return behind_proxy(packet, path, reply);
    return pipeline_.on_question(packet, number_, peer.remote.address, false, path, reply);
  }

  void on_message(wire::Bytes message, const std::shared_ptr<net::StreamConnection>& connection) override {
    pipeline_.read_clock();
    ReturnPath path;
    path.stream = connection;
    const auto size = pipeline_.on_question(message, number_, connection->remote().address, true, path, stream_reply_);
    if (size > 0) connection->send({stream_reply_.data(), size});
  }

  const net::StreamCounters* stream_counters() const { return stream_ ? &stream_->counters() : nullptr; }
  std::size_t open_connections() const { return stream_ ? stream_->open_connections() : 0; }

 private:
  /// The answer goes to the balancer; all else is about its client.
  std::size_t behind_proxy(wire::Bytes packet, const ReturnPath& path, std::span<std::uint8_t> reply) {
    const auto header = net::parse_proxy_header(packet);
    if (!header) {
      counters_.malformed_proxy.add();
      return 0;
    }
    const auto& client = header->client ? header->client->address : path.peer.remote.address;
    return pipeline_.on_question(packet.subspan(header->size), number_, client, false, path, reply);
  }

  std::uint16_t number_;
  Pipeline& pipeline_;
  const PrefixTable& proxies_;
  WorkerCounters& counters_;
  std::vector<std::uint8_t> stream_reply_;
  std::unique_ptr<net::UdpListener> udp_;
  std::unique_ptr<net::StreamListener> stream_;
};

constexpr net::Milliseconds kGaugeInterval = 1'000;  // how often gauges kept by others are copied into the counters

}  // namespace

struct Worker::State {
  WorkerOptions options;
  WorkerCounters counters;
  net::Loop loop;
  recurse::Upstream upstream;
  std::shared_ptr<const recurse::Cache> records;
  recurse::Resolver resolver;
  Pipeline pipeline;
  std::vector<std::unique_ptr<Listener>> listeners;
  net::TaskSet traces;
  net::Timer gauges;
  net::RoundEnd round_end;

  State(WorkerOptions given, std::shared_ptr<recurse::Cache> cache, std::shared_ptr<recurse::ServerTable> servers)
      : options(std::move(given)),
        upstream(loop, options.upstream, servers),
        records(cache),
        resolver(options.resolver, upstream, std::move(cache), std::move(servers)),
        pipeline({options.answer_cache_memory, options.in_flight, options.waiters, options.resolver.bounds.deadline,
                  options.workers},
                 options.listen, resolver, upstream, counters,
                 std::uint64_t{upstream.random(UINT32_MAX)} << 32U | upstream.random(UINT32_MAX)),
        gauges(loop,
               [this] {
                 copy_gauges();
                 gauges.start(kGaugeInterval);
               }),
        round_end(loop, [this] { pipeline.end_round(); }) {
    pipeline.set_known_servers([this](wire::NameView name, std::int64_t now) {
      return recurse::known_servers(*records, options.resolver.forwards, name, now);
    });
    pipeline.set_round_end([this] { round_end.arm(); }, [this] { loop.glance(); });
    if (!options.proxies.empty())
      options.stream.is_proxy = [this](const net::Address& peer) { return options.proxies.contains(peer); };
  }

  void copy_gauges() {
    std::size_t connections = 0;
    net::StreamCounters streams;
    for (const auto& listener : listeners) {
      connections += listener->open_connections();
      if (const auto* more = listener->stream_counters()) streams += *more;
    }
    counters.tcp_connections.set(connections);
    counters.tcp_refused.set(streams.refused);
    counters.tcp_closed_idle.set(streams.timed_out + streams.evicted);
    counters.tcp_closed_slow.set(streams.closed_slow);
    counters.tcp_malformed_proxy.set(streams.malformed_proxy);
    const auto& up = upstream.counters();
    counters.upstream_questions.set(up.udp_sent + up.tcp_sent);
    counters.upstream_tcp.set(up.tcp_sent);
    counters.upstream_timeouts.set(up.timeouts);
    counters.upstream_mismatched.set(up.mismatched);
    for (std::size_t i = 0; i < up.dropped.size(); ++i) counters.upstream_dropped[i].set(up.dropped[i]);
    counters.upstream_distrusted.set(up.distrusted);
    counters.upstream_bad_cookies.set(up.bad_cookies);
    counters.upstream_busy.set(up.busy);
    counters.upstream_connections.set(up.tcp_opened);
    const auto& validation = resolver.validation_counters();
    counters.validated[0].set(validation.secure);
    counters.validated[1].set(validation.insecure);
    counters.validated[2].set(validation.bogus);
    counters.synthesised.set(validation.synthesised);
    counters.verifications.set(validation.verifications);
    counters.nsec3_hashes.set(validation.hash_runs);
    counters.validation_refused.set(validation.refused);
  }

  net::Task<void> trace(wire::Question question, std::function<void(recurse::Resolved, recurse::Trace)> done) {
    recurse::ResolveRequest request;
    request.question = question;
    request.trace = std::make_shared<recurse::Trace>();
    const auto steps = request.trace;
    auto resolution = resolver.resolve(std::move(request));
    recurse::Resolved resolved = co_await resolution;
    done(std::move(resolved), *steps);
  }
};

Worker::Worker(WorkerOptions options, std::shared_ptr<const Snapshot> snapshot, std::shared_ptr<recurse::Cache> cache,
               std::shared_ptr<recurse::ServerTable> servers)
    : state_(std::make_unique<State>(std::move(options), std::move(cache), std::move(servers))) {
  state_->pipeline.set_snapshot(std::move(snapshot));
  if (state_->options.zone_desk != nullptr) state_->pipeline.set_zone_desk(*state_->options.zone_desk, state_->loop);
}

Worker::~Worker() {
  // Resolutions first: they hold registrations with the upstream and the loop.
  state_->traces.cancel_all();
  state_->pipeline.cancel_all();
}

std::expected<void, std::string> Worker::open() {
  for (std::size_t i = 0; i < state_->options.listen.size(); ++i) {
    auto listener = std::make_unique<Listener>(static_cast<std::uint16_t>(i), state_->pipeline, state_->options.proxies,
                                               state_->counters);
    if (auto opened = listener->open(state_->loop, state_->options.listen[i], state_->options.stream); !opened)
      return opened;
    state_->listeners.push_back(std::move(listener));
  }
  return {};
}

void Worker::run() {
  net::step_forward();
  state_->gauges.start(kGaugeInterval);
  state_->loop.run();
}

void Worker::stop() {
  state_->loop.stop();
}

void Worker::begin_with(std::shared_ptr<const Snapshot> snapshot) {
  state_->pipeline.set_snapshot(std::move(snapshot));
}

void Worker::publish(std::shared_ptr<const Snapshot> snapshot, std::function<void()> in_force) {
  state_->loop.post([this, snapshot = std::move(snapshot), in_force = std::move(in_force)] {
    state_->pipeline.set_snapshot(snapshot);
    in_force();
  });
}

void Worker::inspect(std::function<void(std::vector<recurse::Resolver::InFlight>)> look) {
  state_->loop.post([this, look = std::move(look)] { look(state_->resolver.in_flight()); });
}

void Worker::trace(wire::Question question, std::function<void(recurse::Resolved, recurse::Trace)> done) {
  state_->loop.post([this, question, done = std::move(done)] { state_->traces.spawn(state_->trace(question, done)); });
}

void Worker::set_anchors(std::shared_ptr<const validate::Anchors> anchors, std::function<void()> done) {
  state_->loop.post([this, anchors = std::move(anchors), done = std::move(done)] {
    state_->resolver.set_anchors(anchors);
    done();
  });
}

void Worker::flush_answers(std::function<void()> done) {
  state_->loop.post([this, done = std::move(done)] {
    state_->pipeline.flush_answers();
    done();
  });
}

void Worker::take_hits(std::function<void(std::vector<policy::Hits>)> taken) {
  state_->loop.post([this, taken = std::move(taken)] { taken(state_->pipeline.take_hits()); });
}

void Worker::swap_traffic(std::shared_ptr<policy::TrafficBuffer> fresh,
                          std::function<void(std::shared_ptr<policy::TrafficBuffer>)> swapped) {
  state_->loop.post([this, fresh = std::move(fresh), swapped = std::move(swapped)] {
    swapped(state_->pipeline.swap_traffic(fresh));
  });
}

const WorkerCounters& Worker::counters() const {
  return state_->counters;
}

}  // namespace placard::serve
