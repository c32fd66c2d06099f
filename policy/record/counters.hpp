// Counters, in a file of their own beside the store (STORE.counters).
//
// How often rules were met, by hour and view: never by whom. None of it is part of the record: it may be deleted at any
// time, and a power cut may take the last minutes of it. Calls come from one thread at a time; throws StoreError.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "policy/record/decision.hpp"
#include "policy/record/store_error.hpp"

namespace placard::policy {

class Connection;

/// Hits of one rule (or of one decision beside its rules: no name) in one view.
struct HitCount {
  std::string decision_id, list;
  Trigger trigger = Trigger::qname;
  std::string name;
  std::int64_t rule_id = 0;
  std::string view;
  bool shadow = false;
  std::int64_t hits = 0;
  Time hour = 0;  ///< its first second; of a total the last hour in it
};

class Counters {
 public:
  static Counters open(const std::filesystem::path& path);
  Counters(Counters&&) noexcept;
  ~Counters();

  /// Adds to the hour of `now`; `hour` of the rows is not looked at. One transaction.
  void add(std::span<const HitCount> hits, Time now);
  /// By hour, for one decision (all when empty), from `since` on; the latest hours first, at most `limit` rows.
  std::vector<HitCount> by_hour(std::string_view decision_id, Time since, std::int64_t limit);
  /// By decision and view since `since`, most hits first, at most `limit` rows; name and rule stay empty.
  std::vector<HitCount> by_decision(Time since, std::int64_t limit);
  /// Forgets the hours before `before`.
  void forget(Time before);

 private:
  explicit Counters(std::unique_ptr<Connection> connection);
  std::unique_ptr<Connection> connection_;
};

}  // namespace placard::policy
