// What one client may cost others, and what may be sent to an address that has not shown that it asked.
//
// A client is verified when it asks over TCP, with a good cookie, or from a prefix that is exempt; spoofed packets
// never are, so nothing here holds a verified client's answers back but the limit of questions. Tables are each
// worker's own: a rate is divided by the number of workers, for the system spreads a prefix's packets over all of them.
#pragma once

#include <cstdint>
#include <span>

#include "resolver/net/address.hpp"
#include "resolver/serve/prefixes.hpp"

namespace placard::serve {

/// May change by a reload. Rates are a second's, of the whole server; 0: no limit.
struct LimitOptions {
  PrefixTable exempt;                      ///< addresses that nobody can forge
  std::uint32_t responses = 200;           ///< to one network (/24, /56), of each class, where it may not recurse
  std::uint32_t client_responses = 5'000;  ///< the same, where it may
  std::uint32_t slip = 2;                  ///< of those beyond, one in so many is answered with TC; 0: none
  std::uint32_t questions = 0;             ///< of one address (/56), whatever becomes of them
  std::uint32_t waiting = 1'000;           ///< questions of one unverified client that wait in one worker
  std::uint32_t answer_age = 4'000;        ///< milliseconds; a later answer is not sent to the unverified; 0: it is
  std::uint16_t unverified_size = 1'232;   ///< octets; a larger answer goes over TCP
  bool minimal_any = true;                 ///< ANY of the unverified is answered HINFO (RFC 8482 4.2)
};

inline constexpr std::size_t kRateEntries = 65'536;  ///< prefixes known at a time, of each kind of limit

/// What is limited apart, so that a flood of one kind leaves the others alone.
enum class ResponseClass : std::uint8_t { answer, empty, nxdomain, referral, error };

/// By its header. REQUIRES a whole message.
ResponseClass response_class(std::span<const std::uint8_t> answer);

/// Keys of a RateTable: the network that a spoofer of one victim would use, and the client itself.
std::uint64_t network_key(const net::Address& client, ResponseClass kind);
std::uint64_t client_key(const net::Address& client);

}  // namespace placard::serve
