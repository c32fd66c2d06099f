// NSEC3 (RFC 5155 8): closest enclosers, and what follows from them.
#include <algorithm>

#include "resolver/validate/denial.hpp"

namespace placard::validate {
namespace {

using wire::NameView;
using wire::RecordType;

Proof proven(bool opt_out) {
  return {opt_out ? insecure() : secure(), opt_out};  // RFC 5155 9.2: no AD where a delegation may hide
}

}  // namespace

std::optional<Proof> Denials::judge_parameters() const {
  if (parameters_.iterations <= rules_.nsec3_insecure) return std::nullopt;
  const wire::ExtendedError error{
      wire::EdeCode::unsupported_nsec3_iterations,
      zone_.to_text() + " has NSEC3 with " + std::to_string(parameters_.iterations) + " iterations"};
  if (parameters_.iterations > rules_.nsec3_bogus) return Proof{bogus(error.code, error.extra_text), false};
  return Proof{{Security::insecure, error, false}, true};
}

std::optional<wire::Nsec3Hash> Denials::hash(NameView name, Means& means) const {
  const std::uint32_t cost = parameters_.iterations + 1U;
  if (means.hash_runs < cost) {
    means.hash_runs = 0;
    return std::nullopt;
  }
  means.hash_runs -= cost;
  return wire::nsec3_hash(name, parameters_);
}

const Denials::Nsec3* Denials::matching(NameView name, Means& means) const {
  const auto hashed = hash(name, means);
  if (!hashed) return nullptr;
  const auto found = std::ranges::find(nsec3s_, *hashed, &Nsec3::hash);
  return found == nsec3s_.end() ? nullptr : &*found;
}

const Denials::Nsec3* Denials::covering(NameView name, Means& means) const {
  const auto hashed = hash(name, means);
  if (!hashed) return nullptr;
  const auto found = std::ranges::find_if(
      nsec3s_, [&](const Nsec3& nsec3) { return wire::nsec3_covers(nsec3.hash, nsec3.view.next, *hashed); });
  return found == nsec3s_.end() ? nullptr : &*found;
}

/// The longest ancestor, or the name itself, that an NSEC3 matches; the name one label longer must be covered.
std::optional<Denials::Encloser> Denials::closest_encloser(NameView name, Means& means) const {
  const std::size_t labels = name.label_count();
  for (std::size_t length = labels + 1; length-- > zone_.label_count();) {
    const Nsec3* const match = matching(name.suffix(length), means);
    if (means.hash_runs == 0) return std::nullopt;
    if (match == nullptr) continue;
    if (length == labels) return Encloser{name, true, false};
    // What stands below a DNAME or a delegation is not for this zone to deny (RFC 5155 8.3).
    const auto& types = match->view.types;
    if (types.has(RecordType::dname) || (types.has(RecordType::ns) && !types.has(RecordType::soa))) return std::nullopt;
    const Nsec3* const cover = covering(name.suffix(length + 1), means);
    if (cover == nullptr) return std::nullopt;
    return Encloser{name.suffix(length), false, cover->view.opt_out()};
  }
  return std::nullopt;
}

Proof Denials::nsec3_nxdomain(NameView name, Means& means) const {
  if (auto judged = judge_parameters()) return *judged;
  const auto encloser = closest_encloser(name, means);
  if (!encloser || encloser->is_name) return missing(name, &means);
  const auto wildcard = wire::Name::prepend(kStar, encloser->name);
  if (wildcard && covering(*wildcard, means) == nullptr) return missing(name, &means);
  return proven(encloser->opt_out);
}

Proof Denials::nsec3_nodata(NameView name, RecordType type, Means& means) const {
  if (auto judged = judge_parameters()) return *judged;
  if (const Nsec3* const match = matching(name, means)) {
    const auto& types = match->view.types;
    if (!denies_type(types, name, type)) return missing(name);
    return {secure(), types.has(RecordType::ns) && !types.has(RecordType::soa)};
  }
  const auto encloser = closest_encloser(name, means);
  if (!encloser || encloser->is_name) return missing(name, &means);
  // RFC 5155 8.6: a delegation without DS in a span that opts out; 8.7: a wildcard without the type.
  if (type == RecordType::ds && encloser->opt_out) return proven(true);
  const auto wildcard = wire::Name::prepend(kStar, encloser->name);
  const Nsec3* const match = wildcard ? matching(*wildcard, means) : nullptr;
  if (match != nullptr && denies_type(match->view.types, *wildcard, type)) return proven(encloser->opt_out);
  if (match == nullptr && encloser->opt_out) return proven(true);  // an empty non-terminal above such a delegation
  return missing(name, &means);
}

Proof Denials::nsec3_wildcard(NameView name, std::size_t labels, Means& means) const {
  if (auto judged = judge_parameters()) return *judged;
  if (labels >= name.label_count()) return missing(name);
  const Nsec3* const cover = covering(name.suffix(labels + 1), means);
  if (cover == nullptr) return missing(name, &means);
  return proven(cover->view.opt_out());
}

}  // namespace placard::validate
