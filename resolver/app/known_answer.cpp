#include "resolver/app/known_answer.hpp"

#include <algorithm>

#include "resolver/recurse/name_servers.hpp"
#include "zones/wire/ldns_adapter.hpp"

namespace placard::app {
namespace {

recurse::EntryPointer records_of(const recurse::Cache& cache, wire::NameView name, wire::RecordType type,
                                 std::int64_t now) {
  auto entry = cache.find(name, type, now);
  if (!entry || entry->kind != recurse::CacheKind::records || !entry->fresh(now) || entry->set.type != type)
    return nullptr;
  return entry;
}

}  // namespace

std::vector<policy::KnownLink> known_answer(const recurse::Cache& cache, const std::vector<recurse::Forward>& forwards,
                                            wire::NameView name, std::int64_t now) {
  std::vector<policy::KnownLink> links;
  wire::Name at(name);
  while (links.size() < kMaxKnownLinks) {
    const bool again = std::ranges::any_of(links, [&](const auto& link) { return link.name == at; });
    if (again) break;
    auto& link = links.emplace_back();
    link.name = at;
    for (const auto type : {wire::RecordType::a, wire::RecordType::aaaa})
      if (const auto entry = records_of(cache, at, type, now))
        for (const auto rdata : entry->set.rdatas)
          if (const auto address = policy::mapped_address(rdata)) link.addresses.push_back(*address);
    for (const auto& known : recurse::known_servers(cache, forwards, at, now)) {
      auto& server = link.servers.emplace_back(policy::NameServer{known.name, {}});
      for (const auto& address : known.addresses)
        if (const auto mapped = policy::mapped_address(address.bytes())) server.addresses.push_back(*mapped);
    }
    const auto alias = records_of(cache, at, wire::RecordType::cname, now);
    if (!alias) break;
    const auto target = wire::parse_uncompressed_name(*alias->set.rdatas.begin(), 0);
    if (!target) break;
    at = wire::Name(*target);
  }
  return links;
}

}  // namespace placard::app
