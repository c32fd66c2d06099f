// ZoneKeeper: its life, its zones, and how a new version comes into force.
#include "resolver/transfer/keeper.hpp"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <ctime>
#include <mutex>

#include "resolver/net/work.hpp"

namespace placard::transfer {
namespace {

constexpr std::size_t kNotifiesAtOnce = 32;
constexpr auto kSlice = std::chrono::milliseconds(50);

}  // namespace

ZoneKeeper::ZoneKeeper(KeeperOptions options)
    : options_(std::move(options)),
      keys_(std::make_shared<zones::TsigKeyring>()),
      jobs_(options_.jobs),
      refreshes_(options_.refreshes),
      notifies_(kNotifiesAtOnce) {}

ZoneKeeper::~ZoneKeeper() {
  stop();
}

void ZoneKeeper::start(Publish publish) {
  publish_ = std::move(publish);
  loop_.post([this] {
    started_ = true;
    std::vector<Kept> all;
    for (const auto& [name, kept] : zones_) all.push_back(kept);
    for (const auto& kept : all) {
      if (kept->plan.is_secondary()) {
        if (kept->zone) set_timer(kept);
        // What came meanwhile was told to nobody.
        kept->wants_refresh = !kept->is_stand_in || kept->next_refresh_at <= std::time(nullptr);
        wake(kept);
      } else if (!kept->plan.policy_of.empty()) {
        kept->wants_load = true;  // up to now it is what it was when the server ended
        wake(kept);
      } else if (kept->zone) {
        notify_all(kept);
        set_due_timer(kept);
      }
    }
  });
  thread_ = std::thread([this] { loop_.run(); });
}

void ZoneKeeper::stop() {
  stopping_ = true;
  if (!thread_.joinable()) return;
  loop_.stop();
  thread_.join();
  tasks_.cancel_all();
  for (int running = jobs_running_; running != 0; running = jobs_running_) jobs_running_.wait(running);
}

net::Task<void> ZoneKeeper::job(std::function<void()> work) {
  auto taking = jobs_.take();
  const auto place = co_await taking;
  ++jobs_running_;
  std::function<void()> counted = [this, work = std::move(work)] {
    work();
    --jobs_running_;
    jobs_running_.notify_all();
  };
  auto running = net::work(loop_, std::move(counted));
  co_await running;
}

/// Asks on the loop's thread, waits on the caller's. Nothing: the keeper is stopping.
template <class T>
std::optional<T> ZoneKeeper::on_loop(std::function<void(std::function<void(T)>)> ask) {
  struct Slot {
    std::mutex mutex;
    std::condition_variable filled;
    std::optional<T> value;  // guarded by mutex
  };
  auto slot = std::make_shared<Slot>();
  loop_.post([ask = std::move(ask), slot] {
    ask([slot](T value) {
      const std::lock_guard lock(slot->mutex);
      slot->value = std::move(value);
      slot->filled.notify_all();
    });
  });
  std::unique_lock lock(slot->mutex);
  while (!slot->value && !stopping_) slot->filled.wait_for(lock, kSlice);
  return std::move(slot->value);
}

// ---------------------------------------------------------------- zones

Kept ZoneKeeper::find(const wire::Name& origin, const net::Endpoint& listener) const {
  Kept everywhere;
  const auto [begin, end] = zones_.equal_range(origin);
  for (auto at = begin; at != end; ++at) {
    const auto& listen = at->second->plan.listen;
    if (listen.empty()) everywhere = at->second;
    if (std::ranges::find(listen, listener) != listen.end()) return at->second;
  }
  return everywhere;
}

std::vector<Kept> ZoneKeeper::named(const wire::Name& origin) const {
  std::vector<Kept> all;
  const auto [begin, end] = zones_.equal_range(origin);
  for (auto at = begin; at != end; ++at) all.push_back(at->second);
  return all;
}

std::vector<ServedZone> ZoneKeeper::served() const {
  std::vector<ServedZone> all;
  all.reserve(zones_.size());
  for (const auto& [name, kept] : zones_)
    all.push_back({kept->plan.name, kept->plan.listen,
                   kept->is_available() || kept->plan.policy_feed ? kept->zone : nullptr, kept->plan.policy_feed,
                   kept->plan.for_clients, kept->plan.for_recursion, kept->plan.fallback});
  return all;
}

void ZoneKeeper::wake(const Kept& kept) {
  if (kept->working || kept->gone || !started_) return;
  kept->working = true;
  tasks_.spawn(work_on(kept));
}

/// One thing after the other, until nothing more is wanted of the zone.
net::Task<void> ZoneKeeper::work_on(Kept kept) {
  while (!kept->gone) {
    if (std::exchange(kept->wants_load, false)) {
      auto loading = load_again(kept);
      co_await loading;
    } else if ((kept->wants_refresh || kept->wants_whole) && kept->plan.is_secondary()) {
      auto refreshing = refresh(kept);
      co_await refreshing;
    } else if (kept->wants_signing && !kept->plan.sign) {  // any more
      kept->wants_signing = false;
      for (const auto& [order, tell] : std::exchange(kept->key_orders, {}))
        tell(std::unexpected(kept->plan.name.to_text() + " is not signed here (sign = true)"));
    } else if (kept->wants_signing) {
      auto signing = sign(kept);
      co_await signing;
    } else if (!kept->updates.empty()) {
      auto updating = update(kept);
      co_await updating;
    } else {
      break;
    }
    kept->doing.clear();
  }
  kept->working = false;
  if (kept->gone) tell_gone(*kept);
}

/// Who still waits for the outcome of something.
void ZoneKeeper::tell_gone(KeptZone& kept) {
  const std::string reason = kept.plan.name.to_text() + " is no longer configured";
  for (auto* told : {&kept.told_of_load, &kept.told_of_refresh})
    for (const auto& tell : std::exchange(*told, {})) tell(std::unexpected(reason));
  for (const auto& [order, tell] : std::exchange(kept.key_orders, {})) tell(std::unexpected(reason));
}

// ---------------------------------------------------------------- into force

/// Coalesces: what changes while a publication runs goes with the next one.
net::Task<void> ZoneKeeper::publish_all() {
  while (in_force_generation_ < wanted_generation_) {
    const std::uint64_t generation = wanted_generation_;
    ++counted_.publications;
    ++jobs_running_;
    std::function<void()> publishing = [this, all = served()]() mutable {
      publish_(std::move(all));
      --jobs_running_;
      jobs_running_.notify_all();
    };
    auto running = net::work(loop_, std::move(publishing));
    co_await running;
    in_force_generation_ = generation;
    published_.ring();
  }
  publishing_ = false;
}

/// Until what is so now is what every worker answers by.
net::Task<void> ZoneKeeper::in_force() {
  const std::uint64_t mine = ++wanted_generation_;
  if (!std::exchange(publishing_, true)) tasks_.spawn(publish_all());
  while (in_force_generation_ < mine) {
    Signal::Wait wait(published_);
    co_await wait.done;
  }
}

net::Task<void> ZoneKeeper::publish_then(std::function<void()> then) {
  auto published = in_force();
  co_await published;
  then();
}

void ZoneKeeper::new_version(const Kept& kept, std::shared_ptr<const zones::Zone> zone) {
  kept->zone = std::move(zone);
  kept->listing = nullptr;
  kept->expired = false;
  kept->changed_at = std::time(nullptr);
  if (!kept->gone && kept->plan.catalog == CatalogRole::consume) follow_catalog(kept);
}

// ---------------------------------------------------------------- what others ask

ZoneKeeper::Loaded ZoneKeeper::reload(std::vector<ZonePlan> plans, std::shared_ptr<const zones::TsigKeyring> keys) {
  auto done = on_loop<Loaded>([this, plans = std::move(plans), keys = std::move(keys)](auto tell) {
    keys_ = keys;
    take_plans(plans, tell);
  });
  return done ? *std::move(done) : Loaded{{"the server is stopping"}, {}};
}

bool ZoneKeeper::take(ZoneRequest&& request) {
  if (requests_.fetch_add(1) >= options_.requests || stopping_) {
    --requests_;
    return false;
  }
  loop_.post([this, request = std::make_shared<ZoneRequest>(std::move(request))] {
    --requests_;
    on_request(std::move(*request));
  });
  return true;
}

void ZoneKeeper::policy_changed() {
  loop_.post([this] {
    for (const auto& [name, kept] : zones_) {
      if (kept->plan.policy_of.empty()) continue;
      if (std::time(nullptr) < kept->rest_until) {
        kept->due_at = kept->due_at == 0 ? kept->rest_until : std::min(kept->due_at, kept->rest_until);
        set_due_timer(kept);
        if (kept->maker) kept->maker->let_go();
        continue;
      }
      kept->wants_load = true;
      wake(kept);
    }
  });
}

std::vector<ZoneStatus> ZoneKeeper::status(std::optional<wire::Name> name) {
  const auto describe = [](const KeptZone& kept) {
    ZoneStatus status;
    status.origin = kept.plan.name;
    status.listen = kept.plan.listen;
    status.role = kept.plan.catalog != CatalogRole::none ? "catalog"
                  : kept.plan.is_secondary()             ? "secondary"
                  : !kept.plan.policy_of.empty()         ? "policy"
                                                         : "primary";
    status.state = !kept.zone ? "nothing to serve" : kept.expired ? "expired" : "serving";
    if (!kept.doing.empty()) status.state += ", " + kept.doing;
    status.source = kept.plan.policy_of.empty() ? kept.plan.file : "the decisions of the view " + kept.plan.policy_of;
    for (const auto& primary : kept.plan.primaries)
      status.source += (status.source.empty() ? "" : " ") + primary.to_text();
    if (kept.zone) {
      status.serial = kept.zone->serial();
      status.records = kept.record_count();
      status.memory = kept.memory_size();
    }
    status.journal_octets = kept.journal_octets;
    status.confirmed_at = kept.confirmed_at;
    status.next_refresh_at = kept.next_refresh_at;
    status.expires_at = kept.expires_at;
    status.changed_at = kept.changed_at;
    status.last_error_at = kept.last_error_at;
    status.due_at = kept.due_at;
    status.last_error = kept.last_error;
    if (kept.member) status.catalog = kept.catalog.to_text();
    status.warnings = kept.warnings;
    status.transfers_in = kept.transfers_in;
    status.transfers_out = kept.transfers_out;
    status.updates_done = kept.updates_done;
    status.updates_refused = kept.updates_refused;
    status.transfer_failures = kept.transfer_failures;
    return status;
  };
  auto all = on_loop<std::vector<ZoneStatus>>([this, name, describe](auto tell) {
    std::vector<ZoneStatus> found;
    if (name)
      for (const auto& kept : named(*name)) found.push_back(describe(*kept));
    else
      for (const auto& [origin, kept] : zones_) found.push_back(describe(*kept));
    tell(std::move(found));
  });
  return all ? *std::move(all) : std::vector<ZoneStatus>();
}

KeeperFigures ZoneKeeper::figures() {
  auto all = on_loop<KeeperFigures>([this](auto tell) {
    KeeperFigures figures = counted_;
    const std::int64_t now = std::time(nullptr);
    figures.zones = zones_.size();
    for (const auto& [origin, kept] : zones_) {
      figures.unavailable += kept->is_available() ? 0 : 1;
      figures.expired += kept->expired ? 1 : 0;
      figures.journal_octets += kept->journal_octets;
      figures.updates += kept->updates_done;
      figures.updates_refused += kept->updates_refused;
      if (kept->plan.is_secondary() && kept->zone)
        figures.oldest_confirmation = std::max(figures.oldest_confirmation, now - kept->confirmed_at);
    }
    tell(figures);
  });
  return all ? *all : KeeperFigures();
}

std::expected<std::string, std::string> ZoneKeeper::order(Order order, const wire::Name& name) {
  using Outcome = std::expected<std::string, std::string>;
  const auto asked = on_loop<Outcome>([this, order, name](auto tell) {
    const auto all = named(name);
    if (all.empty()) return tell(std::unexpected("no zone " + name.to_text() + " is configured"));
    // Several of one name (for different listeners) answer together.
    struct Gathered {
      std::size_t left;
      std::string text;
      bool failed = false;
    };
    auto gathered = std::make_shared<Gathered>(Gathered{all.size(), {}});
    const auto one_done = [gathered, tell](Outcome outcome) {
      gathered->failed |= !outcome;
      gathered->text += (gathered->text.empty() ? "" : "\n") + (outcome ? *outcome : outcome.error());
      if (--gathered->left > 0) return;
      if (gathered->failed)
        tell(std::unexpected(gathered->text));
      else
        tell(gathered->text);
    };
    for (const auto& kept : all) {
      if (order >= Order::keys) {
        if (!kept->plan.sign) {
          one_done(std::unexpected(name.to_text() + " is not signed here (sign = true)"));
          continue;
        }
        kept->wants_signing = true;
        kept->key_orders.emplace_back(static_cast<KeyOrder>(static_cast<int>(order) - static_cast<int>(Order::keys)),
                                      one_done);
      } else if (order == Order::reload && !kept->plan.is_secondary()) {
        kept->wants_load = true;
        kept->told_of_load.push_back(one_done);
      } else if (order == Order::reload) {
        one_done(name.to_text() + " has primaries: refresh asks them, retransfer takes everything anew");
      } else if (!kept->plan.is_secondary()) {
        one_done(std::unexpected(name.to_text() + " has no primaries"));
      } else {
        (order == Order::refresh ? kept->wants_refresh : kept->wants_whole) = true;
        kept->told_of_refresh.push_back(one_done);
      }
      wake(kept);
    }
  });
  return asked ? *asked : std::unexpected("the server is stopping");
}

}  // namespace placard::transfer
