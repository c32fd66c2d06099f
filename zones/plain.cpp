#include "zones/plain.hpp"

namespace placard::zones {

using wire::RecordType;

std::optional<PlainAnswer> plain_answer(const Zone& zone, wire::NameView name, RecordType type, bool dnssec_ok) {
  if (wire::is_meta(type) || type == RecordType::rrsig || type == RecordType::ds) return std::nullopt;
  const bool dnssec = dnssec_ok && zone.is_signed();
  const Node* node = zone.find_lowered(name);
  const bool exists = node != nullptr;
  for (wire::NameView above = name; node == nullptr; node = zone.find_lowered(above)) above = above.parent();
  if (zone.cut_of(*node) != nullptr) return std::nullopt;
  if (exists) {
    if (const StoredSet* set = node->find(type)) {
      const bool plain =
          type == RecordType::a || type == RecordType::aaaa || type == RecordType::txt || type == RecordType::caa;
      return plain ? std::optional(PlainAnswer{set, dnssec}) : std::nullopt;
    }
    if (node->find(RecordType::cname) != nullptr) return std::nullopt;
  } else if (node->has_wildcard() || node->find(RecordType::dname) != nullptr) {
    return std::nullopt;
  }
  if (dnssec) return std::nullopt;  // proofs are wanted
  return PlainAnswer{nullptr, false, exists};
}

}  // namespace placard::zones
