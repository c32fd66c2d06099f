// The guards: what no decision may do, whoever wrote it and however urgent it is.
//
// Pure checks of one decision against itself, the public suffix list and the names the operator protects. What needs
// the record (known authorities, other decisions) is checked by intake. Nothing here can be switched off: an override,
// when it comes, needs two people and a logged reason.
#pragma once

#include <vector>

#include "policy/record/authored.hpp"

namespace placard::policy {

/// An emergency takes effect in seconds and ends by itself within this time (design: emergency lane). To last longer it
/// must be confirmed by a decision of another type that supersedes it.
inline constexpr std::int64_t kEmergencyLimit = std::int64_t{72} * 3600;
inline constexpr std::size_t kMaxRules = 10'000;                     ///< of one decision; lists are another way in
inline constexpr std::size_t kMaxTextSize = std::size_t{64} * 1024;  ///< octets of one text
inline constexpr std::uint32_t kMaxTtl = 86'400;                     ///< seconds: a block must be able to end

struct Guards {
  /// The notice's and the operator's own names: neither they nor anything below may be blocked, nor with them what is
  /// above. Public suffixes (ICANN's and private ones, as libpsl has them), top-level domains and the root always are.
  std::vector<wire::Name> protected_names;
};

/// Everything that is wrong with the decision; empty when it passes. `file` goes into the problems.
std::vector<Problem> guard_decision(const AuthoredDecision& authored, const Guards& guards, const std::string& file,
                                    Time now);
std::vector<Problem> guard_authority(const AuthoredAuthority& authored, const std::string& file);
std::vector<Problem> guard_event(const AuthoredEvent& authored, const std::string& file, Time now);

}  // namespace placard::policy
