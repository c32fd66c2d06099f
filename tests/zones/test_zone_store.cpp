// Journals and images on disk: what is committed is there again, whatever was cut off or damaged in between.
#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

#include "zones/load.hpp"
#include "zones/zone_store.hpp"

using namespace placard;
using namespace placard::zones;
namespace fs = std::filesystem;

namespace {

wire::Name origin() {
  return *wire::Name::from_text("example.org");
}

std::shared_ptr<const Zone> stored_zone(std::uint32_t serial, const std::string& more = {}) {
  auto zone =
      parse_zone("$TTL 300\n@ SOA ns hostmaster " + std::to_string(serial) +
                     " 3600 600 86400 60\n@ NS ns\nns A 192.0.2.1\nt TXT \"" + std::to_string(serial) + "\"\n" + more,
                 origin());
  REQUIRE(zone);
  return std::make_shared<const Zone>(*std::move(zone));
}

bool same_zone(const Zone& a, const Zone& b) {
  const auto changes = difference(a, b);
  return a.serial() == b.serial() && changes.removed.size() == 1 && changes.added.size() == 1;
}

struct StoreFolder {
  fs::path path = fs::temp_directory_path() / ("placard-store-" + std::to_string(::getpid()));
  StoreFolder() { fs::create_directories(path); }
  ~StoreFolder() { fs::remove_all(path); }
  ZoneStore store(std::uint64_t journal = 1U << 20U) const { return ZoneStore(path, origin(), {journal}); }
  fs::path journal() const { return path / "example.org.journal"; }
  fs::path image() const { return path / "example.org.zone"; }
};

}  // namespace

