#include "zones/denial.hpp"

#include <cassert>

namespace placard::zones {

using wire::NameView;

/// RFC 4035 3.1.3.1: the NSEC of the name, or the one before an empty non-terminal, which names what follows. RFC 5155
/// 7.2.3 and 7.2.4: the NSEC3 that matches; below an opt-out there may be none, and then the span that left it out.
void Denial::no_data(const Node& node) {
  if (!wanted_) return;
  if (const Node* proof = zone_->denial_at(node)) return add(proof);
  if (zone_->has_nsec3() && node.name().size() > zone_->origin().size()) {
    const Node& encloser = closest_provable_encloser(zone_->closest_encloser(node.name().parent()));
    add(zone_->denial_at(encloser));
    next_closer(encloser, node.name());
  }
}

/// RFC 4035 3.1.3.2; RFC 5155 7.2.2.
void Denial::no_name(const Node& encloser, NameView name) {
  if (!wanted_) return;
  if (!zone_->has_nsec3()) {
    add(zone_->nsec_at_or_before(name));
    return add(zone_->wildcard_denial_below(encloser));
  }
  const Node& provable = closest_provable_encloser(encloser);
  add(zone_->denial_at(provable));
  next_closer(provable, name);
  add(zone_->wildcard_denial_below(provable));
}

/// RFC 4035 3.1.3.3; RFC 5155 7.2.6: the wildcard's signature tells the encloser.
void Denial::made_by_wildcard(const Node& encloser, NameView name) {
  if (!wanted_) return;
  if (!zone_->has_nsec3()) return add(zone_->nsec_at_or_before(name));
  next_closer(encloser, name);
}

/// RFC 4035 3.1.3.4; RFC 5155 7.2.5.
void Denial::wildcard_no_data(const Node& encloser, const Node& star, NameView name) {
  if (!wanted_) return;
  if (zone_->has_nsec3()) {
    add(zone_->denial_at(encloser));
    next_closer(encloser, name);
  } else {
    add(zone_->nsec_at_or_before(name));
  }
  no_data(star);
}

/// An empty non-terminal above nothing but unsigned delegations may have no NSEC3 under opt-out.
const Node& Denial::closest_provable_encloser(const Node& encloser) {
  const Node* node = &encloser;
  while (zone_->denial_at(*node) == nullptr && node->name().size() > zone_->origin().size()) {
    node = &zone_->closest_encloser(node->name().parent());
  }
  return *node;
}

void Denial::add(const Node* node) {
  if (node == nullptr) return;
  const StoredSet* set = node->find(zone_->has_nsec3() ? wire::RecordType::nsec3 : wire::RecordType::nsec);
  assert(set != nullptr);
  proofs_.add_once({node, set});
}

/// The name one label below the encloser, on the way to `name` (RFC 5155 1.3).
void Denial::next_closer(const Node& encloser, NameView name) {
  assert(name.size() > encloser.name().size());
  add(zone_->nsec3_at_or_before(name.suffix(encloser.name().label_count() + 1)));
}

}  // namespace placard::zones
