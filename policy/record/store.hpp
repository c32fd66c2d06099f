// The policy store: the one place where the record lives, and the only part of Placard that knows it is SQLite.
//
// What is recorded stays: rows are inserted, never changed (schema.sql enforces it), and each change of policy is one
// entry of the hash-chained log (ledger.hpp), written in the same transaction with synchronous=FULL: when a call
// returns, the change survives a power cut. One process writes (a lock file beside the store sees to that), any number
// read. Business errors are values; what SQLite, the disk or the clock does to us is thrown as StoreError.
// Calls on one Store come from one thread at a time. query(), backup() and verify_log() open a connection of their own
// and may run beside them on other threads.
#pragma once

#include <cstdint>
#include <expected>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "policy/record/authored.hpp"
#include "policy/record/decision.hpp"
#include "policy/record/ledger.hpp"
#include "policy/record/query.hpp"
#include "policy/record/store_error.hpp"
#include "policy/record/store_list.hpp"

namespace placard::policy {

class Connection;
class Store;
class Transaction;
struct Guards;

/// How far a write's `now` may lie before the last entry of the log, in seconds: clocks are corrected by a little all
/// the time. Such a write is recorded at the time of the last entry.
inline constexpr Time kClockTolerance = 60;
/// How far `now` may lie behind both the program's making and the last entry of the log, in seconds, to be believed.
inline constexpr Time kClockReach = Time{366} * 86'400;

/// What is known of the clock besides what it says: no clock is right that shows a time before the program was made.
struct ClockBounds {
  Time not_before = 0;          ///< when the program was made; 0: not known, so nothing is checked but the log's order
  bool clock_is_right = false;  ///< somebody looked at the clock: it is believed, unless the log contradicts it
};

/// What a batch did to the record.
struct RecordOutcome {
  std::vector<std::string> recorded;          ///< ids written now: authorities, decisions, events, in that order
  std::vector<std::string> already_recorded;  ///< ids that were there with the same content
  std::int64_t first_sequence = 0;            ///< of the log; 0 when nothing was written
  std::int64_t last_sequence = 0;
};

/// A batch that passed every guard and holds only what is new. Only intake() makes one: there is no other way to have
/// something recorded.
class AdmittedBatch {
 private:
  friend class Store;
  friend std::expected<RecordOutcome, IntakeError> intake(Store&, const AuthoredBatch&, const Guards&,
                                                          std::string_view author, Time now);
  explicit AdmittedBatch(AuthoredBatch batch) : batch_(std::move(batch)) {}
  AuthoredBatch batch_;
};

/// A stretch of time in which a decision is in one state.
struct StatePeriod {
  DecisionState state = DecisionState::active;
  Time valid_from = 0, valid_to = kNever;
  Time recorded_from = 0, recorded_to = kNever;
  std::string reason;
};

/// When one node answered by a decision. The end may lie ahead.
struct EnforcedPeriod {
  std::string node;
  Time enforced_from = 0, enforced_to = kNever;
};

/// A decision and all that the record says of it, as asked for.
struct DecisionRecord {
  std::int64_t number = 0;    ///< the sequence of its log entry; larger is newer
  AuthoredDecision authored;  ///< the decision, rules with their ids
  Authority authority;
  Time recorded_at = 0;
  bool disclosed = true;                 ///< false: delayed or sealed, and must not be shown to the public
  std::vector<Transition> transitions;   ///< by sequence
  std::vector<StatePeriod> periods;      ///< by valid_from
  std::vector<EnforcedPeriod> enforced;  ///< by enforced_from
  const Decision& decision() const { return authored.decision; }
};

struct EventRecord {
  Event event;
  std::int64_t sequence = 0;
  Time recorded_at = 0;
};

/// The point on the two time axes from which the record is read.
struct AsOf {
  std::optional<Time> valid_at;  ///< D: only what holds then (events: what had happened)
  std::optional<Time> known_at;  ///< K: only what the record said then; absent: all that it ever said
};

/// One stretch of one decision for the compiler of the policy index (policy/match).
struct StoredDecision {
  std::int64_t number = 0;
  Decision decision;
  bool external_authority = true;
  DecisionState state = DecisionState::active;  ///< active or shadow
  Time valid_from = 0, valid_to = kNever;       ///< within effective_from .. expires_at, cut by lifts and suspensions
};

/// What verify_log found.
struct LogCheck {
  std::int64_t entries = 0;
  std::string head;                   ///< hash of the last entry, in hex: write it down elsewhere to notice a cut end
  std::vector<std::string> problems;  ///< empty: the chain holds, and the tables say what the log says; at most 20
};

class Store {
 public:
  enum class Mode { read_write, read_only };

