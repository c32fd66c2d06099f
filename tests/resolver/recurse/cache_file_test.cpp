// The cache as a file: what was written comes back, what is broken is refused whole, what cannot be is left out.
#include "resolver/recurse/cache_file.hpp"

#include <catch2/catch.hpp>
#include <cstdlib>
#include <fstream>

#include "tests/names.hpp"
#include "tests/resolver/recurse/cached.hpp"
#include "zones/wire/ldns_adapter.hpp"

namespace placard::recurse {
namespace {

constexpr std::uint32_t kMaxTtl = 86'400;

using placard::tests::name;

wire::RecordSet set(std::initializer_list<const char*> lines) {
  wire::RecordSet made;
  for (const char* line : lines) {
    const auto record = wire::record_from_text(line, wire::NameView{}, 300);
    REQUIRE(record);
    made.owner = record->owner;
    made.type = record->type;
    made.ttl = record->ttl;
    made.rdatas.add(record->rdata);
  }
  return made;
}

class Folder {
 public:
  Folder() {
    char pattern[] = "/tmp/placard-cache-XXXXXX";
    REQUIRE(mkdtemp(pattern));
    path_ = pattern;
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  std::filesystem::path operator/(const char* file) const { return path_ / file; }

 private:
  std::filesystem::path path_;
};

std::vector<char> octets_of(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void write(const std::filesystem::path& path, const std::vector<char>& octets) {
  std::ofstream(path, std::ios::binary).write(octets.data(), static_cast<std::streamsize>(octets.size()));
}

/// One of each kind.
void fill(Cache& cache) {
  cache.store(set({"www.example. 600 IN A 192.0.2.1", "www.example. 600 IN A 192.0.2.2"}), Credibility::answer_aa, kNow,
              {set({"example. 600 IN NSEC z.example. A NSEC"})});
  CacheEntry denial;
  denial.set = set({"example. 600 IN SOA ns.example. root.example. 1 2 3 4 5"});
  cache.store_negative(CacheKind::nodata, name("www.example."), wire::RecordType::mx, denial, 300, kNow);
  denial.security = validate::Security::secure;  // so it holds for what is below, too
  cache.store_negative(CacheKind::nxdomain, name("no.example."), kA, denial, 300, kNow);
  cache.store_negative(CacheKind::failure, name("broken.example."), kA, {}, 300, kNow);
  cache.store_delegation(
      set({"example. 3600 IN NS ns.example.", "example. 3600 IN NS ns.example.net."}),
      {{0, *net::Address::from_text("192.0.2.53")}, {0, *net::Address::from_text("2001:db8::53")}},
      {set({"example. 3600 IN DS 1 8 2 00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"})}, kNow);
}

TEST_CASE("a cache that was saved is the same when loaded, but for failures", "[cache]") {
  const Folder folder;
  Cache before({});
  fill(before);
  const auto saved = save_cache(before, folder / "cache", kNow + 10);
  REQUIRE(saved);
  CHECK(saved->entries == 4);

  Cache after({});
  const auto loaded = load_cache(after, folder / "cache", kNow + 20, kMaxTtl);
  REQUIRE(loaded);
  CHECK(loaded->entries == 4);
  CHECK(loaded->left_out == 0);
  const auto records = after.find(name("www.example."), kA, kNow + 20);
  REQUIRE(records);
  CHECK(records->set.rdatas == before.find(name("www.example."), kA, kNow + 20)->set.rdatas);
  CHECK(records->ttl_at(kNow + 20) == 580);
  REQUIRE(records->proof.size() == 1);
  CHECK(records->proof[0].type == wire::RecordType::nsec);
  CHECK(after.find(name("www.example."), wire::RecordType::mx, kNow + 20)->kind == CacheKind::nodata);
  const auto denied = after.find(name("below.no.example."), kA, kNow + 20);
  REQUIRE(denied);
  CHECK(denied->kind == CacheKind::nxdomain);
  CHECK(denied->set.type == wire::RecordType::soa);
  const auto delegation = after.find_delegation(name("a.example."), kNow + 20);
  REQUIRE(delegation);
  REQUIRE(delegation->glue.size() == 2);
  CHECK(delegation->glue[1].address.to_text() == "2001:db8::53");
  CHECK(delegation->proof.size() == 1);
  CHECK_FALSE(after.find(name("broken.example."), kA, kNow + 20));
}

TEST_CASE("what has expired since, or lies in the future, is left out", "[cache]") {
  const Folder folder;
  Cache before({});
  fill(before);
  REQUIRE(save_cache(before, folder / "cache", kNow));
  Cache late({});
  CHECK(load_cache(late, folder / "cache", kNow + 400, kMaxTtl)->entries == 2);
  CHECK_FALSE(late.find(name("no.example."), kA, kNow + 400));
  Cache early({});
  CHECK(load_cache(early, folder / "cache", kNow - 1, kMaxTtl)->left_out == 4);
  Cache strict({});
  CHECK(load_cache(strict, folder / "cache", kNow, 600)->entries == 3);
}

TEST_CASE("what is in the cache already stays", "[cache]") {
  const Folder folder;
  Cache before({});
  fill(before);
  REQUIRE(save_cache(before, folder / "cache", kNow));
  Cache after({});
  after.store(set({"www.example. 60 IN A 198.51.100.1"}), Credibility::answer_no_aa, kNow + 5);
  REQUIRE(load_cache(after, folder / "cache", kNow + 5, kMaxTtl));
  CHECK(after.find(name("www.example."), kA, kNow + 5)->set.rdatas.size() == 1);
}

TEST_CASE("a large cache goes into a small one within its limit, what was used first", "[cache]") {
  const Folder folder;
  CacheLimits limits;
  limits.memory = 32U << 20U;
  Cache before(limits);
  for (int i = 0; i < 20'000; ++i) {
    auto one = set({"x.example. 3600 IN A 192.0.2.1"});
    one.owner = name("n" + std::to_string(i) + ".example.");
    before.store(std::move(one), Credibility::answer_aa, kNow);
    if (i % 20 == 0) before.find(name("n" + std::to_string(i) + ".example."), kA, kNow);
  }
  REQUIRE(save_cache(before, folder / "cache", kNow)->entries == 20'000);
  limits.memory = 4U << 20U;
  Cache after(limits);
  REQUIRE(load_cache(after, folder / "cache", kNow, kMaxTtl));
  CHECK(after.counters().memory <= limits.memory);
  int kept = 0;
  for (int i = 0; i < 20'000; i += 20)
    kept += after.find(name("n" + std::to_string(i) + ".example."), kA, kNow) ? 1 : 0;
  CHECK(kept > 900);
}

TEST_CASE("what validation made of an entry is kept, and what nobody validated is refused where that counts",
          "[cache]") {
  const Folder folder;
  CacheLimits validating;
  validating.validated = true;
  Cache before(validating), without({});
  wire::RecordSet set;
  set.owner = *wire::Name::from_text("www.example.");
  set.ttl = 300;
  set.rdatas.add(std::vector<std::uint8_t>{192, 0, 2, 1});
  const wire::NameView name = set.owner;
  before.store(set, Credibility::answer_aa, kNow, {}, validate::Security::unchecked);
  before.store(set, Credibility::answer_aa, kNow, {}, validate::Security::secure);
  without.store(set, Credibility::answer_aa, kNow);
  REQUIRE(save_cache(before, folder / "cache", kNow));
  Cache after(validating);
  REQUIRE(load_cache(after, folder / "cache", kNow, kMaxTtl)->entries == 2);
  CHECK(after.find(name, wire::RecordType::a, kNow)->security == validate::Security::secure);
  after.flush_name(name);
  Cache unchecked(validating);
  unchecked.store(set, Credibility::answer_aa, kNow, {}, validate::Security::unchecked);
  REQUIRE(save_cache(unchecked, folder / "unchecked", kNow));
  REQUIRE(load_cache(after, folder / "unchecked", kNow, kMaxTtl));
  CHECK(after.find(name, wire::RecordType::a, kNow) == nullptr);
  CHECK(after.find(name, wire::RecordType::a, kNow, {}, Realm::unchecked) != nullptr);
  REQUIRE(save_cache(without, folder / "without", kNow));
  CHECK(load_cache(after, folder / "without", kNow, kMaxTtl).error() == "it was written without DNSSEC validation");
}

TEST_CASE("a file that is not whole is refused, and nothing of it is believed", "[cache]") {
  const Folder folder;
  Cache before({});
  fill(before);
  REQUIRE(save_cache(before, folder / "cache", kNow));
  const auto good = octets_of(folder / "cache");
  const auto refused = [&](const std::vector<char>& octets) -> std::string {
    write(folder / "bad", octets);
    Cache after({});
    const auto loaded = load_cache(after, folder / "bad", kNow, kMaxTtl);
    CHECK(after.counters().entries == 0);
    return loaded ? "loaded" : loaded.error();
  };
  for (std::size_t size = 0; size < good.size(); ++size) {
    CHECK(refused({good.begin(), good.begin() + static_cast<std::ptrdiff_t>(size)}) != "loaded");
  }
  for (std::size_t at = 0; at < good.size(); ++at) {
    if (at >= 16 && at < 24) continue;  // when it was written
    auto bad = good;
    bad[at] = static_cast<char>(bad[at] ^ 0x41);
    INFO(at);
    CHECK(refused(bad) != "loaded");
  }
  auto longer = good;
  longer.push_back(0);
  CHECK(refused(longer) == "something stands behind its end");
  auto other = good;
  other[11] = 3;
  CHECK(refused(other) == "it has version 3; this program reads version 2");
  Cache after({});
  CHECK_FALSE(load_cache(after, folder / "none", kNow, kMaxTtl));
  CHECK_FALSE(load_cache(after, "/dev/zero", kNow, kMaxTtl));
  CHECK_FALSE(load_cache(after, "/", kNow, kMaxTtl));
  CHECK_FALSE(save_cache(before, folder / "no/such/folder", kNow));
}

TEST_CASE("entries that cannot be are left out", "[cache]") {
  const auto sound = [] {
    Cached cached;
    cached.name = name("www.example.");
    cached.type = kA;
    auto entry = std::make_shared<CacheEntry>();
    entry->credibility = Credibility::answer_aa;
    entry->set = set({"www.example. 600 IN A 192.0.2.1"});
    entry->stored_at = kNow;
    entry->expires_at = kNow + 600;
    return std::pair{cached, entry};
  };
  const auto plausible = [](Cached cached, std::shared_ptr<CacheEntry> entry) {
    cached.entry = std::move(entry);
    return is_plausible(cached, kNow + 1, kMaxTtl);
  };
  {
    auto [cached, entry] = sound();
    CHECK(plausible(cached, entry));
    cached.name = name("other.example.");
    CHECK_FALSE(plausible(cached, entry));
  }
  {
    auto [cached, entry] = sound();
    cached.type = wire::RecordType::aaaa;
    CHECK_FALSE(plausible(cached, entry));
  }
  {
    auto [cached, entry] = sound();
    entry->kind = CacheKind::failure;
    CHECK_FALSE(plausible(cached, entry));
    entry->kind = CacheKind::delegation;
    CHECK_FALSE(plausible(cached, entry));
    entry->kind = CacheKind::nxdomain;
    CHECK_FALSE(plausible(cached, entry));
  }
  {
    auto [cached, entry] = sound();
    cached.type = wire::RecordType::ns;
    cached.name = name("example.");
    entry->kind = CacheKind::delegation;
    entry->set = set({"example. 600 IN NS ns.example."});
    CHECK(plausible(cached, entry));
    entry->glue.push_back({1, *net::Address::from_text("192.0.2.1")});  // of a server that is not there
    CHECK_FALSE(plausible(cached, entry));
  }
  {
    auto [cached, entry] = sound();
    entry->kind = CacheKind::nodata;
    entry->set = set({"elsewhere. 600 IN SOA a. b. 1 2 3 4 5"});  // a zone that does not have the name
    CHECK_FALSE(plausible(cached, entry));
  }
  std::vector<std::uint8_t> octets;
  auto [cached, entry] = sound();
  const std::vector<std::uint8_t> three{1, 2, 3};
  entry->set.rdatas.add(three);  // no address
  cached.entry = entry;
  put_cached(octets, cached);
  wire::Bytes rest(octets);
  CHECK_FALSE(take_cached(rest));
}

}  // namespace
}  // namespace placard::recurse
