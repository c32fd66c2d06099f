// Decisions between shadow and force, and the preview that comes before.
//
// A preview's token stands for what was seen: this decision in this state, with this stand of its list. Activation of
// anything with a list, or of more than kPreviewRules rules, wants it; one that is stale is refused.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "policy/record/ledger.hpp"
#include "policy/record/written_name.hpp"
#include "resolver/app/list_import.hpp"
#include "resolver/app/operations.hpp"

namespace placard::app {
namespace {

std::string token_of(policy::Store& store, const policy::DecisionRecord& record) {
  const auto& d = record.decision();
  const auto stand = d.list.empty() ? std::nullopt : store.list_stand(d.list);
  const auto text =
      fmt::format("placard preview of a decision\n{}\n{}\n{}\n{}\n", d.id, record.transitions.back().sequence,
                  stand ? stand->sequence : 0, stand ? stand->digest : std::string());
  return policy::to_hex(policy::as_text(policy::sha256(text))).substr(0, 16);
}

std::size_t rules_of(policy::Store& store, const policy::Decision& decision) {
  const auto stand = decision.list.empty() ? std::nullopt : store.list_stand(decision.list);
  return decision.rules.size() + static_cast<std::size_t>(stand ? stand->rules : 0);
}

/// What is counted of a decision's rules, its own and its list's.
struct Survey {
  const policy::NameGuard& guard;
  const std::multimap<std::string, std::string>& others;  // names of other decisions, by key
  std::map<std::string, std::int64_t> actions, overlaps;
  std::int64_t guarded = 0;
  std::vector<std::string> guarded_examples;

  void look(std::string_view key, policy::Trigger trigger, policy::MatchKind match, policy::Action action) {
    ++actions[std::string(policy::to_text(action))];
    if (const auto found = guard.judge(key, trigger, match, action); found != policy::Guarded::no) {
      ++guarded;
      if (guarded_examples.size() < policy::kMaxSamples)
        guarded_examples.push_back(policy::why_guarded(found, key, guard, match));
    }
    if (trigger != policy::Trigger::qname || others.empty()) return;
    const auto [begin, end] = others.equal_range(std::string(key));
    for (auto at = begin; at != end; ++at) ++overlaps[at->second];
  }
};

}  // namespace

Done preview(policy::Store& store, const Options& options, const std::string& id, policy::Time now) {
  const auto record = store.decision(id);
  if (!record) return std::unexpected(fmt::format("there is no decision '{}'", id));
  const auto& d = record->decision();
  std::multimap<std::string, std::string> others;
  for (const auto& stored : store.load_policy(now))
    if (stored.decision.id != id)
      for (const auto& rule : stored.decision.rules)
        if (rule.trigger == policy::Trigger::qname) others.emplace(policy::stored_key(rule.name), stored.decision.id);
  const policy::NameGuard guard(guards_of(options));
  Survey survey{guard, others, {}, {}, 0, {}};
  for (const auto& rule : d.rules) {
    const bool named = rule.trigger == policy::Trigger::qname || rule.trigger == policy::Trigger::nsdname;
    survey.look(named ? policy::stored_key(rule.name) : rule.prefix, rule.trigger, rule.match, rule.action);
  }
  if (!d.list.empty())
    store.visit_list(d.list, [&](const policy::StoredListRule& rule, const policy::RuleForm& form) {
      survey.look(rule.key, rule.trigger, rule.match, form.action);
    });

  policy::Document document;
  policy::Table actions{"actions", "What it would do", {{"action", "Action"}, {"rules", "Rules"}}, {}, "Nothing."};
  for (const auto& [action, count] : survey.actions) actions.rows.push_back({action, count});
  document.parts.emplace_back(std::move(actions));
  policy::Table guarded{"guards", "What the guards say", {{"guard", "Rule"}}, {}, "No guard objects."};
  for (const auto& example : survey.guarded_examples) guarded.rows.push_back({example});
  document.parts.emplace_back(std::move(guarded));
  policy::Table overlap{
      "overlap", "Names that other decisions have too", {{"decision_id", "Decision"}, {"rules", "Names"}}, {}, "None."};
  for (const auto& [other, count] : survey.overlaps) overlap.rows.push_back({other, count});
  document.parts.emplace_back(std::move(overlap));
  policy::Fields fields{"", "", {}};
  fields.fields = {{"id", "Decision", d.id},
                   {"state", "State", std::string(policy::to_text(record->transitions.back().state))},
                   {"rules", "Rules", static_cast<std::int64_t>(rules_of(store, d))},
                   {"list", "List", d.list.empty() ? policy::Cell() : policy::Cell(d.list)},
                   {"guard_hits", "Rules that a guard objects to", survey.guarded},
                   {"preview", "Preview token", token_of(store, *record)}};
  document.parts.emplace_back(std::move(fields));
  return document;
}

Done change_state(const Workplace& at, const StateRequest& request, const std::string& author, policy::Time now) {
  const auto record = at.store.decision(request.id);
  if (!record) return std::unexpected(fmt::format("there is no decision '{}'", request.id));
  if (request.state == policy::DecisionState::active) {
    const bool wants_token = !record->decision().list.empty() || rules_of(at.store, record->decision()) > kPreviewRules;
    if (request.token.empty() && wants_token)
      return std::unexpected(
          fmt::format("a list, or more than {0} rules, wants a preview first: placard preview {1}, "
                      "then placard activate {1} --preview TOKEN",
                      kPreviewRules, request.id));
    if (!request.token.empty() && request.token != token_of(at.store, *record))
      return std::unexpected("the preview is stale: the decision or its list has changed since; look at a new one");
  }
  const auto done = at.store.transition(request.id, request.state, request.reason, author, now);
  if (!done) return std::unexpected(done.error());
  if (auto waits = at.bring_into_force(); !waits) return std::unexpected(waits.error());
  policy::Fields fields{"", "", {}};
  fields.fields = {{"id", "Decision", request.id},
                   {"state", "State", std::string(policy::to_text(done->state))},
                   {"valid_from", "Since", policy::to_text(done->valid_from)},
                   {"reason", "Reason", request.reason},
                   {"log_sequence", "Log entry", done->sequence},
                   {"published", "The server has taken it in", at.publish != nullptr}};
  return policy::Document{{std::move(fields)}};
}

}  // namespace placard::app
