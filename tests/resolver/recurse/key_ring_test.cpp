// Keys that are ready for use belong to a DNSKEY set, however often the cache is asked for that.
#include <catch2/catch.hpp>

#include "resolver/recurse/validation.hpp"
#include "zones/wire/ldns_adapter.hpp"

namespace placard::recurse {
namespace {

constexpr std::int64_t kNow = 1'800'000'000;
constexpr auto kDnskey = wire::RecordType::dnskey;

/// A zone's one key, as the cache has it: each time it is asked.
EntryPointer stored(Cache& cache, const std::string& key) {
  const auto record = wire::record_from_text("example. 60 IN DNSKEY 257 3 15 " + key, wire::NameView{}, 300);
  REQUIRE(record);
  wire::RecordSet set;
  set.owner = record->owner;
  set.type = kDnskey;
  set.ttl = record->ttl;
  set.rdatas.add(record->rdata);
  cache.store(set, Credibility::answer_aa, kNow);
  return cache.find(record->owner, kDnskey, kNow);
}

TEST_CASE("keys made of a DNSKEY set are found by each later entry of it, and by no other set") {
  Cache cache({});
  KeyRing ring(10);
  const auto first = stored(cache, "l02Woi0iS8Aa25FQkUd9RMzZHJpBoRQwAQEX1SxZJA4=");
  CHECK_FALSE(ring.find(first));
  const auto keys = validate::make_zone_keys(first->set, {});
  ring.keep(first, keys);
  CHECK(ring.find(cache.find(first->set.owner, kDnskey, kNow + 1)) == keys);
  CHECK_FALSE(ring.find(stored(cache, "zPnZ/QwEe7S8C5SPz2OfS5RR40ATk2/rYnE9xHIEijs=")));
}

}  // namespace
}  // namespace placard::recurse
