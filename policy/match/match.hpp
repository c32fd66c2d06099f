// Policy on a whole question and on the answer that came back: all triggers, in the order of RPZ (draft 5, BIND 9.18).
//
// First the client's address and the name asked (match_question). When no source before that of the match has rules on
// what comes back, it is final: a blocked name's servers are never contacted. Else, and when nothing matched, the names
// of the answer are gone through in the order of its chain of aliases, each with its addresses and its name servers
// (match_answer): the first name that meets any rule decides. Among the rules it meets the order is that of index.hpp;
// of several addresses under prefixes of one length the smallest address counts, of several name servers the one whose
// name is last in DNSSEC order (RFC 4034 6.1), as BIND has it. At most one rule rewrites an answer.
//
// Name servers are asked for only where the view has rules about them, since finding them costs something. Pure: what
// the caller knows goes in, verdicts come out. An answer that failed validation (BOGUS) must not be brought here.
#pragma once

#include <expected>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "policy/match/index.hpp"

namespace placard::policy {

/// Who asks, and when.
struct Asker {
  ViewNumber view = 0;
  Time now = 0;
  std::span<const std::uint8_t> client;  ///< 4 or 16 octets
  /// A rule about the client or a name comes before every rule on what comes back of that name, whatever the places of
  /// their sources.
  bool names_outrank = false;
};

struct QuestionVerdict {
  std::optional<Match> match;
  /// Nothing that comes back can outrank `match`; without a match: the view has no rules on what comes back.
  bool is_final = true;
};

/// `name`: with hashes of the index's seed.
QuestionVerdict match_question(const Index& index, const Asker& asker, const wire::Suffixes& name,
                               ShadowMatches* shadows = nullptr);

/// One name of an answer: the name asked, or the target of an alias.
struct ChainLink {
  wire::NameView name;
  std::span<const MappedAddress> addresses;  ///< of the A and AAAA records that the answer has at that name
};

/// A name server of a zone at or above a name.
struct NameServer {
  wire::Name name;
  std::vector<MappedAddress> addresses;  ///< as far as they are known; left out when `with_addresses` was false
};
/// The name servers of the zones that hold `name`, from the deepest zone up to (not with) the top-level domain.
using NameServersOf = std::function<std::vector<NameServer>(wire::NameView name, bool with_addresses)>;

/// A rule that an answer met, and what of it met the rule.
struct Met {
  Match match;
  std::size_t link = 0;                        ///< in the chain
  std::optional<MappedAddress> address = {};   ///< for response-ip and nsip
  std::optional<wire::Name> name_server = {};  ///< for nsdname and nsip
};

/// Policy on what came back. `chain` starts with the name asked; of its first link `asked`, the verdict on the
/// question, is a candidate. `name_servers` may be empty: nothing is known of them.
std::optional<Met> match_answer(const Index& index, const Asker& asker, const QuestionVerdict& asked,
                                std::span<const ChainLink> chain, const NameServersOf& name_servers,
                                ShadowMatches* shadows = nullptr);

/// Every rule that question and answer meet, by links and then in the order above; the one that decides comes first
/// unless all are in shadow. For `why`.
std::vector<Met> explain_answer_rules(const Index& index, const Asker& asker, std::span<const ChainLink> chain,
                                      const NameServersOf& name_servers);

/// Where an action cname leads for the name that was met: its target, or for "*.garden." the name below garden.
/// Nothing when that would be too long for a name: the answer is YXDOMAIN then, never the real one.
std::optional<wire::Name> expanded_target(wire::NameView target, wire::NameView met);

}  // namespace placard::policy
