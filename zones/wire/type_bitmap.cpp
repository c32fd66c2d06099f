#include "zones/wire/type_bitmap.hpp"

#include <algorithm>

namespace placard::wire {
namespace {

constexpr std::size_t kMaxWindowSize = 32;  // octets: 256 types

}  // namespace

std::optional<TypeBitmap> TypeBitmap::parse(Bytes octets) {
  int last = -1;
  for (Bytes rest = octets; !rest.empty();) {
    if (rest.size() < 2) return std::nullopt;
    const std::size_t size = rest[1];
    if (rest[0] <= last || size == 0 || size > kMaxWindowSize || rest.size() < 2 + size) return std::nullopt;
    last = rest[0];
    rest = rest.subspan(2 + size);
  }
  return TypeBitmap(octets);
}

bool TypeBitmap::has(RecordType type) const {
  const auto number = static_cast<std::uint16_t>(type);
  const std::size_t window = number >> 8, octet = (number & 0xffU) >> 3;
  for (Bytes rest = octets_; !rest.empty(); rest = rest.subspan(2U + rest[1])) {
    if (rest[0] != window) continue;
    return octet < rest[1] && (rest[2 + octet] & (0x80U >> (number & 7U))) != 0;
  }
  return false;
}

void append_type_bitmap(std::span<const RecordType> types, std::vector<std::uint8_t>& out) {
  std::vector<std::uint16_t> numbers;
  for (const auto type : types) numbers.push_back(static_cast<std::uint16_t>(type));
  std::ranges::sort(numbers);
  for (std::size_t i = 0; i < numbers.size();) {
    const unsigned window = numbers[i] >> 8U;
    std::uint8_t bits[kMaxWindowSize] = {};
    std::size_t size = 0;
    for (; i < numbers.size() && numbers[i] >> 8U == window; ++i) {
      const std::size_t octet = (numbers[i] & 0xffU) >> 3U;
      bits[octet] = static_cast<std::uint8_t>(bits[octet] | 0x80U >> (numbers[i] & 7U));
      size = octet + 1;
    }
    out.push_back(static_cast<std::uint8_t>(window));
    out.push_back(static_cast<std::uint8_t>(size));
    out.insert(out.end(), bits, bits + size);
  }
}

std::optional<NsecView> parse_nsec(Bytes rdata) {
  const auto next = parse_uncompressed_name(rdata, 0);
  if (!next) return std::nullopt;
  const auto types = TypeBitmap::parse(rdata.subspan(next->size()));
  if (!types) return std::nullopt;
  return NsecView{*next, *types};
}

}  // namespace placard::wire
