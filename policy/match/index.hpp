// The policy index: an immutable snapshot of every rule in force, shared by all workers, matched without a lock.
//
// Two images (image.hpp) in one order of precedence: a large one that was compiled from the record and is mapped from
// its file, and beside it a small overlay with what was recorded since. A decision that the overlay restates (its
// times, its state) is judged by the overlay alone, and so is a name of a list that has changed: a new rule costs an
// image of a few rules, not of all. Time is in the decision table and compared with the caller's `now`, so decisions
// begin and end by themselves, to the second. SQLite is never touched here.
//
// Precedence (design, "Order"; RPZ draft 5; BIND 9.18 decides in doubt), the first difference decides:
//   1. the view's sources in order. Authorities that only "*" stands for share its place; among them orders of courts
//      and administrations come first, so that an operator's passthru outranks an order only where the view names the
//      operator before: that is the view saying so;
//   2. the trigger: client-ip, qname, response-ip, nsdname, nsip;
//   3. the most labels of the rule's name, or the longest prefix: what is more precise says more about what was met;
//   4. the newer decision (larger number);
//   5. within one decision, a rule for the name alone (exact) or for what is below alone (subdomains) before one for
//      both, then the older rule. BIND's "exact before wildcard" needs no step of its own: at equal labels either the
//      name asked is the rule's name, and both match it exactly, or it is below, and both match it as a wildcard.
// Where several addresses or name servers of one answer meet rules of one place and trigger, match.hpp says who wins.
// Where a source's wildcards are those of a zone (SourcePolicy), a name that it has rules for hides shorter names'
// rules from the names at and below it, whether or not the rule itself applies; the names between rules hide nothing.
// A passthru is a match like any other. What a rule of a name matches: `exact` the name, `subdomains` what is below it,
// `both` both.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "policy/match/image_file.hpp"
#include "policy/record/decision.hpp"
#include "policy/record/prefix.hpp"
#include "zones/wire/suffixes.hpp"

namespace placard::policy {

using ViewNumber = std::uint8_t;              ///< position of a view in the snapshot's list
inline constexpr std::size_t kMaxViews = 64;  ///< a decision's views are a bit mask

class ClientViews;

/// A time in which a decision is in one state.
struct Stretch {
  Time valid_from = 0, valid_to = kNever;
  DecisionState state = DecisionState::active;  ///< active or shadow; others aren't compiled
};

/// One decision, or one list of a decision, with all that matching and answering need of it.
struct IndexedDecision {
  std::int64_t number = 0;  ///< the store's row; larger is newer
  std::string id;
  std::string list = {};  ///< id of the list whose rules these are; empty: the decision's own
  DecisionType type = DecisionType::voluntary;
  std::string authority;
  bool external_authority = false;
  std::vector<std::string> territorial_scope;
  Time valid_from = 0, valid_to = kNever;       ///< effective_from; the earliest of expires_at, a lift, a suspension
  DecisionState state = DecisionState::active;  ///< active or shadow; others aren't compiled
  std::vector<Stretch> later = {};              ///< further stretches
  std::vector<Rule> rules;
  std::vector<Rule> removed = {};  ///< of an overlay: gone from the base; key, trigger and kind of match count
};

/// Everything a compile in memory reads; from the store it goes through policy/match/compile.hpp.
struct CompileInput {
  std::vector<IndexedDecision> decisions;
  std::vector<View> views;               ///< from the configuration; "default" is added when missing
  std::vector<SourcePolicy> policies{};  ///< from the configuration
  std::int64_t log_sequence = 0;         ///< the last log entry that is in it
};

/// What a question met.
struct Match {
  std::string_view decision_id;  ///< borrowed from the index
  std::string_view list;         ///< borrowed from the index; empty: a rule of the decision's own
  std::int64_t decision = 0;     ///< its number
  std::int64_t rule_id = 0;      ///< 0: a rule of a list
  wire::NameView rule_name;  ///< borrowed from the index; owner of the SOA of a NODATA. The root for address triggers
  std::optional<Prefix> prefix;  ///< of an address trigger
  Trigger trigger = Trigger::qname;
  MatchKind match = MatchKind::both;
  DecisionType type = DecisionType::voluntary;
  Action action = Action::sinkhole;  ///< what the source's policy makes of it, where the operator has one
  wire::EdeCode extended_error = wire::EdeCode::blocked;
  std::optional<std::uint32_t> ttl;  ///< seconds
  Time valid_to = kNever;            ///< an answer must not outlive it
  std::uint32_t rule = 0;            ///< the rule's place, for records_of() and target_of() ...
  std::uint8_t layer = 0;            ///< ... in one of the two images
  bool shadow = false;               ///< in shadow, or its source is disabled: counted, changes no answer
  bool overridden = false;           ///< the action is the source's policy, not the rule's
  std::uint16_t rank = 0;            ///< place of its source in the view
  std::uint8_t precision = 0;        ///< labels of the name, or length of the prefix
  std::uint16_t source_policy = 0;   ///< 1 + number of the source policy that applies; 0: none
};

/// Which decisions there are for who asks, by id; empty: all.
using DecisionFilter = std::function<bool(std::string_view id)>;

/// The order of precedence above; false for equals.
bool precedes(const Match& a, const Match& b);

/// Shadow rules that a question met, to be counted; more than there is room for are dropped.
struct ShadowMatches {
  std::array<Match, 4> matches;
  std::size_t count = 0;
  void add(const Match& match) {
    if (count < matches.size()) matches[count++] = match;
  }
};

/// What only tests change: everything else leaves it as it is.
struct IndexTuning {
  std::optional<std::uint64_t> seed;  ///< of the hashes; random for each image when absent
};

class Index {
 public:
  /// In memory, without an overlay. REQUIRES: check_views(input.views) (policy/match/views.hpp); throws
  /// std::invalid_argument with its reason otherwise. Takes time with many rules, so not on a worker.
  static std::shared_ptr<const Index> compile(const CompileInput& input, std::uint64_t generation,
                                              const IndexTuning& tuning = {});
  /// From images: `overlay` may be null, and has the seed of `base`. Takes time with the overlay's decisions, not with
  /// the base's rules. REQUIRES as above.
  static std::shared_ptr<const Index> assemble(std::shared_ptr<const Image> base, std::shared_ptr<const Image> overlay,
                                               std::vector<View> views, std::vector<SourcePolicy> policies,
                                               std::uint64_t generation);

