// Aggressive use of what is known not to exist (RFC 8198): NSEC and NSEC3 sets that were found good answer for all the
// names they deny, without a question to anybody. So a flood of random names below a signed zone ends here.
//
// Kept by zone and order, bounded in number: a zone that has too many loses those it was told last, and when all zones
// together have too many, whole zones go. Spans that opt out (RFC 5155 6) say nothing certain and are not used. The
// answer is proven anew by Denials each time. One thread's; no clock.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include "resolver/validate/denial.hpp"

namespace placard::validate {

using SharedSet = std::shared_ptr<const wire::RecordSet>;

/// An answer made of what is known.
struct Synthesis {
  enum class Kind : std::uint8_t {
    nxdomain,
    nodata,
    wildcard,  ///< nothing closer than `wildcard` exists, which does: who has its records may answer with them
  };
  Kind kind = Kind::nxdomain;
  wire::Name wildcard;
  std::vector<SharedSet> proof;  ///< NSEC or NSEC3 sets with their signatures
  SharedSet soa;                 ///< with its signatures
  std::int64_t expires_at = 0;   ///< of the part that ends first
};

class Aggressive {
 public:
  static constexpr std::size_t kMaxZones = 2'048;
  static constexpr std::size_t kMaxOfZone = 4'096;  ///< sets
  static constexpr std::size_t kMaxOfAll = 16'384;  ///< sets
  /// Runs of SHA-1 for one answer: it is made on the answer path. Enough for what RFC 9276 wants (no iterations) and
  /// then some; chains that cost more are left to validation, which works elsewhere.
  static constexpr std::uint32_t kMaxHashes = 100;

  explicit Aggressive(const Rules& rules) : rules_(rules) {}

  /// Sets that are secure, until `expires_at`; with a denial the SOA of its zone, secure too: without one the sets
  /// (of a wildcard's answer) serve for wildcards only.
  void learn(const std::vector<const wire::RecordSet*>& proof, const wire::RecordSet* soa, std::int64_t now,
             std::int64_t expires_at);
  std::optional<Synthesis> answer(wire::NameView name, wire::RecordType type, std::int64_t now, Means& means) const;
  std::size_t size() const { return count_; }  ///< sets

 private:
  struct Kept {
    SharedSet set;
    std::int64_t expires_at = 0;
  };
  struct CanonicalLess {
    bool operator()(const wire::Name& a, const wire::Name& b) const { return canonical_order(a.view(), b.view()) < 0; }
  };
  struct Zone {
    Kept soa;
    std::map<wire::Name, Kept, CanonicalLess> nsec;
    std::map<wire::Nsec3Hash, Kept> nsec3;
    std::int64_t sweep_at = 0;  // not again before; seconds
    std::size_t size() const { return nsec.size() + nsec3.size(); }
  };
  using Zones = std::unordered_map<wire::Name, Zone, wire::NameHash>;

  void sweep(Zone& zone, std::int64_t now);
  void make_room();
  /// What may prove something about the name; the labels of its closest encloser where there is one.
  static std::optional<std::size_t> collect_nsec(const Zone& zone, wire::NameView name, std::vector<Kept>& found);
  struct Near {
    const Kept* kept;  ///< at or before the name's hash
    bool exact, covers;
  };
  static std::optional<Near> nearest(const Zone& zone, wire::NameView name, const wire::Nsec3Parameters& parameters,
                                     Means& means);
  static std::optional<std::size_t> collect_nsec3(const Zone& zone, wire::NameView apex, wire::NameView name,
                                                  std::vector<Kept>& found, Means& means);

  Rules rules_;
  Zones zones_;
  std::size_t count_ = 0;
};

}  // namespace placard::validate
