#include "policy/match/hits.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <map>

#include "tests/policy/match/match_fixture.hpp"

namespace placard::policy::test {

TEST_CASE("hits are told by rule and view, and forgotten when they were taken") {
  auto list = decision(1, "feed", {rule("a.test"), rule("b.test")});  // rules without ids: they share a row
  list.list = "daily";
  const auto index = compile({list, decision(2, "op", {address_rule("192.0.2.0/24", Trigger::response_ip)})},
                             {{"home", {"10.0.0.0/8"}, {}, {}}});
  HitTable hits;
  for (int i = 0; i < 3; ++i) hits.add(*index->match_name(name("www.a.test"), 1, 0), 1);
  hits.add(*index->match_name(name("b.test"), 1, 0), 1);
  hits.add(*index->match_name(name("b.test"), 0, 0), 0);
  const std::uint8_t address[] = {192, 0, 2, 7};
  hits.add(*index->match_address(Trigger::response_ip, address, 1, 0), 1);
  auto taken = hits.take(*index);
  std::map<std::pair<std::string, std::string>, std::uint64_t> counts;
  for (const auto& each : taken) counts[{each.name, each.view}] = each.count;
  CHECK(counts == std::map<std::pair<std::string, std::string>, std::uint64_t>{{{"a.test", "default"}, 3},
                                                                               {{"b.test", "default"}, 1},
                                                                               {{"b.test", "home"}, 1},
                                                                               {{"192.0.2.0/24", "default"}, 1}});
  CHECK(hits.take(*index).empty());
}

TEST_CASE("nothing that was counted is lost, however many rules are met") {
  std::vector<Rule> rules;
  for (int i = 0; i < 20000; ++i) rules.push_back(rule("n" + std::to_string(i) + ".test"));
  const auto index = compile({decision(1, "op", rules), decision(2, "op", {rule("other.test")})});
  HitTable hits;
  for (const auto& each : rules) hits.add(*index->match_name(each.name, 0, 0), 0);
  std::uint64_t sum = hits.dropped();
  bool whole = false;
  for (const auto& each : hits.take(*index)) {
    sum += each.count;
    whole |= each.name.empty();
  }
  CHECK(sum == rules.size());
  CHECK((whole || hits.dropped() > 0));
}

}  // namespace placard::policy::test
