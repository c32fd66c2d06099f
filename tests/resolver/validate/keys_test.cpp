// Keys and signatures: every algorithm, what a DS vouches for, why something fails, and how much work it may cost.
#include "resolver/validate/keys.hpp"

#include <utility>

#include "tests/resolver/validate/lab.hpp"

using namespace placard;
using namespace placard::validate;
using namespace placard::validate::tests;
using wire::EdeCode;
using wire::RecordType;

namespace {

EdeCode reason_of_keys(const std::string& label, const Rules& rules = {}) {
  const auto zone = LabZone::of(label);
  Means means = plenty();
  const auto verdict = check_dnskeys(zone.dnskeys(), ds_of(label + ".lab."), rules, kNow, means);
  REQUIRE(verdict.is(Security::bogus));
  CHECK(verdict.error.extra_text.find(label + ".lab.") != std::string::npos);
  return verdict.error.code;
}

EdeCode reason_of_www(const std::string& label) {
  const auto zone = LabZone::of(label);
  Means means = plenty();
  const auto verdict = check_set(zone.set("www." + label + ".lab.", RecordType::a), *zone.keys(), {}, kNow, means);
  REQUIRE(verdict.is(Security::bogus));
  CHECK(verdict.error.extra_text.find(label + ".lab.") != std::string::npos);
  return verdict.error.code;
}

}  // namespace

TEST_CASE("keys: a DS, the key it means, what that signed; with every algorithm") {
  for (const std::string label : {"rsa", "ecdsa", "ecdsa384", "ed", "ed448"}) {
    INFO(label);
    const auto zone = LabZone::of(label);
    const auto vouchers = ds_of(label + ".lab.");
    CHECK(usable(vouchers, zone.name(), {}).is(Security::secure));
    Means means = plenty();
    const auto verdict = check_dnskeys(zone.dnskeys(), vouchers, {}, kNow, means);
    INFO(verdict.error.extra_text);
    CHECK(verdict.is(Security::secure));
    Signed how;
    const std::string owner = "www." + label + ".lab.";
    CHECK(check_set(zone.set(owner, RecordType::a), *zone.keys(), {}, kNow, means, &how).is(Security::secure));
    CHECK(how.labels == 3);
    CHECK(how.ttl == 3600);
    auto changed = zone.set(owner, RecordType::a);
    changed.rdatas = {};
    changed.rdatas.add(std::vector<std::uint8_t>{192, 0, 2, 9});
    CHECK(check_set(changed, *zone.keys(), {}, kNow, means).is(Security::bogus));
    // Neither case, nor order, nor a TTL that a cache has aged changes anything.
    auto aged = zone.set(owner, RecordType::a);
    aged.owner = *wire::Name::from_text("WWW." + label + ".LAB.");
    aged.ttl = 7;
    CHECK(check_set(aged, *zone.keys(), {}, kNow, means, &how).is(Security::secure));
    CHECK(how.ttl == 7);
  }
}

TEST_CASE("keys: names inside rdata are signed in lower case") {
  const auto zone = LabZone::of("rsa");
  auto alias = zone.set("alias.rsa.lab.", RecordType::cname);
  alias.rdatas = {};
  alias.rdatas.add(wire::Name::from_text("WwW.rSa.lAb.")->view().bytes());
  Means means = plenty();
  CHECK(check_set(alias, *zone.keys(), {}, kNow, means).is(Security::secure));
}

TEST_CASE("keys: a wildcard's signature counts its own labels") {
  const auto zone = LabZone::of("ecdsa");
  auto made = zone.set("*.wild.ecdsa.lab.", RecordType::a);
  made.owner = *wire::Name::from_text("a.b.wild.ecdsa.lab.");
  Means means = plenty();
  Signed how;
  CHECK(check_set(made, *zone.keys(), {}, kNow, means, &how).is(Security::secure));
  CHECK(how.labels == 3);
  made.owner = *wire::Name::from_text("a.b.other.ecdsa.lab.");
  CHECK(check_set(made, *zone.keys(), {}, kNow, means).is(Security::bogus));
}

TEST_CASE("keys: each way of being broken has its reason") {
  CHECK(reason_of_www("forged") == EdeCode::dnssec_bogus);
  CHECK(reason_of_www("expired") == EdeCode::signature_expired);
  CHECK(reason_of_www("future") == EdeCode::signature_not_yet_valid);
  CHECK(reason_of_www("backwards") == EdeCode::signature_expired_before_valid);
  CHECK(reason_of_www("nosig") == EdeCode::rrsigs_missing);
  CHECK(reason_of_keys("nokey") == EdeCode::dnskey_missing);
  CHECK(reason_of_keys("nozonekey") == EdeCode::no_zone_key_bit);
  CHECK(reason_of_keys("expired") == EdeCode::signature_expired);
}

