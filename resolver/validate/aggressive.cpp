#include "resolver/validate/aggressive.hpp"

#include <algorithm>
#include <limits>

#include "resolver/validate/check.hpp"

namespace placard::validate {
namespace {

using wire::NameView;
using wire::RecordType;

constexpr std::int64_t kSweepInterval = 60;     // seconds
constexpr std::uint32_t kHashesOfShortest = 6;  // the apex, a name below it and the wildcard: found, then proven

/// The element at or before `key`; of a ring, the last one stands before the first.
template <class Map, class Key>
typename Map::const_iterator at_or_before(const Map& map, const Key& key, bool ring) {
  auto after = map.upper_bound(key);
  if (after != map.begin()) return std::prev(after);
  return ring && !map.empty() ? std::prev(map.end()) : map.end();
}

}  // namespace

void Aggressive::learn(const std::vector<const wire::RecordSet*>& proof, const wire::RecordSet* soa, std::int64_t now,
                       std::int64_t expires_at) {
  if (soa != nullptr) zones_[soa->owner].soa = {std::make_shared<const wire::RecordSet>(*soa), expires_at};
  for (const auto* set : proof) {
    const auto signers = signers_of(*set);
    if (signers.size() != 1) continue;  // whose key it was is not told here
    const NameView zone = signers.front();
    Zone& known = zones_[wire::Name(zone)];
    if (known.size() >= kMaxOfZone && known.sweep_at <= now) sweep(known, now);
    const bool full = known.size() >= kMaxOfZone;
    const Kept kept{std::make_shared<const wire::RecordSet>(*set), expires_at};
    const std::size_t before = known.size();
    if (set->type == RecordType::nsec && set->owner.view().is_subdomain_of(zone)) {
      const auto found = known.nsec.find(set->owner);
      if (found != known.nsec.end())
        found->second = kept;
      else if (!full)
        known.nsec.emplace(set->owner, kept);
    } else if (set->type == RecordType::nsec3 && !set->owner.view().is_root() && set->owner.view().parent() == zone &&
               !set->rdatas.empty()) {
      const auto hash = wire::nsec3_hash_of_label(set->owner.view().first_label());
      const auto view = wire::parse_nsec3(*set->rdatas.begin());
      if (!hash || !view || view->parameters.algorithm != wire::kNsec3Sha1 ||
          view->parameters.iterations > rules_.nsec3_insecure)
        continue;
      if (!full || known.nsec3.contains(*hash)) known.nsec3[*hash] = kept;
    }
    count_ += known.size() - before;
  }
  make_room();
}

/// What has expired makes room, when there is none; not at every turn.
void Aggressive::sweep(Zone& zone, std::int64_t now) {
  const std::size_t before = zone.size();
  const auto expired = [&](const auto& item) { return item.second.expires_at <= now; };
  std::erase_if(zone.nsec, expired);
  std::erase_if(zone.nsec3, expired);
  count_ -= before - zone.size();
  zone.sweep_at = now + kSweepInterval;
}

void Aggressive::make_room() {
  while (zones_.size() > 1 && (zones_.size() > kMaxZones || count_ > kMaxOfAll)) {
    const auto victim = zones_.begin();
    count_ -= victim->second.size();
    zones_.erase(victim);
  }
}

/// The NSEC at or before the name, and at or before the wildcard that could stand for it.
std::optional<std::size_t> Aggressive::collect_nsec(const Zone& zone, NameView name, std::vector<Kept>& found) {
  const auto at = at_or_before(zone.nsec, wire::Name(name), false);
  if (at == zone.nsec.end()) return std::nullopt;
  found.push_back(at->second);
  const auto view = wire::parse_nsec(*at->second.set->rdatas.begin());
  if (!view) return std::nullopt;
  const Nsec nsec{at->second.set->owner.view(), *view};
  const NameView encloser = nsec.closest_encloser(name);
  const auto wildcard = wire::Name::prepend(kStar, encloser);
  if (!wildcard) return std::nullopt;
  const auto other = at_or_before(zone.nsec, *wildcard, false);
  if (other != zone.nsec.end() && other != at) found.push_back(other->second);
  return encloser.label_count();
}

/// The NSEC3 of the closest encloser, and those that cover the next closer name and the wildcard. From the apex down,
/// one label at a time: what is below a name that does not exist is never hashed, however many labels it has.
std::optional<std::size_t> Aggressive::collect_nsec3(const Zone& zone, NameView apex, NameView name,
                                                     std::vector<Kept>& found, Means& means) {
  if (zone.nsec3.empty()) return std::nullopt;
  const auto view = wire::parse_nsec3(*zone.nsec3.begin()->second.set->rdatas.begin());
  if (!view) return std::nullopt;
  if ((view->parameters.iterations + 1U) * kHashesOfShortest > means.hash_runs) return std::nullopt;
  const Kept* above = nullptr;  // of the name one label shorter, when that is known to exist
  for (std::size_t labels = apex.label_count(); labels <= name.label_count(); ++labels) {
    const auto near = nearest(zone, name.suffix(labels), view->parameters, means);
    if (!near) return std::nullopt;
    if (near->exact) {
      above = near->kept;
      if (labels == name.label_count()) found.push_back(*above);
      continue;
    }
    if (!near->covers) {
      above = nullptr;  // it may exist: nobody has said
      continue;
    }
    if (above == nullptr) return std::nullopt;
    // Below a delegation or a DNAME this zone has nothing to say.
    const auto encloser = wire::parse_nsec3(*above->set->rdatas.begin());
    const bool silent = !encloser || encloser->types.has(RecordType::dname) ||
                        (encloser->types.has(RecordType::ns) && !encloser->types.has(RecordType::soa));
    if (silent) return std::nullopt;
    found = {*above, *near->kept};
    const auto wildcard = wire::Name::prepend(kStar, name.suffix(labels - 1));
    const auto at_wildcard = wildcard ? nearest(zone, *wildcard, view->parameters, means) : std::nullopt;
    if (at_wildcard) found.push_back(*at_wildcard->kept);
    return labels - 1;
  }
  return std::nullopt;
}

/// Nothing where there is none, or no means to find out.
std::optional<Aggressive::Near> Aggressive::nearest(const Zone& zone, NameView name,
                                                    const wire::Nsec3Parameters& parameters, Means& means) {
  const std::uint32_t cost = parameters.iterations + 1U;
  if (means.hash_runs < cost) return std::nullopt;
  means.hash_runs -= cost;
  const auto hash = wire::nsec3_hash(name, parameters);
  const auto kept = at_or_before(zone.nsec3, hash, true);
  if (kept == zone.nsec3.end()) return std::nullopt;
  const auto view = wire::parse_nsec3(*kept->second.set->rdatas.begin());
  const bool exact = kept->first == hash;
  return Near{&kept->second, exact, !exact && view && wire::nsec3_covers(kept->first, view->next, hash)};
}

std::optional<Synthesis> Aggressive::answer(NameView name, RecordType type, std::int64_t now, Means& means) const {
  if (zones_.empty() || wire::is_meta(type) || type == RecordType::rrsig) return std::nullopt;
  const bool parent_side = type == RecordType::ds && !name.is_root();
  auto at = zones_.end();
  for (std::size_t labels = name.label_count() + (parent_side ? 0 : 1); labels-- > 0 && at == zones_.end();)
    at = zones_.find(wire::Name(name.suffix(labels)));
  if (at == zones_.end()) return std::nullopt;
  std::vector<Kept> kept;
  auto encloser = collect_nsec(at->second, name, kept);
  if (kept.empty()) {
    encloser = collect_nsec3(at->second, at->first, name, kept, means);
    // What denies the next closer name denies all below it; so the rest of its labels need not be hashed again.
    if (encloser) name = name.suffix(*encloser + 1);
  }
  Synthesis made;
  made.soa = at->second.soa.set;
  made.expires_at = std::numeric_limits<std::int64_t>::max();
  std::vector<const wire::RecordSet*> sets;
  for (const auto& one : kept) {
    if (one.expires_at <= now) return std::nullopt;
    if (std::ranges::find(sets, one.set.get()) != sets.end()) continue;
    made.expires_at = std::min(made.expires_at, one.expires_at);
    made.proof.push_back(one.set);
    sets.push_back(one.set.get());
  }
  const Denials denials(at->first, sets, rules_);
  if (denials.empty()) return std::nullopt;
  made.kind = Synthesis::Kind::nxdomain;
  bool denied = denials.nxdomain(name, means).verdict.is(Security::secure);
  if (!denied) {
    made.kind = Synthesis::Kind::nodata;
    denied = denials.nodata(name, type, means).verdict.is(Security::secure);
  }
  if (denied) {
    if (at->second.soa.expires_at <= now) return std::nullopt;
    made.expires_at = std::min(made.expires_at, at->second.soa.expires_at);
    return made;
  }
  made.kind = Synthesis::Kind::wildcard;
  if (!encloser || !denials.wildcard(name, *encloser, means).verdict.is(Security::secure)) return std::nullopt;
  const auto wildcard = wire::Name::prepend(kStar, name.suffix(*encloser));
  if (!wildcard) return std::nullopt;
  made.wildcard = *wildcard;
  return made;
}

}  // namespace placard::validate
