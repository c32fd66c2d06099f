#include "resolver/recurse/name_servers.hpp"

#include <algorithm>

namespace placard::recurse {
namespace {

constexpr std::size_t kLeastLabels = 2;  // of a zone: top-level domains and the root are everybody's

class Gatherer {
 public:
  Gatherer(const Cache& cache, std::int64_t now) : cache_(cache), now_(now) {}

  /// The names of an NS set, with its glue when it is a delegation.
  void add(const CacheEntry& ns) {
    std::uint16_t number = 0;
    for (const auto rdata : ns.set.rdatas) {
      auto* server = server_of(ns.set.owner, wire::NameView::from_valid(rdata));
      if (server == nullptr) return;
      for (const auto& glue : ns.glue)
        if (glue.server == number) add(*server, glue.address);
      ++number;
    }
  }
  void add(const Forward& stub) {
    auto* server = server_of(stub.zone, {});
    if (server == nullptr) return;
    for (const auto& endpoint : stub.servers) add(*server, endpoint.address);
  }
  /// What the servers' own zones say of their addresses.
  std::vector<KnownServer> take() {
    for (auto& server : found_) {
      if (server.name.view().is_root()) continue;
      for (const auto type : {wire::RecordType::a, wire::RecordType::aaaa}) {
        const auto entry = cache_.find(server.name, type, now_, {}, Realm::unchecked);
        if (!entry || entry->kind != CacheKind::records || !entry->fresh(now_)) continue;
        for (const auto rdata : entry->set.rdatas)
          if (rdata.size() == 4 || rdata.size() == 16) add(server, net::Address::from_bytes(rdata));
      }
    }
    return std::move(found_);
  }

 private:
  KnownServer* server_of(wire::NameView zone, wire::NameView name) {
    const auto known = std::ranges::find_if(
        found_, [&](const KnownServer& each) { return each.name.view() == name && each.zone.view() == zone; });
    if (known != found_.end()) return &*known;
    if (found_.size() == kMaxKnownServers) return nullptr;
    return &found_.emplace_back(KnownServer{wire::Name(zone), wire::Name(name), {}});
  }
  static void add(KnownServer& server, const net::Address& address) {
    if (server.addresses.size() < kMaxAddressesOfServer &&
        std::ranges::find(server.addresses, address) == server.addresses.end())
      server.addresses.push_back(address);
  }

  const Cache& cache_;
  std::int64_t now_;
  std::vector<KnownServer> found_;
};

}  // namespace

std::vector<KnownServer> known_servers(const Cache& cache, const std::vector<Forward>& forwards, wire::NameView name,
                                       std::int64_t now) {
  Gatherer gatherer(cache, now);
  const Forward* stub = nullptr;
  for (const auto& each : forwards)
    if (name.is_subdomain_of(each.zone) && (stub == nullptr || each.zone.view().is_subdomain_of(stub->zone)))
      stub = &each;
  for (auto at = name; at.label_count() >= kLeastLabels;) {
    const auto cut = cache.find_delegation(at, now);
    if (!cut || cut->set.owner.view().label_count() < kLeastLabels) break;
    gatherer.add(*cut);
    const auto zone = at.suffix(cut->set.owner.view().label_count());
    const auto own = cache.find(zone, wire::RecordType::ns, now);
    if (own && own->kind == CacheKind::records && own->fresh(now)) gatherer.add(*own);
    at = zone.parent();
  }
  if (stub != nullptr && stub->stub) {  // whatever its depth: who configures a zone's servers means that zone
    gatherer.add(*stub);
    const auto own = cache.find(stub->zone, wire::RecordType::ns, now);
    if (own && own->kind == CacheKind::records && own->fresh(now)) gatherer.add(*own);
  }
  return gatherer.take();
}

}  // namespace placard::recurse
