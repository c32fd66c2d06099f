// Decision files for tests, and a store that has read one.
#pragma once

#include <fmt/format.h>

#include <catch2/catch.hpp>
#include <string>

#include "policy/record/decision_file.hpp"
#include "policy/record/intake.hpp"
#include "policy/record/store.hpp"
#include "tests/policy/record/temporary_folder.hpp"

namespace placard::policy {

inline constexpr Time kNow = 1'800'000'000;  // 2027-01-15T08:00:00Z
inline constexpr Time kDay = 86'400;

inline std::string authority_toml(std::string_view id = "court", std::string_view external = "true") {
  return fmt::format("[[authority]]\nid = \"{}\"\nkind = \"court\"\nname = \"A court\"\nexternal = {}\n", id, external);
}

/// A whole decision of the authority "court" about `name`; `more` goes among its keys.
inline std::string decision_toml(std::string_view id, std::string_view name, std::string_view more = "",
                                 std::string_view end = "expires_after = \"30 days\"") {
  return fmt::format(
      "[[decision]]\nid = \"{}\"\ntype = \"court_order\"\nauthority = \"court\"\nlegal_basis = \"Act 1\"\n"
      "statement_of_reasons = \"Reasons\"\nredress = \"Appeal\"\n{}\n{}\n"
      "[[decision.rule]]\nname = \"{}\"\nmatch = \"both\"\n",
      id, end, more, name);
}

inline AuthoredBatch batch_of(std::string_view toml, Time now = kNow) {
  auto batch = parse_decision_file(toml, "test.toml", now);
  if (!batch) FAIL(to_text(batch.error()));
  return *batch;
}

inline std::expected<RecordOutcome, IntakeError> try_intake(Store& store, std::string_view toml, Time now = kNow) {
  return intake(store, batch_of(toml, now), Guards{}, "test", now);
}

inline RecordOutcome take_in(Store& store, std::string_view toml, Time now = kNow) {
  auto outcome = try_intake(store, toml, now);
  if (!outcome) FAIL(to_text(outcome.error()));
  return *outcome;
}

/// The first problem of a batch that is refused.
inline std::string refusal(Store& store, std::string_view toml, Time now = kNow) {
  const auto outcome = try_intake(store, toml, now);
  return outcome ? std::string() : to_text(outcome.error().problems.front());
}

/// What a call throws, and that it is of that kind.
template <typename Call>
std::string error_of(Call call, std::optional<StoreError::Kind> kind = {}) {
  try {
    call();
  } catch (const StoreError& error) {
    if (kind) CHECK(error.kind() == *kind);
    return error.what();
  }
  return "no error";
}

inline wire::Name name_of(std::string_view text) {
  return wire::Name::from_text(text).value();
}

inline Store open_store(const TemporaryFolder& folder, Time now = kNow) {
  return Store::open(folder / "policy.db", Store::Mode::read_write, now);
}

}  // namespace placard::policy
