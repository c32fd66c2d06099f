#include "resolver/app/feed_keeper.hpp"

#include <curl/curl.h>
#include <fmt/format.h>

#include <algorithm>
#include <system_error>

#include "resolver/net/background.hpp"
#include "resolver/net/work.hpp"

namespace placard::app {

FeedKeeper::FeedKeeper(FeedFiles files, World world) : files_(std::move(files)), world_(std::move(world)) {
  curl_global_init(CURL_GLOBAL_DEFAULT);
}

FeedKeeper::~FeedKeeper() {
  stop();
  curl_global_cleanup();
}

void FeedKeeper::start(std::set<std::string> read) {
  read_ = std::move(read);
  thread_ = std::thread([this] { run(); });
}

void FeedKeeper::reloaded() {
  const std::lock_guard lock(mutex_);
  reloaded_ = true;
  wake_.notify_all();
}

void FeedKeeper::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    wake_.notify_all();
  }
  if (thread_.joinable()) thread_.join();
  fetches_.clear();  // they end early now
}

void FeedKeeper::run() {
  net::stand_back();
  renewal_ = Clock::now() + kRenewalCheck;
  bool urls_now = false;
  while (!stopping_) {
    const auto feeds = world_.followed();
    plan(feeds, urls_now);
    urls_now = false;
    end_fetches();
    for (auto& [id, plan] : plans_) {
      if (stopping_) return;
      if (std::exchange(plan.take_kept, false)) (void)take(plan.feed, files_.list(plan.feed));
      if (plan.due <= Clock::now()) look(plan);
    }
    if (renewal_ <= Clock::now()) renew(feeds);
    auto next = renewal_;
    const auto now = Clock::now();
    for (const auto& [id, plan] : plans_) {
      // A url that is due is being fetched, or waits for one of those: then that wakes us.
      if (plan.feed.url.empty() || plan.due > now || fetches_.empty()) next = std::min(next, plan.due);
    }
    std::unique_lock lock(mutex_);
    wake_.wait_until(lock, next, [this] { return stopping_ || reloaded_ || !fetched_.empty(); });
    urls_now = std::exchange(reloaded_, false);
  }
}

/// Between nine tenths and all of it: many servers that were started together must not ask together.
FeedKeeper::Clock::duration FeedKeeper::jittered(std::uint32_t seconds) {
  std::uniform_real_distribution<double> share(0.9, 1.0);
  return std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds * share(random_)));
}

void FeedKeeper::plan(const std::vector<FeedOption>& feeds, bool urls_now) {
  std::erase_if(plans_, [&](const auto& one) {
    return std::ranges::none_of(feeds, [&](const FeedOption& feed) { return feed.id == one.first; });
  });
  const auto now = Clock::now();
  for (const auto& feed : feeds) {
    if (feed.is_transferred()) continue;
    auto [at, fresh] = plans_.try_emplace(feed.id);
    auto& plan = at->second;
    const bool same = !fresh && plan.feed == feed;
    if (same && !(urls_now && !feed.url.empty())) continue;
    plan = Plan{};
    plan.feed = feed;
    if (!fresh) {
      // A reload has read the files.
      if (!feed.url.empty()) plan.due = now;
    } else if (!feed.url.empty()) {
      const auto kept = files_.kept(feed);
      const auto age = kept ? world_.now() - kept->fetched_at : policy::Time{feed.interval()};
      const auto left = std::clamp<policy::Time>(feed.interval() - age, 0, feed.interval());
      plan.due = now + jittered(static_cast<std::uint32_t>(left));
      plan.take_kept = kept && !read_.contains(feed.id);
    } else if (!read_.contains(feed.id)) {
      plan.due = now;
    }
    if (feed.interval() != 0 && plan.due == Clock::time_point::max()) plan.due = now + jittered(feed.interval());
  }
  read_.clear();
}

void FeedKeeper::look(Plan& plan) {
  if (plan.feed.url.empty())
    looked(plan, look_at_file(plan));
  else
    begin_fetch(plan);
}

