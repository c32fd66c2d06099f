// One whole reply judged: every set of the answer, and what it denies (RFC 4035 5).
//
// The caller has found the zones that signed (KnownZone) and decided about sets that nobody signed; what is left is
// arithmetic, which may run in any thread: nothing here waits, looks at a clock or keeps state.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "resolver/validate/denial.hpp"
#include "resolver/validate/keys.hpp"

namespace placard::validate {

/// A zone that signed something in the reply, and what is known of it.
struct KnownZone {
  wire::Name zone;
  Verdict verdict;                       ///< secure: it has keys; insecure, or bogus: why
  std::shared_ptr<const ZoneKeys> keys;  ///< of a secure one
};

struct Part {
  const wire::RecordSet* set = nullptr;
  std::optional<Verdict> decided;  ///< what the caller knows already: made from a DNAME, or unsigned
};

enum class Claim : std::uint8_t { answer, nodata, nxdomain };  ///< what a reply says of its end; answer: nothing denied

/// Borrowed while checked.
struct Subject {
  std::vector<Part> answer;
  Claim claim = Claim::answer;
  wire::Name end;                             ///< the name denied
  wire::RecordType type{};                    ///< the type asked
  std::optional<Part> soa;                    ///< of a denial
  std::vector<const wire::RecordSet*> proof;  ///< NSEC and NSEC3 sets
  std::optional<Verdict> denial_decided;
  std::vector<KnownZone> zones;
};

struct Findings {
  std::vector<Verdict> answer;     ///< one for each part
  std::vector<std::uint32_t> ttl;  ///< seconds that its signature allows each (of secure ones; else the set's)
  /// Of each made from a wildcard, the labels of the wildcard's parent, as the good signature counts them.
  std::vector<std::optional<std::uint8_t>> wildcard;
  Verdict denial;                 ///< of nodata and nxdomain
  std::uint32_t denial_ttl = 0;   ///< seconds
  bool unsigned_cut = false;      ///< of a DS denied: below is insecure
  bool exists_after_all = false;  ///< the proof of an NXDOMAIN shows an existing name: read it as NODATA
  std::vector<const wire::RecordSet*> good_proof;  ///< those with a good signature
  std::uint32_t proof_ttl = 0;                     ///< seconds that these are good for, all of them
  Means used;
};

/// The signers that a set names and that have a say about it: at or above its owner; of a DS, above (RFC 4035 3.1.4.1).
std::vector<wire::NameView> signers_of(const wire::RecordSet& set);

/// Counts `means` down.
Findings check(const Subject& subject, const Rules& rules, std::int64_t now, Means& means, Account* account = nullptr);

}  // namespace placard::validate
