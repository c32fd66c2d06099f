#include "resolver/app/crew.hpp"

#include <semaphore.h>
#include <time.h>

#include <atomic>
#include <chrono>
#include <optional>

namespace placard::app {
namespace {

constexpr auto kPatience = std::chrono::milliseconds(30'000), kSlice = std::chrono::milliseconds(50);

/// Counts down to zero. Held by every callback, so that a late one finds it alive. No worker takes a lock here: whoever
/// waits may be a thread that is put aside while it holds one.
class Countdown {
 public:
  explicit Countdown(std::size_t count) : left_(count) { sem_init(&reached_, 0, 0); }
  ~Countdown() { sem_destroy(&reached_); }
  Countdown(const Countdown&) = delete;
  Countdown& operator=(const Countdown&) = delete;
  void done() {
    if (--left_ == 0) sem_post(&reached_);
  }
  /// False: not within kPatience, or the workers are stopping (their callbacks may never come).
  bool wait(const std::atomic<bool>& stopping) {
    for (auto waited = kSlice; waited <= kPatience && !stopping && left_ != 0; waited += kSlice) {
      timespec end{};
      clock_gettime(CLOCK_MONOTONIC, &end);
      end.tv_nsec += std::chrono::nanoseconds(kSlice).count();
      end.tv_sec += end.tv_nsec / kSecond;
      end.tv_nsec %= kSecond;
      if (sem_clockwait(&reached_, CLOCK_MONOTONIC, &end) == 0) return true;
    }
    return left_ == 0;
  }

 private:
  static constexpr long kSecond = 1'000'000'000;  // in nanoseconds
  sem_t reached_;
  std::atomic<std::size_t> left_;
};

}  // namespace

std::expected<std::unique_ptr<Crew>, std::string> Crew::open(const serve::WorkerOptions& options, unsigned count,
                                                             std::shared_ptr<const serve::Snapshot> snapshot,
                                                             std::shared_ptr<recurse::Cache> cache,
                                                             std::shared_ptr<recurse::ServerTable> servers) {
  auto crew = std::unique_ptr<Crew>(new Crew);
  crew->cache_ = cache;
  crew->servers_ = servers;
  crew->current_ = snapshot;
  for (unsigned i = 0; i < count; ++i) {
    auto& worker = crew->workers_.emplace_back(std::make_unique<serve::Worker>(options, snapshot, cache, servers));
    if (auto opened = worker->open(); !opened) return std::unexpected(opened.error());
  }
  return crew;
}

Crew::~Crew() {
  stop();
}

void Crew::start() {
  const std::lock_guard one(publishing_);
  started_ = true;
  for (auto& worker : workers_) threads_.emplace_back([&worker] { worker->run(); });
}

void Crew::stop() {
  stopping_ = true;
  for (auto& worker : workers_) worker->stop();
  for (auto& thread : threads_) thread.join();
  threads_.clear();
}

template <class Post>
bool Crew::on_every_worker(const Post& post) {
  auto countdown = std::make_shared<Countdown>(workers_.size());
  for (auto& worker : workers_) post(*worker, [countdown] { countdown->done(); });
  return countdown->wait(stopping_);
}

bool Crew::publish(const std::function<void(serve::Snapshot&)>& change) {
  const std::lock_guard one(publishing_);
  auto next = std::make_shared<serve::Snapshot>(*current());
  change(*next);
  return put_into_force(std::move(next));
}

bool Crew::put_into_force(std::shared_ptr<const serve::Snapshot> snapshot) {
  auto former = snapshot;  // held until no worker has it: freeing an index takes long, and is this thread's to do
  {
    const std::lock_guard lock(mutex_);
    former.swap(current_);
  }
  if (!started_) {
    for (auto& worker : workers_) worker->begin_with(snapshot);
    return true;
  }
  return on_every_worker(
      [&](serve::Worker& worker, std::function<void()> done) { worker.publish(snapshot, std::move(done)); });
}

std::shared_ptr<const serve::Snapshot> Crew::current() const {
  const std::lock_guard lock(mutex_);
  return current_;
}

std::vector<const serve::WorkerCounters*> Crew::counters() const {
  std::vector<const serve::WorkerCounters*> all;
  for (const auto& worker : workers_) all.push_back(&worker->counters());
  return all;
}

std::vector<recurse::Resolver::InFlight> Crew::in_flight() {
  struct Gathered {
    std::mutex mutex;
    std::vector<recurse::Resolver::InFlight> all;  // guarded by mutex
  };
  auto gathered = std::make_shared<Gathered>();
  on_every_worker([&](serve::Worker& worker, std::function<void()> done) {
    worker.inspect([gathered, done = std::move(done)](std::vector<recurse::Resolver::InFlight> some) {
      {
        const std::lock_guard lock(gathered->mutex);
        for (auto& one : some) gathered->all.push_back(std::move(one));
      }
      done();
    });
  });
  const std::lock_guard lock(gathered->mutex);
  return std::move(gathered->all);
}

std::vector<policy::Hits> Crew::take_hits() {
  struct Gathered {
    std::mutex mutex;
    std::vector<policy::Hits> all;  // guarded by mutex
  };
  auto gathered = std::make_shared<Gathered>();
  on_every_worker([&](serve::Worker& worker, std::function<void()> done) {
    worker.take_hits([gathered, done = std::move(done)](std::vector<policy::Hits> some) {
      {
        const std::lock_guard lock(gathered->mutex);
        for (auto& one : some) gathered->all.push_back(std::move(one));
      }
      done();
    });
  });
  const std::lock_guard lock(gathered->mutex);
  return std::move(gathered->all);
}

std::vector<std::shared_ptr<policy::TrafficBuffer>> Crew::swap_traffic(
    const std::function<std::shared_ptr<policy::TrafficBuffer>()>& make) {
  struct Gathered {
    std::mutex mutex;
    std::vector<std::shared_ptr<policy::TrafficBuffer>> all;  // guarded by mutex
  };
  auto gathered = std::make_shared<Gathered>();
  on_every_worker([&](serve::Worker& worker, std::function<void()> done) {
    worker.swap_traffic(make(), [gathered, done = std::move(done)](std::shared_ptr<policy::TrafficBuffer> old) {
      if (old) {
        const std::lock_guard lock(gathered->mutex);
        gathered->all.push_back(std::move(old));
      }
      done();
    });
  });
  const std::lock_guard lock(gathered->mutex);
  return std::move(gathered->all);
}

std::optional<Crew::Traced> Crew::trace(const wire::Question& question) {
  struct Slot {
    Countdown countdown{1};
    Traced traced;
  };
  auto slot = std::make_shared<Slot>();
  workers_.front()->trace(question, [slot](recurse::Resolved resolved, recurse::Trace trace) {
    slot->traced = {std::move(resolved), std::move(trace)};
    slot->countdown.done();
  });
  if (!slot->countdown.wait(stopping_)) return std::nullopt;
  return std::move(slot->traced);
}

void Crew::set_anchors(const std::shared_ptr<const validate::Anchors>& anchors) {
  on_every_worker(
      [&](serve::Worker& worker, std::function<void()> done) { worker.set_anchors(anchors, std::move(done)); });
}

std::size_t Crew::flush(const std::optional<wire::Name>& name) {
  return flush([&](recurse::Cache& cache) {
    if (name) return cache.flush_subtree(*name);
    const std::size_t all = cache.counters().entries;
    cache.flush_all();
    return all;
  });
}

std::size_t Crew::flush(const std::function<std::size_t(recurse::Cache&)>& forget) {
  const std::size_t gone = forget(*cache_);
  // Whole answers may hold records of any name (aliases), so all of them go; the record cache fills them again.
  on_every_worker([](serve::Worker& worker, std::function<void()> done) { worker.flush_answers(std::move(done)); });
  return gone;
}

}  // namespace placard::app
