// Fetching again what is asked for in the last tenth of its time, so that nobody has to wait when it ends.
//
// The answer in the cache stands until then. A refresh starts from the delegations that the cache will still have when
// that ends: a domain that moved, whose old servers still answer, is found at its new ones as it would be afterwards.
// Bounded by Bounds::refreshes; a resolver that is half full has other work.
#include <algorithm>

#include "resolver/recurse/counted.hpp"
#include "resolver/recurse/engine.hpp"

namespace placard::recurse {
namespace {

constexpr std::int64_t kPart = 10;  // of its time: the last one of so many; what lives for fewer seconds just ends

/// The first moment of the last part of an entry's time.
std::int64_t refresh_at(const CacheEntry& entry) {
  const std::int64_t life = entry.expires_at - entry.stored_at;
  return life < kPart ? Cache::kNoEnd : entry.expires_at - life / kPart;
}

}  // namespace

std::int64_t Resolver::State::refresh_at_of(const Fetched& link) const {
  std::int64_t first = Cache::kNoEnd;
  if (!options.prefetch || link.failed || link.stale) return first;
  for (const auto& entry : link.links) first = std::min(first, refresh_at(*entry));
  if (link.negative) first = std::min(first, refresh_at(*link.negative));
  return first;
}

std::uint32_t Resolver::State::left_of(const Fetched& link, std::int64_t now) {
  std::uint32_t least = link.negative ? link.negative->ttl_at(now) : ~0U;
  for (const auto& entry : link.links) least = std::min(least, entry->ttl_at(now));
  return least;
}

void Resolver::State::start_refresh(const wire::Question& question, const Asker& asker, std::uint32_t left) {
  if (refreshes >= options.bounds.refreshes || flights.size() >= options.bounds.in_flight / 2) return;
  FlightKey key;
  key.name = question.name;
  key.type = question.type;
  key.checking_disabled = asker.checking_disabled;
  if (flights.find(key)) return;
  ++counters.refreshes;
  Asker own = client_asker();
  own.checking_disabled = asker.checking_disabled;
  own.ahead = left;
  flights.start(refresh(question, std::move(own)));
}

net::Task<void> Resolver::State::refresh(wire::Question question, Asker asker) {
  const Counted counted(refreshes);
  auto fetching = fetch(question, asker, asker.deadline);
  co_await fetching;
}

}  // namespace placard::recurse