TEST_CASE("keys: what nobody knows makes a zone insecure, RSASHA1 too unless it is asked for") {
  const auto algorithm = usable(ds_of("algorithm.lab."), *wire::Name::from_text("algorithm.lab."), {});
  CHECK(algorithm.is(Security::insecure));
  CHECK(algorithm.error.code == EdeCode::unsupported_dnskey_algorithm);
  const auto digest = usable(ds_of("digest.lab."), *wire::Name::from_text("digest.lab."), {});
  CHECK(digest.is(Security::insecure));
  CHECK(digest.error.code == EdeCode::unsupported_ds_digest);
  Vouchers old;
  old.ds.add(*wire::rdata_from_text(RecordType::ds, "1 5 2 " + std::string(64, 'a'), {}));
  CHECK(usable(old, {}, {}).is(Security::insecure));
  Rules accepting;
  accepting.rsasha1 = true;
  CHECK(usable(old, {}, accepting).is(Security::secure));
}

TEST_CASE("keys: a SHA-1 digest does not count beside a better one") {
  const auto zone = LabZone::of("rsa");
  const auto own = zone.dnskeys();
  const auto key = *own.rdatas.begin();
  auto ds = std::vector<std::uint8_t>{0, 0, key[3], 1};
  wire::store16(ds.data(), wire::key_tag(key));
  const auto digest = wire::ds_digest(wire::Digest::sha1, zone.name(), key);
  ds.insert(ds.end(), digest.begin(), digest.end());
  Vouchers only, beside;
  only.ds.add(ds);
  Means means = plenty();
  CHECK(check_dnskeys(zone.dnskeys(), only, {}, kNow, means).is(Security::secure));
  beside.ds.add(ds);
  auto wrong = std::vector<std::uint8_t>(ds.begin(), ds.begin() + 4);
  wrong[3] = 2;
  wrong.resize(4 + 32);
  beside.ds.add(wrong);
  CHECK(check_dnskeys(zone.dnskeys(), beside, {}, kNow, means).is(Security::bogus));
}

TEST_CASE("keys: times are serial numbers, and clocks may be a little off") {
  const auto zone = LabZone::of("rsa");
  const auto& www = zone.set("www.rsa.lab.", RecordType::a);
  Means means = plenty();
  const std::int64_t since = 1'735'689'600, until = 2'145'830'400;  // 2025-01-01, 2037-12-31
  CHECK(check_set(www, *zone.keys(), {}, until + 3'500, means).is(Security::secure));
  CHECK(check_set(www, *zone.keys(), {}, until + 3'700, means).error.code == EdeCode::signature_expired);
  CHECK(check_set(www, *zone.keys(), {}, since - 3'500, means).is(Security::secure));
  CHECK(check_set(www, *zone.keys(), {}, since - 3'700, means).error.code == EdeCode::signature_not_yet_valid);
  Signed how;
  CHECK(check_set(www, *zone.keys(), {}, until - 100, means, &how).is(Security::secure));
  CHECK(how.ttl == 100);
}

TEST_CASE("keys: KeyTrap: many keys of one tag and many signatures cost a handful of verifications") {
  const auto zone = LabZone::of("ecdsa");
  const auto own = zone.dnskeys();
  const auto good = *own.rdatas.begin();
  const auto tag = wire::key_tag(good);
  // Points that are on the curve, all with the tag of the zone's own key: the same key under many names.
  ZoneKeys trap{zone.name(), {}};
  for (int i = 0; i < 500; ++i) trap.keys.push_back({tag, *wire::PublicKey::make(*wire::parse_dnskey(good))});
  auto set = zone.set("www.ecdsa.lab.", RecordType::a);
  const auto signatures = std::exchange(set.signatures, {});
  const auto rrsig = *signatures.begin();
  for (int i = 0; i < 500; ++i) {
    std::vector<std::uint8_t> wrong(rrsig.begin(), rrsig.end());
    wire::store16(wrong.data() + wrong.size() - 2, static_cast<std::uint16_t>(i));
    wrong[wrong.size() - 20] ^= 0x55U;
    set.signatures.add(wrong);
  }
  Means means = plenty();
  const auto verdict = check_set(set, trap, {}, kNow, means);
  CHECK(verdict.is(Security::bogus));
  CHECK(1'000 - means.verifications <= kMaxFailures);
  Means none{0, 0};
  CHECK(check_set(zone.set("www.ecdsa.lab.", RecordType::a), *zone.keys(), {}, kNow, none).out_of_means);
}
