// Words that the research documents share. Not part of the interface; see research.hpp.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "policy/record/store.hpp"

namespace placard::policy {

/// In English, else in any language; empty when there is none.
std::string text_of(const LocalizedText& texts);
/// "kiwifarms.net": without the last dot; "." for the root.
std::string shown_name(wire::NameView name);
/// "kiwifarms.net and all below", "all below kiwifarms.net", "kiwifarms.net alone".
std::string shown_rule(const Rule& rule);
std::string shown_rules(const std::vector<Rule>& rules);  ///< the first few, then how many more
std::string joined(const std::vector<std::string>& words, std::string_view when_empty);
inline constexpr std::string_view kNotPublic = "not public (sealed or delayed)";
/// Who decided, or kNotPublic.
std::string shown_authority(const DecisionRecord& record);

/// One row of a query that must work, as cells; throws StoreError when it fails.
std::vector<Row> rows_of(const Store& store, const std::string& sql);
/// A string literal of SQL.
std::string sql_literal(std::string_view text);

}  // namespace placard::policy
