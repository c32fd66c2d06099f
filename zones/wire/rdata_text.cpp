// Each field of rdata is a letter of its type's row in the table; each letter a small function.
#include "zones/wire/rdata_text.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <ctime>

#include "zones/wire/ascii.hpp"
#include "zones/wire/nsec3.hpp"
#include "zones/wire/octets.hpp"
#include "zones/wire/octets_text.hpp"
#include "zones/wire/presentation.hpp"
#include "zones/wire/type_bitmap.hpp"

namespace placard::wire {
namespace {

constexpr std::size_t kMaxStringSize = 255;

/// The fields of a type, one letter each:
///   1 2 4  a number of so many octets       t  seconds, units allowed       T  a moment: YYYYMMDDHHMMSS or a number
///   n      a name                           a  an IPv4 address              A  an IPv6 address
///   s      a character-string               S  one or more to the end       c  a record type's name
///   v      the octets of a string, which reach to the end of the rdata
///   H B    hexadecimal or base64 to the end D  as B, "-" for nothing        l  a salt: hexadecimal or "-"
///   h      a hash in base32hex              b  types to the end, as a bitmap
///   g      a DNSSEC algorithm, number or name
///   N      DSYNC's scheme                   R  AMTRELAY's relay, whose type it names itself
constexpr std::string_view fields_of(RecordType type) {
  using enum RecordType;
  switch (type) {
    case a:
      return "a";
    case aaaa:
      return "A";
    case ns:
    case cname:
    case dname:
    case ptr:
      return "n";
    case mx:
      return "2n";
    case soa:
      return "nn4tttt";
    case txt:
      return "S";
    case srv:
      return "222n";
    case naptr:
      return "22sssn";
    case ds:
    case cds:
      return "2g1H";
    case dnskey:
    case cdnskey:
      return "21gB";
    case rrsig:
      return "cg14TT2nB";
    case nsec:
      return "nb";
    case nsec3:
      return "112lhb";
    case nsec3param:
      return "112l";
    case caa:
      return "1sv";
    default:
      break;
  }
  switch (static_cast<std::uint16_t>(type)) {
    case 44:  // SSHFP
      return "11H";
    case 52:  // TLSA
      return "111H";
    case 57:  // RKEY
      return "211B";
    case 66:  // DSYNC (RFC 9859)
      return "cN2n";
    case 259:  // DOA
      return "441sD";
    case 260:  // AMTRELAY (RFC 8777)
      return "1R";
    case 32768:  // TA
      return "211H";
    default:
      return "";
  }
}

int hex_value(char c) {
  if (is_digit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

class FieldReader {
 public:
  FieldReader(std::string_view text, NameView origin, std::vector<std::uint8_t>& out)
      : rest_(text), origin_(origin), out_(out) {
    while (!rest_.empty() && (rest_.front() == ' ' || rest_.front() == '\t')) rest_.remove_prefix(1);
  }

  std::expected<void, TextError> read(std::string_view fields) {
    for (const char field : fields) {
      if (!take(field)) return std::unexpected(std::move(error_));
    }
    if (rest_.empty()) return {};
    return std::unexpected(TextError{"more than the type has room for", rest_});
  }

 private:
  bool take(char kind);
  bool field();  ///< the next one, into field_; false: there is none
  bool fail(std::string reason) { return fail(std::move(reason), field_); }
  bool fail(std::string reason, std::string_view where) {
    error_ = {std::move(reason), where};
    return false;
  }

  bool number(std::size_t octets);
  bool seconds();
  bool moment();
  bool name();
  bool address(int family);
  bool string();
  bool string_octets();
  bool strings();
  bool type();
  bool hexadecimal(std::string_view digits);
  bool hexadecimal_to_end();
  bool base64_to_end(bool dash_is_nothing);
  bool salt();
  bool hash();
  bool bitmap();
  bool algorithm();
  bool scheme();
  bool relay();

  void put8(std::uint8_t value) { out_.push_back(value); }
  void put16(std::uint16_t value) {
    out_.resize(out_.size() + 2);
    store16(&out_[out_.size() - 2], value);
  }
  void put32(std::uint32_t value) {
    out_.resize(out_.size() + 4);
    store32(&out_[out_.size() - 4], value);
  }

  std::string_view rest_, field_;
  NameView origin_;
  std::vector<std::uint8_t>& out_;
  TextError error_;
};

bool FieldReader::field() {
  if (rest_.empty()) return fail("a field is missing", rest_);
  field_ = take_field(rest_);
  return true;
}

bool FieldReader::take(char kind) {
  switch (kind) {
    case '1':
      return number(1);
    case '2':
      return number(2);
    case '4':
      return number(4);
    case 't':
      return seconds();
    case 'T':
      return moment();
    case 'n':
      return name();
    case 'a':
      return address(AF_INET);
    case 'A':
      return address(AF_INET6);
    case 's':
      return string();
    case 'v':
      return string_octets();
    case 'S':
      return strings();
    case 'c':
      return type();
    case 'H':
      return hexadecimal_to_end();
    case 'B':
      return base64_to_end(false);
    case 'D':
      return base64_to_end(true);
    case 'l':
      return salt();
    case 'h':
      return hash();
    case 'b':
      return bitmap();
    case 'g':
      return algorithm();
    case 'N':
      return scheme();
    case 'R':
      return relay();
    default:
      return fail("no such field");
  }
}

bool FieldReader::number(std::size_t octets) {
  if (!field()) return false;
  std::uint32_t value = 0;
  const char* end = field_.data() + field_.size();
  const auto [at, error] = std::from_chars(field_.data(), end, value);
  if (error != std::errc() || at != end || (octets < 4 && value >> (8 * octets) != 0)) {
    return fail("not a number of " + std::to_string(octets) + (octets == 1 ? " octet" : " octets"));
  }
  if (octets == 1) put8(static_cast<std::uint8_t>(value));
  if (octets == 2) put16(static_cast<std::uint16_t>(value));
  if (octets == 4) put32(value);
  return true;
}

/// Of a SOA: as large as the field holds, unlike a TTL, when no unit is named.
bool FieldReader::seconds() {
  if (!field()) return false;
  std::uint32_t value = 0;
  const char* end = field_.data() + field_.size();
  const auto [at, error] = std::from_chars(field_.data(), end, value);
  if (error != std::errc() || at != end) {
    const auto with_units = ttl_from_text(field_);
    if (!with_units) return fail("not a number of seconds");
    value = *with_units;
  }
  put32(value);
  return true;
}

/// RFC 4034 3.2: in 32 bits, which go round (RFC 1982).
bool FieldReader::moment() {
  constexpr std::size_t kSize = 14;
  if (!field()) return false;
  if (!std::ranges::all_of(field_, is_digit)) return fail("not a moment such as 20260131235959");
  if (field_.size() != kSize) {
    std::uint32_t value = 0;
    const char* end = field_.data() + field_.size();
    const auto [at, error] = std::from_chars(field_.data(), end, value);
    if (error != std::errc() || at != end) return fail("not a moment such as 20260131235959");
    put32(value);
    return true;
  }
  const auto part = [this](std::size_t from, std::size_t size) {
    int value = 0;
    for (std::size_t i = from; i < from + size; ++i) value = 10 * value + (field_[i] - '0');
    return value;
  };
  std::tm time{};
  time.tm_year = part(0, 4) - 1900;
  time.tm_mon = part(4, 2) - 1;
  time.tm_mday = part(6, 2);
  time.tm_hour = part(8, 2);
  time.tm_min = part(10, 2);
  time.tm_sec = part(12, 2);
  if (time.tm_year < 70 || time.tm_mon < 0 || time.tm_mon > 11 || time.tm_mday < 1 || time.tm_mday > 31 ||
      time.tm_hour > 23 || time.tm_min > 59 || time.tm_sec > 59) {
    return fail("no such moment");
  }
  put32(static_cast<std::uint32_t>(::timegm(&time)));
  return true;
}

bool FieldReader::name() {
  if (!field()) return false;
  const auto parsed = name_from_text(field_, origin_);
  if (!parsed) return fail(std::string(to_text(parsed.error())));
  const Bytes bytes = parsed->view().bytes();
  out_.insert(out_.end(), bytes.begin(), bytes.end());
  return true;
}

bool FieldReader::address(int family) {
  if (!field()) return false;
  std::array<char, INET6_ADDRSTRLEN + 1> text;
  std::array<std::uint8_t, 16> octets;
  const bool fits = field_.size() < text.size();
  if (fits) {
    std::ranges::copy(field_, text.begin());
    text[field_.size()] = '\0';
  }
  if (!fits || ::inet_pton(family, text.data(), octets.data()) != 1) {
    return fail(family == AF_INET ? "not an IPv4 address" : "not an IPv6 address");
  }
  out_.insert(out_.end(), octets.begin(), octets.begin() + (family == AF_INET ? 4 : 16));
  return true;
}

/// Quoted or not; an escape is an octet (RFC 1035 5.1).
bool FieldReader::string() {
  const std::size_t size_at = out_.size();
  put8(0);
  if (!string_octets()) return false;
  const std::size_t size = out_.size() - size_at - 1;
  if (size > kMaxStringSize) return fail("a string of more than 255 octets");
  out_[size_at] = static_cast<std::uint8_t>(size);
  return true;
}

bool FieldReader::string_octets() {
  if (!field()) return false;
  const auto read = append_string(field_, out_);
  return read || fail(std::string(read.error()));
}

bool FieldReader::strings() {
  do {
    if (!string()) return false;
  } while (!rest_.empty());
  return true;
}

bool FieldReader::type() {
  if (!field()) return false;
  const auto type = record_type_from_text(field_);
  if (!type) return fail("not a record type");
  put16(static_cast<std::uint16_t>(*type));
  return true;
}

bool FieldReader::hexadecimal(std::string_view digits) {
  if (digits.size() % 2 != 0) return fail("an odd number of hexadecimal digits");
  for (std::size_t i = 0; i < digits.size(); i += 2) {
    const int high = hex_value(digits[i]), low = hex_value(digits[i + 1]);
    if (high < 0 || low < 0) return fail("not a hexadecimal digit", digits.substr(high < 0 ? i : i + 1, 1));
    put8(static_cast<std::uint8_t>(high << 4 | low));
  }
  return true;
}

/// Blanks may stand anywhere between the digits.
bool FieldReader::hexadecimal_to_end() {
  if (!field()) return false;
  if (rest_.empty()) return hexadecimal(field_);
  std::string joined(field_);
  while (!rest_.empty()) joined += take_field(rest_);
  if (!hexadecimal(joined)) return fail(std::move(error_.reason));
  return true;
}

bool FieldReader::base64_to_end(bool dash_is_nothing) {
  if (!field()) return false;
  if (dash_is_nothing && field_ == "-") return true;
  const std::string_view text(field_.data(), field_.size() + (rest_.data() + rest_.size() - field_.end()));
  rest_ = {};
  const auto read = append_base64(text, out_);
  return read || fail(std::string(read.error()));
}

bool FieldReader::salt() {
  if (!field()) return false;
  if (field_ == "-") {
    put8(0);
    return true;
  }
  if (field_.size() / 2 > 255) return fail("a salt of more than 255 octets");
  put8(static_cast<std::uint8_t>(field_.size() / 2));
  return hexadecimal(field_);
}

bool FieldReader::hash() {
  if (!field()) return false;
  const auto hash = nsec3_hash_of_label({reinterpret_cast<const std::uint8_t*>(field_.data()), field_.size()});
  if (!hash) return fail("not a hash in base32hex");
  put8(kNsec3HashSize);
  out_.insert(out_.end(), hash->begin(), hash->end());
  return true;
}

bool FieldReader::bitmap() {
  std::array<RecordType, 64> types;
  std::size_t count = 0;
  while (!rest_.empty()) {
    field();
    const auto type = record_type_from_text(field_);
    if (!type) return fail("not a record type");
    if (count == types.size()) return fail("more than 64 types");
    types[count++] = *type;
  }
  append_type_bitmap({types.data(), count}, out_);
  return true;
}

/// The mnemonics of RFC 4034 A.1 and IANA's registry.
bool FieldReader::algorithm() {
  struct Algorithm {
    std::string_view name;
    std::uint8_t number;
  };
  static constexpr Algorithm kAlgorithms[] = {
      {"RSAMD5", 1},
      {"DH", 2},
      {"DSA", 3},
      {"RSASHA1", 5},
      {"DSA-NSEC3-SHA1", 6},
      {"RSASHA1-NSEC3-SHA1", 7},
      {"RSASHA256", 8},
      {"RSASHA512", 10},
      {"ECC-GOST", 12},
      {"ECDSAP256SHA256", 13},
      {"ECDSAP384SHA384", 14},
      {"ED25519", 15},
      {"ED448", 16},
      {"INDIRECT", 252},
      {"PRIVATEDNS", 253},
      {"PRIVATEOID", 254},
  };
  const std::string_view before = rest_;
  if (!field()) return false;
  const auto* found = std::ranges::find(kAlgorithms, field_, &Algorithm::name);
  if (found == std::end(kAlgorithms)) {
    rest_ = before;
    return number(1);
  }
  put8(found->number);
  return true;
}

bool FieldReader::scheme() {
  const std::string_view before = rest_;
  if (!field()) return false;
  if (field_ != "NOTIFY") {
    rest_ = before;
    return number(1);
  }
  put8(1);
  return true;
}

/// RFC 8777 4.2.1: discovery optional (one bit), type (seven bits), then what the type says.
bool FieldReader::relay() {
  const std::size_t at = out_.size();
  if (!number(1)) return false;
  if (out_[at] > 1) return fail("discovery optional is 0 or 1");
  if (!number(1)) return false;
  const std::uint8_t type = out_[at + 1];
  if (type > 3) return fail("a relay type above 3 has no text (write the rdata as \\#)");
  out_[at] = static_cast<std::uint8_t>(out_[at] << 7 | type);
  out_.pop_back();
  if (type == 1) return address(AF_INET);
  if (type == 2) return address(AF_INET6);
  if (type == 3) return name();
  if (!field()) return false;
  return field_ == "." || fail("relay type 0 wants \".\"");
}

}  // namespace

bool has_rdata_fields(RecordType type) {
  return !fields_of(type).empty();
}

std::expected<void, TextError> parse_rdata_fields(RecordType type, std::string_view text, NameView origin,
                                                  std::vector<std::uint8_t>& out) {
  return FieldReader(text, origin, out).read(fields_of(type));
}

}  // namespace placard::wire
