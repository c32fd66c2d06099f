// How often each rule was met: counted on the answer path, told by rule, decision and view. No client is known here.
//
// One table for each worker, of a fixed size: a hit is one hash and one increment, and allocates nothing. When the
// places that a rule may have are taken, its decision is counted instead, and when those are too, only that something
// was. What is counted refers to the index it was matched by, so the table is emptied (take) before that index goes.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "policy/match/index.hpp"

namespace placard::policy {

/// What was counted of one rule, or of one decision beside its rules.
struct Hits {
  std::string decision_id, list;
  std::int64_t rule_id = 0;  ///< 0: of a list
  Trigger trigger = Trigger::qname;
  std::string name;  ///< stored_name() or prefix of the rule; empty: of the decision as a whole
  std::string view;
  bool shadow = false;
  std::uint64_t count = 0;
};

class HitTable {
 public:
  static constexpr std::size_t kSlots = 4096;  ///< a power of two
  static constexpr std::size_t kProbes = 8;    ///< places that one rule may have

  HitTable();
  void add(const Match& match, ViewNumber view);
  /// What was counted since the last time, and forgets it. `index`: the one that the matches are of.
  std::vector<Hits> take(const Index& index);
  std::uint64_t dropped() const { return dropped_; }  ///< hits that had no place, ever

 private:
  struct Slot {
    std::uint64_t tag = 0;  // 0: free
    std::uint64_t count = 0;
  };
  struct Told {
    Match match;
    ViewNumber view = 0;
    bool whole = false;  // the decision rather than the rule
  };
  bool add(std::uint64_t tag, const Match& match, ViewNumber view, bool whole);

  std::vector<Slot> slots_;
  std::vector<Told> told_;  // beside slots_: read when the table is taken
  std::uint64_t dropped_ = 0;
};

}  // namespace placard::policy
