// Time as text, the words of the vocabulary, scopes, and names as people write them.
#include <catch2/catch.hpp>

#include "policy/record/decision.hpp"
#include "policy/record/written_name.hpp"

using namespace placard::policy;
using Catch::Contains;
namespace wire = placard::wire;

TEST_CASE("times are read and written in RFC 3339") {
  CHECK(to_text(Time{0}) == "1970-01-01T00:00:00Z");
  CHECK(to_text(kNever) == "never");
  CHECK(time_from_text("2022-09-03") == 1662163200);
  CHECK(time_from_text("2022-09-03T12:30:00Z") == 1662208200);
  CHECK(time_from_text("2022-09-03t12:30:00.999z") == 1662208200);
  CHECK(time_from_text("2022-09-03T12:30:00+12:00") == 1662208200 - 12 * 3600);
  CHECK(time_from_text("2022-09-03 12:30:00-01:30") == 1662208200 + 5400);
  CHECK(time_from_text("2016-12-31T23:59:60Z") == 1483228799);
  CHECK(time_from_text("1969-12-31T23:59:59Z") == -1);
  for (const Time time : {Time{-1}, Time{951782400}, Time{1662208200}, Time{253402300799}}) {
    CHECK(time_from_text(to_text(time)) == time);
  }
}

TEST_CASE("what is no time is refused with the reason") {
  for (const auto* text : {"", "yesterday", "2022", "2022-13-01", "2022-02-29", "0000-01-01", "2022-09-03T12:30:00",
                           "2022-09-03T24:00:00Z", "2022-09-03T12:60:00Z", "2022-09-03T12:30:00Zx", "2022-09-03T12:30Z",
                           "2022-09-03T12:30:00.Z", "2022-9-3", "9999-12-31T23:59:59-01:00", "never"}) {
    INFO(text);
    CHECK_FALSE(time_from_text(text).has_value());
  }
  CHECK_THAT(time_from_text("2022-09-03T12:30:00").error(), Contains("offset"));
}

TEST_CASE("lengths of time") {
  CHECK(duration_from_text("30 days") == 30 * 86400);
  CHECK(duration_from_text("30d") == 30 * 86400);
  CHECK(duration_from_text("12h") == 12 * 3600);
  CHECK(duration_from_text("90m") == 5400);
  CHECK(duration_from_text("45s") == 45);
  CHECK(duration_from_text("2 weeks") == 14 * 86400);
  for (const auto* text :
       {"", "days", "0 days", "-1 days", "1", "1 fortnight", "99999999999999999999 s", "9999999999 weeks", "1 day "}) {
    INFO(text);
    CHECK_FALSE(duration_from_text(text).has_value());
  }
}

TEST_CASE("every word of the vocabulary goes both ways") {
  for (int i = 0; i < 4; ++i)
    CHECK(authority_kind_from_text(to_text(static_cast<AuthorityKind>(i))) == static_cast<AuthorityKind>(i));
  for (int i = 0; i < 5; ++i)
    CHECK(decision_type_from_text(to_text(static_cast<DecisionType>(i))) == static_cast<DecisionType>(i));
  for (int i = 0; i < 7; ++i)
    CHECK(decision_state_from_text(to_text(static_cast<DecisionState>(i))) == static_cast<DecisionState>(i));
  for (int i = 0; i < 3; ++i)
    CHECK(disclosure_from_text(to_text(static_cast<Disclosure>(i))) == static_cast<Disclosure>(i));
  for (int i = 0; i < 5; ++i) CHECK(trigger_from_text(to_text(static_cast<Trigger>(i))) == static_cast<Trigger>(i));
  for (int i = 0; i < 3; ++i)
    CHECK(match_kind_from_text(to_text(static_cast<MatchKind>(i))) == static_cast<MatchKind>(i));
  for (int i = 0; i < 9; ++i) CHECK(action_from_text(to_text(static_cast<Action>(i))) == static_cast<Action>(i));
  CHECK(to_text(AuthorityKind::operator_) == "operator");
  CHECK(to_text(Disclosure::public_) == "public");
  CHECK(to_text(Action::local_data) == "local-data");
  CHECK(to_text(DecisionType::court_order) == "court_order");
  CHECK_FALSE(action_from_text("Sinkhole").has_value());
  CHECK_FALSE(action_from_text("").has_value());
}

