// Where trust begins and where it is suspended: trust anchors (RFC 4033 5), the root's as shipped or others of the
// configuration, and negative ones (RFC 7646), each with an end.
//
// A name's trust comes from the deepest anchor at or above it, unless a negative anchor lies at or above the name and
// not above that anchor. Immutable once made.
#pragma once

#include <expected>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "resolver/validate/keys.hpp"

namespace placard::validate {

struct Anchor {
  wire::Name zone;
  Vouchers vouchers;
};

struct NegativeAnchor {
  wire::Name name;
  std::int64_t until = 0;  ///< seconds since the epoch; no longer in force then
};

inline constexpr std::size_t kMaxAnchorsSize = 1U << 20U;  ///< octets of an anchors file

class Anchors {
 public:
  /// One record in presentation form, DS or DNSKEY; several of one zone add up. Error: a phrase.
  std::expected<void, std::string> add(std::string_view record);
  void add(const wire::RecordSet& ds_or_dnskey);
  /// In place of all negative ones that are there.
  void set_negative(std::vector<NegativeAnchor> anchors) { negative_ = std::move(anchors); }
  /// A file's text: one record a line, ";" comments. Error: with the line's number.
  std::expected<void, std::string> add_lines(std::string_view text);
  /// The root's keys 20326 (2017) and 38696 (2024), as DS records of IANA's root-anchors.xml.
  void add_iana_root();
  /// Replaces what vouches for one zone (RFC 5011).
  void replace(wire::NameView zone, Vouchers vouchers);

  /// What the trust in `name` hangs on; null: nothing does, or it is suspended.
  const Anchor* find(wire::NameView name, std::int64_t now) const;
  /// The negative anchor in force for `name`; null: none.
  const NegativeAnchor* negative(wire::NameView name, std::int64_t now) const;
  bool empty() const { return anchors_.empty(); }
  std::span<const Anchor> all() const { return anchors_; }

 private:
  Anchor& at(wire::NameView zone);

  std::vector<Anchor> anchors_;  // few: searched in a row
  std::vector<NegativeAnchor> negative_;
};

}  // namespace placard::validate
