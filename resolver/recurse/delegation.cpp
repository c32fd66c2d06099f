#include "resolver/recurse/delegation.hpp"

#include <fmt/core.h>

#include <algorithm>

namespace placard::recurse {
namespace {

constexpr std::uint16_t kUnnamed = 0xffff;   // of an address that came by another way than glue
constexpr std::uint32_t kExploreOneIn = 20;  // questions that go to another server than the best
constexpr double kBackedOff = 10'000, kLame = 100'000, kEachTry = 400;  // milliseconds of handicap

}  // namespace

bool usable_address(const net::Address& address, bool loopback) {
  const auto& octets = address.octets;
  if (!address.v6) {
    if (octets[0] == 0 || octets[0] >= 224) return false;
    return octets[0] != 127 || loopback;
  }
  if (octets[0] == 0xff) return false;
  const bool zeros = std::all_of(octets.begin(), octets.begin() + 10, [](std::uint8_t octet) { return octet == 0; });
  if (!zeros) return true;
  // Within ::/80: ::, ::1, v4-mapped and the long dead v4-compatible addresses.
  const bool rest =
      std::all_of(octets.begin() + 10, octets.begin() + 15, [](std::uint8_t octet) { return octet == 0; });
  return rest && octets[15] == 1 && loopback;
}

ServerList::ServerList(const World& world, const Delegation& delegation) : world_(world), delegation_(delegation) {
  if (delegation.configured) {
    for (const auto& endpoint : delegation.configured->servers) add_address(endpoint, 0);
  } else {
    add_names();
  }
}

/// At most servers_per_zone of the names, a random choice where there are more; with glue, or cached addresses, or
/// neither.
void ServerList::add_names() {
  const CacheEntry& entry = *delegation_.entry;
  std::vector<std::uint16_t> order(entry.set.rdatas.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = static_cast<std::uint16_t>(i);
  for (std::size_t i = order.size(); i > 1; --i)
    std::swap(order[i - 1], order[world_.network.random(static_cast<std::uint32_t>(i))]);
  if (order.size() > world_.options.bounds.servers_per_zone) order.resize(world_.options.bounds.servers_per_zone);

  std::vector<wire::Bytes> names(entry.set.rdatas.begin(), entry.set.rdatas.end());
  for (const std::uint16_t number : order) {
    const auto name = wire::rdata_name(wire::RecordType::ns, names[number]);
    if (!name) continue;
    std::uint32_t count = 0;
    for (const auto& glue : entry.glue) {
      if (glue.server != number || count >= world_.options.bounds.addresses_per_server) continue;
      if (add_address({glue.address, world_.options.upstream_port}, number)) ++count;
    }
    if (count > 0) continue;
    const bool found = add_cached(*name, wire::RecordType::a, number);
    if (!add_cached(*name, wire::RecordType::aaaa, number) && !found) glueless_.push_back(*name);
  }
}

bool ServerList::add_cached(wire::NameView name, wire::RecordType type, std::uint16_t number) {
  const std::int64_t now = world_.network.wall_seconds();
  const auto entry = world_.cache.find(name, type, now, {}, Realm::unchecked);
  if (!entry || entry->kind != CacheKind::records || !entry->fresh(now)) return false;
  return add_set(entry->set, number);
}

bool ServerList::add(const wire::RecordSet& addresses) {
  if (addresses.type != wire::RecordType::a && addresses.type != wire::RecordType::aaaa) return false;
  return add_set(addresses, kUnnamed);
}

bool ServerList::add_set(const wire::RecordSet& addresses, std::uint16_t number) {
  std::uint32_t count = 0;
  for (const auto rdata : addresses.rdatas) {
    if (count >= world_.options.bounds.addresses_per_server) break;
    if (add_address({net::Address::from_bytes(rdata), world_.options.upstream_port}, number)) ++count;
  }
  return count > 0;
}

bool ServerList::add_address(const net::Endpoint& endpoint, std::uint16_t name) {
  const auto& options = world_.options;
  if (endpoint.address.v6 ? !options.ipv6 : !options.ipv4) return false;
  const bool hinted =
      delegation_.configured != nullptr ||
      std::ranges::any_of(options.root_hints, [&](const RootHint& hint) { return hint.address == endpoint.address; });
  if (!usable_address(endpoint.address, hinted || options.query_loopback)) return false;
  if (!hinted && any_contains(options.never_query, endpoint.address.bytes())) return false;
  if (std::ranges::find(world_.distrusted, endpoint) != world_.distrusted.end()) return true;
  if (std::ranges::any_of(servers_, [&](const Server& server) { return server.endpoint == endpoint; })) return true;
  Server server;
  server.endpoint = endpoint;
  server.name = name;
  const Milliseconds now = world_.network.now();
  server.facts = world_.servers.facts(endpoint, now);
  server.lame = world_.servers.lame(endpoint, delegation_.zone(), now);
  servers_.push_back(server);
  return true;
}

bool ServerList::add_parent_side() {
  if (parent_side_added_ || delegation_.configured) return false;
  parent_side_added_ = true;
  const std::size_t before = servers_.size();
  for (const auto rdata : delegation_.entry->set.rdatas) {
    if (servers_.size() >= before + world_.options.bounds.servers_per_zone) break;
    const auto name = wire::rdata_name(wire::RecordType::ns, rdata);
    const auto above = name ? world_.cache.find_delegation(*name, world_.network.wall_seconds()) : nullptr;
    if (!above || above == delegation_.entry) continue;
    std::uint16_t number = 0;
    for (const auto other : above->set.rdatas) {
      const auto its = wire::rdata_name(wire::RecordType::ns, other);
      for (const auto& glue : above->glue) {
        const bool fits = glue.server == number && its && *its == *name;
        if (fits) add_address({glue.address, world_.options.upstream_port}, kUnnamed);
      }
      ++number;
    }
  }
  return servers_.size() > before;
}

double ServerList::cost(const Server& server) const {
  // An unknown one is tried early: how else would it become known?
  double cost = server.facts.known ? static_cast<double>(server.facts.rtt) : 1.0 + world_.network.random(30);
  cost += static_cast<double>(server.facts.handicap);
  if (server.facts.backed_off) cost += kBackedOff;
  if (server.lame) cost += kLame;
  return cost + kEachTry * server.tries;
}

Server* ServerList::best() {
  if (servers_.size() > 1 && world_.network.random(kExploreOneIn) == 0) {
    Server& other = servers_[world_.network.random(static_cast<std::uint32_t>(servers_.size()))];
    if (!other.exhausted && !other.lame && !other.facts.backed_off && other.tries == 0) return &other;
  }
  Server* best = nullptr;
  double least = 0;
  for (auto& server : servers_) {
    if (server.exhausted) continue;
    const double its = cost(server);
    if (best && its >= least) continue;
    best = &server;
    least = its;
  }
  return best;
}

bool ServerList::is_last(const Server& server) const {
  return glueless_.empty() &&
         std::ranges::all_of(servers_, [&](const Server& other) { return &other == &server || other.exhausted; });
}

bool ServerList::silent() const {
  return !servers_.empty() && glueless_.empty() &&
         std::ranges::all_of(servers_, [](const Server& server) { return server.facts.backed_off; });
}

bool ServerList::only_bad_ones() const {
  return std::ranges::all_of(servers_, [](const Server& server) {
    return server.exhausted || server.lame || server.facts.backed_off || server.tries > 0;
  });
}

std::optional<wire::Name> ServerList::next_glueless() {
  if (glueless_.empty()) return std::nullopt;
  const wire::Name name = glueless_.back();
  glueless_.pop_back();
  return name;
}

std::string ServerList::describe(const Server& server) const {
  if (delegation_.configured || server.name == kUnnamed) return server.endpoint.to_text();
  std::uint16_t number = 0;
  for (const auto rdata : delegation_.entry->set.rdatas) {
    if (number++ != server.name) continue;
    const auto name = wire::rdata_name(wire::RecordType::ns, rdata);
    if (name) return fmt::format("{} ({})", name->to_text(), server.endpoint.address.to_text());
  }
  return server.endpoint.to_text();
}

}  // namespace placard::recurse
