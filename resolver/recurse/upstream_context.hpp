// What the parts of Upstream share: loop, limits, counters, random source.
#pragma once

#include "resolver/recurse/upstream.hpp"
#include "resolver/recurse/upstream_random.hpp"

namespace placard::recurse {

struct UpstreamContext {
  net::Loop& loop;
  UpstreamLimits limits;
  UpstreamCounters counters;
  Random random;
  std::shared_ptr<ServerTable> servers;
};

using ExchangeResult = std::expected<Incoming, NetworkError>;

}  // namespace placard::recurse
