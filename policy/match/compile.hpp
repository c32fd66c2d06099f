// From the record to the index: what the store holds becomes the input of Index::compile.
//
// Two ways in: everything that is or will be in force, for the snapshot that workers answer by; and the few decisions
// about one name as they stood at some entry of the log, to say afterwards what was answered then.
#pragma once

#include <cstdint>
#include <vector>

#include "policy/match/index.hpp"
#include "policy/record/store.hpp"

namespace placard::policy {

/// Every stretch of every decision that has not ended at `now`, for these views. Throws StoreError.
/// log_sequence is read first: an entry that is recorded meanwhile may be in it unannounced, never the other way round.
CompileInput load_compile_input(Store& store, std::vector<View> views, Time now);

/// The stretches, active or in shadow, of one decision as the log entries up to `last_sequence` have it; none when the
/// decision was recorded later. Of the transitions whose valid_from has come the one recorded last decides, so each
/// cuts the time of those before it; expires_at ends all. REQUIRES: record.transitions is complete and by sequence.
std::vector<IndexedDecision> stretches_of(const DecisionRecord& record, std::int64_t last_sequence);

}  // namespace placard::policy
