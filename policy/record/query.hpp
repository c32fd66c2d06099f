// Questions in SQL from people: read-only, bounded, and only about what is public.
//
// How a question is kept to the public_* views of research.sql: it is first compiled against an empty copy of them in
// memory, where no other table exists. (SQLite's authoriser alone can't tell a view's own reads from those of a common
// table expression that takes the view's name.) Then it runs on a read-only connection of its own, under an authoriser
// that passes SELECT, recursion and a list of functions; no ATTACH, PRAGMA, VACUUM, temporary table or second
// statement.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace placard::policy {

using Value = std::variant<std::monostate, std::int64_t, double, std::string, std::vector<std::uint8_t>>;
using Row = std::vector<Value>;

struct QueryLimits {
  std::size_t rows = 1000;
  std::int64_t milliseconds = 2000;            ///< of work; passing it is an error, not a shorter answer
  std::size_t bytes = std::size_t{16} << 20;   ///< of all values of the result
  std::size_t memory = std::size_t{64} << 20;  ///< that SQLite takes while it works, in octets
};

struct QueryResult {
  std::vector<std::string> columns;
  std::vector<Row> rows;
  bool truncated = false;  ///< there are more rows than QueryLimits::rows or ::bytes let through
};

/// Runs one SELECT on the store at `path`. The error is one line for the person who asked. Opens a connection of its
/// own, so it may run on any thread. Throws StoreError when the store itself fails.
std::expected<QueryResult, std::string> query_store(const std::filesystem::path& path, std::string_view sql,
                                                    const QueryLimits& limits = {});

/// The names of the public_* views, sorted.
std::vector<std::string> public_tables(const std::filesystem::path& path);

/// Hands every row of one public table to `row`, in the order of recording, without a bound: for `placard export`.
/// `columns` is called once, before the first row. `row` returns false to stop. REQUIRES: `table` is one of
/// public_tables(). All calls within one export see the record as it stood at that call.
void read_public_table(const std::filesystem::path& path, std::string_view table,
                       const std::function<void(const std::vector<std::string>&)>& columns,
                       const std::function<bool(const Row&)>& row);

}  // namespace placard::policy
