// The terminal's side of `placard import`: a bar that shows how far the reading is.
#pragma once

#include <string>

#include "resolver/app/client.hpp"

namespace placard::app {

/// Performs an import request; on a terminal (standard error) with a progress bar. Throws policy::StoreError.
Output import_with_progress(const Options& options, const std::string& request, const Rendering& rendering);

}  // namespace placard::app
