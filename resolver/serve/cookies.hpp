// DNS cookies, the server's side (RFC 7873), in the form that servers of all makes share (RFC 9018).
//
// A server cookie is 16 octets: version 1, three zeros, the time it was made, and SipHash-2-4 of the client's cookie,
// the first eight octets and the client's address. Nothing is kept for a client: whoever has the secret can check it,
// so nodes behind one address share a file of secrets. The first secret makes cookies, all of them are accepted: that
// is how a secret is rolled without a client noticing (RFC 9018 5).
#pragma once

#include <array>
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "resolver/net/address.hpp"
#include "zones/wire/siphash.hpp"

namespace placard::serve {

inline constexpr std::size_t kClientCookieSize = 8;
inline constexpr std::size_t kCookieSize = 24;         ///< client's and server's part
inline constexpr std::size_t kMaxServerCookie = 32;    ///< RFC 7873 4; ours has 16
inline constexpr std::int64_t kCookieLife = 3'600;     ///< seconds, RFC 9018 4.3
inline constexpr std::int64_t kCookieAhead = 300;      ///< seconds a cookie may come from the future
inline constexpr std::int64_t kCookieRenewal = 1'800;  ///< seconds; a good one that is older is answered by a new one
inline constexpr std::size_t kMaxCookieSecrets = 3;

/// The first makes cookies. Empty: no cookies.
using CookieSecrets = std::vector<wire::SipHashKey>;

/// One secret a line, 32 hexadecimal digits; empty lines and lines that start with "#" are skipped. One to
/// kMaxCookieSecrets. The error says which line and what, never what stands in it.
std::expected<CookieSecrets, std::string> parse_cookie_secrets(std::string_view text);

enum class CookieState : std::uint8_t {
  none,       ///< the question has none
  malformed,  ///< of a length that RFC 7873 5.2.2 does not allow: FORMERR
  unproven,   ///< the client's part alone, or with a server's part that is not good
  good,
};

/// What the option of a question is worth, and the option of its answer.
struct CookieCheck {
  CookieState state = CookieState::none;
  std::array<std::uint8_t, kCookieSize> answer;  ///< of unproven and good
};

/// `option`: the data of the COOKIE option. `now`: seconds since the epoch. REQUIRES secrets.
CookieCheck check_cookie(wire::Bytes option, const net::Address& client, const CookieSecrets& secrets,
                         std::int64_t now);

}  // namespace placard::serve
