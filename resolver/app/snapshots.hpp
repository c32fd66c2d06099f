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

serve::ServeOptions serve_options(const Options& options);
/// The error names the hints file and its line.
std::expected<serve::WorkerOptions, std::string> worker_options(const Options& options);

/// One moment's answers and pages, of the same index.
struct Publication {
  std::shared_ptr<serve::Snapshot> snapshot;
  std::shared_ptr<const PageState> pages;
};
/// The snapshot has no zones and no keys yet (zones.hpp). Throws policy::StoreError.
Publication make_publication(policy::Store& store, std::shared_ptr<const policy::Index> index, const Options& options);

}  // namespace placard::app
