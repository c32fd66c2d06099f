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
#include "resolver/app/traffic_keeper.hpp"

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
  policy::TrafficProbe& traffic;
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
    if (trigger != policy::Trigger::qname) return;
    if (action != policy::Action::passthru) traffic.look(key, match);
    if (others.empty()) return;
    const auto [begin, end] = others.equal_range(std::string(key));
    for (auto at = begin; at != end; ++at) ++overlaps[at->second];
  }
};

constexpr std::size_t kShownDomains = 20;

/// How much of the recent traffic it would have hit.
void tell_traffic(policy::Document& document,
                  const std::expected<std::vector<policy::HourOfTraffic>, std::string>& hours,
                  const policy::TrafficProbe::Met& met) {
  if (!hours) document.parts.emplace_back(policy::Note{"Of recent traffic nothing can be said: " + hours.error()});
  if (!hours || hours->empty()) {
    if (hours) document.parts.emplace_back(policy::Note{"Nothing is known of recent traffic (policy.traffic_sketch)."});
    return;
  }
  policy::Table domains{
      "traffic",
      "Recent traffic that it would have hit",
      {{"domain", "Domain"}, {"questions", "Questions"}, {"clients", "Clients, about"}, {"reach", "Covered"}},
      {},
      "None of what at least ten clients asked for."};
  for (const auto& [domain, whole] : met.domains) {
    if (domains.rows.size() == kShownDomains) break;
    domains.rows.push_back({domain.domain, static_cast<std::int64_t>(domain.questions),
                            static_cast<std::int64_t>(domain.clients), whole ? "whole" : "in part"});
  }
  document.parts.emplace_back(std::move(domains));
  std::uint64_t questions = 0, looked_at = 0, uncertain = 0;
  for (const auto& hour : *hours) {
    questions += hour.questions;
    looked_at += hour.looked_at;
    uncertain += hour.uncertain;
  }
  policy::Fields fields{"", "", {}};
  fields.fields = {
      {"traffic_hours", "Hours with traffic known", static_cast<std::int64_t>(hours->size())},
      {"traffic_since", "The first of them", policy::to_text(hours->back().hour)},
      {"traffic_questions", "Questions of these hours", static_cast<std::int64_t>(questions)},
      {"traffic_looked_at", "Of them looked at", static_cast<std::int64_t>(looked_at)},
      {"traffic_hit", "It would have hit, at least", static_cast<std::int64_t>(met.questions)},
      {"traffic_hit_at_most", "And at most, of these domains", static_cast<std::int64_t>(met.at_most)},
      {"traffic_uncertain", "A domain's count may be short by", static_cast<std::int64_t>(uncertain)},
      {"traffic_domains", "Domains that it would have hit", static_cast<std::int64_t>(met.domains.size())}};
  document.parts.emplace_back(std::move(fields));
}

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
  const auto hours = load_traffic(traffic_path(options.fixed.store));
  policy::TrafficProbe traffic(hours.value_or(std::vector<policy::HourOfTraffic>()));
  Survey survey{guard, others, traffic, {}, {}, 0, {}};
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
  tell_traffic(document, hours, traffic.met());
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
