// The policy index: an immutable snapshot of every rule in force, shared by all workers, matched without a lock.
//
// One contiguous, position-independent image (vector of octets today, a mapped file later): decision table, hash table
// of name fingerprints, names for exact comparison (a hash collision never blocks a name), rules. A lookup walks the
// suffixes of a name once. Time is in the decision table (valid_from, valid_to) and compared with the caller's `now`,
// so that decisions begin and end by themselves, to the second. SQLite is never touched here.
//
// Precedence (design, "Order"; BIND 9.18 compares in the same order: policy zone, then trigger, then the name), the
// first difference decides:
//   1. the view's sources in order. Authorities that only "*" stands for share its place; among them orders of courts
//   and
//      administrations come first, so that an operator's passthru outranks an order only where the view names the
//      operator before: that is the view saying so;
//   2. the most labels of the rule's name. A rule that is more precise says more about the name asked; so
//   www.example.com
//      can be let through under a blocked example.com, whichever decision is newer;
//   3. the newer decision (larger number);
//   4. within one decision, a rule for the name alone (exact) or for what is below alone (subdomains) before one for
//   both,
//      then the older rule. BIND's "exact before wildcard" needs no step of its own: at equal labels either the name
//      asked is the rule's name, and both match it exactly, or it is below, and both match it as a wildcard.
// A passthru is a match like any other. What a rule matches: `exact` its name, `subdomains` what is below it, `both`
// both.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "policy/record/decision.hpp"

namespace placard::policy {

using ViewNumber = std::uint8_t;              ///< position of a view in the snapshot's list
inline constexpr std::size_t kMaxViews = 64;  ///< a decision's views are a bit mask

/// One decision with all that matching and answering need of it.
struct IndexedDecision {
  std::int64_t number = 0;  ///< the store's row; larger is newer
  std::string id;
  DecisionType type = DecisionType::voluntary;
  std::string authority;
  bool external_authority = false;
  std::vector<std::string> territorial_scope;
  Time valid_from = 0, valid_to = kNever;       ///< effective_from; the earliest of expires_at, a lift, a suspension
  DecisionState state = DecisionState::active;  ///< active or shadow; others aren't compiled
  std::vector<Rule> rules;
};

/// Everything a compile reads; load_compile_input (policy/match/compile.hpp) makes it from the store.
struct CompileInput {
  std::vector<IndexedDecision> decisions;
  std::vector<View> views;        ///< from the configuration; "default" is added when missing
  std::int64_t log_sequence = 0;  ///< the last log entry that is in it
};

/// What a question met.
struct Match {
  std::string_view decision_id;  ///< borrowed from the index
  std::int64_t rule_id = 0;
  wire::NameView rule_name;  ///< borrowed from the index; owner of the SOA of a NODATA
  DecisionType type = DecisionType::voluntary;
  Action action = Action::sinkhole;
  wire::EdeCode extended_error = wire::EdeCode::blocked;
  std::optional<std::uint32_t> ttl;
  Time valid_to = kNever;  ///< an answer must not outlive it
  std::uint32_t rule = 0;  ///< the rule's position, for records_of() and target_of()
  bool shadow = false;
};

/// What only tests change: everything else leaves it as it is.
struct IndexTuning {
  std::optional<std::uint64_t> seed;  ///< of the hashes; random for each image when absent
};

class Index {
 public:
  /// REQUIRES: check_views(input.views) (policy/match/views.hpp); throws std::invalid_argument with its reason
  /// otherwise. Builds the image; takes time with many rules, so not on a worker.
  static std::shared_ptr<const Index> compile(const CompileInput& input, std::uint64_t generation,
                                              const IndexTuning& tuning = {});

  /// The view of a client: by longest prefix, else "default". `address` is 4 or 16 octets; IPv4-mapped IPv6 counts as
  /// IPv4.
  ViewNumber view_of(std::span<const std::uint8_t> address) const;

  /// The winning rule for a name asked by a client of `view` at `now`, or nothing. Shadow decisions never win.
  std::optional<Match> match_name(wire::NameView name, ViewNumber view, Time now) const;

  /// Every rule that matches, the winner first: for `why`. Decisions in shadow are listed, marked.
  std::vector<Match> explain_name(wire::NameView name, ViewNumber view, Time now) const;

  std::vector<LocalRecord> records_of(const Match& match) const;  ///< of an action local_data
  wire::NameView target_of(const Match& match) const;             ///< of an action cname

  std::uint64_t generation() const { return generation_; }  ///< grows with each snapshot of one process
  std::int64_t log_sequence() const { return log_sequence_; }
  std::span<const View> views() const { return views_; }
  std::size_t rule_count() const { return rule_count_; }
  std::size_t decision_count() const { return decision_count_; }
  /// Rules that are not in it because their trigger is not qname.
  std::size_t ignored_rule_count() const { return ignored_rule_count_; }
  /// The image itself, as a file would hold it (policy/match/image.hpp).
  std::span<const std::uint8_t> image() const;
  std::size_t memory() const;  ///< octets of the image and of the tables beside it
  /// The next second after `now` at which some decision begins or ends: when cached policy answers change. kNever if
  /// none.
  Time next_change(Time now) const;

 private:
  struct Snapshot;  // the image (layout in image.hpp) and the clients' prefixes
  struct Found;     // a rule that applies, while it is compared
  template <typename Visitor>
  void visit_matches(wire::NameView name, ViewNumber view, Time now, const Visitor& visitor) const;
  Match to_match(const Found& found) const;

  std::unique_ptr<const Snapshot> snapshot_;
  std::vector<View> views_;
  std::uint64_t generation_ = 0;
  std::int64_t log_sequence_ = 0;
  std::size_t rule_count_ = 0, decision_count_ = 0, ignored_rule_count_ = 0;

 public:
  Index();
  ~Index();
  Index(const Index&) = delete;
  Index& operator=(const Index&) = delete;
};

}  // namespace placard::policy
