// The record cache: record sets, negative answers, delegations and failures, shared by all workers.
//
// Sharded by name; a shard's mutex is held for a probe or a store only, never across a suspension. Entries are kept
// packed (cache_node.hpp) and unpacked for who finds them, so a reader keeps what it found whatever happens to the
// cache. The memory of all entries stays below the limit given: S3-FIFO per shard drops what is not used (why: top of
// cache.cpp). Expired entries stay for serve-stale until they are dropped for space.
//
// What a parent zone says about a child (NS set and glue) is a delegation: an entry of its own beside the child's own
// NS and address sets. So glue never becomes an answer, a child cannot prolong its delegation (ghost domains) nor
// replace the addresses that lead to it, and one probe finds all that is needed to ask its servers.
#pragma once

#include <atomic>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "resolver/net/address.hpp"
#include "resolver/net/loop.hpp"
#include "resolver/validate/verdict.hpp"
#include "zones/wire/record_set.hpp"

namespace placard::recurse {

/// RFC 2181 5.4.1, low to high. A set replaces one of lower or equal credibility, or an expired one.
enum class Credibility : std::uint8_t { additional, authority, glue, answer_no_aa, authority_aa, answer_aa, local };

enum class CacheKind : std::uint8_t {
  records,     ///< a record set
  nodata,      ///< RFC 2308: the name exists, the type does not
  nxdomain,    ///< the name does not exist; where that is proven, nor does anything below it (RFC 8020)
  failure,     ///< resolution failed (RFC 9520); short-lived
  delegation,  ///< NS set and glue as the parent gave them
  no_cut,      ///< no zone begins at the name, as the servers above it let see
};

/// An address of the name server in the n-th NS record of a delegation.
struct Glue {
  std::uint16_t server = 0;
  net::Address address;
};

/// Seconds. What was stored later than that is from before the clock was set back: how old it is nobody knows.
inline constexpr std::int64_t kSetBack = 60;

struct CacheEntry {
  CacheKind kind = CacheKind::records;
  Credibility credibility = Credibility::additional;
  wire::RecordSet set;  ///< records: the set; negative: the SOA set that proves it (may be empty), owner the asked
                        ///< name's zone; delegation: NS
  std::vector<wire::RecordSet> proof;  ///< NSEC and NSEC3 sets with signatures (DS too, of a delegation), as received
  std::vector<Glue> glue;              ///< of a delegation
  validate::Security security = validate::Security::insecure;
  bool unsigned_cut = false;  ///< of a DS that is denied: a delegation without one, so what is below is insecure
  bool bogus = false;         ///< of a failure: validation said so
  std::optional<wire::ExtendedError> error;  ///< of a failure, or of a denial that is ours
  std::int64_t stored_at = 0;                ///< wall clock, seconds
  std::int64_t expires_at = 0;               ///< wall clock, seconds
  std::uint32_t ttl_at(std::int64_t now) const {
    return expires_at > now ? static_cast<std::uint32_t>(expires_at - now) : 0;
  }
  bool fresh(std::int64_t now) const { return expires_at > now && stored_at <= now + kSetBack; }
};
using EntryPointer = std::shared_ptr<const CacheEntry>;

/// An entry with what it is kept under, as dumps and files have it.
struct Cached {
  wire::Name name;          ///< that was asked for; of a delegation the zone
  wire::RecordType type{};  ///< ANY for NXDOMAIN, which stands for all types
  bool proven = false;      ///< it was asked for again, and has left the small queue
  EntryPointer entry;
};

/// Answers that validation has judged, and those that nobody judged because who asked said so (CD) or asked for
/// ourselves (addresses of name servers), are kept apart: an unchecked one never becomes a checked one's answer.
enum class Realm : std::uint8_t { checked, unchecked };

struct CacheLimits {
  std::size_t memory = 64U << 20U;                                        ///< octets of all entries and their tables
  std::uint32_t min_ttl = 0, max_ttl = 86'400, max_negative_ttl = 3'600;  ///< seconds
  bool validated = false;  ///< what is stored as checked was validated; cache files say so
};

struct CacheCounters {
  std::uint64_t hits = 0, misses = 0, stored = 0, evicted = 0;
  std::size_t entries = 0, memory = 0;
};

class NodeHold;

class Cache {
 public:
  explicit Cache(const CacheLimits& limits);
  ~Cache();

