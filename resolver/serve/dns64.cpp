#include "resolver/serve/dns64.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>

namespace placard::serve {
namespace {

using wire::RecordType;
using Ipv6 = std::array<std::uint8_t, 16>;

constexpr std::size_t kReserved = 8;                // octet that stays zero (RFC 6052 2.2)
constexpr std::uint32_t kTtlWithoutSoa = 600;       // seconds (RFC 6147 5.1.7)
constexpr Ipv6 kWellKnown = {0, 0x64, 0xff, 0x9b};  // 64:ff9b::/96
constexpr std::size_t kNibbles = 32;

/// The well-known prefix must not stand for addresses that are not global (RFC 6052 3.1).
bool is_local(std::span<const std::uint8_t> ipv4) {
  return ipv4[0] == 10 || ipv4[0] == 127 || (ipv4[0] == 172 && (ipv4[1] & 0xf0U) == 16) ||
         (ipv4[0] == 192 && ipv4[1] == 168) || (ipv4[0] == 169 && ipv4[1] == 254);
}

bool is_excluded(const Dns64& dns64, wire::Bytes aaaa) {
  return dns64.exclude.contains(net::Address::from_bytes(aaaa));
}

/// The IPv4 address under a prefix; nothing where `address` is not under it.
std::optional<std::array<std::uint8_t, 4>> extract(const policy::Prefix& prefix, const Ipv6& address) {
  if (!prefix.contains(address) || address[kReserved] != 0) return std::nullopt;
  std::array<std::uint8_t, 4> ipv4;
  std::size_t at = prefix.length / 8U;
  for (auto& octet : ipv4) {
    if (at == kReserved) ++at;
    octet = address[at++];
  }
  return ipv4;
}

std::shared_ptr<recurse::CacheEntry> synthesized_set(const Dns64& dns64, const recurse::CacheEntry& a,
                                                     std::uint32_t most_ttl, std::int64_t now) {
  auto made = std::make_shared<recurse::CacheEntry>();
  made->credibility = a.credibility;
  made->set.owner = a.set.owner;
  made->set.type = RecordType::aaaa;
  made->set.ttl = std::min(a.set.ttl, most_ttl);
  for (const auto& prefix : dns64.prefixes) {
    for (const auto rdata : a.set.rdatas) {
      if (rdata.size() != 4 || (prefix.address == kWellKnown && is_local(rdata))) continue;
      made->set.rdatas.add(embed(prefix, rdata.first<4>()));
    }
  }
  made->stored_at = a.stored_at;
  made->expires_at = std::min(a.expires_at, now + most_ttl);
  return made;
}

}  // namespace

std::expected<void, std::string> check_dns64_prefix(const policy::Prefix& prefix) {
  static constexpr std::array<std::uint8_t, 6> kLengths = {32, 40, 48, 56, 64, 96};
  if (prefix.ipv4 || std::ranges::find(kLengths, prefix.length) == kLengths.end())
    return std::unexpected(
        fmt::format("{} is no IPv6 prefix of 32, 40, 48, 56, 64 or 96 bits (RFC 6052)", prefix.to_text()));
  if (prefix.address[kReserved] != 0)
    return std::unexpected(fmt::format("{} has bits 64 to 71 set, which RFC 6052 reserves", prefix.to_text()));
  return {};
}

Ipv6 embed(const policy::Prefix& prefix, std::span<const std::uint8_t, 4> ipv4) {
  Ipv6 address = prefix.address;
  std::size_t at = prefix.length / 8U;
  for (const auto octet : ipv4) {
    if (at == kReserved) ++at;
    address[at++] = octet;
  }
  return address;
}

std::optional<wire::Name> embedded_reverse(const Dns64& dns64, wire::NameView name) {
  static const wire::Name kZone = *wire::Name::from_text("ip6.arpa.");
  if (name.label_count() != kNibbles + 2 || !name.is_subdomain_of(kZone)) return std::nullopt;
  Ipv6 address{};
  for (std::size_t i = kNibbles; i-- > 0; name = name.parent()) {
    const auto label = name.first_label();
    const auto digit = label.size() == 1 ? wire::lower(label[0]) : std::uint8_t{0};
    unsigned value = 0;
    if (digit >= '0' && digit <= '9')
      value = digit - unsigned{'0'};
    else if (digit >= 'a' && digit <= 'f')
      value = digit - unsigned{'a'} + 10;
    else
      return std::nullopt;
    address[i / 2] = static_cast<std::uint8_t>(address[i / 2] | (i % 2 == 0 ? value << 4U : value));
  }
  for (const auto& prefix : dns64.prefixes) {
    if (const auto ipv4 = extract(prefix, address)) {
      const auto& octets = *ipv4;
      return *wire::Name::from_text(
          fmt::format("{}.{}.{}.{}.in-addr.arpa.", octets[3], octets[2], octets[1], octets[0]));
    }
  }
  return std::nullopt;
}

bool lacks_addresses(const Dns64& dns64, const recurse::Resolved& aaaa) {
  if (aaaa.bogus || aaaa.rcode == wire::Rcode::nxdomain) return false;
  for (const auto& entry : aaaa.answer) {
    if (entry->set.type != RecordType::aaaa) continue;
    for (const auto rdata : entry->set.rdatas)
      if (rdata.size() == 16 && !is_excluded(dns64, rdata)) return false;
  }
  return true;
}

recurse::Resolved synthesize(const Dns64& dns64, recurse::Resolved aaaa, const recurse::Resolved& a, std::int64_t now) {
  if (a.rcode != wire::Rcode::noerror || a.bogus) return aaaa;
  const std::uint32_t most_ttl = aaaa.negative ? aaaa.negative->ttl_at(now) : kTtlWithoutSoa;
  recurse::Resolved made = a;
  made.authenticated = false;
  made.answer.clear();
  bool any = false;
  for (const auto& entry : a.answer) {
    if (entry->set.type != RecordType::a) {
      made.answer.push_back(entry);
      continue;
    }
    auto set = synthesized_set(dns64, *entry, most_ttl, now);
    if (set->set.rdatas.empty()) continue;
    made.answer.push_back(std::move(set));
    any = true;
  }
  return any ? made : aaaa;
}

recurse::Resolved without_excluded(const Dns64& dns64, recurse::Resolved aaaa) {
  for (auto& entry : aaaa.answer) {
    if (entry->set.type != RecordType::aaaa) continue;
    const auto excluded = [&](wire::Bytes rdata) { return rdata.size() == 16 && is_excluded(dns64, rdata); };
    bool some = false;
    for (const auto rdata : entry->set.rdatas) some = some || excluded(rdata);
    if (!some) continue;
    auto kept = std::make_shared<recurse::CacheEntry>(*entry);
    kept->set.rdatas = {};
    kept->set.signatures = {};
    for (const auto rdata : entry->set.rdatas)
      if (!excluded(rdata)) kept->set.rdatas.add(rdata);
    entry = std::move(kept);
    aaaa.authenticated = false;
  }
  return aaaa;
}

}  // namespace placard::serve