TEST_CASE("what was committed is there after a restart") {
  StoreFolder folder;
  {
    auto store = folder.store();
    CHECK_FALSE(store.load().zone);
    REQUIRE(store.commit(*stored_zone(1), 1, nullptr));
    for (std::uint32_t i = 2; i <= 50; ++i)
      REQUIRE(store.commit(*stored_zone(i), difference(*stored_zone(i - 1), *stored_zone(i))));
    store.confirm(1'800'000'000);
  }
  auto again = folder.store();
  const auto found = again.load();
  REQUIRE(found.zone);
  CHECK(found.notes.empty());
  CHECK(found.file_serial == 1U);
  CHECK(found.confirmed_at == 1'800'000'000);
  CHECK(same_zone(*found.zone, *stored_zone(50)));
  const auto chain = again.journal().chain_from(20);
  REQUIRE(chain);
  REQUIRE(*chain);
  CHECK((*chain)->size() == 30);
  CHECK((*again.journal().chain_from(50))->empty());
  CHECK_FALSE(*again.journal().chain_from(99));
  REQUIRE(again.remove());
  CHECK_FALSE(fs::exists(folder.image()));
}

TEST_CASE("a journal that ends anywhere is cut to its last whole entry") {
  StoreFolder folder;
  {
    auto store = folder.store();
    store.load();
    REQUIRE(store.commit(*stored_zone(1), {}, nullptr));
    for (std::uint32_t i = 2; i <= 4; ++i)
      REQUIRE(store.commit(*stored_zone(i), difference(*stored_zone(i - 1), *stored_zone(i))));
  }
  const auto whole = fs::file_size(folder.journal());
  const auto saved = folder.path / "saved";
  fs::copy_file(folder.journal(), saved);
  for (std::uintmax_t size = 0; size < whole; ++size) {
    fs::copy_file(saved, folder.journal(), fs::copy_options::overwrite_existing);
    fs::resize_file(folder.journal(), size);
    auto store = folder.store();
    const auto found = store.load();
    REQUIRE(found.zone);
    const auto serial = found.zone->serial();
    CHECK(serial >= 1);
    CHECK(serial < 4);
    CHECK(same_zone(*found.zone, *stored_zone(serial)));
    REQUIRE(store.commit(*stored_zone(9), difference(*stored_zone(serial), *stored_zone(9))));
    CHECK(same_zone(*folder.store().load().zone, *stored_zone(9)));
    if (size + 1 == whole) CHECK(serial == 3);
  }
}

TEST_CASE("a damaged octet anywhere loses no version before it") {
  StoreFolder folder;
  {
    auto store = folder.store();
    store.load();
    REQUIRE(store.commit(*stored_zone(1), {}, nullptr));
    REQUIRE(store.commit(*stored_zone(2), difference(*stored_zone(1), *stored_zone(2))));
  }
  for (const auto& path : {folder.journal(), folder.image()}) {
    std::string good;
    {
      std::ifstream in(path, std::ios::binary);
      good.assign(std::istreambuf_iterator<char>(in), {});
    }
    for (std::size_t at = 0; at < good.size(); at += 3) {
      auto bad = good;
      bad[at] = static_cast<char>(bad[at] ^ 0x20);
      std::ofstream(path, std::ios::binary) << bad;
      const auto found = folder.store().load();
      if (path == folder.image()) {
        CHECK_FALSE(found.zone);
        CHECK(found.notes.size() == 1);
      } else {
        REQUIRE(found.zone);
        CHECK(same_zone(*found.zone, *stored_zone(found.zone->serial())));
      }
      std::ofstream(path, std::ios::binary) << good;
      if (path == folder.image()) continue;
      std::ofstream(folder.journal(), std::ios::binary) << good;
    }
  }
}

TEST_CASE("the journal stays within its limit and the zone stays whole") {
  StoreFolder folder;
  const std::uint64_t limit = 20'000;
  auto store = folder.store(limit);
  store.load();
  REQUIRE(store.commit(*stored_zone(1), {}, nullptr));
  for (std::uint32_t i = 2; i <= 500; ++i) {
    REQUIRE(store.commit(*stored_zone(i), difference(*stored_zone(i - 1), *stored_zone(i))));
    CHECK(fs::file_size(folder.journal()) <= limit);
    CHECK(store.journal().octets() == fs::file_size(folder.journal()));
  }
  CHECK(*store.journal().chain_from(480));
  CHECK_FALSE(*store.journal().chain_from(2));
  CHECK(same_zone(*folder.store(limit).load().zone, *stored_zone(500)));

  std::string much;
  for (int i = 0; i < 500; ++i) much += "n" + std::to_string(i) + " TXT \"much\"\n";
  const auto large = stored_zone(501, much);
  REQUIRE(store.commit(*large, difference(*stored_zone(500), *large)));
  CHECK(store.journal().entries().empty());
  CHECK(same_zone(*folder.store(limit).load().zone, *large));
}

TEST_CASE("a new line of versions is not continued by the old one's journal") {
  StoreFolder folder;
  {
    auto store = folder.store();
    store.load();
    REQUIRE(store.commit(*stored_zone(1), {}, nullptr));
    for (std::uint32_t i = 2; i <= 4; ++i)
      REQUIRE(store.commit(*stored_zone(i), difference(*stored_zone(i - 1), *stored_zone(i))));
    fs::copy_file(folder.journal(), folder.path / "old");
    REQUIRE(store.commit(*stored_zone(2, "x TXT \"other\"\n"), {}, nullptr));
  }
  // As if the machine had stopped before the journal was begun anew.
  fs::copy_file(folder.path / "old", folder.journal(), fs::copy_options::overwrite_existing);
  auto store = folder.store();
  CHECK(same_zone(*store.load().zone, *stored_zone(2, "x TXT \"other\"\n")));
  CHECK(store.journal().entries().empty());
}

TEST_CASE("files that cannot be opened are an error of each commit") {
  StoreFolder folder;
  fs::create_directory(folder.journal());  // nobody can write there, root neither
  auto store = folder.store();
  CHECK_FALSE(store.load().zone);
  CHECK_FALSE(store.is_open());
  CHECK_FALSE(store.commit(*stored_zone(1), 1, nullptr));
  CHECK_FALSE(store.commit(*stored_zone(2), difference(*stored_zone(1), *stored_zone(2))));
  fs::remove(folder.journal());
  std::vector<std::string> notes;
  REQUIRE(store.open_journal(1, notes));
  REQUIRE(store.commit(*stored_zone(2), difference(*stored_zone(1), *stored_zone(2))));
  const auto found = folder.store().load();
  REQUIRE(found.zone);
  CHECK(same_zone(*found.zone, *stored_zone(2)));
}

TEST_CASE("what is committed to a zone that was let go is written nowhere") {
  StoreFolder folder;
  auto store = folder.store();
  store.load();
  REQUIRE(store.commit(*stored_zone(1), 1, nullptr));
  REQUIRE(store.remove());
  CHECK_FALSE(store.commit(*stored_zone(2), difference(*stored_zone(1), *stored_zone(2))));
  CHECK_FALSE(store.commit(*stored_zone(2), std::nullopt, nullptr));
  std::vector<std::string> notes;
  CHECK_FALSE(store.open_journal(1, notes));
  CHECK_FALSE(fs::exists(folder.image()));
  CHECK_FALSE(fs::exists(folder.journal()));
}

TEST_CASE("a commit after one that failed is there after a restart") {
  // Another version of the serial that the refused one had: what is found must be the one that was accepted.
  const auto other_zone = [](std::uint32_t serial) { return stored_zone(serial, "other A 192.0.2.99\n"); };
  const auto block = [](const fs::path& path) { fs::create_directory(path.string() + ".new"); };
  const auto unblock = [](const fs::path& path) { fs::remove(path.string() + ".new"); };
  StoreFolder folder;
  auto store = folder.store(2'000);
  store.load();
  REQUIRE(store.commit(*stored_zone(1), 1, nullptr));
  std::uint32_t at = 1;
  const auto next = [&](const std::shared_ptr<const Zone>& before) {
    return store.commit(*stored_zone(at + 1), difference(*before, *stored_zone(at + 1)));
  };
  SECTION("no room for the image when the journal is full") {
    block(folder.image());
    while (next(stored_zone(at))) ++at;
    unblock(folder.image());
  }
  SECTION("no room for the journal behind a new image") {
    REQUIRE(next(stored_zone(at)));
    ++at;
    block(folder.journal());
    CHECK_FALSE(store.commit(*stored_zone(at + 1), std::nullopt, nullptr));
    unblock(folder.journal());
  }
  CAPTURE(at);
  REQUIRE(store.commit(*other_zone(at + 1), difference(*stored_zone(at), *other_zone(at + 1))));
  REQUIRE(store.commit(*other_zone(at + 2), difference(*other_zone(at + 1), *other_zone(at + 2))));
  const auto found = folder.store().load();
  REQUIRE(found.zone);
  CHECK(found.notes.empty());
  CHECK(same_zone(*found.zone, *other_zone(at + 2)));
}

TEST_CASE("names of files") {
  CHECK(file_name_of(wire::NameView()) != file_name_of(*wire::Name::from_text("root")));
  CHECK(file_name_of(*wire::Name::from_text("EXAMPLE.org")) == "example.org");
  CHECK(file_name_of(*wire::Name::from_text("1/2.example")) == "1%2f2.example");
  const std::string label(60, 'x');
  const auto longest = *wire::Name::from_text(label + "." + label + "." + label + "." + label);
  CHECK(file_name_of(longest).size() < 240);
}
