#include "policy/record/counters.hpp"

#include <fcntl.h>
#include <sqlite3.h>
#include <unistd.h>

#include <span>

#include "policy/record/sqlite.hpp"
#include "zones/wire/embedded.hpp"

std::span<const placard::EmbeddedFile> embedded_schema();  // policy/record/*.sql, by CMakeLists.txt

namespace placard::policy {
namespace {

constexpr Time kHour = 3600;

HitCount hit_of(const Statement& row) {
  return {.decision_id = row.text(1),
          .list = row.text(2),
          .trigger = trigger_from_text(row.text(3)).value_or(Trigger::qname),
          .name = row.text(4),
          .rule_id = row.integer(5),
          .view = row.text(6),
          .shadow = row.integer(7) != 0,
          .hits = row.integer(8),
          .hour = row.integer(0)};
}

/// The file names decisions that are not public: nobody else reads it, not what an earlier version left open either.
/// What belongs to somebody else stays as it is. An existing file is not opened, since closing it would give up the
/// locks of other connections in this process.
void close_to_others(const std::filesystem::path& path) {
  if (const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600); file >= 0) ::close(file);
  std::error_code not_there;
  for (const auto* beside : {"", "-wal", "-shm"})  // new ones get the mode of the file itself
    std::filesystem::permissions(path.string() + beside, std::filesystem::perms::others_all,
                                 std::filesystem::perm_options::remove, not_there);
}

}  // namespace

Counters Counters::open(const std::filesystem::path& path) {
  close_to_others(path);
  auto connection = std::make_unique<Connection>(path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
  connection->integer("PRAGMA journal_mode = WAL");
  connection->execute("PRAGMA synchronous = NORMAL");
  for (const auto& file : embedded_schema())
    if (file.name == "counters.sql") connection->execute(std::string(file.contents));
  return Counters(std::move(connection));
}

Counters::Counters(std::unique_ptr<Connection> connection) : connection_(std::move(connection)) {}
Counters::Counters(Counters&&) noexcept = default;
Counters::~Counters() = default;

void Counters::add(std::span<const HitCount> hits, Time now) {
  if (hits.empty()) return;
  Transaction transaction(*connection_);
  Statement insert(*connection_,
                   "INSERT INTO hit (hour, decision_id, list_id, trigger, name, rule_id, view, shadow, hits)"
                   " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET hits = hits + excluded.hits");
  for (const auto& each : hits) {
    insert
        .with(now / kHour * kHour, each.decision_id, each.list, to_text(each.trigger), each.name, each.rule_id,
              each.view, std::int64_t{each.shadow}, each.hits)
        .run();
  }
  transaction.commit();
}

std::vector<HitCount> Counters::by_hour(std::string_view decision_id, Time since, std::int64_t limit) {
  std::vector<HitCount> found;
  Statement rows(*connection_,
                 "SELECT hour, decision_id, list_id, trigger, name, rule_id, view, shadow, hits FROM hit"
                 " WHERE hour >= ?1 AND (?2 = '' OR decision_id = ?2) ORDER BY hour DESC, hits DESC, name LIMIT ?3");
  rows.with(since / kHour * kHour, decision_id, limit);
  while (rows.step()) found.push_back(hit_of(rows));
  return found;
}

std::vector<HitCount> Counters::by_decision(Time since, std::int64_t limit) {
  std::vector<HitCount> found;
  Statement rows(*connection_,
                 "SELECT max(hour), decision_id, '', 'qname', '', 0, view, shadow, sum(hits) FROM hit WHERE hour >= ?1"
                 " GROUP BY decision_id, view, shadow ORDER BY sum(hits) DESC, decision_id LIMIT ?2");
  rows.with(since / kHour * kHour, limit);
  while (rows.step()) found.push_back(hit_of(rows));
  return found;
}

void Counters::forget(Time before) {
  Statement(*connection_, "DELETE FROM hit WHERE hour < ?").with(before / kHour * kHour).run();
}

}  // namespace placard::policy
