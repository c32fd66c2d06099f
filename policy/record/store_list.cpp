// Reading lists, and checking their rows (list_recording writes them). The order is the same everywhere: trigger,
// octets of the key, match.
#include "policy/record/store_list.hpp"

#include <fmt/format.h>
#include <sqlite3.h>

#include <cassert>
#include <map>
#include <nlohmann/json.hpp>
#include <tuple>

#include "policy/record/list_digest.hpp"
#include "policy/record/list_rows.hpp"
#include "policy/record/rows.hpp"
#include "policy/record/store.hpp"
#include "policy/record/written_name.hpp"

namespace placard::policy {
namespace {

using nlohmann::json;

auto place_of(const StoredListRule& rule) {
  return std::tuple(rule.trigger, rule.key, rule.match);
}

/// The number that the rows of a list's last change up to an entry of the log have as their sequence; 0: there is none.
std::int64_t last_rows(Connection& connection, std::int64_t list_number, std::int64_t last_sequence) {
  Statement rows(connection, "SELECT coalesce(max(rows), 0) FROM list_change WHERE list_number = ? AND sequence <= ?");
  rows.with(list_number, last_sequence).step();
  return rows.integer(0);
}

}  // namespace

std::string list_entry(std::int64_t added, std::int64_t removed, std::int64_t rules, std::string_view digest,
                       const std::string& meta) {
  const json content = {{"added", added},
                        {"removed", removed},
                        {"rules", rules},
                        {"rows_sha256", to_hex(digest)},
                        {"meta", json::parse(meta)}};
  return content.dump(-1, ' ', false, json::error_handler_t::replace);
}

std::string canonical(const RuleForm& form) {
  json records = json::array();
  for (const auto& record : form.records) {
    const std::string_view rdata(reinterpret_cast<const char*>(record.rdata.data()), record.rdata.size());
    records.push_back({{"rdata", to_hex(rdata)}, {"type", static_cast<int>(record.type)}});
  }
  const json content = {{"trigger", to_text(form.trigger)},
                        {"match", to_text(form.match)},
                        {"action", to_text(form.action)},
                        {"ttl", form.ttl ? json(*form.ttl) : json(nullptr)},
                        {"records", std::move(records)},
                        {"target", form.action == Action::cname ? stored_name(form.target) : std::string()}};
  return content.dump();
}

RuleForm form_of(const std::string& canonical_form) {
  const auto content = json::parse(canonical_form);
  RuleForm form;
  form.trigger = trigger_from_text(content.at("trigger").get<std::string>()).value();
  form.match = match_kind_from_text(content.at("match").get<std::string>()).value();
  form.action = action_from_text(content.at("action").get<std::string>()).value();
  if (!content.at("ttl").is_null()) form.ttl = content.at("ttl").get<std::uint32_t>();
  for (const auto& record : content.at("records")) {
    LocalRecord made;
    made.type = static_cast<wire::RecordType>(record.at("type").get<std::uint16_t>());
    const auto hex = record.at("rdata").get<std::string>();
    for (std::size_t i = 0; i + 1 < hex.size(); i += 2)
      made.rdata.push_back(static_cast<std::uint8_t>(std::stoul(hex.substr(i, 2), nullptr, 16)));
    form.records.push_back(std::move(made));
  }
  if (form.action == Action::cname)
    form.target = wire::Name::from_text(content.at("target").get<std::string>()).value();
  return form;
}

ListCursor::ListCursor(Connection& connection, std::int64_t list_number, std::optional<Trigger> trigger,
                       std::int64_t last_sequence)
    : rows_(std::make_unique<Statement>(
          connection, trigger
                          ? "SELECT trigger, key, match, form, line, sequence FROM list_rule WHERE list_number = ?1"
                            " AND trigger = ?3 AND sequence <= ?2 ORDER BY list_number, trigger, key, match, sequence"
                          : "SELECT trigger, key, match, form, line, sequence FROM list_rule WHERE list_number = ?1"
                            " AND sequence <= ?2 ORDER BY list_number, trigger, key, match, sequence")) {
  rows_->with(list_number, last_rows(connection, list_number, last_sequence));
  if (trigger) rows_->bind(3, static_cast<std::int64_t>(*trigger));
  pending_ = step();
}

ListCursor::~ListCursor() = default;
ListCursor::ListCursor(ListCursor&&) noexcept = default;

bool ListCursor::step() {
  if (!rows_->step()) return false;
  row_.trigger = static_cast<Trigger>(rows_->integer(0));
  key_.assign(rows_->blob(1));
  row_.match = static_cast<MatchKind>(rows_->integer(2));
  row_.form = static_cast<std::uint32_t>(rows_->integer(3));
  row_.line = static_cast<std::uint32_t>(rows_->integer(4));
  row_.sequence = rows_->integer(5);
  row_.key = key_;
  return true;
}

bool ListCursor::next(StoredListRule& rule) {
  while (pending_) {
    rule = row_;
    given_.swap(key_);
    rule.key = given_;
    // Of several rows about one rule the last one holds.
    while ((pending_ = step()) && place_of(row_) == place_of(rule)) {
      rule.form = row_.form;
      rule.line = row_.line;
      rule.sequence = row_.sequence;
    }
    if (rule.form != 0) return true;
  }
  return false;
}

std::optional<ListStand> read_list_stand(Connection& connection, std::string_view list) {
  Statement rows(connection,
                 "SELECT l.list_number, c.sequence, c.rules, log.recorded_at, c.digest, c.meta FROM list AS l"
                 " JOIN list_change AS c ON c.list_number = l.list_number JOIN log ON log.sequence = c.sequence"
                 " WHERE l.list_id = ? ORDER BY c.sequence DESC LIMIT 1");
  if (!rows.with(list).step()) return std::nullopt;
  return ListStand{rows.integer(0), rows.integer(1),      rows.integer(2),
                   rows.integer(3), to_hex(rows.blob(4)), rows.text(5)};
}

std::optional<ListStand> Store::list_stand(std::string_view list) {
  return read_list_stand(*connection_, list);
}

ListCursor Store::list_rules(std::int64_t list_number, std::optional<Trigger> trigger, std::int64_t last_sequence) {
  return ListCursor(*connection_, list_number, trigger, last_sequence);
}

std::vector<RuleForm> Store::list_forms(std::int64_t list_number) {
  std::vector<RuleForm> forms(1);
  Statement rows(*connection_, "SELECT content FROM list_form WHERE list_number = ? ORDER BY form");
  rows.with(list_number);
  try {
    while (rows.step()) forms.push_back(form_of(rows.text(0)));
  } catch (const StoreError&) {
    throw;
  } catch (const std::exception& error) {
    throw StoreError(StoreError::Kind::not_a_store, fmt::format("the store holds a broken form: {}", error.what()));
  }
  return forms;
}

void Store::visit_list(std::string_view list,
                       const std::function<void(const StoredListRule&, const RuleForm&)>& visitor) {
  Transaction stand(*connection_, Transaction::Kind::read);
  const auto at = list_stand(list);
  if (!at) return;
  const auto forms = list_forms(at->number);
  ListCursor cursor(*connection_, at->number);
  for (StoredListRule rule; cursor.next(rule);) visitor(rule, forms.at(rule.form));
}

std::vector<ListChange> Store::list_changes_since(std::int64_t sequence) {
  std::vector<ListChange> changes;
  Statement rows(*connection_,
                 "SELECT c.sequence, c.list_number, l.list_id, c.added, c.removed, c.sequence = l.sequence"
                 " FROM list_change AS c JOIN list AS l USING (list_number) WHERE c.sequence > ? ORDER BY c.sequence");
  rows.with(sequence);
  while (rows.step()) {
    changes.push_back(
        {rows.integer(0), rows.integer(1), rows.text(2), rows.integer(3), rows.integer(4), rows.integer(5) != 0});
  }
  return changes;
}

void Store::visit_list_differences(std::int64_t list_number, std::int64_t since,
                                   const std::function<void(const StoredListRule&)>& visitor) {
  // Of the rows of one group SQLite gives the columns of the one with the maximum.
  Statement rows(*connection_,
                 "SELECT trigger, key, match, form, line, max(sequence) FROM list_rule"
                 " INDEXED BY list_rule_by_difference WHERE difference = 1 AND sequence > ?1 AND sequence <= ?3"
                 " AND list_number = ?2 GROUP BY trigger, key, match");
  rows.with(last_rows(*connection_, list_number, since), list_number, last_rows(*connection_, list_number, INT64_MAX));
  while (rows.step()) {
    const auto key = rows.text(1);
    visitor({static_cast<Trigger>(rows.integer(0)), static_cast<MatchKind>(rows.integer(2)), key,
             static_cast<std::uint32_t>(rows.integer(3)), static_cast<std::uint32_t>(rows.integer(4)),
             rows.integer(5)});
  }
}

Rule ListedAbout::rule() const {
  Rule made = rule_of(form);
  if (const auto name = name_from_key(key)) made.name = *name;
  return made;
}

std::vector<ListedAbout> Store::lists_about(wire::NameView name, std::int64_t last_sequence) {
  Transaction stand(*connection_, Transaction::Kind::read);
  std::vector<ListedAbout> found;
  Statement lists(*connection_, "SELECT list_number, list_id FROM list ORDER BY list_number");
  Statement rows(*connection_,
                 "SELECT r.match, r.form, r.line, c.sequence, f.content, log.recorded_at FROM list_rule AS r"
                 " JOIN list_form AS f ON f.list_number = r.list_number AND f.form = r.form"
                 " JOIN list_change AS c ON c.list_number = r.list_number AND c.rows = r.sequence"
                 " JOIN log ON log.sequence = c.sequence"
                 " WHERE r.list_number = ?1 AND r.trigger = 1 AND r.key = ?2 AND r.sequence ="
                 " (SELECT max(sequence) FROM list_rule AS last WHERE last.list_number = r.list_number"
                 "  AND last.trigger = r.trigger AND last.key = r.key AND last.match = r.match"
                 "  AND last.sequence <= ?3)");
  while (lists.step()) {
    const auto last = last_rows(*connection_, lists.integer(0), last_sequence);
    for (auto ancestor = name;; ancestor = ancestor.parent()) {
      const auto key = stored_key(ancestor);
      rows.with(lists.integer(0), std::string_view(key), last);
      while (rows.step()) {
        const auto other = ancestor.size() == name.size() ? MatchKind::subdomains : MatchKind::exact;
        if (static_cast<MatchKind>(rows.integer(0)) == other) continue;
        found.push_back({lists.text(1), key, form_of(rows.text(4)), static_cast<std::uint32_t>(rows.integer(2)),
                         rows.integer(3), rows.integer(5)});
      }
      rows.reset();
      if (ancestor.is_root()) break;
    }
  }
  return found;
}

std::optional<std::uint32_t> Store::list_line(std::string_view list, Trigger trigger, std::string_view key,
                                              MatchKind match) {
  Statement rows(*connection_,
                 "SELECT r.line FROM list_rule AS r JOIN list AS l USING (list_number)"
                 " WHERE l.list_id = ?1 AND r.trigger = ?2 AND r.key = ?3 AND r.match = ?4"
                 " AND r.sequence <= (SELECT max(rows) FROM list_change AS c WHERE c.list_number = l.list_number)"
                 " ORDER BY r.sequence DESC LIMIT 1");
  rows.with(list, static_cast<std::int64_t>(trigger), key, static_cast<std::int64_t>(match));
  if (!rows.step()) return std::nullopt;
  return static_cast<std::uint32_t>(rows.integer(0));
}

std::optional<std::string> list_content(Connection& connection, std::int64_t sequence, std::string_view list) {
  Statement rows(connection,
                 "SELECT c.added, c.removed, c.rules, c.digest, c.meta FROM list_change AS c"
                 " JOIN list AS l USING (list_number) WHERE c.sequence = ? AND l.list_id = ?");
  if (!rows.with(sequence, list).step()) return std::nullopt;
  return list_entry(rows.integer(0), rows.integer(1), rows.integer(2), rows.blob(3), rows.text(4));
}

std::vector<std::string> list_problems(Connection& connection, const std::function<void()>& look_up) {
  std::vector<std::string> problems;
  const auto report = [&](std::string problem) {
    if (problems.size() < kMaxProblems) problems.push_back(std::move(problem));
  };
  std::map<std::pair<std::int64_t, std::int64_t>, ListDigest> digests;  // by list and number of the rows
  {
    Statement rows(connection,
                   "SELECT list_number, sequence, trigger, key, match, form, line FROM list_rule"
                   " ORDER BY list_number, trigger, key, match, sequence");
    constexpr std::uint64_t kRowsBetweenLooks = 4'096;
    for (std::uint64_t row = 1; rows.step(); ++row) {
      if (look_up && row % kRowsBetweenLooks == 0) look_up();
      digests[{rows.integer(0), rows.integer(1)}].add_rule(static_cast<Trigger>(rows.integer(2)), rows.blob(3),
                                                           static_cast<MatchKind>(rows.integer(4)), rows.integer(5),
                                                           rows.integer(6));
    }
    Statement forms(connection,
                    "SELECT f.list_number, coalesce(c.rows, -f.sequence), f.form, f.content FROM list_form AS f"
                    " LEFT JOIN list_change AS c USING (sequence) ORDER BY f.list_number, f.form");
    while (forms.step()) digests[{forms.integer(0), forms.integer(1)}].add_form(forms.integer(2), forms.blob(3));
  }
  Statement changes(connection,
                    "SELECT c.sequence, c.digest, l.list_id, c.list_number, c.rows FROM list_change AS c"
                    " JOIN list AS l USING (list_number)");
  while (changes.step()) {
    const std::pair place(changes.integer(3), changes.integer(4));
    if (as_text(digests[place].finish()) != changes.blob(1))
      report(fmt::format("entry {}: the rows of list '{}' are not those it has the digest of", changes.integer(0),
                         changes.text(2)));
    digests.erase(place);
  }
  for (Statement pending(connection, "SELECT list_number, rows FROM list_pending"); pending.step();)
    digests.erase({pending.integer(0), pending.integer(1)});
  for (const auto& [place, digest] : digests)
    report(fmt::format("rows of a list stand in the tables that no entry of the log speaks of (list {})", place.first));
  return problems;
}

}  // namespace placard::policy
