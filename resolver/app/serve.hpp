// `placard serve`: the order in which a server comes up, and goes down.
//
// Everything that can be wrong is met before `placard: ready` is printed: the configuration, the store, each address.
// From then on bad input changes nothing: the last good state keeps serving.
#pragma once

#include "resolver/app/options.hpp"

namespace placard::app {

/// Serves until SIGTERM, SIGINT or `control stop`; the exit status. Errors go to standard error, one line each.
int serve(const Options& options);

}  // namespace placard::app
