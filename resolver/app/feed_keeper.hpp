// The thread that looks after feeds: fetches urls and looks at files when they are due, and has decisions of feeds
// renewed before they end. What it finds goes to the server, which alone may change the record.
//
// Some urls are fetched side by side, each on a thread of its own, into files; so a slow server delays nobody, or, of
// more than kFetchesAtOnce, the rest by its feed's timeout at most. All else is one feed at a time. What failed is
// tried again after a minute, then after twice as long each time, up to the feed's own interval.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <future>
#include <map>
#include <mutex>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "resolver/app/feed_fetch.hpp"
#include "resolver/app/feed_files.hpp"
#include "resolver/app/feeds.hpp"

namespace placard::app {

inline constexpr std::chrono::seconds kFeedRetry{60};  ///< after the first failure
inline constexpr std::size_t kFetchesAtOnce = 4;
inline constexpr std::chrono::seconds kRenewalCheck{3600};  ///< between two looks for decisions that are about to end

class FeedKeeper {
 public:
  /// All are called on the keeper's thread.
  struct World {
    std::function<std::vector<FeedOption>()> followed;  ///< what the configuration names now
    std::function<Feeds::Taken(ReadFeed&&)> take;       ///< into the record and into force
    std::function<void(const FeedOption&)> confirm;     ///< nothing is new
    std::function<void(const FeedOption&, const std::string&)> failed;
    std::function<bool(const FeedOption&)> wants_renewal;
    std::function<void()> renew_zones;
    std::function<policy::Time()> now;
  };

  FeedKeeper(FeedFiles files, World world);
  ~FeedKeeper();  ///< stops

  /// `read`: ids of feeds that have just been read.
  void start(std::set<std::string> read);
  /// The configuration was read again, and with it every file: urls are due at once.
  void reloaded();
  void stop();

 private:
  using Clock = std::chrono::steady_clock;
  struct FileStand {
    std::filesystem::file_time_type time{};
    std::uintmax_t size = 0;
    friend bool operator==(const FileStand&, const FileStand&) = default;
  };
  struct Plan {
    FeedOption feed;
    Clock::time_point due = Clock::time_point::max();
    unsigned failures = 0;   // one behind the other
    bool take_kept = false;  // what was fetched last, by another process, under what is configured now
    FileStand stand;         // of the file as it was read last
  };

  using FetchOutcome = std::expected<Fetched, std::string>;
  struct Fetch {
    FeedOption feed;  // as it was when it began
    std::future<FetchOutcome> outcome;
  };

  void run();
  void plan(const std::vector<FeedOption>& feeds, bool urls_now);
  void look(Plan& plan);
  void looked(Plan& plan, bool good);
  void begin_fetch(Plan& plan);
  void end_fetches();
  bool take_fetched(const FeedOption& feed, const FetchOutcome& fetched);
  bool look_at_file(Plan& plan);
  Feeds::Taken take(const FeedOption& feed, const std::filesystem::path& file = {});
  void renew(const std::vector<FeedOption>& feeds);
  Clock::duration jittered(std::uint32_t seconds);

  const FeedFiles files_;
  const World world_;
  std::mt19937_64 random_{std::random_device{}()};
  std::map<std::string, Plan> plans_;  // by id; of the thread
  std::set<std::string> read_;         // of the thread: read at the start
  Clock::time_point renewal_;          // of the thread: the next look
  std::atomic<bool> stopping_{false};
  std::mutex mutex_;
  std::condition_variable wake_;
  bool reloaded_ = false;                 // guarded by mutex_
  std::vector<std::string> fetched_;      // guarded by mutex_: feeds whose fetch has come to its end
  std::map<std::string, Fetch> fetches_;  // by id; of the thread
  std::thread thread_;
};

}  // namespace placard::app
