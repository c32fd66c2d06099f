// Blocks of rows: how the store holds what a list begins with (migrate_5.sql). Internal to policy/record.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "policy/record/sqlite.hpp"
#include "policy/record/store_list.hpp"

namespace placard::policy {

/// Octets from which on a block is closed: some four hundred rows, four pages of SQLite's.
inline constexpr std::size_t kBlockSize = 16'000;

/// The row that `rows` begin with, its key borrowed, its sequence not set; nothing where none stands. `rows` are those
/// behind it then.
std::optional<StoredListRule> parse_row(std::string_view& rows);

/// Reads a list's blocks row by row, in order.
class BlockCursor {
 public:
  /// Of the blocks up to `last_rows`; of one trigger or of all.
  BlockCursor(Connection& connection, std::int64_t list_number, std::optional<Trigger> trigger, std::int64_t last_rows);
  /// The key is valid until the next row.
  bool next(StoredListRule& rule);

 private:
  Statement blocks_;
  std::string_view rest_;  // of the block that the statement is at
  std::int64_t sequence_ = 0;
};

/// The rows about one key, by match; as of the blocks up to `last_rows`.
std::vector<StoredListRule> block_rows_about(Connection& connection, std::int64_t list_number, Trigger trigger,
                                             std::string_view key, std::int64_t last_rows);

}  // namespace placard::policy
