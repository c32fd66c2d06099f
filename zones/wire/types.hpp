// The numbers of DNS: record types, classes, opcodes, response codes, extended errors (IANA "DNS Parameters").
//
// Any 16-bit value is a valid RecordType (RFC 3597); the enumerators are those that the code treats by name.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

namespace placard::wire {

enum class RecordType : std::uint16_t {
  a = 1,
  ns = 2,
  md = 3,
  mf = 4,
  cname = 5,
  soa = 6,
  mb = 7,
  mg = 8,
  mr = 9,
  null = 10,
  ptr = 12,
  hinfo = 13,
  minfo = 14,
  mx = 15,
  txt = 16,
  rp = 17,
  afsdb = 18,
  rt = 21,
  sig = 24,
  px = 26,
  aaaa = 28,
  nxt = 30,
  srv = 33,
  naptr = 35,
  kx = 36,
  dname = 39,
  opt = 41,
  ds = 43,
  rrsig = 46,
  nsec = 47,
  dnskey = 48,
  nsec3 = 50,
  nsec3param = 51,
  cds = 59,
  cdnskey = 60,
  csync = 62,
  zonemd = 63,
  svcb = 64,
  https = 65,
  resinfo = 261,
  tkey = 249,
  tsig = 250,
  ixfr = 251,
  axfr = 252,
  mailb = 253,
  maila = 254,
  any = 255,
  caa = 257,
};
/// "A", "HTTPS", or "TYPE1234" (RFC 3597).
std::string to_text(RecordType type);
std::optional<RecordType> record_type_from_text(std::string_view text);  ///< any case; "TYPE1234" too
/// QTYPEs and meta types (RFC 6895 3.1): OPT, 128..255. They never stand in a cache or a zone.
constexpr bool is_meta(RecordType type) {
  return type == RecordType::opt ||
         (static_cast<std::uint16_t>(type) >= 128 && static_cast<std::uint16_t>(type) <= 255);
}

enum class RecordClass : std::uint16_t { in = 1, ch = 3, hs = 4, none = 254, any = 255 };
std::string to_text(RecordClass record_class);

enum class Opcode : std::uint8_t { query = 0, iquery = 1, status = 2, notify = 4, update = 5, dso = 6 };

/// With EDNS, twelve bits (RFC 6891 6.1.3).
enum class Rcode : std::uint16_t {
  noerror = 0,
  formerr = 1,
  servfail = 2,
  nxdomain = 3,
  notimp = 4,
  refused = 5,
  yxdomain = 6,
  yxrrset = 7,
  nxrrset = 8,
  notauth = 9,
  notzone = 10,
  badvers = 16,
  badcookie = 23,
};
std::string to_text(Rcode rcode);  ///< "NOERROR", or "RCODE17"

/// Extended DNS Errors (RFC 8914 and the IANA registry).
enum class EdeCode : std::uint16_t {
  other = 0,
  unsupported_dnskey_algorithm = 1,
  unsupported_ds_digest = 2,
  stale_answer = 3,
  forged_answer = 4,
  dnssec_indeterminate = 5,
  dnssec_bogus = 6,
  signature_expired = 7,
  signature_not_yet_valid = 8,
  dnskey_missing = 9,
  rrsigs_missing = 10,
  no_zone_key_bit = 11,
  nsec_missing = 12,
  cached_error = 13,
  not_ready = 14,
  blocked = 15,
  censored = 16,
  filtered = 17,
  prohibited = 18,
  stale_nxdomain = 19,
  not_authoritative = 20,
  not_supported = 21,
  no_reachable_authority = 22,
  network_error = 23,
  invalid_data = 24,
  signature_expired_before_valid = 25,
  too_early = 26,
  unsupported_nsec3_iterations = 27,
  unable_to_conform_to_policy = 28,
  synthesized = 29,
  invalid_query_type = 30,
};
std::string_view to_text(EdeCode code);  ///< the registry's purpose, such as "Censored"

struct ExtendedError {
  EdeCode code = EdeCode::other;
  std::string extra_text;  ///< UTF-8, may be empty
};

}  // namespace placard::wire