  /// Opens the store, creating it (read_write only; the folder must exist) or migrating it forward, with a copy made
  /// first (PATH.vN.backup). read_write takes the lock PATH.lock. Throws StoreError.
  static Store open(const std::filesystem::path& path, Mode mode, Time now, const ClockBounds& bounds = {});
  Store(Store&&) noexcept;
  Store& operator=(Store&&) noexcept;
  ~Store();

  // Writing. Each call is one transaction. `author` is who gave the command ("uid 1000 anna"). All throw StoreError:
  // disk_full, or clock when `now` lies more than kClockTolerance before the last entry, or outside of the bounds.

  /// Decisions with `supersedes` or `reverses` end the other one from their own effective_from on.
  std::expected<RecordOutcome, IntakeError> record(const AdmittedBatch& batch, std::string_view author, Time now);
  /// A change of state, from `valid_from` on (now when not given; earlier than now only for annulled).
  std::expected<Transition, std::string> transition(std::string_view decision_id, DecisionState state,
                                                    std::string_view reason, std::string_view author, Time now,
                                                    std::optional<Time> valid_from = {});
  std::expected<Transition, std::string> lift(std::string_view decision_id, std::string_view reason,
                                              std::string_view author, Time now) {
    return transition(decision_id, DecisionState::lifted, reason, author, now);
  }
  /// Makes a delayed or sealed decision public for good.
  std::expected<void, std::string> disclose(std::string_view decision_id, std::string_view reason,
                                            std::string_view author, Time now);
  /// Records the configured views when they differ from the last recorded ones; true when they did.
  bool record_views(const std::vector<View>& views, std::string_view author, Time now);
  /// A snapshot was published that is the first to hold log entries first..last (last = first - 1: none new). Never
  /// before the node's last row, nor before the last entry of the log.
  void record_enforcement(std::string_view node, std::int64_t first_sequence, std::int64_t last_sequence,
                          Time enforced_from);

  /// Brings a list to what `list` holds: writes the differences, and one entry of the log with their digest. At once;
  /// ListRecording does it in steps.
  ListOutcome record_list(const AdmittedList& list, std::string_view author, Time now);

  // Reading.

  /// One stand of the record for all that is read until it goes: what is recorded meanwhile is not seen.
  std::shared_ptr<const Transaction> hold_stand();
  /// The hash of an entry of the log; nothing when there is no such entry.
  std::optional<Digest> log_hash(std::int64_t sequence);
  /// Decisions with an entry in the log behind `sequence` (themselves or a transition), with all their transitions.
  std::vector<DecisionRecord> decisions_since(std::int64_t sequence);
  /// Every decision that has not ended at `now`, with all its transitions, by number.
  std::vector<DecisionRecord> decisions_in_force(Time now);
  /// Those of them that name a list, whenever they end.
  std::vector<DecisionRecord> decisions_with_lists();
  std::optional<ListStand> list_stand(std::string_view list);
  ListCursor list_rules(std::int64_t list_number, std::optional<Trigger> trigger = {},
                        std::int64_t last_sequence = INT64_MAX);
  /// The forms of a list by number (0 is none).
  std::vector<RuleForm> list_forms(std::int64_t list_number);
  /// What a list holds now, in order; nothing for one that is not there.
  void visit_list(std::string_view list, const std::function<void(const StoredListRule&, const RuleForm&)>& visitor);
  std::vector<ListChange> list_changes_since(std::int64_t sequence);
  /// What changes behind entry `since` did to a list, but for its first: a rule with form 0 is gone.
  void visit_list_differences(std::int64_t list_number, std::int64_t since,
                              const std::function<void(const StoredListRule&)>& visitor);
  /// Rules of lists (qname) about `name` or from above it, as the entries up to `last_sequence` have them.
  std::vector<ListedAbout> lists_about(wire::NameView name, std::int64_t last_sequence = INT64_MAX);
  /// The same for rules of all triggers. Some hundred look-ups a list for each IPv6 address.
  std::vector<ListedAbout> lists_about(const Subjects& subjects, std::int64_t last_sequence = INT64_MAX);
  /// Where a rule of a list stands in its source, as it was read last; 0: nowhere.
  std::optional<std::uint32_t> list_line(std::string_view list, Trigger trigger, std::string_view key, MatchKind match);
  /// The views as they were recorded by the entries up to `sequence`; empty when none were.
  std::vector<View> views_at(std::int64_t sequence);

