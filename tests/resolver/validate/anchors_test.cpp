// Trust anchors: what they say of names, their files, negative ones, and keys that roll over by themselves.
#include "resolver/validate/anchors.hpp"

#include "resolver/validate/rollover.hpp"
#include "resolver/validate/sentinel.hpp"
#include "tests/names.hpp"
#include "tests/resolver/validate/lab.hpp"

using namespace placard;
using namespace placard::validate;
using namespace placard::validate::tests;

namespace {

using placard::tests::name;

constexpr std::int64_t kDay = 86'400;

/// A key set as the root would have it: signatures don't matter to what is seen, the caller has checked them.
wire::RecordSet key_set(std::initializer_list<std::pair<int, char>> keys) {
  wire::RecordSet set;
  set.type = wire::RecordType::dnskey;
  set.ttl = 2 * kDay;
  for (const auto& [flags, letter] : keys) {
    std::vector<std::uint8_t> rdata = {static_cast<std::uint8_t>(flags >> 8), static_cast<std::uint8_t>(flags), 3, 15};
    rdata.insert(rdata.end(), 32, static_cast<std::uint8_t>(letter));
    set.rdatas.add(rdata);
  }
  return set;
}

Vouchers configured_with(const wire::RecordSet& keys) {
  Vouchers vouchers;
  vouchers.dnskey = keys.rdatas;
  return vouchers;
}

KeyState state_of(const Rollover& rollover, char letter) {
  for (const auto& key : rollover.keys()) {
    if (key.rdata.back() == static_cast<std::uint8_t>(letter)) return key.state;
  }
  FAIL("no key " << letter);
  return KeyState::pending;
}

}  // namespace

TEST_CASE("anchors: the deepest one counts; a negative one suspends it until its end") {
  Anchors anchors;
  anchors.add_iana_root();
  REQUIRE(anchors.all().size() == 1);
  CHECK(anchors.all().front().vouchers.ds.size() == 2);
  REQUIRE(anchors.add("corp.example. DS 1 13 2 " + std::string(64, 'a')));
  CHECK(anchors.find(name("www.example."), kNow)->zone == name("."));
  CHECK(anchors.find(name("a.corp.example."), kNow)->zone == name("corp.example."));
  anchors.set_negative({{name("example."), kNow + 10}});
  CHECK(anchors.find(name("www.example."), kNow) == nullptr);
  CHECK(anchors.find(name("www.example."), kNow + 10) != nullptr);
  CHECK(anchors.find(name("a.corp.example."), kNow) != nullptr);  // an anchor below it is meant
  CHECK(anchors.find(name("www.other."), kNow) != nullptr);
  anchors.set_negative({{name("example."), kNow + 10}, {name("b.corp.example."), kNow + 10}});
  CHECK(anchors.find(name("x.b.corp.example."), kNow) == nullptr);
}

TEST_CASE("anchors: files, with errors that name the line") {
  Anchors anchors;
  CHECK(anchors.add_lines("; a comment\n\n. 3600 IN DS 20326 8 2 " + std::string(64, '0') +
                          " ; KSK-2017\n"
                          "example. DNSKEY 257 3 15 l02Woi0iS8Aa25FQkUd9RMzZHJpBoRQwAQEX1SxZJA4="));
  CHECK(anchors.all().size() == 2);
  for (const std::string wrong : {". A 192.0.2.1", ". DS 1", ". DS what is this", ". CH DS 1 8 2 00", "nonsense"}) {
    const auto added = Anchors().add_lines("\n" + wrong);
    INFO(wrong);
    REQUIRE_FALSE(added);
    CHECK(added.error().starts_with("line 2: "));
  }
}

TEST_CASE("rollover: a new key counts after thirty days, not before, and not if it was gone meanwhile") {
  const auto first = key_set({{257, 'a'}, {256, 'z'}});
  const auto both = key_set({{257, 'a'}, {257, 'b'}});
  Rollover rollover{wire::NameView{}};
  CHECK(rollover.observe(first, configured_with(first), {}, kNow));
  CHECK(rollover.keys().size() == 1);  // the zone-signing key is none of ours
  CHECK(state_of(rollover, 'a') == KeyState::valid);
  CHECK(rollover.observe(both, configured_with(first), {}, kNow + kDay));
  CHECK(state_of(rollover, 'b') == KeyState::pending);
  CHECK(rollover.vouchers().dnskey.size() == 1);
  CHECK_FALSE(rollover.observe(both, configured_with(first), {}, kNow + 30 * kDay));
  CHECK(rollover.observe(both, configured_with(first), {}, kNow + 31 * kDay));
  CHECK(state_of(rollover, 'b') == KeyState::valid);
  CHECK(rollover.vouchers().dnskey.size() == 2);
  // A trusted key that is missing stays trusted; a pending one is forgotten.
  const auto third = key_set({{257, 'b'}, {257, 'c'}});
  CHECK(rollover.observe(third, configured_with(first), {}, kNow + 32 * kDay));
  CHECK(state_of(rollover, 'a') == KeyState::missing);
  CHECK(rollover.vouchers().dnskey.size() == 2);
  CHECK(rollover.observe(both, configured_with(first), {}, kNow + 33 * kDay));
  CHECK(rollover.keys().size() == 2);
  CHECK(state_of(rollover, 'a') == KeyState::valid);
}

