// The keys of zones found secure, ready for use: making an OpenSSL key costs more than using it.
//
// Zones have their keys by their DNSKEY set: another set means other keys. Keys themselves are found by their octets,
// as large operators sign all their zones with one pair. A few that verify much more than others get tables, which make
// a verification cheaper and memory dearer (zones/wire/dnssec_p256.cpp). Of one worker's thread; all is bounded.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "resolver/recurse/cache.hpp"
#include "resolver/validate/keys.hpp"

namespace placard::recurse {

class KeyRing final : private validate::KeyShelf {
 public:
  /// A table costs as much time as some 350 verifications, and saves half of each one's.
  static constexpr std::uint32_t kUsesForTable = 1'000;

  KeyRing(std::size_t zones, std::size_t tables) : most_zones_(zones), most_tables_(tables) {}

  std::shared_ptr<const validate::ZoneKeys> find(const EntryPointer& dnskeys) const;  ///< null: not there
  /// Makes them, with keys that other zones have too.
  std::shared_ptr<const validate::ZoneKeys> make(const EntryPointer& dnskeys, const validate::Rules& rules);
  void keep(const EntryPointer& dnskeys, std::shared_ptr<const validate::ZoneKeys> keys);

  /// A key of the zone's that whoever asks shall give a table now (PublicKey::make_table): it has verified much since
  /// it was last weighed, and there is room for a table, or a key that is used less has lost its own.
  std::optional<wire::PublicKey> due_for_table(const validate::ZoneKeys& keys);
  bool has_place(const wire::PublicKey& key) const;  ///< among those with a table; it may have lost it meanwhile

 private:
  struct Zone {
    wire::RdataList rdatas;
    std::shared_ptr<const validate::ZoneKeys> keys;
  };
  std::optional<wire::PublicKey> find_or_make(wire::Bytes dnskey_rdata) override;
  bool admit(const wire::PublicKey& key);

  std::unordered_map<wire::Name, Zone, wire::NameHash> zones_;
  std::unordered_map<std::string, wire::PublicKey> keys_;  // by DNSKEY rdata; at most as many as zones
  std::vector<wire::PublicKey> with_tables_;
  const std::size_t most_zones_, most_tables_;
};

}  // namespace placard::recurse
