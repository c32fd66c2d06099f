// Writing and reading lists. The order is the same everywhere: trigger, octets of the key, match.
#include "policy/record/store_list.hpp"

#include <fmt/format.h>
#include <sqlite3.h>

#include <cassert>
#include <map>
#include <nlohmann/json.hpp>
#include <tuple>
#include <unordered_map>

#include "policy/record/rows.hpp"
#include "policy/record/store.hpp"
#include "policy/record/written_name.hpp"

namespace placard::policy {
namespace {

using nlohmann::json;

/// Of a list's rows, in order.
class ListDigest : public RunningDigest {
 public:
  /// "1 net.example 2 1 17\n": trigger, key, match, form and line.
  void add_rule(Trigger trigger, std::string_view key, MatchKind match, std::int64_t form, std::int64_t line) {
    const auto number = [this](std::int64_t value) {
      std::array<char, 24> digits;
      const auto end = fmt::format_to(digits.data(), " {}", value);
      gathered_.append(digits.data(), end);
    };
    gathered_ += static_cast<char>('0' + static_cast<int>(trigger));
    gathered_ += ' ';
    gathered_.append(key);
    number(static_cast<int>(match));
    number(form);
    number(line);
    add("\n");
  }
  void add_form(std::int64_t number, std::string_view content) { add(fmt::format("{} {}\n", number, content)); }
};

std::string content_json(std::int64_t added, std::int64_t removed, std::int64_t rules, std::string_view digest,
                         const std::string& meta) {
  const json content = {{"added", added},
                        {"removed", removed},
                        {"rules", rules},
                        {"rows_sha256", to_hex(digest)},
                        {"meta", json::parse(meta)}};
  return content.dump(-1, ' ', false, json::error_handler_t::replace);
}

auto place_of(const StoredListRule& rule) {
  return std::tuple(rule.trigger, rule.key, rule.match);
}

/// Takes the triggers down that ask row by row, within the transaction that needs it.
class WithoutRowTriggers {
 public:
  explicit WithoutRowTriggers(Connection& connection) : connection_(connection) {
    Statement rows(connection,
                   "SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'"
                   " AND name IN ('list_rule_key', 'list_form_key')");
    while (rows.step()) triggers_.emplace_back(rows.text(0), rows.text(1));
    rows.reset();
    for (const auto& [name, sql] : triggers_) connection.execute(fmt::format("DROP TRIGGER {}", name));
  }
  /// To be called before the transaction is committed; a rollback does it too.
  void put_back() {
    for (const auto& [name, sql] : triggers_) connection_.execute(sql);
  }

 private:
  Connection& connection_;
  std::vector<std::pair<std::string, std::string>> triggers_;
};

/// The rows of one change as they are written: hashed in their order on the way.
class RowWriter {
 public:
  RowWriter(Connection& connection, std::int64_t list, std::int64_t sequence, bool first)
      : connection_(connection),
        insert_(connection,
                "INSERT INTO list_rule (list_number, trigger, key, match, sequence, form, line, difference)"
                " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)") {
    insert_.bind(1, list).bind(5, sequence).bind(8, std::int64_t{!first});
  }
  void write(Trigger trigger, std::string_view key, MatchKind match, std::int64_t form, std::int64_t line) {
    insert_.bind(2, static_cast<std::int64_t>(trigger));
    insert_.bind_borrowed(3, key);
    insert_.bind(4, static_cast<std::int64_t>(match)).bind(6, form).bind(7, line);
    insert_.run();
    digest.add_rule(trigger, key, match, form, line);
  }

  ListDigest digest;