TEST_CASE("rollover: nobody revokes a key but itself") {
  const auto first = key_set({{257, 'a'}});
  Rollover rollover{wire::NameView{}};
  rollover.observe(first, configured_with(first), {}, kNow);
  rollover.observe(key_set({{257 | 0x80, 'a'}}), configured_with(first), {}, kNow + kDay);
  CHECK(state_of(rollover, 'a') != KeyState::revoked);
}

TEST_CASE("rollover: the state survives as text, and half of one is refused") {
  const auto first = key_set({{257, 'a'}});
  Rollover rollover{wire::NameView{}};
  rollover.observe(first, configured_with(first), {}, kNow);
  rollover.observe(key_set({{257, 'a'}, {257, 'b'}}), configured_with(first), {}, kNow + kDay);
  const auto text = rollovers_to_text({rollover});
  const auto back = parse_rollovers(text);
  REQUIRE(back);
  REQUIRE(back->size() == 1);
  CHECK(back->front().to_text() == rollover.to_text());
  CHECK(state_of(back->front(), 'b') == KeyState::pending);
  for (const std::string wrong :
       {". what 5 257 3 15 aaaa", ". valid -5 257 3 15 aaaa", ". valid 5", ". valid 5 nothing"})
    CHECK_FALSE(parse_rollovers(text + wrong + "\n"));
}

TEST_CASE("rollover: how often to look") {
  CHECK(Rollover::interval(2 * kDay, true) == kDay);
  CHECK(Rollover::interval(60, true) == 3'600);
  CHECK(Rollover::interval(100 * kDay, true) == 15 * kDay);
  CHECK(Rollover::interval(100 * kDay, false) == kDay);
}

TEST_CASE("sentinel: tells which root keys are trusted, for addresses only") {
  Anchors anchors;
  anchors.add_iana_root();
  const auto fails = [&](const std::string& label, wire::RecordType type = wire::RecordType::a) {
    return sentinel_fails(name(label + ".example."), type, anchors);
  };
  CHECK_FALSE(fails("root-key-sentinel-is-ta-20326"));
  CHECK_FALSE(fails("Root-Key-Sentinel-is-ta-38696", wire::RecordType::aaaa));
  CHECK(fails("root-key-sentinel-not-ta-20326"));
  CHECK(fails("root-key-sentinel-is-ta-00001"));
  CHECK_FALSE(fails("root-key-sentinel-not-ta-00001"));
  CHECK_FALSE(fails("root-key-sentinel-is-ta-1"));
  CHECK_FALSE(fails("root-key-sentinel-is-ta-99999"));
  CHECK_FALSE(fails("root-key-sentinel-is-ta-00001", wire::RecordType::txt));
  CHECK_FALSE(fails("www"));
}

TEST_CASE("rollover: from the old key to the new one, with real signatures") {
  const LabZone published("roll.lab.", "lab/roll.published.zone"), revoked("roll.lab.", "lab/roll.revoked.zone");
  const auto& both = published.dnskeys();
  const auto& after = revoked.dnskeys();
  Vouchers configured;
  wire::Bytes old, coming;
  for (const wire::Bytes rdata : both.rdatas)
    (wire::parse_dnskey(rdata)->algorithm == wire::Algorithm::ed25519 ? old : coming) = rdata;
  configured.dnskey.add(old);
  const auto good = [](const wire::RecordSet& set, const Vouchers& vouchers) {
    Means means{100, 0};
    return check_dnskeys(set, vouchers, {}, kNow, means).is(Security::secure);
  };
  const auto state = [](const Rollover& rollover, wire::Bytes rdata) {
    for (const auto& key : rollover.keys())
      if (std::ranges::equal(key.rdata, rdata)) return key.state;
    FAIL("a key that was seen is not tracked");
    return KeyState::pending;
  };
  Rollover rollover(published.name());
  REQUIRE(good(both, configured));
  CHECK(rollover.observe(both, configured, {}, kNow));
  CHECK(state(rollover, coming) == KeyState::pending);
  // Revoked before the new key counts: nobody vouches for the new set, so a caller never shows it to us.
  CHECK_FALSE(good(after, rollover.vouchers()));
  CHECK(rollover.observe(both, configured, {}, kNow + 30 * kDay));
  REQUIRE(good(after, rollover.vouchers()));
  CHECK(rollover.observe(after, configured, {}, kNow + 31 * kDay));
  CHECK(state(rollover, old) == KeyState::revoked);
  CHECK(state(rollover, coming) == KeyState::valid);
  CHECK(rollover.vouchers().dnskey.size() == 1);
  CHECK(good(after, rollover.vouchers()));
  CHECK_FALSE(good(both, rollover.vouchers()));  // what only the revoked key has signed
  // It comes back in its old form, and stays what it is; thirty days after it has gone it is forgotten.
  CHECK_FALSE(rollover.observe(both, configured, {}, kNow + 32 * kDay));
  CHECK(state(rollover, old) == KeyState::revoked);
  wire::RecordSet alone = after;
  alone.rdatas = {};
  alone.rdatas.add(coming);
  CHECK(rollover.observe(alone, configured, {}, kNow + 62 * kDay));
  CHECK(rollover.keys().size() == 1);
}
