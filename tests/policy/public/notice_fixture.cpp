#include "tests/policy/public/notice_fixture.hpp"

#include <stdexcept>

namespace placard::policy::test {

const NoticeCatalogues& catalogues() {
  static const auto loaded = NoticeCatalogues::load(embedded_notice());
  if (!loaded) throw std::runtime_error(loaded.error());
  return *loaded;
}

NoticeFacts demonstration() {
  const auto name = wire::Name::from_text("kiwifarms.net").value();
  Rule rule;
  rule.id = 7;
  rule.name = name;
  Decision decision;
  decision.id = "demo-2026-operator-1";
  decision.type = DecisionType::emergency;
  decision.authority = "demo-operator";
  decision.reference = "DEMO/1";
  decision.legal_basis = "Terms of use of this demonstration, section 1";
  decision.statement_of_reasons = {{"en", "A demonstration: this is how an emergency block looks."},
                                   {"fr", "Une démonstration : voici à quoi ressemble un blocage d’urgence."}};
  decision.document_url = "https://blog.cloudflare.com/kiwifarms-blocked/";
  decision.document_sha256 = std::string(64, 'a');
  decision.redress = {{"en", "Write to the operator within a month."}, {"ar", "اكتب إلى المشغّل خلال شهر."}};
  decision.effective_from = 1'662'163'200;  // 2022-09-03
  decision.expires_at = 1'664'791'200;      // 2022-10-03 10:00
  decision.demonstration = true;
  decision.rules = {rule};
  Authority authority;
  authority.id = "demo-operator";
  authority.name = {{"en", "Demonstration operator"}, {"ar", "مشغّل العرض التوضيحي"}};
  authority.contact = "mailto:appeals@operator.example";
  authority.external = false;
  Event refused{"cloudflare-2022-08-31",
                name,
                1'661'904'000,
                "Cloudflare",
                "refused",
                {{"en", "Publishes its abuse policy and refuses to end the service."}},
                "company blog"};
  Event blocked{"cloudflare-2022-09-03",
                name,
                1'662'163'200,
                "Cloudflare",
                "blocked",
                {{"en", "Blocks the forum."}},
                "https://blog.cloudflare.com/kiwifarms-blocked/"};
  return {decision, authority, rule, 1'662'163'260, {refused, blocked}, std::nullopt};
}

NoticeOperator test_operator() {
  return {"Example Access", "https://operator.example/blocking"};
}

NoticeRequest visit(std::string_view accept_language) {
  return {.method = "GET",
          .host = "kiwifarms.net",
          .target = "/threads/1?page=2",
          .accept = "text/html,*/*;q=0.8",
          .accept_language = std::string(accept_language)};
}

NoticeDocument render(const NoticeRequest& request, const NoticeFacts* facts) {
  return render_notice(request, facts, test_operator(), catalogues());
}

std::string header(const NoticeDocument& document, std::string_view name) {
  for (const auto& [key, value] : document.headers) {
    if (key == name) return value;
  }
  return {};
}

}  // namespace placard::policy::test
