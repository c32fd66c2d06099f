#include <catch2/catch.hpp>

#include <malloc.h>

#include <string>

#include "resolver/recurse/cache.hpp"
#include "tests/names.hpp"
#include "tests/resolver/recurse/cached.hpp"
#include "zones/wire/ldns_adapter.hpp"

namespace placard::recurse {
namespace {

using placard::tests::name;

wire::RecordSet set(const std::string& line) {
  const auto record = wire::record_from_text(line, wire::NameView{}, 300);
  REQUIRE(record);
  wire::RecordSet made;
  made.owner = record->owner;
  made.type = record->type;
  made.ttl = record->ttl;
  made.rdatas.add(record->rdata);
  return made;
}

TEST_CASE("what is stored is found, whatever the case of the name, as long as it is fresh") {
  Cache cache({});
  cache.store(set("www.example. 60 IN A 192.0.2.1"), Credibility::answer_aa, kNow);
  const auto found = cache.find(name("WWW.Example."), kA, kNow + 59);
  REQUIRE(found);
  CHECK(found->ttl_at(kNow + 59) == 1);
  CHECK(found->fresh(kNow + 59));
  CHECK(found->fresh(kNow - kSetBack));
  CHECK_FALSE(found->fresh(kNow - kSetBack - 1));
  const auto before = cache.find(name("www.example."), kA, kNow - kSetBack - 1);
  CHECK((before == nullptr || !before->fresh(kNow - kSetBack - 1)));
  const auto stale = cache.find(name("www.example."), kA, kNow + 60);
  REQUIRE(stale);
  CHECK_FALSE(stale->fresh(kNow + 60));
  CHECK_FALSE(cache.find(name("www.example."), wire::RecordType::aaaa, kNow));
  CHECK_FALSE(cache.find(name("w.example."), kA, kNow));
}

TEST_CASE("less credible data does not replace fresh data, but does replace expired data") {
  Cache cache({});
  cache.store(set("www.example. 60 IN A 192.0.2.1"), Credibility::answer_aa, kNow);
  const auto made = cache.store(set("www.example. 600 IN A 192.0.2.2"), Credibility::additional, kNow + 1);
  CHECK(made->credibility == Credibility::additional);
  CHECK(cache.find(name("www.example."), kA, kNow + 1)->credibility == Credibility::answer_aa);
  cache.store(set("www.example. 600 IN A 192.0.2.2"), Credibility::additional, kNow + 60);
  CHECK(cache.find(name("www.example."), kA, kNow + 60)->credibility == Credibility::additional);
  cache.store(set("www.example. 600 IN A 192.0.2.3"), Credibility::answer_no_aa, kNow + 61);
  CHECK(cache.find(name("www.example."), kA, kNow + 61)->credibility == Credibility::answer_no_aa);
}

TEST_CASE("TTLs stay within the limits, and TTL 0 is not kept") {
  CacheLimits limits;
  limits.max_ttl = 100;
  limits.max_negative_ttl = 50;
  Cache cache(limits);
  cache.store(set("long.example. 100000 IN A 192.0.2.1"), Credibility::answer_aa, kNow);
  CHECK(cache.find(name("long.example."), kA, kNow)->ttl_at(kNow) == 100);
  CHECK(cache.store(set("zero.example. 0 IN A 192.0.2.1"), Credibility::answer_aa, kNow)->set.rdatas.size() == 1);
  CHECK_FALSE(cache.find(name("zero.example."), kA, kNow));
  cache.store_negative(CacheKind::nodata, name("no.example."), kA, {}, 100'000, kNow);
  CHECK(cache.find(name("no.example."), kA, kNow)->ttl_at(kNow) == 50);
}

CacheEntry proven_denial() {
  CacheEntry denial;
  denial.security = validate::Security::secure;
  return denial;
}

TEST_CASE("NXDOMAIN that nobody signed holds for its very name: some servers deny what only has names below") {
  Cache cache({});
  cache.store_negative(CacheKind::nxdomain, name("gone.example."), kA, {}, 60, kNow);
  CHECK(cache.find(name("gone.example."), wire::RecordType::txt, kNow)->kind == CacheKind::nxdomain);
  CHECK_FALSE(cache.find(name("a.gone.example."), kA, kNow));
  SECTION("nor does it hide what is proven above it") {
    cache.store_negative(CacheKind::nxdomain, name("example."), kA, proven_denial(), 60, kNow);
    const auto below = cache.find(name("a.gone.example."), kA, kNow);
    REQUIRE(below);
    CHECK(below->security == validate::Security::secure);
  }
}

TEST_CASE("a proven NXDOMAIN holds for all types and all names below, while it is fresh") {
  Cache cache({});
  cache.store_negative(CacheKind::nxdomain, name("gone.example."), kA, proven_denial(), 60, kNow);
  const auto below = cache.find(name("a.b.gone.example."), wire::RecordType::mx, kNow);
  REQUIRE(below);
  CHECK(below->kind == CacheKind::nxdomain);
  CHECK(cache.find(name("gone.example."), wire::RecordType::txt, kNow)->kind == CacheKind::nxdomain);
  CHECK_FALSE(cache.find(name("example."), kA, kNow));
  CHECK_FALSE(cache.find(name("a.b.gone.example."), kA, kNow + 60));
  CHECK_FALSE(cache.find(name("a.b.gone.example."), kA, kNow, name("b.gone.example.")));  // nothing above `top` counts
  SECTION("until the name exists again") {
    cache.store(set("gone.example. 60 IN A 192.0.2.1"), Credibility::answer_aa, kNow + 1);
    CHECK(cache.find(name("gone.example."), kA, kNow + 1)->kind == CacheKind::records);
    CHECK_FALSE(cache.find(name("a.gone.example."), kA, kNow + 1));
  }
  SECTION("and what was known of a name below stays known") {
    cache.store(set("a.gone.example. 60 IN A 192.0.2.1"), Credibility::answer_aa, kNow + 1);
    CHECK(cache.find(name("a.gone.example."), kA, kNow + 1)->kind == CacheKind::records);
  }
}

TEST_CASE("a failure hides what has expired, but does not replace it") {
  Cache cache({});
  cache.store(set("www.example. 60 IN A 192.0.2.1"), Credibility::answer_aa, kNow);
  cache.store_negative(CacheKind::failure, name("www.example."), kA, {}, 100'000, kNow + 61);
  CHECK(cache.find(name("www.example."), kA, kNow + 61)->kind == CacheKind::failure);
  CHECK(cache.find(name("www.example."), kA, kNow + 61)->ttl_at(kNow + 61) == 300);  // RFC 9520's limit
  REQUIRE(cache.find_stale(name("www.example."), kA));
  CHECK(cache.find_stale(name("www.example."), kA)->kind == CacheKind::records);
}

TEST_CASE("delegations are apart from NS answers, and the deepest one is found") {
  Cache cache({});
  CHECK_FALSE(cache.find_delegation(name("www.zone.example."), kNow));
  cache.store_delegation(set("example. 600 IN NS ns.example."), {{0, *net::Address::from_text("192.0.2.1")}}, {}, kNow);
  cache.store_delegation(set("zone.example. 60 IN NS ns.zone.example."), {}, {}, kNow);
  cache.store(set("zone.example. 6000 IN NS other.example."), Credibility::answer_aa, kNow);
  CHECK(cache.find_delegation(name("www.zone.example."), kNow)->set.owner == name("zone.example."));
  CHECK(cache.find_delegation(name("www.zone.example."), kNow + 60)->set.owner == name("example."));
  CHECK(cache.find(name("zone.example."), wire::RecordType::ns, kNow + 60)->fresh(kNow + 60));
  CHECK_FALSE(cache.find(name("example."), wire::RecordType::ns, kNow));
}

TEST_CASE("flushing a name, and a subtree") {
  Cache cache({});
  for (const char* line : {"a.example. 60 IN A 192.0.2.1", "a.example. 60 IN TXT \"x\"",
                           "b.a.example. 60 IN A 192.0.2.1", "c.example. 60 IN A 192.0.2.1"}) {
    cache.store(set(line), Credibility::answer_aa, kNow);
  }
  CHECK(cache.flush_name(name("A.example.")) == 2);
  CHECK(cache.find(name("b.a.example."), kA, kNow));
  CHECK(cache.flush_subtree(name("a.example.")) == 1);
  CHECK(cache.find(name("c.example."), kA, kNow));
  cache.flush_all();
  CHECK(cache.counters().entries == 0);
}

TEST_CASE("memory stays below the limit under churn, and what is used stays") {
  CacheLimits limits;
  limits.memory = 4U << 20U;
  Cache cache(limits);
  const auto store = [&](const std::string& owner, int records) {
    wire::RecordSet made;
    made.owner = name(owner);
    made.type = wire::RecordType::txt;
    made.ttl = 3600;
    for (int i = 0; i < records; ++i)
      made.rdatas.add(std::vector<std::uint8_t>(static_cast<std::size_t>(20 + i), static_cast<std::uint8_t>(i)));
    cache.store(std::move(made), Credibility::answer_aa, kNow);
  };
  const auto used = [&](int i) { return name("used" + std::to_string(i) + ".example."); };
  for (int i = 0; i < 200; ++i) store("used" + std::to_string(i) + ".example.", 2);
  std::size_t lost = 0;
  for (int i = 0; i < 60'000; ++i) {  // a flood of random subdomains, with real questions between
    store("random" + std::to_string(i) + ".flooded.example.", i % 13);
    if (!cache.find(used(i % 200), wire::RecordType::txt, kNow)) {
      ++lost;
      store("used" + std::to_string(i % 200) + ".example.", 2);
    }
    REQUIRE(cache.counters().memory <= limits.memory);
  }
  CHECK(lost == 0);
  CHECK(cache.counters().evicted > 40'000);
}

TEST_CASE("the memory counted is the memory taken") {
  CacheLimits limits;
  limits.memory = 32U << 20U;
  const auto taken_before = mallinfo2().uordblks;
  Cache cache(limits);
  for (int i = 0; i < 40'000; ++i) {
    cache.store(set("name" + std::to_string(i) + ".example. 3600 IN A 192.0.2.1"), Credibility::answer_aa, kNow);
  }
  const auto taken = static_cast<double>(mallinfo2().uordblks - taken_before);
  const auto counted = static_cast<double>(cache.counters().memory);
#ifndef PLACARD_SANITIZED  // whose allocators don't tell
  CHECK(taken <= counted * 1.05);
  CHECK(taken >= counted * 0.8);
#endif
  CHECK(counted <= static_cast<double>(limits.memory));
}

TEST_CASE("the heap stays near the limit under churn of entries of all sizes and kinds") {
  CacheLimits limits;
  limits.memory = 16U << 20U;
  const auto taken_before = mallinfo2().uordblks;
  Cache cache(limits);
  std::size_t most = 0;
  for (int i = 0; i < 120'000; ++i) {
    const std::string owner = std::string(static_cast<std::size_t>(i % 50 + 1), 'a') + std::to_string(i) + ".example.";
    wire::RecordSet made;
    made.owner = name(owner);
    made.type = wire::RecordType::txt;
    made.ttl = 3600;
    for (int n = 0; n <= i % 5; ++n) {
      const std::vector<std::uint8_t> rdata(static_cast<std::size_t>((i * 31 + n * 97) % 700 + 1), 1);
      made.rdatas.add(rdata);
    }
    if (i % 7 == 0) {
      CacheEntry denial;
      denial.set = set("example. 3600 IN SOA ns.example. root.example. 1 2 3 4 5");
      cache.store_negative(i % 14 == 0 ? CacheKind::nodata : CacheKind::nxdomain, made.owner, kA, std::move(denial),
                           300, kNow);
    } else {
      std::vector<wire::RecordSet> proof;
      if (i % 11 == 0) proof.push_back(made);
      cache.store(std::move(made), Credibility::answer_aa, kNow, std::move(proof));
    }
    if (i % 1'000 == 0) most = std::max(most, mallinfo2().uordblks - taken_before);
  }
  CHECK(cache.counters().memory <= limits.memory);
  CHECK(cache.counters().memory > limits.memory * 9 / 10);
  CHECK(cache.counters().evicted > 80'000);
#ifndef PLACARD_SANITIZED  // whose allocators don't tell
  CHECK(static_cast<double>(most) <= static_cast<double>(limits.memory) * 1.05);
#endif
}

TEST_CASE("flushing one type of a name") {
  Cache cache({});
  cache.store(set("www.example. 60 IN A 192.0.2.1"), Credibility::answer_aa, kNow);
  cache.store(set("www.example. 60 IN AAAA 2001:db8::1"), Credibility::answer_aa, kNow);
  cache.store(set("a.www.example. 60 IN A 192.0.2.1"), Credibility::answer_aa, kNow);
  CHECK(cache.flush_type(name("www.example."), kA) == 1);
  CHECK_FALSE(cache.find(name("www.example."), kA, kNow));
  CHECK(cache.find(name("www.example."), wire::RecordType::aaaa, kNow));
  CHECK(cache.find(name("a.www.example."), kA, kNow));
  cache.store_negative(CacheKind::nxdomain, name("no.example."), kA, {}, 60, kNow);
  CHECK(cache.flush_type(name("no.example."), wire::RecordType::mx) == 1);  // it would answer that, too
  CHECK_FALSE(cache.find(name("no.example."), kA, kNow));
}

TEST_CASE("an entry is kept in little more than its octets, and comes back as it was") {
  Cache cache({});
  wire::RecordSet many;
  many.owner = name("WWW.example.");
  many.ttl = 60;
  for (int i = 0; i < 33; ++i) many.rdatas.add(net::Address::from_text("192.0.2." + std::to_string(i))->bytes());
  many.signatures.add(std::vector<std::uint8_t>(100, 7));
  auto proof = set("Example. 60 IN NSEC z.example. A");
  const std::size_t octets =
      many.rdatas.packed().size() + many.signatures.packed().size() + proof.rdatas.packed().size();
  const std::size_t before = cache.counters().memory;
  cache.store(many, Credibility::answer_aa, kNow, {proof}, validate::Security::secure);
  const std::size_t held = cache.counters().memory - before;
  CHECK(held >= octets);
  CHECK(held <= octets + 160);
  const auto found = cache.find(name("www.example."), kA, kNow + 1);
  REQUIRE(found);
  CHECK(found->set.owner.to_text() == "WWW.example.");
  CHECK(found->set.rdatas == many.rdatas);
  CHECK(found->set.signatures == many.signatures);
  CHECK(found->security == validate::Security::secure);
  REQUIRE(found->proof.size() == 1);
  CHECK(found->proof[0].owner.to_text() == "Example.");
  CHECK(found->proof[0].type == wire::RecordType::nsec);
  CHECK(found->proof[0].rdatas == proof.rdatas);

  auto ns = set("zone.example. 60 IN NS ns.zone.example.");
  cache.store_delegation(ns, {{0, *net::Address::from_text("192.0.2.1")}, {0, *net::Address::from_text("2001:db8::1")}},
                         {}, kNow);
  const auto delegation = cache.find_delegation(name("a.zone.example."), kNow);
  REQUIRE(delegation);
  REQUIRE(delegation->glue.size() == 2);
  CHECK(delegation->glue[1].address.to_text() == "2001:db8::1");

  CacheEntry failed;
  failed.error = wire::ExtendedError{wire::EdeCode::other, "no answer"};
  failed.bogus = true;
  cache.store_negative(CacheKind::failure, name("bad.example."), kA, failed, 60, kNow);
  const auto failure = cache.find(name("bad.example."), kA, kNow);
  REQUIRE(failure);
  CHECK(failure->bogus);
  REQUIRE(failure->error);
  CHECK(failure->error->extra_text == "no answer");
}

TEST_CASE("a delegation ends when it is told to") {
  Cache cache({});
  cache.store_delegation(set("zone.example. 600 IN NS ns.zone.example."), {}, {}, kNow, kNow + 10);
  CHECK(cache.find_delegation(name("www.zone.example."), kNow + 9));
  CHECK_FALSE(cache.find_delegation(name("www.zone.example."), kNow + 10));
}

}  // namespace
}  // namespace placard::recurse
