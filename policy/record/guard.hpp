// The guards: what no decision may do, whoever wrote it and however urgent it is.
//
// Pure checks of one decision against itself, its authority's mandate, the public suffix list and the names the
// operator protects. What needs the record (known authorities, other decisions) is checked by intake. Nothing here can
// be switched off for a decision: an override (override.hpp) is of one rule, by two people, with a logged reason.
#pragma once

#include <functional>
#include <set>
#include <string>
#include <vector>

#include "policy/record/authored.hpp"
#include "policy/record/name_guard.hpp"

namespace placard::policy {

/// An emergency takes effect in seconds and ends by itself within this time (design: emergency lane). To last longer it
/// must be confirmed by a decision of another type that supersedes it.
inline constexpr std::int64_t kEmergencyLimit = std::int64_t{72} * 3600;
inline constexpr std::size_t kMaxRules = 10'000;                     ///< of one decision; lists are another way in
inline constexpr std::size_t kMaxTextSize = std::size_t{64} * 1024;  ///< octets of one text
inline constexpr std::uint32_t kMaxTtl = 86'400;                     ///< seconds: a block must be able to end

/// Everything that is wrong with the decision; empty when it passes. `file` goes into the problems.
/// `overridden`: GuardOverride::about of those that hold.
std::vector<Problem> guard_decision(const AuthoredDecision& authored, const NameGuard& guard, const std::string& file,
                                    Time now, const std::set<std::string, std::less<>>& overridden = {});
/// Where the decision goes beyond its authority's mandate, with the limit that it breaks. Its list is checked rule by
/// rule when it comes (list_intake).
std::vector<Problem> guard_mandate(const AuthoredDecision& authored, const Mandate& mandate, const std::string& file);
std::vector<Problem> guard_authority(const AuthoredAuthority& authored, const std::string& file);
std::vector<Problem> guard_event(const AuthoredEvent& authored, const std::string& file, Time now);

}  // namespace placard::policy
