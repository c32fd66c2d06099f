#include "resolver/serve/cookies.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>

namespace placard::serve {
namespace {

constexpr std::size_t kBefore = 16;  // octets of a whole cookie before its hash: client's part, version, time
constexpr std::array<std::uint8_t, 4> kVersion = {1, 0, 0, 0};

using Cookie = std::array<std::uint8_t, kCookieSize>;

void put_hash(Cookie& cookie, const net::Address& client, const wire::SipHashKey& secret) {
  std::array<std::uint8_t, kBefore + 16> message;
  auto* end = std::copy_n(cookie.begin(), kBefore, message.begin());
  end = std::ranges::copy(client.bytes(), end).out;
  const auto hash = wire::siphash24(secret, {message.data(), static_cast<std::size_t>(end - message.data())});
  std::ranges::copy(hash, cookie.begin() + kBefore);
}

Cookie make_cookie(wire::Bytes client_cookie, const net::Address& client, const wire::SipHashKey& secret,
                   std::int64_t now) {
  Cookie cookie;
  auto* at = std::copy_n(client_cookie.begin(), kClientCookieSize, cookie.begin());
  at = std::ranges::copy(kVersion, at).out;
  for (int shift = 24; shift >= 0; shift -= 8) *at++ = static_cast<std::uint8_t>(now >> shift);
  put_hash(cookie, client, secret);
  return cookie;
}

/// Seconds since it was made, by serial number arithmetic (RFC 9018 4.3); negative: in the future.
std::int32_t age_of(wire::Bytes cookie, std::int64_t now) {
  std::uint32_t made = 0;
  for (std::size_t i = 12; i < 16; ++i) made = made << 8U | cookie[i];
  return static_cast<std::int32_t>(static_cast<std::uint32_t>(now) - made);
}

/// In time that does not depend on how much of it is right.
bool is_made_by(wire::Bytes cookie, const net::Address& client, const wire::SipHashKey& secret) {
  Cookie right;
  std::ranges::copy(cookie, right.begin());
  put_hash(right, client, secret);
  std::uint8_t difference = 0;
  for (std::size_t i = kBefore; i < kCookieSize; ++i) difference |= static_cast<std::uint8_t>(cookie[i] ^ right[i]);
  return difference == 0;
}

}  // namespace

CookieCheck check_cookie(wire::Bytes option, const net::Address& client, const CookieSecrets& secrets,
                         std::int64_t now) {
  assert(!secrets.empty());
  CookieCheck check;
  if (option.size() != kClientCookieSize &&
      (option.size() < 2 * kClientCookieSize || option.size() > kClientCookieSize + kMaxServerCookie)) {
    check.state = CookieState::malformed;
    return check;
  }
  check.state = CookieState::unproven;
  if (option.size() == kCookieSize && option[kClientCookieSize] == kVersion[0]) {
    const auto age = age_of(option, now);
    if (age <= kCookieLife && age >= -kCookieAhead) {
      const auto by = std::ranges::find_if(secrets, [&](const auto& one) { return is_made_by(option, client, one); });
      if (by != secrets.end()) check.state = CookieState::good;
      // What stands in the reserved octets is hashed, but not repeated.
      const bool plain = std::equal(kVersion.begin(), kVersion.end(), option.begin() + kClientCookieSize);
      if (by == secrets.begin() && plain && age <= kCookieRenewal) {
        std::ranges::copy(option, check.answer.begin());
        return check;
      }
    }
  }
  check.answer = make_cookie(option, client, secrets.front(), now);
  return check;
}

std::expected<CookieSecrets, std::string> parse_cookie_secrets(std::string_view text) {
  CookieSecrets secrets;
  const auto digit = [](char c) -> int {
    if (c >= '0' && c <= '9') return c - '0';
    const char small = static_cast<char>(c | 0x20);
    return small >= 'a' && small <= 'f' ? small - 'a' + 10 : -1;
  };
  for (std::size_t number = 1; !text.empty(); ++number) {
    auto line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    while (!line.empty() && (line.back() == '\r' || line.back() == ' ')) line.remove_suffix(1);
    if (line.empty() || line.front() == '#') continue;
    wire::SipHashKey secret;
    if (line.size() != 2 * secret.size() || std::ranges::any_of(line, [&](char c) { return digit(c) < 0; }))
      return std::unexpected(fmt::format("line {}: a secret is {} hexadecimal digits", number, 2 * secret.size()));
    for (std::size_t i = 0; i < secret.size(); ++i)
      secret[i] = static_cast<std::uint8_t>(digit(line[2 * i]) << 4 | digit(line[2 * i + 1]));
    if (secrets.size() == kMaxCookieSecrets)
      return std::unexpected(fmt::format("line {}: more than {} secrets", number, kMaxCookieSecrets));
    secrets.push_back(secret);
  }
  if (secrets.empty()) return std::unexpected("holds no secret");
  return secrets;
}

}  // namespace placard::serve
