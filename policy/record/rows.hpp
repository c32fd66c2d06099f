// Rows of the store as values. Internal to policy/record.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "policy/record/sqlite.hpp"
#include "policy/record/store.hpp"

namespace placard::policy {

/// The newest version when none is named.
std::optional<Authority> read_authority(Connection& connection, std::string_view authority_id,
                                        std::optional<std::int64_t> version = {});
/// The decision with authority, rules, texts and scope; transitions and periods stay empty.
std::optional<DecisionRecord> read_decision(Connection& connection, std::string_view decision_id);
std::optional<EventRecord> read_event(Connection& connection, std::string_view event_id);
std::optional<Transition> read_transition(Connection& connection, std::int64_t sequence);
/// The views recorded by that log entry, in order.
std::vector<View> read_views(Connection& connection, std::int64_t sequence);
/// REQUIRES: columns sequence, recorded_at, kind, subject, author, author_salt, entry, withheld, hash.
LogRow log_row_of(const Statement& row);

/// Transition's columns, in this order: sequence, decision_id, state, valid_from, recorded_at, author, reason.
Transition transition_of(const Statement& row);

}  // namespace placard::policy
