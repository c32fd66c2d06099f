// Whatever a stranger sends as Host, target and header fields, the notice answers, and none of it becomes markup.
//
// Input: host, target, Accept and Accept-Language, one a line.
#include <cassert>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "policy/public/notice.hpp"

std::span<const placard::EmbeddedFile> embedded_notice();

namespace {

using namespace placard::policy;

NoticeFacts facts_about(std::string_view text) {
  NoticeFacts facts;
  facts.decision.id = "fuzz";
  facts.decision.legal_basis = text;
  facts.decision.document_url = text;
  facts.decision.statement_of_reasons = {{"en", std::string(text)}};
  facts.authority.name = {{"en", std::string(text)}};
  facts.events = {Event{"e", {}, 0, std::string(text), "blocked", {{"en", std::string(text)}}, std::string(text)}};
  return facts;
}

void check(const NoticeDocument& document) {
  assert(document.status == 451 || document.status == 404 || document.status == 400);
  for (const auto& [name, value] : document.headers) assert(value.find_first_of("\r\n") == std::string::npos);
  if (document.headers[0].second != "text/html; charset=utf-8") return;
  const auto style = document.body.find("</style>");
  assert(style != std::string::npos);
  const auto page = std::string_view(document.body).substr(style);
  for (const std::string_view markup : {"<script", "<img", "<iframe", "<svg", "<object", "<style", "=\"javascript:"}) {
    assert(page.find(markup) == std::string_view::npos);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const auto catalogues = NoticeCatalogues::load(embedded_notice());
  if (!catalogues) std::abort();
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  const auto line = [&] {
    const auto end = rest.find('\n');
    const auto part = rest.substr(0, end);
    rest = end == std::string_view::npos ? std::string_view{} : rest.substr(end + 1);
    return std::string(part);
  };
  NoticeRequest request;
  request.host = line();
  request.target = line();
  request.accept = line();
  request.accept_language = line();
  const auto facts = facts_about({reinterpret_cast<const char*>(data), size});
  const NoticeOperator by{request.host, request.target};
  check(render_notice(request, &facts, by, *catalogues));
  check(render_notice(request, nullptr, by, *catalogues));
  return 0;
}
