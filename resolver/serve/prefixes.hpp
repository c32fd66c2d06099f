// Who may do what, by address prefix: the longest prefix that holds a client decides.
//
// Prefixes themselves are policy's (views are made of them). A look-up allocates nothing: one binary search for each
// prefix length in use. The two families never match each other's prefixes; an IPv4-mapped IPv6 address counts as IPv4.
#pragma once

#include <cstdint>
#include <vector>

#include "policy/match/views.hpp"
#include "resolver/net/address.hpp"

namespace placard::serve {

/// By strictness: of one prefix given twice the stricter word counts.
enum class Access : std::uint8_t {
  none,  ///< no prefix holds the address
  allow,
  refuse,  ///< REFUSED, EDE 18
  drop,    ///< no answer, whatever is asked
};

class PrefixTable {
 public:
  void add(const policy::Prefix& prefix, Access access = Access::allow);
  Access find(const net::Address& address) const;
  bool contains(const net::Address& address) const { return find(address) == Access::allow; }
  bool empty() const { return lengths_.empty(); }

 private:
  /// An address as two numbers, so that masking and comparing are a few instructions.
  struct Key {
    std::uint64_t high = 0, low = 0;
    friend auto operator<=>(const Key&, const Key&) = default;
  };
  struct Entry {
    Key key;
    Access access;
  };
  struct Length {  // the prefixes of one length of one family, sorted
    std::uint8_t length;
    bool ipv4;
    std::vector<Entry> entries;
  };
  static Key key_of(std::span<const std::uint8_t> octets);  // 16
  static Key masked(Key key, std::uint8_t length);

  std::vector<Length> lengths_;  // longest first
};

}  // namespace placard::serve
