// From the configuration and the record to what workers and pages answer by.
//
// Nothing here is running: values in, immutable snapshots out. Loading and compiling take time with many rules or large
// zones and belong on the start-up or a command's thread, never on a worker's loop.
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <vector>

#include "policy/record/store.hpp"
#include "resolver/app/options.hpp"
#include "resolver/app/pages.hpp"
#include "resolver/serve/snapshot.hpp"
#include "resolver/serve/worker.hpp"

namespace placard::app {

/// The zones of a configuration, as snapshots hold them.
struct LoadedZones {
  std::shared_ptr<const zones::ZoneSet> everywhere;  ///< null: none
  std::vector<serve::ListenerZones> listeners;
  std::size_t count = 0;
  std::vector<std::string> problems;  ///< "FILE:LINE: reason" of each that could not be loaded
  std::vector<std::string> warnings;  ///< the same of what is merely doubtful
};
/// `bound`: listeners that only zones use; one that no zone names any more answers for nothing.
LoadedZones load_zones(const Options& options, const std::vector<net::Endpoint>& bound);

serve::ServeOptions serve_options(const Options& options);
/// The error names the hints file and its line.
std::expected<serve::WorkerOptions, std::string> worker_options(const Options& options);

/// One moment's answers and pages, of the same index.
struct Publication {
  std::shared_ptr<const serve::Snapshot> snapshot;
  std::shared_ptr<const PageState> pages;
};
/// `now`: seconds since the epoch by the system's clock. Throws policy::StoreError.
Publication make_publication(policy::Store& store, const Options& options, const LoadedZones& zones,
                             std::uint64_t generation, policy::Time now);

}  // namespace placard::app
