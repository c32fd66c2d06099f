// The notice as plain text, for terminals: the same words in the same order as the page.
#include <fmt/format.h>

#include "policy/public/notice_content.hpp"

namespace placard::policy {
namespace {

/// Control characters could drive a terminal: none but the line feed gets through, of C1 (in UTF-8) neither.
std::string printable(std::string_view text) {
  std::string result;
  result.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto octet = static_cast<unsigned char>(text[i]);
    const bool c1 = octet == 0xc2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xa0;
    if (c1) ++i;
    result += c1 || (octet < ' ' && octet != '\n') || octet == 0x7f ? ' ' : text[i];
  }
  return result;
}

/// What others wrote stays under our heading, line by line, so that none of its lines looks like a heading of ours.
std::string indented(std::string_view text, std::string_view spaces) {
  std::string result;
  for (const char c : text) {
    result += c;
    if (c == '\n') result += spaces;
  }
  return result;
}

/// Further lines of a value stand deeper than any field, so that they don't look like fields either.
std::string line_of(std::string_view label, std::string_view value, const NoticeCatalogue& words) {
  return indented(fill_places(words("page.field"), {{"label", label}, {"value", value}}), "      ") + "\n";
}

std::string row_line(const NoticeRow& row, const NoticeContext& context) {
  auto value = row.kind == RowKind::match ? fill_places(row.text, {{"name", name_for_people(context.facts->rule.name)}})
                                          : row.text;
  if (!row.note.empty()) value += " " + row.note;
  return line_of(row.label, value, context.words);
}

std::string blocked_parts(const NoticeContext& context) {
  const auto& words = context.words;
  const auto& decision = context.facts->decision;
  auto text = fmt::format("\n{}\n", words("blocked.decision"));
  for (const auto& row : decision_rows(context)) text += "  " + row_line(row, context);
  const auto reasons = choose_text(decision.statement_of_reasons, words.tag()).text;
  if (is_open_to_the_public(decision) && !reasons.empty())
    text += fmt::format("\n{}\n  {}\n", words("blocked.reasons"), indented(reasons, "  "));
  const auto redress = choose_text(decision.redress, words.tag()).text;
  if (!redress.empty()) text += fmt::format("\n{}\n  {}\n", words("blocked.redress"), indented(redress, "  "));
  const auto& contact = context.facts->authority.contact;
  if (is_open_to_the_public(decision) && !contact.empty())
    text += "  " + line_of(words("blocked.contact"), contact, words);
  text += fmt::format("\n{}\n", words("blocked.record"));
  for (const auto& row : record_rows(context)) text += "  " + row_line(row, context);
  const auto events = shown_events(*context.facts);
  if (!events.empty()) text += fmt::format("\n{}\n", words("blocked.history"));
  for (const auto& event : events) {
    text += "  " + line_of(words.date(event.occurred_at) + ", " + event.actor,
                           choose_text(event.statement, words.tag()).text, words);
    if (!event.source.empty()) text += "    " + line_of(words("blocked.source"), event.source, words);
  }
  return text;
}

}  // namespace

std::string notice_text(const NoticeContext& context) {
  const auto& words = context.words;
  auto text = fmt::format("{} {}\n{}\n", words("page.notice"), context.status,
                          fill_places(title_pattern(context), {{"name", context.shown_name}}));
  if (context.subject == NoticeSubject::blocked && context.facts->decision.demonstration) {
    text += "\n" + line_of(words("page.demonstration"), words("page.demonstration_text"), words);
  }
  for (const auto& lead : lead_texts(context)) text += fmt::format("\n{}\n", lead);
  if (context.subject == NoticeSubject::blocked) text += blocked_parts(context);
  const auto by = context.by.name.empty() ? std::string(words("operator.unnamed"))
                                          : fill_places(words("operator.named"), {{"operator", context.by.name}});
  text += fmt::format("\n{}\n  {}\n", words("operator.heading"), by);
  if (context.subject == NoticeSubject::blocked) text += fmt::format("  {}\n", words("operator.role"));
  if (!context.by.contact.empty()) text += "  " + line_of(words("operator.contact"), context.by.contact, words);
  return printable(text);
}

}  // namespace placard::policy
