// One value of an option as text: what it must look like for its kind, and how it is converted.
#include "resolver/app/option_values.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace placard::app {
namespace {

std::expected<std::int64_t, std::string> size_from_text(std::string_view text) {
  static constexpr std::pair<std::string_view, std::int64_t> kUnits[] = {
      {"KiB", 1LL << 10}, {"MiB", 1LL << 20}, {"GiB", 1LL << 30}, {"B", 1}};
  const auto digits = std::min(text.find_first_not_of("0123456789"), text.size());
  if (digits == 0 || digits > 12) return std::unexpected("a size is a number and a unit: \"64MiB\"");
  const std::int64_t number = std::stoll(std::string(text.substr(0, digits)));
  auto unit = text.substr(digits);
  while (unit.starts_with(' ')) unit.remove_prefix(1);
  for (const auto& [name, factor] : kUnits)
    if (unit == name) return number * factor;
  return std::unexpected(fmt::format("unknown unit \"{}\"; B, KiB, MiB and GiB are known", unit));
}

/// Two capital letters, and maybe a hyphen and one to three capital letters or digits (ISO 3166-1 and -2).
bool is_jurisdiction(std::string_view code) {
  auto capital = [](char c) { return c >= 'A' && c <= 'Z'; };
  auto digit = [](char c) { return c >= '0' && c <= '9'; };
  if (code.size() < 2 || !capital(code[0]) || !capital(code[1])) return false;
  if (code.size() == 2) return true;
  return code[2] == '-' && code.size() >= 4 && code.size() <= 6 &&
         std::ranges::all_of(code.substr(3), [&](char c) { return capital(c) || digit(c); });
}

Checked check_length(const Option& option, std::string_view text) {
  const auto size = static_cast<std::int64_t>(text.size());
  if (size < option.low) return std::unexpected("must not be empty");
  if (size > option.high) return std::unexpected(fmt::format("longer than {} octets", option.high));
  if (text.find('\0') != text.npos) return std::unexpected("holds a NUL");
  return {};
}

}  // namespace

Checked check_range(const Option& option, std::int64_t value) {
  if (value >= option.low && value <= option.high) return {};
  return std::unexpected(fmt::format("{} is not between {} and {}{}{}", value, option.low, option.high,
                                     option.unit.empty() ? "" : " ", option.unit));
}

Checked add_text(const Option& option, const std::string& text, OptionValue& value) {
  switch (option.kind) {
    case OptionKind::name:
    case OptionKind::names: {
      auto name = wire::Name::from_text(text);
      if (!name) return std::unexpected(fmt::format("\"{}\" is no domain name: {}", text, wire::to_text(name.error())));
      if (option.kind == OptionKind::name)
        value.name = *name;
      else
        value.names.push_back(*name);
      return {};
    }
    case OptionKind::endpoints: {
      auto endpoint = net::Endpoint::from_text(text, static_cast<std::uint16_t>(option.low));
      if (!endpoint) return std::unexpected(endpoint.error());
      if (endpoint->port == 0) return std::unexpected(fmt::format("\"{}\" has port 0", text));
      if (std::ranges::find(value.endpoints, *endpoint) != value.endpoints.end())
        return std::unexpected(fmt::format("\"{}\" stands there twice", text));
      value.endpoints.push_back(*endpoint);
      return {};
    }
    case OptionKind::addresses: {
      auto address = net::Address::from_text(text);
      if (!address) return std::unexpected(address.error());
      value.addresses.push_back(*address);
      return {};
    }
    case OptionKind::prefixes: {
      auto prefix = policy::prefix_from_text(text);
      if (!prefix) return std::unexpected(prefix.error());
      value.prefixes.push_back(*prefix);
      return {};
    }
    case OptionKind::jurisdictions:
      if (!is_jurisdiction(text))
        return std::unexpected(fmt::format("\"{}\" is no ISO 3166 code such as \"NZ\" or \"US-CA\"", text));
      return {};
    case OptionKind::size: {
      auto octets = size_from_text(text);
      if (!octets) return std::unexpected(octets.error());
      value.integer = *octets;
      return check_range(option, *octets);
    }
    default:
      return check_length(option, text);
  }
}

}  // namespace placard::app
