// Reading lists, and checking their rows (list_recording writes them). The order is the same everywhere: trigger,
// octets of the key, match.
#include "policy/record/store_list.hpp"

#include <fmt/format.h>
#include <sqlite3.h>

#include <algorithm>
#include <cassert>
#include <map>
#include <nlohmann/json.hpp>
#include <tuple>

#include "policy/record/list_block.hpp"
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

/// Whether the first row stands at that place. What the others say the digest covers.
bool is_block_of(std::string_view rows, std::int64_t trigger, std::string_view key, std::int64_t match) {
  if (rows.empty()) return false;
  const auto first = parse_row(rows);
  return first && static_cast<std::int64_t>(first->trigger) == trigger && first->key == key &&
         static_cast<std::int64_t>(first->match) == match;
}

/// What the list has about one key as of its rows up to `last_rows`, by match; rules that are gone have form 0.
std::vector<StoredListRule> rows_about(Connection& connection, std::int64_t list_number, Trigger trigger,
                                       std::string_view key, std::int64_t last) {
  auto found = block_rows_about(connection, list_number, trigger, key, last);
  Statement rows(connection,
                 "SELECT match, form, line, sequence FROM list_rule WHERE list_number = ? AND trigger = ? AND key = ?"
                 " AND sequence <= ? ORDER BY sequence");
  rows.with(list_number, static_cast<std::int64_t>(trigger), key, last);
  while (rows.step()) {
    const auto match = static_cast<MatchKind>(rows.integer(0));
    std::erase_if(found, [match](const auto& earlier) { return earlier.match == match; });
    found.push_back({trigger, match, key, static_cast<std::uint32_t>(rows.integer(1)),
                     static_cast<std::uint32_t>(rows.integer(2)), rows.integer(3)});
  }
  std::ranges::sort(found, {}, &StoredListRule::match);
  return found;
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
  const auto last = last_rows(connection, list_number, last_sequence);
  blocks_ = std::make_unique<BlockCursor>(connection, list_number, trigger, last);
  rows_->with(list_number, last);
  if (trigger) rows_->bind(3, static_cast<std::int64_t>(*trigger));
  has_block_ = blocks_->next(block_);
  has_row_ = step_row();
  pending_ = step();
}

ListCursor::~ListCursor() = default;
ListCursor::ListCursor(ListCursor&&) noexcept = default;

bool ListCursor::step_row() {
  if (!rows_->step()) return false;
  row_.trigger = static_cast<Trigger>(rows_->integer(0));
  row_.key = rows_->blob(1);
  row_.match = static_cast<MatchKind>(rows_->integer(2));
  row_.form = static_cast<std::uint32_t>(rows_->integer(3));
  row_.line = static_cast<std::uint32_t>(rows_->integer(4));
  row_.sequence = rows_->integer(5);
  return true;
}

/// Of a row in a block and one that changes it the block's comes first.
bool ListCursor::step() {
  const bool from_block = has_block_ && (!has_row_ || place_of(block_) <= place_of(row_));
  if (!from_block && !has_row_) return false;
  head_ = from_block ? block_ : row_;
  key_.assign(head_.key);
  head_.key = key_;
  if (from_block)
    has_block_ = blocks_->next(block_);
  else
    has_row_ = step_row();
  return true;
}

