// What policy knows of one question on its way, and the chain of an answer as policy looks at it.
//
// A question is judged twice: by its client and its name before anything is asked (policy_by_name), and by what came
// back (policy_on_answer): the names of the chain of aliases, their addresses, and their zones' name servers. Where an
// earlier source of the view has rules on what comes back, a match of the first kind is carried to the second.
#pragma once

#include <span>
#include <vector>

#include "policy/match/match.hpp"
#include "resolver/serve/policy_answer.hpp"
#include "resolver/serve/render.hpp"

namespace placard::serve {

/// What policy has said so far about one question.
struct PolicyState {
  policy::ViewNumber view = 0;
  bool exempt = false;            ///< a passthru was met: policy has nothing more to say
  bool on_answer = false;         ///< what came back is being judged: nothing of it was counted before
  policy::QuestionVerdict asked;  ///< a match in it is not final: it waits for the answer
};

/// Which rules a view has at all: what has none is never looked for.
struct ViewTriggers {
  bool client = false;   ///< about clients
  bool name = false;     ///< about the name asked
  bool answer = false;   ///< about addresses or name servers of an answer
  bool servers = false;  ///< about name servers
};

/// The name servers of each link of an answer's chain, kept with the answer: they judge it for as long as it lives, and
/// no hit has to look them up.
struct ServersOfChain {
  std::vector<std::vector<policy::NameServer>> by_link;
  std::size_t memory() const;  ///< octets
};

/// The links of a stored answer: the name asked, and the target of each alias.
class AnswerChain {
 public:
  static constexpr std::size_t kMaxLinks = 64;       ///< more aliases than any answer of ours has
  static constexpr std::size_t kMaxAddresses = 512;  ///< of one link

  explicit AnswerChain(const StoredAnswer& answer);

  std::span<const policy::ChainLink> links() const { return links_; }
  /// How many records of the answer section lead to that link, and the least TTL of its aliases as stored.
  std::size_t records_before(std::size_t link) const { return found_[link].records; }
  std::uint32_t ttl_before(std::size_t link) const { return found_[link].ttl; }

 private:
  struct Found {
    wire::Name name;
    std::vector<policy::MappedAddress> addresses;
    std::size_t records = 0;
    std::uint32_t ttl = UINT32_MAX;
  };
  std::vector<Found> found_;
  std::vector<policy::ChainLink> links_;
};

/// Names of one chain before what decisions lead to is given up as a circle.
inline constexpr std::size_t kMaxRedirects = 24;

/// An answer of aliases alone: those of `before`, then `alias`.
StoredAnswer chain_with(const PolicyAlias& alias, const ChainPrefix& before, const wire::Question& asked);

/// An answer of aliases alone: all of `head`, then those of `rest`.
StoredAnswer joined_chain(const StoredAnswer& head, const ChainPrefix& rest);

}  // namespace placard::serve
