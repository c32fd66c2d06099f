// Feeds: the lists that the configuration follows, on their way into the record.
//
// Files and what was fetched (feed_keeper) are read outside of any lock, and then taken in here; a policy zone (RPZ)
// that is transferred comes from the keeper of zones whenever it has a new version, which has been transferred whole
// and lies on the disk before it is looked at. What cannot be read, or is refused, changes nothing: the last good list
// stays in force, and its age shows. A feed that the configuration names no more is lifted, and the decision of one
// that goes on is followed by another in the second half of its time. What takes in comes
// one call at a time; the rest may be called beside it.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "resolver/app/feed_files.hpp"
#include "resolver/app/list_import.hpp"
#include "resolver/app/operations.hpp"
#include "resolver/transfer/keeper.hpp"

namespace placard::app {

/// A policy zone's records as a sealed list, with what became of each; what means nothing is counted by its reason.
policy::ReadList list_of_zone(const zones::Zone& zone);

/// The plans by which the keeper of zones follows what is transferred.
std::vector<transfer::ZonePlan> plans_of_feeds(const std::vector<FeedOption>& feeds);

struct FeedStatus {
  std::string id;
  std::string source;                     ///< file, or zone and primaries
  std::optional<std::uint32_t> serial{};  ///< of a zone
  std::uint64_t rules = 0;
  policy::Time good_at = 0;  ///< when it was last read whole and taken; 0: never by this process
  std::uint64_t failures = 0;
  std::string last_error{};
  policy::Time stale_after = 0;  ///< seconds; 0: never

  bool is_stale(policy::Time now) const { return stale_after != 0 && now - good_at > stale_after; }
};

/// A feed whose list was read, or why it could not be.
struct ReadFeed {
  FeedOption feed;
  std::expected<SourcedList, std::string> list;
  std::string source;  ///< as the record names it
};
/// Reads a feed's list from `path`, where that is not empty, else from its own file. Blocking; touches no record.
ReadFeed read_feed(const FeedOption& feed, const std::filesystem::path& path = {});

class Feeds {
 public:
  enum class Taken : std::uint8_t { refused, unchanged, changed };

  /// Takes in what was read and every zone that is there, and lifts what is followed no more. Lines for the log.
  std::vector<std::string> load(const SharedRecord& at, std::vector<ReadFeed>&& read,
                                const std::vector<transfer::ServedZone>& served, const std::string& author);
  Taken take(const SharedRecord& at, ReadFeed&& read, const std::string& author, std::vector<std::string>& log);
  /// The source says that nothing is new.
  void confirm(const FeedOption& feed, policy::Time at);
  void failed(const FeedOption& feed, const std::string& why, std::vector<std::string>& log);
  /// Whether the record holds the feed's list, under a decision that has not ended.
  static bool is_recorded(policy::Store& store, const FeedOption& feed, policy::Time now);
  /// Whether its decision is in the second half of its time.
  static bool wants_renewal(policy::Store& store, const FeedOption& feed, policy::Time now);
  /// Has a zone taken in again although it is the same.
  void forget_zone(const FeedOption& feed);

  /// What the keeper has: zones with a new version are taken in.
  void take_zones(const SharedRecord& at, const std::vector<transfer::ServedZone>& served, const std::string& author,
                  std::vector<std::string>& log);

  std::vector<FeedStatus> status(policy::Store& store, const std::vector<FeedOption>& feeds) const;

 private:
  struct State {
    std::shared_ptr<const zones::Zone> zone;  ///< that was taken in last
    policy::Time good_at = 0;
    std::uint64_t failures = 0;
    std::string last_error;
  };
  Taken take(const SharedRecord& at, const FeedOption& feed, SourcedList&& list, const std::string& source,
             const std::string& author, std::vector<std::string>& log);

  mutable std::mutex mutex_;
  std::map<std::string, State> states_;  // guarded by mutex_; by id
};

/// For the metrics page.
std::string feed_metrics(const std::vector<FeedStatus>& feeds, policy::Time now);
/// For `placard status`.
policy::Table feed_report(const std::vector<FeedStatus>& feeds, policy::Time now);

}  // namespace placard::app
