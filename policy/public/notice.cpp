#include "policy/public/notice.hpp"

#include <fmt/format.h>

#include "policy/public/notice_content.hpp"

namespace placard::policy {
namespace {

struct Outcome {
  NoticeSubject subject;
  int status;
};

Outcome judge(const NoticeRequest& request, const NoticeHost& host, const NoticeFacts* facts) {
  if (request.method != "GET" && request.method != "HEAD") return {NoticeSubject::method, 405};
  if (host.kind == NoticeHostKind::invalid) return {NoticeSubject::invalid, 400};
  if (host.kind == NoticeHostKind::address) return {NoticeSubject::address, 404};
  if (facts == nullptr) return {NoticeSubject::open, 404};
  if (facts->ended_at) return {NoticeSubject::ended, 404};
  return {NoticeSubject::blocked, 451};
}

std::string_view content_type(NoticeFormat format) {
  switch (format) {
    case NoticeFormat::html:
      return "text/html; charset=utf-8";
    case NoticeFormat::json:
      return "application/json";
    case NoticeFormat::text:
      return "text/plain; charset=utf-8";
  }
  return "text/plain; charset=utf-8";
}

std::string write(NoticeFormat format, const NoticeContext& context) {
  switch (format) {
    case NoticeFormat::html:
      return notice_html(context);
    case NoticeFormat::json:
      return notice_json(context);
    case NoticeFormat::text:
      return notice_text(context);
  }
  return {};
}

std::vector<std::pair<std::string, std::string>> headers_of(NoticeFormat format, const NoticeContext& context) {
  std::vector<std::pair<std::string, std::string>> headers{
      {"Content-Type", std::string(content_type(format))},
      {"Content-Language", context.words.tag()},
      {"Vary", "Accept, Accept-Language"},
      {"Cache-Control", "no-store"},  // a lifted block must not live on in a cache
      // Framing stays allowed: in a page that embeds a blocked name, the notice tells more than a blank frame.
      {"Content-Security-Policy", fmt::format("default-src 'none'; style-src '{}'; base-uri 'none'; form-action 'none'",
                                              context.catalogues.style_hash())},
      {"X-Content-Type-Options", "nosniff"},
      {"Referrer-Policy", "no-referrer"},
  };
  // RFC 7725 4: the link names who implements the block, not who ordered it. An operator who gives no contact is at
  // least named on the page itself.
  if (context.status == 451) {
    const auto& contact = context.by.contact;
    headers.emplace_back("Link",
                         fmt::format("<{}>; rel=\"blocked-by\"", is_public_link(contact) ? contact : "#operator"));
  }
  if (context.status == 405) headers.emplace_back("Allow", "GET, HEAD");
  return headers;
}

}  // namespace

bool is_public_link(std::string_view contact) {
  constexpr std::size_t kMaxLink = 2000;
  const bool known_scheme =
      contact.starts_with("https://") || contact.starts_with("http://") || contact.starts_with("mailto:");
  if (!known_scheme || contact.size() > kMaxLink) return false;
  return std::ranges::all_of(contact, [](char c) {
    return c > ' ' && c <= '~' && c != '<' && c != '>' && c != '"' && c != '\'' && c != '\\' && c != '`';
  });
}

NoticeDocument render_notice(const NoticeRequest& request, const NoticeFacts* facts, const NoticeOperator& by,
                             const NoticeCatalogues& catalogues) {
  const auto host = parse_notice_host(request.host);
  const auto [subject, status] = judge(request, host, facts);
  const bool names_something = host.kind == NoticeHostKind::name;
  const auto& words = catalogues[negotiate_language(request.target, request.accept_language, catalogues.tags())];
  const NoticeContext context{
      .subject = subject,
      .status = status,
      .name = names_something ? plain_name(host.name) : std::string(),
      .shown_name = names_something ? name_for_people(host.name) : std::string(),
      .facts = subject == NoticeSubject::blocked || subject == NoticeSubject::ended ? facts : nullptr,
      .by = by,
      .words = words,
      .catalogues = catalogues};
  const auto format = negotiate_format(request.target, request.accept);
  return {status, headers_of(format, context), write(format, context)};
}

}  // namespace placard::policy
