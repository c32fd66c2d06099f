// What is known of servers upstream: how fast they answer, whether they do, what they can't, and for which zones they
// are lame. Shared by all workers; sharded by address; a shard's mutex is held for one look or one note.
//
// The table is bounded: a full shard forgets the entry that was used longest ago among a few. Nothing in it is needed
// for correctness, only for speed: a server that is not in it is an unknown one.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "resolver/net/address.hpp"
#include "resolver/net/loop.hpp"
#include "zones/wire/name.hpp"

namespace placard::recurse {

using net::Milliseconds;

struct ServerFacts {
  bool known = false;          ///< it has answered, or failed to
  bool backed_off = false;     ///< several timeouts in a row, and not long ago: ask others first
  bool edns = true;            ///< false: it answered FORMERR or the like to EDNS and was well without
  bool random_case = true;     ///< false: it does not echo the question's case (0x20)
  Milliseconds rtt = 0;        ///< smoothed; grows with timeouts
  Milliseconds timeout = 400;  ///< how long to wait for the next answer
};

struct ServerLimits {
  std::size_t servers = 100'000;  ///< entries, about 100 octets each
  std::size_t lame = 20'000;      ///< (address, zone) pairs remembered
};

class ServerTable {
 public:
  static constexpr Milliseconds kUnknownTimeout = 400;  ///< of a server never asked
  static constexpr Milliseconds kMinTimeout = 100, kMaxTimeout = 2'000;
  static constexpr Milliseconds kMaxBackOff = 60'000;
  static constexpr Milliseconds kForgetQuirks = 900'000;  ///< a server without EDNS or 0x20 gets another chance
  static constexpr Milliseconds kForgetLame = 300'000;

  explicit ServerTable(const ServerLimits& limits = {});
  ~ServerTable();

  ServerFacts facts(const net::Endpoint& server, Milliseconds now) const;
  bool lame(const net::Endpoint& server, wire::NameView zone, Milliseconds now) const;

  void note_answer(const net::Endpoint& server, Milliseconds rtt, Milliseconds now);
  void note_timeout(const net::Endpoint& server, Milliseconds now);
  void note_no_edns(const net::Endpoint& server, Milliseconds now);
  void note_no_random_case(const net::Endpoint& server, Milliseconds now);
  void note_lame(const net::Endpoint& server, wire::NameView zone, Milliseconds now);

  std::size_t size() const;  ///< servers known

 private:
  struct Shard;
  Shard& shard_of(const net::Endpoint& server) const;
  std::vector<std::unique_ptr<Shard>> shards_;
};

}  // namespace placard::recurse
