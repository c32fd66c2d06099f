// How much of a resolver one zone may take: the flights that stand before a zone's servers are counted.
//
// A flood of names below one zone (random subdomains, "water torture") is as many flights as there are names, and each
// stays until the servers answer or the deadline comes. So a zone gets a share of the places that are free: the more
// are taken, the less for each, so that some always remain, however many zones are flooded. It is half of them while
// most of what stood there went on with an answer, little otherwise; and a zone of whose servers none has answered of
// late gets a few places only, to find out when one does again (RFC 9520 3.2).
// Of one worker. No clock, no I/O.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <unordered_map>

#include "zones/wire/name.hpp"

namespace placard::recurse {

class ZoneShares {
 public:
  explicit ZoneShares(std::uint64_t seed) : seed_(seed) {}

  static constexpr std::size_t kGoodShare = 2;   ///< one of so many parts of what is free, for a zone that answers
  static constexpr std::size_t kPoorShare = 16;  ///< and for one that mostly does not
  static constexpr std::size_t kProbes = 8;      ///< that a zone always gets, and all that a silent one gets

  /// A place before a zone's servers, given back when it goes.
  class Place {
   public:
    Place(ZoneShares& shares, wire::NameView zone);
    ~Place();
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;
    /// Whether the zone had a place left for this flight, when `free` more could begin.
    bool granted(std::size_t free, bool silent);
    void answered() { answered_ = true; }  ///< it goes on with what the servers said

   private:
    ZoneShares& shares_;
    std::uint64_t key_;
    std::size_t number_;  // flights of the zone, this one included, when it came
    bool good_, counts_ = false, answered_ = false;
  };

  std::size_t zones() const { return zones_.size(); }

 private:
  struct AsIs {
    std::size_t operator()(std::uint64_t key) const { return key; }
  };
  std::uint64_t seed_;  // so that nobody can make two zones share a count
  struct Zone {
    std::size_t standing = 0;
    std::uint32_t answered = kWhole;  // of those that went: a moving average, in parts of kWhole
  };
  static constexpr std::uint32_t kWhole = 1'024;
  std::unordered_map<std::uint64_t, Zone, AsIs> zones_;  // by the hash of the zone's name; where some stand
};

}  // namespace placard::recurse
