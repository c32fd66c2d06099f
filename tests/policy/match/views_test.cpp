// Client prefixes and the choice of a view.
#include <arpa/inet.h>

#include <catch2/catch.hpp>

#include "policy/match/image.hpp"
#include "policy/match/views.hpp"

namespace placard::policy::test {

namespace {

std::vector<std::uint8_t> address(const char* text) {
  std::vector<std::uint8_t> octets(16);
  if (inet_pton(AF_INET6, text, octets.data()) == 1) return octets;
  octets.resize(4);
  REQUIRE(inet_pton(AF_INET, text, octets.data()) == 1);
  return octets;
}

std::string read(std::string_view text) {
  const auto prefix = prefix_from_text(text);
  return prefix ? prefix->to_text() : "error: " + prefix.error();
}

}  // namespace

TEST_CASE("prefixes are read and written in one form") {
  CHECK(read("192.0.2.0/24") == "192.0.2.0/24");
  CHECK(read("192.0.2.7") == "192.0.2.7/32");
  CHECK(read("0.0.0.0/0") == "0.0.0.0/0");
  CHECK(read("2001:DB8::/32") == "2001:db8::/32");
  CHECK(read("::1") == "::1/128");
  CHECK(read("::/0") == "::/0");
  CHECK(read("::ffff:192.0.2.0/120") == "192.0.2.0/24");
  CHECK(read("::ffff:0:0/96") == "0.0.0.0/0");
}

TEST_CASE("a bad prefix is refused with what is wrong") {
  using Catch::Matchers::Contains;
  for (const char* text :
       {"", "/24", "example.com", "192.0.2/24", "192.0.2.256", "1.2.3.4.5", "2001:db8:::/32", " 192.0.2.1"}) {
    CHECK_THAT(read(text), Contains("is no address prefix"));
  }
  for (const char* text : {"192.0.2.0/", "192.0.2.0/33", "192.0.2.0/-1", "192.0.2.0/24x", "192.0.2.0/ 24", "::/129",
                           "192.0.2.0/99999999999"}) {
    CHECK_THAT(read(text), Contains("the length behind the slash"));
  }
  CHECK_THAT(read("192.0.2.1/24"), Contains("192.0.2.0/24 may be meant"));
  CHECK_THAT(read("2001:db8::1/64"), Contains("2001:db8::/64 may be meant"));
  CHECK_THAT(read("::fffe:0:0/95"), Contains("in part"));
}

TEST_CASE("the longest prefix decides a client's view, and families don't mix") {
  const std::vector<View> views = complete_views({{"wide", {"10.0.0.0/8", "2001:db8::/32"}, {}, {}},
                                                  {"narrow", {"10.1.0.0/16", "2001:db8:1::/48"}, {}, {}},
                                                  {"host", {"10.1.2.3"}, {}, {}},
                                                  {"all6", {"::/0"}, {}, {}}});
  REQUIRE(check_views(views));
  const ClientViews clients(views);
  const auto view = [&](const char* text) { return views[clients.view_of(address(text))].name; };
  CHECK(view("10.2.0.1") == "wide");
  CHECK(view("10.1.0.1") == "narrow");
  CHECK(view("10.1.2.3") == "host");
  CHECK(view("10.1.2.4") == "narrow");
  CHECK(view("::ffff:10.1.2.3") == "host");
  CHECK(view("11.0.0.1") == "default");
  CHECK(view("::ffff:11.0.0.1") == "default");
  CHECK(view("2001:db8:2::1") == "wide");
  CHECK(view("2001:db8:1::1") == "narrow");
  CHECK(view("2001:db9::1") == "all6");
  CHECK(clients.prefix_of(address("10.1.9.9"))->to_text() == "10.1.0.0/16");
  CHECK_FALSE(clients.prefix_of(address("11.0.0.1")));
  const std::vector<std::uint8_t> odd(7);
  CHECK(views[clients.view_of(odd)].name == "default");
}

TEST_CASE("prefixes contain addresses of their family only") {
  const auto all4 = *prefix_from_text("0.0.0.0/0");
  const auto all6 = *prefix_from_text("::/0");
  CHECK(all4.contains(address("192.0.2.1")));
  CHECK(all4.contains(address("::ffff:192.0.2.1")));
  CHECK_FALSE(all4.contains(address("::1")));
  CHECK(all6.contains(address("::1")));
  CHECK_FALSE(all6.contains(address("::ffff:192.0.2.1")));
  CHECK(prefix_from_text("192.0.2.128/25")->contains(address("192.0.2.200")));
  CHECK_FALSE(prefix_from_text("192.0.2.128/25")->contains(address("192.0.2.100")));
}

TEST_CASE("views are checked before they are used") {
  using Catch::Matchers::Contains;
  const auto error = [](std::vector<View> views) {
    const auto checked = check_views(views);
    return checked ? std::string() : checked.error();
  };
  CHECK(error({}).empty());
  CHECK(error({{"nz", {"127.0.0.64/32"}, {"NZ", "US-CA"}, {"op", "*"}}}).empty());
  CHECK_THAT(error({{"", {}, {}, {}}}), Contains("view's name"));
  CHECK_THAT(error({{"Upper", {}, {}, {}}}), Contains("view's name"));
  CHECK_THAT(error({{"a", {}, {}, {}}, {"a", {}, {}, {}}}), Contains("stands twice"));
  CHECK_THAT(error({{"a", {"::1/200"}, {}, {}}}), Contains("view \"a\": clients"));
  CHECK_THAT(error({{"a", {"::ffff:192.0.2.1"}, {}, {}}, {"b", {"192.0.2.1"}, {}, {}}}),
             Contains("already, to view \"a\""));
  CHECK_THAT(error({{"a", {}, {"nz"}, {}}}), Contains("ISO 3166"));
  CHECK_THAT(error({{"a", {}, {"NZ-"}, {}}}), Contains("ISO 3166"));
  CHECK_THAT(error({{"a", {}, {}, {"op", "op"}}}), Contains("stands twice"));
  CHECK_THAT(error({{"a", {}, {}, {"O P"}}}), Contains("no authority's id"));
  std::vector<View> many;
  for (int i = 0; i < 63; ++i) many.push_back({"v" + std::to_string(i), {}, {}, {}});
  CHECK(error(many).empty());
  many.push_back({"v63", {}, {}, {}});
  CHECK_THAT(error(many), Contains("more than 64 views"));
}

TEST_CASE("a source's rank follows the view's list") {
  const View everyone{"default", {}, {}, {}};
  CHECK(rank_of_source(everyone, "court", true) < rank_of_source(everyone, "op", false));
  const View named{"v", {}, {}, {"op", "*", "late"}};
  CHECK(rank_of_source(named, "op", false) < rank_of_source(named, "court", true));
  CHECK(rank_of_source(named, "court", true) < rank_of_source(named, "other", false));
  CHECK(rank_of_source(named, "other", false) < rank_of_source(named, "late", true));
  CHECK(rank_of_source({"v", {}, {}, {"op"}}, "court", true) == kNoRank);
}

TEST_CASE("a view may be for one listener or one key") {
  const std::vector<View> views = complete_views({
      {.name = "home", .clients = {"192.0.2.0/24"}, .jurisdictions = {}, .sources = {}},
      {.name = "inside", .clients = {}, .jurisdictions = {}, .sources = {}, .listeners = {"10.0.0.1:53"}},
      {.name = "partner", .clients = {}, .jurisdictions = {}, .sources = {}, .listeners = {}, .keys = {"partner"}},
      {.name = "both", .clients = {"192.0.2.0/24"}, .jurisdictions = {}, .sources = {}, .listeners = {"10.0.0.1:53"}},
  });
  REQUIRE(check_views(views));
  const std::uint8_t home[] = {192, 0, 2, 1}, elsewhere[] = {198, 51, 100, 1};
  const auto chosen = [&](std::string_view listener, std::string_view key, std::span<const std::uint8_t> client) {
    return views[ClientViews(views, listener, key).view_of(client)].name;
  };
  CHECK(chosen("", "", home) == "home");
  CHECK(chosen("", "", elsewhere) == "default");
  CHECK(chosen("10.0.0.1:53", "", elsewhere) == "inside");
  CHECK(chosen("10.0.0.1:53", "", home) == "both");
  CHECK(chosen("10.0.0.1:53", "partner", home) == "partner");
  CHECK(chosen("", "partner", elsewhere) == "partner");
  CHECK(chosen("", "other", elsewhere) == "default");
  std::array<std::uint8_t, 16> six{0x20, 0x01};
  CHECK(chosen("", "partner", six) == "partner");
}

TEST_CASE("a list that the view names has its own place") {
  const View view{.name = "v", .clients = {}, .jurisdictions = {}, .sources = {"list:late", "feed", "*", "list:last"}};
  CHECK(rank_of_source(view, "feed", false, "late") == 0);
  CHECK(rank_of_source(view, "feed", false, "other") == 2);
  CHECK(rank_of_source(view, "feed", false) == 2);
  CHECK(rank_of_source(view, "feed", false, "last") == 6);
  CHECK(rank_of_source(view, "court", true, "x") == 4);
  CHECK(rank_of_source(view, "court", false, "x") == 5);
}

}  // namespace placard::policy::test
