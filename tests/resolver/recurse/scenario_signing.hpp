// Scenarios with DNSSEC: what a scenario's servers say is signed when it is loaded, so that no signature ever expires.
// tests/scenarios/README.md has the words for it.
#pragma once

#include "tests/resolver/recurse/scenario.hpp"
#include "zones/wire/dnssec_signing.hpp"

namespace placard::recurse {

/// The zones that a scenario's `signed:` names, each with one Ed25519 key that is always the same.
class ScenarioSigner {
 public:
  void add(const wire::Name& zone);
  bool empty() const { return zones_.empty(); }
  /// "OWNER DS @" and "OWNER DNSKEY @" stand for those of the zone of that name.
  std::vector<std::uint8_t> rdata_of(const wire::Name& zone, wire::RecordType type) const;
  /// RRSIGs behind each set of answer and authority that a signed zone speaks about with authority.
  void sign(ScenarioEntry& entry) const;
  /// The DS of the first zone.
  std::shared_ptr<const validate::Anchors> anchors() const;

 private:
  struct Zone {
    wire::Name name;
    wire::PrivateKey key;
    std::vector<std::uint8_t> dnskey;
  };
  const Zone* zone_for(const wire::RecordSet& set) const;
  void sign(std::vector<wire::Record>& records, const ScenarioEntry& entry) const;
  std::vector<std::uint8_t> signature(const Zone& zone, const wire::RecordSet& set, const ScenarioEntry& entry) const;

  std::vector<Zone> zones_;
};

}  // namespace placard::recurse
