// What the configuration says about a zone: where it comes from, who may have it, change it and be told of it.
#pragma once

#include <algorithm>
#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "policy/record/prefix.hpp"
#include "resolver/net/address.hpp"
#include "zones/catalog.hpp"
#include "zones/sign.hpp"
#include "zones/tsig.hpp"
#include "zones/wire/name.hpp"
#include "zones/zone.hpp"
#include "zones/zone_listing.hpp"

namespace placard::transfer {

/// Who may: both the address and the key, where both are given. Nobody, where neither is.
struct Permission {
  std::vector<policy::Prefix> prefixes;
  std::vector<wire::Name> keys;  ///< in lower case

  bool empty() const { return prefixes.empty() && keys.empty(); }
  /// `key`: what the message was signed with; null: not signed.
  bool allows(const net::Address& client, const zones::TsigKey* key) const {
    if (empty()) return false;
    const bool place = prefixes.empty() || std::ranges::any_of(prefixes, [&](const policy::Prefix& prefix) {
                         return prefix.contains(client.bytes());
                       });
    const bool name = keys.empty() || (key != nullptr && std::ranges::find(keys, key->name()) != keys.end());
    return place && name;
  }
  friend bool operator==(const Permission&, const Permission&) = default;
};

enum class CatalogRole : std::uint8_t { none, consume, produce };

/// `[[zone]]`.
struct ZonePlan {
  wire::Name name;
  std::string file;                      ///< a master file; empty for secondaries, catalogs we make, and their members
  std::vector<net::Endpoint> listen;     ///< empty: answered wherever the server listens
  std::string place;                     ///< "FILE:LINE" of its section
  std::vector<net::Endpoint> primaries;  ///< not empty: a secondary
  std::optional<wire::Name> primary_key;
  std::vector<net::Endpoint> notify;
  std::optional<wire::Name> notify_key;
  Permission transfer, update, notify_from;
  CatalogRole catalog = CatalogRole::none;
  bool policy_feed = false;             ///< a policy zone (RPZ) that we follow: nobody is answered from it
  std::string policy_of;                ///< a view: the zone is its decisions as a policy zone (RPZ); empty: it is not
  bool policy_undisclosed = false;      ///< sealed and delayed ones too
  std::optional<wire::Name> member_of;  ///< a catalog we make
  std::string group;                    ///< in that catalog
  std::vector<zones::CatalogEntry> members;  ///< of a catalog that we make
  bool sign = false;                         ///< by us
  zones::SigningPolicy signing;
  std::string key_folder;
  bool for_clients = true;     ///< they are answered from it, with authority
  bool for_recursion = false;  ///< which reads it instead of asking its servers (RFC 8806)
  bool fallback = true;        ///< where there is nothing to read, recursion asks them after all

  bool is_secondary() const { return !primaries.empty(); }
  /// Our own changes to it are kept: dynamic update.
  bool is_dynamic() const { return !is_secondary() && !update.empty(); }
  friend bool operator==(const ZonePlan&, const ZonePlan&) = default;
};

/// What a zone of our decisions is to hold (ZonePlan::policy_of).
struct MadePolicyZone {
  std::shared_ptr<const zones::ZoneListing> listing;  ///< the one that is served, where nothing changed
  std::optional<zones::ChangeSet> changes;            ///< from the one that is served, where there is one
  std::vector<std::string> notes;                     ///< what could not be said as it is
  bool whole_again = false;      ///< every rule was asked, and the time before too: that should not go on and on
  std::int64_t next_change = 0;  ///< when some decision begins or ends, seconds since the epoch; 0: none does
};
/// Follows the decisions for one zone.
class PolicyZoneMaker {
 public:
  virtual ~PolicyZoneMaker() = default;
  /// Called on a thread of the pool, one call at a time; takes time with what changed, or with the rules. `running`:
  /// what is served, or null. The error is a phrase.
  virtual std::expected<MadePolicyZone, std::string> make(const ZonePlan& plan, std::uint32_t serial,
                                                          std::shared_ptr<const zones::ZoneListing> running) = 0;
  /// Decisions changed, and make() will not be called for a while. Any thread; waits for nothing.
  virtual void let_go() = 0;
};
using NewPolicyZoneMaker = std::function<std::shared_ptr<PolicyZoneMaker>()>;

}  // namespace placard::transfer
