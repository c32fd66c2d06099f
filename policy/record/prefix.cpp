#include "policy/record/prefix.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace placard::policy {
namespace {

constexpr MappedAddress kMappedZero = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 0, 0, 0, 0};
constexpr std::array<std::uint8_t, 12> kMapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};

}  // namespace

bool is_mapped_ipv4(const MappedAddress& address) {
  return std::equal(kMapped.begin(), kMapped.end(), address.begin());
}

std::optional<MappedAddress> mapped_address(std::span<const std::uint8_t> octets) {
  MappedAddress address{};
  if (octets.size() == 16) {
    std::copy(octets.begin(), octets.end(), address.begin());
  } else if (octets.size() == 4) {
    std::copy(kMapped.begin(), kMapped.end(), address.begin());
    std::copy(octets.begin(), octets.end(), address.begin() + 12);
  } else {
    return std::nullopt;
  }
  return address;
}

MappedAddress masked_address(MappedAddress address, std::size_t length) {
  for (std::size_t i = 0; i < address.size(); ++i) {
    const std::size_t kept = length > i * 8 ? std::min<std::size_t>(8, length - i * 8) : 0;
    address[i] = static_cast<std::uint8_t>(address[i] & (0xFF00U >> kept));
  }
  return address;
}

bool Prefix::contains(std::span<const std::uint8_t> client) const {
  const auto wide = mapped_address(client);
  return wide && is_mapped_ipv4(*wide) == ipv4 && masked_address(*wide, length) == address;
}

std::string Prefix::to_text() const {
  char text[INET6_ADDRSTRLEN] = {};
  inet_ntop(ipv4 ? AF_INET : AF_INET6, ipv4 ? address.data() + 12 : address.data(), text, sizeof text);
  return fmt::format("{}/{}", text, ipv4 ? length - 96 : length);
}

std::expected<Prefix, std::string> prefix_from_text(std::string_view text) {
  const auto slash = text.find('/');
  const std::string host(text.substr(0, slash));
  Prefix prefix;
  std::array<std::uint8_t, 4> short_address{};
  if (inet_pton(AF_INET, host.c_str(), short_address.data()) == 1) {
    prefix.address = *mapped_address(short_address);
    prefix.ipv4 = true;
  } else if (inet_pton(AF_INET6, host.c_str(), prefix.address.data()) != 1) {
    return std::unexpected(fmt::format("\"{}\" is no address prefix such as 192.0.2.0/24 or 2001:db8::/32", text));
  }
  const int most = prefix.ipv4 ? 32 : 128;
  int length = most;
  if (slash != std::string_view::npos) {
    const auto digits = text.substr(slash + 1);
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), length);
    if (error != std::errc() || end != digits.data() + digits.size() || length < 0 || length > most) {
      return std::unexpected(fmt::format("\"{}\": the length behind the slash must be 0 to {}", text, most));
    }
  }
  prefix.length = static_cast<std::uint8_t>(prefix.ipv4 ? length + 96 : length);
  const auto network = masked_address(prefix.address, prefix.length);
  if (network != prefix.address) {
    const auto given = prefix.to_text();
    prefix.address = network;
    return std::unexpected(
        fmt::format("\"{}\" has bits set behind its length; {} may be meant", given, prefix.to_text()));
  }
  if (prefix.ipv4 || prefix.length <= 80 ||
      masked_address(kMappedZero, std::min<std::size_t>(prefix.length, 96)) != masked_address(network, 96)) {
    return prefix;
  }
  if (prefix.length < 96) {
    return std::unexpected(fmt::format("\"{}\" covers IPv4-mapped addresses in part: write the IPv4 prefix", text));
  }
  prefix.ipv4 = true;
  return prefix;
}

}  // namespace placard::policy
