// Sets of address prefixes ("192.0.2.0/24", "2001:db8::/32", a bare address): who may ask.
#pragma once

#include <cstdint>
#include <expected>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "resolver/net/address.hpp"

namespace placard::serve {

struct Prefix {
  net::Address address;
  std::uint8_t length = 0;  ///< bits
  /// Bits behind the length must be zero: "192.0.2.1/24" is refused, and the error names the prefix that was meant.
  static std::expected<Prefix, std::string> from_text(std::string_view text);
  bool contains(const net::Address& other) const;  ///< an IPv4-mapped IPv6 address counts as IPv4
};

class PrefixSet {
 public:
  void add(const Prefix& prefix) { prefixes_.push_back(prefix); }
  bool contains(const net::Address& address) const;
  bool empty() const { return prefixes_.empty(); }

 private:
  std::vector<Prefix> prefixes_;
};

}  // namespace placard::serve