  /// The view of a client that came without a key, over a listener that no view names. `address` is 4 or 16 octets;
  /// IPv4-mapped IPv6 counts as IPv4.
  ViewNumber view_of(std::span<const std::uint8_t> address) const;
  /// For the clients of one listener ("192.0.2.1:53"; empty: one that no view names) with one TSIG key (empty: none).
  ClientViews clients_of(std::string_view listener, std::string_view key = {}) const;

  /// The winning rule for a name asked by a client of `view` at `now`, or nothing. Shadow decisions never win.
  std::optional<Match> match_name(wire::NameView name, ViewNumber view, Time now) const;
  /// The same with hashes made before: of `seed()`, and of at least most_labels() labels.
  std::optional<Match> match_name(const wire::Suffixes& name, ViewNumber view, Time now,
                                  ShadowMatches* shadows = nullptr) const;
  // What match_name of this name will read is asked of the memory beforehand: all at once, where it follows at once;
  // or for many names together, first the heads of buckets, some time later the keys that these know, then those of
  // longer names. match_name of a NameView does so itself.
  void prefetch(const wire::Suffixes& name) const;
  void prefetch_heads(const wire::Suffixes& name) const;
  void prefetch_keys(const wire::Suffixes& name) const;
  void prefetch_longer_keys(const wire::Suffixes& name) const;
  /// The same for a name server's name (nsdname).
  std::optional<Match> match_server(wire::NameView name, ViewNumber view, Time now,
                                    ShadowMatches* shadows = nullptr) const;
  /// The same for an address (client-ip, response-ip or nsip): 4 or 16 octets, anything else matches nothing.
  std::optional<Match> match_address(Trigger trigger, std::span<const std::uint8_t> address, ViewNumber view, Time now,
                                     ShadowMatches* shadows = nullptr) const;

  /// Every rule that matches, the winner first: for `why`. Decisions in shadow are listed, marked.
  std::vector<Match> explain_name(wire::NameView name, ViewNumber view, Time now,
                                  Trigger trigger = Trigger::qname) const;
  std::vector<Match> explain_address(Trigger trigger, std::span<const std::uint8_t> address, ViewNumber view,
                                     Time now) const;

  /// The winner about a name (qname), or a name server's (nsdname), as if there were the decisions of `counts` alone:
  /// no other hides anything either.
  std::optional<Match> match_among(const DecisionFilter& counts, Trigger trigger, wire::NameView name, ViewNumber view,
                                   Time now) const;

