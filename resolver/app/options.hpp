// The configuration: what is fixed when the server starts, what a reload may change, and the one table of options.
//
// options_table.cpp, with options_zones.cpp and options_policy.cpp, declares every option once (key, kind, range,
// default, unit, reloadable, help); reading placard.toml, its errors, the documented example and the manual page all
// come from that table. The two structs keep apart what can change while the server runs (after dnsdist), so that a
// reload cannot reach for what is bound.
// Paths come out absolute or relative to the working directory: those of files beside the configuration are resolved
// against its folder, the store and the control socket against the state directory.
#pragma once

#include <cstdint>
#include <expected>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "policy/match/views.hpp"
#include "policy/record/decision.hpp"
#include "resolver/app/dnssec_options.hpp"
#include "resolver/app/feed_option.hpp"
#include "resolver/net/address.hpp"
#include "resolver/serve/cookies.hpp"
#include "resolver/transfer/zone_plan.hpp"
#include "zones/wire/name.hpp"

namespace placard::app {

/// `[[forward]]` and `[[stub]]`.
struct ForwardOption {
  wire::Name zone;
  std::vector<net::Endpoint> servers;
  bool stub = false, first = false;
};

using ZoneOption = transfer::ZonePlan;  ///< `[[zone]]`

/// `[[key]]`. Not printed anywhere.
struct KeyOption {
  wire::Name name;
  std::string algorithm = "hmac-sha256";
  std::string secret, secret_file;  ///< one of them; base64
  std::string place;                ///< "FILE:LINE" of its section
};

struct FixedOptions {
  std::vector<net::Endpoint> listen;
  unsigned workers = 0;  ///< 0: one for each processor
  std::string state_directory;
  bool state_is_default = false;  ///< none was named
  std::string user;               ///< empty: stay who we are
  std::vector<policy::Prefix> proxies;
  std::uint32_t tcp_connections = 4'096, tcp_connections_per_client = 64;
  std::uint32_t tcp_idle = 10'000;  ///< milliseconds

  std::string root_hints;  ///< a file; empty: IANA's
  std::uint16_t upstream_port = 53;
  bool ipv4 = true, ipv6 = true, query_loopback = false, qname_minimisation = true, random_case = true;
  bool cookies = true, tcp_fast_open = true;
  std::uint32_t server_in_flight = 2'000, server_rate = 0;  ///< questions to one server: at once, in a second
  std::uint16_t udp_size = 1232;                            ///< octets
  std::uint32_t deadline = 5'000;                           ///< milliseconds
  std::uint32_t max_questions = 64, max_depth = 8, max_chain = 12;
  bool serve_stale = true;
  std::uint32_t stale_for = 86'400, stale_ttl = 30, stale_recheck = 30;  ///< seconds
  std::uint32_t stale_after = 1'800;                                     ///< milliseconds
  std::uint32_t failure_ttl = 5;                                         ///< seconds
  bool prefetch = true, error_reporting = false;
  std::vector<policy::Prefix> never_query, private_addresses;
  std::vector<wire::Name> private_names;
  std::uint32_t in_flight = 20'000;  ///< resolutions of one worker

  std::size_t cache_memory = 0, answers_memory = 0;  ///< octets; the second for each worker
  std::string cache_save;                            ///< a file; empty: the cache ends with the server
  std::uint32_t cache_save_interval = 0;             ///< minutes; 0: at the stop only
  std::uint32_t min_ttl = 0, max_ttl = 86'400, max_negative_ttl = 3'600;  ///< seconds
  std::vector<ForwardOption> forwards;
  std::vector<wire::Name> not_special;
  DnssecOptions dnssec;

