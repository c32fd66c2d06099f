#include "policy/record/list_block.hpp"

#include <fmt/format.h>

#include <charconv>

namespace placard::policy {
namespace {

/// The number in front of `end`; both are taken off.
std::optional<std::uint32_t> parse_number(std::string_view& rest, char end) {
  std::uint32_t number = 0;
  const auto* last = rest.data() + rest.size();
  const auto [at, error] = std::from_chars(rest.data(), last, number);
  if (error != std::errc() || at == last || *at != end) return std::nullopt;
  rest.remove_prefix(static_cast<std::size_t>(at - rest.data()) + 1);
  return number;
}

/// Throws StoreError where none stands.
StoredListRule take_row(std::string_view& rows) {
  if (const auto row = parse_row(rows)) return *row;
  const auto line = rows.substr(0, rows.find('\n'));
  throw StoreError(StoreError::Kind::not_a_store,
                   fmt::format("the store holds a broken row of a list: '{}'", line.substr(0, 100)));
}

}  // namespace

std::optional<StoredListRule> parse_row(std::string_view& rows) {
  auto rest = rows;
  const auto trigger = parse_number(rest, ' ');
  const auto blank = rest.find(' ');
  if (!trigger || *trigger > static_cast<std::uint32_t>(Trigger::nsip) || blank == rest.npos) return std::nullopt;
  const auto key = rest.substr(0, blank);
  rest.remove_prefix(blank + 1);
  const auto match = parse_number(rest, ' ');
  const auto form = parse_number(rest, ' ');
  const auto line = parse_number(rest, '\n');
  if (!match || *match > static_cast<std::uint32_t>(MatchKind::both) || !form || !line) return std::nullopt;
  rows = rest;
  return StoredListRule{static_cast<Trigger>(*trigger), static_cast<MatchKind>(*match), key, *form, *line, 0};
}

BlockCursor::BlockCursor(Connection& connection, std::int64_t list_number, std::optional<Trigger> trigger,
                         std::int64_t last_rows)
    : blocks_(connection, trigger ? "SELECT sequence, rows FROM list_block WHERE list_number = ?1 AND sequence <= ?2"
                                    " AND trigger = ?3 ORDER BY list_number, trigger, key, match, sequence"
                                  : "SELECT sequence, rows FROM list_block WHERE list_number = ?1 AND sequence <= ?2"
                                    " ORDER BY list_number, trigger, key, match, sequence") {
  blocks_.with(list_number, last_rows);
  if (trigger) blocks_.bind(3, static_cast<std::int64_t>(*trigger));
}

bool BlockCursor::next(StoredListRule& rule) {
  while (rest_.empty()) {
    if (!blocks_.step()) return false;
    sequence_ = blocks_.integer(0);
    rest_ = blocks_.blob(1);
  }
  rule = take_row(rest_);
  rule.sequence = sequence_;
  return true;
}

std::vector<StoredListRule> block_rows_about(Connection& connection, std::int64_t list_number, Trigger trigger,
                                             std::string_view key, std::int64_t last_rows) {
  std::vector<StoredListRule> found;
  Statement blocks(connection,
                   "SELECT sequence, rows FROM list_block WHERE list_number = ?1 AND trigger = ?2 AND key <= ?3"
                   " AND sequence <= ?4 ORDER BY key DESC LIMIT 1");
  if (!blocks.with(list_number, static_cast<std::int64_t>(trigger), key, last_rows).step()) return found;
  for (auto rest = blocks.blob(1); !rest.empty();) {
    const auto row = take_row(rest);
    if (row.key > key) break;
    if (row.key == key) found.push_back({trigger, row.match, key, row.form, row.line, blocks.integer(0)});
  }
  return found;
}

}  // namespace placard::policy
