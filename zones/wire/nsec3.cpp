// SHA-1 through OpenSSL's plain functions, which neither allocate nor look up providers; they are marked as deprecated
// since 3.0 in favour of others that do both.
#define OPENSSL_API_COMPAT 10101
#include "zones/wire/nsec3.hpp"

#include <openssl/sha.h>

#include <algorithm>
#include <cassert>
#include <cstring>

#include "zones/wire/octets.hpp"

namespace placard::wire {
namespace {

constexpr char kDigits[] = "0123456789abcdefghijklmnopqrstuv";
constexpr std::size_t kParametersSize = 5;  // algorithm, flags, iterations, salt length

int digit_value(std::uint8_t octet) {
  const std::uint8_t low = lower(octet);
  if (low >= '0' && low <= '9') return low - '0';
  if (low >= 'a' && low <= 'v') return low - 'a' + 10;
  return -1;
}

void sha1(Bytes data, Bytes salt, Nsec3Hash& out) {
  SHA_CTX context;
  SHA1_Init(&context);
  SHA1_Update(&context, data.data(), data.size());
  if (!salt.empty()) SHA1_Update(&context, salt.data(), salt.size());
  SHA1_Final(out.data(), &context);
}

/// The parameters at the start of `rdata`; moves it behind them.
std::optional<Nsec3Parameters> take_parameters(Bytes& rdata) {
  if (rdata.size() < kParametersSize || rdata.size() < kParametersSize + rdata[4]) return std::nullopt;
  Nsec3Parameters parameters;
  parameters.algorithm = rdata[0];
  parameters.flags = rdata[1];
  parameters.iterations = load16(rdata.data() + 2);
  parameters.salt = rdata.subspan(kParametersSize, rdata[4]);
  rdata = rdata.subspan(kParametersSize + rdata[4]);
  return parameters;
}

}  // namespace

bool Nsec3Parameters::same_chain(const Nsec3Parameters& other) const {
  return algorithm == other.algorithm && iterations == other.iterations && std::ranges::equal(salt, other.salt);
}

Nsec3Hash nsec3_hash(NameView name, const Nsec3Parameters& parameters) {
  assert(parameters.algorithm == kNsec3Sha1);
  std::uint8_t canonical[kMaxNameSize];
  std::ranges::transform(name.bytes(), canonical, lower);
  Nsec3Hash hash;
  sha1({canonical, name.size()}, parameters.salt, hash);
  for (unsigned i = 0; i < parameters.iterations; ++i) sha1(hash, parameters.salt, hash);
  return hash;
}

std::array<std::uint8_t, kNsec3LabelSize> nsec3_label(const Nsec3Hash& hash) {
  std::array<std::uint8_t, kNsec3LabelSize> label;
  std::size_t at = 0;
  for (std::size_t i = 0; i < kNsec3HashSize; i += 5) {  // 40 bits are eight digits
    std::uint64_t bits = 0;
    for (std::size_t k = 0; k < 5; ++k) bits = bits << 8U | hash[i + k];
    for (int shift = 35; shift >= 0; shift -= 5) label[at++] = static_cast<std::uint8_t>(kDigits[bits >> shift & 31U]);
  }
  return label;
}

std::optional<Nsec3Hash> nsec3_hash_of_label(Bytes label) {
  if (label.size() != kNsec3LabelSize) return std::nullopt;
  Nsec3Hash hash;
  for (std::size_t group = 0; group < 4; ++group) {
    std::uint64_t bits = 0;
    for (std::size_t k = 0; k < 8; ++k) {
      const int value = digit_value(label[group * 8 + k]);
      if (value < 0) return std::nullopt;
      bits = bits << 5U | static_cast<unsigned>(value);
    }
    for (std::size_t k = 0; k < 5; ++k) hash[group * 5 + k] = static_cast<std::uint8_t>(bits >> (32 - 8 * k));
  }
  return hash;
}

Name nsec3_owner(const Nsec3Hash& hash, NameView zone) {
  const auto owner = Name::prepend(nsec3_label(hash), zone);
  assert(owner);
  return *owner;
}

std::optional<Nsec3View> parse_nsec3(Bytes rdata) {
  const auto parameters = take_parameters(rdata);
  if (!parameters || rdata.empty() || rdata[0] == 0 || rdata.size() < 1U + rdata[0]) return std::nullopt;
  const Bytes next = rdata.subspan(1, rdata[0]);
  if (parameters->algorithm == kNsec3Sha1 && next.size() != kNsec3HashSize) return std::nullopt;
  const auto types = TypeBitmap::parse(rdata.subspan(1 + next.size()));
  if (!types) return std::nullopt;
  return Nsec3View{*parameters, next, *types};
}

std::optional<Nsec3Parameters> parse_nsec3param(Bytes rdata) {
  const auto parameters = take_parameters(rdata);
  return rdata.empty() ? parameters : std::nullopt;
}

bool nsec3_covers(const Nsec3Hash& own, Bytes next, const Nsec3Hash& hash) {
  const bool after = std::ranges::lexicographical_compare(own, hash);
  const bool before = std::ranges::lexicographical_compare(hash, next);
  const bool last =
      !std::ranges::lexicographical_compare(own, next);  // the chain's end; alone it covers all but itself
  if (last) return (after || before) && hash != own;
  return after && before;
}

}  // namespace placard::wire
