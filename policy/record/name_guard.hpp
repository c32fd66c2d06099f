// Names and prefixes that no rule may be about: the root, top-level domains, public suffixes of ICANN and private ones,
// what the operator protects, and more addresses at once than a rule may hold.
//
// One judgement for the rule of a decision and for each of a list's ten million; it is asked with the key of a rule.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "policy/record/decision.hpp"
#include "policy/record/suffix_filter.hpp"

namespace placard::policy {

struct Guards {
  /// Neither they nor anything below may be blocked, nor with them what is above. Public suffixes (ICANN's and private
  /// ones, as libpsl has them), top-level domains and the root always are protected.
  std::vector<wire::Name> protected_names = {};
  /// The shortest prefixes that an address trigger may have.
  std::uint8_t widest_ipv4 = 16, widest_ipv6 = 32;
  /// The server's and its operator's own names: no rule may reach them; what is below them is like any other name.
  std::vector<wire::Name> own_names = {};
};

constexpr bool is_about_a_name(Trigger trigger) {
  return trigger == Trigger::qname || trigger == Trigger::nsdname;
}
/// What a rule with this key is about, for a person: "kiwifarms.net" or "192.0.2.0/24".
std::string shown_key(std::string_view key, Trigger trigger);

enum class Guarded : std::uint8_t { no, root, top_level, public_suffix, protected_name, wide_prefix };

class NameGuard {
 public:
  explicit NameGuard(const Guards& guards);
  /// Takes some milliseconds, after which a name takes less: for those of a long list.
  void expect_many() { suffixes_ = SuffixFilter::load(); }
  /// `key` as RuleList has it: stored_key() of a name, or a canonical prefix.
  Guarded judge(std::string_view key, Trigger trigger, MatchKind match, Action action) const;
  /// The protected name that a rule with this key meets; empty when there is none.
  std::string_view protected_by(std::string_view key, MatchKind match) const;

 private:
  std::vector<std::string> protected_;  // keys, sorted; those of own names as well
  std::vector<std::string> own_;        // keys, sorted: nothing below them is protected
  std::uint8_t widest_ipv4_, widest_ipv6_;
  std::shared_ptr<const SuffixFilter> suffixes_;  // may be null
};

/// What a mandate says of single rules.
class MandateGuard {
 public:
  /// Keeps a reference to the mandate.
  explicit MandateGuard(const Mandate& mandate);
  /// The limit that a rule breaks ("suffixes: nz"); empty when it breaks none.
  std::string broken_limit(std::string_view key, Trigger trigger, Action action) const;
  bool allows(std::string_view key, Trigger trigger, Action action) const;

 private:
  bool allows_form(Trigger trigger, Action action) const;
  bool allows_key(std::string_view key, Trigger trigger) const;
  const Mandate& mandate_;
  std::vector<std::string> suffixes_;  // keys
};

/// The reason for a person: "'co.nz' is a public suffix: names of many owners are below it".
std::string why_guarded(Guarded guarded, std::string_view key, const NameGuard& guard, MatchKind match);

/// True when `key` is the other name's or that of one below it.
bool is_at_or_below(std::string_view key, std::string_view above);

}  // namespace placard::policy
