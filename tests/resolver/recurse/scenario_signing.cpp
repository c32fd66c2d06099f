#include "tests/resolver/recurse/scenario_signing.hpp"

#include <algorithm>
#include <stdexcept>

#include "resolver/validate/anchors.hpp"
#include "zones/wire/octets.hpp"

namespace placard::recurse {
namespace {

constexpr std::uint32_t kSince = 1'790'000'000, kUntil = 1'830'000'000;  // the fake clock begins at 1,800,000,000
constexpr std::uint32_t kLongAgo = 1'700'000'000;

}  // namespace

void ScenarioSigner::add(const wire::Name& zone) {
  const std::vector<std::uint8_t> secret(wire::kSecretSize, static_cast<std::uint8_t>(zones_.size() + 1));
  auto key = wire::PrivateKey::from_secret(wire::Algorithm::ed25519, secret);
  if (!key) throw std::runtime_error("no key for " + zone.to_text());
  auto dnskey = wire::make_dnskey_rdata(*key, true);
  zones_.push_back({zone, *std::move(key), std::move(dnskey)});
}

std::vector<std::uint8_t> ScenarioSigner::rdata_of(const wire::Name& zone, wire::RecordType type) const {
  for (const auto& one : zones_) {
    if (!(one.name == zone)) continue;
    if (type == wire::RecordType::dnskey) return one.dnskey;
    if (type == wire::RecordType::ds) return wire::make_ds_rdata(one.name, one.dnskey);
  }
  throw std::runtime_error("no key for " + zone.to_text() + " " + wire::to_text(type));
}

std::shared_ptr<const validate::Anchors> ScenarioSigner::anchors() const {
  wire::RecordSet ds;
  ds.owner = zones_.front().name;
  ds.type = wire::RecordType::ds;
  ds.rdatas.add(rdata_of(ds.owner, ds.type));
  auto made = std::make_shared<validate::Anchors>();
  made->add(ds);
  return made;
}

void ScenarioSigner::sign(ScenarioEntry& entry) const {
  if (entry.adjusts("unsigned")) return;
  sign(entry.answer, entry);
  sign(entry.authority, entry);
}

/// The deepest zone at or above the owner; the one above it for DS. Delegations are not signed.
const ScenarioSigner::Zone* ScenarioSigner::zone_for(const wire::RecordSet& set) const {
  const Zone* deepest = nullptr;
  for (const auto& zone : zones_) {
    if (!set.owner.view().is_subdomain_of(zone.name)) continue;
    if (set.type == wire::RecordType::ds && set.owner == zone.name) continue;
    if (deepest == nullptr || zone.name.view().label_count() > deepest->name.view().label_count()) deepest = &zone;
  }
  const bool delegation = set.type == wire::RecordType::ns && deepest != nullptr && !(set.owner == deepest->name);
  return delegation ? nullptr : deepest;
}

void ScenarioSigner::sign(std::vector<wire::Record>& records, const ScenarioEntry& entry) const {
  std::vector<wire::RecordSet> sets;
  for (const auto& record : records) {
    auto found = std::ranges::find_if(
        sets, [&](const wire::RecordSet& set) { return set.owner == record.owner && set.type == record.type; });
    if (found == sets.end()) {
      found = sets.emplace(sets.end());
      found->owner = record.owner;
      found->type = record.type;
      found->ttl = record.ttl;
    }
    found->rdatas.add(record.rdata);
  }
  for (const auto& set : sets) {
    const Zone* const zone = zone_for(set);
    if (zone == nullptr) continue;
    records.push_back(
        {set.owner, wire::RecordType::rrsig, wire::RecordClass::in, set.ttl, signature(*zone, set, entry)});
  }
}

/// RFC 4034 3.1. `forged` spoils it, `expired` makes it one of long ago, `labels=N` one of a wildcard; not
/// of proofs.
std::vector<std::uint8_t> ScenarioSigner::signature(const Zone& zone, const wire::RecordSet& set,
                                                    const ScenarioEntry& entry) const {
  const bool proof = set.type == wire::RecordType::nsec || set.type == wire::RecordType::nsec3;
  const auto labels = proof ? std::string() : entry.value(entry.adjust, "labels");
  std::vector<std::uint8_t> rdata(18);
  wire::store16(rdata.data(), static_cast<std::uint16_t>(set.type));
  rdata[2] = static_cast<std::uint8_t>(zone.key.algorithm());
  rdata[3] = static_cast<std::uint8_t>(labels.empty() ? wire::signed_labels(set.owner) : std::stoul(labels));
  wire::store32(rdata.data() + 4, set.ttl);
  wire::store32(rdata.data() + 8, entry.adjusts("expired") ? kLongAgo + 1 : kUntil);
  wire::store32(rdata.data() + 12, entry.adjusts("expired") ? kLongAgo : kSince);
  wire::store16(rdata.data() + 16, wire::key_tag(zone.dnskey));
  rdata.insert(rdata.end(), zone.name.view().bytes().begin(), zone.name.view().bytes().end());
  const std::size_t fields = rdata.size();
  rdata.resize(fields + wire::kSignatureSize);
  const auto octets = wire::signed_octets(*wire::parse_rrsig(rdata), set);
  if (!octets) throw std::runtime_error("nothing to sign of " + set.owner.to_text());
  const auto made = zone.key.sign(*octets);
  std::ranges::copy(made, rdata.begin() + static_cast<std::ptrdiff_t>(fields));
  if (entry.adjusts("forged") && set.type != wire::RecordType::dnskey) rdata.back() ^= 1U;
  return rdata;
}

}  // namespace placard::recurse
