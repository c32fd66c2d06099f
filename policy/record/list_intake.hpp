// The way in for a list: the guards look at every rule, and what passes is all that the store will take.
//
// A rule that a guard takes out is told and left out; the rest goes on, for one line of ten million must not stop the
// others. What concerns the list as a whole (it comes under a decision that names it; the mandate's number of rules)
// refuses it whole. The guards can be off for a list only by its operator's configuration, and then the list's entry in
// the log says so.
#pragma once

#include <expected>
#include <functional>
#include <string>

#include "policy/record/guard.hpp"
#include "policy/record/store.hpp"

namespace placard::policy {

/// A rule that was taken out.
struct GuardedRule {
  const ListedRule& rule;
  const RuleForm& form;
  Guarded guarded = Guarded::no;  ///< no: it goes beyond the mandate
  std::string why;
};

/// What a list comes under, as the record has it.
struct ListTerms {
  std::string list;                               ///< id
  std::string decision;                           ///< id of the decision that names it
  std::optional<Mandate> mandate;                 ///< of the decision's authority
  std::set<std::string, std::less<>> overridden;  ///< GuardOverride::about, of the decision
  bool guards = true;                             ///< false: off by configuration
};

struct ListIntake {
  /// The terms of a list under a recorded decision. The error says why it can't come under it: there is none, it names
  /// no list, it has ended.
  static std::expected<ListTerms, std::string> terms_under(Store& store, std::string_view decision, Time now);

  /// Takes out what guards or mandate refuse, and admits the rest. `meta` is asked for afterwards: a canonical JSON
  /// object for the log. REQUIRES: `rules` is sealed, and outlives what comes back.
  static std::expected<AdmittedList, std::string> admit(const ListTerms& terms, RuleList& rules, const Guards& guards,
                                                        const std::function<void(const GuardedRule&)>& tell,
                                                        const std::function<std::string()>& meta);
};

}  // namespace placard::policy