  /// Whether there are rules of that trigger for the view at all, whatever the time.
  bool has(Trigger trigger, ViewNumber view) const { return first_rank(trigger, view) != UINT16_MAX; }
  /// The place of the view's first source with rules of that trigger; 65535: there is none.
  std::uint16_t first_rank(Trigger trigger, ViewNumber view) const {
    return first_ranks_[view][static_cast<std::size_t>(trigger)];
  }

  /// Every key that rules stand at, once each and in no order: a name, or a prefix as prefix_key() writes it, with the
  /// triggers of its rules (bit t: trigger t), whatever views and times they are for. Takes time with the rules.
  void each_key(const std::function<void(wire::Bytes key, unsigned triggers)>& visit) const;

  std::vector<LocalRecord> records_of(const Match& match) const;  ///< of an action local_data
  /// Of an action cname. "*.garden." stands for the name asked below garden. (expanded_target in match.hpp).
  wire::NameView target_of(const Match& match) const;

  std::uint64_t generation() const { return generation_; }  ///< grows with each snapshot of one process
  std::int64_t log_sequence() const;                        ///< the last entry of the log that is in it
  std::span<const View> views() const { return views_; }
  std::size_t rule_count() const;      ///< what stands in the two images
  std::size_t decision_count() const;  ///< their rows: a decision with lists or several stretches has more than one
  std::uint64_t seed() const { return seed_; }
  std::size_t most_labels() const { return most_labels_; }
  const std::shared_ptr<const Image>& base() const { return layers_[0].image; }
  const std::shared_ptr<const Image>& overlay() const { return layers_[1].image; }  ///< may be null
  std::size_t memory() const;          ///< octets of the images and of the tables beside them
  std::size_t private_memory() const;  ///< of these, what no mapped file holds
  /// The next second after `now` at which some decision begins or ends: when cached policy answers change. kNever if
  /// none.
  Time next_change(Time now) const;

 private:
  struct Audience {  // of an image: what its row means under these views
    std::uint64_t views = 0;
    int policy = -1;  // of policies_
  };
  struct Layer {
    std::shared_ptr<const Image> image;
    ImageView view;
    std::vector<Audience> audiences;
    std::vector<std::uint16_t> ranks;  // [audience][view]
  };
  struct Found;  // a rule that applies, while it is compared
  struct Depths;

  void add_layer(std::size_t number, std::shared_ptr<const Image> image);
  void find_overrides();
  const DecisionRow* in_force(std::size_t& layer, std::uint32_t row, Time now) const;
  template <typename Visitor>
  void visit_entry(std::size_t layer, const KeyEntry& entry, const KeyEntry* restated, const Found& at, ViewNumber view,
                   Time now, const Visitor& visitor) const;
  template <typename Visitor>
  void visit_name(Trigger trigger, const wire::Suffixes& name, ViewNumber view, Time now, const Visitor& visitor) const;
  template <typename Visitor>
  void visit_address(Trigger trigger, std::span<const std::uint8_t> address, ViewNumber view, Time now,
                     const Visitor& visitor) const;
  bool is_restated(const KeyEntry& restated, const RuleRow& rule) const;
  std::optional<std::uint32_t> override_of(std::uint32_t row) const;
  template <typename Visit, typename Emit>
  void each_visible(const Visit& visit, const Emit& emit) const;
  int policy_of(const Found& found) const;
  Match to_match(const Found& found, ViewNumber view) const;
  bool is_shadow(const Found& found) const;
  template <typename Visit>
  std::optional<Match> best(ViewNumber view, ShadowMatches* shadows, const Visit& visit) const;
  template <typename Visit>
  std::vector<Match> all(ViewNumber view, const Visit& visit) const;

  std::array<Layer, 2> layers_;  // the base, and the overlay, which may be missing
  std::size_t layer_count_ = 0;
  std::vector<std::pair<std::uint32_t, std::uint32_t>> overrides_;  // decision of the base -> of the overlay; sorted
  std::vector<View> views_;
  std::vector<SourcePolicy> policies_;
  std::vector<std::array<std::uint16_t, 5>> first_ranks_;  // [view][trigger]
  std::unique_ptr<const ClientViews> clients_;
  std::uint64_t generation_ = 0, seed_ = 0;
  bool zone_wildcards_ = false;  // some source's wildcards end where its names begin
  std::size_t most_labels_ = 0;

 public:
  Index();
  ~Index();
  Index(const Index&) = delete;
  Index& operator=(const Index&) = delete;
};

}  // namespace placard::policy
