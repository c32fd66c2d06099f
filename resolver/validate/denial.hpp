// Proofs that something does not exist (RFC 4035 5.4, 5155 8, 6840 4, 7129): no such name, no such type at a name, no
// closer name than a wildcard, no DS at a delegation.
//
// Denials holds NSEC or NSEC3 sets of one zone whose signatures were found good; the caller has seen to that. NSEC3
// hashing costs Means::hash_runs; iterations above the rules' limits make every proof insecure or bogus (RFC 9276).
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "resolver/validate/verdict.hpp"
#include "zones/wire/nsec3.hpp"
#include "zones/wire/record_set.hpp"

namespace placard::validate {

/// What a proof says. `unsigned_cut`: of a DS's absence, that the name is a delegation, so what is below is insecure.
struct Proof {
  Verdict verdict;
  bool unsigned_cut = false;
};

/// One NSEC of a zone. Borrowed from its set.
struct Nsec {
  wire::NameView owner;
  wire::NsecView view;

  /// Whether no name of the zone stands at `name` (RFC 4034 4.1.1), by a record that has a say about it: one of a
  /// delegation or with a DNAME has none about names below it (RFC 6840 4.1, 4.3).
  bool covers(wire::NameView name, wire::NameView zone) const;
  /// A name with nothing of its own that has names below it.
  bool shows_empty_non_terminal(wire::NameView name, wire::NameView zone) const;
  /// The longest existing ancestor of a name it covers.
  wire::NameView closest_encloser(wire::NameView name) const;
};

/// Whether a bitmap at the very name denies the type: neither it nor a CNAME there, and the right side of a zone cut
/// speaks (RFC 6840 4.1, 4.3, 4.4).
bool denies_type(const wire::TypeBitmap& types, wire::NameView name, wire::RecordType type);

class Denials {
 public:
  /// Borrows the sets.
  Denials(wire::NameView zone, std::span<const wire::RecordSet* const> sets, const Rules& rules);

  bool empty() const { return nsecs_.empty() && nsec3s_.empty(); }
  Proof nxdomain(wire::NameView name, Means& means) const;
  Proof nodata(wire::NameView name, wire::RecordType type, Means& means) const;
  /// For an answer made from the wildcard below the last `labels` labels of `name` (RFC 4035 5.3.4, 5155 8.8).
  Proof wildcard(wire::NameView name, std::size_t labels, Means& means) const;

 private:
  struct Nsec3 {
    wire::Nsec3Hash hash;
    wire::Nsec3View view;
  };
  /// RFC 5155 8.3, 7.2.1.
  struct Encloser {
    wire::NameView name;
    bool is_name = false;  ///< the asked name exists itself
    bool opt_out = false;  ///< an insecure delegation may hide where the next closer name would be
  };

  std::optional<Proof> judge_parameters() const;
  std::optional<wire::Nsec3Hash> hash(wire::NameView name, Means& means) const;
  const Nsec3* matching(wire::NameView name, Means& means) const;
  const Nsec3* covering(wire::NameView name, Means& means) const;
  std::optional<Encloser> closest_encloser(wire::NameView name, Means& means) const;
  Proof nsec3_nxdomain(wire::NameView name, Means& means) const;
  Proof nsec3_nodata(wire::NameView name, wire::RecordType type, Means& means) const;
  Proof nsec3_wildcard(wire::NameView name, std::size_t labels, Means& means) const;
  Proof missing(wire::NameView name, const Means* means = nullptr) const;

  wire::NameView zone_;
  const Rules& rules_;
  std::vector<Nsec> nsecs_;
  std::vector<Nsec3> nsec3s_;
  wire::Nsec3Parameters parameters_;  // of the first NSEC3; those of other chains are left out (RFC 5155 8.2)
};

}  // namespace placard::validate
