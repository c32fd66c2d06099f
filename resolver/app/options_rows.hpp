// What the files of the option table share: the words of a row, and the rows that stand in files of their own.
#pragma once

#include <span>
#include <vector>

#include "resolver/app/options.hpp"

namespace placard::app {

inline constexpr bool kReload = true, kFixed = false;
inline constexpr bool kRequired = true, kOptional = false;

inline std::uint16_t small(const OptionValue& value) {
  return static_cast<std::uint16_t>(value.integer);
}
inline std::uint32_t number(const OptionValue& value) {
  return static_cast<std::uint32_t>(value.integer);
}
inline std::vector<wire::Name> lowered(const std::vector<wire::Name>& names) {
  std::vector<wire::Name> all;
  for (const auto& name : names) all.push_back(name.lowered());
  return all;
}

std::span<const Option> zone_options();    ///< [[key]], [[zone]]
std::span<const Option> policy_options();  ///< [[view]], [[feed]], [policy], [notice]

}  // namespace placard::app
