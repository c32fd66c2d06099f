#include "resolver/app/check.hpp"

#include <fmt/format.h>

#include <filesystem>

#include "policy/public/notice.hpp"
#include "resolver/app/clock.hpp"
#include "resolver/app/privileges.hpp"
#include "resolver/app/snapshots.hpp"
#include "resolver/app/start_checks.hpp"
#include "resolver/app/zones.hpp"

namespace placard::app {
namespace {

/// The record, when there is one yet.
void check_store(const Options& options, CheckResult& result) {
  std::error_code error;
  if (!std::filesystem::exists(options.fixed.store, error)) {
    if (error)
      result.warnings.push_back(
          fmt::format("warning: {}: the record was not looked at: {}", options.fixed.store, error.message()));
    return;
  }
  try {
    const auto now = system_time();
    auto store = policy::Store::open(options.fixed.store, policy::Store::Mode::read_only, now, clock_bounds());
    const auto checked = check_record(store, RecordCheck::whole);
    if (!checked) result.problems.push_back(checked.error());
    if (checked && *checked) result.warnings.push_back(**checked);
    if (auto doubts = clock_doubts(store, now)) result.warnings.push_back(*std::move(doubts));
  } catch (const policy::StoreError& failure) {
    result.problems.emplace_back(failure.what());
  }
}

}  // namespace

CheckResult check_configuration(const Options& options) {
  auto zones = check_zones(options);
  CheckResult result{std::move(zones.problems), std::move(zones.warnings)};
  if (const auto worker = worker_options(options); !worker) result.problems.push_back(worker.error());
  const auto privileges = Privileges::find(options.fixed.user);
  if (!privileges) result.problems.push_back(privileges.error());
  const auto& contact = options.reloadable.operator_contact;
  if (contact.empty()) result.warnings.emplace_back(kNoContact);
  if (!contact.empty() && !policy::is_public_link(contact))
    result.problems.emplace_back("notice.operator_contact: must be a mailto:, https: or http: address");
  if (privileges) {
    const Privileges::AsUser as_user(*privileges);  // files that SQLite may make beside the record are the server's
    check_store(options, result);
  }
  return result;
}

}  // namespace placard::app
