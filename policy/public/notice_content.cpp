#include "policy/public/notice_content.hpp"

#include <fmt/format.h>
#include <idn2.h>

#include <memory>

namespace placard::policy {
namespace {

std::string_view type_words(DecisionType type, const NoticeCatalogue& words) {
  switch (type) {
    case DecisionType::court_order:
      return words("type.court_order");
    case DecisionType::administrative_order:
      return words("type.administrative_order");
    case DecisionType::agreement:
      return words("type.agreement");
    case DecisionType::voluntary:
      return words("type.voluntary");
    case DecisionType::emergency:
      return words("type.emergency");
  }
  return words("type.voluntary");
}

std::string_view authority_words(AuthorityKind kind, const NoticeCatalogue& words) {
  switch (kind) {
    case AuthorityKind::court:
      return words("authority.court");
    case AuthorityKind::regulator:
      return words("authority.regulator");
    case AuthorityKind::provider:
      return words("authority.provider");
    case AuthorityKind::operator_:
      return words("authority.operator");
  }
  return words("authority.operator");
}

std::string_view match_words(MatchKind match, const NoticeCatalogue& words) {
  switch (match) {
    case MatchKind::exact:
      return words("match.exact");
    case MatchKind::subdomains:
      return words("match.subdomains");
    case MatchKind::both:
      return words("match.both");
  }
  return words("match.both");
}

/// Collects rows; what is empty makes none.
class Rows {
 public:
  explicit Rows(const NoticeCatalogue& words) : words_(words) {}

  void words(NoticeText label, std::string_view text) {
    add({words_(label), RowKind::words, std::string(text), {}, {}, {}});
  }
  void foreign(NoticeText label, const std::string& text) { add({words_(label), RowKind::foreign, text, {}, {}, {}}); }
  void code(NoticeText label, const std::string& text) { add({words_(label), RowKind::code, text, {}, {}, {}}); }
  void link(NoticeText label, const std::string& address) {
    add({words_(label), is_public_link(address) ? RowKind::link : RowKind::foreign, address, {}, {}, {}});
  }
  void moment(NoticeText label, Time time) { add({words_(label), RowKind::moment, words_.moment(time), {}, {}, time}); }
  void add(NoticeRow row) {
    if (!row.text.empty()) rows_.push_back(std::move(row));
  }
  std::vector<NoticeRow> take() { return std::move(rows_); }

 private:
  const NoticeCatalogue& words_;
  std::vector<NoticeRow> rows_;
};

void add_authority(Rows& rows, const Authority& authority, const NoticeCatalogue& words) {
  auto name = choose_text(authority.name, words.tag());
  if (name.text.empty()) name.text = authority.id;
  auto kind = std::string(authority_words(authority.kind, words));
  if (!authority.jurisdiction.empty()) kind += ", " + authority.jurisdiction;
  rows.add({words("blocked.decided_by"), RowKind::foreign, name.text, name.language, fmt::format("({})", kind), {}});
}

}  // namespace

ForeignText choose_text(const LocalizedText& texts, std::string_view language) {
  for (const auto& wanted : {language, std::string_view("en")}) {
    if (const auto exact = texts.find(std::string(wanted)); exact != texts.end()) return {exact->second, exact->first};
    for (const auto& [tag, text] : texts) {  // "pt-BR" serves "pt"
      if (tag.size() > wanted.size() && tag.starts_with(wanted) && tag[wanted.size()] == '-') return {text, tag};
    }
  }
  return texts.empty() ? ForeignText{} : ForeignText{texts.begin()->second, texts.begin()->first};
}

std::vector<NoticeRow> decision_rows(const NoticeContext& context) {
  const auto& words = context.words;
  const auto& decision = context.facts->decision;
  const bool open = is_open_to_the_public(decision);
  Rows rows(words);
  if (open) add_authority(rows, context.facts->authority, words);
  rows.words("blocked.type", type_words(decision.type, words));
  rows.add(
      {words("blocked.rule"), RowKind::match, std::string(match_words(context.facts->rule.match, words)), {}, {}, {}});
  rows.moment("blocked.since", decision.effective_from);
  if (decision.expires_at == kNever) {
    rows.words("blocked.until", words("blocked.no_end"));
  } else {
    rows.moment("blocked.until", decision.expires_at);
  }
  if (!open) return rows.take();
  rows.foreign("blocked.legal_basis", decision.legal_basis);
  rows.foreign("blocked.applicant", decision.applicant);
  if (decision.document_url.empty()) {
    rows.words("blocked.document", words("blocked.no_document"));
  } else {
    rows.link("blocked.document", decision.document_url);
  }
  return rows.take();
}

std::vector<NoticeRow> record_rows(const NoticeContext& context) {
  const auto& words = context.words;
  const auto& decision = context.facts->decision;
  Rows rows(words);
  rows.code("blocked.number", decision.id);
  if (context.facts->recorded_at != 0) rows.moment("blocked.recorded", context.facts->recorded_at);
  if (!is_open_to_the_public(decision)) return rows.take();
  rows.foreign("blocked.reference", decision.reference);
  if (decision.territorial_scope.empty()) {
    rows.words("blocked.scope", words("blocked.everywhere"));
  } else {
    rows.foreign("blocked.scope", fmt::format("{}", fmt::join(decision.territorial_scope, ", ")));
  }
  rows.code("blocked.fingerprint", decision.document_sha256);
  return rows.take();
}

std::string_view title_pattern(const NoticeContext& context) {
  switch (context.subject) {
    case NoticeSubject::blocked:
      return context.words("blocked.title");
    case NoticeSubject::ended:
    case NoticeSubject::open:
      return context.words("open.title");
    case NoticeSubject::address:
      return context.words("open.address_title");
    case NoticeSubject::invalid:
      return context.words("invalid.title");
    case NoticeSubject::method:
      return context.words("method.title");
  }
  return context.words("invalid.title");
}

std::vector<std::string> lead_texts(const NoticeContext& context) {
  const auto& words = context.words;
  const auto one = [&](NoticeText text) { return std::vector{std::string(words(text))}; };
  switch (context.subject) {
    case NoticeSubject::blocked:
      if (is_open_to_the_public(context.facts->decision)) return one("blocked.lead");
      return {std::string(words("blocked.lead")), std::string(words("blocked.sealed"))};
    case NoticeSubject::ended:
      return {fill_places(words("open.ended"), {{"moment", words.moment(*context.facts->ended_at)}}),
              std::string(words("open.text"))};
    case NoticeSubject::open:
      return one("open.text");
    case NoticeSubject::address:
      return one("open.address_text");
    case NoticeSubject::invalid:
      return one("invalid.text");
    case NoticeSubject::method:
      return one("method.text");
  }
  return {};
}

std::string plain_name(wire::NameView name) {
  auto text = name.to_text();
  if (text.size() > 1 && text.ends_with('.')) text.pop_back();
  return text;
}

std::string name_for_people(wire::NameView name) {
  auto text = plain_name(name);
  if (text.find("xn--") == std::string::npos) return text;
  char* unicode = nullptr;
  if (idn2_to_unicode_8z8z(text.c_str(), &unicode, 0) != IDN2_OK) return text;
  const std::unique_ptr<char, decltype(&idn2_free)> owned(unicode, &idn2_free);
  if (text == unicode) return text;
  return fmt::format("{} ({})", text, unicode);
}

std::span<const Event> shown_events(const NoticeFacts& facts) {
  const std::span<const Event> all(facts.events);
  return all.last(std::min(all.size(), kMaxNoticeEvents));
}

}  // namespace placard::policy
