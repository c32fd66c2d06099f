// Two steps, as RFC 9460 has them: each value is a character-string, whose escapes are undone first; what is a list is
// then taken apart at its commas, with escapes of its own. So a comma inside of an item is "\\,".
#include "zones/wire/svcb_text.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <string>

#include "zones/wire/ascii.hpp"
#include "zones/wire/octets.hpp"
#include "zones/wire/octets_text.hpp"

namespace placard::wire {
namespace {

using Octets = std::vector<std::uint8_t>;

enum SvcKey : std::uint16_t {
  kMandatory = 0,
  kAlpn = 1,
  kNoDefaultAlpn = 2,
  kPort = 3,
  kIpv4Hint = 4,
  kEch = 5,
  kIpv6Hint = 6,
  kDohPath = 7,
  kOhttp = 8,
  kInvalid = 65535,
};
constexpr std::array<std::string_view, 9> kKeyNames = {"mandatory", "alpn",     "no-default-alpn", "port", "ipv4hint",
                                                       "ech",       "ipv6hint", "dohpath",         "ohttp"};

struct Param {
  std::uint16_t key = 0;
  Octets value;
  std::string_view where;
};

/// A name, or "keyNNNNN" without zeros in front.
std::optional<std::uint16_t> key_from_text(std::string_view text) {
  const auto* named = std::ranges::find(kKeyNames, text);
  if (named != kKeyNames.end()) return static_cast<std::uint16_t>(named - kKeyNames.begin());
  if (!text.starts_with("key")) return std::nullopt;
  text.remove_prefix(3);
  std::uint16_t key = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), key);
  if (error != std::errc() || end != text.data() + text.size() || (text.size() > 1 && text.front() == '0'))
    return std::nullopt;
  return key == kInvalid ? std::nullopt : std::optional(key);
}

/// Appendix A.1: items between commas; "\," and "\\" are a comma and a backslash of an item. Nothing where the list is
/// none.
std::optional<std::vector<std::string>> items_of(const Octets& list) {
  std::vector<std::string> items(1);
  for (std::size_t i = 0; i < list.size(); ++i) {
    if (list[i] == ',') {
      items.emplace_back();
      continue;
    }
    if (list[i] == '\\' && (++i == list.size() || (list[i] != ',' && list[i] != '\\'))) return std::nullopt;
    items.back() += static_cast<char>(list[i]);
  }
  if (std::ranges::any_of(items, &std::string::empty)) return std::nullopt;
  return items;
}

bool put_alpn(const std::vector<std::string>& items, Octets& out) {
  for (const auto& item : items) {
    if (item.size() > 255) return false;
    out.push_back(static_cast<std::uint8_t>(item.size()));
    out.insert(out.end(), item.begin(), item.end());
  }
  return true;
}

bool put_addresses(const std::vector<std::string>& items, int family, Octets& out) {
  for (const auto& item : items) {
    std::array<std::uint8_t, 16> octets;
    if (item.find('\0') != std::string::npos || ::inet_pton(family, item.c_str(), octets.data()) != 1) return false;
    out.insert(out.end(), octets.begin(), octets.begin() + (family == AF_INET ? 4 : 16));
  }
  return true;
}

bool put_keys(const std::vector<std::string>& items, Octets& out) {
  std::vector<std::uint16_t> keys;
  for (const auto& item : items) {
    const auto key = key_from_text(item);
    if (!key) return false;
    keys.push_back(*key);
  }
  std::ranges::sort(keys);
  for (const auto key : keys) {
    out.push_back(static_cast<std::uint8_t>(key >> 8));
    out.push_back(static_cast<std::uint8_t>(key));
  }
  return true;
}

bool put_port(const Octets& text, Octets& out) {
  const std::string digits(text.begin(), text.end());
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (error != std::errc() || end != digits.data() + digits.size()) return false;
  out = {static_cast<std::uint8_t>(port >> 8), static_cast<std::uint8_t>(port)};
  return true;
}

/// A named key's value from its string.
bool put_value(std::uint16_t key, const Octets& text, Octets& out) {
  const auto list = [&](auto put) {
    const auto items = items_of(text);
    return items && put(*items);
  };
  switch (key) {
    case kMandatory:
      return list([&](const auto& items) { return put_keys(items, out); });
    case kAlpn:
      return list([&](const auto& items) { return put_alpn(items, out); });
    case kPort:
      return put_port(text, out);
    case kIpv4Hint:
      return list([&](const auto& items) { return put_addresses(items, AF_INET, out); });
    case kIpv6Hint:
      return list([&](const auto& items) { return put_addresses(items, AF_INET6, out); });
    case kEch:
      return append_base64({reinterpret_cast<const char*>(text.data()), text.size()}, out).has_value();
    default:
      out = text;
      return true;
  }
}

