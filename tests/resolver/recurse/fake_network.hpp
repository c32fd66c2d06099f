// A Network without sockets and without time: servers are a function, the clock jumps from event to event.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "resolver/recurse/resolver.hpp"
#include "zones/wire/writer.hpp"

namespace placard::recurse {

class FakeNetwork final : public Network {
 public:
  struct Answer {
    std::expected<std::vector<std::uint8_t>, NetworkError> result;
    Milliseconds delay = 10;
    bool other_case = false;
  };
  /// What a server says; nothing: silence.
  using World = std::function<std::optional<Answer>(const Outgoing&)>;

  explicit FakeNetwork(World world, std::uint64_t seed = 1) : world_(std::move(world)), random_(seed) {}

  net::Task<std::expected<Incoming, NetworkError>> exchange(Outgoing outgoing) override {
    log.push_back(outgoing);
    auto answer = world_(outgoing);
    const bool late = !answer || answer->delay > outgoing.timeout;
    const Milliseconds delay = late ? outgoing.timeout : answer->delay;
    Event event(*this, delay);
    co_await event.due;
    if (late) co_return std::unexpected(NetworkError::timeout);
    if (!answer->result) co_return std::unexpected(answer->result.error());
    Incoming incoming;
    incoming.bytes = std::move(*answer->result);
    incoming.rtt = delay;
    incoming.other_case = answer->other_case;
    co_return incoming;
  }
  net::Task<void> sleep(Milliseconds delay) override {
    Event event(*this, delay);
    co_await event.due;
  }
  net::Task<void> work(std::function<void()> job) override {
    job();
    co_return;
  }
  Milliseconds now() const override { return now_; }
  std::int64_t wall_seconds() const override { return wall_start + static_cast<std::int64_t>(now_ / 1000); }
  std::uint32_t random(std::uint32_t below) override { return static_cast<std::uint32_t>(random_() % below); }

  /// The next thing that happens. False: nothing is left to happen.
  bool step() {
    if (events_.empty()) return false;
    const auto first = events_.begin();
    now_ = std::max(now_, first->first);
    first->second->fire();
    return true;
  }
  void advance(Milliseconds delay) {
    const Milliseconds until = now_ + delay;
    while (!events_.empty() && events_.begin()->first <= until) step();
    now_ = until;
  }
  std::size_t asked(const net::Address& server) const {
    return static_cast<std::size_t>(
        std::count_if(log.begin(), log.end(), [&](const Outgoing& one) { return one.server.address == server; }));
  }

  std::vector<Outgoing> log;
  std::int64_t wall_start = 1'800'000'000;  ///< what the wall clock showed when now() was 0

 private:
  struct Event {
    Event(FakeNetwork& network_given, Milliseconds delay) : network(network_given) {
      at = network.events_.emplace(network.now_ + delay, this);
    }
    ~Event() {
      if (pending) network.events_.erase(at);
    }
    Event(const Event&) = delete;
    Event& operator=(const Event&) = delete;
    void fire() {
      pending = false;
      network.events_.erase(at);
      due.complete(true);
    }
    FakeNetwork& network;
    std::multimap<Milliseconds, Event*>::iterator at;
    bool pending = true;
    net::Completion<bool> due;
  };

  World world_;
  std::mt19937_64 random_;
  Milliseconds now_ = 1'000;
  std::multimap<Milliseconds, Event*> events_;
};

/// A resolver on a fake network, and a client who waits.
struct Bench {
  explicit Bench(FakeNetwork::World world, ResolverOptions options = {}, CacheLimits limits = {},
                 std::uint64_t seed = 1)
      : network(std::move(world), seed),
        cache(std::make_shared<Cache>(limits)),
        servers(std::make_shared<ServerTable>()),
        resolver(std::move(options), network, cache, servers) {}

  /// A client's question. The result is there when `done` is.
  struct Client {
    bool done = false;
    Milliseconds started = 0, ended = 0;
    Resolved resolved;
    std::shared_ptr<Trace> trace;
    std::optional<net::Task<void>> task;
  };
  net::Task<void> wait(Client& client, ResolveRequest request) {
    auto resolving = resolver.resolve(std::move(request));
    client.resolved = co_await resolving;
    client.ended = network.now();
    client.done = true;
  }
  std::unique_ptr<Client> ask(const wire::Question& question, bool traced = false) {
    auto client = std::make_unique<Client>();
    client->started = network.now();
    ResolveRequest request;
    request.question = question;
    if (traced) request.trace = client->trace = std::make_shared<Trace>();
    client->task.emplace(wait(*client, std::move(request)));
    client->task->start();
    return client;
  }
  void finish(const Client& client) {
    while (!client.done && network.step()) {
    }
  }
  Resolved resolve(std::string_view name, wire::RecordType type) {
    wire::Question question;
    question.name = *wire::Name::from_text(name);
    question.type = type;
    const auto client = ask(question);
    finish(*client);
    return client->resolved;
  }

  FakeNetwork network;
  std::shared_ptr<Cache> cache;
  std::shared_ptr<ServerTable> servers;
  Resolver resolver;
};

}  // namespace placard::recurse
