// Schema versions and copies of the store.
#include "policy/record/schema.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sqlite3.h>
#include <unistd.h>

#include <cassert>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <span>
#include <string>
#include <system_error>

#include "zones/wire/embedded.hpp"

std::span<const placard::EmbeddedFile> embedded_schema();  // policy/record/*.sql, by CMakeLists.txt

namespace placard::policy {
namespace {

constexpr std::int64_t kApplicationId = 0x506c6364;  // "Plcd", in the header of every store

std::string_view embedded_file(std::string_view name) {
  for (const auto& file : embedded_schema()) {
    if (file.name == name) return file.contents;
  }
  return {};
}

/// Foreign keys are not enforced while this lives. REQUIRES: no transaction is open.
class ForeignKeysOff {
 public:
  explicit ForeignKeysOff(Connection& connection) : connection_(connection) {
    connection.execute("PRAGMA foreign_keys = OFF");
  }
  ~ForeignKeysOff() { sqlite3_exec(connection_.handle(), "PRAGMA foreign_keys = ON", nullptr, nullptr, nullptr); }
  ForeignKeysOff(const ForeignKeysOff&) = delete;
  ForeignKeysOff& operator=(const ForeignKeysOff&) = delete;

 private:
  Connection& connection_;
};

void drop_views(Connection& connection) {
  std::vector<std::string> names;
  for (Statement views(connection, "SELECT name FROM sqlite_schema WHERE type = 'view'"); views.step();) {
    names.push_back(views.text(0));
  }
  for (const auto& name : names) connection.execute(fmt::format("DROP VIEW \"{}\"", name));
}

/// A backup of the same version is one of this very store from an attempt that did not finish: it is kept.
void backup_before_migration(Connection& connection, std::int64_t version) {
  const std::filesystem::path target = fmt::format("{}.v{}.backup", connection.path().string(), version);
  if (!std::filesystem::exists(target)) {
    copy_store(connection, target);
    return;
  }
  Connection earlier(target, SQLITE_OPEN_READONLY);
  if (schema_version(earlier) != version) {
    throw StoreError(StoreError::Kind::exists, fmt::format("{}: stands where the backup before a migration goes, and "
                                                           "is none; move it away",
                                                           target.string()));
  }
}

}  // namespace

std::vector<Migration> known_migrations() {
  std::vector<Migration> migrations = {{1, embedded_file("schema.sql")}};
  while (true) {
    const auto version = static_cast<std::int64_t>(migrations.size()) + 1;
    const auto sql = embedded_file(fmt::format("migrate_{}.sql", version));
    if (sql.empty()) return migrations;
    migrations.push_back({version, sql});
  }
}

std::int64_t schema_version(Connection& connection) {
  const auto tables = connection.integer("SELECT count(*) FROM sqlite_schema");
  const auto application = connection.integer("PRAGMA application_id");
  if (tables == 0 && application == 0) return 0;
  if (application != kApplicationId) {
    throw StoreError(
        StoreError::Kind::not_a_store,
        fmt::format("{}: this is an SQLite file of another program, not a policy store", connection.path().string()));
  }
  return connection.integer("SELECT max(version) FROM schema_version");
}

void migrate(Connection& connection, const std::vector<Migration>& migrations, Time now) {
  assert(!migrations.empty());
  const auto newest = migrations.back().version;
  const auto version = schema_version(connection);
  if (version > newest) {
    throw StoreError(
        StoreError::Kind::newer_version,
        fmt::format("{}: written by a newer Placard (version {} of the store, this program knows up to {}); "
                    "run that one, or restore a backup",
                    connection.path().string(), version, newest));
  }
  if (version == newest) return;
  if (version > 0) backup_before_migration(connection, version);
  // A table that others refer to can only be made anew while nobody looks at the references; they are checked below.
  const ForeignKeysOff references(connection);
  Transaction transaction(connection);
  drop_views(connection);
  if (version == 0) connection.execute(fmt::format("PRAGMA application_id = {}", kApplicationId));
  for (const auto& migration : migrations) {
    if (migration.version <= version) continue;
    connection.execute(std::string(migration.sql));
    Statement(connection, "INSERT INTO schema_version (version, recorded_at) VALUES (?, ?)")
        .with(migration.version, now)
        .run();
  }
  connection.execute(std::string(embedded_file("research.sql")));
  if (Statement broken(connection, "PRAGMA foreign_key_check"); broken.step())
    throw StoreError(StoreError::Kind::other,
                     fmt::format("{}: the migration would break what refers to {}; nothing was changed",
                                 connection.path().string(), broken.text(2)));
  transaction.commit();
}

void copy_store(Connection& source, const std::filesystem::path& target) {
  const auto exists = [&] {
    return StoreError(StoreError::Kind::exists, target.string() + ": exists already; a backup overwrites nothing");
  };
  if (std::filesystem::exists(std::filesystem::symlink_status(target))) throw exists();
  const std::filesystem::path partial = target.string() + ".partial";
  // Its own name and owner's eyes only: the store may hold what a court sealed.
  const int file = ::open(partial.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
  if (file < 0) {
    throw StoreError(StoreError::Kind::other,
                     fmt::format("{}: can't be made: {}{}", partial.string(), std::strerror(errno),
                                 errno == EEXIST ? " (left by a backup that was stopped? "
                                                   "remove it)"
                                                 : ""));
  }
  ::close(file);
  struct Remove {
    const std::filesystem::path& path;
    ~Remove() {
      std::error_code ignored;
      std::filesystem::remove(path, ignored);
    }
  } remove{partial};
  {
    Connection copy(partial, SQLITE_OPEN_READWRITE);
    copy.execute("PRAGMA synchronous = FULL");
    sqlite3_backup* backup = sqlite3_backup_init(copy.handle(), "main", source.handle(), "main");
    if (backup == nullptr) copy.fail(sqlite3_errcode(copy.handle()));
    sqlite3_backup_step(backup, -1);
    const int code = sqlite3_backup_finish(backup);
    if (code != SQLITE_OK) copy.fail(code);
    // A rollback journal, so that the copy is one file and opens on a read-only medium.
    copy.integer("PRAGMA journal_mode = DELETE");
    Statement check(copy, "PRAGMA quick_check");
    if (!check.step() || check.text(0) != "ok") {
      throw StoreError(StoreError::Kind::other,
                       target.string() + ": the copy does not pass SQLite's check: " + check.text(0));
    }
  }
  // link, not rename: it refuses to replace a file that came up meanwhile.
  if (::link(partial.c_str(), target.c_str()) != 0) {
    if (errno == EEXIST) throw exists();
    throw StoreError(StoreError::Kind::other, fmt::format("{}: {}", target.string(), std::strerror(errno)));
  }
}

}  // namespace placard::policy
