// A zone in memory: an immutable tree of names, built once by ZoneBuilder and swapped whole (RFC 1034 4.2, 4.3.2).
//
// Nodes stand in canonical order (RFC 4034 6.1) with the apex first; empty non-terminals are nodes without sets.
// What the answer path asks again and again was worked out at build time: the topmost cut or DNAME above a node, the
// nodes whose NSEC or NSEC3 speak of it and of the wildcard below it. Invariants: one SOA and an NS set at the apex,
// every name below it, no CNAME beside other data. Nodes that hold NSEC3 and nothing else are kept in their order, but
// are no names of the zone (RFC 5155 7.2.8): find() does not know them.
// Nothing here reads a file (zones/load) or writes a message (zones/answer).
#pragma once

#include <bitset>
#include <cstdint>
#include <expected>
#include <memory>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "zones/wire/name.hpp"
#include "zones/wire/nsec3.hpp"
#include "zones/wire/record_set.hpp"
#include "zones/wire/suffixes.hpp"
#include "zones/wire/types.hpp"

namespace placard::zones {

/// Rdatas packed as in wire::RdataList. Borrowed.
struct RdataRange {
  const std::uint8_t* first = nullptr;
  std::size_t size = 0;  ///< octets

  wire::RdataList::Iterator begin() const { return wire::RdataList::Iterator(first); }
  wire::RdataList::Iterator end() const { return wire::RdataList::Iterator(first + size); }
  bool empty() const { return size == 0; }
};

/// A record set where it stands in its zone. Lives as long as the zone.
class StoredSet {
 public:
  wire::RecordType type() const { return type_; }
  std::uint32_t ttl() const { return ttl_; }  ///< seconds
  RdataRange rdatas() const { return {start_, rdatas_size_}; }
  RdataRange signatures() const { return {start_ + rdatas_size_, signatures_size_}; }  ///< RRSIGs that cover it

 private:
  friend class ZoneBuilder;
  const std::uint8_t* start_ = nullptr;
  std::uint32_t rdatas_size_ = 0, signatures_size_ = 0;
  std::uint32_t ttl_ = 0;
  wire::RecordType type_{};
};

/// A name of the zone. Lives as long as the zone.
class Node {
 public:
  wire::NameView name() const { return wire::NameView::from_valid({name_, name_size_}); }
  std::span<const StoredSet> sets() const { return {sets_, set_count_}; }  ///< by rising type
  const StoredSet* find(wire::RecordType type) const;                      ///< null: none of that type
  bool is_empty() const { return set_count_ == 0; }                        ///< an empty non-terminal
  bool has_wildcard() const { return has_wildcard_; }                      ///< "*" stands below it
  bool is_hashed_name() const;  ///< holds NSEC3 and nothing else: no name of the zone

 private:
  friend class Zone;
  friend class ZoneBuilder;
  static constexpr std::uint32_t kNone = 0xffffffff;
  const std::uint8_t* name_ = nullptr;
  const StoredSet* sets_ = nullptr;
  std::uint32_t cut_ = kNone;
  std::uint32_t denial_ = kNone;           // whose NSEC reaches from here on, or whose NSEC3 matches
  std::uint32_t wildcard_denial_ = kNone;  // whose NSEC or NSEC3 speaks of "*" below
  std::uint16_t set_count_ = 0;
  std::uint8_t name_size_ = 0;
  bool has_wildcard_ : 1 = false, has_children_ : 1 = false;
};

class Zone {
 public:
  Zone(Zone&&) = default;
  Zone& operator=(Zone&&) = default;

  wire::NameView origin() const { return nodes_.front().name(); }
  const Node& apex() const { return nodes_.front(); }
  std::span<const Node> nodes() const { return nodes_; }  ///< in canonical order
  const StoredSet& soa() const { return *apex().find(wire::RecordType::soa); }
  std::uint32_t serial() const { return serial_; }
  /// TTL of "there is no such thing": the lesser of the SOA's own TTL and its minimum (RFC 2308 3).
  std::uint32_t negative_ttl() const { return negative_ttl_; }
  bool is_signed() const { return !soa().signatures().empty(); }
  std::size_t record_count() const { return record_count_; }  ///< signatures included
  std::size_t memory_size() const;                            ///< octets of heap

