// Feeds: the lists that the configuration follows, on their way into the record.
//
// A file is read at the start and at each reload; a policy zone (RPZ) that is transferred comes from the keeper of
// zones whenever it has a new version, which has been transferred whole and lies on the disk before it is looked at
// here. What cannot be read, or is refused, changes nothing: the last good list stays in force, and its age shows. A
// feed that the configuration names no more is lifted. Calls come one at a time.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

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
};

class Feeds {
 public:
  /// Reads every file, takes in every zone that is there, and lifts what is followed no more. Lines for the log.
  std::vector<std::string> load(const Workplace& at, const std::vector<transfer::ServedZone>& served,
                                const std::string& author, policy::Time now);
  /// What the keeper has: zones with a new version are taken in. True: something was recorded.
  bool take_zones(const Workplace& at, const std::vector<transfer::ServedZone>& served, const std::string& author,
                  policy::Time now, std::vector<std::string>& log);

  std::vector<FeedStatus> status(policy::Store& store, const std::vector<FeedOption>& feeds) const;

 private:
  struct State {
    std::shared_ptr<const zones::Zone> zone;  ///< that was taken in last
    policy::Time good_at = 0;
    std::uint64_t failures = 0;
    std::string last_error;
  };
  bool take(const Workplace& at, const FeedOption& feed, SourcedList&& list, const std::string& source,
            const std::string& author, policy::Time now, std::vector<std::string>& log);
  void failed(const FeedOption& feed, const std::string& why, std::vector<std::string>& log);

  std::map<std::string, State> states_;  // by id
};

/// For the metrics page.
std::string feed_metrics(const std::vector<FeedStatus>& feeds, policy::Time now);
/// For `placard status`.
policy::Table feed_report(const std::vector<FeedStatus>& feeds, policy::Time now);

}  // namespace placard::app
