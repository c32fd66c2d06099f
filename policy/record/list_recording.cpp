#include "policy/record/list_recording.hpp"

#include <sqlite3.h>

#include <cassert>
#include <nlohmann/json.hpp>

#include "policy/record/list_block.hpp"
#include "policy/record/list_rows.hpp"
#include "policy/record/rows.hpp"

namespace placard::policy {
namespace {

constexpr unsigned kWritesUntilSettled = 32;  // some 40 MiB
constexpr std::size_t kBlocksAtOnce = 256;    // removed in one step; some hundred rows each
const RuleForm kNoForm;                       // of no rule

/// The key of the last of a block's rows.
std::string_view last_key(std::string_view rows) {
  const auto before = rows.rfind('\n', rows.size() - 2);
  auto row = before == rows.npos ? rows : rows.substr(before + 1);
  return parse_row(row).value().key;
}

/// For rows whose digest the log holds, within the store's own code: its triggers ask row by row, and its sync waits.
class Unasked {
 public:
  explicit Unasked(Connection& connection) : connection_(connection) {
    sqlite3_db_config(connection.handle(), SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, nullptr);
    connection.execute("PRAGMA synchronous = NORMAL");
  }
  ~Unasked() {
    sqlite3_db_config(connection_.handle(), SQLITE_DBCONFIG_ENABLE_TRIGGER, 1, nullptr);
    sqlite3_exec(connection_.handle(), "PRAGMA synchronous = FULL", nullptr, nullptr, nullptr);
  }
  Unasked(const Unasked&) = delete;
  Unasked& operator=(const Unasked&) = delete;

