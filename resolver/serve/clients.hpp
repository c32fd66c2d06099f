// What the options say about a client, worked out once and remembered: its questions come again and again.
//
// Direct-mapped by address and listener; what another client's place was is worked out anew. One worker's own. All of
// it hangs on the snapshot, so a new one forgets everything (by a stamp, at no cost).
#pragma once

#include <cstdint>
#include <cstring>
#include <vector>

#include "policy/match/index.hpp"
#include "resolver/net/address.hpp"
#include "resolver/serve/prefixes.hpp"

namespace placard::serve {

struct ClientFacts {
  net::Address address;
  std::uint16_t listener = 0;
  std::uint32_t stamp = 0;       ///< of ClientMemo; 0: an empty place
  bool quick = false;            ///< nothing in the options speaks against the quick path for its questions
  bool exempt = false;           ///< verified by its address
  bool recursion = false;        ///< may have recursion on this listener
  bool judged = false;           ///< its view has rules on what comes back: answers must be noted as clean
  Access access = Access::none;  ///< to recursion
  policy::ViewNumber view = 0;   ///< whose decisions hold for it
  std::uint32_t responses = 0;   ///< a second, of this worker, to its network and of each class; 0: no limit
};

class ClientMemo {
 public:
  ClientMemo() : places_(kPlaces) {}
  void forget_all() { ++stamp_; }

  /// `work_out(facts)` fills in what is not the key.
  template <typename WorkOut>
  const ClientFacts& find(const net::Address& address, std::uint16_t listener, const WorkOut& work_out) {
    ClientFacts& facts = places_[place_of(address, listener)];
    if (facts.stamp != stamp_ || facts.listener != listener || facts.address != address) {
      facts = {.address = address, .listener = listener, .stamp = stamp_};
      work_out(facts);
    }
    return facts;
  }

 private:
  static constexpr std::size_t kPlaces = 1'024;  // a power of two; 48 octets each

  static std::size_t place_of(const net::Address& address, std::uint16_t listener) {
    std::uint64_t high, low;
    std::memcpy(&high, address.octets.data(), 8);
    std::memcpy(&low, address.octets.data() + 8, 8);
    const std::uint64_t mixed = (high ^ (low + listener) * 0x9e3779b97f4a7c15U) * 0xbf58476d1ce4e5b9U;
    return static_cast<std::size_t>(mixed >> 32U) & (kPlaces - 1);
  }

  std::vector<ClientFacts> places_;
  std::uint32_t stamp_ = 1;
};

}  // namespace placard::serve
