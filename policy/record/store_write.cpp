// Writing to the store: each public call is one transaction, and appends to the log before it inserts rows.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cassert>

#include "policy/record/rows.hpp"
#include "policy/record/store.hpp"
#include "policy/record/written_name.hpp"
#include "zones/wire/ldns_adapter.hpp"

namespace placard::policy {
namespace {

bool is_withheld(const Decision& decision) {
  return decision.disclosure != Disclosure::public_;
}

/// Whether a decision's transitions are withheld in the log: it was never public, and nobody disclosed it since.
bool is_withheld(Connection& connection, std::string_view decision_id) {
  Statement rows(connection, "SELECT 1 FROM disclosed_decision WHERE decision_id = ?");
  return !rows.with(decision_id).step();
}

constexpr std::size_t kMaxReason = 4096;  // octets

std::optional<std::string> reason_problem(std::string_view reason) {
  if (reason.empty()) return "a reason is needed: it becomes part of the record";
  if (reason.size() > kMaxReason) return fmt::format("the reason is longer than {} octets", kMaxReason);
  return std::nullopt;
}

/// The states that may follow one another; terminal ones have no follower.
bool may_follow(DecisionState current, DecisionState next) {
  using enum DecisionState;
  const auto one_of = [next](std::initializer_list<DecisionState> states) {
    return std::find(states.begin(), states.end(), next) != states.end();
  };
  switch (current) {
    case proposed:
      return one_of({shadow, active, lifted, annulled});
    case shadow:
      return one_of({active, lifted, annulled});
    case active:
      return one_of({shadow, suspended, lifted, annulled});
    case suspended:
      return one_of({active, lifted, annulled});
    case lifted:
    case annulled:
    case expired:
      return false;
  }
  return false;
}

void write_texts(Connection& connection, std::string_view sql, std::string_view id, const LocalizedText& texts) {
  Statement insert(connection, sql);
  for (const auto& [language, text] : texts) insert.with(id, language, text).run();
}

void write_rules(Connection& connection, const Decision& decision) {
  Statement insert_rule(connection,
                        "INSERT INTO rule (rule_id, decision_id, position, trigger, match, name, name_key, prefix, "
                        "action, ttl, target) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
  Statement insert_record(connection,
                          "INSERT INTO rule_record (rule_id, position, type, rdata, text) VALUES (?, ?, ?, ?, ?)");
  std::int64_t rule_id = connection.integer("SELECT coalesce(max(rule_id), 0) FROM rule");
  std::int64_t position = 0;
  for (const auto& rule : decision.rules) {
    const bool named = rule.trigger == Trigger::qname || rule.trigger == Trigger::nsdname;
    const std::optional<std::int64_t> ttl = rule.ttl ? std::optional<std::int64_t>(*rule.ttl) : std::nullopt;
    insert_rule
        .with(++rule_id, decision.id, position++, to_text(rule.trigger), to_text(rule.match),
              named ? stored_name(rule.name) : std::string(), named ? stored_key(rule.name) : std::string(),
              rule.prefix, to_text(rule.action), ttl,
              rule.action == Action::cname ? stored_name(rule.target) : std::string())
        .run();
    std::int64_t record_position = 0;
    for (const auto& record : rule.records) {
      const auto text =
          fmt::format("{} {}", wire::to_text(record.type), wire::rdata_to_text(record.type, record.rdata));
      insert_record
          .with(rule_id, record_position++, static_cast<std::int64_t>(record.type), wire::Bytes(record.rdata), text)
          .run();
    }
  }
}

}  // namespace

std::int64_t Store::append(Time recorded_at, std::string_view kind, std::string_view subject, std::string_view author,
                           std::string_view content, bool withhold) {
  std::int64_t sequence = 1;
  std::string previous;
  Statement last(*connection_, "SELECT sequence, hash FROM log ORDER BY sequence DESC LIMIT 1");
  if (last.step()) {
    sequence = last.integer(0) + 1;
    previous = last.text(1);
  }
  const auto row = make_log_row(sequence, recorded_at, kind, subject, author, content, withhold, previous);
  Statement insert(*connection_,
                   "INSERT INTO log (sequence, recorded_at, kind, subject, author, author_salt, entry, withheld, hash)"
                   " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)");
  insert.with(row.sequence, row.recorded_at, row.kind, row.subject, row.author, wire::Bytes(row.author_salt),
              row.entry);
  if (row.withheld) insert.bind(8, *row.withheld);
  insert.bind(9, wire::Bytes(row.hash)).run();
  return sequence;
}

std::expected<RecordOutcome, IntakeError> Store::record(const AdmittedBatch& admitted, std::string_view author,
                                                        Time now) {
  const auto& batch = admitted.batch_;
  RecordOutcome outcome;
  if (batch.authorities.empty() && batch.decisions.empty() && batch.events.empty()) return outcome;
  const auto time = check_clock(now);
  Transaction transaction(*connection_);
  outcome.first_sequence = last_log_sequence() + 1;
  for (const auto& authored : batch.authorities) {
    write_authority(authored.authority, author, time);
    outcome.recorded.push_back(authored.authority.id);
  }
  for (const auto& decision : batch.decisions) {
    write_decision(decision, author, time);
    outcome.recorded.push_back(decision.decision.id);
  }
  for (const auto& authored : batch.events) {
    write_event(authored.event, author, time);
    outcome.recorded.push_back(authored.event.id);
  }
  outcome.last_sequence = last_log_sequence();
  transaction.commit();
  return outcome;
}

void Store::write_authority(const Authority& authority, std::string_view author, Time now) {
  const auto sequence = append(now, "authority", authority.id, author, canonical(authority), false);
  const auto mandate = authority.mandate ? canonical(*authority.mandate) : std::string();
  if (authority.version > 1) {
    Statement(*connection_,
              "INSERT INTO authority_version (sequence, authority_id, version, kind, jurisdiction, contact, public_key,"
              " external, mandate) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)")
        .with(sequence, authority.id, authority.version, to_text(authority.kind), authority.jurisdiction,
              authority.contact, authority.public_key, std::int64_t{authority.external}, mandate)
        .run();
    Statement name(*connection_, "INSERT INTO authority_version_name (sequence, language, name) VALUES (?, ?, ?)");
    for (const auto& [language, text] : authority.name) name.with(sequence, language, text).run();
    return;
  }
  Statement(*connection_,
            "INSERT INTO authority (authority_id, sequence, kind, jurisdiction, contact, public_key, external, mandate)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)")
      .with(authority.id, sequence, to_text(authority.kind), authority.jurisdiction, authority.contact,
            authority.public_key, std::int64_t{authority.external}, mandate)
      .run();
  write_texts(*connection_, "INSERT INTO authority_name (authority_id, language, name) VALUES (?, ?, ?)", authority.id,
              authority.name);
}

void Store::write_decision(const AuthoredDecision& authored, std::string_view author, Time now) {
  const auto& d = authored.decision;
  const auto sequence = append(now, "decision", d.id, author, canonical(authored, Form::resolved), is_withheld(d));
  Statement(
      *connection_,
      "INSERT INTO decision (sequence, decision_id, decision_type, authority_id, applicant, reference,"
      " legal_basis, document_url, document_sha256, received_at, comply_by, review_at, effective_from,"
      " effective_from_given, expires_at, expires_after, supersedes, reverses, disclosure, demonstration,"
      " initial_state, list, overrides) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")
      .with(sequence, d.id, to_text(d.type), d.authority, d.applicant, d.reference, d.legal_basis, d.document_url,
            d.document_sha256, d.received_at, d.comply_by, d.review_at, d.effective_from,
            std::int64_t{authored.effective_from_given}, d.expires_at, authored.expires_after, d.supersedes, d.reverses,
            to_text(d.disclosure), std::int64_t{d.demonstration}, to_text(d.initial_state), d.list,
            d.overrides.empty() ? std::string() : canonical(d.overrides))
      .run();
  write_texts(*connection_,
              "INSERT INTO decision_text (decision_id, field, language, text) VALUES (?, 'statement_of_reasons', ?, ?)",
              d.id, d.statement_of_reasons);
  write_texts(*connection_,
              "INSERT INTO decision_text (decision_id, field, language, text) VALUES (?, 'redress', ?, ?)", d.id,
              d.redress);
  Statement scope(*connection_, "INSERT INTO decision_scope (decision_id, position, code) VALUES (?, ?, ?)");
  std::int64_t position = 0;
  for (const auto& code : d.territorial_scope) scope.with(d.id, position++, code).run();
  write_rules(*connection_, d);
  append_transition({.decision_id = d.id,
                     .state = d.initial_state,
                     .valid_from = d.effective_from,
                     .recorded_at = now,
                     .author = std::string(author),
                     .reason = "recorded",
                     .sequence = sequence},
                    is_withheld(d));
  if (!d.supersedes.empty()) end_other(d, d.supersedes, "superseded", author, now);
  if (!d.reverses.empty()) end_other(d, d.reverses, "reversed", author, now);
}

void Store::append_transition(const Transition& transition, bool withhold) {
  auto sequence = transition.sequence;
  if (sequence == 0) {
    sequence = append(transition.recorded_at, "transition", transition.decision_id, transition.author,
                      canonical(transition), withhold);
  }
  Statement(*connection_,
            "INSERT INTO transition (sequence, decision_id, state, valid_from, recorded_at, author, reason)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)")
      .with(sequence, transition.decision_id, to_text(transition.state), transition.valid_from, transition.recorded_at,
            transition.author, transition.reason)
      .run();
}

void Store::end_other(const Decision& decision, const std::string& other_id, std::string_view why,
                      std::string_view author, Time now) {
  Statement last(*connection_,
                 "SELECT t.state, d.expires_at FROM transition AS t JOIN decision AS d ON d.decision_id = t.decision_id"
                 " WHERE t.decision_id = ? ORDER BY t.sequence DESC LIMIT 1");
  if (!last.with(std::string_view(other_id)).step()) return;  // intake refused it; a foreign key is not needed for that
  const auto state = decision_state_from_text(last.text(0));
  if (!state || !may_follow(*state, DecisionState::lifted) || last.integer(1) <= decision.effective_from) return;
  // The name of a decision that is not public must not come out through one that is.
  const auto by = is_withheld(decision) ? std::string("another decision") : fmt::format("'{}'", decision.id);
  append_transition({.decision_id = other_id,
                     .state = DecisionState::lifted,
                     .valid_from = decision.effective_from,
                     .recorded_at = now,
                     .author = std::string(author),
                     .reason = fmt::format("{} by {}", why, by)},
                    is_withheld(*connection_, other_id));
}

void Store::write_event(const Event& event, std::string_view author, Time now) {
  const auto sequence = append(now, "event", event.id, author, canonical(event), false);
  Statement(*connection_,
            "INSERT INTO event (sequence, event_id, name, name_key, occurred_at, actor, act, source)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)")
      .with(sequence, event.id, stored_name(event.name), stored_key(event.name), event.occurred_at, event.actor,
            event.act, event.source)
      .run();
  write_texts(*connection_, "INSERT INTO event_text (event_id, language, text) VALUES (?, ?, ?)", event.id,
              event.statement);
}

std::expected<Transition, std::string> Store::transition(std::string_view decision_id, DecisionState state,
                                                         std::string_view reason, std::string_view author, Time now,
                                                         std::optional<Time> valid_from) {
  const auto time = check_clock(now);
  const auto from = valid_from.value_or(time);
  Transaction transaction(*connection_);
  Statement last(*connection_,
                 "SELECT t.state, d.expires_at, t.recorded_at FROM transition AS t"
                 " JOIN decision AS d ON d.decision_id = t.decision_id"
                 " WHERE t.decision_id = ? ORDER BY t.sequence DESC LIMIT 1");
  if (!last.with(decision_id).step()) {
    return std::unexpected(fmt::format("there is no decision '{}'", decision_id.substr(0, 80)));
  }
  const auto current = decision_state_from_text(last.text(0)).value();
  const auto expires_at = last.integer(1);
  if (current == DecisionState::lifted || current == DecisionState::annulled) {
    return std::unexpected(fmt::format("decision '{}' was already {} on {}; a new block needs a new decision",
                                       decision_id, to_text(current), to_text(last.integer(2))));
  }
  if (time >= expires_at && state != DecisionState::annulled) {
    return std::unexpected(fmt::format("decision '{}' expired on {}", decision_id, to_text(expires_at)));
  }
  if (!may_follow(current, state)) {
    return std::unexpected(
        fmt::format("decision '{}' is {}; it can't become {}", decision_id, to_text(current), to_text(state)));
  }
  if (auto problem = reason_problem(reason)) return std::unexpected(*problem);
  if (from < time && state != DecisionState::annulled) {
    return std::unexpected(fmt::format("{} lies in the past; only an annulment reaches back", to_text(from)));
  }
  if (from >= expires_at) {
    return std::unexpected(fmt::format("{} lies behind the decision's end on {}", to_text(from), to_text(expires_at)));
  }
  Transition written{.decision_id = std::string(decision_id),
                     .state = state,
                     .valid_from = from,
                     .recorded_at = time,
                     .author = std::string(author),
                     .reason = std::string(reason)};
  append_transition(written, is_withheld(*connection_, decision_id));
  written.sequence = last_log_sequence();
  transaction.commit();
  return written;
}

std::expected<void, std::string> Store::disclose(std::string_view decision_id, std::string_view reason,
                                                 std::string_view author, Time now) {
  const auto time = check_clock(now);
  Transaction transaction(*connection_);
  Statement known(*connection_, "SELECT 1 FROM decision WHERE decision_id = ?");
  if (!known.with(decision_id).step()) {
    return std::unexpected(fmt::format("there is no decision '{}'", decision_id.substr(0, 80)));
  }
  if (!is_withheld(*connection_, decision_id)) {
    return std::unexpected(fmt::format("decision '{}' is public already", decision_id));
  }
  if (auto problem = reason_problem(reason)) return std::unexpected(*problem);
  const auto sequence = append(time, "disclosure", decision_id, author, canonical_reason(reason), false);
  Statement(*connection_, "INSERT INTO disclosure (decision_id, sequence, recorded_at, reason) VALUES (?, ?, ?, ?)")
      .with(decision_id, sequence, time, reason)
      .run();
  transaction.commit();
  return {};
}

bool Store::record_views(const std::vector<View>& configured, std::string_view author, Time now) {
  if (views() == configured) return false;
  const auto time = check_clock(now);
  Transaction transaction(*connection_);
  // Withheld: which prefixes an operator's clients have is theirs.
  const auto sequence = append(time, "views", "views", author, canonical(configured), true);
  Statement insert(
      *connection_,
      "INSERT INTO view (sequence, position, name, clients, jurisdictions, sources, listeners, keys, opted_in)"
      " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)");
  std::int64_t position = 0;
  for (const auto& view : configured) {
    insert
        .with(sequence, position++, view.name, canonical(view.clients), canonical(view.jurisdictions),
              canonical(view.sources), canonical(view.listeners), canonical(view.keys), std::int64_t{view.opted_in})
        .run();
  }
  transaction.commit();
  return true;
}

void Store::record_enforcement(std::string_view node, std::int64_t first_sequence, std::int64_t last_sequence,
                               Time enforced_from) {
  check_plausible(enforced_from);
  Transaction transaction(*connection_);
  assert(last_sequence >= first_sequence - 1 && last_sequence <= last_log_sequence());
  // A clock that was set back: the node's rows stay in order all the same, behind the entries that they speak of.
  Statement last(*connection_, "SELECT coalesce(max(enforced_from), 0) FROM enforcement WHERE node = ?");
  last.with(node).step();
  const auto since = std::max({enforced_from, last_recorded_at(), last.integer(0)});
  Statement(*connection_,
            "INSERT INTO enforcement (snapshot, node, first_sequence, last_sequence, enforced_from)"
            " VALUES ((SELECT coalesce(max(snapshot), 0) + 1 FROM enforcement), ?, ?, ?, ?)")
      .with(node, first_sequence, last_sequence, since)
      .run();
  transaction.commit();
}

}  // namespace placard::policy
