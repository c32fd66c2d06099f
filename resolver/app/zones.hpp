// Own zones between the configuration, the keeper and the snapshots that workers answer by.
#pragma once

#include <expected>
#include <memory>
#include <string>
#include <vector>

#include "policy/public/table.hpp"
#include "resolver/app/operations.hpp"
#include "resolver/app/options.hpp"
#include "resolver/serve/snapshot.hpp"
#include "resolver/transfer/keeper.hpp"

namespace placard::app {

/// What the keeper is told, checked: keys are read, and every key that a zone names is there.
struct ZoneSetup {
  std::vector<transfer::ZonePlan> plans;
  std::shared_ptr<const zones::TsigKeyring> keys;
};
/// All that is wrong, "FILE:LINE: reason" each. Secrets are not quoted.
std::expected<ZoneSetup, std::vector<std::string>> read_zone_setup(const Options& options);

transfer::KeeperOptions keeper_options(const Options& options);

/// Replaces the zones of a snapshot. `bound`: listeners that only zones use; one that no zone names any more answers
/// for nothing.
void put_zones(serve::Snapshot& snapshot, const std::vector<transfer::ServedZone>& served,
               const std::vector<net::Endpoint>& bound);

/// Of all zones together, in the Prometheus text format: thousands of zones make no more lines than one.
std::string zone_metrics(const transfer::KeeperFigures& figures);

/// `placard check`: reads every master file. Problems and warnings, "FILE:LINE: reason" each.
struct CheckedZones {
  std::vector<std::string> problems, warnings;
};
CheckedZones check_zones(const Options& options);

/// `placard control zone status` and `list`. `now`: seconds since the epoch.
policy::Document zone_report(const std::vector<transfer::ZoneStatus>& zones, bool detailed, std::int64_t now);

/// What the keeper says of keys (zones::ZoneKeys::to_text): a table of keys, and the DS for the parent.
policy::Document key_report(const std::string& text);

}  // namespace placard::app
