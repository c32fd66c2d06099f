// The notice as HTML: one self-contained page, nothing loaded from anywhere.
//
// Everything passes escape() on its way in, the catalogue's words too. Text from outside the catalogue (names, an
// authority's words) stands in <bdi> with its own language, so that it cannot turn the lines around it.
#include <fmt/format.h>

#include "policy/public/notice_content.hpp"

namespace placard::policy {
namespace {

std::string escape(std::string_view text) {
  std::string result;
  result.reserve(text.size() + text.size() / 8);
  for (const char c : text) {
    switch (c) {
      case '&':
        result += "&amp;";
        break;
      case '<':
        result += "&lt;";
        break;
      case '>':
        result += "&gt;";
        break;
      case '"':
        result += "&quot;";
        break;
      case '\'':
        result += "&#39;";
        break;
      default:
        result += (c >= 0 && c < ' ' && c != '\n') || c == '\x7f' ? ' ' : c;
    }
  }
  return result;
}

/// The lang attribute of a text that is not in the page's language; empty when it is.
std::string language_attribute(std::string_view language, const NoticeCatalogue& words) {
  if (language.empty() || language == words.tag()) return {};
  return fmt::format(" lang=\"{}\"", escape(language));
}

std::string isolate(std::string_view text, std::string_view language, const NoticeCatalogue& words) {
  return fmt::format("<bdi{}>{}</bdi>", language_attribute(language, words), escape(text));
}

std::string link(std::string_view address, std::string_view text) {
  return fmt::format("<a href=\"{}\" rel=\"noreferrer\"><bdi>{}</bdi></a>", escape(address), escape(text));
}

/// With its address as its text, so that it can be read, printed and copied.
std::string link(std::string_view address) {
  constexpr std::string_view kMail = "mailto:";
  return link(address, address.starts_with(kMail) ? address.substr(kMail.size()) : address);
}

/// A pattern of the catalogue with its {name} in place.
std::string with_name(std::string_view pattern, std::string_view name) {
  const auto html = fmt::format("<bdi class=\"name\">{}</bdi>", escape(name));
  return fill_places(escape(pattern), {{"name", html}});
}

std::string paragraphs(const ForeignText& text, const NoticeCatalogue& words) {
  std::string result;
  std::string_view rest = text.text;
  while (!rest.empty()) {
    const auto end = rest.find('\n');
    const auto line = rest.substr(0, end);
    rest = end == std::string_view::npos ? std::string_view{} : rest.substr(end + 1);
    if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    result += fmt::format("<p{} dir=\"auto\">{}</p>\n", language_attribute(text.language, words), escape(line));
  }
  return result;
}

std::string section(std::string_view id, std::string_view heading, std::string_view body) {
  return fmt::format("<section aria-labelledby=\"{0}\">\n<h2 id=\"{0}\">{1}</h2>\n{2}</section>\n", id, escape(heading),
                     body);
}

std::string time_element(std::string_view text, std::string_view machine) {
  return fmt::format("<time datetime=\"{}\">{}</time>", escape(machine), escape(text));
}

std::string row_value(const NoticeRow& row, const NoticeContext& context) {
  switch (row.kind) {
    case RowKind::words:
      return escape(row.text);
    case RowKind::foreign:
      return isolate(row.text, row.language, context.words);
    case RowKind::code:
      return fmt::format("<code dir=\"ltr\">{}</code>", escape(row.text));
    case RowKind::link:
      return link(row.text);
    case RowKind::moment:
      return time_element(row.text, to_text(*row.time));
    case RowKind::match:
      return with_name(row.text, name_for_people(context.facts->rule.name));
  }
  return {};
}

std::string rows_list(const std::vector<NoticeRow>& rows, const NoticeContext& context) {
  std::string body = "<dl>\n";
  for (const auto& row : rows) {
    auto value = row_value(row, context);
    if (!row.note.empty()) value += fmt::format(" <span class=\"note\">{}</span>", escape(row.note));
    body += fmt::format("<div><dt>{}</dt><dd>{}</dd></div>\n", escape(row.label), value);
  }
  return body + "</dl>\n";
}

/// "Label: value", the value being HTML already.
std::string field(std::string_view label, std::string_view value, const NoticeCatalogue& words) {
  const auto escaped = escape(label);
  return fill_places(escape(words("page.field")), {{"label", escaped}, {"value", value}});
}

std::string events_list(std::span<const Event> events, const NoticeCatalogue& words) {
  std::string body = "<ol class=\"events\">\n";
  for (const auto& event : events) {
    const auto when = time_element(words.date(event.occurred_at), to_text(event.occurred_at).substr(0, 10));
    body += fmt::format("<li>\n<p class=\"when\">{} <strong>{}</strong></p>\n", when, isolate(event.actor, {}, words));
    body += paragraphs(choose_text(event.statement, words.tag()), words);
    if (!event.source.empty()) {
      const auto source = is_public_link(event.source) ? link(event.source) : isolate(event.source, {}, words);
      body += fmt::format("<p class=\"source\">{}</p>\n", field(words("blocked.source"), source, words));
    }
    body += "</li>\n";
  }
  return body + "</ol>\n";
}

std::string redress_section(const NoticeContext& context) {
  const auto& words = context.words;
  const auto& decision = context.facts->decision;
  auto body = paragraphs(choose_text(decision.redress, words.tag()), words);
  const auto& contact = context.facts->authority.contact;
  if (is_open_to_the_public(decision) && is_public_link(contact)) {
    body += fmt::format("<p>{}</p>\n", field(words("blocked.contact"), link(contact), words));
  }
  return body.empty() ? body : section("redress", words("blocked.redress"), body);
}

std::string blocked_sections(const NoticeContext& context) {
  const auto& words = context.words;
  const auto& decision = context.facts->decision;
  auto body = section("decision", words("blocked.decision"), rows_list(decision_rows(context), context));
  const auto reasons = choose_text(decision.statement_of_reasons, words.tag());
  if (is_open_to_the_public(decision) && !reasons.text.empty()) {
    body += section("reasons", words("blocked.reasons"),
                    fmt::format("<blockquote>\n{}</blockquote>\n", paragraphs(reasons, words)));
  }
  body += redress_section(context);
  body += section("record", words("blocked.record"), rows_list(record_rows(context), context));
  const auto events = shown_events(*context.facts);
  if (!events.empty()) body += section("history", words("blocked.history"), events_list(events, words));
  return body;
}

std::string operator_section(const NoticeContext& context) {
  const auto& words = context.words;
  auto text = context.by.name.empty()
                  ? escape(words("operator.unnamed"))
                  : fill_places(escape(words("operator.named")),
                                {{"operator", fmt::format("<bdi>{}</bdi>", escape(context.by.name))}});
  if (context.subject == NoticeSubject::blocked) text += " " + escape(words("operator.role"));
  auto body = fmt::format("<p>{}</p>\n", text);
  if (is_public_link(context.by.contact)) {
    body += fmt::format("<p>{}</p>\n", link(context.by.contact, words("operator.contact")));
  }
  return section("operator", words("operator.heading"), body);
}

/// Plain links with nothing of the request in them: "?lang=xx" keeps the path the visitor came by.
std::string language_switch(const NoticeContext& context) {
  auto body = fmt::format("<nav aria-label=\"{}\">\n<ul>\n", escape(context.words("page.languages")));
  for (std::size_t i = 0; i < context.catalogues.size(); ++i) {
    const auto& other = context.catalogues[i];
    body += fmt::format("<li><a href=\"?lang={0}\" lang=\"{0}\" hreflang=\"{0}\"{1}>{2}</a></li>\n", other.tag(),
                        other.tag() == context.words.tag() ? " aria-current=\"true\"" : "", escape(other("language")));
  }
  return body + "</ul>\n</nav>\n";
}

std::string footer(const NoticeContext& context) {
  const auto& words = context.words;
  return fmt::format(
      "<footer>\n<p>{0}</p>\n<p>{1} <a href=\"?lang={2}&amp;format=json\" type=\"application/json\">JSON</a> · "
      "<a href=\"?lang={2}&amp;format=text\" type=\"text/plain\">{3}</a></p>\n</footer>\n",
      escape(words("page.privacy")), escape(words("page.formats")), words.tag(), escape(words("page.plain_text")));
}

}  // namespace

std::string notice_html(const NoticeContext& context) {
  const auto& words = context.words;
  const bool demonstration = context.subject == NoticeSubject::blocked && context.facts->decision.demonstration;
  auto page = fmt::format(
      "<!doctype html>\n<html lang=\"{}\" dir=\"{}\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<meta name=\"robots\" "
      "content=\"noindex\">\n"
      "<title>{}</title>\n<style>{}</style>\n</head>\n<body>\n<div class=\"notice\">\n",
      words.tag(), words("direction"),
      fill_places(escape(title_pattern(context)), {{"name", escape(context.shown_name)}}), context.catalogues.style());
  page +=
      fmt::format("<header>\n<p class=\"masthead\"><span>{}</span> <span class=\"status\">{}</span></p>\n{}</header>\n",
                  escape(words("page.notice")), context.status, language_switch(context));
  page += fmt::format("<main>\n<h1>{}</h1>\n", with_name(title_pattern(context), context.shown_name));
  if (demonstration) {
    page += fmt::format("<p class=\"demonstration\" role=\"note\"><strong>{}</strong> {}</p>\n",
                        escape(words("page.demonstration")), escape(words("page.demonstration_text")));
  }
  for (const auto& text : lead_texts(context)) page += fmt::format("<p class=\"lead\">{}</p>\n", escape(text));
  if (context.subject == NoticeSubject::blocked) page += blocked_sections(context);
  page += operator_section(context);
  page += "</main>\n" + footer(context) + "</div>\n</body>\n</html>\n";
  return page;
}

}  // namespace placard::policy
