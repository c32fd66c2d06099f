// Lists read whole or in pieces, and their rules as text.
#pragma once

#include <fmt/format.h>

#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "policy/lists/json_lines.hpp"
#include "policy/lists/list_reader.hpp"
#include "tests/source_directory.hpp"

namespace placard::policy {

inline std::string sample(const std::string& name) {
  std::ifstream in(source_directory() + "/tests/policy/lists/samples/" + name, std::ios::binary);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

inline ReadList read_list(const ListSyntax& syntax, std::string_view text, std::size_t piece = std::string_view::npos) {
  auto reader = ListReader::open(syntax);
  if (!reader) throw std::runtime_error(reader.error());
  while (!text.empty()) {
    reader->feed(text.substr(0, piece));
    text.remove_prefix(std::min(piece, text.size()));
  }
  return reader->finish();
}

/// One JSON line for each rule, in order.
inline std::vector<std::string> lines_of(const RuleList& rules) {
  std::vector<std::string> lines;
  ListedRule rule;
  for (RuleList::Cursor cursor(rules); cursor.next(rule);) lines.push_back(json_line_of(rule, rules.form(rule.form)));
  return lines;
}

/// "reason:line,line;" of all that was rejected, in the order of reasons.
inline std::string rejections_of(const ListReport& report) {
  std::string text;
  for (std::size_t i = 0; i < kRejections; ++i) {
    const auto& tally = report.rejected[i];
    if (tally.count == 0) continue;
    text += fmt::format("{}:", to_text(static_cast<Rejection>(i)));
    for (const auto& one : tally.samples) text += fmt::format("{},", one.line);
    text.back() = ' ';
  }
  return text;
}

inline std::string normalisations_of(const ListReport& report) {
  std::string text;
  for (std::size_t i = 0; i < kNormalisations; ++i) {
    if (report.normalised[i].count > 0)
      text += fmt::format("{}:{} ", to_text(static_cast<Normalisation>(i)), report.normalised[i].count);
  }
  return text;
}

}  // namespace placard::policy
