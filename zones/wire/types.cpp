// Names of the numbers, as IANA's registry has them (2024); those without one are written as RFC 3597 5 says.
#include "zones/wire/types.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include "zones/wire/ascii.hpp"

namespace placard::wire {
namespace {

struct TypeName {
  std::uint16_t number;
  std::string_view name;
};

constexpr TypeName kTypeNames[] = {
    {1, "A"},        {2, "NS"},      {3, "MD"},          {4, "MF"},       {5, "CNAME"},      {6, "SOA"},
    {7, "MB"},       {8, "MG"},      {9, "MR"},          {10, "NULL"},    {11, "WKS"},       {12, "PTR"},
    {13, "HINFO"},   {14, "MINFO"},  {15, "MX"},         {16, "TXT"},     {17, "RP"},        {18, "AFSDB"},
    {19, "X25"},     {20, "ISDN"},   {21, "RT"},         {22, "NSAP"},    {23, "NSAP-PTR"},  {24, "SIG"},
    {25, "KEY"},     {26, "PX"},     {27, "GPOS"},       {28, "AAAA"},    {29, "LOC"},       {30, "NXT"},
    {31, "EID"},     {32, "NIMLOC"}, {33, "SRV"},        {34, "ATMA"},    {35, "NAPTR"},     {36, "KX"},
    {37, "CERT"},    {38, "A6"},     {39, "DNAME"},      {40, "SINK"},    {41, "OPT"},       {42, "APL"},
    {43, "DS"},      {44, "SSHFP"},  {45, "IPSECKEY"},   {46, "RRSIG"},   {47, "NSEC"},      {48, "DNSKEY"},
    {49, "DHCID"},   {50, "NSEC3"},  {51, "NSEC3PARAM"}, {52, "TLSA"},    {53, "SMIMEA"},    {55, "HIP"},
    {56, "NINFO"},   {57, "RKEY"},   {58, "TALINK"},     {59, "CDS"},     {60, "CDNSKEY"},   {61, "OPENPGPKEY"},
    {62, "CSYNC"},   {63, "ZONEMD"}, {64, "SVCB"},       {65, "HTTPS"},   {66, "DSYNC"},     {99, "SPF"},
    {100, "UINFO"},  {101, "UID"},   {102, "GID"},       {103, "UNSPEC"}, {104, "NID"},      {105, "L32"},
    {106, "L64"},    {107, "LP"},    {108, "EUI48"},     {109, "EUI64"},  {128, "NXNAME"},   {249, "TKEY"},
    {250, "TSIG"},   {251, "IXFR"},  {252, "AXFR"},      {253, "MAILB"},  {254, "MAILA"},    {255, "ANY"},
    {256, "URI"},    {257, "CAA"},   {258, "AVC"},       {259, "DOA"},    {260, "AMTRELAY"}, {261, "RESINFO"},
    {262, "WALLET"}, {32768, "TA"},  {32769, "DLV"},
};
static_assert(std::ranges::is_sorted(kTypeNames, {}, &TypeName::number));

/// Names of at most eight letters as numbers, in their order: zone files ask for one with every record.
constexpr std::size_t kMaxKeySize = 8;
constexpr std::optional<std::uint64_t> key_of(std::string_view name) {
  if (name.size() > kMaxKeySize) return std::nullopt;
  std::uint64_t key = 0;
  for (const char c : name) key = key << 8U | static_cast<std::uint8_t>(upper(c));
  return key;
}

struct TypeKey {
  std::uint64_t key;
  std::uint16_t number;
};
constexpr std::size_t kShortNames =
    std::ranges::count_if(kTypeNames, [](const TypeName& type) { return type.name.size() <= kMaxKeySize; });
constexpr auto kTypeKeys = [] {
  std::array<TypeKey, kShortNames> keys{};
  std::size_t count = 0;
  for (const TypeName& type : kTypeNames) {
    if (const auto key = key_of(type.name)) keys[count++] = {*key, type.number};
  }
  std::ranges::sort(keys, {}, &TypeKey::key);
  return keys;
}();

}  // namespace

std::string to_text(RecordType type) {
  const auto number = static_cast<std::uint16_t>(type);
  const auto* found = std::ranges::lower_bound(kTypeNames, number, {}, &TypeName::number);
  if (found != std::end(kTypeNames) && found->number == number) return std::string(found->name);
  return "TYPE" + std::to_string(number);
}

std::optional<RecordType> record_type_from_text(std::string_view text) {
  if (const auto key = key_of(text)) {
    const auto* found = std::ranges::lower_bound(kTypeKeys, *key, {}, &TypeKey::key);
    if (found != kTypeKeys.end() && found->key == *key) return static_cast<RecordType>(found->number);
  }
  for (const TypeName& type : kTypeNames) {
    if (type.name.size() > kMaxKeySize && equal_upper(type.name, text)) return static_cast<RecordType>(type.number);
  }
  if (text.size() < 5 || !equal_upper(text.substr(0, 4), "TYPE")) return std::nullopt;
  std::uint16_t number = 0;
  const auto [end, error] = std::from_chars(text.data() + 4, text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return static_cast<RecordType>(number);
}

std::string to_text(RecordClass record_class) {
  switch (record_class) {
    case RecordClass::in:
      return "IN";
    case RecordClass::ch:
      return "CH";
    case RecordClass::hs:
      return "HS";
    case RecordClass::none:
      return "NONE";
    case RecordClass::any:
      return "ANY";
  }
  return "CLASS" + std::to_string(static_cast<std::uint16_t>(record_class));
}

std::string to_text(Rcode rcode) {
  switch (rcode) {
    case Rcode::noerror:
      return "NOERROR";
    case Rcode::formerr:
      return "FORMERR";
    case Rcode::servfail:
      return "SERVFAIL";
    case Rcode::nxdomain:
      return "NXDOMAIN";
    case Rcode::notimp:
      return "NOTIMP";
    case Rcode::refused:
      return "REFUSED";
    case Rcode::yxdomain:
      return "YXDOMAIN";
    case Rcode::yxrrset:
      return "YXRRSET";
    case Rcode::nxrrset:
      return "NXRRSET";
    case Rcode::notauth:
      return "NOTAUTH";
    case Rcode::notzone:
      return "NOTZONE";
    case Rcode::badvers:
      return "BADVERS";
    case Rcode::badcookie:
      return "BADCOOKIE";
  }
  return "RCODE" + std::to_string(static_cast<std::uint16_t>(rcode));
}

std::string_view to_text(EdeCode code) {
  static constexpr std::array<std::string_view, 31> kPurposes = {
      "Other",
      "Unsupported DNSKEY Algorithm",
      "Unsupported DS Digest Type",
      "Stale Answer",
      "Forged Answer",
      "DNSSEC Indeterminate",
      "DNSSEC Bogus",
      "Signature Expired",
      "Signature Not Yet Valid",
      "DNSKEY Missing",
      "RRSIGs Missing",
      "No Zone Key Bit Set",
      "NSEC Missing",
      "Cached Error",
      "Not Ready",
      "Blocked",
      "Censored",
      "Filtered",
      "Prohibited",
      "Stale NXDOMAIN Answer",
      "Not Authoritative",
      "Not Supported",
      "No Reachable Authority",
      "Network Error",
      "Invalid Data",
      "Signature Expired before Valid",
      "Too Early",
      "Unsupported NSEC3 Iterations Value",
      "Unable to conform to policy",
      "Synthesized",
      "Invalid Query Type",
  };
  const auto number = static_cast<std::uint16_t>(code);
  return number < kPurposes.size() ? kPurposes[number] : "Unassigned";
}

}  // namespace placard::wire
