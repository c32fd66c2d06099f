// What was fetched last of each feed and taken into the record: STATE/feeds/ID.list, with ID.json beside it that says
// where it came from and by what its server knows it. So a restart fetches nothing that is still fresh, and a change of
// the feed's options finds the list there. The record is what counts: losing these files costs one fetch.
#pragma once

#include <expected>
#include <filesystem>
#include <optional>
#include <string>

#include "policy/record/time.hpp"
#include "resolver/app/feed_fetch.hpp"

namespace placard::app {

struct KeptList {
  FetchMark mark;
  policy::Time fetched_at = 0;  ///< or found unchanged
};

class FeedFiles {
 public:
  explicit FeedFiles(std::filesystem::path state_directory) : folder_(std::move(state_directory) / "feeds") {}

  /// The last good list of this feed's url; nothing when there is none.
  std::optional<KeptList> kept(const FeedOption& feed) const;
  std::filesystem::path list(const FeedOption& feed) const { return folder_ / (feed.id + ".list"); }
  /// Where the next one is written first.
  std::filesystem::path fresh(const FeedOption& feed) const { return folder_ / (feed.id + ".fresh"); }
  /// Makes the folder.
  std::expected<void, std::string> prepare() const;
  /// The fresh list becomes the last good one; `fresh` false: it is still the same.
  std::expected<void, std::string> keep(const FeedOption& feed, const KeptList& what, bool fresh) const;

 private:
  std::filesystem::path mark(const FeedOption& feed) const { return folder_ / (feed.id + ".json"); }
  std::filesystem::path folder_;
};

}  // namespace placard::app
