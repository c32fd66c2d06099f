#include "policy/match/views.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <map>
#include <set>
#include <tuple>
#include <utility>

namespace placard::policy {

namespace {

constexpr std::string_view kListSource = "list:";

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
  auto where = fmt::format(" {} {}", fmt::join(view.listeners, ","), fmt::join(view.keys, ","));
  for (const auto& client : view.clients) {
    const auto prefix = prefix_from_text(client);
    if (!prefix) return refuse("clients: " + prefix.error());
    const auto [owner, fresh] = owners.try_emplace(prefix->to_text() + where, view.name);
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
    const auto id = source.starts_with(kListSource) ? std::string_view(source).substr(kListSource.size()) : source;
    if (source != "*" && !is_identifier(id))
      return refuse(fmt::format("sources: \"{}\" is no authority's id, nor \"list:\" and a list's", source));
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

bool is_source(std::string_view written, std::string_view authority, std::string_view list) {
  return written == authority ||
         (!list.empty() && written.starts_with(kListSource) && written.substr(kListSource.size()) == list);
}

std::uint16_t rank_of_source(const View& view, std::string_view authority, bool order, std::string_view list) {
  const auto place_of = [&](auto&& wanted) -> std::optional<std::size_t> {
    const auto at = std::find_if(view.sources.begin(), view.sources.end(), wanted);
    if (at == view.sources.end()) return std::nullopt;
    return static_cast<std::size_t>(at - view.sources.begin());
  };
  auto place = place_of([&](const std::string& source) { return source != authority && is_source(source, {}, list); });
  if (!place) place = place_of([&](const std::string& source) { return source == authority; });
  const bool named = place.has_value();
  if (!place) place = place_of([](const std::string& source) { return source == "*"; });
  if (view.sources.empty()) place = 0;
  if (!place) return kNoRank;
  return static_cast<std::uint16_t>(*place * 2 + (named || order ? 0 : 1));
}

ClientViews::ClientViews(std::span<const View> views, std::string_view listener, std::string_view key) {
  const auto has = [](const std::vector<std::string>& list, std::string_view wanted) {
    return std::find(list.begin(), list.end(), wanted) != list.end();
  };
  // What a view names beside prefixes: its key counts for more than its listener. Of two equal views the first counts.
  const auto weight = [](const View& view) { return (view.keys.empty() ? 0 : 2) + (view.listeners.empty() ? 0 : 1); };
  std::vector<std::size_t> candidates;
  for (std::size_t v = 0; v < views.size(); ++v) {
    if (views[v].name == "default") default_ = static_cast<ViewNumber>(v);
    const bool here = (views[v].listeners.empty() || has(views[v].listeners, listener)) &&
                      (views[v].keys.empty() || has(views[v].keys, key));
    if (here) candidates.push_back(v);
  }
  std::stable_sort(candidates.begin(), candidates.end(),
                   [&](std::size_t a, std::size_t b) { return weight(views[a]) > weight(views[b]); });
  // Views that name the key come before all others, whatever their prefixes.
  std::map<std::tuple<bool, std::uint8_t, bool>, std::map<MappedAddress, ViewNumber>, std::greater<>> by_length;
  bool keyed_rest = false, rest = false;
  for (const auto v : candidates) {
    const auto number = static_cast<ViewNumber>(v);
    const bool keyed = !views[v].keys.empty();
    for (const auto& client : views[v].clients) {
      const auto prefix = prefix_from_text(client);
      assert(prefix);
      by_length[{keyed, prefix->length, prefix->ipv4}].try_emplace(prefix->address, number);
    }
    if (!views[v].clients.empty() || weight(views[v]) == 0) continue;
    // No prefix: every client over this listener, or with this key.
    if (keyed && !std::exchange(keyed_rest, true)) {
      by_length[{true, 0, false}].try_emplace(MappedAddress{}, number);
      by_length[{true, 96, true}].try_emplace(masked_address(*mapped_address(std::array<std::uint8_t, 4>{}), 96),
                                              number);
    } else if (!keyed && !std::exchange(rest, true)) {
      default_ = number;
    }
  }
  for (auto& [length, entries] : by_length) {
    Length made{std::get<1>(length), std::get<2>(length), {}};
    for (const auto& [address, view] : entries) made.entries.push_back({address, view});
    lengths_.push_back(std::move(made));
  }
}

ClientViews::Hit ClientViews::find(std::span<const std::uint8_t> client) const {
  const auto address = mapped_address(client);
  if (!address) return {default_, nullptr, nullptr};
  const bool ipv4 = is_mapped_ipv4(*address);
  for (const auto& length : lengths_) {
    if (length.ipv4 != ipv4) continue;
    const auto network = masked_address(*address, length.length);
    const auto at =
        std::lower_bound(length.entries.begin(), length.entries.end(), network,
                         [](const Entry& entry, const MappedAddress& wanted) { return entry.address < wanted; });
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
