// `placard history`: what was decided and done about a name, in order of time, as known on a day.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "policy/public/research.hpp"
#include "policy/public/research_words.hpp"

namespace placard::policy {

namespace {

// At most this many names below the one asked are looked up by themselves.
constexpr std::size_t kMaxBelow = 500;

struct Line {
  Time when;
  std::int64_t sequence;
  std::vector<Cell> cells;
};

// Decisions about the name and names above, then public ones about names below, each once, by number.
std::vector<DecisionRecord> decisions_around(Store& store, const HistoryRequest& request) {
  auto records = store.decisions_about(request.name, request.as_of);
  std::set<std::string> seen;
  for (const auto& record : records) seen.insert(record.decision().id);
  const auto name = request.name.view().is_root() ? std::string() : "." + shown_name(request.name.lowered());
  const auto below =
      rows_of(store, fmt::format("SELECT DISTINCT decision_id FROM public_rule WHERE trigger = 'qname' AND "
                                 "substr(name, -{}) = {} LIMIT {}",
                                 std::max<std::size_t>(1, name.size()), sql_literal(name), kMaxBelow));
  for (const auto& row : below) {
    const auto& id = std::get<std::string>(row.at(0));
    if (!seen.insert(id).second) continue;
    if (auto record = store.decision(id, request.as_of)) records.push_back(std::move(*record));
  }
  std::sort(records.begin(), records.end(), [](const auto& a, const auto& b) { return a.number < b.number; });
  return records;
}

void add_decision(std::vector<Line>& lines, const DecisionRecord& record) {
  const auto& decision = record.decision();
  const auto recorded = to_text(record.recorded_at);
  const auto id = decision.id + (decision.demonstration ? " (DEMONSTRATION)" : "");
  const auto what = record.disclosed ? fmt::format("{} Until {}.", text_of(decision.statement_of_reasons),
                                                   to_text(decision.expires_at))
                                     : fmt::format("{} Until {}.", kNotPublic, to_text(decision.expires_at));
  lines.push_back({decision.effective_from,
                   record.number,
                   {to_text(decision.effective_from), std::string("decision"), shown_rules(decision.rules),
                    shown_authority(record), std::string(to_text(decision.initial_state)), what, id, recorded}});
  for (const auto& transition : record.transitions) {
    if (transition.sequence == record.number) continue;  // the first one is the decision itself
    lines.push_back(
        {transition.valid_from,
         transition.sequence,
         {to_text(transition.valid_from), std::string("state"), shown_rules(decision.rules), shown_authority(record),
          std::string(to_text(transition.state)), record.disclosed ? transition.reason : std::string(kNotPublic), id,
          to_text(transition.recorded_at)}});
  }
}

// About the name and names below it, and about the domains it lies in: what was done about those concerns it too.
void add_events(std::vector<Line>& lines, Store& store, const HistoryRequest& request) {
  for (auto name = request.name.view(); !name.is_root() || request.name.view().is_root(); name = name.parent()) {
    const bool asked = name.size() == request.name.view().size();
    for (const auto& [event, sequence, recorded_at] : store.events_about(name, asked, request.as_of)) {
      lines.push_back({event.occurred_at,
                       sequence,
                       {to_text(event.occurred_at), std::string("event"), shown_name(event.name), event.actor,
                        event.act, text_of(event.statement), event.source, to_text(recorded_at)}});
    }
    if (name.is_root()) break;
  }
}

Table period_table(const std::vector<DecisionRecord>& records) {
  Table table{"states",
              "States of the decisions, on both axes of time",
              {{"decision", "Decision"},
               {"state", "State"},
               {"valid_from", "Valid from"},
               {"valid_to", "to"},
               {"recorded_from", "Recorded from"},
               {"recorded_to", "to"}},
              {},
              ""};
  for (const auto& record : records) {
    for (const auto& period : record.periods) {
      table.rows.push_back({record.decision().id, std::string(to_text(period.state)), to_text(period.valid_from),
                            to_text(period.valid_to), to_text(period.recorded_from), to_text(period.recorded_to)});
    }
  }
  return table;
}

Table enforced_table(const std::vector<DecisionRecord>& records) {
  Table table{"enforced",
              "When nodes answered by them",
              {{"decision", "Decision"}, {"node", "Node"}, {"enforced_from", "From"}, {"enforced_to", "to"}},
              {},
              ""};
  for (const auto& record : records) {
    for (const auto& period : record.enforced) {
      table.rows.push_back(
          {record.decision().id, period.node, to_text(period.enforced_from), to_text(period.enforced_to)});
    }
  }
  return table;
}

}  // namespace

Document tell_history(Store& store, const HistoryRequest& request) {
  const auto records = decisions_around(store, request);
  std::vector<Line> lines;
  for (const auto& record : records) add_decision(lines, record);
  add_events(lines, store, request);
  std::sort(lines.begin(), lines.end(),
            [](const Line& a, const Line& b) { return a.when != b.when ? a.when < b.when : a.sequence < b.sequence; });
  Document document;
  Fields asked{"", "", {{"name", "Name", shown_name(request.name)}}};
  if (request.as_of.valid_at) asked.fields.push_back({"valid_at", "Held on", to_text(*request.as_of.valid_at)});
  if (request.as_of.known_at) asked.fields.push_back({"known_at", "As known on", to_text(*request.as_of.known_at)});
  document.parts.push_back(asked);
  Table table{"history",
              "",
              {{"time", "When"},
               {"kind", ""},
               {"subject", "About"},
               {"actor", "Who"},
               {"act", "Did"},
               {"statement", "Statement"},
               {"source", "Source"},
               {"recorded_at", ""}},
              {},
              "Nothing is recorded about this name."};
  for (auto& line : lines) table.rows.push_back(std::move(line.cells));
  document.parts.push_back(std::move(table));
  document.parts.push_back(period_table(records));
  document.parts.push_back(enforced_table(records));
  return document;
}

}  // namespace placard::policy
