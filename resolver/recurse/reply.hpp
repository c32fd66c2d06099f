// Judging a reply: what does this message from a server of `zone` say about our question, and which of it may we
// believe?
//
// Believed is only what that server has a say about (RFC 2181 5.4.1, RFC 5452 6): records at or below its zone, on the
// path of the question. A chain of CNAMEs and DNAMEs is followed through the answer section as long as it stays in the
// zone. NS sets count only below the zone and above the question's name; glue only for the servers they name, and only
// in the zone (so sibling glue counts, RFC 9471, and addresses of strangers don't). All else is left behind.
// No state, no clock, no I/O: bytes and a question in, a judgement out. Signatures are carried, not checked.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>
#include <vector>

#include "resolver/recurse/cache.hpp"
#include "resolver/recurse/rebinding.hpp"
#include "zones/wire/message.hpp"
#include "zones/wire/record_set.hpp"

namespace placard::recurse {

enum class ReplyKind : std::uint8_t {
  // To be believed:
  answer,    ///< the chain ends in records of the asked type
  chain,     ///< CNAMEs or DNAMEs up to `next`, of which this server says nothing that counts, or max_chain of them
  nodata,    ///< `next` exists, the type does not
  nxdomain,  ///< `next` does not exist
  yxdomain,  ///< a DNAME makes a name that is too long (RFC 6672 2.2)
  referral,  ///< ask the servers of ns.owner
  empty,     ///< NOERROR without anything: NODATA if nobody has more to say
  // Not to be believed; ask in another way or ask another server:
  truncated,       ///< TC: ask over TCP
  no_edns,         ///< FORMERR, NOTIMP, BADVERS: ask without EDNS (RFC 6891 7)
  server_failure,  ///< SERVFAIL
  refused,         ///< REFUSED, NOTAUTH
  lame,            ///< refers upwards, sideways or to itself: it does not serve the zone
  malformed,       ///< another question, impossible flags, broken records
};
std::string_view to_text(ReplyKind kind);
constexpr bool believable(ReplyKind kind) {
  return kind <= ReplyKind::empty;
}

inline constexpr std::size_t kMaxDelegationServers = 32;  ///< name servers kept of one referral (many-NS delegations)
inline constexpr std::size_t kMaxGluePerServer = 8;       ///< addresses kept of each
inline constexpr std::size_t kMaxProofSets = 16;          ///< NSEC and NSEC3 sets kept of one reply
/// Records in an answer or authority section; a reply with more is malformed. No honest set has as many, and the
/// work of gathering sets grows with the square. Of the additional section, no more are looked at.
inline constexpr std::size_t kMaxSectionRecords = 512;

struct Reply {
  ReplyKind kind = ReplyKind::malformed;
  bool authoritative = false;  ///< AA
  std::vector<wire::RecordSet>
      answer;       ///< CNAME, DNAME (each with the CNAME made from it) and final sets, in chain order
  wire::Name next;  ///< the end of the chain: the name that has the records, or that has none
  std::optional<wire::RecordSet> soa;  ///< of nodata and nxdomain, when there is one
  std::vector<wire::RecordSet> proof;  ///< NSEC and NSEC3 sets; DS too, of a referral
  wire::RecordSet ns;                  ///< of a referral
  std::vector<Glue> glue;
  std::optional<std::uint32_t> apex_ttl;  ///< of the zone's own NS set, where the reply had it
  bool private_address = false;           ///< an address that a public name must not have was left out
  std::string_view why;                   ///< what was wrong, for people; static text
};

/// What was asked, of whom. Borrowed: `question` and `zone` outlive it.
struct Asked {
  const wire::Question& question;
  wire::NameView zone;         ///< the server was asked as one of this zone's
  bool forwarder = false;      ///< it resolves for us: AA not expected, no referrals, denials from zones above too
  std::size_t max_chain = 12;  ///< links followed inside one reply
  std::function<bool(wire::NameView)> beyond = {};      ///< names in the zone that others are asked about, or nobody
  const PrivateAddresses* private_addresses = nullptr;  ///< null: all addresses are as good
};
Reply judge(const wire::MessageView& message, const Asked& asked);

}  // namespace placard::recurse
