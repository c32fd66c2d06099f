// How a problem reads: file, line, column, field, reason, as compilers print them.
#include "policy/record/authored.hpp"

#include <fmt/format.h>

namespace placard::policy {

Position position_of(const FieldPositions& fields, std::string_view field, Position otherwise) {
  auto at = fields.find(field);
  if (at == fields.end()) at = fields.find(field.substr(0, field.find('.')));
  if (at == fields.end() && field == "expires_at") at = fields.find("expires_after");
  return at == fields.end() ? otherwise : at->second;
}

std::string to_text(const Problem& problem) {
  std::string text = problem.file;
  if (problem.position.line > 0) {
    if (text.empty())
      text = "line ";
    else
      text += ':';
    text += fmt::format("{}:{}", problem.position.line, problem.position.column);
  }
  if (!text.empty()) text += ": ";
  if (!problem.field.empty()) text += problem.field + ": ";
  return text + problem.message;
}

std::string to_text(const IntakeError& error) {
  std::string text;
  for (const auto& problem : error.problems) {
    if (!text.empty()) text += '\n';
    text += to_text(problem);
  }
  return text;
}

}  // namespace placard::policy