  std::string store;  ///< the policy store, an SQLite file
  std::vector<net::Endpoint> notice_listen, reset_listen, metrics_listen;
  std::string control_socket;
};

/// `[access]`: the longest prefix decides.
struct AccessOptions {
  std::vector<policy::Prefix> recursion, cache;  ///< who may
  std::vector<policy::Prefix> refuse, drop;      ///< who may neither; who gets no answer at all
};

/// `[limits]`
struct LimitOptions {
  std::vector<policy::Prefix> exempt;
  std::uint32_t responses = 200, client_responses = 5'000, questions = 0, slip = 2;  ///< a second, but for slip
  std::uint32_t waiting = 1'000, answer_age = 4'000;                                 ///< the latter milliseconds
  std::uint16_t unverified_size = 1'232;                                             ///< octets
  bool minimal_any = true;
};

/// `[cookies]`
struct CookieOptions {
  bool enabled = true, required = false;
  std::string secret_file;       ///< empty: a secret of the process's own
  serve::CookieSecrets secrets;  ///< as read from it
};

/// `[dns64]`
struct Dns64Options {
  std::vector<policy::Prefix> prefixes, clients, exclude;
};

struct ReloadableOptions {
  std::string identity, version, nsid, info_url;
  Dns64Options dns64;
  AccessOptions access;
  LimitOptions limits;
  CookieOptions cookies;
  bool recursion = true;
  bool minimal_responses = true, minimal_any = true;
  std::uint32_t policy_ttl = 10;  ///< seconds
  std::vector<net::Address> notice_addresses;
  bool own_zones_policy = false;
  std::vector<std::string> negative_anchors;  ///< "NAME UNTIL" (RFC 7646)
  std::string signed_names;                   ///< "answer", "nxdomain" or "refuse"
  std::string policy_order;                   ///< "name-first", "names-outrank" or "after-recursion"
  bool judge_redirects = false, traffic_sketch = false;
  std::vector<wire::Name> protected_names;
  std::vector<KeyOption> keys;
  std::uint8_t widest_ipv4 = 16, widest_ipv6 = 32;  ///< shortest prefixes of address triggers
  std::vector<ZoneOption> zones;
  std::vector<std::pair<std::size_t, std::string>> catalogs;  ///< positions among zones, and what is said of each
  std::vector<policy::View> views;
  std::vector<FeedOption> feeds;
  std::string operator_name, operator_contact;
};

struct Options {
  std::string file;  ///< where they were read; empty: built-in defaults
  FixedOptions fixed;
  ReloadableOptions reloadable;
  std::map<std::string, std::string> fixed_values;  ///< key to value as text, of what is fixed: for fixed_changes()

  /// Every address the workers bind: server.listen and those of zones with listeners of their own, each once.
  std::vector<net::Endpoint> all_listeners() const;
};

/// One thing wrong with a configuration.
struct OptionProblem {
  std::string file;
  std::size_t line = 0, column = 0;  ///< from 1; 0: not about a place in the file
  std::string key, reason;
};
std::string to_text(const OptionProblem& problem);  ///< "FILE:LINE:COLUMN: key: reason"

/// All that is wrong is collected, not the first thing only. `file` is for messages and for resolving paths.
std::expected<Options, std::vector<OptionProblem>> parse_options(std::string_view text, const std::string& file);
/// The file, or the built-in defaults for an empty path.
std::expected<Options, std::vector<OptionProblem>> load_options(const std::string& path);

/// Keys whose value in `next` differs from the running one and needs a restart.
std::vector<std::string> fixed_changes(const Options& running, const Options& next);

/// Where a configuration lies when none is named: $PLACARD_CONFIG, ./placard.toml, the state directory's; "" if none.
std::string find_configuration();
/// Where state lives by default: $STATE_DIRECTORY (systemd), $XDG_STATE_HOME/placard, ~/.local/state/placard.
std::string default_state_directory();

// The table.

enum class OptionKind : std::uint8_t {
  boolean,
  integer,
  size,
  text,
  path,
  name,
  names,
  texts,
  endpoints,
  addresses,
  prefixes,
  jurisdictions,
};

/// A value read and checked; only the member that belongs to the option's kind is set.
struct OptionValue {
  bool boolean = false;
  std::int64_t integer = 0;  ///< integer, size (octets)
  std::string text;          ///< text, path, and the canonical form of any other
  wire::Name name;
  std::vector<std::string> texts;  ///< of every list, as written
  std::vector<wire::Name> names;
  std::vector<net::Endpoint> endpoints;
  std::vector<net::Address> addresses;
  std::vector<policy::Prefix> prefixes;
};

struct Option {
  std::string_view section, key;
  OptionKind kind;
  std::int64_t low,
      high;  ///< of integer and size; endpoints: low is the port where none is said; texts: least and most length
  std::string_view default_toml;  ///< as it would stand in the file; for repeated tables an example
  std::string_view unit;
  bool reloadable;
  bool required;  ///< in repeated tables: no default
  std::string_view help;
  void (*set)(Options&, const OptionValue&);
  std::string full_key() const { return std::string(section) + "." + std::string(key); }
};

struct OptionSection {
  std::string_view name;
  bool repeated;  ///< [[name]]
  std::string_view help;
  void (*begin)(Options&);  ///< of repeated ones: one more entry
};

std::span<const OptionSection> option_sections();
std::span<const Option> option_table();
std::string_view to_text(OptionKind kind);  ///< as errors and the manual name it: "a whole number"

std::string example_configuration();  ///< every option with its default, commented out
std::string manual_page();            ///< placard.toml(5), roff

}  // namespace placard::app
