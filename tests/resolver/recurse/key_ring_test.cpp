// Keys that are ready for use belong to a DNSKEY set, however often the cache is asked for that.
#include <catch2/catch.hpp>

#include "resolver/recurse/key_ring.hpp"
#include "tests/resolver/recurse/cached.hpp"
#include "zones/wire/dnssec_signing.hpp"
#include "zones/wire/ldns_adapter.hpp"

namespace placard::recurse {
namespace {

constexpr auto kDnskey = wire::RecordType::dnskey;

EntryPointer store(Cache& cache, const std::string& owner, wire::Bytes dnskey_rdata) {
  wire::RecordSet set;
  set.owner = *wire::Name::from_text(owner);
  set.type = kDnskey;
  set.ttl = 60;
  set.rdatas.add(dnskey_rdata);
  cache.store(set, Credibility::answer_aa, kNow);
  return cache.find(set.owner, kDnskey, kNow);
}

/// A zone's one key, as the cache has it: each time it is asked.
EntryPointer stored(Cache& cache, const std::string& key) {
  const auto record = wire::record_from_text("example. 60 IN DNSKEY 257 3 15 " + key, wire::NameView{}, 300);
  REQUIRE(record);
  return store(cache, "example.", record->rdata);
}

struct BusyZone {
  explicit BusyZone(KeyRing& ring, Cache& cache, const std::string& owner,
                    wire::PrivateKey key = *wire::PrivateKey::generate(wire::Algorithm::ecdsap256sha256))
      : secret(std::move(key)), keys(ring.make(store(cache, owner, wire::make_dnskey_rdata(secret, false)), {})) {}
  const wire::PublicKey& key() const { return keys->keys.front().key; }
  wire::PrivateKey secret;
  std::shared_ptr<const validate::ZoneKeys> keys;
};

TEST_CASE("keys made of a DNSKEY set are found by each later entry of it, and by no other set") {
  Cache cache({});
  KeyRing ring(10, 0);
  const auto first = stored(cache, "l02Woi0iS8Aa25FQkUd9RMzZHJpBoRQwAQEX1SxZJA4=");
  CHECK_FALSE(ring.find(first));
  const auto keys = validate::make_zone_keys(first->set, {});
  ring.keep(first, keys);
  CHECK(ring.find(cache.find(first->set.owner, kDnskey, kNow + 1)) == keys);
  CHECK_FALSE(ring.find(stored(cache, "zPnZ/QwEe7S8C5SPz2OfS5RR40ATk2/rYnE9xHIEijs=")));
}

TEST_CASE("zones with the same key share it") {
  Cache cache({});
  KeyRing ring(10, 0);
  const BusyZone one(ring, cache, "one."), two(ring, cache, "two.", one.secret), three(ring, cache, "three.");
  CHECK(one.key() == two.key());
  CHECK_FALSE(one.key() == three.key());
}

TEST_CASE("a key that verifies often is due for a table once; one that is used more takes that of the least used") {
  Cache cache({});
  KeyRing ring(10, 2);
  const BusyZone seldom(ring, cache, "seldom."), often(ring, cache, "often."), late(ring, cache, "late.");
  seldom.key().set_uses(KeyRing::kUsesForTable - 1);
  CHECK_FALSE(ring.due_for_table(*seldom.keys));
  CHECK(seldom.secret.sign({}).size() == wire::kSignatureSize);
  CHECK(seldom.key().verify({}, seldom.secret.sign({})));
  REQUIRE(ring.due_for_table(*seldom.keys) == seldom.key());
  CHECK_FALSE(ring.due_for_table(*seldom.keys));
  seldom.key().make_table();
  often.key().set_uses(9 * KeyRing::kUsesForTable);
  REQUIRE(ring.due_for_table(*often.keys));
  CHECK(ring.has_place(seldom.key()));

  late.key().set_uses(KeyRing::kUsesForTable);  // not more than twice what the least used has
  CHECK_FALSE(ring.due_for_table(*late.keys));
  CHECK(late.key().uses() == 0);
  CHECK(seldom.key().uses() == KeyRing::kUsesForTable / 2);  // what is long ago weighs less
  late.key().set_uses(2 * KeyRing::kUsesForTable);
  REQUIRE(ring.due_for_table(*late.keys) == late.key());
  CHECK_FALSE(ring.has_place(seldom.key()));
  CHECK_FALSE(seldom.key().has_table());
  CHECK(ring.has_place(often.key()));
}

}  // namespace
}  // namespace placard::recurse
