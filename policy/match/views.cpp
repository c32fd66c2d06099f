#include "policy/match/views.hpp"

#include <fmt/format.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <cassert>
#include <map>
#include <set>

#include "policy/match/image.hpp"

namespace placard::policy {

namespace {

using Address = MappedAddress;

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
  const auto address = mapped_address(client);
  if (!address) return {default_, nullptr, nullptr};
  const bool ipv4 = is_mapped_ipv4(*address);
  for (const auto& length : lengths_) {
    if (length.ipv4 != ipv4) continue;
    const auto network = masked_address(*address, length.length);
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
