// The server's share in feeds: which lists are read when, and how what the keepers bring comes into the record.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

#include "resolver/app/clock.hpp"
#include "resolver/app/server.hpp"
#include "resolver/net/background.hpp"

namespace placard::app {
namespace {

/// Whom the record names for what the server does by itself.
std::string ourselves() {
  return "placard serve, " + author_of(::getuid());
}

}  // namespace

/// Lists of files, and what was fetched last of urls; of what is transferred, the file that stands in for it. Touches
/// no record.
std::vector<ReadFeed> Server::read_feeds(const Options& options,
                                         const std::function<bool(const FeedOption&)>& wanted) const {
  const FeedFiles files(options.fixed.state_directory);
  std::vector<ReadFeed> read;
  for (const auto& feed : options.reloadable.feeds) {
    const bool is_fetched = !feed.url.empty();
    std::error_code none;  // such a file may come later
    if (feed.is_transferred() && (feed.path.empty() || !std::filesystem::exists(feed.path, none))) continue;
    if ((is_fetched && !files.kept(feed)) || !wanted(feed)) continue;
    read.push_back(read_feed(feed, is_fetched ? files.list(feed) : std::filesystem::path()));
  }
  return read;
}

/// Before the server answers: what the record has no list of yet. All else is in force as it was, and is read again in
/// the background. The ids of what was read.
std::set<std::string> Server::first_feeds() {
  const FeedFiles files(options_.fixed.state_directory);
  auto read = read_feeds(options_, [this](const FeedOption& feed) {
    return !Feeds::is_recorded(*store_, feed, store_->effective_now(system_time()));
  });
  for (const auto& feed : options_.reloadable.feeds)
    if (const auto kept = files.kept(feed)) feeds_.confirm(feed, kept->fetched_at);
  std::set<std::string> ids;
  for (const auto& one : read) ids.insert(one.feed.id);
  load_feeds(std::move(read));
  return ids;
}

/// The record for what takes long. Before the workers are there nothing has to be brought into force.
SharedRecord Server::shared_record(const Order* order) {
  SharedRecord record;
  record.file = options_.fixed.store;
  record.turn = [this, order = order ? std::optional(*order) : std::nullopt](const auto& work) {
    const net::Foreground foreground;  // orders wait for the lock
    const std::lock_guard changes(changes_);
    work(order ? workplace(*order) : own_workplace());
  };
  record.now = system_time;
  record.index = index_.get();
  record.stopping = &stopping_;
  return record;
}

/// REQUIRES: changes_ is not held.
void Server::load_feeds(std::vector<ReadFeed>&& read) {
  const std::lock_guard taking_in(taking_in_);
  std::vector<transfer::ServedZone> served;
  {
    const std::lock_guard changes(changes_);
    served = served_;
  }
  for (const auto& line : feeds_.load(shared_record(), std::move(read), served, ourselves())) warn(line);
}

/// Policy zones among what the keeper has. On its thread of the pool.
void Server::take_served(const std::vector<transfer::ServedZone>& served) {
  {
    const std::lock_guard changes(changes_);
    served_ = served;
  }
  take_zones();
  served_changed_.notify_all();
}

/// What was never transferred is waited for before the first answer, unless its primaries fail or are slow: not to have
/// a list yet must not look like an empty one, nor a zone of ours like none. Later the last good one is there at once.
void Server::await_first_transfers() {
  constexpr auto kSlice = std::chrono::milliseconds(50);
  constexpr int kSlices = 60;  // 3 seconds in all
  const auto is_served = [this](const transfer::ZonePlan& plan) {
    return !plan.is_secondary() || std::ranges::any_of(served_, [&](const transfer::ServedZone& zone) {
      return zone.zone && zone.origin.view() == plan.name.view();
    });
  };
  const auto is_recorded = [this](const FeedOption& feed) {
    return !feed.is_transferred() || Feeds::is_recorded(*store_, feed, store_->effective_now(system_time()));
  };
  std::unique_lock lock(changes_);
  auto feeds = options_.reloadable.feeds;
  auto zones = options_.reloadable.zones;
  std::erase_if(feeds, is_recorded);
  for (int slice = 0; slice < kSlices; ++slice) {
    if (in_force_sequence_ == store_->last_log_sequence()) std::erase_if(feeds, is_recorded);
    std::erase_if(zones, is_served);
    if (feeds.empty() && zones.empty()) return;
    served_changed_.wait_for(lock, kSlice);
    lock.unlock();
    const auto status = zone_keeper_->status({});
    lock.lock();
    const auto has_failed = [&](const wire::Name& name) {
      return std::ranges::any_of(
          status, [&](const auto& zone) { return zone.origin.view() == name.view() && !zone.last_error.empty(); });
    };
    std::erase_if(feeds, [&](const FeedOption& feed) { return feed.zone && has_failed(*feed.zone); });
    std::erase_if(zones, [&](const transfer::ZonePlan& plan) { return has_failed(plan.name); });
  }
}

void Server::take_zones() {
  const net::Background background;
  const std::lock_guard taking_in(taking_in_);
  std::vector<transfer::ServedZone> served;  // the keeper's last word, which may be newer than what we were called for
  {
    const std::lock_guard changes(changes_);
    served = served_;
  }
  std::vector<std::string> log;
  feeds_.take_zones(shared_record(), served, ourselves(), log);
  for (const auto& line : log) warn(line);
}

/// What the keeper of feeds has read, unless the configuration has become another meanwhile.
Feeds::Taken Server::take_feed(ReadFeed&& read) {
  const std::lock_guard taking_in(taking_in_);
  {
    const std::lock_guard changes(changes_);
    if (std::ranges::find(options_.reloadable.feeds, read.feed) == options_.reloadable.feeds.end())
      return Feeds::Taken::refused;
  }
  std::vector<std::string> log;
  const auto taken = feeds_.take(shared_record(), std::move(read), ourselves(), log);
  for (const auto& line : log) warn(line);
  return taken;
}

/// False too where the record can't be read; the next look says so again. REQUIRES changes_ held.
bool Server::wants_renewal(const FeedOption& feed) try {
  return Feeds::wants_renewal(*store_, feed, store_->effective_now(system_time()));
} catch (const policy::StoreError& error) {
  warn(fmt::format("feed {}: whether its decision is about to end is not known: {}", feed.id, error.what()));
  return false;
}

void Server::keep_feeds() {
  FeedKeeper::World world;
  world.followed = [this] {
    const std::lock_guard changes(changes_);
    return options_.reloadable.feeds;
  };
  world.take = [this](ReadFeed&& read) { return take_feed(std::move(read)); };
  world.confirm = [this](const FeedOption& feed) {
    const std::lock_guard changes(changes_);
    feeds_.confirm(feed, system_time());
  };
  world.failed = [this](const FeedOption& feed, const std::string& why) {
    std::vector<std::string> log;
    {
      const std::lock_guard changes(changes_);
      feeds_.failed(feed, why, log);
    }
    for (const auto& line : log) warn(line);
  };
  world.wants_renewal = [this](const FeedOption& feed) {
    const std::lock_guard changes(changes_);
    return wants_renewal(feed);
  };
  world.renew_zones = [this] {
    std::unique_lock changes(changes_);
    for (const auto& feed : options_.reloadable.feeds)
      if (feed.is_transferred() && wants_renewal(feed)) feeds_.forget_zone(feed);
    changes.unlock();
    take_zones();
  };
  world.now = [] { return system_time(); };
  feed_keeper_ = std::make_unique<FeedKeeper>(FeedFiles(options_.fixed.state_directory), std::move(world));
  feed_keeper_->start(std::move(read_at_start_));
}

/// Of what is transferred, the primaries' word that nothing is new counts too. REQUIRES changes_ held.
std::vector<FeedStatus> Server::feed_status() {
  auto all = feeds_.status(*store_, options_.reloadable.feeds);
  for (std::size_t i = 0; i < all.size(); ++i) {
    const auto& feed = options_.reloadable.feeds[i];
    if (!feed.is_transferred()) continue;
    for (const auto& zone : zone_keeper_->status(*feed.zone)) {
      all[i].good_at = std::max<policy::Time>(all[i].good_at, zone.confirmed_at);
      for (const auto failures : zone.transfer_failures) all[i].failures += failures;
      if (all[i].last_error.empty() && zone.last_error_at > zone.confirmed_at) all[i].last_error = zone.last_error;
    }
  }
  return all;
}

}  // namespace placard::app
