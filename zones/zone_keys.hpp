// The keys of a zone that we sign, and when each of them is used: a KSK, which the parent's DS names and which signs
// the keys, and a ZSK, which signs all else and is changed by time alone.
//
// Roll-overs (RFC 6781 4.1, RFC 7583): a ZSK is published before it signs, and stays published until no cache holds a
// signature of it. KSKs sign side by side; once every cache has seen the new one, CDS and CDNSKEY ask the parent for it
// (RFC 7344), and when somebody has seen its DS there, the old one goes after the DS's time. Another algorithm comes
// like a new KSK, with a ZSK of its own that signs everything from the first moment, and takes the old keys with it.
// All moments are seconds since the epoch; `now` comes from the caller.
#pragma once

#include <cstdint>
#include <expected>
#include <filesystem>
#include <string>
#include <vector>

#include "zones/wire/dnssec_signing.hpp"

namespace placard::zones {

/// How keys come and go. Everything in seconds.
struct KeyPolicy {
  wire::Algorithm algorithm = wire::Algorithm::ecdsap256sha256;
  std::uint32_t zsk_lifetime = 30 * 86'400;  ///< 0: for ever, as of the KSK
  std::uint32_t ksk_lifetime = 0;
  std::uint32_t dnskey_ttl = 3'600;
  std::uint32_t propagation = 3'600;  ///< until every secondary has a version
  std::uint32_t ds_ttl = 86'400;      ///< of the DS at the parent
  friend bool operator==(const KeyPolicy&, const KeyPolicy&) = default;
};

enum class KeyRole : std::uint8_t { ksk, zsk };

struct ZoneKey {
  KeyRole role = KeyRole::zsk;
  wire::PrivateKey key;
  std::vector<std::uint8_t> dnskey;  ///< rdata
  std::uint16_t tag = 0;
  std::int64_t published_at = 0;  ///< since when it stands in the DNSKEY set
  std::int64_t active_at = 0;     ///< ZSK: from when it signs; KSK: from when the parent may be asked for its DS
  std::int64_t ds_seen_at = 0;    ///< KSK: when somebody said that the parent has its DS; 0: nobody has
  std::int64_t remove_at = 0;     ///< 0: in use; else when it goes
};

class ZoneKeys {
 public:
  /// Reads the folder's keys of the zone; none where there are none yet. The error is a phrase with a path: what cannot
  /// be read is never replaced by something new.
  static std::expected<ZoneKeys, std::string> open(const std::filesystem::path& folder, wire::NameView origin);

  /// Does what is due by `now`: makes the first keys, begins and ends roll-overs. `max_ttl`: the longest of the zone's.
  /// What was made is on the disk when this returns. The error is a phrase, and nothing has changed.
  std::expected<void, std::string> advance(std::int64_t now, const KeyPolicy& policy, std::uint32_t max_ttl);
  /// Begins a roll-over before its time. The error is a phrase.
  std::expected<void, std::string> roll(KeyRole role, std::int64_t now, const KeyPolicy& policy);
  /// The parent has the newest KSK's DS: the older ones may go.
  std::expected<void, std::string> ds_seen(std::int64_t now, const KeyPolicy& policy);

  const std::vector<ZoneKey>& all() const { return keys_; }  ///< what the DNSKEY set consists of
  /// Whether it signs the zone's data now: of each algorithm the ZSK that became active last,
  /// else the first that will.
  bool signs(const ZoneKey& key, std::int64_t now) const;
  /// The KSK that CDS and CDNSKEY ask for; null: none is known widely enough yet.
  const ZoneKey* wanted_ds(std::int64_t now) const;
  /// When advance() has something to do next, or what the zone should say changes; far away where nothing will.
  std::int64_t next_at(std::int64_t now, const KeyPolicy& policy) const;
  /// For people: each key, what it does and until when, and the DS for the parent.
  std::string to_text(std::int64_t now) const;

 private:
  ZoneKeys(std::filesystem::path folder, wire::NameView origin) : folder_(std::move(folder)), origin_(origin) {}
  const ZoneKey* newest(KeyRole role) const;
  bool rolls_ksk() const;
  std::expected<void, std::string> add(KeyRole role, wire::Algorithm algorithm, std::int64_t now,
                                       std::int64_t active_at);
  std::expected<void, std::string> begin_due(std::int64_t now, const KeyPolicy& policy, std::uint32_t max_ttl);
  void retire_zsks(std::int64_t now, const KeyPolicy& policy, std::uint32_t max_ttl);
  std::expected<void, std::string> save();
  std::string file_stem(unsigned algorithm, unsigned tag) const;
  std::filesystem::path state_path() const;
  std::expected<void, std::string> save_secret(const ZoneKey& key) const;
  std::expected<void, std::string> read_line(const std::string& line);

  std::filesystem::path folder_;
  wire::Name origin_;
  std::vector<ZoneKey> keys_;  // by the time they were published
};

}  // namespace placard::zones
