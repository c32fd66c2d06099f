// A zone as the list of its records: in order whatever comes in, blocks that versions share, and on the disk.
#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <random>
#include <set>

#include "tests/names.hpp"
#include "zones/zone_listing.hpp"
#include "zones/zone_store.hpp"

namespace zone_listing_test {

using namespace placard;
using namespace placard::zones;
using wire::RecordType;
namespace fs = std::filesystem;

namespace {

using placard::tests::name;

RecordList apex_of(std::uint32_t serial) {
  RecordList apex;
  apex.add(name("rpz."), RecordType::soa, 60, wire::make_soa_rdata({name("a."), name("b."), serial, 1, 2, 3, 4}));
  apex.add(name("rpz."), RecordType::ns, 60, name("a.").view().bytes());
  return apex;
}

RecordList at(const wire::Name& owner, std::uint8_t last) {
  const std::vector<std::uint8_t> rdata{192, 0, 2, last};
  RecordList list;
  list.add(owner, RecordType::a, 60, rdata);
  return list;
}

/// All records as a transfer gives them.
std::vector<std::string> sent(const ZoneListing& listing) {
  std::vector<std::string> lines;
  const auto source = axfr_of(std::make_shared<const ZoneListing>(listing));
  while (const auto record = source->next())
    lines.push_back(record->owner.to_text() + " " + wire::to_text(record->type) + " " +
                    std::to_string(record->rdata.back()));
  return lines;
}

using Model = std::map<wire::Name, std::uint8_t, CanonicalOrder>;

std::vector<std::string> expected(const Model& model) {
  std::vector<std::string> lines{"rpz. SOA 4", "rpz. NS 0"};
  for (const auto& [owner, last] : model) lines.push_back(owner.to_text() + " A " + std::to_string(last));
  lines.push_back("rpz. SOA 4");
  return lines;
}

}  // namespace

TEST_CASE("a listing is in canonical order, whatever order its records came in") {
  ZoneListing::Builder builder;
  Model model;
  for (const char* owner : {"b.rpz.", "x.b.rpz.", "d.rpz.", "a.rpz.", "*.b.rpz.", "c.rpz."}) {
    model[name(owner)] = 7;
    builder.add(*at(name(owner), 7).begin());
  }
  const ZoneListing listing(apex_of(1), std::move(builder));
  CHECK(sent(listing) == expected(model));
  CHECK(listing.record_count() == 8);
  CHECK(listing.serial() == 1);
  CHECK(listing.at(name("x.b.rpz.")).size() == 1);
  CHECK(listing.at(name("y.b.rpz.")).empty());
  CHECK(listing.apex()->record_count() == 2);
}

TEST_CASE("thousands of changes: what changed is patched, told, followed and found on the disk") {
  const fs::path folder = fs::temp_directory_path() / ("placard-listing-" + std::to_string(::getpid()));
  fs::create_directories(folder);
  std::mt19937 random(5);
  const auto any = [&] { return name("n" + std::to_string(random() % 20000) + ".rpz."); };
  Model model;
  ZoneListing::Builder builder;
  for (int i = 0; i < 20000; ++i) model[any()] = static_cast<std::uint8_t>(random());
  for (const auto& [owner, last] : model) builder.add(*at(owner, last).begin());
  auto listing = std::make_shared<const ZoneListing>(apex_of(1), std::move(builder));
  REQUIRE(listing->blocks().size() > 10);
  auto store = std::make_unique<ZoneStore>(folder, name("rpz."), ZoneStore::Limits{});
  CHECK_FALSE(store->load_listing().listing);
  REQUIRE(store->commit(*listing, std::nullopt, nullptr));
  for (std::uint32_t serial = 2; serial < 60; ++serial) {
    ZoneListing::Changed changed;
    for (auto count = random() % (serial % 10 == 0 ? 1500 : 4); count > 0; --count) {
      const auto owner = any();
      if (random() % 3 == 0) {
        model.erase(owner);
        changed[owner].clear();
      } else {
        model[owner] = static_cast<std::uint8_t>(random());
        changed[owner] = at(owner, model[owner]);
      }
    }
    const auto changes = listing->changes_by(apex_of(serial), changed);
    const auto next = std::make_shared<const ZoneListing>(listing->with(apex_of(serial), changed));
    REQUIRE(sent(*next) == expected(model));
    const auto compared = difference(*listing, *next);
    CHECK(compared.removed == changes.removed);
    CHECK(compared.added == changes.added);
    const auto followed = listing->apply(std::vector{std::make_shared<const ChangeSet>(changes)});
    REQUIRE(followed);
    REQUIRE(sent(*followed) == expected(model));
    std::set<ZoneListing::Block> before(listing->blocks().begin(), listing->blocks().end());
    const auto shared =
        std::ranges::count_if(next->blocks(), [&](const auto& block) { return before.contains(block); });
    if (changed.size() < 4) CHECK(shared + 4 >= static_cast<std::ptrdiff_t>(before.size()));
    REQUIRE(store->commit(*next, changes));
    listing = next;
    if (serial % 20 != 0) continue;
    store = std::make_unique<ZoneStore>(folder, name("rpz."), ZoneStore::Limits{});
    const auto found = store->load_listing();
    REQUIRE(found.listing);
    CHECK(found.notes.empty());
    CHECK(found.listing->serial() == serial);
    CHECK(sent(*found.listing) == expected(model));
  }
  fs::remove_all(folder);
}

TEST_CASE("a difference that does not fit a listing is refused") {
  ZoneListing::Builder builder;
  builder.add(*at(name("a.rpz."), 1).begin());
  const ZoneListing listing(apex_of(1), std::move(builder));
  ZoneListing::Changed changed;
  changed[name("a.rpz.")] = at(name("a.rpz."), 2);
  const auto good = listing.changes_by(apex_of(2), changed);
  const auto apply = [&](const ChangeSet& changes) {
    return listing.apply(std::vector{std::make_shared<const ChangeSet>(changes)}).has_value();
  };
  CHECK(apply(good));
  auto other = good;
  other.from = 5;
  CHECK_FALSE(apply(other));
  auto missing = good;
  missing.removed.add(*at(name("b.rpz."), 1).begin());
  CHECK_FALSE(apply(missing));
  auto twice = good;
  twice.added.add(*at(name("a.rpz."), 2).begin());
  CHECK_FALSE(apply(twice));
  auto outside = good;
  outside.added.add(*at(name("a.other."), 2).begin());
  CHECK_FALSE(apply(outside));
  auto promised = good;
  promised.to = 9;
  CHECK_FALSE(apply(promised));
}

}  // namespace zone_listing_test
