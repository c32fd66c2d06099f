// Reading what strangers send: hosts, languages and formats.
#include "policy/public/notice_request.hpp"

#include <catch2/catch.hpp>

#include <vector>

namespace placard::policy {
namespace {

TEST_CASE("a host is a name, an address or nothing") {
  struct Case {
    std::string host;
    NoticeHostKind kind;
    std::string name;
  };
  const auto c = GENERATE(values<Case>({
      {"kiwifarms.net", NoticeHostKind::name, "kiwifarms.net."},
      {"KiwiFarms.NET", NoticeHostKind::name, "kiwifarms.net."},
      {"kiwifarms.net.", NoticeHostKind::name, "kiwifarms.net."},
      {"kiwifarms.net:8451", NoticeHostKind::name, "kiwifarms.net."},
      {"kiwifarms.net:", NoticeHostKind::name, "kiwifarms.net."},
      {"_x.xn--bcher-kva.example", NoticeHostKind::name, "_x.xn--bcher-kva.example."},
      {"localhost", NoticeHostKind::name, "localhost."},
      {"127.0.0.1:8451", NoticeHostKind::address, "."},
      {"[::1]:8451", NoticeHostKind::address, "."},
      {"[2001:db8::1]", NoticeHostKind::address, "."},
      {"1.2.3.999", NoticeHostKind::address, "."},
      {"", NoticeHostKind::invalid, "."},
      {".", NoticeHostKind::invalid, "."},
      {":80", NoticeHostKind::invalid, "."},
      {"a..b", NoticeHostKind::invalid, "."},
      {"a b.example", NoticeHostKind::invalid, "."},
      {"<script>.example", NoticeHostKind::invalid, "."},
      {"a\\046b.example", NoticeHostKind::invalid, "."},
      {"user@kiwifarms.net", NoticeHostKind::invalid, "."},
      {"kiwifarms.net:80:80", NoticeHostKind::invalid, "."},
      {"kiwifarms.net:http", NoticeHostKind::invalid, "."},
      {"kiwifarms.net:123456", NoticeHostKind::invalid, "."},
      {"[::1", NoticeHostKind::invalid, "."},
      {"[::1]x", NoticeHostKind::invalid, "."},
      {"[zz::1]", NoticeHostKind::invalid, "."},
      {"]:80", NoticeHostKind::invalid, "."},
      {"b\xc3\xbc"
       "cher.example",
       NoticeHostKind::invalid, "."},
      {std::string("a\0b.example", 11), NoticeHostKind::invalid, "."},
      {std::string(64, 'a') + ".example", NoticeHostKind::invalid, "."},
      {std::string(100'000, 'a'), NoticeHostKind::invalid, "."},
  }));
  CAPTURE(c.host);
  const auto host = parse_notice_host(c.host);
  CHECK(host.kind == c.kind);
  CHECK(host.name.to_text() == c.name);
}

TEST_CASE("the language is the best of those there are") {
  const std::vector<std::string> available{"en", "ar", "de", "fr", "pt", "zh"};
  struct Case {
    std::string target, field, expected;
  };
  const auto c = GENERATE(values<Case>({
      {"/", "", "en"},
      {"/", "fr", "fr"},
      {"/", "FR", "fr"},
      {"/", "pt-BR", "pt"},
      {"/", "zh-Hant-TW", "zh"},
      {"/", "fr-CH, fr;q=0.9, en;q=0.8, de;q=0.7, *;q=0.5", "fr"},
      {"/", "en;q=0.3, de;q=0.9", "de"},
      {"/", "ja, ko;q=0.9, ar;q=0.1", "ar"},
      {"/", "de;q=0.5, fr;q=0.5", "de"},
      {"/", "ja", "en"},
      {"/", "*", "en"},
      {"/", "en;q=0, *", "ar"},
      {"/", "de;q=0, de-AT, fr;q=0.1", "fr"},
      {"/", "fr;q=0", "en"},
      {"/", "fr;q=1.5, de;q=0.1", "de"},
      {"/", "fr;q=abc, de;q=0.1", "de"},
      {"/", "fr;q=0.1234, de;q=0.1", "de"},
      {"/", " fr ; q = 0.5 ,\tde;q=0.4", "fr"},
      {"/", ";;;,,,;q=1,q=1", "en"},
      {"/", "frankish", "en"},
      {"/?lang=ar", "fr", "ar"},
      {"/?LANG=ar", "fr", "fr"},
      {"/x?page=2&lang=AR", "fr", "ar"},
      {"/?lang=xx", "fr", "fr"},
      {"/?lang=", "fr", "fr"},
      {"/?lang=%66%72", "de", "de"},
      {"/lang=ar", "fr", "fr"},
      {"/", std::string(990, ' ') + ",fr-CH-1996", "en"},  // cut inside of the last range: not read as "fr-CH-199"
      {"/", std::string(5'000'000, 'a'), "en"},
      {"/", "x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,fr", "en"},  // the 33rd
  }));
  CAPTURE(c.target, c.field.substr(0, 80));
  CHECK(available[negotiate_language(c.target, c.field, available)] == c.expected);
}

TEST_CASE("people get HTML, machines what they ask for") {
  struct Case {
    std::string target, accept;
    NoticeFormat expected;
  };
  const auto c = GENERATE(values<Case>({
      {"/", "", NoticeFormat::html},
      {"/", "*/*", NoticeFormat::html},
      {"/", "text/html,application/xhtml+xml,application/xml;q=0.9,image/webp,*/*;q=0.8", NoticeFormat::html},
      {"/", "image/avif,image/webp", NoticeFormat::html},
      {"/", "application/json", NoticeFormat::json},
      {"/", "Application/JSON; charset=utf-8", NoticeFormat::json},
      {"/", "application/json, text/plain, */*", NoticeFormat::json},
      {"/", "text/plain", NoticeFormat::text},
      {"/", "text/*", NoticeFormat::html},
      {"/", "text/html;q=0.1, text/plain", NoticeFormat::text},
      {"/", "*/*, text/html;q=0", NoticeFormat::json},
      {"/?format=json", "text/html", NoticeFormat::json},
      {"/?format=text", "text/html", NoticeFormat::text},
      {"/?a=b&format=html", "application/json", NoticeFormat::html},
      {"/?format=pdf", "text/plain", NoticeFormat::text},
  }));
  CAPTURE(c.target, c.accept);
  CHECK(negotiate_format(c.target, c.accept) == c.expected);
}

}  // namespace
}  // namespace placard::policy