TEST_CASE("a scope applies where one of its codes equals or contains one of the view's") {
  CHECK(scope_applies({}, {}));
  CHECK(scope_applies({}, {"NZ"}));
  CHECK(scope_applies({"NZ"}, {"NZ"}));
  CHECK(scope_applies({"NZ"}, {"NZ-AUK"}));
  CHECK(scope_applies({"AU", "NZ"}, {"DE", "NZ-AUK"}));
  CHECK_FALSE(scope_applies({"NZ-AUK"}, {"NZ"}));
  CHECK_FALSE(scope_applies({"NZ"}, {}));
  CHECK_FALSE(scope_applies({"N"}, {"NZ"}));
}

TEST_CASE("orders and external authorities are censored, the rest is blocked") {
  using enum DecisionType;
  CHECK(extended_error_of(court_order, false) == wire::EdeCode::censored);
  CHECK(extended_error_of(administrative_order, false) == wire::EdeCode::censored);
  for (const auto type : {agreement, voluntary, emergency}) {
    CHECK(extended_error_of(type, false) == wire::EdeCode::blocked);
    CHECK(extended_error_of(type, true) == wire::EdeCode::censored);
  }
}

TEST_CASE("names are taken as A-labels or U-labels") {
  CHECK(stored_name(*name_from_writing("KiwiFarms.NET")) == "kiwifarms.net");
  CHECK(stored_name(*name_from_writing("kiwifarms.net.")) == "kiwifarms.net");
  CHECK(stored_name(*name_from_writing("bücher.example")) == "xn--bcher-kva.example");
  CHECK(stored_name(*name_from_writing("straße.example")) == "xn--strae-oqa.example");  // IDNA2008, not strasse
  CHECK(stored_name(*name_from_writing("xn--bcher-kva.example")) == "xn--bcher-kva.example");
  CHECK(stored_name(*name_from_writing("_dmarc.example.org")) == "_dmarc.example.org");
  CHECK(stored_name(*name_from_writing("مثال.example")) == "xn--mgbh0fb.example");
}

TEST_CASE("what is no host name is refused with the way to write it") {
  const auto error = [](std::string_view text) {
    const auto name = name_from_writing(text);
    return name ? "taken as " + stored_name(*name) : name.error();
  };
  CHECK_THAT(error(""), Contains("empty"));
  CHECK_THAT(error("https://kiwifarms.net/threads/1"), Contains("URL") && Contains("write 'kiwifarms.net'"));
  CHECK_THAT(error("kiwifarms.net:443"), Contains("port") && Contains("write 'kiwifarms.net'"));
  CHECK_THAT(error("kiwifarms.net/threads"), Contains("path"));
  CHECK_THAT(error("*.kiwifarms.net"), Contains("wildcard") && Contains("subdomains"));
  CHECK_THAT(error("192.0.2.1"), Contains("address"));
  CHECK_THAT(error("2001:db8::1"), Contains("address"));
  CHECK_THAT(error("someone@example.org"), Contains("e-mail"));
  CHECK_THAT(error("two words.example"), Contains("character ' '"));
  CHECK_THAT(error("a..b"), Contains("a..b"));
  CHECK_THAT(error(std::string(64, 'a') + ".example"), Contains("label"));
  CHECK_THAT(error("xn--zzzzzzzzz99999.example"), Contains("A-label"));
  CHECK_THAT(error("xn--a.org"), Contains("A-label"));    // U+0080
  CHECK(error("xn--n3h.net") == "taken as xn--n3h.net");  // a snowman: not of IDNA2008, but registered
  CHECK_THAT(error(std::string(2000, 'a')), Contains("longer"));
  CHECK_THAT(error("\xff\xfe.example"), Contains("internationalised"));
}

TEST_CASE("keys put a name before all that is below it and nothing else between") {
  CHECK(stored_key(*name_from_writing("www.kiwifarms.net")) == "net.kiwifarms.www");
  CHECK(stored_key(wire::NameView()).empty());
  CHECK(stored_name(wire::NameView()) == ".");
  const auto dotted = wire::Name::from_text("a\\.b.example").value();
  CHECK(stored_key(dotted) == "example.a\\.b");
}
