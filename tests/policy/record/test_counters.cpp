// Counters and the state of feeds: the file beside the store.
#include <catch2/catch.hpp>

#include "policy/record/counters.hpp"
#include "tests/policy/record/temporary_folder.hpp"

using namespace placard::policy;

namespace {

HitCount hits(const char* decision, const char* name, std::int64_t count, const char* view = "default") {
  return {.decision_id = decision,
          .list = {},
          .trigger = Trigger::qname,
          .name = name,
          .rule_id = 1,
          .view = view,
          .shadow = false,
          .hits = count,
          .hour = 0};
}

}  // namespace

TEST_CASE("hits add up by hour, rule and view, and are there after the file was closed") {
  TemporaryFolder folder;
  {
    auto counters = Counters::open(folder / "c");
    const HitCount first[] = {hits("a", "x.test", 2), hits("b", "y.test", 5), hits("a", "x.test", 1, "home")};
    counters.add(first, 7200);
    const HitCount again[] = {hits("a", "x.test", 3)};
    counters.add(again, 7200 + 3599);
    counters.add(again, 7200 + 3600);
  }
  auto counters = Counters::open(folder / "c");
  const auto by_hour = counters.by_hour("a", 0, 100);
  REQUIRE(by_hour.size() == 3);
  CHECK(by_hour[0].hour == 10800);
  CHECK(by_hour[0].hits == 3);
  CHECK(by_hour[1].hits == 5);
  CHECK(by_hour[2].view == "home");
  const auto by_decision = counters.by_decision(0, 1);
  REQUIRE(by_decision.size() == 1);
  CHECK(by_decision[0].decision_id == "a");
  CHECK(by_decision[0].hits == 8);
  counters.forget(10800);
  CHECK(counters.by_hour("", 0, 100).size() == 1);
}

TEST_CASE("counters are closed to others, also where the files were there and open to them") {
  using std::filesystem::perms;
  TemporaryFolder folder;
  const auto mode = [&](const char* name) { return std::filesystem::status(folder / name).permissions(); };
  const auto counters = Counters::open(folder / "c");
  CHECK(mode("c") == (perms::owner_read | perms::owner_write));
  CHECK((mode("c-wal") & perms::others_all) == perms::none);
  const auto group = perms::owner_read | perms::owner_write | perms::group_read;
  for (const auto* name : {"c", "c-wal", "c-shm"})
    std::filesystem::permissions(folder / name, group | perms::others_read);
  const auto again = Counters::open(folder / "c");
  for (const auto* name : {"c", "c-wal", "c-shm"}) CHECK(mode(name) == group);  // what a group was given stays
}
