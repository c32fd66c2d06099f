// Signing: every signature verified, the chains walked round, what is kept and what is made anew, and keys over years.
#include <catch2/catch.hpp>

#include <filesystem>
#include <map>
#include <set>

#include "tests/zones/asking.hpp"
#include "zones/change_set.hpp"
#include "zones/sign.hpp"
#include "zones/wire/nsec3.hpp"

using namespace placard;
using namespace placard::zones;
using asking::name;
using wire::RecordType;

namespace {

constexpr std::int64_t kSigningStart = 1'800'000'000;
constexpr std::int64_t kDay = 86'400;

constexpr std::string_view kPlainZone =
    "$TTL 3600\n@ SOA ns h 10 3600 600 86400 300\n@ NS ns\n@ NS ns.example.net.\n@ MX 5 mail\n@ TXT \"x\"\nns A "
    "192.0.2.1\n"
    "MaIl AAAA 2001:db8::1\n*.wild TXT \"w\"\na.b.ent A 192.0.2.2\nalias CNAME Mail\nd DNAME ent\nunder.d A 192.0.2.3\n"
    "sub NS ns.sub\nns.sub A 192.0.2.4\ndeep.ns.sub A 192.0.2.5\nsafe NS ns\n"
    "safe DS 1 13 2 000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\nx.far NS ns\n";

/// A folder of this test alone, gone with it.
struct SigningFolder {
  SigningFolder() {
    char pattern[] = "/tmp/placard-keys-XXXXXX";
    REQUIRE(::mkdtemp(pattern) != nullptr);
    path = pattern;
  }
  ~SigningFolder() {
    std::error_code error;
    std::filesystem::remove_all(path, error);
  }
  std::filesystem::path path;
};

ZoneKeys keys_at(const SigningFolder& folder, std::int64_t now, const SigningPolicy& policy) {
  auto keys = ZoneKeys::open(folder.path / "keys", name("example.org"));
  INFO((keys ? "" : keys.error()));
  REQUIRE(keys);
  const auto advanced = keys->advance(now, policy.keys, 3'600);
  INFO((advanced ? "" : advanced.error()));
  REQUIRE(advanced);
  return *std::move(keys);
}

SignedVersion sign(const Zone& source, const Zone* before, const ZoneKeys& keys, const SigningPolicy& policy,
                   std::int64_t now) {
  auto version = sign_zone(source, before, keys, policy, now);
  INFO((version ? "" : version.error()));
  REQUIRE(version);
  return *std::move(version);
}

wire::RecordSet as_set(const Node& node, const StoredSet& stored) {
  wire::RecordSet set;
  set.owner = wire::Name(node.name());
  set.type = stored.type();
  set.ttl = stored.ttl();
  for (const auto rdata : stored.rdatas()) set.rdatas.add(rdata);
  return set;
}

/// By the zone's own keys: every set with authority is signed with a key of each algorithm, and nothing else is.
void check_signatures(const Zone& zone, std::int64_t now) {
  std::map<std::uint16_t, wire::PublicKey> keys;
  std::map<std::uint16_t, bool> is_ksk;
  for (const auto rdata : zone.apex().find(RecordType::dnskey)->rdatas()) {
    const auto view = wire::parse_dnskey(rdata);
    keys.emplace(wire::key_tag(rdata), *wire::PublicKey::make(*view));
    is_ksk[wire::key_tag(rdata)] = view->is_sep();
  }
  for (const Node& node : zone.nodes()) {
    const Node* cut = zone.cut_of(node);
    for (const StoredSet& set : node.sets()) {
      INFO(node.name().to_text() << " " << to_text(set.type()));
      const bool parents = set.type() == RecordType::ds || set.type() == RecordType::nsec;
      const bool authoritative = cut == nullptr || (cut == &node && parents);
      CHECK(set.signatures().empty() != authoritative);
      for (const auto rdata : set.signatures()) {
        const auto rrsig = wire::parse_rrsig(rdata);
        REQUIRE(rrsig);
        REQUIRE(keys.contains(rrsig->key_tag));
        CHECK(wire::verify_signature(keys.at(rrsig->key_tag), *rrsig, as_set(node, set)));
        CHECK(rrsig->inception < now);
        CHECK(rrsig->expiration > now);
        const bool about_keys =
            set.type() == RecordType::dnskey || set.type() == RecordType::cds || set.type() == RecordType::cdnskey;
        CHECK(is_ksk.at(rrsig->key_tag) == about_keys);
      }
    }
  }
}

std::size_t count(const RdataRange& range) {
  return static_cast<std::size_t>(std::distance(range.begin(), range.end()));
}

}  // namespace

TEST_CASE("a zone is signed with NSEC, each set that is its own and no other") {
  const auto algorithm = GENERATE(wire::Algorithm::ecdsap256sha256, wire::Algorithm::ed25519);
  SigningPolicy policy;
  policy.keys.algorithm = algorithm;
  const SigningFolder folder;
  const auto keys = keys_at(folder, kSigningStart, policy);
  const auto source = asking::zone(kPlainZone, "example.org");
  const auto version = sign(source, nullptr, keys, policy, kSigningStart);
  REQUIRE(version.zone);
  const Zone& zone = *version.zone;
  CHECK(zone.serial() == 10);
  CHECK(zone.is_signed());
  CHECK_FALSE(zone.has_nsec3());
  check_signatures(zone, kSigningStart);

  // Round the chain: names with data, those below cuts and DNAMEs left out, and no empty non-terminals.
  std::vector<std::string> chain;
  wire::Name at(zone.origin());
  do {
    const Node* node = zone.find(at);
    REQUIRE(node != nullptr);
    const StoredSet* nsec = node->find(RecordType::nsec);
    REQUIRE(nsec != nullptr);
    CHECK(nsec->ttl() == 300);
    const auto view = wire::parse_nsec(*nsec->rdatas().begin());
    chain.push_back(at.to_text());
    at = wire::Name(view->next);
  } while (!(at.view() == zone.origin()) && chain.size() < 100);
  CHECK(chain == std::vector<std::string>{"example.org.", "alias.example.org.", "d.example.org.",
                                          "a.b.ent.example.org.", "x.far.example.org.", "MaIl.example.org.",
                                          "ns.example.org.", "safe.example.org.", "sub.example.org.",
                                          "*.wild.example.org."});
  const auto types = wire::parse_nsec(*zone.find(name("sub.example.org"))->find(RecordType::nsec)->rdatas().begin());
  CHECK(types->types.has(RecordType::ns));
  CHECK_FALSE(types->types.has(RecordType::ds));
}

TEST_CASE("NSEC3 has every name and empty non-terminal, no salt and no iterations") {
  SigningPolicy policy;
  policy.nsec3 = true;
  const SigningFolder folder;
  const auto keys = keys_at(folder, kSigningStart, policy);
  const auto version = sign(asking::zone(kPlainZone, "example.org"), nullptr, keys, policy, kSigningStart);
  REQUIRE(version.zone);
  check_signatures(*version.zone, kSigningStart);
  REQUIRE(version.zone->has_nsec3());
  CHECK(wire::rdata_to_text(RecordType::nsec3param,
                            *version.zone->apex().find(RecordType::nsec3param)->rdatas().begin()) == "1 0 0 - ");
  std::set<const Node*> matched;
  for (const char* each : {"", "alias.", "d.", "ent.", "b.ent.", "a.b.ent.", "far.", "x.far.", "mail.", "ns.", "safe.",
                           "sub.", "wild.", "*.wild."}) {
    const Node* node = version.zone->find(name(std::string(each) + "example.org"));
    INFO(each);
    REQUIRE(node != nullptr);
    const Node* denial = version.zone->denial_at(*node);
    REQUIRE(denial != nullptr);
    matched.insert(denial);
    const auto view = wire::parse_nsec3(*denial->find(RecordType::nsec3)->rdatas().begin());
    if (std::string_view(each) == "sub.") CHECK_FALSE(view->types.has(RecordType::rrsig));
    if (std::string_view(each) == "safe.") CHECK(view->types.has(RecordType::rrsig));
    if (std::string_view(each) == "ent.") CHECK(view->types.empty());
    CHECK_FALSE(view->opt_out());
  }
  CHECK(matched.size() == 14);
  const auto hashed =
      std::ranges::count_if(version.zone->nodes(), [](const Node& node) { return node.is_hashed_name(); });
  CHECK(hashed == 14);
}

TEST_CASE("only what changed or is about to lapse is signed again") {
  const SigningPolicy policy;
  const SigningFolder folder;
  auto keys = keys_at(folder, kSigningStart, policy);
  const auto source = asking::zone(kPlainZone, "example.org");
  const auto first = sign(source, nullptr, keys, policy, kSigningStart);
  REQUIRE(first.zone);
  CHECK(first.next_at == kSigningStart + 7'200);  // CDS and CDNSKEY come then

  // The zone's own signed version as the source: nothing to do.
  for (const std::int64_t now : {kSigningStart, kSigningStart + 3'600}) {
    const auto again = sign(*first.zone, &*first.zone, keys, policy, now);
    CHECK_FALSE(again.zone);
    CHECK(again.made == 0);
  }

  // A changed text costs its set and the SOA; a new name its set, its NSEC, that before it, and the SOA.
  auto edited = [&](std::string_view more, std::string_view serial) {
    std::string text(kPlainZone);
    text.replace(text.find(" 10 "), 4, serial);
    return asking::zone(text + std::string(more), "example.org");
  };
  auto later = sign(edited("", " 11 "), &*first.zone, keys, policy, kSigningStart + 60);
  REQUIRE(later.zone);
  CHECK(later.zone->serial() == 11);
  CHECK(later.made == 1);
  const auto wider = sign(edited("m A 192.0.2.9\n", " 11 "), &*later.zone, keys, policy, kSigningStart + 60);
  REQUIRE(wider.zone);
  CHECK(wider.zone->serial() == 12);  // the file's has not risen above the signed one
  CHECK(wider.made == 4);
  check_signatures(*wider.zone, kSigningStart + 60);

  // All of the rest within their time, none lapses meanwhile.
  auto current = std::move(*later.zone);
  std::size_t made = 0;
  for (std::int64_t now = kSigningStart; now < kSigningStart + 30 * kDay; now += 3'600) {
    keys = keys_at(folder, now, policy);
    auto version = sign(current, &current, keys, policy, now);
    made += version.made;
    if (version.zone) current = *std::move(version.zone);
    for (const Node& node : current.nodes())
      for (const StoredSet& set : node.sets())
        for (const auto rdata : set.signatures()) CHECK(wire::parse_rrsig(rdata)->expiration > now + policy.refresh);
  }
  check_signatures(current, kSigningStart + 30 * kDay);
  CHECK(made > 60);
  CHECK(made < 400);
}

TEST_CASE("a signed zone without its old names and with DNSSEC of others") {
  const SigningPolicy policy;
  const SigningFolder folder;
  const auto keys = keys_at(folder, kSigningStart, policy);
  auto first = sign(asking::zone(kPlainZone, "example.org"), nullptr, keys, policy, kSigningStart);
  auto base = std::make_shared<const Zone>(std::move(*first.zone));
  ZoneEditor editor(base);
  CHECK(editor.exists(name("a.b.ent.example.org")));
  editor.remove_set(name("a.b.ent.example.org"), RecordType::a);
  CHECK_FALSE(editor.exists(name("a.b.ent.example.org")));  // what is left of it is ours
  auto edited = editor.build();
  REQUIRE(edited);
  const auto second = sign(*edited, base.get(), keys, policy, kSigningStart + 10);
  REQUIRE(second.zone);
  CHECK(second.zone->find(name("a.b.ent.example.org")) == nullptr);
  CHECK(second.zone->find(name("ent.example.org")) == nullptr);
  CHECK(second.zone->serial() == 11);
  check_signatures(*second.zone, kSigningStart + 10);
  // From NSEC to NSEC3 and back.
  SigningPolicy hashed = policy;
  hashed.nsec3 = true;
  const auto third = sign(*second.zone, &*second.zone, keys, hashed, kSigningStart + 20);
  REQUIRE(third.zone);
  CHECK(third.zone->has_nsec3());
  check_signatures(*third.zone, kSigningStart + 20);
  const auto fourth = sign(*third.zone, &*third.zone, keys, policy, kSigningStart + 30);
  REQUIRE(fourth.zone);
  CHECK_FALSE(fourth.zone->has_nsec3());
  CHECK(fourth.zone->serial() == 13);
  for (const Node& node : fourth.zone->nodes()) CHECK(node.find(RecordType::nsec3) == nullptr);
}

TEST_CASE("ZSKs roll over by time: published before they sign, and after") {
  const SigningPolicy policy;
  const SigningFolder folder;
  auto keys = keys_at(folder, kSigningStart, policy);
  auto current = std::move(*sign(asking::zone(kPlainZone, "example.org"), nullptr, keys, policy, kSigningStart).zone);
  std::set<std::uint16_t> signers;
  std::map<std::uint16_t, std::int64_t> published, gone;
  for (std::int64_t now = kSigningStart; now < kSigningStart + 100 * kDay; now += 1'800) {
    keys = keys_at(folder, now, policy);
    auto version = sign(current, &current, keys, policy, now);
    if (version.zone) current = *std::move(version.zone);
    std::set<std::uint16_t> known;
    for (const auto rdata : current.apex().find(RecordType::dnskey)->rdatas()) {
      known.insert(wire::key_tag(rdata));
      published.try_emplace(wire::key_tag(rdata), now);
    }
    for (const auto& [tag, at] : published)
      if (!known.contains(tag)) gone.try_emplace(tag, now);
    const auto signer =
        wire::parse_rrsig(*current.find(name("ns.example.org"))->find(RecordType::a)->signatures().begin());
    if (signers.insert(signer->key_tag).second && signers.size() > 1) {
      CHECK(now - published.at(signer->key_tag) >= 7'200);  // the DNSKEY set's TTL, and the time to reach secondaries
      CHECK(gone.empty() == (signers.size() == 2));
    }
  }
  CHECK(signers.size() == 4);
  CHECK(published.size() == 5);  // with the KSK
  CHECK(gone.size() == 3);
  check_signatures(current, kSigningStart + 100 * kDay - 1'800);
  CHECK(std::distance(std::filesystem::directory_iterator(folder.path / "keys"), {}) == 5);  // two keys, and the list
}

TEST_CASE("a KSK waits for the parent, and another algorithm takes both keys along") {
  SigningPolicy policy;
  const SigningFolder folder;
  auto keys = keys_at(folder, kSigningStart, policy);
  const auto source = asking::zone(kPlainZone, "example.org");
  CHECK(keys.wanted_ds(kSigningStart) == nullptr);
  CHECK_FALSE(sign(source, nullptr, keys, policy, kSigningStart).zone->apex().find(RecordType::cds));
  CHECK_FALSE(keys.ds_seen(kSigningStart, policy.keys));
  std::int64_t now = kSigningStart + 7'200;
  keys = keys_at(folder, now, policy);
  const auto old_tag = keys.wanted_ds(now)->tag;
  auto current = std::move(*sign(source, nullptr, keys, policy, now).zone);
  REQUIRE(current.apex().find(RecordType::cds) != nullptr);
  const auto cds = wire::parse_ds(*current.apex().find(RecordType::cds)->rdatas().begin());
  CHECK(cds->key_tag == old_tag);
  REQUIRE(keys.ds_seen(now, policy.keys));
  CHECK_FALSE(keys.ds_seen(now, policy.keys));

  const bool other_algorithm = GENERATE(false, true);
  if (other_algorithm) {
    policy.keys.algorithm = wire::Algorithm::ed25519;
    keys = keys_at(folder, now, policy);
  } else {
    REQUIRE(keys.roll(KeyRole::ksk, now, policy.keys));
    CHECK_FALSE(keys.roll(KeyRole::ksk, now, policy.keys));
  }
  CHECK(keys.wanted_ds(now)->tag == old_tag);
  CHECK_FALSE(keys.ds_seen(now, policy.keys));
  current = std::move(*sign(current, &current, keys, policy, now).zone);
  CHECK(count(current.apex().find(RecordType::dnskey)->signatures()) == 2);
  CHECK(count(current.soa().signatures()) == (other_algorithm ? 2 : 1));
  check_signatures(current, now);
  now += 7'200;
  keys = keys_at(folder, now, policy);
  const auto new_tag = keys.wanted_ds(now)->tag;
  CHECK(new_tag != old_tag);
  REQUIRE(keys.ds_seen(now, policy.keys));
  current = std::move(*sign(current, &current, keys, policy, now).zone);
  CHECK(count(current.apex().find(RecordType::cds)->rdatas()) == 1);
  CHECK(count(current.apex().find(RecordType::dnskey)->signatures()) == 2);
  now += 86'400 + 3'600;
  keys = keys_at(folder, now, policy);
  CHECK(keys.all().size() == 2);
  current = std::move(*sign(current, &current, keys, policy, now).zone);
  CHECK(count(current.apex().find(RecordType::dnskey)->signatures()) == 1);
  CHECK(count(current.soa().signatures()) == 1);
  check_signatures(current, now);
}

TEST_CASE("a clock that was set back leaves a zone with its keys and signatures of now") {
  SigningPolicy policy;
  SigningFolder folder;
  const auto source = asking::zone(kPlainZone, "example.org");
  const auto ahead = kSigningStart + 100 * kDay;
  const auto first = sign(source, nullptr, keys_at(folder, ahead, policy), policy, ahead);
  REQUIRE(first.zone);
  const auto keys = keys_at(folder, kSigningStart, policy);
  CHECK(keys.all().size() == 2);
  const auto again = sign(source, &*first.zone, keys, policy, kSigningStart);
  REQUIRE(again.zone);
  CHECK(again.kept == 0);
  CHECK(again.next_at > kSigningStart);
  check_signatures(*again.zone, kSigningStart);
}

TEST_CASE("keys are read as they were written, and what cannot be read is no reason to make others") {
  const SigningPolicy policy;
  const SigningFolder folder;
  const auto keys = keys_at(folder, kSigningStart, policy);
  const auto again = keys_at(folder, kSigningStart, policy);
  REQUIRE(again.all().size() == 2);
  for (std::size_t i = 0; i < 2; ++i) {
    CHECK(again.all()[i].dnskey == keys.all()[i].dnskey);
    CHECK(again.all()[i].active_at == keys.all()[i].active_at);
  }
  CHECK(again.to_text(kSigningStart) == keys.to_text(kSigningStart));
  for (const auto& entry : std::filesystem::directory_iterator(folder.path / "keys"))
    CHECK((entry.status().permissions() & (std::filesystem::perms::group_all | std::filesystem::perms::others_all)) ==
          std::filesystem::perms::none);
  for (const auto& entry : std::filesystem::directory_iterator(folder.path / "keys"))
    if (entry.path().extension() == ".private") std::ofstream(entry.path()) << "PrivateKey: AAAA\n";
  const auto broken = ZoneKeys::open(folder.path / "keys", name("example.org"));
  REQUIRE_FALSE(broken);
  CHECK(broken.error().find(".private: holds no key of algorithm 13") != std::string::npos);
}
