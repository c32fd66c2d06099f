// Lists in the store: rows in the order of their keys, those that a list begins with in blocks, what changes later as
// differences; one entry of the log for each change.
//
// A list is what a feed or a file of names holds; a decision names it, and its rules apply under that decision. The row
// of a rule is never changed: what a refresh takes away gets a row that says so. So every stand that a list ever had
// can be read again.
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "policy/record/ledger.hpp"
#include "policy/record/prefix.hpp"
#include "policy/record/rule_list.hpp"

namespace placard::policy {

class BlockCursor;
class Connection;
class Statement;
class Store;
struct Guards;

/// A list that passed the guards. Only ListIntake makes one.
class AdmittedList {
 public:
  const std::string& list() const { return list_; }
  const RuleList& rules() const { return *rules_; }

 private:
  friend class ListRecording;
  friend struct ListIntake;  // the guards' way to make one
  AdmittedList(std::string list, const RuleList& rules, std::string meta)
      : list_(std::move(list)), rules_(&rules), meta_(std::move(meta)) {}
  std::string list_;
  const RuleList* rules_;
  std::string meta_;  // canonical JSON object
};

/// What recording a list did to it.
struct ListOutcome {
  std::int64_t sequence = 0;                        ///< of the log; 0: nothing changed, nothing was written
  std::size_t added = 0, removed = 0, changed = 0;  ///< a changed rule says something else at the same key and match
  std::size_t unchanged = 0;
};

/// What a list is at present.
struct ListStand {
  std::int64_t number = 0;  ///< of the list
  std::int64_t sequence = 0;
  std::int64_t rules = 0;
  Time recorded_at = 0;
  std::string digest;  ///< of the last change, hex
  std::string meta;    ///< of the last change, canonical JSON
};

/// One change of a list, as the log has it.
struct ListChange {
  std::int64_t sequence = 0, list_number = 0;
  std::string list;
  std::int64_t added = 0, removed = 0;
  bool first = false;  ///< the list began with it
};

/// A rule of a list as it is stored.
struct StoredListRule {
  Trigger trigger = Trigger::qname;
  MatchKind match = MatchKind::both;
  std::string_view key;    ///< valid until the next one is read
  std::uint32_t form = 0;  ///< of the list's forms; 0: taken away
  std::uint32_t line = 0;
  std::int64_t sequence = 0;
};

/// Reads a list rule by rule. Lives no longer than its Store, which is not written to meanwhile.
class ListCursor {
 public:
  /// What holds as of the entries up to `last_sequence`, of one trigger or of all, in order.
  ListCursor(Connection& connection, std::int64_t list_number, std::optional<Trigger> trigger = {},
             std::int64_t last_sequence = INT64_MAX);
  ~ListCursor();
  ListCursor(ListCursor&&) noexcept;
  bool next(StoredListRule& rule);

 private:
  bool step();
  bool step_row();
  std::unique_ptr<BlockCursor> blocks_;
  std::unique_ptr<Statement> rows_;
  StoredListRule block_, row_;  // the next of each
  bool has_block_ = false, has_row_ = false;
  StoredListRule head_;  // the earlier of the two
  std::string key_, given_;
  bool pending_ = false;
};

std::string canonical(const RuleForm& form);
/// REQUIRES: a text that canonical() made. Throws std::exception otherwise.
RuleForm form_of(const std::string& canonical_form);

/// What the lists' rows say against the log's entries about them; at most kMaxProblems, none when all is well.
std::vector<std::string> list_problems(Connection& connection, const std::function<void()>& look_up);
/// The content of the log's entry about a change, from the tables; nothing when they hold no such change.
std::optional<std::string> list_content(Connection& connection, std::int64_t sequence, std::string_view list);

/// What of one question and its answer rules may be about: each with the trigger that it could meet.
struct Subjects {
  std::vector<std::pair<Trigger, wire::Name>> names;
  std::vector<std::pair<Trigger, MappedAddress>> addresses;
};

/// A list's rule about a name or one above it that reaches it, or about a prefix that holds an address.
struct ListedAbout {
  std::string list;
  std::string key;
  RuleForm form;
  std::uint32_t line = 0;
  std::int64_t sequence = 0;
  Time recorded_at = 0;
  /// As a rule of a decision would be; its id is 0.
  Rule rule() const;
};

}  // namespace placard::policy
