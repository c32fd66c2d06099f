// The keys of a zone: which of its DNSKEYs a DS set or a trust anchor vouches for, and through them all others
// (RFC 4035 5.2); and whether one of them signed a record set (RFC 4035 5.3).
//
// Pure: sets and a time go in, a verdict comes out. The work is bounded by Means and by the constants of verdict.hpp.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "resolver/validate/verdict.hpp"
#include "zones/wire/dnssec.hpp"

namespace placard::validate {

/// A key that may sign data of its zone: zone key bit, protocol 3, not revoked, of an algorithm that counts.
struct ZoneKey {
  std::uint16_t tag = 0;
  wire::PublicKey key;
};
/// Immutable; shared between threads that verify.
struct ZoneKeys {
  wire::Name zone;
  std::vector<ZoneKey> keys;  ///< at most kMaxKeys
};
/// Where keys that are ready already are found by their DNSKEY rdata, and those that are made now are kept: many zones
/// of one operator may share theirs.
class KeyShelf {
 public:
  virtual ~KeyShelf() = default;
  virtual std::optional<wire::PublicKey> find_or_make(wire::Bytes dnskey_rdata) = 0;
};

/// Of a DNSKEY set that was found secure. `shelf`: null if none.
std::shared_ptr<const ZoneKeys> make_zone_keys(const wire::RecordSet& dnskeys, const Rules& rules,
                                               KeyShelf* shelf = nullptr);

/// What vouches for a zone's key set: DS records (of the parent, or an anchor's), or whole keys (an anchor's).
struct Vouchers {
  wire::RdataList ds, dnskey;
  bool empty() const { return ds.empty() && dnskey.empty(); }
};
/// Whether any of it has an algorithm and a digest that count. If not, the zone is insecure (RFC 4035 5.2): the verdict
/// is secure or insecure, with EDE 1 or 2.
Verdict usable(const Vouchers& vouchers, wire::NameView zone, const Rules& rules);

/// Told of what happens, for a trace. Each line is one whole thought.
struct Account {
  std::vector<std::string> lines;
  std::size_t limit = 0;  ///< lines kept; 0: nobody reads it
  bool wanted() const { return lines.size() < limit; }
};

/// A zone's DNSKEY set against what vouches for it. REQUIRES: usable(vouchers).
Verdict check_dnskeys(const wire::RecordSet& dnskeys, const Vouchers& vouchers, const Rules& rules, std::int64_t now,
                      Means& means, Account* account = nullptr);

/// What else is to be known of a set that is secure.
struct Signed {
  std::uint8_t labels = 0;  ///< of the signature; fewer than the owner has: made from a wildcard
  std::uint32_t ttl = 0;    ///< seconds that the signature allows (RFC 4035 5.3.3)
};
/// Whether one of the zone's keys signed the set.
Verdict check_set(const wire::RecordSet& set, const ZoneKeys& keys, const Rules& rules, std::int64_t now, Means& means,
                  Signed* result = nullptr, Account* account = nullptr);

/// "2026-01-31 12:00:00", of a signature's time near `now` (RFC 4034 3.1.5).
std::string signature_time(std::uint32_t time);

}  // namespace placard::validate