 private:
  Connection& connection_;
};

}  // namespace

ListRecording::ListRecording(const std::filesystem::path& store, const AdmittedList& list)
    : list_(list), fresh_(list.rules()) {
  assert(list.rules().is_sealed());
  reading_ = std::make_unique<Connection>(store, SQLITE_OPEN_READWRITE);
  reading_->execute("PRAGMA query_only = ON");
  settling_ = std::make_unique<Connection>(store, SQLITE_OPEN_READWRITE);
  before_ = read_list_stand(*reading_, list.list());
  forms_.numbers.resize(list.rules().form_count());
  if (before_) {
    Statement rows(*reading_, "SELECT form, content FROM list_form WHERE list_number = ? ORDER BY form");
    for (rows.with(before_->number); rows.step(); ++forms_.first_fresh)
      forms_.known.emplace(rows.text(1), static_cast<std::uint32_t>(rows.integer(0)));
    Statement filled(*reading_, "SELECT 1 FROM list_change WHERE list_number = ? AND added > 0");
    begins_ = !filled.with(before_->number).step();
    kept_ = std::make_unique<ListCursor>(*reading_, before_->number);
    has_stored_ = kept_->next(stored_);
  }
  has_wanted_ = fresh_.next(wanted_);
}

ListRecording::~ListRecording() = default;

std::uint32_t ListRecording::stored_form(std::uint32_t form) {
  auto& number = forms_.numbers[form];
  if (number == 0) {
    auto content = canonical(list_.rules().form(form));
    const auto next = forms_.first_fresh + static_cast<std::uint32_t>(forms_.fresh.size());
    const auto [at, fresh] = forms_.known.try_emplace(content, next);
    if (fresh) forms_.fresh.push_back(std::move(content));
    number = at->second;
  }
  return number;
}

void ListRecording::put(Batch& batch, Trigger trigger, std::string_view key, MatchKind match, std::uint32_t form,
                        std::uint32_t line) {
  digest_.add_row(trigger, key, match, form, line);
  ++batch.size_;
  batch.rows_.push_back({static_cast<std::uint32_t>(batch.keys_.size()), static_cast<std::uint16_t>(key.size()),
                         trigger, match, form, line});
  batch.keys_ += key;
}

/// Of a list that never had a rule: these are all there is. Rows of one key stay together, those of two triggers apart.
ListRecording::Batch ListRecording::prepare_blocks() {
  Batch batch;
  auto& blocks = batch.blocks_;
  for (; has_wanted_; has_wanted_ = fresh_.next(wanted_)) {
    const auto& form = list_.rules().form(wanted_.form);
    if (blocks.empty() || blocks.back().trigger != form.trigger ||
        (blocks.back().rows.size() >= kBlockSize && last_key(blocks.back().rows) != wanted_.key)) {
      if (batch.is_full()) break;
      blocks.push_back({form.trigger, form.match, std::string(wanted_.key), {}});
      blocks.back().rows.reserve(kBlockSize + kBlockSize / 8);
    }
    append_row(blocks.back().rows, form.trigger, wanted_.key, form.match, stored_form(wanted_.form), wanted_.line);
    ++batch.size_;
    ++outcome_.added;
  }
  for (const auto& block : blocks) digest_.add(block.rows);
  return batch;
}

ListRecording::Batch ListRecording::prepare() {
  if (begins_) return prepare_blocks();
  Batch batch;
  const auto& rules = list_.rules();
  while ((has_wanted_ || has_stored_) && !batch.is_full()) {
    const auto& form = has_wanted_ ? rules.form(wanted_.form) : kNoForm;
    const std::tuple place(form.trigger, wanted_.key, form.match);
    const std::tuple stored(stored_.trigger, stored_.key, stored_.match);
    if (!has_stored_ || (has_wanted_ && place < stored)) {
      put(batch, form.trigger, wanted_.key, form.match, stored_form(wanted_.form), wanted_.line);
      ++outcome_.added;
      has_wanted_ = fresh_.next(wanted_);
    } else if (!has_wanted_ || stored < place) {
      put(batch, stored_.trigger, stored_.key, stored_.match, 0, 0);
      ++outcome_.removed;
      has_stored_ = kept_->next(stored_);
    } else {
      const auto number = stored_form(wanted_.form);
      if (number == stored_.form) {
        ++outcome_.unchanged;
      } else {
        put(batch, form.trigger, wanted_.key, form.match, number, wanted_.line);
        ++outcome_.changed;
      }
      has_wanted_ = fresh_.next(wanted_);
      has_stored_ = kept_->next(stored_);
    }
  }
  return batch;
}

ListRecording::Left ListRecording::find_left() {
  for (;;) {
    if (left_.empty()) {
      Statement pending(*reading_, "SELECT list_number, rows FROM list_pending");
      if (!pending.step()) return {};
      left_.list_ = pending.integer(0);
      left_.order_ = pending.integer(1);
      left_.places_.assign(1, {});
    } else if (left_.places_.empty()) {
      left_ = {};  // all of it is gone
      continue;
    }
    const auto from = left_.places_.back();
    left_.places_.clear();
    Statement rows(*reading_,
                   left_.blocks_ ? "SELECT trigger, key, match FROM list_block WHERE list_number = ?1 AND sequence = ?2"
                                   " AND (trigger, key, match) > (?3, ?4, ?5) ORDER BY trigger, key, match LIMIT ?6"
                                 : "SELECT trigger, key, match FROM list_rule WHERE list_number = ?1 AND sequence = ?2"
                                   " AND (trigger, key, match) > (?3, ?4, ?5) ORDER BY trigger, key, match LIMIT ?6");
    const std::size_t most = left_.blocks_ ? kBlocksAtOnce : kBatch;
    rows.with(left_.list_, left_.order_, from.trigger, std::string_view(from.key), from.match,
              static_cast<std::int64_t>(most));
    while (rows.step()) left_.places_.push_back({rows.integer(0), std::string(rows.text(1)), rows.integer(2)});
    if (!left_.places_.empty() || left_.blocks_) return left_;
    left_.blocks_ = true;  // behind the rows that stand alone
    left_.places_.assign(1, {});
  }
}

void ListRecording::remove(Store& store, const Left& left) {
  auto& connection = *store.connection_;
  const Unasked unasked(connection);
  Transaction transaction(connection);
  Statement gone(connection, left.blocks_ ? "DELETE FROM list_block WHERE list_number = ?1 AND sequence = ?2"
                                            " AND trigger = ?3 AND key = ?4 AND match = ?5"
                                          : "DELETE FROM list_rule WHERE list_number = ?1 AND sequence = ?2"
                                            " AND trigger = ?3 AND key = ?4 AND match = ?5");
  gone.bind(1, left.list_).bind(2, left.order_);
  for (const auto& place : left.places_)
    gone.bind(3, place.trigger).bind_borrowed(4, place.key).bind(5, place.match).run();
  if (left.places_.empty())
    Statement(connection, "DELETE FROM list_pending WHERE list_number = ? AND rows = ?")
        .with(left.list_, left.order_)
        .run();
  transaction.commit();
}

/// Within a transaction. What others left behind, and nobody has removed yet, goes first.
void ListRecording::begin(Connection& connection) {
  std::vector<std::pair<std::int64_t, std::int64_t>> left;
  for (Statement rows(connection, "SELECT list_number, rows FROM list_pending"); rows.step();)
    left.emplace_back(rows.integer(0), rows.integer(1));
  for (const auto& [list, order] : left) {
    Statement(connection, "DELETE FROM list_rule WHERE list_number = ? AND sequence = ?").with(list, order).run();
    Statement(connection, "DELETE FROM list_block WHERE list_number = ? AND sequence = ?").with(list, order).run();
  }
  connection.execute("DELETE FROM list_pending");
  number_ = before_ ? before_->number : connection.integer("SELECT coalesce(max(list_number), 0) + 1 FROM list");
  Statement last(connection,
                 "SELECT max((SELECT coalesce(max(sequence), 0) FROM log),"
                 " (SELECT coalesce(max(rows), 0) FROM list_change WHERE list_number = ?)) + 1");
  last.with(number_).step();
  order_ = last.integer(0);
  last.reset();
  Statement(connection, "INSERT INTO list_pending (list_number, rows) VALUES (?, ?)").with(number_, order_).run();
}

void ListRecording::write(Store& store, const Batch& batch) {
  auto& connection = *store.connection_;
  const Unasked unasked(connection);
  Transaction transaction(connection);
  if (order_ == 0) begin(connection);
  if (!batch.blocks_.empty()) write_blocks(connection, batch);
  if (!batch.rows_.empty()) write_rows(connection, batch);
  transaction.commit();
}

void ListRecording::write_blocks(Connection& connection, const Batch& batch) {
  Statement insert(connection,
                   "INSERT INTO list_block (list_number, trigger, key, match, sequence, rows)"
                   " VALUES (?1, ?2, ?3, ?4, ?5, ?6)");
  insert.bind(1, number_).bind(5, order_);
  for (const auto& block : batch.blocks_) {
    insert.bind(2, static_cast<std::int64_t>(block.trigger)).bind_borrowed(3, block.key);
    insert.bind(4, static_cast<std::int64_t>(block.match)).bind_borrowed(6, block.rows).run();
  }
}

void ListRecording::write_rows(Connection& connection, const Batch& batch) {
  Statement insert(connection,
                   "INSERT INTO list_rule (list_number, trigger, key, match, sequence, form, line, difference)"
                   " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 1)");
  insert.bind(1, number_).bind(5, order_);
  for (const auto& row : batch.rows_) {
    insert.bind(2, static_cast<std::int64_t>(row.trigger));
    insert.bind_borrowed(3, std::string_view(batch.keys_).substr(row.key, row.key_size));
    insert.bind(4, static_cast<std::int64_t>(row.match)).bind(6, std::int64_t{row.form});
    insert.bind(7, std::int64_t{row.line}).run();
  }
}

void ListRecording::settle() {
  if (++writes_ % kWritesUntilSettled == 0 || outcome_.sequence != 0)
    sqlite3_wal_checkpoint_v2(settling_->handle(), nullptr, SQLITE_CHECKPOINT_PASSIVE, nullptr, nullptr);
}

ListOutcome ListRecording::finish(Store& store, std::string_view author, Time now) {
  assert(!has_wanted_ && !has_stored_);
  if (before_ && outcome_.added + outcome_.removed + outcome_.changed == 0) return outcome_;
  auto& connection = *store.connection_;
  const auto time = store.check_clock(now);
  Transaction transaction(connection);
  if (order_ == 0) begin(connection);  // a list without a rule
  if (Statement ours(connection, "SELECT 1 FROM list_pending WHERE list_number = ? AND rows = ?");
      !ours.with(number_, order_).step())
    throw StoreError(StoreError::Kind::other, "two lists were recorded at a time: this one was not");
  std::uint32_t number = forms_.first_fresh;
  for (const auto& content : forms_.fresh) digest_.add_form(number++, content);
  const auto digest = digest_.finish();
  const auto added = static_cast<std::int64_t>(outcome_.added + outcome_.changed),
             removed = static_cast<std::int64_t>(outcome_.removed + outcome_.changed),
             size = static_cast<std::int64_t>(list_.rules().size());
  const auto sequence = store.append(time, "list", list_.list(), author,
                                     list_entry(added, removed, size, as_text(digest), list_.meta_), false);
  if (!before_)
    Statement(connection, "INSERT INTO list (list_number, list_id, sequence) VALUES (?, ?, ?)")
        .with(number_, std::string_view(list_.list()), sequence)
        .run();
  number = forms_.first_fresh;
  for (const auto& content : forms_.fresh)
    Statement(connection, "INSERT INTO list_form (list_number, form, sequence, content) VALUES (?, ?, ?, ?)")
        .with(number_, std::int64_t{number++}, sequence, std::string_view(content))
        .run();
  Statement(connection,
            "INSERT INTO list_change (sequence, list_number, added, removed, rules, digest, meta, rows)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)")
      .with(sequence, number_, added, removed, size, wire::Bytes(digest), std::string_view(list_.meta_), order_)
      .run();
  connection.execute("DELETE FROM list_pending");
  transaction.commit();
  outcome_.sequence = sequence;
  return outcome_;
}

ListOutcome Store::record_list(const AdmittedList& list, std::string_view author, Time now) {
  check_clock(now);
  ListRecording recording(path_, list);
  for (auto left = recording.find_left(); !left.empty(); left = recording.find_left()) {
    recording.remove(*this, left);
    recording.settle();
  }
  for (auto batch = recording.prepare(); !batch.empty(); batch = recording.prepare()) {
    recording.write(*this, batch);
    recording.settle();
  }
  const auto outcome = recording.finish(*this, author, now);
  recording.settle();
  return outcome;
}

}  // namespace placard::policy
