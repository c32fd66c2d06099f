#include "policy/match/views.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <cassert>
#include <charconv>
#include <cstring>
#include <map>
#include <set>

#include "policy/match/image.hpp"

namespace placard::policy {

namespace {

using Address = std::array<std::uint8_t, 16>;

constexpr Address kMappedZero = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 0, 0, 0, 0};
constexpr std::array<std::uint8_t, 12> kMapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};

bool is_mapped(const Address& address) {
  return std::equal(kMapped.begin(), kMapped.end(), address.begin());
}

std::optional<Address> widen(std::span<const std::uint8_t> client) {
  Address address{};
  if (client.size() == 16) {
    std::copy(client.begin(), client.end(), address.begin());
  } else if (client.size() == 4) {
    std::copy(kMapped.begin(), kMapped.end(), address.begin());
    std::copy(client.begin(), client.end(), address.begin() + 12);
  } else {
    return std::nullopt;
  }
  return address;
}

Address masked(Address address, std::size_t length) {
  for (std::size_t i = 0; i < address.size(); ++i) {
    const std::size_t kept = length > i * 8 ? std::min<std::size_t>(8, length - i * 8) : 0;
    address[i] = static_cast<std::uint8_t>(address[i] & (0xFF00U >> kept));
  }
  return address;
}

bool is_code(std::string_view text) {  // ISO 3166-1 alpha-2, or 3166-2: "NZ", "US-CA"
  const auto upper = [](char c) { return c >= 'A' && c <= 'Z'; };
  if (text.size() < 2 || !upper(text[0]) || !upper(text[1])) return false;
  if (text.size() == 2) return true;
  return text[2] == '-' && text.size() >= 4 && text.size() <= 6 &&
         std::all_of(text.begin() + 3, text.end(), [&](char c) { return upper(c) || (c >= '0' && c <= '9'); });
}

bool is_identifier(std::string_view text) {
  return !text.empty() && text.size() <= 64 && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
  });
}

std::expected<void, std::string> check_view(const View& view, std::map<std::string, std::string>& owners) {
  const auto refuse = [&](const std::string& reason) {
    return std::unexpected(fmt::format("view \"{}\": {}", view.name, reason));
  };
  for (const auto& client : view.clients) {
    const auto prefix = prefix_from_text(client);
    if (!prefix) return refuse("clients: " + prefix.error());
    const auto [owner, fresh] = owners.try_emplace(prefix->to_text(), view.name);
    if (!fresh) return refuse(fmt::format("clients: {} is given already, to view \"{}\"", client, owner->second));
    if (owners.size() > kMaxViewPrefixes)
      return refuse(fmt::format("more than {} prefixes in all views", kMaxViewPrefixes));
  }
  for (const auto& code : view.jurisdictions) {
    if (!is_code(code)) {
      return refuse(fmt::format("jurisdictions: \"{}\" is no ISO 3166 code such as \"NZ\" or \"US-CA\"", code));
    }
  }
  std::set<std::string_view> seen;
  for (const auto& source : view.sources) {
    if (source != "*" && !is_identifier(source))
      return refuse(fmt::format("sources: \"{}\" is no authority's id", source));
    if (!seen.insert(source).second) return refuse(fmt::format("sources: \"{}\" stands twice", source));
  }
  if (view.sources.size() > 1024) return refuse("sources: more than 1024");
  return {};
}

}  // namespace

bool Prefix::contains(std::span<const std::uint8_t> client) const {
  const auto wide = widen(client);
  return wide && is_mapped(*wide) == ipv4 && masked(*wide, length) == address;
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
    prefix.address = *widen(short_address);
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
  const auto network = masked(prefix.address, prefix.length);
  if (network != prefix.address) {
    const auto given = prefix.to_text();
    prefix.address = network;
    return std::unexpected(
        fmt::format("\"{}\" has bits set behind its length; {} may be meant", given, prefix.to_text()));
  }
  if (prefix.ipv4 || prefix.length <= 80 ||
      masked(kMappedZero, std::min<std::size_t>(prefix.length, 96)) != masked(network, 96)) {
    return prefix;
  }
  if (prefix.length < 96) {
    return std::unexpected(fmt::format("\"{}\" covers IPv4-mapped addresses in part: write the IPv4 prefix", text));
  }
  prefix.ipv4 = true;
  return prefix;
}