void FeedKeeper::looked(Plan& plan, bool good) {
  const auto& feed = plan.feed;
  plan.failures = good ? 0 : plan.failures + 1;
  if (feed.interval() == 0) {
    plan.due = Clock::time_point::max();
    return;
  }
  auto wait = jittered(feed.interval());
  if (!good) wait = std::min<Clock::duration>(wait, kFeedRetry * (1 << std::min(plan.failures - 1, 16U)));
  plan.due = Clock::now() + wait;
}

/// Where there is room for one more.
void FeedKeeper::begin_fetch(Plan& plan) {
  const auto& feed = plan.feed;
  if (fetches_.size() >= kFetchesAtOnce || fetches_.contains(feed.id)) return;
  if (auto ready = files_.prepare(); !ready) {
    world_.failed(feed, ready.error());
    return looked(plan, false);
  }
  const auto kept = files_.kept(feed);
  auto fetch = [this, feed, mark = kept ? kept->mark : FetchMark{}, to = files_.fresh(feed)] {
    auto outcome = fetch_list(feed, mark, to, stopping_);
    const std::lock_guard lock(mutex_);
    fetched_.push_back(feed.id);
    wake_.notify_all();
    return outcome;
  };
  try {
    fetches_.emplace(feed.id, Fetch{feed, std::async(std::launch::async, std::move(fetch))});
  } catch (const std::system_error& error) {
    world_.failed(feed, fmt::format("no thread to fetch it with: {}", error.what()));
    looked(plan, false);
  }
}

void FeedKeeper::end_fetches() {
  std::vector<std::string> ended;
  {
    const std::lock_guard lock(mutex_);
    ended.swap(fetched_);
  }
  for (const auto& id : ended) {
    auto fetch = std::move(fetches_.extract(id).mapped());
    const auto outcome = fetch.outcome.get();
    const auto at = plans_.find(id);
    const bool wanted = at != plans_.end() && at->second.feed == fetch.feed;
    std::error_code ignored;
    if (!wanted || !outcome || !outcome->changed) std::filesystem::remove(files_.fresh(fetch.feed), ignored);
    if (wanted && !stopping_) looked(at->second, take_fetched(fetch.feed, outcome));
  }
}

/// False: it failed, which has been told.
bool FeedKeeper::take_fetched(const FeedOption& feed, const FetchOutcome& fetched) {
  const auto failed = [&](const std::string& why) {
    world_.failed(feed, why);
    return false;
  };
  if (!fetched) return failed(feed.url + ": " + fetched.error());
  if (!fetched->changed) {
    world_.confirm(feed);
  } else if (take(feed, files_.fresh(feed)) == Feeds::Taken::refused) {
    std::error_code ignored;
    std::filesystem::remove(files_.fresh(feed), ignored);
    return false;
  }
  if (auto done = files_.keep(feed, {fetched->mark, world_.now()}, fetched->changed); !done)
    return failed(done.error());
  return true;
}

bool FeedKeeper::look_at_file(Plan& plan) {
  std::error_code error;
  FileStand stand;
  stand.time = std::filesystem::last_write_time(plan.feed.path, error);
  if (!error) stand.size = std::filesystem::file_size(plan.feed.path, error);
  if (!error && stand == plan.stand) {
    world_.confirm(plan.feed);
    return true;
  }
  const bool good = take(plan.feed) != Feeds::Taken::refused;
  if (good) plan.stand = error ? FileStand() : stand;
  return good;
}

Feeds::Taken FeedKeeper::take(const FeedOption& feed, const std::filesystem::path& file) {
  const net::Background background;
  return world_.take(read_feed(feed, file));
}

void FeedKeeper::renew(const std::vector<FeedOption>& feeds) {
  renewal_ = Clock::now() + kRenewalCheck;
  world_.renew_zones();
  for (const auto& feed : feeds) {
    if (stopping_) return;
    if (feed.is_transferred() || !world_.wants_renewal(feed)) continue;
    if (!feed.url.empty() && !files_.kept(feed)) continue;  // it comes with the next fetch
    (void)take(feed, feed.url.empty() ? std::filesystem::path() : files_.list(feed));
  }
}

}  // namespace placard::app
