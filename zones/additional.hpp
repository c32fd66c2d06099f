// The additional section (RFC 1034 4.3.2 step 6): what whoever reads the answer will want next.
//
// Addresses of the names in NS, MX, SRV and the like, made by a wildcard too; what RFC 9460 4.1 wants behind SVCB and
// HTTPS, aliases followed inside the zone; glue of a referral, which must fit (RFC 9471). What else does not fit is
// left out in silence. Nothing is allocated.
#pragma once

#include "zones/set_writer.hpp"
#include "zones/short_list.hpp"
#include "zones/zone.hpp"

namespace placard::zones {

class Additional {
 public:
  static constexpr std::size_t kMaxSets = 24;     ///< whose targets are looked at
  static constexpr std::size_t kMaxTargets = 32;  ///< names that get their addresses told
  static constexpr int kMaxAliases = 8;           ///< SVCB and HTTPS in AliasMode, and CNAMEs, behind one another

  /// The zone that the names of the notes are looked up in: that in which the chain of aliases ended.
  void enter(const Zone& zone) { zone_ = &zone; }
  /// A set of the answer: what its names lead to is wanted here, and addresses in it are not said again.
  void note(const StoredSet& set, wire::NameView owner);
  /// The NS set of a referral.
  void note_referral(const Node& cut);
  /// False: glue without which the referral leads nowhere did not fit.
  bool write(SetWriter writer);

 private:
  struct Noted {
    const StoredSet* set;
    wire::NameView owner;
  };
  enum class Room : bool { none, left };

  bool write_glue(SetWriter writer, const StoredSet& ns);
  Room write_targets(SetWriter writer, const Noted& noted);
  Room write_services(SetWriter writer, const Noted& noted, int depth);
  Room write_service_host(SetWriter writer, const Noted& from, wire::NameView host, bool alias, int depth);
  Room write_addresses(SetWriter writer, wire::NameView target, bool below_cuts);
  bool is_answered(const StoredSet& set, wire::NameView owner) const;
  const Node* find(wire::NameView target) const;

  const Zone* zone_ = nullptr;
  const Node* cut_ = nullptr;
  ShortList<Noted, kMaxSets> sets_;
  ShortList<Noted, 2> answered_;                 // addresses in the answer
  ShortList<wire::NameView, kMaxTargets> told_;  // their addresses stand in the section
};

}  // namespace placard::zones
