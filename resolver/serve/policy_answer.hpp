// Answers by policy: what each action of a rule looks like on the wire.
//
// sinkhole: A and AAAA carry the notice addresses, every other type is NODATA with an SOA whose owner is the rule's
// name (HTTPS and SVCB too, so that browsers don't route around it). EDE carries the code of the decision's kind, its
// EXTRA-TEXT the decision id (RFC 8914). AD is clear. The TTL is the rule's or the configured one, and never outlives
// the decision. Records already gathered (a CNAME chain that leads to the blocked name) stand before the synthetic
// ones.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>

#include "policy/match/index.hpp"
#include "resolver/serve/render.hpp"
#include "resolver/serve/snapshot.hpp"

namespace placard::serve {

/// The CNAMEs of an answer, before the name that policy met.
struct ChainPrefix {
  const StoredAnswer* answer = nullptr;  ///< null: the asked name itself is met
  std::size_t records = 0;               ///< how many of its answer records to keep
  std::uint32_t max_ttl = 0;             ///< seconds
};

/// What is to be done about a match, beyond an answer in `reply`.
enum class PolicyVerdict : std::uint8_t {
  answered,  ///< `size` octets are in the reply
  dropped,   ///< no answer at all
  pass,      ///< passthru, or truncate met over TCP: go on as if nothing had matched
  redirect,  ///< cname: the target must be resolved and put behind the CNAME
};

struct PolicyAnswer {
  PolicyVerdict verdict = PolicyVerdict::pass;
  std::size_t size = 0;
};

/// The action for a client: where records would be rewritten for one that asks for signatures, as the options say.
policy::Action action_for(policy::Action action, const ServeOptions& options, bool dnssec_ok);

/// NXDOMAIN by that rule goes out with RA clear.
bool is_signalled(const policy::Match& match, const ServeOptions& options);

inline constexpr std::size_t kPolicySoaSize = 11 + 16 + 20;  ///< octets
/// The rdata of the SOA that a negative answer needs (RFC 2308): "localhost. nobody.invalid.", MINIMUM the policy's
/// TTL.
std::array<std::uint8_t, kPolicySoaSize> policy_soa(std::uint32_t ttl);

inline wire::RecordType type_of(const net::Address& address) {
  return address.v6 ? wire::RecordType::aaaa : wire::RecordType::a;
}

/// Seconds an answer by this match may be kept.
std::uint32_t policy_ttl(const policy::Match& match, const ServeOptions& options, policy::Time now);

/// The extended error of an answer by this match.
wire::ExtendedError policy_error(const policy::Match& match);

PolicyAnswer render_policy(const policy::Match& match, const policy::Index& index, const ServeOptions& options,
                           const ClientQuestion& question, wire::NameView met, const ChainPrefix& prefix,
                           policy::Time now, std::span<std::uint8_t> reply);

/// The CNAME of an action cname.
struct PolicyAlias {
  wire::NameView owner, target;
  std::uint32_t ttl = 0;  ///< seconds
};

/// An answer of action cname: what led to the name met, the alias, then the answer records of `target_answer`.
std::size_t render_redirect(const ClientQuestion& question, const ChainPrefix& prefix, const PolicyAlias& alias,
                            const wire::ExtendedError& error, const StoredAnswer& target_answer, std::int64_t now,
                            std::span<std::uint8_t> reply);

/// YXDOMAIN: the target that an action cname would lead to is too long for a name.
std::size_t render_too_long(const ClientQuestion& question, const ChainPrefix& prefix, const wire::ExtendedError& error,
                            std::span<std::uint8_t> reply);

}  // namespace placard::serve
