#include "policy/record/list_intake.hpp"

#include <fmt/format.h>

#include "policy/record/written_name.hpp"

namespace placard::policy {
namespace {

constexpr std::size_t kLongList = 20'000;  // rules: libpsl takes as long for so many as its filter takes to be made

}  // namespace

std::expected<ListTerms, std::string> ListIntake::terms_under(Store& store, std::string_view decision, Time now) {
  const auto record = store.decision(decision);
  if (!record) return std::unexpected(fmt::format("there is no decision '{}'", decision.substr(0, 80)));
  const auto& d = record->decision();
  if (d.list.empty())
    return std::unexpected(fmt::format("decision '{}' has no list: one that carries a list says list = \"ID\"", d.id));
  const auto last = record->transitions.back().state;
  if (last == DecisionState::lifted || last == DecisionState::annulled || d.expires_at <= now)
    return std::unexpected(fmt::format("decision '{}' has ended; a list needs one that holds", d.id));
  ListTerms terms{.list = d.list, .decision = d.id, .mandate = record->authority.mandate, .overridden = {}};
  // They were checked when the decision was taken in.
  for (const auto& one : d.overrides) terms.overridden.insert(one.about);
  return terms;
}

std::expected<AdmittedList, std::string> ListIntake::admit(const ListTerms& terms, RuleList& rules,
                                                           const Guards& guards,
                                                           const std::function<void(const GuardedRule&)>& tell,
                                                           const std::function<std::string()>& meta) {
  NameGuard guard(guards);
  if (terms.guards && rules.size() >= kLongList) guard.expect_many();
  const auto mandate = terms.mandate ? std::optional<MandateGuard>(*terms.mandate) : std::nullopt;
  const auto overridden = [&](const ListedRule& rule, const RuleForm& form) {
    return !terms.overridden.empty() && terms.overridden.contains(shown_key(rule.key, form.trigger));
  };
  rules.remove_if([&](const ListedRule& rule) {
    const auto& form = rules.form(rule.form);
    if (mandate && !mandate->allows(rule.key, form.trigger, form.action)) {
      tell({rule, form, Guarded::no, mandate->broken_limit(rule.key, form.trigger, form.action)});
      return true;
    }
    if (!terms.guards) return false;
    const auto guarded = guard.judge(rule.key, form.trigger, form.match, form.action);
    if (guarded == Guarded::no || overridden(rule, form)) return false;
    tell({rule, form, guarded, why_guarded(guarded, rule.key, guard, form.match)});
    return true;
  });
  if (terms.mandate && terms.mandate->max_rules && rules.size() > static_cast<std::size_t>(*terms.mandate->max_rules))
    return std::unexpected(
        fmt::format("{} rules are beyond the mandate: max_rules is {}", rules.size(), *terms.mandate->max_rules));
  return AdmittedList(terms.list, rules, meta());
}

}  // namespace placard::policy
