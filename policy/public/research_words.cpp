#include "policy/public/research_words.hpp"

#include <fmt/format.h>

namespace placard::policy {

std::string text_of(const LocalizedText& texts) {
  const auto english = texts.find("en");
  if (english != texts.end()) return english->second;
  return texts.empty() ? std::string() : texts.begin()->second;
}

std::string shown_name(wire::NameView name) {
  auto text = name.to_text();
  if (text.size() > 1) text.pop_back();
  return text;
}

std::string shown_rule(const Rule& rule) {
  const bool named = rule.trigger == Trigger::qname || rule.trigger == Trigger::nsdname;
  const auto subject = named ? shown_name(rule.name) : rule.prefix;
  const auto who = rule.trigger == Trigger::qname ? std::string() : fmt::format("{} ", to_text(rule.trigger));
  if (!named || rule.match == MatchKind::exact) return fmt::format("{}{}", who, subject) + (named ? " alone" : "");
  if (rule.match == MatchKind::subdomains) return fmt::format("{}all below {}", who, subject);
  return fmt::format("{}{} and all below", who, subject);
}

std::string shown_rules(const std::vector<Rule>& rules) {
  constexpr std::size_t kShown = 5;
  std::string text;
  for (std::size_t i = 0; i < rules.size() && i < kShown; ++i) {
    text += fmt::format("{}{}: {}", i > 0 ? "; " : "", to_text(rules[i].action), shown_rule(rules[i]));
  }
  if (rules.size() > kShown) text += fmt::format("; and {} more", rules.size() - kShown);
  return text;
}

std::string joined(const std::vector<std::string>& words, std::string_view when_empty) {
  return words.empty() ? std::string(when_empty) : fmt::format("{}", fmt::join(words, ", "));
}

std::string shown_authority(const DecisionRecord& record) {
  return record.disclosed ? text_of(record.authority.name) : std::string(kNotPublic);
}

std::vector<Row> rows_of(const Store& store, const std::string& sql) {
  auto result = store.query(sql);
  if (!result) throw StoreError(StoreError::Kind::other, store.path().string() + ": " + result.error());
  return std::move(result->rows);
}

std::string sql_literal(std::string_view text) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'') out += c;
    if (c != '\0') out += c;
  }
  return out + "'";
}

}  // namespace placard::policy
