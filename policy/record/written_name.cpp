// Host names from people's hands.
#include "policy/record/written_name.hpp"

#include <fmt/format.h>
#include <idn2.h>

#include <algorithm>
#include <array>
#include <vector>

#include "policy/record/utf8.hpp"

namespace placard::policy {
namespace {

bool is_ascii(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

bool is_host_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
}

/// What the text is instead of a host name, or nothing.
std::string other_than_a_name(std::string_view text) {
  if (text.empty()) return "the name is empty";
  if (const auto scheme = text.find("://"); scheme != std::string_view::npos) {
    const auto rest = text.substr(scheme + 3);
    return fmt::format("'{}' is a URL; a decision is about a host name: write '{}'", text.substr(0, 80),
                       rest.substr(0, std::min(rest.find_first_of("/:?#"), std::size_t{80})));
  }
  if (text.find('@') != std::string_view::npos)
    return fmt::format("'{}' is an e-mail address, not a host name", text.substr(0, 80));
  if (text.find('/') != std::string_view::npos) {
    return fmt::format("'{}' has a path or a prefix length; write the host name alone", text.substr(0, 80));
  }
  if (const auto colon = text.find(':'); colon != std::string_view::npos) {
    const auto port = text.substr(colon + 1);
    const bool digits = std::ranges::all_of(port, [](char c) { return c >= '0' && c <= '9'; });
    return digits ? fmt::format("'{}' has a port; DNS knows none: write '{}'", text.substr(0, 80),
                                text.substr(0, std::min(colon, std::size_t{80})))
                  : fmt::format("'{}' is an address, not a host name", text.substr(0, 80));
  }
  if (text.starts_with("*.")) {
    return fmt::format("'{}' is a wildcard; write '{}' with match = \"subdomains\" (or \"both\")", text.substr(0, 80),
                       text.substr(2, 80));
  }
  const bool numbers = text.find_first_not_of("0123456789.") == std::string_view::npos;
  if (numbers && std::ranges::count(text, '.') == 3) return fmt::format("'{}' is an address, not a host name", text);
  return {};
}

std::expected<std::string, std::string> to_alabels(std::string_view text) {
  char* ascii = nullptr;
  const std::string terminated(text);
  const int code = idn2_to_ascii_8z(terminated.c_str(), &ascii, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);
  if (code != IDN2_OK) {
    return std::unexpected(
        fmt::format("'{}' is no internationalised name: {}", text.substr(0, 80), idn2_strerror(code)));
  }
  std::string result(ascii);
  idn2_free(ascii);
  return result;
}

/// An A-label must stand for a U-label: "xn--" and rubbish behind it could be read by nobody.
std::expected<void, std::string> check_alabels(const std::string& text) {
  char* unicode = nullptr;
  const int code = idn2_to_unicode_8z8z(text.c_str(), &unicode, 0);
  if (code != IDN2_OK) {
    return std::unexpected(
        fmt::format("'{}' has an A-label (xn--) that stands for nothing: {}", text.substr(0, 80), idn2_strerror(code)));
  }
  // Not held against IDNA2008 itself: names with signs such as a snowman's are registered, and can be decided about.
  const std::string readable(unicode);
  idn2_free(unicode);
  if (!is_unreadable_in_name(readable)) return {};
  return std::unexpected(
      fmt::format("'{}' has an A-label (xn--) that stands for no readable character", text.substr(0, 80)));
}

std::string lowered_text(wire::NameView name) {
  std::string text = name.to_text();
  for (char& c : text) c = static_cast<char>(wire::lower(static_cast<std::uint8_t>(c)));
  return text;
}

}  // namespace

std::expected<wire::Name, std::string> name_from_writing(std::string_view text) {
  if (text.size() > 1024) return std::unexpected("the name is longer than any name can be");
  if (auto other = other_than_a_name(text); !other.empty()) return std::unexpected(std::move(other));
  std::string ascii(text);
  if (!is_ascii(text)) {
    auto alabels = to_alabels(text);
    if (!alabels) return std::unexpected(std::move(alabels.error()));
    ascii = *alabels;
  }
  const auto bad = std::ranges::find_if_not(ascii, is_host_character);
  if (bad != ascii.end()) {
    return std::unexpected(
        fmt::format("'{}' has the character '{}', which no host name has", ascii.substr(0, 80), *bad));
  }
  const auto name = wire::Name::from_text(ascii);
  if (!name) return std::unexpected(fmt::format("'{}': {}", ascii.substr(0, 80), wire::to_text(name.error())));
  auto lowered = name->lowered();
  if (const auto plain = stored_name(lowered); plain.find("xn--") != std::string::npos) {
    if (auto checked = check_alabels(plain); !checked) return std::unexpected(std::move(checked.error()));
  }
  return lowered;
}

std::string stored_name(wire::NameView name) {
  std::string text = lowered_text(name);
  if (text.size() > 1) text.pop_back();
  return text;
}

std::string stored_key(wire::NameView name) {
  std::vector<std::string> labels;
  for (auto rest = name; !rest.is_root(); rest = rest.parent()) {
    // One label as text, escapes included: what the whole has more than its parent.
    const auto whole = lowered_text(rest);
    const auto above = rest.parent().is_root() ? std::size_t{1} : lowered_text(rest.parent()).size() + 1;
    labels.push_back(whole.substr(0, whole.size() - above));
  }
  std::string key;
  for (auto label = labels.rbegin(); label != labels.rend(); ++label) {
    if (!key.empty()) key += '.';
    key += *label;
  }
  return key;
}

std::optional<wire::Name> name_from_key(std::string_view key) {
  if (key.find('\\') == std::string_view::npos) {  // most names: the wire form from the last label to the first
    std::array<std::uint8_t, wire::kMaxNameSize> octets;
    std::size_t size = 0;
    for (auto rest = key; !rest.empty();) {
      const auto dot = rest.rfind('.');
      const auto label = dot == std::string_view::npos ? rest : rest.substr(dot + 1);
      rest = dot == std::string_view::npos ? std::string_view() : rest.substr(0, dot);
      if (label.empty() || label.size() > wire::kMaxLabelSize || size + label.size() + 2 > octets.size() || (dot == 0))
        return std::nullopt;
      octets[size++] = static_cast<std::uint8_t>(label.size());
      size = static_cast<std::size_t>(std::copy(label.begin(), label.end(), octets.begin() + size) - octets.begin());
    }
    octets[size++] = 0;
    return wire::Name(wire::NameView::from_valid({octets.data(), size}));
  }
  std::vector<std::string_view> labels;
  std::size_t start = 0;
  for (std::size_t at = 0; at <= key.size(); ++at) {
    if (at < key.size() && key[at] == '\\') {
      ++at;
    } else if (at >= key.size() || key[at] == '.') {
      labels.push_back(key.substr(start, at - start));
      start = at + 1;
    }
  }
  std::string text;
  for (auto label = labels.rbegin(); label != labels.rend(); ++label) text.append(*label).push_back('.');
  const auto name = wire::Name::from_text(text);
  return name ? std::optional(*name) : std::nullopt;
}

}  // namespace placard::policy
