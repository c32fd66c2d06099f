// Which NSEC or NSEC3 speaks of each name and of the wildcard below it, worked out once (RFC 4034 4, RFC 5155 7.2).
//
// With NSEC3, every name with authority is hashed here, so that a question costs the hash of one name only: that of the
// next closer name. "*" is looked up in advance below names that have others below them; below a leaf it is done when
// somebody asks.
#include <algorithm>

#include "zones/zone.hpp"

namespace placard::zones {

using wire::Name;
using wire::RecordType;

std::expected<void, ZoneProblem> ZoneBuilder::link_denial(Zone& zone) {
  if (!zone.is_signed()) return {};
  if (auto found = find_nsec3_chain(zone); !found) return found;
  static constexpr std::uint8_t kStar[] = {'*'};
  for (std::uint32_t i = 0; i < zone.nodes_.size(); ++i) {
    Node& node = zone.nodes_[i];
    const bool authoritative = node.cut_ == Node::kNone || node.cut_ == i;
    if (zone.has_nsec3()) {
      node.denial_ = Node::kNone;
      if (!authoritative || node.is_hashed_name()) continue;
      const auto hash = wire::nsec3_hash(node.name(), zone.nsec3_parameters_);
      const auto found = std::ranges::lower_bound(zone.nsec3_hashes_, hash, {}, &Zone::HashedNode::hash);
      if (found != zone.nsec3_hashes_.end() && found->hash == hash) node.denial_ = found->node;
    }
    if (!node.has_children_ || node.cut_ != Node::kNone) continue;
    if (const auto star = Name::prepend(kStar, node.name())) {
      node.wildcard_denial_ = zone.has_nsec3() ? zone.nsec3_number(wire::nsec3_hash(*star, zone.nsec3_parameters_))
                                               : zone.nsec_number(*star);
    }
  }
  return {};
}

/// That of the first NSEC3PARAM whose chain knows the apex: others are being built or taken down (RFC 5155 7.3).
std::expected<void, ZoneProblem> ZoneBuilder::find_nsec3_chain(Zone& zone) {
  const StoredSet* params = zone.apex().find(RecordType::nsec3param);
  if (params == nullptr) return {};
  for (const wire::Bytes rdata : params->rdatas()) {
    const auto parameters = wire::parse_nsec3param(rdata);
    if (!parameters || parameters->algorithm != wire::kNsec3Sha1 || parameters->flags != 0) continue;
    if (parameters->iterations > kMaxNsec3Iterations) {
      return std::unexpected(ZoneProblem{
          0, "NSEC3PARAM with more than " + std::to_string(kMaxNsec3Iterations) + " iterations (RFC 9276 wants none)"});
    }
    zone.nsec3_hashes_.clear();
    for (std::uint32_t i = 0; i < zone.nodes_.size(); ++i) {
      const StoredSet* set = zone.nodes_[i].find(RecordType::nsec3);
      if (set == nullptr) continue;
      const auto view = wire::parse_nsec3(*set->rdatas().begin());
      const auto hash = wire::nsec3_hash_of_label(zone.nodes_[i].name().first_label());
      if (view && hash && view->parameters.same_chain(*parameters)) zone.nsec3_hashes_.push_back({*hash, i});
    }
    std::ranges::sort(zone.nsec3_hashes_, {}, &Zone::HashedNode::hash);
    const auto apex = wire::nsec3_hash(zone.origin(), *parameters);
    if (std::ranges::binary_search(zone.nsec3_hashes_, apex, {}, &Zone::HashedNode::hash)) {
      zone.nsec3_hashes_.shrink_to_fit();
      zone.nsec3_parameters_ = *parameters;
      return {};
    }
  }
  zone.nsec3_hashes_.clear();
  return {};
}

}  // namespace placard::zones