  /// Every stretch, active or in shadow, that has not ended at `now`, by number.
  std::vector<StoredDecision> load_policy(Time now);
  std::optional<DecisionRecord> decision(std::string_view decision_id, const AsOf& as_of = {});
  /// The decision alone, as it was written: cheaper than all that happened to it.
  std::optional<AuthoredDecision> authored(std::string_view decision_id);
  /// Decisions with a rule (qname) about `name` or one that reaches it from above; newest first.
  std::vector<DecisionRecord> decisions_about(wire::NameView name, const AsOf& as_of = {});
  /// The same for rules of all triggers; reads every decision's rules about addresses once.
  std::vector<DecisionRecord> decisions_about(const Subjects& subjects, const AsOf& as_of = {});
  /// Events about `name`, and about names below it if asked for; oldest first.
  std::vector<EventRecord> events_about(wire::NameView name, bool subdomains, const AsOf& as_of = {});
  /// The newest version when none is named.
  std::optional<Authority> authority(std::string_view authority_id, std::optional<std::int64_t> version = {});
  std::optional<Event> event(std::string_view event_id);
  /// The authority whose decisions name that list; nothing when none does.
  std::optional<std::string> authority_of_list(std::string_view list);
  /// Decisions that name that list, newest first.
  std::vector<std::string> decisions_of_list(std::string_view list);
  std::vector<View> views();         ///< as recorded last
  std::int64_t last_log_sequence();  ///< 0 when nothing was recorded
  Time last_recorded_at();           ///< 0 when nothing was recorded
  /// What to serve by when the clock may be wrong: `now`, but never before clock_floor.
  Time effective_now(Time now) { return std::max(now, clock_floor(now)); }
  /// The time before which the clock is not believed: that of the last entry of the log. But an entry that lies more
  /// than kClockReach behind both the program's making and `now` was written by a wrong clock: it must not make
  /// everything expire, so then it is the time of the program's making.
  Time clock_floor(Time now);
  /// One line when the clock, or the time of the last entry, can't be right; nothing when both may be.
  std::optional<std::string> clock_warning(Time now);
  /// What writes are held against from now on.
  void set_clock_bounds(const ClockBounds& bounds) { bounds_ = bounds; }
  /// The public decisions, each with the time at which it was recorded; without the bounds of query().
  std::map<std::string, Time> disclosed_decisions();

  // Beside the others, on any thread.

  std::expected<QueryResult, std::string> query(std::string_view sql, const QueryLimits& limits = {}) const {
    return query_store(path_, sql, limits);
  }
  /// An online copy, whole or not there. Throws StoreError(exists) rather than overwrite.
  void backup(const std::filesystem::path& target) const;
  /// Every digest of the log, and every row that the log speaks of; the rows of lists only if asked for: of a large
  /// list there are many. `look_up` is called now and then among them, and may throw.
  LogCheck verify_log(bool lists = true, const std::function<void()>& look_up = {}) const;

  const std::filesystem::path& path() const { return path_; }
  /// Bounds the size of the file; a write beyond it fails as on a full disk. In pages of 4,096 octets.
  void limit_pages(std::int64_t pages);

 private:
  friend class ListRecording;
  Store(std::filesystem::path path, std::unique_ptr<Connection> connection, int lock);
  Time check_clock(Time now);
  /// Throws StoreError(clock) when the bounds say that `now` can't be.
  void check_plausible(Time now);
  /// Appends to the log, within the caller's transaction; the sequence of the new entry.
  std::int64_t append(Time recorded_at, std::string_view kind, std::string_view subject, std::string_view author,
                      std::string_view content, bool withhold);
  void append_transition(const Transition& transition, bool withhold);
  void write_authority(const Authority& authority, std::string_view author, Time now);
  void write_decision(const AuthoredDecision& authored, std::string_view author, Time now);
  void end_other(const Decision& decision, const std::string& other_id, std::string_view why, std::string_view author,
                 Time now);
  void write_event(const Event& event, std::string_view author, Time now);

  std::filesystem::path path_;
  std::unique_ptr<Connection> connection_;
  int lock_ = -1;  // descriptor of PATH.lock, held while open for writing
  ClockBounds bounds_;
};

}  // namespace placard::policy
