// Work too long for a loop's thread: it runs on libuv's pool, whose threads stand back behind those that answer.
#pragma once

#include <functional>

#include "resolver/net/loop.hpp"

namespace placard::net {

/// Runs `job` on another thread and comes back on the loop's. A job cannot be called back: when the awaiting task is
/// destroyed it still runs, so it owns all that it touches. Nothing it does may throw.
Task<void> work(Loop& loop, std::function<void()> job);

}  // namespace placard::net
