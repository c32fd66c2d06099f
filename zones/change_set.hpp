// What changed between two versions of a zone (RFC 1995's difference sequence): records that went, records that came.
//
// A ZoneEditor makes changes upon a zone without touching it: names that change are copied first, all else is read
// where it stands. It checks each step (what goes must be there, what comes must not), so that a difference that
// contradicts the zone is noticed, and then makes the new zone and the ChangeSet that leads to it. The zone is built
// anew from the two in order: that costs time in proportion to the zone, not to the change, so many changes are best
// made in one editor (resolver/transfer gathers them).
#pragma once

#include <cstdint>
#include <expected>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "zones/record_list.hpp"
#include "zones/zone.hpp"

namespace placard::zones {

/// The SOAs are in it as the first record of each list: `removed` begins with the old one, `added` with the new one.
struct ChangeSet {
  std::uint32_t from = 0, to = 0;  ///< serials
  RecordList removed, added;
  std::size_t octets() const { return removed.octets().size() + added.octets().size(); }
};
using SharedChangeSet = std::shared_ptr<const ChangeSet>;

/// What one owner lost and won, but for its SOA, goes to the end of `out`.
void compare_records(std::vector<RecordRef> before, std::vector<RecordRef> after, ChangeSet& out);
/// By type, TTL and rdata, octet by octet.
bool order_of_records(const RecordRef& a, const RecordRef& b);

/// From one version to the next by comparing both. REQUIRES: the same origin.
ChangeSet difference(const Zone& from, const Zone& to);

/// Whether two rdatas are the same record but for the case of names in them (RFC 4343, RFC 4034 6.2).
bool is_same_rdata(wire::RecordType type, wire::Bytes a, wire::Bytes b);

class ZoneEditor {
 public:
  explicit ZoneEditor(std::shared_ptr<const Zone> base);

  /// What stands at a name now.
  struct Rdata {
    std::vector<std::uint8_t> octets;
    std::uint32_t ttl = 0;
  };
  using Sets = std::map<wire::RecordType, std::vector<Rdata>>;  ///< RRSIGs all under rrsig; no empty vectors
  /// Null: nothing. Valid until the next change.
  const Sets* at(wire::NameView owner);
  const std::vector<Rdata>* at(wire::NameView owner, wire::RecordType type);
  /// The name has records; empty non-terminals do not count (RFC 2136 3.2.4), nor does what signing has put there.
  bool exists(wire::NameView owner);

  /// False: it is there already (a lower or higher TTL than that of its set becomes the set's).
  bool add(const RecordRef& record);
  /// False: there is no such record.
  bool remove(const RecordRef& record);
  void remove_set(wire::NameView owner, wire::RecordType type);
  /// The SOA at the apex.
  wire::Soa soa();
  void set_soa(const wire::Soa& soa);

  /// All of a change set in its order; what does not fit ends it, with a phrase, and the editor is of no more use.
  std::expected<void, std::string> apply(const ChangeSet& changes);

  bool changed() const;  ///< other than the SOA
  /// Net of all, in canonical order of owners; from the base's serial to that of the SOA now.
  ChangeSet changes() const;
  /// The new zone, checked as any other. The error is a phrase.
  std::expected<Zone, std::string> build() const;

 private:
  struct Canonical {
    using is_transparent = void;
    bool operator()(wire::NameView a, wire::NameView b) const { return canonical_order(a, b) < 0; }
  };
  const Node* node_of(wire::NameView owner) const;
  static Sets sets_of(const Node* node);
  Sets& touch(wire::NameView owner);

  std::shared_ptr<const Zone> base_;
  std::map<wire::Name, Sets, Canonical> touched_;
};

}  // namespace placard::zones
