// NSEC (RFC 4035 5.4), and the choice between it and NSEC3.
#include "resolver/validate/denial.hpp"

#include <algorithm>

namespace placard::validate {
namespace {

using wire::NameView;
using wire::RecordType;

std::size_t common_labels(NameView a, NameView b) {
  std::size_t common = 0;
  const std::size_t most = std::min(a.label_count(), b.label_count());
  while (common < most && a.suffix(common + 1) == b.suffix(common + 1)) ++common;
  return common;
}

bool is_parent_side(const wire::TypeBitmap& types) {
  return types.has(RecordType::ns) && !types.has(RecordType::soa);
}

wire::Name wildcard_of(NameView encloser) {
  const auto name = wire::Name::prepend(kStar, encloser);
  return name ? *name : wire::Name(encloser);  // 255 octets: then no such wildcard can exist, nor be denied
}

}  // namespace

bool Nsec::covers(NameView name, NameView zone) const {
  if (!name.is_subdomain_of(zone) || canonical_order(owner, name) >= 0) return false;
  const bool last = canonical_order(view.next, owner) <= 0;
  if (last ? !(view.next == zone) : canonical_order(name, view.next) >= 0) return false;
  const bool silent = view.types.has(RecordType::dname) || is_parent_side(view.types);
  return !(silent && name.is_subdomain_of(owner));
}

bool Nsec::shows_empty_non_terminal(NameView name, NameView zone) const {
  return covers(name, zone) && view.next.is_subdomain_of(name);
}

NameView Nsec::closest_encloser(NameView name) const {
  return name.suffix(std::max(common_labels(name, owner), common_labels(name, view.next)));
}

bool denies_type(const wire::TypeBitmap& types, NameView name, RecordType type) {
  if (types.has(type) || types.has(RecordType::cname)) return false;
  if (type == RecordType::ds) return name.is_root() || !types.has(RecordType::soa);
  return !is_parent_side(types);
}

Denials::Denials(NameView zone, std::span<const wire::RecordSet* const> sets, const Rules& rules)
    : zone_(zone), rules_(rules) {
  for (const auto* set : sets) {
    if (set->type == RecordType::nsec && set->owner.view().is_subdomain_of(zone)) {
      for (const auto rdata : set->rdatas) {
        if (const auto view = wire::parse_nsec(rdata)) nsecs_.push_back({set->owner.view(), *view});
      }
    }
    if (set->type != RecordType::nsec3 || set->owner.view().is_root() || !(set->owner.view().parent() == zone))
      continue;
    const auto own = wire::nsec3_hash_of_label(set->owner.view().first_label());
    for (const auto rdata : set->rdatas) {
      const auto view = wire::parse_nsec3(rdata);
      // RFC 5155 8.1, 8.2: unknown hashes and flags are ignored.
      if (!own || !view || view->parameters.algorithm != wire::kNsec3Sha1 ||
          (view->parameters.flags & ~wire::kNsec3OptOut) != 0)
        continue;
      if (nsec3s_.empty()) parameters_ = view->parameters;
      if (view->parameters.same_chain(parameters_)) nsec3s_.push_back({*own, *view});
    }
  }
}

Proof Denials::missing(NameView name, const Means* means) const {
  Proof proof{bogus(wire::EdeCode::nsec_missing, "no proof of " + zone_.to_text() + " that covers " + name.to_text()),
              false};
  if (means != nullptr && means->hash_runs == 0) {
    proof.verdict = bogus(wire::EdeCode::dnssec_bogus, "proof of " + zone_.to_text() + " needs too much hashing");
    proof.verdict.out_of_means = true;
  }
  return proof;
}

Proof Denials::nxdomain(NameView name, Means& means) const {
  for (const auto& nsec : nsecs_) {
    if (!nsec.covers(name, zone_) || nsec.view.next.is_subdomain_of(name)) continue;
    const wire::Name wildcard = wildcard_of(nsec.closest_encloser(name));
    if (std::ranges::any_of(nsecs_, [&](const Nsec& other) { return other.covers(wildcard, zone_); }))
      return {secure(), false};
  }
  return nsec3s_.empty() ? missing(name) : nsec3_nxdomain(name, means);
}

Proof Denials::nodata(NameView name, RecordType type, Means& means) const {
  for (const auto& nsec : nsecs_) {
    if (nsec.owner == name && denies_type(nsec.view.types, name, type))
      return {secure(), nsec.view.types.has(RecordType::ns) && !nsec.view.types.has(RecordType::soa)};
    if (nsec.shows_empty_non_terminal(name, zone_)) return {secure(), false};
    if (!nsec.covers(name, zone_)) continue;
    const wire::Name wildcard = wildcard_of(nsec.closest_encloser(name));
    for (const auto& other : nsecs_) {
      if (other.owner == wildcard.view() && denies_type(other.view.types, wildcard, type)) return {secure(), false};
    }
  }
  return nsec3s_.empty() ? missing(name) : nsec3_nodata(name, type, means);
}

Proof Denials::wildcard(NameView name, std::size_t labels, Means& means) const {
  for (const auto& nsec : nsecs_) {
    if (nsec.covers(name, zone_) && nsec.closest_encloser(name).label_count() == labels) return {secure(), false};
  }
  return nsec3s_.empty() ? missing(name) : nsec3_wildcard(name, labels, means);
}

}  // namespace placard::validate
