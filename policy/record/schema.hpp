// Which version a store has, and how it gets to the one this program writes.
//
// Versions only go forward. Before an existing store is changed, a copy of it is made beside it (PATH.vN.backup).
// Version 1 is schema.sql; version N is migrate_N.sql, which changes tables. research.sql holds no data: its views are
// dropped and made anew with every migration. To change any of these files after a release, add a version.
#pragma once

#include <filesystem>
#include <string_view>
#include <vector>

#include "policy/record/sqlite.hpp"
#include "policy/record/time.hpp"

namespace placard::policy {

struct Migration {
  std::int64_t version = 0;
  std::string_view sql;  ///< brings the version before to this one
};

/// All versions that this program knows, oldest first, without a gap.
std::vector<Migration> known_migrations();

/// The version of the store, 0 for an empty file. Throws StoreError(not_a_store) when the file is another program's.
std::int64_t schema_version(Connection& connection);

/// Brings the store to the last of `migrations`, in one transaction; does nothing when it is there already.
/// Throws StoreError: not_a_store, newer_version, exists (an unrelated file stands where the backup goes).
void migrate(Connection& connection, const std::vector<Migration>& migrations, Time now);

/// Copies the whole store online into a new file, checks the copy, and gives it its name last: a file of that name is
/// whole. Throws StoreError(exists) when `target` is there already.
void copy_store(Connection& source, const std::filesystem::path& target);

}  // namespace placard::policy