 private:
  Connection& connection_;
  Statement insert_;
};

/// Numbers of a list's forms as the store has them, new ones as they come up.
class FormNumbers {
 public:
  FormNumbers(Connection& connection, std::int64_t list, const RuleList& rules)
      : rules_(rules), numbers_(rules.form_count(), 0) {
    Statement rows(connection, "SELECT form, content FROM list_form WHERE list_number = ? ORDER BY form");
    rows.with(list);
    while (rows.step()) {
      next_ = rows.integer(0) + 1;
      known_.emplace(rows.text(1), rows.integer(0));
    }
    first_new_ = next_;
  }
  std::int64_t of(std::uint32_t form) {
    auto& number = numbers_[form];
    if (number == 0) {
      auto content = canonical(rules_.form(form));
      const auto [at, fresh] = known_.try_emplace(content, next_);
      if (fresh) {
        ++next_;
        new_contents_.push_back(std::move(content));
      }
      number = at->second;
    }
    return number;
  }
  void write_new(Connection& connection, std::int64_t list, std::int64_t sequence) const {
    Statement insert(connection, "INSERT INTO list_form (list_number, form, sequence, content) VALUES (?, ?, ?, ?)");
    for (std::size_t i = 0; i < new_contents_.size(); ++i)
      insert.with(list, first_new_ + static_cast<std::int64_t>(i), sequence, new_contents_[i]).run();
  }
  void add_new_to(ListDigest& digest) const {
    for (std::size_t i = 0; i < new_contents_.size(); ++i)
      digest.add_form(first_new_ + static_cast<std::int64_t>(i), new_contents_[i]);
  }