bool ListCursor::next(StoredListRule& rule) {
  while (pending_) {
    rule = head_;
    given_.swap(key_);
    rule.key = given_;
    // Of several rows about one rule the last one holds.
    while ((pending_ = step()) && place_of(head_) == place_of(rule)) {
      rule.form = head_.form;
      rule.line = head_.line;
      rule.sequence = head_.sequence;
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
  const auto last_before = last_rows(*connection_, list_number, since);
  const auto last = last_rows(*connection_, list_number, INT64_MAX);
  // Blocks come with the first rows that a list has, all together: where they came since, the whole list did.
  Statement blocks(*connection_, "SELECT sequence FROM list_block WHERE list_number = ? LIMIT 1");
  if (blocks.with(list_number).step() && blocks.integer(0) > last_before && blocks.integer(0) <= last) {
    auto cursor = list_rules(list_number);
    for (StoredListRule rule; cursor.next(rule);) visitor(rule);
    return;
  }
  // Of the rows of one group SQLite gives the columns of the one with the maximum.
  Statement rows(*connection_,
                 "SELECT trigger, key, match, form, line, max(sequence) FROM list_rule"
                 " INDEXED BY list_rule_by_difference WHERE difference = 1 AND sequence > ?1 AND sequence <= ?3"
                 " AND list_number = ?2 GROUP BY trigger, key, match");
  rows.with(last_before, list_number, last);
  while (rows.step()) {
    const auto key = rows.text(1);
    visitor({static_cast<Trigger>(rows.integer(0)), static_cast<MatchKind>(rows.integer(2)), key,
             static_cast<std::uint32_t>(rows.integer(3)), static_cast<std::uint32_t>(rows.integer(4)),
             rows.integer(5)});
  }
}

Rule ListedAbout::rule() const {
  Rule made = rule_of(form);
  if (made.trigger != Trigger::qname && made.trigger != Trigger::nsdname)
    made.prefix = key;
  else if (const auto name = name_from_key(key))
    made.name = *name;
  return made;
}

namespace {

/// A key that rules may stand at, and which of those there do not reach what is asked about.
struct WantedKey {
  Trigger trigger{};
  std::string key;
  std::optional<MatchKind> except{};
};

std::vector<WantedKey> wanted_keys(const Subjects& subjects) {
  std::vector<WantedKey> keys;
  for (const auto& [trigger, name] : subjects.names) {
    for (auto ancestor = name.view();; ancestor = ancestor.parent()) {
      const bool itself = ancestor.size() == name.view().size();
      keys.push_back({trigger, stored_key(ancestor), itself ? MatchKind::subdomains : MatchKind::exact});
      if (ancestor.is_root()) break;
    }
  }
  for (const auto& [trigger, address] : subjects.addresses) {
    const bool ipv4 = is_mapped_ipv4(address);
    for (std::uint8_t length = ipv4 ? 96 : 0; length <= 128; ++length)
      keys.push_back({trigger, Prefix{masked_address(address, length), length, ipv4}.to_text()});
  }
  return keys;
}

}  // namespace

std::vector<ListedAbout> Store::lists_about(wire::NameView name, std::int64_t last_sequence) {
  return lists_about(Subjects{{{Trigger::qname, wire::Name(name)}}, {}}, last_sequence);
}

std::vector<ListedAbout> Store::lists_about(const Subjects& subjects, std::int64_t last_sequence) {
  Transaction stand(*connection_, Transaction::Kind::read);
  std::vector<ListedAbout> found;
  const auto keys = wanted_keys(subjects);
  Statement lists(*connection_, "SELECT list_number, list_id FROM list ORDER BY list_number");
  Statement change(*connection_,
                   "SELECT c.sequence, f.content, log.recorded_at FROM list_change AS c JOIN log USING (sequence)"
                   " JOIN list_form AS f USING (list_number) WHERE c.list_number = ? AND c.rows = ? AND f.form = ?");
  while (lists.step()) {
    const auto number = lists.integer(0), last = last_rows(*connection_, number, last_sequence);
    for (const auto& wanted : keys) {
      for (const auto& rule : rows_about(*connection_, number, wanted.trigger, wanted.key, last)) {
        if (rule.form == 0 || rule.match == wanted.except) continue;
        if (change.with(number, rule.sequence, std::int64_t{rule.form}).step())
          found.push_back(
              {lists.text(1), wanted.key, form_of(change.text(1)), rule.line, change.integer(0), change.integer(2)});
        change.reset();
      }
    }
  }
  return found;
}

std::optional<std::uint32_t> Store::list_line(std::string_view list, Trigger trigger, std::string_view key,
                                              MatchKind match) {
  Transaction stand(*connection_, Transaction::Kind::read);
  const auto at = list_stand(list);
  if (!at) return std::nullopt;
  for (const auto& rule :
       rows_about(*connection_, at->number, trigger, key, last_rows(*connection_, at->number, INT64_MAX)))
    if (rule.match == match) return rule.line;
  return std::nullopt;
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
    Statement blocks(connection,
                     "SELECT list_number, sequence, trigger, key, match, rows FROM list_block"
                     " ORDER BY list_number, trigger, key, match, sequence");
    while (blocks.step()) {
      if (look_up) look_up();
      const auto rows = blocks.blob(5);
      digests[{blocks.integer(0), blocks.integer(1)}].add(rows);
      if (!is_block_of(rows, blocks.integer(2), blocks.blob(3), blocks.integer(4)))
        report(fmt::format("a block of list {} holds other rows than its place says", blocks.integer(0)));
    }
    Statement rows(connection,
                   "SELECT list_number, sequence, trigger, key, match, form, line FROM list_rule"
                   " ORDER BY list_number, trigger, key, match, sequence");
    constexpr std::uint64_t kRowsBetweenLooks = 4'096;
    for (std::uint64_t row = 1; rows.step(); ++row) {
      if (look_up && row % kRowsBetweenLooks == 0) look_up();
      digests[{rows.integer(0), rows.integer(1)}].add_row(static_cast<Trigger>(rows.integer(2)), rows.blob(3),
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
