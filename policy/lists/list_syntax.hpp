// How a list is written: its format, and what the format leaves open.
//
// What a list does to a name is never guessed. Formats that only have names (domains, CSV without such a column) are
// told the match; hosts files mean their names exactly, adblock, dnsmasq, RPZ and JSON lines say it themselves.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "policy/record/decision.hpp"

namespace placard::policy {

enum class ListFormat : std::uint8_t { domains, hosts, adblock, dnsmasq, rpz, csv, jsonl };
std::string_view to_text(ListFormat format);
std::optional<ListFormat> list_format_from_text(std::string_view text);
inline constexpr std::string_view kListFormatNames = "domains, hosts, adblock, dnsmasq, rpz, csv, jsonl";

struct ListSyntax {
  ListFormat format = ListFormat::domains;
  std::optional<MatchKind> match = {};    ///< where the format doesn't say it
  Action action = Action::sinkhole;       ///< of what blocks, where the format doesn't say more
  std::optional<std::uint32_t> ttl = {};  ///< seconds, the same
  bool redirects = false;                 ///< hosts, dnsmasq: take addresses of others as local data
  std::string zone = {};                  ///< rpz: the policy zone's name; empty: that of the SOA
  std::vector<std::string> columns = {};  ///< csv: "name", "match", "action", "ttl" or "-" (not looked at), by position
  char delimiter = ',';                   ///< csv
  std::uint32_t skip_lines = 0;           ///< csv: headings
  std::string encoding = "utf-8";         ///< or "windows-1251"
};

/// What is wrong with the combination, for the person who declared it.
std::expected<void, std::string> check_syntax(const ListSyntax& syntax);

}  // namespace placard::policy