 private:
  const RuleList& rules_;
  std::vector<std::int64_t> numbers_;
  std::unordered_map<std::string, std::int64_t> known_;
  std::vector<std::string> new_contents_;
  std::int64_t next_ = 1, first_new_ = 1;
};

}  // namespace

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
  rows_->with(list_number, last_sequence);
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

ListOutcome Store::record_list(const AdmittedList& admitted, std::string_view author, Time now) {
  const auto& rules = admitted.rules();
  assert(rules.is_sealed());
  const auto time = check_clock(now);
  Transaction transaction(*connection_);
  const auto before = list_stand(admitted.list());
  const auto number =
      before ? before->number : connection_->integer("SELECT coalesce(max(list_number), 0) + 1 FROM list");
  const auto sequence = last_log_sequence() + 1;
  ListOutcome outcome;
  WithoutRowTriggers triggers(*connection_);
  FormNumbers forms(*connection_, number, rules);
  RowWriter writer(*connection_, number, sequence, !before);
  {
    RuleList::Cursor fresh(rules);
    ListCursor kept(*connection_, number, {}, sequence - 1);
    ListedRule wanted;
    StoredListRule stored;
    bool has_wanted = fresh.next(wanted), has_stored = before && kept.next(stored);
    while (has_wanted || has_stored) {
      const auto trigger = has_wanted ? rules.form(wanted.form).trigger : Trigger::qname;
      const auto match = has_wanted ? rules.form(wanted.form).match : MatchKind::both;
      const auto place = std::tuple(trigger, wanted.key, match);
      if (!has_stored || (has_wanted && place < place_of(stored))) {
        writer.write(trigger, wanted.key, match, forms.of(wanted.form), wanted.line);
        ++outcome.added;
        has_wanted = fresh.next(wanted);
      } else if (!has_wanted || place_of(stored) < place) {
        writer.write(stored.trigger, stored.key, stored.match, 0, 0);
        ++outcome.removed;
        has_stored = kept.next(stored);
      } else {
        const auto form = forms.of(wanted.form);
        if (form == stored.form) {
          ++outcome.unchanged;
        } else {
          writer.write(trigger, wanted.key, match, form, wanted.line);
          ++outcome.changed;
        }
        has_wanted = fresh.next(wanted);
        has_stored = kept.next(stored);
      }
    }
  }
  if (before && outcome.added + outcome.removed + outcome.changed == 0) return outcome;
  forms.add_new_to(writer.digest);
  const auto digest = writer.digest.finish();
  const auto added = static_cast<std::int64_t>(outcome.added + outcome.changed),
             removed = static_cast<std::int64_t>(outcome.removed + outcome.changed),
             size = static_cast<std::int64_t>(rules.size());
  outcome.sequence = append(time, "list", admitted.list(), author,
                            content_json(added, removed, size, as_text(digest), admitted.meta_), false);
  assert(outcome.sequence == sequence);
  if (!before) {
    Statement(*connection_, "INSERT INTO list (list_number, list_id, sequence) VALUES (?, ?, ?)")
        .with(number, std::string_view(admitted.list()), sequence)
        .run();
  }
  forms.write_new(*connection_, number, sequence);
  triggers.put_back();
  Statement(*connection_,
            "INSERT INTO list_change (sequence, list_number, added, removed, rules, digest, meta)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)")
      .with(sequence, number, added, removed, size, wire::Bytes(digest), std::string_view(admitted.meta_))
      .run();
  transaction.commit();
  return outcome;
}

std::optional<ListStand> Store::list_stand(std::string_view list) {
  Statement rows(*connection_,
                 "SELECT l.list_number, c.sequence, c.rules, log.recorded_at, c.digest, c.meta FROM list AS l"
                 " JOIN list_change AS c ON c.list_number = l.list_number JOIN log ON log.sequence = c.sequence"
                 " WHERE l.list_id = ? ORDER BY c.sequence DESC LIMIT 1");
  if (!rows.with(list).step()) return std::nullopt;
  return ListStand{rows.integer(0), rows.integer(1),      rows.integer(2),
                   rows.integer(3), to_hex(rows.blob(4)), rows.text(5)};
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
                 " INDEXED BY list_rule_by_difference WHERE difference = 1 AND sequence > ?1 AND list_number = ?2"
                 " GROUP BY trigger, key, match");
  rows.with(since, list_number);
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
                 "SELECT r.match, r.form, r.line, r.sequence, f.content, log.recorded_at FROM list_rule AS r"
                 " JOIN list_form AS f ON f.list_number = r.list_number AND f.form = r.form"
                 " JOIN log ON log.sequence = r.sequence"
                 " WHERE r.list_number = ?1 AND r.trigger = 1 AND r.key = ?2 AND r.sequence ="
                 " (SELECT max(sequence) FROM list_rule AS last WHERE last.list_number = r.list_number"
                 "  AND last.trigger = r.trigger AND last.key = r.key AND last.match = r.match"
                 "  AND last.sequence <= ?3)");
  while (lists.step()) {
    for (auto ancestor = name;; ancestor = ancestor.parent()) {
      const auto key = stored_key(ancestor);
      rows.with(lists.integer(0), std::string_view(key), last_sequence);
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
  return content_json(rows.integer(0), rows.integer(1), rows.integer(2), rows.blob(3), rows.text(4));
}

std::vector<std::string> list_problems(Connection& connection) {
  std::vector<std::string> problems;
  const auto report = [&](std::string problem) {
    if (problems.size() < kMaxProblems) problems.push_back(std::move(problem));
  };
  std::map<std::int64_t, ListDigest> digests;
  {
    Statement rows(connection,
                   "SELECT sequence, trigger, key, match, form, line FROM list_rule"
                   " ORDER BY list_number, trigger, key, match, sequence");
    while (rows.step()) {
      digests[rows.integer(0)].add_rule(static_cast<Trigger>(rows.integer(1)), rows.blob(2),
                                        static_cast<MatchKind>(rows.integer(3)), rows.integer(4), rows.integer(5));
    }
    Statement forms(connection, "SELECT sequence, form, content FROM list_form ORDER BY list_number, form");
    while (forms.step()) digests[forms.integer(0)].add_form(forms.integer(1), forms.blob(2));
  }
  Statement changes(connection,
                    "SELECT c.sequence, c.digest, l.list_id FROM list_change AS c JOIN list AS l USING (list_number)");
  while (changes.step()) {
    const auto digest = digests[changes.integer(0)].finish();
    if (as_text(digest) != changes.blob(1))
      report(fmt::format("entry {}: the rows of list '{}' are not those it has the digest of", changes.integer(0),
                         changes.text(2)));
    digests.erase(changes.integer(0));
  }
  for (const auto& [sequence, digest] : digests)
    report(fmt::format("rows of a list stand in the tables that no entry of the log speaks of (entry {})", sequence));
  return problems;
}

}  // namespace placard::policy
