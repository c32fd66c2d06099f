// What the compile of the policy index reads: all that is in force, or what was recorded behind one entry of the log.
#include <algorithm>

#include "policy/record/rows.hpp"
#include "policy/record/store.hpp"
#include "policy/record/written_name.hpp"

namespace placard::policy {
namespace {

void add_transitions(Connection& connection, DecisionRecord& record) {
  Statement rows(connection,
                 "SELECT sequence, decision_id, state, valid_from, recorded_at, author, reason FROM transition"
                 " WHERE decision_id = ? ORDER BY sequence");
  rows.with(std::string_view(record.decision().id));
  while (rows.step()) record.transitions.push_back(transition_of(rows));
}

std::vector<DecisionRecord> read_all(Connection& connection, const std::vector<std::string>& ids) {
  std::vector<DecisionRecord> records;
  for (const auto& id : ids) {
    auto record = read_decision(connection, id).value();
    add_transitions(connection, record);
    records.push_back(std::move(record));
  }
  std::ranges::sort(records, {}, &DecisionRecord::number);
  return records;
}

}  // namespace

std::shared_ptr<const Transaction> Store::hold_stand() {
  return std::make_shared<const Transaction>(*connection_, Transaction::Kind::read);
}

std::optional<Digest> Store::log_hash(std::int64_t sequence) {
  Statement rows(*connection_, "SELECT hash FROM log WHERE sequence = ?");
  if (!rows.with(sequence).step()) return std::nullopt;
  const auto hash = rows.blob(0);
  Digest digest{};
  std::copy_n(hash.begin(), std::min(hash.size(), digest.size()), digest.begin());
  return digest;
}

std::vector<DecisionRecord> Store::decisions_since(std::int64_t sequence) {
  Transaction stand(*connection_, Transaction::Kind::read);
  std::vector<std::string> ids;
  Statement rows(*connection_, "SELECT DISTINCT decision_id FROM transition WHERE sequence > ?");
  rows.with(sequence);
  while (rows.step()) ids.push_back(rows.text(0));
  return read_all(*connection_, ids);
}

std::vector<DecisionRecord> Store::decisions_in_force(Time now) {
  Transaction stand(*connection_, Transaction::Kind::read);
  std::vector<std::string> ids;
  Statement rows(*connection_, "SELECT decision_id FROM decision WHERE expires_at > ? ORDER BY sequence");
  rows.with(now);
  while (rows.step()) ids.push_back(rows.text(0));
  return read_all(*connection_, ids);
}

std::vector<DecisionRecord> Store::decisions_with_lists() {
  Transaction stand(*connection_, Transaction::Kind::read);
  std::vector<std::string> ids;
  for (Statement rows(*connection_, "SELECT decision_id FROM decision WHERE list <> ''"); rows.step();)
    ids.push_back(rows.text(0));
  return read_all(*connection_, ids);
}

std::vector<View> Store::views_at(std::int64_t sequence) {
  Statement last(*connection_, "SELECT coalesce(max(sequence), 0) FROM log WHERE kind = 'views' AND sequence <= ?");
  last.with(sequence).step();
  return read_views(*connection_, last.integer(0));
}

}  // namespace placard::policy