  /// The entry for (name, type): fresh records or NODATA, else a fresh NXDOMAIN of the name, or a secure one of an
  /// ancestor at or below `top`, else a fresh failure, else an expired entry (look at expires_at). Never a delegation.
  /// Realm::unchecked: what was checked if it is fresh, else what was not (its NXDOMAINs count for their very name).
  EntryPointer find(wire::NameView name, wire::RecordType type, std::int64_t now, wire::NameView top = {},
                    Realm realm = Realm::checked) const;
  /// The newest of the records, NODATA or NXDOMAIN kept for (name, type), however old; for serve-stale.
  EntryPointer find_stale(wire::NameView name, wire::RecordType type, Realm realm = Realm::checked) const;
  /// Deepest fresh delegation at or above `name`: where to start iterating. Nothing when even the root is unknown.
  EntryPointer find_delegation(wire::NameView name, std::int64_t now) const;
  /// Whether store_no_cut() has said so of late.
  bool find_no_cut(wire::NameView name, std::int64_t now) const;
  /// The fresh DNAME set of the deepest proper ancestor at or below `top` that has one (RFC 6672).
  EntryPointer find_dname(wire::NameView name, std::int64_t now, wire::NameView top = {}) const;

  /// Each store returns the entry as made (TTL within the limits), kept or not: a more credible fresh one stays in
  /// place, and what has TTL 0 is not kept at all. What is `unchecked` goes into that realm.
  EntryPointer store(wire::RecordSet set, Credibility credibility, std::int64_t now,
                     std::vector<wire::RecordSet> proof = {},
                     validate::Security security = validate::Security::insecure);
  EntryPointer store_negative(CacheKind kind, wire::NameView name, wire::RecordType type, CacheEntry entry,
                              std::uint32_t ttl, std::int64_t now);  ///< entry.security counts
  /// `ns.owner` is the zone; replaces what was known of it. The glue's `server` counts ns.rdatas. Expires at
  /// `not_after` at the latest, whatever its TTL and the limits say.
  EntryPointer store_delegation(wire::RecordSet ns, std::vector<Glue> glue, std::vector<wire::RecordSet> proof,
                                std::int64_t now, std::int64_t not_after = kNoEnd);
  /// What a shortened name brought to light (RFC 9156): nothing to answer by, but the next name need not ask again.
  void store_no_cut(wire::NameView name, std::uint32_t ttl, std::int64_t now);
  static constexpr std::int64_t kNoEnd = std::numeric_limits<std::int64_t>::max();

  void flush_all();
  std::size_t flush_name(wire::NameView name);  ///< all types; how many entries went
  /// What answers questions for (name, type): its records or NODATA, the failure, and the NXDOMAIN of the name.
  std::size_t flush_type(wire::NameView name, wire::RecordType type);
  std::size_t flush_subtree(wire::NameView name);  ///< the name and all below
  CacheCounters counters() const;
  const CacheLimits& limits() const { return limits_; }

  std::size_t shards() const { return shards_.size(); }
  /// What a shard holds, the oldest first. Its lock is held for a copy of some thousand pointers and names.
  std::vector<Cached> contents(std::size_t shard) const;
  /// What is kept under a name, or at and below it.
  std::vector<Cached> contents_of(wire::NameView name, bool below) const;
  /// Puts back what contents() gave; an entry that is there already stays. REQUIRES: entry fits name and type.
  void restore(const Cached& cached, std::int64_t now);

 private:
  struct Shard;
  enum class Slot : std::uint8_t {
    exact,
    nxdomain,
    failure,
    delegation,
    unchecked,
    unchecked_nxdomain,
    unchecked_failure,
    no_cut
  };
  static Slot in_realm(Slot slot, Realm realm);
  Shard& shard_of(std::uint64_t name_hash) const;
  NodeHold find_in(Realm realm, wire::NameView name, wire::RecordType type, std::int64_t now) const;
  NodeHold probe(wire::NameView name, wire::RecordType type, Slot slot) const;
  /// The fresh node of `name`, or of its nearest ancestor at or below `top`, that is wanted.
  template <typename IsWanted>
  NodeHold deepest(wire::NameView name, wire::NameView top, wire::RecordType type, Slot slot, std::int64_t now,
                   IsWanted is_wanted) const;
  void insert(wire::NameView name, wire::RecordType type, Slot slot, const CacheEntry& entry, std::int64_t now);
  std::size_t flush_if(Shard& shard, wire::NameView name, bool below);

  std::vector<std::unique_ptr<Shard>> shards_;
  CacheLimits limits_;
  std::uint64_t seed_;                         // of the hashes, so that nobody can aim at one shard
  mutable std::atomic<std::size_t> cuts_ = 0;  // secure NXDOMAINs; 0 spares the look at every ancestor
  mutable std::atomic<std::size_t> dnames_ = 0;
};

}  // namespace placard::recurse
