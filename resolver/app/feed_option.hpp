// `[[feed]]`: a list that this server follows, as the configuration says it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "policy/lists/list_syntax.hpp"
#include "policy/record/decision.hpp"
#include "policy/record/prefix.hpp"
#include "resolver/net/address.hpp"

namespace placard::app {

inline constexpr std::uint32_t kDefaultRefresh = 86'400;  ///< seconds, of a url

struct FeedOption {
  std::string id;      ///< of the list: [a-z0-9-]{1,64}
  std::string format;  ///< as policy::list_format_from_text knows them
  std::string path;    ///< a file; with primaries: what is in force until the first transfer. Empty: none
  std::string url;     ///< http or https
  std::vector<net::Endpoint> primaries;  ///< of a policy zone that is transferred
  std::optional<wire::Name> primary_key, zone;
  std::vector<policy::Prefix> notify_from;                 ///< besides the primaries
  std::uint32_t refresh = 0;                               ///< seconds; 0: the default of its kind
  std::uint32_t stale_after = 259'200, timeout = 600;      ///< seconds
  std::uint64_t max_size = std::uint64_t{1} << 30;         ///< octets
  std::string ca_file;                                     ///< PEM; empty: the system's
  std::string mandate;                                     ///< an authority's id; empty: the operator's own
  std::string match, delimiter = ",", encoding = "utf-8";  ///< as policy::ListSyntax has them
  std::vector<std::string> columns;
  std::uint32_t skip_lines = 0;
  std::optional<std::uint32_t> max_rejects, max_growth, max_shrink;  ///< percent; 0: no limit
  bool guards = true;
  bool shadow = true;  ///< its rules are counted and change no answer
  /// RPZ's policy of the zone: "given", "disabled", or an action that stands for all of its rules.
  std::string policy;
  std::optional<wire::Name> target;      ///< of "cname"
  std::optional<std::uint32_t> max_ttl;  ///< seconds
  bool zone_wildcards = false;           ///< its names end its wildcards, as in a zone (RFC 4592)
  bool signal_nxdomain = false;          ///< its NXDOMAIN goes out with RA clear
  std::string place;                     ///< file and line, for messages

  bool is_transferred() const { return !primaries.empty(); }
  /// Seconds between two looks; 0: only when told to.
  std::uint32_t interval() const { return refresh == 0 && !url.empty() ? kDefaultRefresh : refresh; }
  bool can_be_stale() const { return stale_after != 0 && (is_transferred() || interval() != 0); }
  friend bool operator==(const FeedOption&, const FeedOption&) = default;
};

/// What the policy of a feed makes of its rules; nothing for a word that means nothing.
std::optional<policy::SourcePolicy> source_policy(const FeedOption& feed);

/// Of all feeds, for the index.
std::vector<policy::SourcePolicy> source_policies(const std::vector<FeedOption>& feeds);

/// How the feed's list is written. REQUIRES: a format that is known.
policy::ListSyntax list_syntax(const FeedOption& feed);

/// What is wrong with one feed; empty when nothing is. read_zone_setup() says so.
std::string what_is_wrong(const FeedOption& feed);

/// The views as they are with feeds: where a view has "*", the feeds that it does not name come behind it, in their
/// order; and "default" is there.
std::vector<policy::View> views_with_feeds(std::vector<policy::View> views, const std::vector<FeedOption>& feeds);

}  // namespace placard::app
