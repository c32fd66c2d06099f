// What a worker answers by: the policy index, the zones and the options that may change while it runs.
//
// A Snapshot is immutable. The publisher posts a new one to every worker, a worker swaps it between batches, and
// the last one out frees the old. No pointer into a snapshot lives across a suspension.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "policy/match/index.hpp"
#include "resolver/net/address.hpp"
#include "resolver/recurse/resolver.hpp"
#include "resolver/serve/cookies.hpp"
#include "resolver/serve/dns64.hpp"
#include "resolver/serve/limits.hpp"
#include "zones/tsig.hpp"
#include "zones/zone.hpp"

namespace placard::serve {

inline constexpr std::size_t kMaxNsid = 64;  ///< octets

/// What clients that ask for signatures (DO) get where a decision would rewrite records: those who validate take what
/// the zone did not sign for forged. Whether the zone is signed is not known: a blocked name's servers are never asked.
enum class SignedNames : std::uint8_t {
  answer,    ///< as everybody
  nxdomain,  ///< no such name
  refuse,    ///< REFUSED
};

/// What answers carry and who may ask; all of it may change by a reload.
struct ServeOptions {
  PrefixTable recursion_clients;               ///< who may have recursion, who is refused it, who gets no answer at all
  PrefixTable cache_clients;                   ///< who is answered from the cache with RD=0
  std::vector<net::Address> notice_addresses;  ///< A and AAAA of a sinkhole
  std::uint32_t policy_ttl = 10;               ///< seconds, of answers by policy
  std::uint16_t udp_size = 1232;               ///< octets we send and announce over UDP
  bool recursion = true;                       ///< false: own zones only, RA clear
  SignedNames signed_names = SignedNames::answer;
  std::vector<std::string> signal_nxdomain;  ///< ids of lists whose NXDOMAIN goes out with RA clear, to be told apart
  bool policy_after_recursion = false;       ///< rules about names and clients wait for the answer (BIND's order)
  bool names_outrank = false;                ///< policy::Asker::names_outrank
  bool judge_redirects = false;              ///< where an action cname leads meets rules like any alias
  bool own_zones_policy = false;             ///< policy by name applies to own zones too
  bool minimal_responses = true;             ///< positive answers of own zones carry no NS set in authority
  bool minimal_any = true;                   ///< own zones answer ANY with one set (RFC 8482)
  std::vector<wire::Name> not_special;       ///< special-use names (RFC 6761) that are to be treated as ordinary
  std::string identity;                      ///< of id.server; empty: not told
  std::string version;                       ///< of version.bind; empty: not told
  std::vector<std::uint8_t> resolver_info;   ///< rdata of resolver.arpa's RESINFO (RFC 9606); empty: none
  Dns64 dns64;
  std::vector<std::uint8_t> nsid;  ///< RFC 5001, at most kMaxNsid octets; empty: not told
  LimitOptions limits;
  CookieSecrets cookie_secrets;   ///< empty: cookies are an unknown option
  bool cookies_required = false;  ///< over UDP nobody unverified is answered anything but how to prove who it is
};

/// Zones served with authority on the addresses of one listener; a listener not named gets `everywhere`.
struct ListenerZones {
  net::Endpoint listener;
  std::shared_ptr<const zones::ZoneSet> zones;
};

struct Snapshot {
  std::shared_ptr<const policy::Index> index;           ///< never null
  std::shared_ptr<const zones::ZoneSet> everywhere;     ///< null: none
  std::shared_ptr<const zones::ZoneSet> for_recursion;  ///< what recursion reads instead of asking; null: nothing
  std::vector<ListenerZones> listeners;  ///< zones bound to listeners of their own: these answer nothing else
  ServeOptions options;
  std::shared_ptr<const zones::TsigKeyring> keys;  ///< who signs questions to us; null: nobody
  policy::Time not_before = 0;  ///< the record's latest moment: a clock that runs behind it is not believed
};

}  // namespace placard::serve
