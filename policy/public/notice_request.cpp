#include "policy/public/notice_request.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <vector>

namespace placard::policy {
namespace {

constexpr std::size_t kMaxHost = 262;    // 253 characters of name, a dot, a colon, a port, and some room
constexpr std::size_t kMaxField = 1000;  // octets of an Accept or Accept-Language field that are read
constexpr std::size_t kMaxRanges = 32;   // ranges of such a field that are read
constexpr std::size_t kMaxQuery = 2000;  // octets of a query that are read
constexpr int kWhole = 1000;             // q=1, in thousandths

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
char lower(char c) {
  return static_cast<char>(wire::lower(static_cast<std::uint8_t>(c)));
}

std::string lowered(std::string_view text) {
  std::string result(text);
  std::ranges::transform(result, result.begin(), [](char c) { return lower(c); });
  return result;
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

/// Cuts `text` at the first `separator`: returns what stands before it and leaves what stands behind it.
std::string_view next_part(std::string_view& text, char separator) {
  const auto at = text.find(separator);
  const auto part = text.substr(0, at);
  text = at == std::string_view::npos ? std::string_view{} : text.substr(at + 1);
  return part;
}

/// The value of `key` in the target's query, as it stands: our values need no percent-encoding.
std::string_view query_value(std::string_view target, std::string_view key) {
  const auto mark = target.find('?');
  if (mark == std::string_view::npos) return {};
  auto query = target.substr(mark + 1, kMaxQuery);
  while (!query.empty()) {
    auto value = next_part(query, '&');
    if (next_part(value, '=') == key) return value;
  }
  return {};
}

/// RFC 9110 12.4.2: "0", "0.5", "1.000", in thousandths; nothing when it is not that.
std::optional<int> parse_weight(std::string_view text) {
  if (text.empty() || text.size() > 5 || (text[0] != '0' && text[0] != '1')) return std::nullopt;
  int weight = (text[0] - '0') * kWhole;
  if (text.size() > 1) {
    if (text[1] != '.') return std::nullopt;
    int unit = 100;
    for (const char c : text.substr(2)) {
      if (!is_digit(c)) return std::nullopt;
      weight += (c - '0') * unit;
      unit /= 10;
    }
  }
  return weight > kWhole ? std::nullopt : std::optional(weight);
}

struct Range {
  std::string value;  // lower case, without parameters
  int weight = kWhole;
};

/// The ranges of an Accept or Accept-Language field in order; one with a broken weight is left out.
std::vector<Range> parse_ranges(std::string_view field) {
  std::vector<Range> ranges;
  if (field.size() > kMaxField) {  // a cut range would read as another one: stop at the last whole one
    const auto comma = field.substr(0, kMaxField).rfind(',');
    field = field.substr(0, comma == std::string_view::npos ? 0 : comma);
  }
  while (!field.empty() && ranges.size() < kMaxRanges) {
    auto item = next_part(field, ',');
    Range range{lowered(trimmed(next_part(item, ';'))), kWhole};
    bool sound = !range.value.empty();
    while (!item.empty()) {
      auto value = trimmed(next_part(item, ';'));
      const auto key = lowered(trimmed(next_part(value, '=')));
      if (key != "q") continue;
      const auto weight = parse_weight(trimmed(value));
      sound = sound && weight.has_value();
      range.weight = weight.value_or(0);
    }
    if (sound) ranges.push_back(std::move(range));
  }
  return ranges;
}

bool is_port(std::string_view text) {
  return text.size() <= 5 && std::ranges::all_of(text, is_digit);
}

/// "192.0.2.1", and everything else whose last label is a number: browsers read those as IPv4 addresses (WHATWG
/// URL 3.5).
bool is_ipv4_like(std::string_view host) {
  const auto dot = host.rfind('.');
  const auto last = dot == std::string_view::npos ? host : host.substr(dot + 1);
  return !last.empty() && std::ranges::all_of(last, is_digit);
}

bool is_ipv6_literal(std::string_view host) {
  if (host.size() < 4 || host.front() != '[' || host.back() != ']') return false;
  return std::ranges::all_of(host.substr(1, host.size() - 2), [](char c) {
    return is_digit(c) || (lower(c) >= 'a' && lower(c) <= 'f') || c == ':' || c == '.';
  });
}

}  // namespace

NoticeHost parse_notice_host(std::string_view host) {
  if (host.empty() || host.size() > kMaxHost) return {};
  const auto bracket = host.rfind(']');
  const auto colon = host.find(':', bracket == std::string_view::npos ? 0 : bracket);
  if (colon != std::string_view::npos) {
    if (!is_port(host.substr(colon + 1))) return {};
    host = host.substr(0, colon);
  }
  if (is_ipv6_literal(host)) return {NoticeHostKind::address, {}};
  if (host.ends_with('.')) host.remove_suffix(1);
  if (host.empty()) return {};
  const bool host_characters =
      std::ranges::all_of(host, [](char c) { return is_letter(c) || is_digit(c) || c == '-' || c == '_' || c == '.'; });
  if (!host_characters) return {};
  if (is_ipv4_like(host)) return {NoticeHostKind::address, {}};
  const auto name = wire::Name::from_text(lowered(host));
  if (!name) return {};
  return {NoticeHostKind::name, *name};
}

NoticeFormat negotiate_format(std::string_view target, std::string_view accept) {
  struct Offer {
    NoticeFormat format;
    std::string_view query, type, any_subtype;
    int weight = 0, precision = 0;  // of the most precise range that covers it
  };
  std::array<Offer, 3> offers{{{NoticeFormat::html, "html", "text/html", "text/*"},
                               {NoticeFormat::json, "json", "application/json", "application/*"},
                               {NoticeFormat::text, "text", "text/plain", "text/*"}}};
  const auto wanted = query_value(target, "format");
  for (const auto& offer : offers) {
    if (offer.query == wanted) return offer.format;
  }
  for (const auto& range : parse_ranges(accept)) {
    for (auto& offer : offers) {
      const int precision = range.value == offer.type          ? 3
                            : range.value == offer.any_subtype ? 2
                            : range.value == "*/*"             ? 1
                                                               : 0;
      if (precision <= offer.precision) continue;
      offer.precision = precision;
      offer.weight = range.weight;
    }
  }
  // What a client names beats what it merely tolerates at the same weight ("application/json, */*").
  const auto best = std::ranges::max_element(offers, [](const Offer& a, const Offer& b) {
    return std::pair(a.weight, a.precision) < std::pair(b.weight, b.precision);
  });
  return best->weight > 0 ? best->format : NoticeFormat::html;
}

std::size_t negotiate_language(std::string_view target, std::string_view accept_language,
                               std::span<const std::string> available) {
  const auto position = [&](std::string_view tag) -> std::optional<std::size_t> {
    const auto at = std::ranges::find(available, tag);
    return at == available.end() ? std::nullopt : std::optional(static_cast<std::size_t>(at - available.begin()));
  };
  if (const auto wanted = position(lowered(query_value(target, "lang").substr(0, 16)))) return *wanted;

  auto ranges = parse_ranges(accept_language);
  std::vector<bool> excluded(available.size());
  for (const auto& range : ranges) {
    const auto at = position(range.value);
    if (at && range.weight == 0) excluded[*at] = true;
  }
  std::ranges::stable_sort(ranges, std::ranges::greater{}, &Range::weight);
  for (const auto& range : ranges) {
    if (range.weight == 0) break;
    if (range.value == "*") {
      const auto open = std::ranges::find(excluded, false);
      if (open != excluded.end()) return static_cast<std::size_t>(open - excluded.begin());
      continue;
    }
    auto rest = std::string_view(range.value);
    const auto at = position(next_part(rest, '-'));  // our tags are primary subtags, so lookup ends there
    if (at && !excluded[*at]) return *at;
  }
  return 0;
}

}  // namespace placard::policy
