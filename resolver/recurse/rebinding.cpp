#include "resolver/recurse/rebinding.hpp"

#include <algorithm>

namespace placard::recurse {
namespace {

constexpr std::uint16_t kIpv4Hint = 4, kIpv6Hint = 6;  // SvcParamKeys (RFC 9460 14.3.2)

std::size_t load16(wire::Bytes at) {
  return static_cast<std::size_t>(at[0]) << 8U | at[1];
}

/// RFC 9460 2.2: priority, target name, then (key, length, value) in a row. What is broken leads nowhere.
bool any_hint(wire::Bytes rdata, const std::vector<policy::Prefix>& prefixes) {
  if (rdata.size() < 3) return false;
  const auto target = wire::parse_uncompressed_name(rdata, 2);
  if (!target) return false;
  for (wire::Bytes rest = rdata.subspan(2 + target->size()); rest.size() >= 4;) {
    const std::size_t key = load16(rest), size = load16(rest.subspan(2));
    rest = rest.subspan(4);
    if (size > rest.size()) return false;
    const std::size_t each = key == kIpv4Hint ? 4 : key == kIpv6Hint ? 16 : 0;
    for (std::size_t at = 0; each > 0 && at + each <= size; at += each) {
      if (any_contains(prefixes, rest.subspan(at, each))) return true;
    }
    rest = rest.subspan(size);
  }
  return false;
}

}  // namespace

bool any_contains(const std::vector<policy::Prefix>& prefixes, wire::Bytes address) {
  return std::ranges::any_of(prefixes, [&](const policy::Prefix& prefix) { return prefix.contains(address); });
}

bool PrivateAddresses::may_have(wire::NameView owner) const {
  return std::ranges::any_of(allowed, [&](const wire::Name& name) { return owner.is_subdomain_of(name); });
}

bool PrivateAddresses::forbids(wire::RecordType type, wire::Bytes rdata) const {
  switch (type) {
    case wire::RecordType::a:
      return rdata.size() == 4 && any_contains(prefixes, rdata);
    case wire::RecordType::aaaa:
      return rdata.size() == 16 && any_contains(prefixes, rdata);
    case wire::RecordType::https:
    case wire::RecordType::svcb:
      return any_hint(rdata, prefixes);
    default:
      return false;
  }
}

}  // namespace placard::recurse
