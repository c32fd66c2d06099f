// From the record to the index: what the store holds becomes images.
//
// A compile reads everything that is or will be in force and streams it, in the order of its keys, into an image: the
// rules of lists are never in memory, those of decisions are. An overlay reads what was recorded behind the last entry
// of an image, so what it takes depends on what changed and not on what there is. And the few decisions about one name
// can be had as they stood at some entry of the log, to say afterwards what was answered then.
#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <vector>

#include "policy/match/image_file.hpp"
#include "policy/match/index.hpp"
#include "policy/record/store.hpp"

namespace placard::policy {

/// Rules and changed rules of an overlay at most: beyond that, making it anew takes longer than a new rule may wait,
/// and a compile is due.
inline constexpr std::size_t kMaxOverlayRules = 100'000;

/// A list that is being recorded: what it will hold, instead of what the record has of it.
struct UpcomingList {
  std::string id;
  const RuleList& rules;  ///< sealed
};

/// Writes the image of all that has not ended at `now`, from one stand of the record; then the sink is complete.
/// `progress` is told how many rules were written so far, every now and then. The header as it was written. Throws
/// StoreError, and what the sink throws.
ImageHeader write_index(Store& store, ImageSink& sink, Time now, const std::function<void(std::size_t)>& progress = {},
                        const IndexTuning& tuning = {}, const UpcomingList* upcoming = nullptr);

/// Says that the entry `sequence`, which recorded the upcoming list, is in the image of this header too.
void include_entry(ImageHeader& header, Store& store, std::int64_t sequence);

/// The same as an index in memory, for who runs no server.
std::shared_ptr<const Index> compile_index(Store& store, std::vector<View> views, std::vector<SourcePolicy> policies,
                                           Time now, std::uint64_t generation);

/// Whether an image was made from this very record (its last entry of the log is one of ours), and not by a clock that
/// was ahead of `now`: what had ended by then is not in it. The error says why not.
std::expected<void, std::string> is_image_of(Store& store, const Image& image, Time now);

/// What was recorded behind `base`, as an image on top of it; null when nothing was. An error when it is too much: a
/// compile is needed. Throws StoreError. REQUIRES is_image_of(store, base).
std::expected<std::shared_ptr<const Image>, std::string> load_overlay(Store& store, const Image& base);

/// The stretches, active or in shadow, of one decision as the log entries up to `last_sequence` have it; none when the
/// decision was recorded later. Of the transitions whose valid_from has come the one recorded last decides, so each
/// cuts the time of those before it; expires_at ends all. REQUIRES: record.transitions is complete and by sequence.
std::vector<Stretch> stretches_of(const DecisionRecord& record, std::int64_t last_sequence = INT64_MAX);

/// The decision for the index, without rules; nothing when it has no stretch that ends behind `now`.
std::optional<IndexedDecision> indexed(const DecisionRecord& record, std::int64_t last_sequence = INT64_MAX,
                                       Time now = INT64_MIN);

}  // namespace placard::policy