bool are_strings(Bytes value) {
  while (!value.empty()) {
    const std::size_t size = value.front() + std::size_t{1};
    if (size == 1 || size > value.size()) return false;
    value = value.subspan(size);
  }
  return true;
}

/// Whether the octets are a value of that key, however they were written.
bool is_value(std::uint16_t key, const Octets& value) {
  switch (key) {
    case kMandatory:
      return !value.empty() && value.size() % 2 == 0;
    case kAlpn:
      return !value.empty() && are_strings(value);
    case kNoDefaultAlpn:
    case kOhttp:
      return value.empty();
    case kPort:
      return value.size() == 2;
    case kIpv4Hint:
      return !value.empty() && value.size() % 4 == 0;
    case kIpv6Hint:
      return !value.empty() && value.size() % 16 == 0;
    case kEch:
    case kDohPath:
      return !value.empty();
    default:
      return true;
  }
}

std::expected<Param, TextError> parse_param(std::string_view field) {
  const auto fail = [&](std::string reason) { return std::unexpected(TextError{std::move(reason), field}); };
  const auto equals = field.find('=');
  const std::string_view name = field.substr(0, equals);
  const auto key = key_from_text(name);
  if (!key) return fail("not a parameter's key");
  Param param{*key, {}, field};
  Octets text;
  if (equals != std::string_view::npos && equals + 1 < field.size()) {
    const auto read = append_string(field.substr(equals + 1), text);
    if (!read) return fail(std::string(read.error()));
  }
  const bool by_name = !name.starts_with("key");
  if (by_name && !text.empty()) {
    if (!put_value(*key, text, param.value)) return fail("not a value of " + std::string(name));
  } else {
    param.value = std::move(text);
  }
  if (!is_value(*key, param.value))
    return fail(std::string(name) + (param.value.empty() ? " needs a value" : " has no such value"));
  if (param.value.size() > 65535) return fail("a value of more than 65535 octets");
  return param;
}

/// What is wrong with a record of these parameters, by rising key. AliasMode has none that count.
std::string_view contradiction(const std::vector<Param>& params) {
  const auto has = [&](std::uint16_t key) { return std::ranges::binary_search(params, key, {}, &Param::key); };
  if (has(kNoDefaultAlpn) && !has(kAlpn)) return "no-default-alpn without alpn";
  if (!has(kMandatory)) return {};
  const Octets& keys = params.front().value;
  for (std::size_t i = 0; i < keys.size(); i += 2) {
    const std::uint16_t key = load16(&keys[i]);
    if (key == kMandatory) return "mandatory names itself";
    if (i > 0 && key <= load16(&keys[i - 2])) return "mandatory names a key twice, or keys out of order";
    if (!has(key)) return "a mandatory parameter is missing";
  }
  return {};
}

}  // namespace

std::expected<void, TextError> parse_svcb(std::string_view text, NameView origin, std::vector<std::uint8_t>& out) {
  const auto fail = [](std::string_view reason, std::string_view where) {
    return std::unexpected(TextError{std::string(reason), where});
  };
  const auto put16 = [&](std::size_t value) {
    out.push_back(static_cast<std::uint8_t>(value >> 8U));
    out.push_back(static_cast<std::uint8_t>(value));
  };
  std::string_view rest = text;
  while (!rest.empty() && (rest.front() == ' ' || rest.front() == '\t')) rest.remove_prefix(1);
  const std::string_view priority_text = take_field(rest), target_text = take_field(rest);
  std::uint16_t priority = 0;
  const char* end = priority_text.data() + priority_text.size();
  const auto [at, error] = std::from_chars(priority_text.data(), end, priority);
  if (error != std::errc() || at != end) return fail("not a number of 2 octets", priority_text);
  if (target_text.empty()) return fail("a field is missing", rest);
  const auto target = name_from_text(target_text, origin);
  if (!target) return fail(to_text(target.error()), target_text);

  std::vector<Param> params;
  while (!rest.empty()) {
    auto param = parse_param(take_field(rest));
    if (!param) return std::unexpected(std::move(param.error()));
    params.push_back(*std::move(param));
  }
  std::ranges::stable_sort(params, {}, &Param::key);
  const auto twice = std::ranges::adjacent_find(params, {}, &Param::key);
  if (twice != params.end()) return fail("a key that stands there twice", std::next(twice)->where);
  if (const auto wrong = contradiction(params); priority != 0 && !wrong.empty()) return fail(wrong, text);

  put16(priority);
  const Bytes name = target->view().bytes();
  out.insert(out.end(), name.begin(), name.end());
  for (const Param& param : params) {
    put16(param.key);
    put16(param.value.size());
    out.insert(out.end(), param.value.begin(), param.value.end());
  }
  return {};
}

}  // namespace placard::wire
