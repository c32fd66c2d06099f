// The words of the vocabulary, each beside its enumerator: one table an enumeration, read in both directions.
#include "policy/record/decision.hpp"

#include <array>
#include <cassert>
#include <cstddef>

namespace placard::policy {
namespace {

// Words stand in the order of the enumerators.
constexpr std::array<std::string_view, 4> kAuthorityKinds = {"court", "regulator", "provider", "operator"};
constexpr std::array<std::string_view, 5> kDecisionTypes = {"court_order", "administrative_order", "agreement",
                                                            "voluntary", "emergency"};
constexpr std::array<std::string_view, 7> kDecisionStates = {"proposed", "shadow",  "active",  "suspended",
                                                             "lifted",   "expired", "annulled"};
constexpr std::array<std::string_view, 3> kDisclosures = {"public", "delayed", "sealed"};
constexpr std::array<std::string_view, 5> kTriggers = {"client-ip", "qname", "response-ip", "nsdname", "nsip"};
constexpr std::array<std::string_view, 3> kMatchKinds = {"exact", "subdomains", "both"};
constexpr std::array<std::string_view, 9> kActions = {"sinkhole", "nxdomain", "nodata",     "refused", "drop",
                                                      "truncate", "passthru", "local-data", "cname"};

template <typename Enum, std::size_t size>
constexpr std::string_view word_of(const std::array<std::string_view, size>& words, Enum value) {
  const auto index = static_cast<std::size_t>(value);
  assert(index < size);
  return words[index];
}

template <typename Enum, std::size_t size>
constexpr std::optional<Enum> value_of(const std::array<std::string_view, size>& words, std::string_view word) {
  for (std::size_t index = 0; index < size; ++index) {
    if (words[index] == word) return static_cast<Enum>(index);
  }
  return std::nullopt;
}

}  // namespace

std::string_view to_text(AuthorityKind value) {
  return word_of(kAuthorityKinds, value);
}
std::string_view to_text(DecisionType value) {
  return word_of(kDecisionTypes, value);
}
std::string_view to_text(DecisionState value) {
  return word_of(kDecisionStates, value);
}
std::string_view to_text(Disclosure value) {
  return word_of(kDisclosures, value);
}
std::string_view to_text(Trigger value) {
  return word_of(kTriggers, value);
}
std::string_view to_text(MatchKind value) {
  return word_of(kMatchKinds, value);
}
std::string_view to_text(Action value) {
  return word_of(kActions, value);
}

std::optional<AuthorityKind> authority_kind_from_text(std::string_view word) {
  return value_of<AuthorityKind>(kAuthorityKinds, word);
}
std::optional<DecisionType> decision_type_from_text(std::string_view word) {
  return value_of<DecisionType>(kDecisionTypes, word);
}
std::optional<DecisionState> decision_state_from_text(std::string_view word) {
  return value_of<DecisionState>(kDecisionStates, word);
}
std::optional<Disclosure> disclosure_from_text(std::string_view word) {
  return value_of<Disclosure>(kDisclosures, word);
}
std::optional<Trigger> trigger_from_text(std::string_view word) {
  return value_of<Trigger>(kTriggers, word);
}
std::optional<MatchKind> match_kind_from_text(std::string_view word) {
  return value_of<MatchKind>(kMatchKinds, word);
}
std::optional<Action> action_from_text(std::string_view word) {
  return value_of<Action>(kActions, word);
}

bool scope_applies(const std::vector<std::string>& scope, const std::vector<std::string>& jurisdictions) {
  if (scope.empty()) return true;
  for (const auto& code : scope) {
    for (const auto& jurisdiction : jurisdictions) {
      if (jurisdiction == code) return true;
      if (jurisdiction.size() > code.size() && jurisdiction.starts_with(code) && jurisdiction[code.size()] == '-') {
        return true;
      }
    }
  }
  return false;
}

wire::EdeCode extended_error_of(DecisionType type, bool external_authority) {
  return is_order(type) || external_authority ? wire::EdeCode::censored : wire::EdeCode::blocked;
}

}  // namespace placard::policy
