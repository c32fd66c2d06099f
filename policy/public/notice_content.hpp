// Between the facts and the documents: what a notice says, in order, before it is HTML, plain text or JSON.
//
// Shared by the three writers (notice_html, notice_text, notice_json), so that they say the same and withhold the
// same. Not part of the interface; see notice.hpp.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "policy/public/notice.hpp"

namespace placard::policy {

enum class NoticeSubject { blocked, ended, open, address, invalid, method };

/// All that a writer needs. Borrows everything.
struct NoticeContext {
  NoticeSubject subject = NoticeSubject::invalid;
  int status = 400;
  std::string name;                    ///< the host as read, without trailing dot; empty when it is not a name
  std::string shown_name;              ///< the same, with its Unicode form behind it where it has one
  const NoticeFacts* facts = nullptr;  ///< set for blocked and ended
  const NoticeOperator& by;
  const NoticeCatalogue& words;
  const NoticeCatalogues& catalogues;
};

/// A text from outside the catalogue with the language it is in.
struct ForeignText {
  std::string text, language;
};
/// In the language of the page, else in English, else in any; empty when there is none.
ForeignText choose_text(const LocalizedText& texts, std::string_view language);

enum class RowKind { words, foreign, code, link, moment, match };

struct NoticeRow {
  std::string_view label;  ///< of the catalogue
  RowKind kind = RowKind::words;
  std::string text;      ///< for match: a pattern with {name}; for link: the address as well
  std::string language;  ///< of a foreign text, when it is known
  std::string note;      ///< in the page's language, stands behind the text
  std::optional<Time> time;
};

/// What a visitor asks first: who decided, what, since when, until when, on what ground. A sealed decision gives
/// little.
std::vector<NoticeRow> decision_rows(const NoticeContext& context);
/// What is needed to find and check the decision: its numbers, where it applies, its document's digest.
std::vector<NoticeRow> record_rows(const NoticeContext& context);

/// True when the public may read who decided and why.
inline bool is_open_to_the_public(const Decision& decision) {
  return decision.disclosure == Disclosure::public_;
}

std::string_view title_pattern(const NoticeContext& context);  ///< has {name} for blocked, ended and open
std::vector<std::string> lead_texts(const NoticeContext& context);

/// "kiwifarms.net": no trailing dot.
std::string plain_name(wire::NameView name);
/// With the Unicode form of internationalised labels behind it: "xn--bcher-kva.example (bücher.example)".
std::string name_for_people(wire::NameView name);

/// The last kMaxNoticeEvents of the facts.
std::span<const Event> shown_events(const NoticeFacts& facts);

std::string notice_html(const NoticeContext& context);
std::string notice_text(const NoticeContext& context);
std::string notice_json(const NoticeContext& context);

}  // namespace placard::policy
