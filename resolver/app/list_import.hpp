// `placard import`: a list on its way from a file into the record, under a decision or a standing mandate.
//
// Reading needs nobody's leave and takes most of the time, so it is apart from taking in, which changes the record.
// What would change is told before it is done: above kPreviewRules the operator shows, with the token of that preview,
// that they have seen it; a token is good for exactly this list upon exactly that stand of the record.
#pragma once

#include <atomic>
#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "policy/lists/list_reader.hpp"
#include "resolver/app/index_keeper.hpp"
#include "resolver/app/operations.hpp"

namespace placard::app {

/// Rules of a decision in force that may change without a preview.
inline constexpr std::size_t kPreviewRules = 100;
/// The authority of feeds that name none: made of the operator's options when the first of them comes in.
inline constexpr const char* kOperatorFeeds = "operator-feeds";

/// Read by whoever shows a progress bar, on any thread.
struct ImportProgress {
  std::atomic<std::uint64_t> octets{0}, total{0}, rules{0};
};

struct ImportRequest {
  std::string file;       ///< path; of a feed where it came from
  std::string read_from;  ///< path, where that is another; else empty
  policy::ListSyntax syntax;
  std::string decision;                                         ///< id of the decision that names the list; or:
  std::string mandate;                                          ///< id of an authority with a standing mandate, and
  std::string list;                                             ///< the id of the list that comes under it
  policy::DecisionState state = policy::DecisionState::shadow;  ///< of a decision made under the mandate
  policy::ListLimits limits;
  bool dry_run = false;
  bool guards = true;   ///< off for feeds by configuration alone
  bool preview = true;  ///< the same; without one the difference is not told either
  std::string token;    ///< of the preview that was seen; may be empty
};

/// The record, for work that takes long: what needs it to itself is done in short turns, between which others have it.
struct SharedRecord {
  std::filesystem::path file;  ///< the store's
  std::function<void(const std::function<void(const Workplace&)>&)> turn;
  std::function<policy::Time()> now;
  IndexKeeper* index = nullptr;                 ///< of a server
  const std::atomic<bool>* stopping = nullptr;  ///< the same: ends what is not done yet
};

/// A list as it was read, and the SHA-256 of its octets in hex.
struct SourcedList {
  policy::ReadList list;
  std::string sha256;
};

/// Blocking. The error names the file.
std::expected<SourcedList, std::string> read_list_file(const ImportRequest& request, ImportProgress* progress);

struct TakenIn {
  policy::Document document;    ///< the report
  policy::ListOutcome outcome;  ///< of a dry run: empty
  std::size_t rules = 0;        ///< that the list has now
};
/// Judges what was read, and unless it is a dry run records it and brings it into force. The error is for people and
/// may have several lines. Throws policy::StoreError. REQUIRES: but for dry runs, one call at a time.
std::expected<TakenIn, std::string> take_in_list(const SharedRecord& at, const ImportRequest& request,
                                                 SourcedList&& source, const std::string& author);

}  // namespace placard::app
