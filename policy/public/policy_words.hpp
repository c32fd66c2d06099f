// What a view says of one name or prefix, in the words of a policy zone: the records at its owners.
//
// Each is read again by our own reader of policy zones (rpz.hpp) before it is written: what would be read otherwise is
// left out, and told as a doubt. Rules of a list share their form, so the words of a form are made once and kept.
#pragma once

#include <array>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "policy/lists/rpz.hpp"
#include "policy/public/policy_zone.hpp"

namespace placard::policy {

/// Bit t: there are rules of trigger t.
constexpr bool has_trigger(unsigned triggers, Trigger trigger) {
  return (triggers >> static_cast<unsigned>(trigger) & 1U) != 0;
}
/// The prefix of such a key; nothing where it can be none.
std::optional<Prefix> prefix_of_key(wire::Bytes key);

class PolicyWords {
 public:
  using Emit = std::function<void(const zones::RecordRef&)>;
  /// Both are borrowed.
  PolicyWords(const Index& index, const PolicyZoneRequest& request);

  /// Calls visit(key, triggers) for each key with rules that may be told, twice where they stand in both images.
  void each_key(const std::function<void(wire::Bytes key, unsigned triggers)>& visit) const;
  /// The SOA and the NS.
  zones::RecordList apex() const;
  /// Of a name and of what is below it, records in order of (type, TTL, rdata), those of the name first. `is_key`: a
  /// rule of that trigger (qname or nsdname) stands there; else the name lies above one.
  PolicyZoneDoubts name(Trigger trigger, wire::NameView of, bool is_key, const Emit& emit);
  /// REQUIRES: a rule of that trigger stands at that prefix.
  PolicyZoneDoubts prefix(Trigger trigger, const Prefix& prefix, const Emit& emit);

  /// Where records about it stand. Nothing: nowhere, they would be too long, or about something else.
  std::optional<wire::Name> owner(Trigger trigger, wire::NameView of) const;
  std::optional<wire::Name> owner_below(Trigger trigger, wire::NameView of) const;
  std::optional<wire::Name> owner(Trigger trigger, const Prefix& prefix) const;

 private:
  struct Words {  // of a form, whoever's they are
    std::vector<RpzRecord> records;
    PolicyZoneDoubts doubts;
    bool alone = false;  // an alias: what it means depends on the name it stands at
  };
  struct Kept {
    std::uint64_t of = UINT64_MAX;
    Words words;
  };

  std::optional<Match> winner(Trigger trigger, wire::NameView of) const;
  void let_through(Trigger trigger, wire::NameView of, const Emit& emit) const;
  PolicyZoneDoubts say(Trigger trigger, wire::NameView of, MatchKind kind, const Match& match, const Emit& emit);
  RuleForm form_of(Trigger trigger, MatchKind kind, const Match& match) const;
  Words words_of(Trigger trigger, const std::string& key, MatchKind kind, const Match& match) const;
  wire::NameView below_of(Trigger trigger) const;

  const Index& index_;
  const PolicyZoneRequest& request_;
  const DecisionFilter told_;
  std::optional<wire::Name> servers_;  // "rpz-nsdname" below the origin, where it fits
  std::array<Kept, 256> kept_;
};

}  // namespace placard::policy
