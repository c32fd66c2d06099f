// The vocabulary of Placard: who may decide, what was decided about which names, and what others did.
//
// Plain values, as they come out of a decision file or the store. The words are those of the design: authority,
// decision, rule, event, view; DSA Art. 9(2) is where most fields of a decision come from. A decision never changes:
// its state over time is a row of transitions, and a reversal is a decision of its own.
// Not here: how they are stored (store), checked (guard, intake) or matched (policy/match).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "policy/record/time.hpp"
#include "zones/wire/name.hpp"
#include "zones/wire/types.hpp"

namespace placard::policy {

/// Text per language: BCP 47 tag ("en", "fr", "zh") to UTF-8.
using LocalizedText = std::map<std::string, std::string>;

enum class AuthorityKind : std::uint8_t { court, regulator, provider, operator_ };  // "operator" is a C++ word

enum class DecisionType : std::uint8_t { court_order, administrative_order, agreement, voluntary, emergency };
enum class Trigger : std::uint8_t { client_ip, qname, response_ip, nsdname, nsip };  // RPZ's, in its precedence
enum class MatchKind : std::uint8_t { exact, subdomains, both };                     // of the rule's name
enum class Action : std::uint8_t { sinkhole, nxdomain, nodata, refused, drop, truncate, passthru, local_data, cname };

/// What an authority may do at all. What is empty is not limited. A standing mandate has texts of its own: lists may
/// come under it without a decision being written for each.
struct Mandate {
  std::vector<DecisionType> types;
  std::vector<Trigger> triggers;
  std::vector<Action> actions;
  std::vector<std::string> jurisdictions;    ///< decisions have a scope, inside of these
  std::vector<wire::Name> suffixes;          ///< rules about names are at or below one of these
  std::optional<std::int64_t> max_rules;     ///< of one decision, its list included
  std::optional<std::int64_t> max_duration;  ///< seconds from a decision's beginning to its end
  std::string legal_basis;
  LocalizedText statement_of_reasons, redress;
  bool is_standing() const { return !legal_basis.empty(); }
};

struct Authority {
  std::string id;            ///< short and stable: [a-z0-9-]{1,64}
  std::int64_t version = 1;  ///< a change of anything below is a new version
  AuthorityKind kind = AuthorityKind::operator_;
  LocalizedText name;        ///< as visitors read it; "en" at least
  std::string jurisdiction;  ///< ISO 3166 code it belongs to ("NZ", "US-CA"), may be empty
  std::string contact;       ///< mailto: or https: of the authority
  std::string public_key;    ///< for signed pushes; empty until it has one
  bool external = true;      ///< not the operator of this node: its blocks are EDE 16 rather than 15
  std::optional<Mandate> mandate = {};
};

enum class DecisionState : std::uint8_t { proposed, shadow, active, suspended, lifted, expired, annulled };
enum class Disclosure : std::uint8_t { public_, delayed, sealed };

/// One record of an action local_data.
struct LocalRecord {
  wire::RecordType type = wire::RecordType::a;
  std::vector<std::uint8_t> rdata;  ///< uncompressed
};

struct Rule {
  std::int64_t id = 0;  ///< given by the store, never reused; 0 before that
  Trigger trigger = Trigger::qname;
  MatchKind match = MatchKind::both;
  wire::Name name;     ///< for qname and nsdname
  std::string prefix;  ///< for the address triggers: "192.0.2.0/24"
  Action action = Action::sinkhole;
  std::optional<std::uint32_t> ttl;  ///< seconds; the configuration's policy.ttl when absent
  std::vector<LocalRecord> records;  ///< for local_data
  wire::Name target;                 ///< for cname
};

/// One rule that shall stand against a guard (policy/record/override.hpp).
struct GuardOverride {
  struct Signature {
    std::string authority;  ///< Authority::id
    std::string value;      ///< "ed25519:" and base64
  };
  std::string about;   ///< the rule's name as stored_name() has it, or its prefix
  std::string reason;  ///< public
  std::vector<Signature> signatures;
};

struct Decision {
  std::string id;  ///< stable, public: [A-Za-z0-9._-]{1,80}, such as "demo-2026-operator-1"
  DecisionType type = DecisionType::voluntary;
  std::string authority;                       ///< Authority::id
  std::string applicant;                       ///< who asked for it; may be empty
  std::string reference;                       ///< the authority's own file number
  std::string legal_basis;                     ///< law, article, contract clause: what it stands on
  LocalizedText statement_of_reasons;          ///< "en" at least
  std::string document_url;                    ///< where the decision can be read; may be empty
  std::string document_sha256;                 ///< lower-case hex, or empty
  std::vector<std::string> territorial_scope;  ///< ISO 3166 codes; empty: everywhere
  LocalizedText redress;                       ///< how to appeal; "en" at least
  std::optional<Time> received_at, comply_by, review_at;
  Time effective_from = 0;
  Time expires_at = 0;               ///< mandatory: every block has an end
  std::string supersedes, reverses;  ///< ids of other decisions, or empty
  Disclosure disclosure = Disclosure::public_;
  bool demonstration = false;                           ///< shown as such on every page
  DecisionState initial_state = DecisionState::active;  ///< proposed, shadow or active
  std::vector<Rule> rules;
  std::string list = {};  ///< id of the list whose rules apply under it, or empty: [a-z0-9-]{1,64}
  std::vector<GuardOverride> overrides = {};
};

/// What an outside party did about a name.
struct Event {
  std::string id;  ///< stable: [A-Za-z0-9._-]{1,80}
  wire::Name name;
  Time occurred_at = 0;
  std::string actor;        ///< "Cloudflare"
  std::string act;          ///< one word: "refused", "blocked", "dropped", "accepted", ...
  LocalizedText statement;  ///< what was done and said
  std::string source;       ///< who reports it: publication or URL
};

/// Which clients a set of decisions applies to. A client is in a view when it meets all that the view names of clients,
/// listeners and keys; of several such views the one that names its key decides, then the one with the longest prefix,
/// then the one that names its listener.
struct View {
  std::string name;                        ///< "default" always exists and is the last resort
  std::vector<std::string> clients;        ///< prefixes; the longest that holds a client's address decides
  std::vector<std::string> jurisdictions;  ///< ISO 3166 codes; territorial_scope is held against them
  /// Authority ids, and "list:ID" for one list, in order of precedence; "*" stands for all not named; empty: {"*"}.
  std::vector<std::string> sources;
  std::vector<std::string> listeners = {};  ///< addresses as in the configuration ("192.0.2.1:53"); empty: all
  std::vector<std::string> keys = {};       ///< names of TSIG keys, lower case, no last dot; empty: with or without
  bool opted_in = false;  ///< the clients chose this view: its blocks (but for orders) carry EDE 17 "filtered"
  friend bool operator==(const View&, const View&) = default;
};

/// What an operator makes of one source's rules, whatever they say (RPZ: the zone's policy).
struct SourcePolicy {
  enum class Kind : std::uint8_t { given, disabled, action };
  std::string source;       ///< an authority's id, or "list:ID"
  Kind kind = Kind::given;  ///< disabled: matched and counted, changes no answer
  Action action =
      Action::nxdomain;    ///< for Kind::action, also where the rule is a passthru (as in BIND); not local_data
  wire::Name target = {};  ///< for Action::cname
  std::optional<std::uint32_t> max_ttl;  ///< seconds; caps what the rules say
  /// A name that has rules of the source takes the names below it out of what a shorter name's rules cover (RFC 4592).
  bool zone_wildcards = false;
  friend bool operator==(const SourcePolicy&, const SourcePolicy&) = default;
};

// The words as they stand in files, the store and output ("court_order", "local-data", "client-ip", "operator",
// "public").
std::string_view to_text(AuthorityKind);
std::string_view to_text(DecisionType);
std::string_view to_text(DecisionState);
std::string_view to_text(Disclosure);
std::string_view to_text(Trigger);
std::string_view to_text(MatchKind);
std::string_view to_text(Action);
std::optional<AuthorityKind> authority_kind_from_text(std::string_view);
std::optional<DecisionType> decision_type_from_text(std::string_view);
std::optional<DecisionState> decision_state_from_text(std::string_view);
std::optional<Disclosure> disclosure_from_text(std::string_view);
std::optional<Trigger> trigger_from_text(std::string_view);
std::optional<MatchKind> match_kind_from_text(std::string_view);
std::optional<Action> action_from_text(std::string_view);

/// True when `scope` is empty or one of its codes equals or contains one of `jurisdictions` ("NZ" contains "NZ-AUK").
bool scope_applies(const std::vector<std::string>& scope, const std::vector<std::string>& jurisdictions);

/// A court's or an administration's order.
constexpr bool is_order(DecisionType type) {
  return type == DecisionType::court_order || type == DecisionType::administrative_order;
}

/// The Extended DNS Error of a block by this kind of decision: 16 for orders and external authorities, 15 otherwise
/// (RFC 8914 4.16, 4.17; the design's table).
wire::EdeCode extended_error_of(DecisionType type, bool external_authority);

}  // namespace placard::policy
