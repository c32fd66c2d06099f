// Views: which clients there are, by address prefix, and what the order of a view's sources means.
//
// Addresses are kept as 16 octets with IPv4 in its mapped place (::ffff:0:0/96, RFC 4291 2.5.5.2), so that a client
// that arrives over a dual-stack socket is the same client; the two families never match each other's prefixes.
#pragma once

#include <array>
#include <cstdint>
#include <expected>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "policy/match/index.hpp"
#include "policy/record/prefix.hpp"

namespace placard::policy {

/// Most prefixes of all views together.
inline constexpr std::size_t kMaxViewPrefixes = 65536;

/// Whether a configuration's views can be compiled: at most kMaxViews with "default", names [a-z0-9-]{1,64} and each
/// once, prefixes valid and each in one view only, jurisdictions ISO 3166 codes, sources each once. The error says
/// which view and what.
std::expected<void, std::string> check_views(std::span<const View> views);

/// The views with "default" added at the end when it is missing.
std::vector<View> complete_views(std::vector<View> views);

inline constexpr std::uint16_t kNoRank = 0xFFFF;

/// Place of an authority, or of one list of its, in a view's order, smaller first; kNoRank when the view leaves it out.
/// A list that the view names itself ("list:ID") has its own place. `order`: the decision is a court's or
/// administration's order; those come first among the authorities that only "*" stands for.
std::uint16_t rank_of_source(const View& view, std::string_view authority, bool order, std::string_view list = {});
/// Whether "list:ID" or an authority's id in a configuration stands for this source.
bool is_source(std::string_view written, std::string_view authority, std::string_view list);

/// Longest-prefix lookup of the view of a client, for those who come over one listener with one key (or none): made
/// once for each listener of a worker, not for each client. Bounded: a binary search for each length in use, at most
/// 129 of them.
class ClientViews {
 public:
  /// REQUIRES: check_views(views), and complete_views was applied.
  explicit ClientViews(std::span<const View> views, std::string_view listener = {}, std::string_view key = {});
  ViewNumber view_of(std::span<const std::uint8_t> address) const;  ///< 4 or 16 octets; anything else is "default"
  /// The prefix that decided, nothing when it was "default" as last resort: for `why`.
  std::optional<Prefix> prefix_of(std::span<const std::uint8_t> address) const;
  std::size_t memory() const;

 private:
  struct Entry {
    MappedAddress address;
    ViewNumber view;
  };
  struct Length {  // the entries of one prefix length of one family, sorted
    std::uint8_t length;
    bool ipv4;
    std::vector<Entry> entries;
  };
  struct Hit {
    ViewNumber view;
    const Length* length;
    const Entry* entry;
  };
  Hit find(std::span<const std::uint8_t> address) const;

  std::vector<Length> lengths_;  // longest first
  ViewNumber default_ = 0;
};

}  // namespace placard::policy
