// What is known of servers upstream: how fast they answer, whether they do, what they can't, and for which zones they
// are lame. Shared by all workers; sharded by address; a shard's mutex is held for one look or one note.
//
// It also counts what is in flight to each server, and keeps that below a quota which shrinks while the server leaves
// questions unanswered: a mute server, or one that a flood aims at through us, ties up a few questions, not all.
//
// The table is bounded: a full shard forgets the entry that was used longest ago among a few. Nothing in it is needed
// for correctness, only for speed: a server that is not in it is an unknown one.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "resolver/net/address.hpp"
#include "resolver/net/loop.hpp"
#include "resolver/recurse/cookie.hpp"
#include "zones/wire/name.hpp"
#include "zones/wire/siphash.hpp"

namespace placard::recurse {

using net::Milliseconds;

struct ServerFacts {
  bool known = false;          ///< it has answered, or failed to
  bool backed_off = false;     ///< several timeouts in a row, and not long ago: ask others first
  bool edns = true;            ///< false: it answered FORMERR or the like to EDNS and was well without
  bool random_case = true;     ///< false: it does not echo the question's case (0x20)
  Milliseconds rtt = 0;        ///< smoothed; grows with timeouts
  Milliseconds timeout = 400;  ///< how long to wait for the next answer
  Milliseconds handicap = 0;   ///< of an unknown server when its address family seems not to work here
};

struct ServerLimits {
  std::size_t servers = 100'000;    ///< entries, about 200 octets each
  std::size_t lame = 20'000;        ///< (address, zone) pairs remembered
  std::uint32_t in_flight = 2'000;  ///< questions to one address at once, of all workers; the most the quota can be
  std::uint32_t rate = 0;           ///< questions to one address in a second; 0: only in_flight bounds them
};

/// How a question that begin() let through has ended.
enum class Ending : std::uint8_t {
  answered,
  silent,
  other,  ///< cancelled, or nothing that says how the server is
};

class ServerTable {
 public:
  static constexpr Milliseconds kUnknownTimeout = 400;  ///< of a server never asked
  static constexpr Milliseconds kMinTimeout = 100, kMaxTimeout = 2'000;
  static constexpr Milliseconds kMaxBackOff = 60'000;
  static constexpr Milliseconds kForgetQuirks = 900'000;  ///< a server without EDNS or 0x20 gets another chance
  static constexpr Milliseconds kForgetLame = 300'000;
  static constexpr Milliseconds kForgetCookie = 3'600'000;  ///< RFC 9018 4.3: servers take theirs for an hour
  static constexpr std::uint32_t kMinQuota = 16;            ///< questions in flight to a server that never answers

  explicit ServerTable(const ServerLimits& limits = {});
  ~ServerTable();

  ServerFacts facts(const net::Endpoint& server, Milliseconds now) const;
  bool lame(const net::Endpoint& server, wire::NameView zone, Milliseconds now) const;

  void note_answer(const net::Endpoint& server, Milliseconds rtt, Milliseconds now);
  void note_timeout(const net::Endpoint& server, Milliseconds now);
  void note_no_edns(const net::Endpoint& server, Milliseconds now);
  void note_no_random_case(const net::Endpoint& server, Milliseconds now);
  void note_lame(const net::Endpoint& server, wire::NameView zone, Milliseconds now);

  /// Takes a place among the questions in flight to `server`, which end() gives back, and says with which cookie to
  /// ask: none where the server is known for not bearing one. Nothing: it has as many in flight as it may have.
  std::optional<Cookie> begin(const net::Endpoint& server, Milliseconds now);
  void end(const net::Endpoint& server, Ending ending);
  /// What the server sent as its cookie, in a reply with our client cookie.
  void note_cookie(const net::Endpoint& server, wire::Bytes server_cookie, Milliseconds now);
  /// It does not do cookies, or does no longer: none are sent for a while.
  void note_no_cookie(const net::Endpoint& server, Milliseconds now);

  std::size_t size() const;                                ///< servers known
  std::uint32_t quota(const net::Endpoint& server) const;  ///< questions that may be in flight to it

 private:
  struct Shard;
  Shard& shard_of(const net::Endpoint& server) const;
  void note_family(bool v6, bool works);
  bool family_broken(bool v6) const;

  std::vector<std::unique_ptr<Shard>> shards_;
  ServerLimits limits_;
  wire::SipHashKey secret_;  // of the client cookies; another one at each start
  /// How often servers of a family stay silent that were never heard of, in 1024ths: IPv4, IPv6.
  std::array<std::atomic<std::uint32_t>, 2> family_silence_{};
};

}  // namespace placard::recurse
