// What the documents say, withhold and never contain.
#include "policy/public/notice.hpp"

#include <gnutls/crypto.h>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "tests/policy/public/notice_fixture.hpp"

namespace placard::policy {
namespace {

using Catch::Matchers::Contains;
using Catch::Matchers::StartsWith;
using test::demonstration;
using test::header;
using test::render;
using test::visit;

constexpr const char* kTags[] = {"en", "ar", "de", "es", "fr", "hi", "pt", "ru", "sw", "zh"};

TEST_CASE("a blocked name gets 451 with everything a visitor is owed") {
  const auto facts = demonstration();
  const auto notice = render(visit(), &facts);
  CHECK(notice.status == 451);
  CHECK(header(notice, "Content-Type") == "text/html; charset=utf-8");
  CHECK(header(notice, "Content-Language") == "en");
  CHECK(header(notice, "Vary") == "Accept, Accept-Language");
  CHECK(header(notice, "Cache-Control") == "no-store");
  CHECK(header(notice, "Link") == "<https://operator.example/blocking>; rel=\"blocked-by\"");
  CHECK_THAT(notice.body, StartsWith("<!doctype html>\n<html lang=\"en\" dir=\"ltr\">"));
  CHECK_THAT(notice.body, Contains("<h1><bdi class=\"name\">kiwifarms.net</bdi> is blocked here</h1>"));
  CHECK_THAT(notice.body, Contains("<title>kiwifarms.net is blocked here</title>"));
  CHECK_THAT(notice.body, Contains("<strong>Demonstration</strong>"));
  CHECK_THAT(notice.body, Contains("<dt>Who decided</dt><dd><bdi>Demonstration operator</bdi> <span "
                                   "class=\"note\">(operator of this service)</span></dd>"));
  CHECK_THAT(notice.body, Contains("<dd>Emergency measure</dd>"));
  CHECK_THAT(notice.body, Contains("<dd><bdi class=\"name\">kiwifarms.net</bdi> and every name under it</dd>"));
  CHECK_THAT(notice.body, Contains("<time datetime=\"2022-09-03T00:00:00Z\">3 September 2022, 00:00 UTC</time>"));
  CHECK_THAT(notice.body, Contains("<time datetime=\"2022-10-03T10:00:00Z\">3 October 2022, 10:00 UTC</time>"));
  CHECK_THAT(notice.body, Contains("Terms of use of this demonstration, section 1"));
  CHECK_THAT(notice.body, Contains("this is how an emergency block looks"));
  CHECK_THAT(notice.body, Contains("<a href=\"https://blog.cloudflare.com/kiwifarms-blocked/\" rel=\"noreferrer\">"));
  CHECK_THAT(notice.body, Contains("Write to the operator within a month."));
  CHECK_THAT(notice.body, Contains("<a href=\"mailto:appeals@operator.example\""));
  CHECK_THAT(notice.body, Contains("<code dir=\"ltr\">demo-2026-operator-1</code>"));
  CHECK_THAT(notice.body,
             Contains("<time datetime=\"2022-08-31\">31 August 2022</time> <strong><bdi>Cloudflare</bdi></strong>"));
  CHECK_THAT(notice.body, Contains("run by <bdi>Example Access</bdi>"));
}

TEST_CASE("each language has its direction, its words and a switch to the others") {
  const auto facts = demonstration();
  const auto tag = std::string(GENERATE(from_range(std::begin(kTags), std::end(kTags))));
  CAPTURE(tag);
  const auto notice = render(visit(tag), &facts);
  CHECK(header(notice, "Content-Language") == tag);
  CHECK_THAT(notice.body, Contains("<html lang=\"" + tag + "\" dir=\"" + (tag == "ar" ? "rtl" : "ltr") + "\">"));
  CHECK_THAT(notice.body, Contains("<bdi class=\"name\">kiwifarms.net</bdi>"));
  for (const std::string other : kTags) {
    CHECK_THAT(notice.body,
               Contains("<a href=\"?lang=" + other + "\" lang=\"" + other + "\" hreflang=\"" + other + "\""));
  }
  CHECK_THAT(notice.body, Contains("hreflang=\"" + tag + "\" aria-current=\"true\">"));
  CHECK(notice.body.find("{name}") == std::string::npos);
  for (const auto subject : {404, 400}) {
    auto request = visit(tag);
    if (subject == 400) request.host = "?";
    const auto other = render(request, nullptr);
    CHECK(other.status == subject);
    CHECK_THAT(other.body, Contains("<html lang=\"" + tag + "\""));
  }
}

TEST_CASE("texts that are missing in a language come in English and are marked") {
  const auto facts = demonstration();
  const auto french = render(visit("fr"), &facts);
  CHECK_THAT(french.body, Contains("<p dir=\"auto\">Une démonstration"));
  CHECK_THAT(french.body, Contains("<p lang=\"en\" dir=\"auto\">Write to the operator within a month.</p>"));
  const auto arabic = render(visit("ar"), &facts);
  CHECK_THAT(arabic.body, Contains("<p lang=\"en\" dir=\"auto\">A demonstration"));
  CHECK_THAT(arabic.body, Contains("<p dir=\"auto\">اكتب إلى المشغّل خلال شهر.</p>"));
  CHECK_THAT(arabic.body, Contains("<bdi>مشغّل العرض التوضيحي</bdi>"));
}

TEST_CASE("only a demonstration is called one") {
  auto facts = demonstration();
  facts.decision.demonstration = false;
  CHECK(render(visit(), &facts).body.find("class=\"demonstration\"") == std::string::npos);
}

TEST_CASE("what nothing blocks gets an honest 404") {
  const auto open = render(visit(), nullptr);
  CHECK(open.status == 404);
  CHECK(header(open, "Link").empty());
  CHECK_THAT(open.body, Contains("<h1>Nothing here blocks <bdi class=\"name\">kiwifarms.net</bdi></h1>"));
  CHECK(open.body.find("<dl>") == std::string::npos);

  auto request = visit();
  request.host = "127.0.0.1:8451";
  const auto facts = demonstration();
  const auto address = render(request, &facts);  // facts are about a name
  CHECK(address.status == 404);
  CHECK_THAT(address.body, Contains("<h1>This server explains blocked names</h1>"));
  CHECK(address.body.find("127.0.0.1") == std::string::npos);
}

TEST_CASE("a decision that has ended blocks nothing and says so") {
  auto facts = demonstration();
  facts.ended_at = 1'664'791'200;
  const auto notice = render(visit(), &facts);
  CHECK(notice.status == 404);
  CHECK_THAT(notice.body, Contains("blocked until 3 October 2022, 10:00 UTC. The block has ended."));
  CHECK(notice.body.find("is blocked here") == std::string::npos);
  CHECK(notice.body.find("class=\"demonstration\"") == std::string::npos);
}

TEST_CASE("a request without a host name gets 400, another method 405") {
  auto request = visit();
  request.host = "";
  CHECK(render(request, nullptr).status == 400);
  request = visit();
  request.method = "POST";
  const auto facts = demonstration();
  const auto refused = render(request, &facts);
  CHECK(refused.status == 405);
  CHECK(header(refused, "Allow") == "GET, HEAD");
  request.method = "HEAD";
  CHECK(render(request, &facts).body == render(visit(), &facts).body);
}

TEST_CASE("nothing of the request or the record becomes markup") {
  const std::string hostile = "\"><script>alert(1)</script><img src=x onerror='a'>";
  auto request = visit(hostile + ", en");
  request.target = "/" + hostile + "?lang=" + hostile + "&format=" + hostile + "&x=" + hostile;
  request.accept = hostile;
  auto facts = demonstration();
  facts.decision.id = facts.decision.legal_basis = facts.decision.reference = facts.decision.applicant = hostile;
  facts.decision.document_sha256 = hostile;
  facts.decision.statement_of_reasons = {{"en", hostile + "\n\n{name}\x01\x1b[31m"}};
  facts.decision.redress = {{"x\" onclick=\"", hostile}};
  facts.decision.territorial_scope = {hostile};
  facts.authority.name = {{"en", hostile}};
  facts.authority.jurisdiction = hostile;
  facts.events[0].actor = facts.events[0].source = hostile;
  facts.events[0].statement = {{"en", hostile}};
  for (const auto& address : {"javascript:alert(1)", "https://x\" onclick=\"a", "data:text/html,x", "https://x y"}) {
    facts.decision.document_url = facts.authority.contact = facts.events[1].source = address;
    for (const auto& host : {std::string("kiwifarms.net"), hostile, std::string("a\"b.example")}) {
      request.host = host;
      const auto page = render_notice(request, &facts, {hostile, hostile}, test::catalogues());
      CHECK(page.body.find("<script") == std::string::npos);
      CHECK(page.body.find("<img") == std::string::npos);
      CHECK(page.body.find("\" onclick") == std::string::npos);
      CHECK(page.body.find("href=\"javascript:") == std::string::npos);
      CHECK(page.body.find("href=\"data:") == std::string::npos);
      CHECK(page.body.find('\x1b') == std::string::npos);
      if (page.status == 451) CHECK(header(page, "Link") == "<#operator>; rel=\"blocked-by\"");
      for (const auto& [key, value] : page.headers) CHECK(value.find_first_of("\r\n") == std::string::npos);
    }
  }
}

TEST_CASE("the page runs nothing and loads nothing, and its style is the one that the policy allows") {
  const auto facts = demonstration();
  const auto notice = render(visit(), &facts);
  for (const auto* absent : {"<script", "<link", "<img", "<iframe", "@import", "url(", "http-equiv", " style="}) {
    CAPTURE(absent);
    CHECK(notice.body.find(absent) == std::string::npos);
  }
  const auto begin = notice.body.find("<style>") + 7;
  const auto style = notice.body.substr(begin, notice.body.find("</style>") - begin);
  unsigned char digest[32];
  REQUIRE(gnutls_hash_fast(GNUTLS_DIG_SHA256, style.data(), style.size(), digest) == 0);
  const gnutls_datum_t raw{digest, sizeof digest};
  gnutls_datum_t encoded{};
  REQUIRE(gnutls_base64_encode2(&raw, &encoded) == 0);
  const std::string hash(reinterpret_cast<const char*>(encoded.data), encoded.size);
  gnutls_free(encoded.data);
  CHECK(header(notice, "Content-Security-Policy") ==
        "default-src 'none'; style-src 'sha256-" + hash + "'; base-uri 'none'; form-action 'none'");
  CHECK(header(notice, "X-Content-Type-Options") == "nosniff");
  CHECK(header(notice, "Referrer-Policy") == "no-referrer");
}

TEST_CASE("machines read JSON") {
  const auto facts = demonstration();
  auto request = visit("fr");
  request.accept = "application/json";
  const auto notice = render(request, &facts);
  CHECK(notice.status == 451);
  CHECK(header(notice, "Content-Type") == "application/json");
  const auto json = nlohmann::json::parse(notice.body);
  CHECK(json["status"] == 451);
  CHECK(json["name"] == "kiwifarms.net");
  CHECK(json["blocked"] == true);
  CHECK(json["language"] == "fr");
  CHECK(json["decision"]["id"] == "demo-2026-operator-1");
  CHECK(json["decision"]["type"] == "emergency");
  CHECK(json["decision"]["demonstration"] == true);
  CHECK(json["decision"]["authority"]["kind"] == "operator");
  CHECK(json["decision"]["rule"]["match"] == "both");
  CHECK(json["decision"]["rule"]["name"] == "kiwifarms.net");
  CHECK(json["decision"]["effective_from"] == "2022-09-03T00:00:00Z");
  CHECK(json["decision"]["expires_at"] == "2022-10-03T10:00:00Z");
  CHECK(json["decision"]["statement_of_reasons"]["en"] == "A demonstration: this is how an emergency block looks.");
  CHECK(json["decision"]["document"]["url"] == "https://blog.cloudflare.com/kiwifarms-blocked/");
  CHECK(json["events"].size() == 2);
  CHECK(json["events"][0]["act"] == "refused");
  CHECK(json["operator"]["contact"] == "https://operator.example/blocking");

  const auto open = nlohmann::json::parse(render(request, nullptr).body);
  CHECK(open["status"] == 404);
  CHECK(open["blocked"] == false);
  CHECK(open["decision"].is_null());

  auto broken = demonstration();
  broken.decision.legal_basis = "\xff\xfe";
  CHECK(nlohmann::json::parse(render(request, &broken).body)["decision"]["legal_basis"] == "\xef\xbf\xbd\xef\xbf\xbd");
}

TEST_CASE("terminals read plain text, which cannot drive them") {
  auto facts = demonstration();
  facts.decision.legal_basis =
      "\x1b[2Jcleared\xc2\x9b"
      "2J";
  auto request = visit();
  request.target = "/?format=text";
  const auto notice = render(request, &facts);
  CHECK(header(notice, "Content-Type") == "text/plain; charset=utf-8");
  CHECK_THAT(notice.body, StartsWith("Notice 451\nkiwifarms.net is blocked here\n\nDemonstration: No court"));
  CHECK_THAT(notice.body, Contains("\n  Who decided: Demonstration operator (operator of this service)\n"));
  CHECK_THAT(notice.body, Contains("\n  What is blocked: kiwifarms.net and every name under it\n"));
  CHECK_THAT(notice.body, Contains("\n  Ends: 3 October 2022, 10:00 UTC\n"));
  CHECK_THAT(notice.body, Contains("\n  Read the decision: https://blog.cloudflare.com/kiwifarms-blocked/\n"));
  CHECK_THAT(notice.body, Contains("\n  31 August 2022, Cloudflare: Publishes its abuse policy"));
  CHECK(notice.body.find('\x1b') == std::string::npos);
  CHECK(notice.body.find("\xc2\x9b") == std::string::npos);
}

TEST_CASE("no text of others looks like a heading or a field of the plain page") {
  auto facts = demonstration();
  facts.decision.legal_basis = "The law.\nWho runs this service\n  Contact: nobody";
  facts.decision.statement_of_reasons = {{"en", "One line.\nHow to appeal\n  You can't."}};
  facts.decision.redress = {{"en", "Write to us.\nWho runs this service"}};
  facts.authority.contact = "court@example.org\nWhat others did";
  facts.events.back().statement = {{"en", "Said so.\nThe record\n    Source: nothing"}};
  auto request = visit();
  request.target = "/?format=text";
  const auto body = render(request, &facts).body;
  CHECK_THAT(body, Contains("\n  One line.\n  How to appeal\n    You can't.\n"));
  CHECK_THAT(body, Contains("The law.\n      Who runs this service\n        Contact: nobody\n"));
  CHECK_THAT(body, Contains("Said so.\n      The record\n          Source: nothing\n"));
  CHECK_THAT(body, Contains("court@example.org\n      What others did\n"));
  for (const std::string heading : {"\nHow to appeal\n", "\nWho runs this service\n"}) {
    CHECK(body.find(heading) != std::string::npos);
    CHECK(body.find(heading) == body.rfind(heading));
  }
}

TEST_CASE("a sealed decision shows that it exists and how to appeal, and keeps its secrets in every format") {
  auto facts = demonstration();
  facts.decision.disclosure = GENERATE(Disclosure::sealed, Disclosure::delayed);
  facts.decision.applicant = "Applicant Ltd";
  for (const auto* format : {"html", "json", "text"}) {
    auto request = visit();
    request.target = std::string("/?format=") + format;
    const auto notice = render(request, &facts);
    CAPTURE(format);
    CHECK(notice.status == 451);
    CHECK_THAT(notice.body, Contains("demo-2026-operator-1"));
    CHECK_THAT(notice.body, Contains("Write to the operator within a month."));
    CHECK(notice.body.find("Demonstration operator") == std::string::npos);
    CHECK(notice.body.find("demo-operator") == std::string::npos);
    CHECK(notice.body.find("Applicant Ltd") == std::string::npos);
    CHECK(notice.body.find("Terms of use") == std::string::npos);
    CHECK(notice.body.find("emergency block looks") == std::string::npos);
    CHECK(notice.body.find("appeals@operator.example") == std::string::npos);
  }
}

TEST_CASE("a bare decision makes a page without holes") {
  NoticeFacts facts;
  facts.decision.id = "x";
  facts.decision.expires_at = kNever;
  facts.rule.match = GENERATE(MatchKind::exact, MatchKind::subdomains, MatchKind::both);
  facts.authority.id = "someone";
  const auto notice = render_notice(visit(), &facts, {}, test::catalogues());
  CHECK(notice.status == 451);
  CHECK_THAT(notice.body, Contains("<bdi>someone</bdi>"));
  CHECK_THAT(notice.body, Contains("No end has been set"));
  CHECK_THAT(notice.body, Contains("The text of the decision has not been published."));
  CHECK_THAT(notice.body, Contains("has not given a name"));
  CHECK(notice.body.find("<dd></dd>") == std::string::npos);
  CHECK(header(notice, "Link") == "<#operator>; rel=\"blocked-by\"");
  CHECK_THAT(notice.body, Contains("id=\"operator\""));
}

TEST_CASE("a long history is cut to its last events") {
  auto facts = demonstration();
  facts.events.assign(kMaxNoticeEvents + 10, facts.events[0]);
  facts.events[9].actor = "Tenth";
  facts.events[10].actor = "Eleventh";
  const auto page = render(visit(), &facts).body;
  CHECK(page.find("Tenth") == std::string::npos);
  CHECK_THAT(page, Contains("Eleventh"));
}

TEST_CASE("internationalised names are shown as asked and as read") {
  auto request = visit();
  request.host = "xn--bcher-kva.example";
  CHECK_THAT(render(request, nullptr).body, Contains("xn--bcher-kva.example (bücher.example)"));
  request.host = "xn--0.example";  // not a valid A-label
  CHECK_THAT(render(request, nullptr).body, Contains("<bdi class=\"name\">xn--0.example</bdi>"));
}

}  // namespace
}  // namespace placard::policy
