// A batch against the record: what is there already, what contradicts it, what is new.
#include "policy/record/intake.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "policy/record/override.hpp"

namespace placard::policy {
namespace {

struct Sorting {
  AuthoredBatch fresh;
  RecordOutcome outcome;
  std::vector<Problem> problems;

  void problem(Position position, std::string field, std::string message) {
    if (problems.size() < kMaxProblems)
      problems.push_back({fresh.file, position, std::move(field), std::move(message)});
  }
  void problem(std::vector<Problem> found) {
    for (auto& one : found) {
      if (problems.size() < kMaxProblems) problems.push_back(std::move(one));
    }
  }

  /// True when the object is new; else it is noted as recorded, or its difference as a problem.
  bool is_new(const char* what, const std::string& id, const auto& authored, const std::string& written,
              const std::optional<std::string>& recorded) {
    if (!recorded) return true;
    const auto difference = first_difference(written, *recorded);
    if (!difference) {
      outcome.already_recorded.push_back(id);
    } else {
      problem(position_of(authored.fields, *difference, authored.position), fmt::format("{}.{}", what, *difference),
              fmt::format("'{}' is recorded already with another {}; what is recorded never changes: {}", id,
                          *difference, std::string_view(what) == "authority" ? "write a new version" : "use a new id"));
    }
    return false;
  }
};

std::optional<std::string> recorded_decision(Store& store, const std::string& id) {
  const auto authored = store.authored(id);
  return authored ? std::optional(canonical(*authored, Form::as_written)) : std::nullopt;
}

/// supersedes and reverses name decisions that exist, and do not give away one that is not public.
void check_other(Store& store, Sorting& sorting, const AuthoredDecision& authored, const char* field,
                 const std::string& other_id) {
  if (other_id.empty()) return;
  const auto place = position_of(authored.fields, field, authored.position);
  const auto other = store.decision(other_id);
  const auto in_batch =
      std::ranges::find_if(sorting.fresh.decisions, [&](const auto& d) { return d.decision.id == other_id; });
  const bool earlier_in_batch = in_batch != sorting.fresh.decisions.end();
  if (!other && !earlier_in_batch) {
    sorting.problem(place, fmt::format("decision.{}", field),
                    fmt::format("there is no decision '{}'", other_id.substr(0, 80)));
    return;
  }
  const auto& decision = other ? other->decision() : in_batch->decision;
  const bool hidden = other ? !other->disclosed : decision.disclosure != Disclosure::public_;
  if (hidden && authored.decision.disclosure == Disclosure::public_) {
    sorting.problem(place, fmt::format("decision.{}", field),
                    fmt::format("'{}' is not public and this decision is: disclose the other one first", other_id));
  }
  if (decision.type == DecisionType::emergency && authored.decision.type == DecisionType::emergency &&
      !authored.decision.supersedes.empty()) {
    sorting.problem(position_of(authored.fields, "type", authored.position), "decision.type",
                    "an emergency decision can't prolong another one: confirm it by a decision of another type");
  }
}

void sort_authorities(Store& store, const AuthoredBatch& batch, Sorting& sorting) {
  std::set<std::string> seen;
  for (const auto& authored : batch.authorities) {
    const auto& id = authored.authority.id;
    if (!seen.insert(id).second)
      sorting.problem(position_of(authored.fields, "id", authored.position), "authority.id",
                      fmt::format("'{}' stands twice in the batch", id));
    const auto version = authored.authority.version;
    const auto newest = store.authority(id);
    const auto recorded = newest && version <= newest->version ? store.authority(id, version) : std::nullopt;
    const auto form = recorded ? std::optional(canonical(*recorded)) : std::nullopt;
    if (!sorting.is_new("authority", id, authored, canonical(authored.authority), form)) continue;
    const auto next = newest ? newest->version + 1 : 1;
    if (version != next)
      sorting.problem(position_of(authored.fields, "version", authored.position), "authority.version",
                      fmt::format("{}; the next version of '{}' is {}", version, id, next));
    sorting.problem(guard_authority(authored, batch.file));
    sorting.fresh.authorities.push_back(authored);
  }
}

/// As it will be once the batch is recorded.
std::optional<Authority> authority_of(Store& store, const Sorting& sorting, std::string_view id) {
  const auto& fresh = sorting.fresh.authorities;
  const auto at = std::ranges::find_if(fresh, [id](const auto& one) { return one.authority.id == id; });
  return at != fresh.end() ? std::optional(at->authority) : store.authority(id);
}

/// What the decision's overrides are about; one that does not hold is a problem.
std::set<std::string, std::less<>> overridden_by(const AuthoredDecision& authored, const auto& find, Sorting& sorting) {
  std::set<std::string, std::less<>> abouts;
  for (const auto& one : authored.decision.overrides) {
    if (const auto wrong = override_problem(authored.decision.id, one, find))
      sorting.problem(position_of(authored.fields, "override", authored.position), "decision.override",
                      fmt::format("'{}': {}", one.about.substr(0, 80), *wrong));
    else
      abouts.insert(one.about);
  }
  return abouts;
}

/// A list belongs to one authority.
void check_list(Store& store, Sorting& sorting, const AuthoredDecision& authored) {
  const auto& decision = authored.decision;
  if (decision.list.empty()) return;
  const auto other = store.authority_of_list(decision.list);
  if (other && *other != decision.authority)
    sorting.problem(position_of(authored.fields, "list", authored.position), "decision.list",
                    fmt::format("'{}' is a list of authority '{}'", decision.list, *other));
}

void sort_decisions(Store& store, const AuthoredBatch& batch, const Guards& guards, Time now, Sorting& sorting) {
  const NameGuard guard(guards);
  std::set<std::string> seen;
  for (const auto& authored : batch.decisions) {
    const auto& decision = authored.decision;
    if (!seen.insert(decision.id).second) {
      sorting.problem(position_of(authored.fields, "id", authored.position), "decision.id",
                      fmt::format("'{}' stands twice in the batch", decision.id));
      continue;
    }
    const auto recorded = recorded_decision(store, decision.id);
    const auto written = canonical(authored, Form::as_written);
    if (!sorting.is_new("decision", decision.id, authored, written, recorded)) continue;
    const auto find = [&](std::string_view id) { return authority_of(store, sorting, id); };
    sorting.problem(guard_decision(authored, guard, batch.file, now, overridden_by(authored, find, sorting)));
    const auto authority = find(decision.authority);
    if (authority && authority->mandate) sorting.problem(guard_mandate(authored, *authority->mandate, batch.file));
    check_list(store, sorting, authored);
    if (!authority && !decision.authority.empty()) {
      sorting.problem(position_of(authored.fields, "authority", authored.position), "decision.authority",
                      fmt::format("there is no authority '{}': add an [[authority]] with that id",
                                  decision.authority.substr(0, 64)));
    }
    check_other(store, sorting, authored, "supersedes", decision.supersedes);
    check_other(store, sorting, authored, "reverses", decision.reverses);
    sorting.fresh.decisions.push_back(authored);
  }
}

void sort_events(Store& store, const AuthoredBatch& batch, Time now, Sorting& sorting) {
  std::set<std::string> seen;
  for (const auto& authored : batch.events) {
    const auto& id = authored.event.id;
    if (!seen.insert(id).second) {
      sorting.problem(position_of(authored.fields, "id", authored.position), "event.id",
                      fmt::format("'{}' stands twice in the batch", id));
      continue;
    }
    const auto recorded = store.event(id);
    const auto form = recorded ? std::optional(canonical(*recorded)) : std::nullopt;
    if (!sorting.is_new("event", id, authored, canonical(authored.event), form)) continue;
    sorting.problem(guard_event(authored, batch.file, now));
    sorting.fresh.events.push_back(authored);
  }
}

}  // namespace

std::expected<RecordOutcome, IntakeError> intake(Store& store, const AuthoredBatch& batch, const Guards& guards,
                                                 std::string_view author, Time now) {
  Sorting sorting;
  sorting.fresh.file = batch.file;
  sort_authorities(store, batch, sorting);
  sort_decisions(store, batch, guards, now, sorting);
  sort_events(store, batch, now, sorting);
  if (!sorting.problems.empty()) return std::unexpected(IntakeError{std::move(sorting.problems)});
  auto recorded = store.record(AdmittedBatch(std::move(sorting.fresh)), author, now);
  if (recorded) recorded->already_recorded = std::move(sorting.outcome.already_recorded);
  return recorded;
}

}  // namespace placard::policy
