#include "resolver/recurse/servers.hpp"

#include <algorithm>
#include <mutex>
#include <unordered_map>

namespace placard::recurse {
namespace {

constexpr std::size_t kShards = 16;
constexpr int kForgetLooks = 8;          // entries looked at to find one to forget
constexpr std::uint32_t kDeadAfter = 3;  // timeouts in a row

struct Known {
  std::uint32_t rtt = 0, deviation = 0;  // milliseconds, as TCP has it (RFC 6298)
  std::uint32_t timeouts = 0;            // in a row
  Milliseconds back_off_until = 0;
  Milliseconds no_edns_until = 0;
  Milliseconds no_random_case_until = 0;
  Milliseconds used = 0;
};

std::uint64_t lame_key(const net::Endpoint& server, wire::NameView zone) {
  return zone.hash(net::EndpointHash{}(server));
}

}  // namespace

struct ServerTable::Shard {
  mutable std::mutex mutex;
  // Everything below: GUARDED by mutex.
  std::unordered_map<net::Endpoint, Known, net::EndpointHash> servers;
  std::unordered_map<std::uint64_t, Milliseconds>
      lame;  // until when; a 64-bit hash for a key: a clash costs one server for a while
  std::size_t max_servers = 0, max_lame = 0;

  Known& note(const net::Endpoint& server, Milliseconds now) {
    const auto found = servers.find(server);
    if (found != servers.end()) {
      found->second.used = now;
      return found->second;
    }
    if (servers.size() >= max_servers) {
      auto oldest = servers.begin();
      auto at = oldest;
      for (int i = 0; i < kForgetLooks && at != servers.end(); ++i, ++at) {
        if (at->second.used < oldest->second.used) oldest = at;
      }
      servers.erase(oldest);
    }
    Known& fresh = servers[server];
    fresh.used = now;
    return fresh;
  }
};

ServerTable::ServerTable(const ServerLimits& limits) {
  for (std::size_t i = 0; i < kShards; ++i) {
    shards_.push_back(std::make_unique<Shard>());
    shards_.back()->max_servers = std::max<std::size_t>(limits.servers / kShards, 1);
    shards_.back()->max_lame = std::max<std::size_t>(limits.lame / kShards, 1);
  }
}

ServerTable::~ServerTable() = default;

ServerTable::Shard& ServerTable::shard_of(const net::Endpoint& server) const {
  return *shards_[net::EndpointHash{}(server) % kShards];
}

ServerFacts ServerTable::facts(const net::Endpoint& server, Milliseconds now) const {
  const Shard& shard = shard_of(server);
  const std::scoped_lock lock(shard.mutex);
  ServerFacts facts;
  facts.timeout = kUnknownTimeout;
  const auto found = shard.servers.find(server);
  if (found == shard.servers.end()) return facts;
  const Known& known = found->second;
  facts.known = known.rtt > 0 || known.timeouts > 0;
  facts.edns = known.no_edns_until <= now;
  facts.random_case = known.no_random_case_until <= now;
  facts.backed_off = known.back_off_until > now;
  facts.rtt = known.rtt;
  if (known.rtt > 0)
    facts.timeout = std::clamp<Milliseconds>(known.rtt + 4ULL * known.deviation, kMinTimeout, kMaxTimeout);
  for (std::uint32_t i = 0; i < std::min(known.timeouts, kDeadAfter); ++i) {
    facts.timeout = std::min(facts.timeout * 2, kMaxTimeout);
    facts.rtt = std::max<Milliseconds>(facts.rtt, 50) * 2;
  }
  return facts;
}

bool ServerTable::lame(const net::Endpoint& server, wire::NameView zone, Milliseconds now) const {
  const Shard& shard = shard_of(server);
  const std::scoped_lock lock(shard.mutex);
  if (shard.lame.empty()) return false;
  const auto found = shard.lame.find(lame_key(server, zone));
  return found != shard.lame.end() && found->second > now;
}

void ServerTable::note_answer(const net::Endpoint& server, Milliseconds rtt, Milliseconds now) {
  const auto sample = static_cast<std::uint32_t>(std::clamp<Milliseconds>(rtt, 1, 60'000));
  Shard& shard = shard_of(server);
  const std::scoped_lock lock(shard.mutex);
  Known& known = shard.note(server, now);
  if (known.rtt == 0) {
    known.rtt = sample;
    known.deviation = sample / 2;
  } else {
    const auto off = sample > known.rtt ? sample - known.rtt : known.rtt - sample;
    known.deviation = (3 * known.deviation + off) / 4;
    known.rtt = std::max(1U, (7 * known.rtt + sample) / 8);
  }
  known.timeouts = 0;
  known.back_off_until = 0;
}

void ServerTable::note_timeout(const net::Endpoint& server, Milliseconds now) {
  Shard& shard = shard_of(server);
  const std::scoped_lock lock(shard.mutex);
  Known& known = shard.note(server, now);
  ++known.timeouts;
  if (known.timeouts < kDeadAfter) return;
  const auto doublings = std::min<std::uint32_t>(known.timeouts - kDeadAfter, 6);
  known.back_off_until = now + std::min<Milliseconds>(Milliseconds{1'000} << doublings, kMaxBackOff);
}

void ServerTable::note_no_edns(const net::Endpoint& server, Milliseconds now) {
  Shard& shard = shard_of(server);
  const std::scoped_lock lock(shard.mutex);
  shard.note(server, now).no_edns_until = now + kForgetQuirks;
}

void ServerTable::note_no_random_case(const net::Endpoint& server, Milliseconds now) {
  Shard& shard = shard_of(server);
  const std::scoped_lock lock(shard.mutex);
  shard.note(server, now).no_random_case_until = now + kForgetQuirks;
}

void ServerTable::note_lame(const net::Endpoint& server, wire::NameView zone, Milliseconds now) {
  Shard& shard = shard_of(server);
  const std::scoped_lock lock(shard.mutex);
  if (shard.lame.size() >= shard.max_lame) shard.lame.erase(shard.lame.begin());
  shard.lame[lame_key(server, zone)] = now + kForgetLame;
}

std::size_t ServerTable::size() const {
  std::size_t sum = 0;
  for (const auto& shard : shards_) {
    const std::scoped_lock lock(shard->mutex);
    sum += shard->servers.size();
  }
  return sum;
}

}  // namespace placard::recurse
