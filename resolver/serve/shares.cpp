#include "resolver/serve/shares.hpp"

#include <algorithm>
#include <cassert>

namespace placard::serve {
namespace {

// One may hold a 1/part of what is free: a single flood ends at 1/(part + 1) of all.
constexpr std::size_t kClientPart = 4, kNetworkPart = 2, kZonePart = 2, kSubzonePart = 4;
constexpr std::size_t kAlways = 8;  // places that each may have whatever the others hold, while there is any

std::uint64_t mix(std::uint64_t hash) {
  hash = (hash ^ hash >> 33U) * 0xff51afd7ed558ccdU;
  hash = (hash ^ hash >> 33U) * 0xc4ceb9fe1a85ec53U;
  return hash ^ hash >> 33U;
}

}  // namespace

std::array<std::size_t, KeyCounter::kRows> KeyCounter::places(std::uint64_t key) const {
  const std::uint64_t hash = mix(key ^ seed_);
  return {hash % kColumns, kColumns + (hash >> 32U) % kColumns};
}

std::uint32_t KeyCounter::count(std::uint64_t key) const {
  const auto at = places(key);
  return std::min(counts_[at[0]], counts_[at[1]]);
}

void KeyCounter::add(std::uint64_t key) {
  for (const auto place : places(key)) ++counts_[place];
}

void KeyCounter::remove(std::uint64_t key) {
  for (const auto place : places(key)) {
    assert(counts_[place] > 0);
    --counts_[place];
  }
}

ClientKeys keys_of(const net::Address& client) {
  std::uint64_t octets = 0;
  for (std::size_t i = 0; i < 8; ++i) octets = octets << 8U | client.octets[i];
  const auto first = [&](unsigned bits) {
    return (octets & ~std::uint64_t{0} << (64U - bits)) | (client.v6 ? 1U : 0U);
  };
  return {first(client.v6 ? 56 : 32), first(client.v6 ? 40 : 24)};
}

ZoneKeys keys_of(wire::NameView name, std::uint64_t seed) {
  const std::size_t labels = name.label_count();
  return {name.suffix(std::min<std::size_t>(labels, 2)).hash(seed),
          name.suffix(std::min<std::size_t>(labels, 3)).hash(seed)};
}

FairShares::FairShares(std::size_t places, std::uint64_t seed)
    : places_(places), seed_(seed + 4), clients_(seed), networks_(seed + 1), zones_(seed + 2), subzones_(seed + 3) {}

bool FairShares::within(const KeyCounter& counter, std::uint64_t key, std::size_t part) const {
  const std::size_t free = places_ - std::min(places_, taken_);
  return counter.count(key) < std::max(kAlways, free / part);
}

Admitted FairShares::admit(const ClientKeys& client) const {
  if (!within(clients_, client.client, kClientPart)) return Admitted::client;
  return within(networks_, client.network, kNetworkPart) ? Admitted::yes : Admitted::network;
}

Admitted FairShares::admit(const ZoneKeys& zone) const {
  if (taken_ >= places_) return Admitted::full;
  const bool room = within(subzones_, zone.subzone, kSubzonePart) && within(zones_, zone.zone, kZonePart);
  return room ? Admitted::yes : Admitted::zone;
}

std::pair<std::uint32_t, Admitted> FairShares::most_held(const ClientKeys& client, const ZoneKeys& zone) const {
  constexpr std::uint32_t kOfMany = 4;
  return std::max(
      {std::pair{clients_.count(client.client), Admitted::client},
       std::pair{networks_.count(client.network) / kOfMany, Admitted::network},
       std::pair{std::max(subzones_.count(zone.subzone), zones_.count(zone.zone) / kOfMany), Admitted::zone}});
}

void FairShares::enter(const ClientKeys& client) {
  clients_.add(client.client);
  networks_.add(client.network);
}

void FairShares::leave(const ClientKeys& client) {
  clients_.remove(client.client);
  networks_.remove(client.network);
}

void FairShares::enter(const ZoneKeys& zone) {
  ++taken_;
  zones_.add(zone.zone);
  subzones_.add(zone.subzone);
}

void FairShares::leave(const ZoneKeys& zone) {
  assert(taken_ > 0);
  --taken_;
  zones_.remove(zone.zone);
  subzones_.remove(zone.subzone);
}

}  // namespace placard::serve
