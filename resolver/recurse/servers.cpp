#include "resolver/recurse/servers.hpp"

#include <gnutls/crypto.h>

#include <algorithm>
#include <mutex>
#include <stdexcept>
#include <unordered_map>

namespace placard::recurse {
namespace {

constexpr std::size_t kMostShards = 1'024;  // every worker looks up com.'s servers for each name below it
constexpr std::size_t kServersOfShard = 64;
constexpr int kForgetLooks = 8;          // entries looked at to find one to forget
constexpr std::uint32_t kDeadAfter = 3;  // timeouts in a row

// The quota of questions in flight (after BIND's fetches-per-server): every kQuotaReview endings it shrinks by a
// quarter where more than three in ten were silent, and grows by a quarter where less than one in ten was.
constexpr std::uint32_t kQuotaReview = 64;
constexpr std::uint32_t kWhole = 1'024;  // of the shares below
constexpr std::uint32_t kManySilent = kWhole * 3 / 10, kFewSilent = kWhole / 10;
constexpr std::uint32_t kSilenceMemory = 32;  // endings that the share of silent ones looks back on, about

// A family that stays silent towards servers never heard of, while the other one answers, has no way out from here.
constexpr std::uint32_t kFamilyMemory = 8;  // first contacts it looks back on, about
constexpr std::uint32_t kFamilyBroken = kWhole * 8 / 10, kFamilyWorks = kWhole * 4 / 10;
constexpr Milliseconds kFamilyHandicap = 1'000;
constexpr Milliseconds kSecond = 1'000;

constexpr std::uint32_t towards(std::uint32_t share, bool silent, std::uint32_t memory) {
  return silent ? share + (kWhole - share) / memory : share - share / memory;
}

struct Known {
  std::uint32_t rtt = 0, deviation = 0;  // milliseconds, as TCP has it (RFC 6298)
  std::uint32_t timeouts = 0;            // in a row
  Milliseconds back_off_until = 0;
  Milliseconds no_edns_until = 0;
  Milliseconds no_random_case_until = 0;
  Milliseconds used = 0;
  Milliseconds no_cookie_until = 0;
  Milliseconds cookie_until = 0;
  Milliseconds second = 0;       // when the second that is counted began
  std::uint32_t in_second = 0;   // questions
  std::uint32_t in_flight = 0;   // questions
  std::uint32_t quota = 0;       // of those; 0: as many as the limit says
  std::uint16_t silence = 0;     // share of endings that were silent
  std::uint8_t reviewed = 0;     // endings since the quota was reviewed
  std::uint8_t cookie_size = 0;  // of the server's
  std::array<std::uint8_t, Cookie::kMaxServerSize> cookie{};
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

ServerTable::ServerTable(const ServerLimits& limits) : limits_(limits) {
  if (gnutls_rnd(GNUTLS_RND_KEY, secret_.data(), secret_.size()) != 0)
    throw std::runtime_error("the system gives no random numbers");
  const auto shards = std::clamp<std::size_t>(limits.servers / kServersOfShard, 1, kMostShards);
  for (std::size_t i = 0; i < shards; ++i) {
    shards_.push_back(std::make_unique<Shard>());
    shards_.back()->max_servers = std::max<std::size_t>(limits.servers / shards, 1);
    shards_.back()->max_lame = std::max<std::size_t>(limits.lame / shards, 1);
  }
}

ServerTable::~ServerTable() = default;

ServerTable::Shard& ServerTable::shard_of(const net::Endpoint& server) const {
  return *shards_[net::EndpointHash{}(server) % shards_.size()];
}

ServerFacts ServerTable::facts(const net::Endpoint& server, Milliseconds now) const {
  const Shard& shard = shard_of(server);
  const std::scoped_lock lock(shard.mutex);
  ServerFacts facts;
  facts.timeout = kUnknownTimeout;
  facts.handicap = family_broken(server.address.v6) ? kFamilyHandicap : 0;
  const auto found = shard.servers.find(server);
  if (found == shard.servers.end()) return facts;
  const Known& known = found->second;
  facts.known = known.rtt > 0 || known.timeouts > 0;
  if (facts.known) facts.handicap = 0;
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
  note_family(server.address.v6, true);
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
  if (known.rtt == 0 && known.timeouts == 0) note_family(server.address.v6, false);
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

void ServerTable::note_family(bool v6, bool works) {
  auto& share = family_silence_[v6 ? 1 : 0];
  const auto old = share.load(std::memory_order_relaxed);
  if (works && old == 0) return;
  share.store(towards(old, !works, kFamilyMemory), std::memory_order_relaxed);  // a lost update costs nothing
}

bool ServerTable::family_broken(bool v6) const {
  return family_silence_[v6 ? 1 : 0].load(std::memory_order_relaxed) > kFamilyBroken &&
         family_silence_[v6 ? 0 : 1].load(std::memory_order_relaxed) < kFamilyWorks;
}

std::optional<Cookie> ServerTable::begin(const net::Endpoint& server, Milliseconds now) {
  Shard& shard = shard_of(server);
  Cookie cookie;
  {
    const std::scoped_lock lock(shard.mutex);
    Known& known = shard.note(server, now);
    const std::uint32_t quota = known.quota == 0 ? limits_.in_flight : known.quota;
    if (known.in_flight >= quota) return std::nullopt;
    if (limits_.rate > 0) {
      if (now - known.second >= kSecond) {
        known.second = now;
        known.in_second = 0;
      }
      if (known.in_second >= limits_.rate) return std::nullopt;
      ++known.in_second;
    }
    ++known.in_flight;
    const bool has_cookie = known.cookie_size > 0 && known.cookie_until > now;
    // A server that never sent one and is silent may be silent because of ours.
    if (known.no_cookie_until > now || (known.timeouts > 0 && !has_cookie)) return cookie;
    cookie.size = Cookie::kClientSize;
    if (has_cookie) cookie.set_server_part(wire::Bytes(known.cookie).first(known.cookie_size));
  }
  // RFC 9018 3: each server gets another one, so that none can ask others in our name.
  const auto& address = server.address.octets;
  std::array<std::uint8_t, 18> input{};
  std::ranges::copy(address, input.begin());
  input[16] = static_cast<std::uint8_t>(server.port >> 8U);
  input[17] = static_cast<std::uint8_t>(server.port & 0xffU);
  std::ranges::copy(wire::siphash24(secret_, input), cookie.octets.begin());
  return cookie;
}

void ServerTable::end(const net::Endpoint& server, Ending ending) {
  Shard& shard = shard_of(server);
  const std::scoped_lock lock(shard.mutex);
  const auto found = shard.servers.find(server);
  if (found == shard.servers.end()) return;  // forgotten meanwhile
  Known& known = found->second;
  if (known.in_flight > 0) --known.in_flight;
  if (ending == Ending::other) return;
  known.silence = static_cast<std::uint16_t>(towards(known.silence, ending == Ending::silent, kSilenceMemory));
  if (++known.reviewed < kQuotaReview) return;
  known.reviewed = 0;
  const std::uint32_t quota = known.quota == 0 ? limits_.in_flight : known.quota;
  const std::uint32_t least = std::min(kMinQuota, limits_.in_flight);
  if (known.silence > kManySilent) known.quota = std::max(least, quota - quota / 4);
  if (known.silence < kFewSilent) known.quota = std::min(limits_.in_flight, quota + quota / 4);
}

std::uint32_t ServerTable::quota(const net::Endpoint& server) const {
  const Shard& shard = shard_of(server);
  const std::scoped_lock lock(shard.mutex);
  const auto found = shard.servers.find(server);
  return found == shard.servers.end() || found->second.quota == 0 ? limits_.in_flight : found->second.quota;
}

void ServerTable::note_cookie(const net::Endpoint& server, wire::Bytes server_cookie, Milliseconds now) {
  if (server_cookie.size() < Cookie::kMinServerSize || server_cookie.size() > Cookie::kMaxServerSize) return;
  Shard& shard = shard_of(server);
  const std::scoped_lock lock(shard.mutex);
  Known& known = shard.note(server, now);
  std::ranges::copy(server_cookie, known.cookie.begin());
  known.cookie_size = static_cast<std::uint8_t>(server_cookie.size());
  known.cookie_until = now + kForgetCookie;
}

void ServerTable::note_no_cookie(const net::Endpoint& server, Milliseconds now) {
  Shard& shard = shard_of(server);
  const std::scoped_lock lock(shard.mutex);
  Known& known = shard.note(server, now);
  known.cookie_size = 0;
  known.no_cookie_until = now + kForgetQuirks;
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
