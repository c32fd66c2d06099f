// A set of address prefixes: who may ask. Prefixes themselves are policy's (views are made of them).
#pragma once

#include <algorithm>
#include <vector>

#include "policy/match/views.hpp"
#include "resolver/net/address.hpp"

namespace placard::serve {

class PrefixSet {
 public:
  void add(const policy::Prefix& prefix) { prefixes_.push_back(prefix); }
  /// An IPv4-mapped IPv6 address counts as IPv4. A handful of prefixes is looked through one by one.
  bool contains(const net::Address& address) const {
    return std::ranges::any_of(prefixes_, [&](const auto& prefix) { return prefix.contains(address.bytes()); });
  }
  bool empty() const { return prefixes_.empty(); }

 private:
  std::vector<policy::Prefix> prefixes_;
};

}  // namespace placard::serve
