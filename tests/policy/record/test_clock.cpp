// Clocks that are wrong: behind, far ahead, stepped back; and entries that a wrong clock has written.
#include "tests/policy/record/examples.hpp"

using namespace placard::policy;
using Catch::Contains;

namespace {

constexpr ClockBounds kBounds{.not_before = kNow - 100 * kDay, .clock_is_right = false};
constexpr Time kFarAhead = 4'070'908'800;  // 2099-01-01T00:00:00Z

}  // namespace

TEST_CASE("a clock that runs behind the log stops writing and not reading") {
  TemporaryFolder folder;
  auto store = open_store(folder);
  take_in(store, authority_toml() + decision_toml("d1", "example.org"));
  const auto text = error_of([&] { (void)store.lift("d1", "x", "t", kNow - 61); }, StoreError::Kind::clock);
  CHECK_THAT(
      text,
      Contains("the clock says 2027-01-15T07:58:59Z, but the last entry of the log is from 2027-01-15T08:00:00Z"));
  CHECK_THAT(error_of([&] { (void)try_intake(store, decision_toml("d2", "example.com"), 1000); }),
             Contains("the clock says 1970"));
  CHECK(store.effective_now(1000) == kNow);
  CHECK(store.effective_now(kNow + 5) == kNow + 5);
  CHECK(store.load_policy(store.effective_now(1000)).size() == 1);
  CHECK_THAT(store.clock_warning(1000).value(), Contains("judged by that time"));
  // A small correction is taken, and the log stays in order.
  CHECK(store.lift("d1", "x", "t", kNow - 60)->recorded_at == kNow);
}

TEST_CASE("a clock before the program's making records nothing, even in a fresh store") {
  TemporaryFolder folder;
  auto store = Store::open(folder / "policy.db", Store::Mode::read_write, 1000, kBounds);
  CHECK_THAT(error_of([&] { (void)try_intake(store, authority_toml(), 1000); }, StoreError::Kind::clock),
             Contains("the clock says 1970") && Contains("this program was made on 2026-10-07") &&
                 Contains("nothing was recorded"));
  CHECK(store.last_log_sequence() == 0);
  CHECK_THAT(store.clock_warning(1000).value(), Contains("1970"));
  CHECK_FALSE(store.clock_warning(kNow));
  take_in(store, authority_toml(), kNow);
}

TEST_CASE("a clock far ahead records nothing, unless someone says that it is right") {
  TemporaryFolder folder;
  auto store = Store::open(folder / "policy.db", Store::Mode::read_write, kNow, kBounds);
  take_in(store, authority_toml() + decision_toml("d1", "example.org"));
  const auto refused = [&](Time now) {
    const auto text = error_of([&] { (void)try_intake(store, authority_toml("other"), now); }, StoreError::Kind::clock);
    CHECK_THAT(text, Contains("the clock says " + to_text(now)) && Contains("2027-01-15T08:00:00Z") &&
                         Contains("say that it is right"));
  };
  refused(kFarAhead);
  refused(kNow + 366 * kDay + 1);
  CHECK_THAT(error_of([&] { (void)store.lift("d1", "x", "t", kFarAhead); }), Contains("2099"));
  CHECK_THAT(error_of([&] { store.record_enforcement("n", 1, 2, kFarAhead); }), Contains("2099"));
  CHECK_THAT(error_of([&] { store.record_views({{"default", {}, {}, {}}}, "t", kFarAhead); }), Contains("2099"));
  CHECK_THAT(store.clock_warning(kFarAhead).value(), Contains("2099"));
  CHECK(store.last_log_sequence() == 2);
  store.set_clock_bounds({.not_before = kBounds.not_before, .clock_is_right = true});
  take_in(store, authority_toml("other"), kNow + 400 * kDay);
  store.set_clock_bounds(kBounds);
  take_in(store, authority_toml("third"), kNow + 401 * kDay);  // the log has followed the clock
}

TEST_CASE("an entry from a clock far ahead does not make everything expire") {
  TemporaryFolder folder;
  auto store = open_store(folder);
  take_in(store, authority_toml() + decision_toml("d1", "example.org"));
  take_in(store, authority_toml("other"), kFarAhead);
  CHECK(store.load_policy(store.effective_now(kNow + kDay)).empty());  // nothing is known of the clock
  store.set_clock_bounds(kBounds);
  CHECK(store.effective_now(kNow + kDay) == kNow + kDay);
  CHECK(store.clock_floor(kNow + kDay) == kBounds.not_before);
  CHECK(store.load_policy(store.effective_now(kNow + kDay)).size() == 1);
  CHECK_THAT(store.clock_warning(kNow + kDay).value(), Contains("2099") && Contains("restore a backup"));
  CHECK_THAT(error_of([&] { (void)store.lift("d1", "x", "t", kNow + kDay); }), Contains("restore a backup"));
  // A clock that is wrong for certain is no witness against it.
  CHECK(store.effective_now(1000) == kFarAhead);
}

TEST_CASE("enforcement stays in order under a clock that is set back") {
  TemporaryFolder folder;
  auto store = open_store(folder);
  take_in(store, authority_toml());
  store.record_enforcement("n", 1, 1, kNow + 30);
  store.record_enforcement("n", 2, 1, kNow - 1000);
  const auto rows = store.query("SELECT enforced_from FROM public_enforcement").value().rows;
  REQUIRE(rows.size() == 2);
  CHECK(std::get<std::string>(rows[1][0]) == to_text(kNow + 30));
}