  /// The node of that very name; null when there is none.
  const Node* find(wire::NameView name) const;
  const Node* find_lowered(wire::NameView name) const;  ///< the same, faster. REQUIRES: in lower case
  // What find_lowered() of a name with that hash_lowered() will read is asked of the memory beforehand, step by step,
  // each some time after the one before.
  void prefetch_bucket(std::uint64_t hash) const;
  /// The node that probably is meant; null: none.
  const Node* prefetch_node(std::uint64_t hash) const;
  static void prefetch_sets(const Node& node);
  static void prefetch_rdatas(const Node& node);
  /// The node of the longest existing suffix of `name` (RFC 4592 3.3.1). REQUIRES: `name` at or below the origin.
  const Node& closest_encloser(wire::NameView name) const;
  /// The topmost delegation at or above the node, or the topmost DNAME above it; null where the zone has authority.
  const Node* cut_of(const Node& node) const;
  /// The "*" below a node; null when there is none.
  const Node* wildcard_below(const Node& node) const;

  // Proofs of what is not there (zones/denial says which are wanted when). Null: the zone has none.

  bool has_nsec3() const { return !nsec3_hashes_.empty(); }  ///< then NSEC is not used
  /// The node whose NSEC matches `name` or covers it (RFC 4034 4.1.1).
  const Node* nsec_at_or_before(wire::NameView name) const;
  /// The node whose NSEC matches or covers `node`, or whose NSEC3 matches it.
  const Node* denial_at(const Node& node) const { return at(node.denial_); }
  /// The node whose NSEC or NSEC3 matches or covers "*" below `node`.
  const Node* wildcard_denial_below(const Node& node) const;
  /// The node whose NSEC3 matches `name` or covers it. Hashes once. REQUIRES: has_nsec3().
  const Node* nsec3_at_or_before(wire::NameView name) const;

 private:
  friend class ZoneBuilder;
  Zone() = default;
  const Node* at(std::uint32_t number) const { return number == Node::kNone ? nullptr : &nodes_[number]; }
  std::uint32_t nsec_number(wire::NameView name) const;
  std::uint32_t nsec3_number(const wire::Nsec3Hash& hash) const;

  struct HashedNode {
    wire::Nsec3Hash hash;
    std::uint32_t node;
  };

  std::unique_ptr<std::uint8_t[]> octets_;  // names and packed rdatas; the rest points into it
  std::size_t octets_size_ = 0;
  std::vector<StoredSet> sets_;
  std::vector<Node> nodes_;
  std::vector<std::uint32_t> buckets_;    // node numbers by name hash, open addressing, a power of two
  std::vector<HashedNode> nsec3_hashes_;  // the chain of NSEC3PARAM, by hash
  wire::Nsec3Parameters nsec3_parameters_;
  std::size_t record_count_ = 0;
  std::uint32_t serial_ = 0, negative_ttl_ = 0;
};

/// More would let one question cost too much (RFC 9276 3.2 wants none).
inline constexpr std::uint16_t kMaxNsec3Iterations = 500;

inline constexpr std::size_t kMaxWarnings = 200;  ///< of one zone; the last one says that there are more

/// What is wrong, or merely doubtful, about a zone. `place` is what add() was told of the record concerned.
struct ZoneProblem {
  std::uint32_t place = 0;
  std::string reason;
};

/// Gathers records and makes a Zone of them, once.
class ZoneBuilder {
 public:
  explicit ZoneBuilder(wire::NameView origin);
  wire::NameView origin() const { return origin_; }

