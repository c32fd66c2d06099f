// Fair shares of a bounded number of places, so that one client or one zone cannot starve the others.
//
// Dynamic thresholds (Choudhury and Hahne, 1998): each may hold a part of what is still free. Who floods ends at a
// third or a fifth of all places and leaves as much to others, however many flood at once; who asks little is never
// refused while there is room. A few instructions for each question, in memory that never grows.
//
// What is a zone needs no list of public suffixes: the last two labels of a name and the last three are counted both,
// the latter with the smaller part, so that an attack on victim.co.test leaves room for the rest of co.test.
#pragma once

#include <array>
#include <cstdint>
#include <utility>
#include <vector>

#include "resolver/net/address.hpp"
#include "zones/wire/name.hpp"

namespace placard::serve {

/// How many of each key there are, never too few: rows of counters of which the least counts (a count-min sketch).
class KeyCounter {
 public:
  explicit KeyCounter(std::uint64_t seed) : seed_(seed), counts_(kRows * kColumns) {}
  std::uint32_t count(std::uint64_t key) const;
  void add(std::uint64_t key);
  void remove(std::uint64_t key);  ///< REQUIRES: added before

 private:
  static constexpr std::size_t kRows = 2, kColumns = 16'384;
  std::array<std::size_t, kRows> places(std::uint64_t key) const;
  std::uint64_t seed_;
  std::vector<std::uint32_t> counts_;
};

/// What a client's question counts as: its address (or IPv6 /56), and the network around it (/24, /40).
struct ClientKeys {
  std::uint64_t client = 0, network = 0;
};
ClientKeys keys_of(const net::Address& client);
/// What a resolution counts as: the last two labels of its name, and the last three.
struct ZoneKeys {
  std::uint64_t zone = 0, subzone = 0;
};
/// `seed`: a secret, so that nobody can make two zones share a count.
ZoneKeys keys_of(wire::NameView name, std::uint64_t seed);

enum class Admitted : std::uint8_t { yes, full, client, network, zone };

/// Clients hold places and so do zones; the free ones are those that no zone holds.
class FairShares {
 public:
  FairShares(std::size_t places, std::uint64_t seed);

  Admitted admit(const ClientKeys& client) const;
  Admitted admit(const ZoneKeys& zone) const;
  void enter(const ClientKeys& client);
  void leave(const ClientKeys& client);
  void enter(const ZoneKeys& zone);
  void leave(const ZoneKeys& zone);
  std::uint32_t held_by(const ClientKeys& client) const { return clients_.count(client.client); }
  /// How much is held by who holds most of these, and who that is. A network, and a zone of two labels, may be many
  /// people's, and count a quarter.
  std::pair<std::uint32_t, Admitted> most_held(const ClientKeys& client, const ZoneKeys& zone) const;
  std::size_t taken() const { return taken_; }
  std::size_t places() const { return places_; }
  ZoneKeys keys_of(wire::NameView name) const { return serve::keys_of(name, seed_); }

 private:
  bool within(const KeyCounter& counter, std::uint64_t key, std::size_t part) const;

  std::size_t places_, taken_ = 0;
  std::uint64_t seed_;
  KeyCounter clients_, networks_, zones_, subzones_;
};

}  // namespace placard::serve