std::expected<void, std::string> check_views(std::span<const View> views) {
  std::set<std::string_view> names;
  std::map<std::string, std::string> owners;
  for (const auto& view : views) {
    if (!is_identifier(view.name)) {
      return std::unexpected(fmt::format("view \"{}\": a view's name is 1 to 64 of a-z, 0-9 and -", view.name));
    }
    if (!names.insert(view.name).second) return std::unexpected(fmt::format("view \"{}\" stands twice", view.name));
    if (auto checked = check_view(view, owners); !checked) return checked;
  }
  if (names.size() + (names.contains("default") ? 0 : 1) > kMaxViews) {
    return std::unexpected(fmt::format("more than {} views, \"default\" among them", kMaxViews));
  }
  return {};
}

std::vector<View> complete_views(std::vector<View> views) {
  if (std::none_of(views.begin(), views.end(), [](const View& view) { return view.name == "default"; })) {
    views.push_back({.name = "default", .clients = {}, .jurisdictions = {}, .sources = {}});
  }
  return views;
}

std::uint64_t views_digest(std::span<const View> views) {
  std::string text;
  const auto add = [&](const std::vector<std::string>& list) {
    for (const auto& item : list) text.append(item).push_back('\n');
    text.push_back('\f');
  };
  for (const auto& view : views) {
    add({view.name});
    add(view.clients);
    add(view.jurisdictions);
    add(view.sources);
  }
  return XXH3_64bits(text.data(), text.size());
}

std::uint16_t rank_of_source(const View& view, std::string_view authority, bool order) {
  std::optional<std::size_t> place;
  bool named = false;
  for (std::size_t i = 0; i < view.sources.size() && !named; ++i) {
    named = view.sources[i] == authority;
    if (named || view.sources[i] == "*") place = i;
  }
  if (view.sources.empty()) place = 0;
  if (!place) return kNoRank;
  return static_cast<std::uint16_t>(*place * 2 + (named || order ? 0 : 1));
}

ClientViews::ClientViews(std::span<const View> views) {
  std::map<std::pair<std::uint8_t, bool>, std::vector<Entry>, std::greater<>> by_length;
  for (std::size_t v = 0; v < views.size(); ++v) {
    if (views[v].name == "default") default_ = static_cast<ViewNumber>(v);
    for (const auto& client : views[v].clients) {
      const auto prefix = prefix_from_text(client);
      assert(prefix);
      by_length[{prefix->length, prefix->ipv4}].push_back({prefix->address, static_cast<ViewNumber>(v)});
    }
  }
  for (auto& [key, entries] : by_length) {
    std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) { return a.address < b.address; });
    lengths_.push_back({key.first, key.second, std::move(entries)});
  }
}

ClientViews::Hit ClientViews::find(std::span<const std::uint8_t> client) const {
  const auto address = widen(client);
  if (!address) return {default_, nullptr, nullptr};
  const bool ipv4 = is_mapped(*address);
  for (const auto& length : lengths_) {
    if (length.ipv4 != ipv4) continue;
    const auto network = masked(*address, length.length);
    const auto at = std::lower_bound(length.entries.begin(), length.entries.end(), network,
                                     [](const Entry& entry, const Address& wanted) { return entry.address < wanted; });
    if (at != length.entries.end() && at->address == network) return {at->view, &length, &*at};
  }
  return {default_, nullptr, nullptr};
}

ViewNumber ClientViews::view_of(std::span<const std::uint8_t> address) const {
  return find(address).view;
}

std::optional<Prefix> ClientViews::prefix_of(std::span<const std::uint8_t> address) const {
  const auto hit = find(address);
  if (!hit.entry) return std::nullopt;
  return Prefix{hit.entry->address, hit.length->length, hit.length->ipv4};
}

std::size_t ClientViews::memory() const {
  std::size_t octets = lengths_.capacity() * sizeof(Length);
  for (const auto& length : lengths_) octets += length.entries.capacity() * sizeof(Entry);
  return octets;
}

}  // namespace placard::policy
