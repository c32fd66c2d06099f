// Which NSEC or NSEC3 sets prove that something is not there: RFC 4035 3.1.3 and RFC 5155 7.2, one function a case.
//
// They are gathered here while names are looked up, and written into the authority section when that has its turn.
// Nothing is allocated; each name of a chain of aliases costs three hashes at most, and one as a rule.
#pragma once

#include "zones/short_list.hpp"
#include "zones/zone.hpp"

namespace placard::zones {

class Denial {
 public:
  static constexpr std::size_t kMaxProofs = 40;  ///< sets; a chain of aliases may want one for each wildcard on its way

  /// What follows is about names of this zone. `wanted`: the client asked for proofs and the zone has some.
  void enter(const Zone& zone, bool wanted) {
    zone_ = &zone;
    wanted_ = wanted;
  }

  /// The node exists, the type does not. At an empty non-terminal too, and for the DS of a delegation.
  void no_data(const Node& node);
  /// Neither the name nor a wildcard that would make it.
  void no_name(const Node& encloser, wire::NameView name);
  /// The answer was made by the wildcard below the encloser: nothing closer exists.
  void made_by_wildcard(const Node& encloser, wire::NameView name);
  /// The wildcard matches, but has not the type.
  void wildcard_no_data(const Node& encloser, const Node& star, wire::NameView name);
  /// A delegation without DS.
  void unsigned_delegation(const Node& cut) { no_data(cut); }

  /// A set of NSEC or NSEC3 that is to be sent.
  struct Proof {
    const Node* node;
    const StoredSet* set;
    friend bool operator==(const Proof&, const Proof&) = default;
  };
  /// Each once, in the order of their need.
  const Proof* begin() const { return proofs_.begin(); }
  const Proof* end() const { return proofs_.end(); }

 private:
  void add(const Node* node);
  const Node& closest_provable_encloser(const Node& encloser);
  void next_closer(const Node& encloser, wire::NameView name);

  const Zone* zone_ = nullptr;
  bool wanted_ = false;
  ShortList<Proof, kMaxProofs> proofs_;
};

}  // namespace placard::zones
