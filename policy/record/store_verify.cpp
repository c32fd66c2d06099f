// The whole record against its log: every digest of the chain, then every row against the entry that brought it.
#include <fmt/format.h>
#include <sqlite3.h>

#include "policy/record/rows.hpp"
#include "policy/record/store.hpp"

namespace placard::policy {
namespace {

/// What the tables hold for a log row, in the form its content has; nothing when they hold no such thing.
std::optional<std::string> content_in_tables(Connection& connection, const LogRow& row) {
  if (row.kind == "authority") {
    Statement versions(connection, "SELECT version FROM authority_stand WHERE authority_id = ? AND sequence = ?");
    if (!versions.with(row.subject, row.sequence).step()) return std::nullopt;
    const auto authority = read_authority(connection, row.subject, versions.integer(0));
    if (authority) return canonical(*authority);
  } else if (row.kind == "decision") {
    const auto decision = read_decision(connection, row.subject);
    if (decision && decision->number == row.sequence && decision->recorded_at == row.recorded_at) {
      return canonical(decision->authored, Form::resolved);
    }
  } else if (row.kind == "event") {
    const auto event = read_event(connection, row.subject);
    if (event && event->sequence == row.sequence) return canonical(event->event);
  } else if (row.kind == "transition") {
    const auto transition = read_transition(connection, row.sequence);
    if (transition && transition->decision_id == row.subject && transition->recorded_at == row.recorded_at &&
        transition->author == row.author) {
      return canonical(*transition);
    }
  } else if (row.kind == "disclosure") {
    Statement rows(connection, "SELECT reason FROM disclosure WHERE decision_id = ? AND sequence = ?");
    if (rows.with(row.subject, row.sequence).step()) return canonical_reason(rows.text(0));
  } else if (row.kind == "list") {
    return list_content(connection, row.sequence, row.subject);
  } else if (row.kind == "views") {
    return canonical(read_views(connection, row.sequence));
  }
  return std::nullopt;
}

/// The first transition of a decision has no entry of its own.
bool first_transition_holds(Connection& connection, const LogRow& row) {
  const auto decision = read_decision(connection, row.subject);
  const auto first = read_transition(connection, row.sequence);
  return decision && first && first->decision_id == row.subject && first->author == row.author &&
         first->recorded_at == row.recorded_at && first->state == decision->decision().initial_state &&
         first->valid_from == decision->decision().effective_from;
}

/// Rows that no entry of the log speaks of.
std::int64_t rows_without_entry(Connection& connection) {
  return connection.integer(
      "SELECT (SELECT count(*) FROM authority_stand WHERE (sequence, authority_id, 'authority') NOT IN"
      "         (SELECT sequence, subject, kind FROM log))"
      "     + (SELECT count(*) FROM decision WHERE (sequence, decision_id, 'decision') NOT IN"
      "         (SELECT sequence, subject, kind FROM log))"
      "     + (SELECT count(*) FROM event WHERE (sequence, event_id, 'event') NOT IN"
      "         (SELECT sequence, subject, kind FROM log))"
      "     + (SELECT count(*) FROM disclosure WHERE (sequence, decision_id, 'disclosure') NOT IN"
      "         (SELECT sequence, subject, kind FROM log))"
      "     + (SELECT count(*) FROM transition WHERE (sequence, decision_id) NOT IN"
      "         (SELECT sequence, subject FROM log WHERE kind IN ('decision', 'transition')))"
      "     + (SELECT count(*) FROM list_change WHERE (sequence, list_number, 'list') NOT IN"
      "         (SELECT log.sequence, list_number, kind FROM log JOIN list ON list_id = subject))"
      "     + (SELECT count(*) FROM view WHERE sequence NOT IN (SELECT sequence FROM log WHERE kind = 'views'))");
}

}  // namespace

LogCheck Store::verify_log(bool lists, const std::function<void()>& look_up) const {
  Connection connection(path_, SQLITE_OPEN_READWRITE);
  connection.execute("PRAGMA query_only = ON");
  Transaction stand(connection, Transaction::Kind::read);
  LogCheck check;
  const auto report = [&check](std::string problem) {
    if (check.problems.size() < kMaxProblems) check.problems.push_back(std::move(problem));
  };
  std::string previous;
  Statement rows(connection,
                 "SELECT sequence, recorded_at, kind, subject, author, author_salt, entry, withheld, hash"
                 " FROM log ORDER BY sequence");
  while (rows.step()) {
    const auto row = log_row_of(rows);
    if (row.sequence != ++check.entries) {
      report(fmt::format("entry {} follows entry {}: something is missing", row.sequence, check.entries - 1));
      check.entries = row.sequence;
    }
    if (const auto problem = check_log_row(row, previous)) {
      report(fmt::format("entry {}: {}", row.sequence, *problem));
    } else if (content_in_tables(connection, row) != content_of(row) ||
               (row.kind == "decision" && !first_transition_holds(connection, row))) {
      report(fmt::format("entry {}: the tables say something else about {} '{}' than the log", row.sequence, row.kind,
                         row.subject));
    }
    previous = as_text(row.hash);
  }
  if (const auto count = rows_without_entry(connection); count > 0) {
    report(fmt::format("{} rows stand in the tables that no entry of the log speaks of", count));
  }
  if (lists)
    for (auto& problem : list_problems(connection, look_up)) report(std::move(problem));
  Statement orphans(connection,
                    "SELECT count(*) FROM sqlite_schema AS t, pragma_foreign_key_check(t.name)"
                    " WHERE t.type = 'table' AND (? OR t.name <> 'list_rule')");
  orphans.with(std::int64_t{lists}).step();
  if (const auto strays = orphans.integer(0); strays > 0)
    report(fmt::format("{} rows stand in the tables that belong to nothing", strays));
  check.head = to_hex(previous);
  return check;
}

}  // namespace placard::policy
