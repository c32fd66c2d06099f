#include "resolver/recurse/key_ring.hpp"

#include <algorithm>

namespace placard::recurse {

std::shared_ptr<const validate::ZoneKeys> KeyRing::find(const EntryPointer& dnskeys) const {
  const auto found = zones_.find(dnskeys->set.owner);
  return found != zones_.end() && found->second.rdatas == dnskeys->set.rdatas ? found->second.keys : nullptr;
}

std::shared_ptr<const validate::ZoneKeys> KeyRing::make(const EntryPointer& dnskeys, const validate::Rules& rules) {
  return validate::make_zone_keys(dnskeys->set, rules, this);
}

void KeyRing::keep(const EntryPointer& dnskeys, std::shared_ptr<const validate::ZoneKeys> keys) {
  if (zones_.size() >= most_zones_ && !zones_.contains(dnskeys->set.owner)) zones_.erase(zones_.begin());
  zones_[dnskeys->set.owner] = {dnskeys->set.rdatas, std::move(keys)};
}

std::optional<wire::PublicKey> KeyRing::find_or_make(wire::Bytes dnskey_rdata) {
  std::string octets(dnskey_rdata.begin(), dnskey_rdata.end());
  if (const auto found = keys_.find(octets); found != keys_.end()) return found->second;
  auto key = wire::PublicKey::make(*wire::parse_dnskey(dnskey_rdata));
  if (!key) return std::nullopt;
  if (keys_.size() >= most_zones_) keys_.erase(keys_.begin());
  keys_.emplace(std::move(octets), *key);
  return key;
}

std::optional<wire::PublicKey> KeyRing::due_for_table(const validate::ZoneKeys& keys) {
  for (const auto& [tag, key] : keys.keys) {
    if (key.uses() >= kUsesForTable && !has_place(key) && admit(key)) return key;
  }
  return std::nullopt;
}

bool KeyRing::has_place(const wire::PublicKey& key) const {
  return std::ranges::find(with_tables_, key) != with_tables_.end();
}

/// Who is weighed counts half of what it did before; who is found too light begins anew.
bool KeyRing::admit(const wire::PublicKey& key) {
  if (with_tables_.size() < most_tables_) {
    with_tables_.push_back(key);
    return true;
  }
  const auto least = std::ranges::min_element(with_tables_, {}, &wire::PublicKey::uses);
  const bool heavier = least != with_tables_.end() && key.uses() / 2 > least->uses();
  if (heavier) {
    least->drop_table();
    *least = key;
  } else {
    key.set_uses(0);
  }
  for (const auto& one : with_tables_) one.set_uses(one.uses() / 2);
  return heavier;
}

}  // namespace placard::recurse
