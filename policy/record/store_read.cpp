// Reading the store: rows into values, the state of a decision over time, and what is asked about a name.
#include <fmt/format.h>

#include <algorithm>
#include <cassert>

#include "policy/record/rows.hpp"
#include "policy/record/store.hpp"
#include "policy/record/written_name.hpp"

namespace placard::policy {
namespace {

/// A word of the vocabulary from a column whose CHECK lets no other through: one that does not parse is a damaged file.
template <typename Enum>
Enum word(std::optional<Enum> value, std::string_view text) {
  if (!value)
    throw StoreError(StoreError::Kind::not_a_store, fmt::format("the store holds the unknown word '{}'", text));
  return *value;
}

wire::Name name_of(const std::string& text) {
  const auto name = wire::Name::from_text(text);
  if (!name) throw StoreError(StoreError::Kind::not_a_store, fmt::format("the store holds the broken name '{}'", text));
  return *name;
}

LocalizedText read_texts(Connection& connection, std::string_view sql, std::string_view id) {
  LocalizedText texts;
  Statement rows(connection, sql);
  rows.with(id);
  while (rows.step()) texts.emplace(rows.text(0), rows.text(1));
  return texts;
}

std::vector<LocalRecord> read_records(Connection& connection, std::int64_t rule_id) {
  std::vector<LocalRecord> records;
  Statement rows(connection, "SELECT type, rdata FROM rule_record WHERE rule_id = ? ORDER BY position");
  rows.with(rule_id);
  while (rows.step()) {
    const auto rdata = rows.blob(1);
    records.push_back({static_cast<wire::RecordType>(rows.integer(0)), {rdata.begin(), rdata.end()}});
  }
  return records;
}

std::vector<Rule> read_rules(Connection& connection, std::string_view decision_id) {
  std::vector<Rule> rules;
  Statement rows(connection,
                 "SELECT rule_id, trigger, match, name, prefix, action, ttl, target FROM rule WHERE decision_id = ?"
                 " ORDER BY position");
  rows.with(decision_id);
  while (rows.step()) {
    Rule rule;
    rule.id = rows.integer(0);
    rule.trigger = word(trigger_from_text(rows.text(1)), rows.text(1));
    rule.match = word(match_kind_from_text(rows.text(2)), rows.text(2));
    if (!rows.text(3).empty()) rule.name = name_of(rows.text(3));
    rule.prefix = rows.text(4);
    rule.action = word(action_from_text(rows.text(5)), rows.text(5));
    if (const auto ttl = rows.optional_integer(6)) rule.ttl = static_cast<std::uint32_t>(*ttl);
    if (!rows.text(7).empty()) rule.target = name_of(rows.text(7));
    if (rule.action == Action::local_data) rule.records = read_records(connection, rule.id);
    rules.push_back(std::move(rule));
  }
  return rules;
}

std::vector<StatePeriod> read_periods(Connection& connection, std::string_view decision_id, const AsOf& as_of) {
  std::vector<StatePeriod> periods;
  Statement rows(connection,
                 "SELECT state, valid_from, valid_to, recorded_from, recorded_to, reason FROM decision_history"
                 " WHERE decision_id = ?1 AND (?4 OR (recorded_from <= ?2 AND (?2 < recorded_to OR recorded_to = ?3)))"
                 " ORDER BY valid_from, recorded_from, sequence");
  rows.with(decision_id, as_of.known_at.value_or(kNever), kNever, std::int64_t{!as_of.known_at});
  while (rows.step()) {
    StatePeriod period{.state = word(decision_state_from_text(rows.text(0)), rows.text(0)),
                       .valid_from = rows.integer(1),
                       .valid_to = rows.integer(2),
                       .recorded_from = rows.integer(3),
                       .recorded_to = rows.integer(4),
                       .reason = rows.text(5)};
    const bool holds = !as_of.valid_at || (period.valid_from <= *as_of.valid_at && *as_of.valid_at < period.valid_to);
    if (holds) periods.push_back(std::move(period));
  }
  return periods;
}

/// decision_enforcement of research.sql for one decision (?1), from what was recorded and published by ?2 alone.
constexpr std::string_view kEnforced =
    "WITH published AS NOT MATERIALIZED ("
    "  SELECT t.sequence, t.state, t.valid_from, node.node,"
    "         (SELECT min(e.enforced_from) FROM enforcement AS e WHERE e.node = node.node"
    "            AND e.last_sequence >= t.sequence AND e.enforced_from <= ?2) AS heard_at"
    "  FROM transition AS t JOIN (SELECT DISTINCT node FROM enforcement) AS node"
    "  WHERE t.decision_id = ?1 AND t.recorded_at <= ?2"
    "), period AS NOT MATERIALIZED ("
    "  SELECT p.node, max(p.valid_from, p.heard_at) AS enforced_from,"
    "         min((SELECT expires_at FROM decision WHERE decision_id = ?1),"
    "             coalesce((SELECT min(max(later.valid_from, later.heard_at)) FROM published AS later"
    "                       WHERE later.node = p.node AND later.sequence > p.sequence"
    "                         AND later.heard_at IS NOT NULL), 9223372036854775807)) AS enforced_to"
    "  FROM published AS p WHERE p.state = 'active' AND p.heard_at IS NOT NULL"
    ") SELECT node, enforced_from, enforced_to FROM period WHERE enforced_from < enforced_to"
    "  ORDER BY enforced_from, node";

/// Adds what happened to the decision since, as of the given point; false when the record knows it in no state then.
bool add_history(Connection& connection, DecisionRecord& record, const AsOf& as_of) {
  if (as_of.known_at && record.recorded_at > *as_of.known_at) return false;
  const auto& id = record.decision().id;
  record.periods = read_periods(connection, id, as_of);
  if (as_of.valid_at && record.periods.empty()) return false;
  Statement transitions(connection,
                        "SELECT sequence, decision_id, state, valid_from, recorded_at, author, reason FROM transition"
                        " WHERE decision_id = ? AND recorded_at <= ? ORDER BY sequence");
  transitions.with(std::string_view(id), as_of.known_at.value_or(kNever));
  while (transitions.step()) record.transitions.push_back(transition_of(transitions));
  Statement enforced(connection, kEnforced);
  enforced.with(std::string_view(id), as_of.known_at.value_or(kNever));
  while (enforced.step()) record.enforced.push_back({enforced.text(0), enforced.integer(1), enforced.integer(2)});
  return true;
}

}  // namespace

Transition transition_of(const Statement& row) {
  return {.decision_id = row.text(1),
          .state = word(decision_state_from_text(row.text(2)), row.text(2)),
          .valid_from = row.integer(3),
          .recorded_at = row.integer(4),
          .author = row.text(5),
          .reason = row.text(6),
          .sequence = row.integer(0)};
}

LogRow log_row_of(const Statement& row) {
  LogRow result{.sequence = row.integer(0),
                .recorded_at = row.integer(1),
                .kind = row.text(2),
                .subject = row.text(3),
                .author = row.text(4),
                .entry = row.text(6),
                .withheld = {}};
  const auto salt = row.blob(5), hash = row.blob(8);
  std::copy_n(salt.begin(), std::min(salt.size(), result.author_salt.size()), result.author_salt.begin());
  std::copy_n(hash.begin(), std::min(hash.size(), result.hash.size()), result.hash.begin());
  if (!row.is_null(7)) result.withheld = row.text(7);
  return result;
}

std::optional<Authority> read_authority(Connection& connection, std::string_view authority_id,
                                        std::optional<std::int64_t> version) {
  Statement rows(connection,
                 "SELECT authority_id, kind, jurisdiction, contact, public_key, external, mandate, version, sequence"
                 " FROM authority_stand WHERE authority_id = ?1 AND (?2 IS NULL OR version = ?2)"
                 " ORDER BY version DESC LIMIT 1");
  if (!rows.with(authority_id, version).step()) return std::nullopt;
  Authority authority{.id = rows.text(0),
                      .version = rows.integer(7),
                      .kind = word(authority_kind_from_text(rows.text(1)), rows.text(1)),
                      .name = {},
                      .jurisdiction = rows.text(2),
                      .contact = rows.text(3),
                      .public_key = rows.text(4),
                      .external = rows.integer(5) != 0};
  if (!rows.text(6).empty()) authority.mandate = mandate_of(rows.text(6));
  if (authority.version == 1) {
    authority.name =
        read_texts(connection, "SELECT language, name FROM authority_name WHERE authority_id = ?", authority_id);
  } else {
    Statement names(connection, "SELECT language, name FROM authority_version_name WHERE sequence = ?");
    names.with(rows.integer(8));
    while (names.step()) authority.name.emplace(names.text(0), names.text(1));
  }
  return authority;
}

std::optional<DecisionRecord> read_decision(Connection& connection, std::string_view decision_id) {
  Statement rows(
      connection,
      "SELECT d.sequence, decision_type, authority_id, applicant, reference, legal_basis, document_url,"
      " document_sha256, received_at, comply_by, review_at, effective_from, effective_from_given, expires_at,"
      " expires_after, supersedes, reverses, disclosure, demonstration, initial_state, log.recorded_at,"
      " disclosure = 'public' OR EXISTS (SELECT 1 FROM disclosure WHERE disclosure.decision_id = d.decision_id),"
      " decision_id, list, overrides"
      " FROM decision AS d JOIN log ON log.sequence = d.sequence WHERE decision_id = ?");
  if (!rows.with(decision_id).step()) return std::nullopt;
  DecisionRecord record;
  record.number = rows.integer(0);
  record.recorded_at = rows.integer(20);
  record.disclosed = rows.integer(21) != 0;
  record.authored.effective_from_given = rows.integer(12) != 0;
  record.authored.expires_after = rows.optional_integer(14);
  auto& d = record.authored.decision;
  d.id = rows.text(22);
  d.list = rows.text(23);
  if (!rows.text(24).empty()) d.overrides = overrides_of(rows.text(24));
  d.type = word(decision_type_from_text(rows.text(1)), rows.text(1));
  d.authority = rows.text(2);
  d.applicant = rows.text(3);
  d.reference = rows.text(4);
  d.legal_basis = rows.text(5);
  d.document_url = rows.text(6);
  d.document_sha256 = rows.text(7);
  d.received_at = rows.optional_integer(8);
  d.comply_by = rows.optional_integer(9);
  d.review_at = rows.optional_integer(10);
  d.effective_from = rows.integer(11);
  d.expires_at = rows.integer(13);
  d.supersedes = rows.text(15);
  d.reverses = rows.text(16);
  d.disclosure = word(disclosure_from_text(rows.text(17)), rows.text(17));
  d.demonstration = rows.integer(18) != 0;
  d.initial_state = word(decision_state_from_text(rows.text(19)), rows.text(19));
  static constexpr std::string_view kTexts =
      "SELECT language, text FROM decision_text WHERE field = '{}' AND decision_id = ?";
  d.statement_of_reasons = read_texts(connection, fmt::format(kTexts, "statement_of_reasons"), d.id);
  d.redress = read_texts(connection, fmt::format(kTexts, "redress"), d.id);
  Statement scope(connection, "SELECT code FROM decision_scope WHERE decision_id = ? ORDER BY position");
  scope.with(std::string_view(d.id));
  while (scope.step()) d.territorial_scope.push_back(scope.text(0));
  d.rules = read_rules(connection, d.id);
  record.authority = read_authority(connection, d.authority).value();
  return record;
}

std::optional<EventRecord> read_event(Connection& connection, std::string_view event_id) {
  Statement rows(connection,
                 "SELECT event_id, name, occurred_at, actor, act, source, e.sequence, log.recorded_at FROM event AS e"
                 " JOIN log ON log.sequence = e.sequence WHERE event_id = ?");
  if (!rows.with(event_id).step()) return std::nullopt;
  return EventRecord{.event = {.id = rows.text(0),
                               .name = name_of(rows.text(1)),
                               .occurred_at = rows.integer(2),
                               .actor = rows.text(3),
                               .act = rows.text(4),
                               .statement = read_texts(
                                   connection, "SELECT language, text FROM event_text WHERE event_id = ?", event_id),
                               .source = rows.text(5)},
                     .sequence = rows.integer(6),
                     .recorded_at = rows.integer(7)};
}

std::optional<Transition> read_transition(Connection& connection, std::int64_t sequence) {
  Statement rows(connection,
                 "SELECT sequence, decision_id, state, valid_from, recorded_at, author, reason FROM transition"
                 " WHERE sequence = ?");
  if (!rows.with(sequence).step()) return std::nullopt;
  return transition_of(rows);
}

std::vector<View> read_views(Connection& connection, std::int64_t sequence) {
  std::vector<View> views;
  Statement rows(connection,
                 "SELECT name, clients, jurisdictions, sources, listeners, keys, opted_in FROM view WHERE sequence = ?"
                 " ORDER BY position");
  rows.with(sequence);
  while (rows.step()) {
    views.push_back({rows.text(0), words_of(rows.text(1)), words_of(rows.text(2)), words_of(rows.text(3)),
                     words_of(rows.text(4)), words_of(rows.text(5)), rows.integer(6) != 0});
  }
  return views;
}

std::optional<Authority> Store::authority(std::string_view authority_id, std::optional<std::int64_t> version) {
  return read_authority(*connection_, authority_id, version);
}

std::optional<std::string> Store::authority_of_list(std::string_view list) {
  Statement rows(*connection_, "SELECT authority_id FROM decision WHERE list = ? AND list <> '' LIMIT 1");
  return rows.with(list).step() ? std::optional(rows.text(0)) : std::nullopt;
}

std::vector<std::string> Store::decisions_of_list(std::string_view list) {
  std::vector<std::string> ids;
  Statement rows(*connection_, "SELECT decision_id FROM decision WHERE list = ? AND list <> '' ORDER BY sequence DESC");
  rows.with(list);
  while (rows.step()) ids.push_back(rows.text(0));
  return ids;
}

std::optional<Event> Store::event(std::string_view event_id) {
  auto record = read_event(*connection_, event_id);
  return record ? std::optional<Event>(std::move(record->event)) : std::nullopt;
}

std::vector<View> Store::views() {
  return read_views(*connection_, connection_->integer("SELECT max(sequence) FROM log WHERE kind = 'views'"));
}

std::optional<DecisionRecord> Store::decision(std::string_view decision_id, const AsOf& as_of) {
  Transaction stand(*connection_, Transaction::Kind::read);
  auto record = read_decision(*connection_, decision_id);
  if (record && !add_history(*connection_, *record, as_of)) record.reset();
  return record;
}

std::optional<AuthoredDecision> Store::authored(std::string_view decision_id) {
  auto record = read_decision(*connection_, decision_id);
  return record ? std::optional<AuthoredDecision>(std::move(record->authored)) : std::nullopt;
}

std::vector<DecisionRecord> Store::decisions_about(wire::NameView name, const AsOf& as_of) {
  return decisions_about(Subjects{{{Trigger::qname, wire::Name(name)}}, {}}, as_of);
}

std::vector<DecisionRecord> Store::decisions_about(const Subjects& subjects, const AsOf& as_of) {
  Transaction stand(*connection_, Transaction::Kind::read);
  // At the name itself any rule is of interest; above it, those that reach down.
  std::vector<std::pair<std::int64_t, std::string>> found;
  Statement rows(*connection_,
                 "SELECT DISTINCT d.sequence, d.decision_id FROM rule AS r JOIN decision AS d"
                 " ON d.decision_id = r.decision_id WHERE r.name_key = ? AND r.trigger = ?"
                 " AND (r.match <> 'exact' OR ?)");
  for (const auto& [trigger, name] : subjects.names) {
    for (auto ancestor = name.view(); !ancestor.is_root(); ancestor = ancestor.parent()) {
      rows.with(stored_key(ancestor), to_text(trigger), std::int64_t{ancestor.size() == name.view().size()});
      while (rows.step()) found.emplace_back(rows.integer(0), rows.text(1));
      rows.reset();
    }
  }
  Statement prefixes(*connection_,
                     "SELECT d.sequence, d.decision_id, r.trigger, r.prefix FROM rule AS r JOIN decision AS d"
                     " ON d.decision_id = r.decision_id WHERE r.trigger IN ('client-ip', 'response-ip', 'nsip')");
  while (!subjects.addresses.empty() && prefixes.step()) {
    const auto prefix = prefix_from_text(prefixes.text(3));
    const bool holds = prefix && std::ranges::any_of(subjects.addresses, [&](const auto& subject) {
                         return to_text(subject.first) == prefixes.text(2) && prefix->contains(subject.second);
                       });
    if (holds) found.emplace_back(prefixes.integer(0), prefixes.text(1));
  }
  std::sort(found.rbegin(), found.rend());
  found.erase(std::unique(found.begin(), found.end()), found.end());
  std::vector<DecisionRecord> records;
  for (const auto& [number, id] : found) {
    auto record = read_decision(*connection_, id).value();
    if (add_history(*connection_, record, as_of)) records.push_back(std::move(record));
  }
  return records;
}

std::vector<EventRecord> Store::events_about(wire::NameView name, bool subdomains, const AsOf& as_of) {
  Transaction stand(*connection_, Transaction::Kind::read);
  const auto key = stored_key(name);
  std::vector<std::string> ids;
  // "/" is the octet behind ".": the range holds the keys that start with key + ".". Everything is below the root.
  Statement rows(*connection_,
                 "SELECT event_id FROM event AS e JOIN log ON log.sequence = e.sequence"
                 " WHERE (name_key = ?1 OR (?2 AND (?1 = '' OR (name_key >= ?1 || '.' AND name_key < ?1 || '/'))))"
                 " AND occurred_at <= ?3 AND log.recorded_at <= ?4 ORDER BY occurred_at, e.sequence");
  rows.with(key, std::int64_t{subdomains}, as_of.valid_at.value_or(kNever), as_of.known_at.value_or(kNever));
  while (rows.step()) ids.push_back(rows.text(0));
  std::vector<EventRecord> records;
  for (const auto& id : ids) records.push_back(read_event(*connection_, id).value());
  return records;
}

std::vector<StoredDecision> Store::load_policy(Time now) {
  Transaction stand(*connection_, Transaction::Kind::read);
  std::vector<StoredDecision> stretches;
  Statement rows(*connection_,
                 "SELECT decision_id, state, valid_from, valid_to FROM decision_history"
                 " WHERE recorded_to = ?1 AND valid_to > ?2 AND state IN ('active', 'shadow')"
                 " ORDER BY (SELECT d.sequence FROM decision AS d WHERE d.decision_id = decision_history.decision_id),"
                 " valid_from");
  rows.with(kNever, now);
  while (rows.step()) {
    auto record = read_decision(*connection_, rows.text(0)).value();
    stretches.push_back({.number = record.number,
                         .decision = std::move(record.authored.decision),
                         .external_authority = record.authority.external,
                         .state = word(decision_state_from_text(rows.text(1)), rows.text(1)),
                         .valid_from = rows.integer(2),
                         .valid_to = rows.integer(3)});
  }
  return stretches;
}

std::map<std::string, Time> Store::disclosed_decisions() {
  std::map<std::string, Time> found;
  Statement rows(*connection_,
                 "SELECT d.decision_id, log.recorded_at FROM disclosed_decision AS d JOIN log USING (sequence)");
  while (rows.step()) found.emplace(rows.text(0), rows.integer(1));
  return found;
}

}  // namespace placard::policy
