// The container of a list's rules: its order, what sealing drops and joins, and that it agrees with a plain map.
#include <catch2/catch.hpp>

#include <map>
#include <random>
#include <tuple>

#include "policy/record/rule_list.hpp"
#include "policy/record/written_name.hpp"

using namespace placard;
using namespace placard::policy;

namespace {

RuleForm form_of(MatchKind match, Action action = Action::nxdomain) {
  RuleForm form;
  form.match = match;
  form.action = action;
  return form;
}

using WrittenRule = std::tuple<std::string, MatchKind, Action, std::uint32_t>;

std::vector<WrittenRule> rows_of(const RuleList& list) {
  std::vector<WrittenRule> rows;
  ListedRule rule;
  for (RuleList::Cursor cursor(list); cursor.next(rule);)
    rows.emplace_back(rule.key, list.form(rule.form).match, list.form(rule.form).action, rule.line);
  return rows;
}

}  // namespace

TEST_CASE("a sealed list is in the order of its keys' octets") {
  RuleList list;
  const auto both = list.form_number(form_of(MatchKind::both));
  const std::vector<std::string> keys = {"com.b", "com",           "com-x.a",        "com.a.b",       "com.a-b",
                                         "com.a", "net.kiwifarms", "com.abcdefghij", "com.abcdefghi", "a\\.b.c"};
  std::uint32_t line = 0;
  for (const auto& key : keys) REQUIRE(list.add(key, both, ++line));
  list.seal();
  auto sorted = keys;
  std::ranges::sort(sorted);
  std::vector<std::string> found;
  for (const auto& row : rows_of(list)) found.push_back(std::get<0>(row));
  CHECK(found == sorted);
}

TEST_CASE("what stands twice is dropped, what contradicts an earlier line too, and both are told") {
  RuleList list;
  const auto nxdomain = list.form_number(form_of(MatchKind::both));
  const auto passthru = list.form_number(form_of(MatchKind::both, Action::passthru));
  CHECK(list.form_number(form_of(MatchKind::both)) == nxdomain);
  list.add("com.a", nxdomain, 3);
  list.add("com.a", passthru, 2);
  list.add("com.a", nxdomain, 9);
  list.add("com.b", nxdomain, 4);
  list.add("com.b", nxdomain, 5);
  std::map<std::uint32_t, std::pair<DroppedRule::Why, std::uint32_t>> dropped;
  list.seal([&](const DroppedRule& rule) { dropped[rule.line] = {rule.why, rule.kept_line}; });
  CHECK(rows_of(list) == std::vector<WrittenRule>{{"com.a", MatchKind::both, Action::passthru, 2},
                                                  {"com.b", MatchKind::both, Action::nxdomain, 4}});
  using Why = DroppedRule::Why;
  CHECK(dropped ==
        decltype(dropped){{3, {Why::contradiction, 2}}, {9, {Why::contradiction, 2}}, {5, {Why::duplicate, 4}}});
}

TEST_CASE("a name and all below it become one rule when both do the same") {
  RuleList list;
  list.add("com.a", list.form_number(form_of(MatchKind::subdomains)), 1);
  list.add("com.a", list.form_number(form_of(MatchKind::exact)), 2);
  list.add("com.b", list.form_number(form_of(MatchKind::subdomains, Action::nodata)), 3);
  list.add("com.b", list.form_number(form_of(MatchKind::exact)), 4);
  list.seal();
  CHECK(rows_of(list) == std::vector<WrittenRule>{{"com.a", MatchKind::both, Action::nxdomain, 1},
                                                  {"com.b", MatchKind::exact, Action::nxdomain, 4},
                                                  {"com.b", MatchKind::subdomains, Action::nodata, 3}});
}

TEST_CASE("joining leaves the order and the contradictions as they are") {
  RuleList list;
  list.add("com.a", list.form_number(form_of(MatchKind::exact)), 1);
  list.add("com.a", list.form_number(form_of(MatchKind::subdomains)), 2);
  list.add("com.a", list.form_number(form_of(MatchKind::subdomains, Action::drop)), 3);
  list.add("com.a", list.form_number(form_of(MatchKind::exact, Action::drop)), 4);
  std::size_t dropped = 0;
  list.seal([&](const DroppedRule&) { ++dropped; });
  CHECK(rows_of(list) == std::vector<WrittenRule>{{"com.a", MatchKind::both, Action::nxdomain, 1}});
  CHECK(dropped == 2);
}

TEST_CASE("records of one name from several lines are one rule") {
  RuleList list;
  for (const std::uint8_t last : std::initializer_list<std::uint8_t>{1, 2, 1}) {
    auto form = form_of(MatchKind::exact, Action::local_data);
    form.records.push_back({wire::RecordType::a, {192, 0, 2, last}});
    list.add("com.a", list.form_number(form), last);
  }
  std::size_t dropped = 0;
  list.seal([&](const DroppedRule&) { ++dropped; });
  REQUIRE(list.size() == 1);
  CHECK(dropped == 1);
  ListedRule rule;
  RuleList::Cursor(list).next(rule);
  CHECK(list.form(rule.form).records.size() == 2);
}

TEST_CASE("a large list holds what a map would") {
  std::mt19937 random(7);
  RuleList list;
  const auto both = list.form_number(form_of(MatchKind::both));
  std::map<std::string, std::uint32_t> expected;
  static constexpr std::array<std::string_view, 5> kTops = {"com", "net", "co", "xn--p1ai", "community"};
  for (std::uint32_t line = 1; line <= 20'000; ++line) {
    std::string key(kTops[random() % kTops.size()]);
    for (auto labels = random() % 4; labels > 0; --labels) {
      key += '.';
      for (auto size = 1 + random() % 12; size > 0; --size) key += "ab-\\"[random() % 4];
    }
    list.add(key, both, line);
    expected.try_emplace(key, line);
  }
  list.seal();
  CHECK(list.size() == expected.size());
  std::map<std::string, std::uint32_t> found;
  std::string previous;
  for (const auto& [key, match, action, line] : rows_of(list)) {
    CHECK(previous < key);
    previous = key;
    found[key] = line;
  }
  CHECK(found == expected);
  list.remove_if([](const ListedRule& rule) { return rule.key.starts_with("com."); });
  std::erase_if(expected, [](const auto& one) { return one.first.starts_with("com."); });
  CHECK(list.size() == expected.size());
  CHECK(rows_of(list).size() == expected.size());
}
