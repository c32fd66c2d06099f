// The one way in: everything that is to be recorded passes here, whether it comes from a file or, later, from a
// regulator's push.
//
// What is recorded already with the same content is let through as done; the same id with other content is refused
// (a decision never changes; write a new one that supersedes it). What is new passes the guards, is held against the
// record, and is then written in one transaction: all of the batch or nothing.
#pragma once

#include <expected>
#include <string_view>

#include "policy/record/authored.hpp"
#include "policy/record/guard.hpp"
#include "policy/record/store.hpp"

namespace placard::policy {

/// Throws StoreError (disk full, wrong clock); everything that is wrong with the batch itself comes back as problems.
std::expected<RecordOutcome, IntakeError> intake(Store& store, const AuthoredBatch& batch, const Guards& guards,
                                                 std::string_view author, Time now);

}  // namespace placard::policy
