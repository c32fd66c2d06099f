// From the record to a mapped file, and what was recorded since on top of it.
#include "policy/match/compile.hpp"

#include <catch2/catch.hpp>

#include <fstream>

#include "policy/record/list_recording.hpp"
#include "tests/policy/record/admitted.hpp"
#include "tests/policy/record/examples.hpp"

namespace placard::policy::test {

namespace {

std::shared_ptr<const Image> written(Store& store, const std::filesystem::path& path, Time now = kNow) {
  FileSink sink(path);
  write_index(store, sink, now);
  sink.commit();
  auto image = Image::map(path);
  REQUIRE(image);
  REQUIRE(verify_image((*image)->view().bytes()));
  REQUIRE(is_image_of(store, **image, now));
  return *image;
}

std::shared_ptr<const Index> on_top(Store& store, const std::shared_ptr<const Image>& base) {
  auto overlay = load_overlay(store, *base);
  REQUIRE(overlay);
  return Index::assemble(base, *overlay, {}, {}, 1);
}

std::string winner_now(const Index& index, std::string_view of, Time now = kNow) {
  const auto match = index.match_name(name_of(of), 0, now);
  return match ? std::string(match->decision_id) : std::string();
}

}  // namespace

TEST_CASE("an index is written to a file, mapped, and answers") {
  TemporaryFolder folder;
  auto store = open_store(folder);
  take_in(store, authority_toml() + decision_toml("d1", "one.test") + decision_toml("d2", "two.test"));
  const auto base = written(store, folder / "index");
  CHECK(base->is_mapped());
  const auto index = on_top(store, base);
  CHECK_FALSE(index->overlay());
  CHECK(winner_now(*index, "www.one.test") == "d1");
  CHECK(winner_now(*index, "two.test") == "d2");
  CHECK(winner_now(*index, "three.test").empty());
  CHECK(index->log_sequence() == store.last_log_sequence());
  CHECK(index->private_memory() < 4096);
  CHECK_FALSE(std::filesystem::exists(folder / "index.partial"));
}

TEST_CASE("what is recorded later answers without a compile: new, lifted, activated, superseded") {
  TemporaryFolder folder;
  auto store = open_store(folder);
  take_in(store, authority_toml() + decision_toml("d1", "one.test") + decision_toml("d2", "two.test") +
                     decision_toml("d3", "three.test", "state = \"proposed\"") + decision_toml("d4", "four.test"));
  const auto base = written(store, folder / "index");
  take_in(store, decision_toml("d5", "five.test") + decision_toml("d6", "six.test", "supersedes = \"d4\""), kNow + 10);
  REQUIRE(store.lift("d2", "done", "test", kNow + 20));
  REQUIRE(store.transition("d3", DecisionState::active, "confirmed", "test", kNow + 30));
  const auto index = on_top(store, base);
  const auto whole = compile_index(store, {}, {}, kNow, 1);
  for (const auto* each : {"one.test", "two.test", "three.test", "four.test", "five.test", "six.test"}) {
    for (const Time at : {kNow, kNow + 15, kNow + 25, kNow + 40, kNow + 31 * kDay})
      CHECK(winner_now(*index, each, at) == winner_now(*whole, each, at));
  }
  CHECK(winner_now(*index, "two.test", kNow + 19) == "d2");
  CHECK(winner_now(*index, "two.test", kNow + 20).empty());
  CHECK(winner_now(*index, "three.test", kNow + 30) == "d3");
  CHECK(winner_now(*index, "four.test", kNow + 40).empty());
  CHECK(index->log_sequence() == store.last_log_sequence());
}

TEST_CASE("a decision that was suspended and confirmed is one rule in the index") {
  TemporaryFolder folder;
  auto store = open_store(folder);
  take_in(store, authority_toml() + decision_toml("d1", "one.test"));
  REQUIRE(store.transition("d1", DecisionState::suspended, "under review", "test", kNow + 10));
  REQUIRE(store.transition("d1", DecisionState::active, "confirmed", "test", kNow + 20));
  const auto index = on_top(store, written(store, folder / "index"));
  CHECK(index->rule_count() == 1);
  CHECK(winner_now(*index, "one.test", kNow + 9) == "d1");
  CHECK(winner_now(*index, "one.test", kNow + 10).empty());
  CHECK(winner_now(*index, "one.test", kNow + 20) == "d1");
}

TEST_CASE("a file of another record, or of one that was rewritten, is not used") {
  TemporaryFolder folder, other_folder;
  auto store = open_store(folder), other = open_store(other_folder);
  take_in(store, authority_toml() + decision_toml("d1", "one.test"));
  take_in(other, authority_toml() + decision_toml("d1", "one.test"));
  const auto base = written(store, folder / "index");
  CHECK_FALSE(is_image_of(other, *base, kNow));
  auto empty = Store::open(folder / "new", Store::Mode::read_write, kNow);
  CHECK_FALSE(is_image_of(empty, *base, kNow));
  const auto of_nothing = written(empty, folder / "empty");
  take_in(empty, authority_toml());
  CHECK(is_image_of(empty, *of_nothing, kNow));
}

TEST_CASE("a file that was made while the clock was ahead is not used: it lacks what had ended by then") {
  TemporaryFolder folder;
  auto store = open_store(folder);
  take_in(store, authority_toml() + decision_toml("d1", "one.test"));
  const auto ahead = written(store, folder / "index", kNow + 1000);
  CHECK(is_image_of(store, *ahead, kNow + 1000 - kClockTolerance));
  CHECK_FALSE(is_image_of(store, *ahead, kNow));
}

TEST_CASE("a file that is damaged, cut short or no index is refused with the reason") {
  using Catch::Matchers::Contains;
  TemporaryFolder folder;
  auto store = open_store(folder);
  take_in(store, authority_toml() + decision_toml("d1", "one.test"));
  {
    const auto base = written(store, folder / "index");
  }
  const auto change = [&](std::streamoff at) {
    std::filesystem::copy_file(folder / "index", folder / "copy", std::filesystem::copy_options::overwrite_existing);
    std::fstream file(folder / "copy", std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(at);
    file.put('\x7f');
  };
  change(90);
  CHECK_THAT(Image::map(folder / "copy").error(), Contains("checksum of its header"));
  change(0);
  CHECK_THAT(Image::map(folder / "copy").error(), Contains("magic"));
  change(600);
  const auto late = Image::map(folder / "copy");
  REQUIRE(late);
  CHECK_THAT(verify_image((*late)->view().bytes()).error(), Contains("damaged"));
  std::filesystem::resize_file(folder / "copy", 1024);
  CHECK_FALSE(Image::map(folder / "copy"));
  std::filesystem::resize_file(folder / "copy", 10);
  CHECK_THAT(Image::map(folder / "copy").error(), Contains("shorter"));
  CHECK_FALSE(Image::map(folder / "missing"));
}

TEST_CASE("a sink that is not committed leaves the old file alone") {
  TemporaryFolder folder;
  auto store = open_store(folder);
  {
    const auto base = written(store, folder / "index");
  }
  const auto size = std::filesystem::file_size(folder / "index");
  take_in(store, authority_toml() + decision_toml("d1", "one.test"));
  {
    FileSink sink(folder / "index");
    write_index(store, sink, kNow);
  }
  CHECK(std::filesystem::file_size(folder / "index") == size);
  CHECK_FALSE(std::filesystem::exists(folder / "index.partial"));
}

TEST_CASE("an index with a list is made while the list is recorded, and others go on recording") {
  TemporaryFolder folder;
  auto store = open_store(folder);
  const auto decide_with_list = [](std::string_view id, std::string_view list) {
    return decision_toml(id, std::string(id) + ".test", fmt::format("list = \"{}\"", list));
  };
  take_in(store, authority_toml() + decide_with_list("d1", "l"));
  RuleList rules;
  for (const auto* key : {"test.listed", "test.one"}) REQUIRE(rules.add(key, rules.form_number({}), 1));
  rules.seal();
  const auto list = admitted("l", rules);
  ListRecording recording(store.path(), list);
  recording.write(store, recording.prepare());
  const auto upcoming = UpcomingList{"l", rules};
  const auto path = folder / "index";
  for (const bool others : {false, true}) {
    INFO(others);
    if (others) {
      RuleList fewer;
      REQUIRE(fewer.add("test.one", fewer.form_number({}), 1));
      fewer.seal();
      store.record_list(admitted("l", fewer), "test", kNow);
    }
    ListRecording again(store.path(), list);
    if (const auto batch = again.prepare(); !batch.empty() && others) again.write(store, batch);
    FileSink sink(path);
    auto header = write_index(store, sink, kNow, {}, {}, &upcoming);
    if (others) take_in(store, decision_toml("d2", "later.test"));
    const auto outcome = others ? again.finish(store, "test", kNow) : recording.finish(store, "test", kNow);
    include_entry(header, store, outcome.sequence);
    CHECK(header.newest() == store.last_log_sequence());
    CHECK(header.ahead == (others ? outcome.sequence : 0));
    sink.put_header(header);
    sink.commit();
    const auto base = Image::map(path).value();
    REQUIRE(verify_image(base->view().bytes()));
    REQUIRE(is_image_of(store, *base, kNow));
    const auto index = on_top(store, base);
    CHECK(winner_now(*index, "www.listed.test") == "d1");
    CHECK(winner_now(*index, "later.test") == (others ? "d2" : ""));
    CHECK(index->log_sequence() == store.last_log_sequence());
    CHECK((index->overlay() != nullptr) == others);
  }
  // What changes later is on top of what was ahead.
  RuleList last;
  REQUIRE(last.add("test.last", last.form_number({}), 1));
  last.seal();
  store.record_list(admitted("l", last), "test", kNow);
  const auto index = on_top(store, Image::map(path).value());
  CHECK(winner_now(*index, "last.test") == "d1");
  CHECK(winner_now(*index, "listed.test").empty());
  CHECK(winner_now(*index, "one.test").empty());
  CHECK(winner_now(*index, "later.test") == "d2");
}

}  // namespace placard::policy::test
