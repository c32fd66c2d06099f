// The notice's words: one catalogue a language, read once at the start from files that the program carries in itself.
//
// kNoticeTexts below lists every text. A catalogue has each of them, no other and no empty one, with the same
// {places} as English has: anything else is an error at the start, so that no page ever shows a hole. A text is asked
// for by NoticeText, whose spelling the compiler checks. Immutable after load; shared by all who render.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <expected>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "policy/record/time.hpp"
#include "zones/wire/embedded.hpp"

namespace placard::policy {

inline constexpr std::string_view kNoticeTexts[] = {
    // the language itself: its own name, and "ltr" or "rtl"
    "language",
    "direction",
    // dates
    "date.day",
    "date.first",
    "date.moment",
    "date.months.0",
    "date.months.1",
    "date.months.2",
    "date.months.3",
    "date.months.4",
    "date.months.5",
    "date.months.6",
    "date.months.7",
    "date.months.8",
    "date.months.9",
    "date.months.10",
    "date.months.11",
    // the frame of every page
    "page.notice",
    "page.languages",
    "page.demonstration",
    "page.demonstration_text",
    "page.privacy",
    "page.formats",
    "page.plain_text",
    "page.field",
    // 451
    "blocked.title",
    "blocked.lead",
    "blocked.decision",
    "blocked.decided_by",
    "blocked.type",
    "blocked.rule",
    "blocked.legal_basis",
    "blocked.since",
    "blocked.until",
    "blocked.no_end",
    "blocked.recorded",
    "blocked.scope",
    "blocked.everywhere",
    "blocked.applicant",
    "blocked.reference",
    "blocked.number",
    "blocked.document",
    "blocked.fingerprint",
    "blocked.no_document",
    "blocked.reasons",
    "blocked.redress",
    "blocked.contact",
    "blocked.record",
    "blocked.history",
    "blocked.source",
    "blocked.sealed",
    // who runs the resolver
    "operator.heading",
    "operator.named",
    "operator.unnamed",
    "operator.role",
    "operator.contact",
    // kinds of decisions, authorities and matches
    "type.court_order",
    "type.administrative_order",
    "type.agreement",
    "type.voluntary",
    "type.emergency",
    "authority.court",
    "authority.regulator",
    "authority.provider",
    "authority.operator",
    "match.exact",
    "match.subdomains",
    "match.both",
    // 404 and 400 and 405
    "open.title",
    "open.text",
    "open.ended",
    "open.address_title",
    "open.address_text",
    "invalid.title",
    "invalid.text",
    "method.title",
    "method.text",
};
inline constexpr std::size_t kNoticeTextCount = std::size(kNoticeTexts);

/// One of kNoticeTexts by its key; an unknown key does not compile.
class NoticeText {
 public:
  // NOLINTNEXTLINE(google-explicit-constructor): stands for its key
  consteval NoticeText(const char* key) : position_(find(key)) {}
  constexpr std::size_t position() const { return position_; }

 private:
  static consteval std::size_t find(std::string_view key) {
    const auto at = std::ranges::find(kNoticeTexts, key);
    if (at == std::end(kNoticeTexts)) throw "no such text";
    return static_cast<std::size_t>(at - std::begin(kNoticeTexts));
  }
  std::size_t position_;
};

class NoticeCatalogue {
 public:
  const std::string& tag() const { return tag_; }  ///< BCP 47: "en", "pt"
  std::string_view operator()(NoticeText text) const { return texts_[text.position()]; }
  bool right_to_left() const { return (*this)("direction") == "rtl"; }
  std::string date(Time time) const;    ///< "3 September 2022", in UTC
  std::string moment(Time time) const;  ///< the same with hours, minutes and "UTC"

 private:
  friend class NoticeCatalogues;
  std::string tag_;
  std::array<std::string, kNoticeTextCount> texts_;
};

class NoticeCatalogues {
 public:
  /// From "xx.toml" files and "notice.css". The error names the file and the key.
  static std::expected<NoticeCatalogues, std::string> load(std::span<const EmbeddedFile> files);

  std::span<const std::string> tags() const { return tags_; }  ///< English first, then in the order of their tags
  const NoticeCatalogue& operator[](std::size_t position) const { return catalogues_[position]; }
  std::size_t size() const { return catalogues_.size(); }
  std::string_view style() const { return style_; }            ///< the style sheet, as it stands in each page
  std::string_view style_hash() const { return style_hash_; }  ///< "sha256-...", for Content-Security-Policy

 private:
  std::vector<NoticeCatalogue> catalogues_;
  std::vector<std::string> tags_;
  std::string style_, style_hash_;
};

/// `pattern` with each "{place}" replaced by its value; places without a value stay as they are.
struct NoticePlace {
  std::string_view place, value;
};
std::string fill_places(std::string_view pattern, std::initializer_list<NoticePlace> places);

}  // namespace placard::policy