  /// Copies one record. `place` (a line, say) comes back in problems. REQUIRES: rdata uncompressed.
  /// The error is a phrase: a record outside of the zone, a meta type, broken rdata, more than 4 GiB in all.
  std::expected<void, std::string> add(wire::NameView owner, wire::RecordType type, std::uint32_t ttl,
                                       wire::Bytes rdata, std::uint32_t place = 0);
  /// Checks the whole and builds. Doubtful things (missing glue, data hidden below a cut, TTLs that differ within a
  /// set, signatures of nothing; all are in zone_builder_doubts.cpp) go to `warnings` when it is not null, kMaxWarnings
  /// at most. The builder is spent afterwards.
  std::expected<Zone, ZoneProblem> build(std::vector<ZoneProblem>* warnings = nullptr);

 private:
  struct Entry {
    std::uint32_t owner, rdata;  // offsets in octets_
    std::uint32_t ttl;
    std::uint32_t place;
    std::uint16_t rdata_size;
    std::uint8_t owner_size;
    bool signature;  // an RRSIG; then `type` is the type it covers
    wire::RecordType type;
  };
  using Warnings = std::vector<ZoneProblem>*;

  wire::NameView owner_of(const Entry& entry) const;
  wire::Bytes rdata_of(const Entry& entry) const;
  void sort();
  std::span<const Entry> node_at(std::size_t first) const;            // the entries of one owner
  static std::span<const Entry> set_at(std::span<const Entry> node);  // those of the first type, signatures last
  std::expected<void, ZoneProblem> check(std::span<const Entry> node) const;
  void lay_out(Zone& zone, Warnings warnings) const;
  void store_set(Zone& zone, std::span<const Entry> set, std::uint8_t*& at, Warnings warnings) const;
  static void link(Zone& zone);
  static std::expected<void, ZoneProblem> link_denial(Zone& zone);
  static std::expected<void, ZoneProblem> find_nsec3_chain(Zone& zone);
  static void index(Zone& zone);
  void find_doubts(const Zone& zone, Warnings warnings) const;

  wire::Name origin_;
  std::vector<std::uint8_t> octets_;
  std::vector<Entry> entries_;
};

/// The zones of a server, found by name. Immutable; a changed zone means a new set that shares the others.
class ZoneSet {
 public:
  ZoneSet() = default;
  /// Of two zones with one origin the later counts. `unavailable`: origins that are ours too, but could not be loaded.
  explicit ZoneSet(std::vector<std::shared_ptr<const Zone>> zones, std::vector<wire::Name> unavailable = {});

  /// The zone with the longest origin at or above `name`; null: none. A DS question about an origin goes to the zone
  /// above it when that is here too (RFC 4035 3.1.4.1).
  const Zone* find(wire::NameView name, wire::RecordType type) const;
  /// The same, faster. REQUIRES: in lower case.
  const Zone* find_lowered(wire::NameView name, wire::RecordType type) const;
  /// True where the longest origin at or above `name` is one that could not be loaded: SERVFAIL is the honest answer.
  bool is_unavailable(wire::NameView name) const;
  bool all_available() const { return unavailable_.empty(); }
  std::size_t size() const { return zones_.size(); }
  std::vector<std::shared_ptr<const Zone>> zones() const;  ///< in no order

 private:
  struct Lowered {  // a name in lower case
    wire::NameView name;
  };
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(Lowered lowered) const { return wire::hash_lowered(lowered.name); }
    std::size_t operator()(const wire::Name& name) const { return wire::hash_lowered(name); }
  };
  struct Equal {
    using is_transparent = void;
    bool operator()(Lowered a, wire::NameView b) const { return same_case(a.name, b); }
    bool operator()(wire::NameView a, Lowered b) const { return same_case(a, b.name); }
    bool operator()(wire::NameView a, wire::NameView b) const { return same_case(a, b); }
  };
  std::unordered_map<wire::Name, std::shared_ptr<const Zone>, Hash, Equal> zones_;  // by origin in lower case
  std::vector<wire::Name> unavailable_;             // few: a configuration is being mended
  std::bitset<wire::kMaxLabels + 1> label_counts_;  // of the origins: what need not be looked up
};

}  // namespace placard::zones
