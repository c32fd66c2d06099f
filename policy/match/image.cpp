// Reading an image (layout in image.hpp). The checks of the whole are in image_check.cpp.
#include "policy/match/image.hpp"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <cassert>
#include <cstring>

namespace placard::policy {

std::array<std::uint8_t, kPrefixKeySize> prefix_key(const MappedAddress& address, std::size_t length) {
  std::array<std::uint8_t, kPrefixKeySize> key{};
  key[0] = 17;
  key[1] = static_cast<std::uint8_t>(length);
  const auto network = masked_address(address, length);
  std::copy(network.begin(), network.end(), key.begin() + 2);
  return key;
}

std::uint64_t prefix_hash(wire::Bytes key, std::uint64_t seed) {
  return XXH3_64bits_withSeed(key.data(), key.size(), ~seed);
}

std::uint32_t KeyEntry::operator[](std::size_t n) const {
  if (narrow_) {
    std::uint16_t row;
    std::memcpy(&row, rows_ + n * sizeof row, sizeof row);
    return row;
  }
  std::uint32_t row;
  std::memcpy(&row, rows_ + n * sizeof row, sizeof row);
  return row;
}

FilterBits::FilterBits(std::uint64_t hash, std::size_t blocks)
    : block(static_cast<std::size_t>(((hash >> 32) * blocks) >> 32)) {
  // The high half has chosen the block; nine bits of the mixed low half for each of the four.
  std::uint64_t mixed = (hash & 0xFFFFFFFFU) * 0x9E3779B97F4A7C15U;
  for (auto& bit : bits) {
    bit = static_cast<std::uint16_t>(mixed >> 55);
    mixed <<= 9;
  }
}

template <typename Row>
std::span<const Row> ImageView::section(ImageSection which) const {
  const auto& place = header().sections[static_cast<std::size_t>(which)];
  return {reinterpret_cast<const Row*>(image_.data() + place.offset),
          static_cast<std::size_t>(place.size) / sizeof(Row)};
}

ImageView::ImageView(wire::Bytes image) : image_(image) {
  names_ = section<std::uint8_t>(ImageSection::names);
  data_ = section<std::uint8_t>(ImageSection::data);
  filter_ = section<FilterBlock>(ImageSection::filter);
  buckets_ = section<Bucket>(ImageSection::buckets);
  rules_ = section<RuleRow>(ImageSection::rules);
  decisions_ = section<DecisionRow>(ImageSection::decisions);
  audiences_ = section<AudienceRow>(ImageSection::audiences);
  changes_ = section<std::int64_t>(ImageSection::changes);
}

bool ImageView::may_hold(std::uint64_t hash) const {
  const FilterBits bits(hash, filter_.size());
  const auto& block = filter_[bits.block];
  bool all = true;
  for (const auto bit : bits.bits) all &= (block[bit >> 6] >> (bit & 63) & 1) != 0;
  return all;
}

// REQUIRES: the key of `key_size` octets at `place` lies inside of the names.
std::optional<KeyEntry> ImageView::entry(std::uint32_t place, std::size_t key_size) const {
  const std::size_t start = std::size_t{place} * 4;
  const auto key = names_.subspan(start + 1, key_size);
  std::size_t count = names_[start];
  std::size_t rows = start + 1 + key_size;
  if (count == 0) {
    if (names_.size() - rows < 2) return std::nullopt;
    return KeyEntry(key, names_.data() + rows, 1, true);
  }
  rows = (rows + 3) / 4 * 4;
  if (count == 255) {
    std::uint32_t real;
    if (rows + sizeof real > names_.size()) return std::nullopt;
    std::memcpy(&real, names_.data() + rows, sizeof real);
    rows += sizeof real;
    count = real;
  }
  if (rows > names_.size() || count > (names_.size() - rows) / sizeof(std::uint32_t)) return std::nullopt;
  return KeyEntry(key, names_.data() + rows, count, false);
}

std::optional<KeyEntry> ImageView::find(wire::Bytes key, std::uint64_t hash) const {
  const auto fingerprint = static_cast<std::uint32_t>(hash);
  std::size_t at = first_bucket(hash);
  for (std::size_t probe = 0; probe < header().longest_probe; ++probe) {
    const Bucket& bucket = buckets_[at];
    for (std::size_t slot = 0; slot < kSlots; ++slot) {
      if (bucket.fingerprint[slot] != fingerprint) continue;
      const std::uint32_t place = bucket.place[slot] & ~kOverflow;
      if (place == 0) break;  // empty slots are the last ones
      const std::size_t start = std::size_t{place} * 4 + 1;
      if (start > names_.size() || names_.size() - start < key.size()) continue;
      // A whole key is never the front of another: each ends in the zero that ends a name.
      if (std::memcmp(names_.data() + start, key.data(), key.size()) == 0) return entry(place, key.size());
    }
    if ((bucket.place[kSlots - 1] & kOverflow) == 0) return std::nullopt;
    at = at + 1 == buckets_.size() ? 0 : at + 1;
  }
  return std::nullopt;
}

void ImageView::each_key(const std::function<void(const KeyEntry&)>& visit) const {
  for (const auto& bucket : buckets_) {
    for (const auto marked : bucket.place) {
      const std::size_t start = std::size_t{marked & ~kOverflow} * 4 + 1;
      if (start == 1 || start >= names_.size()) continue;  // empty, or not verified yet
      const auto key = wire::parse_uncompressed_name(names_, start);
      if (!key) continue;
      if (const auto found = entry(marked & ~kOverflow, key->size())) visit(*found);
    }
  }
}

void ImageView::prefetch_key(std::uint64_t hash) const {
  const auto fingerprint = static_cast<std::uint32_t>(hash);
  const Bucket& bucket = buckets_[first_bucket(hash)];
  for (std::size_t slot = 0; slot < kSlots; ++slot) {
    if (bucket.fingerprint[slot] != fingerprint) continue;
    const std::size_t start = std::size_t{bucket.place[slot] & ~kOverflow} * 4;
    if (start < names_.size()) __builtin_prefetch(names_.data() + start);
  }
}

bool ImageView::has_depth(Trigger trigger, std::size_t labels) const {
  const auto& depths = header().depths[trigger == Trigger::nsdname ? 1 : 0];
  return labels < 128 && (depths[labels >> 6] >> (labels & 63) & 1) != 0;
}

std::optional<std::size_t> ImageView::next_length(Trigger trigger, bool ipv4, std::size_t below) const {
  const std::size_t which = trigger == Trigger::client_ip ? 0 : trigger == Trigger::response_ip ? 1 : 2;
  const auto& lengths = header().lengths[which][ipv4 ? 1 : 0];
  const std::size_t least = ipv4 ? 96 : 0;
  for (std::size_t length = std::min<std::size_t>(below, 129); length-- > least;) {
    const std::uint64_t word = lengths[length >> 6] << (63 - (length & 63));
    if (word == 0) {
      length -= length & 63;  // nothing down to the word's first bit
      continue;
    }
    length -= static_cast<std::size_t>(std::countl_zero(word));
    return length < least ? std::nullopt : std::optional(length);
  }
  return std::nullopt;
}

const RuleRow* ImageView::rule(std::uint32_t row) const {
  if (row >= rules_.size()) return nullptr;
  const auto& rule = rules_[row];
  const bool known = rule.match <= static_cast<std::uint8_t>(MatchKind::both) &&
                     rule.trigger <= static_cast<std::uint8_t>(Trigger::nsip) &&
                     (rule.action <= static_cast<std::uint8_t>(Action::cname) || rule.action == kRemoved);
  return known ? &rule : nullptr;
}

const DecisionRow* ImageView::decision(std::uint32_t row) const {
  if (row >= decisions_.size()) return nullptr;
  const auto& decision = decisions_[row];
  const bool known = decision.type <= static_cast<std::uint8_t>(DecisionType::emergency) &&
                     decision.state <= static_cast<std::uint8_t>(DecisionState::annulled) &&
                     decision.audience < audiences_.size();
  return known ? &decision : nullptr;
}

wire::Bytes ImageView::data(std::uint32_t offset, std::uint32_t size) const {
  if (offset > data_.size() || size > data_.size() - offset) return {};
  return data_.subspan(offset, size);
}

std::string_view list_of(const ImageView& image, const DecisionRow& decision) {
  const auto& audience = *image.audience(decision.audience);
  return image.text(audience.list, audience.list_size);
}

std::uint32_t behind_chain(const ImageView& image, std::uint32_t head) {
  for (;;) {
    const auto* decision = image.decision(head);
    // Only upwards and inside the table, whatever an image says that nobody has verified yet.
    const bool goes_on = decision != nullptr && decision->next > head && decision->next < image.decisions().size();
    if (!goes_on) return head + 1;
    head = decision->next;
  }
}

std::optional<std::uint32_t> find_decision(const ImageView& image, std::int64_t number, std::string_view list) {
  const auto rows = image.decisions();
  const auto first = std::lower_bound(rows.begin(), rows.end(), number,
                                      [](const DecisionRow& row, std::int64_t wanted) { return row.number < wanted; });
  for (auto row = static_cast<std::uint32_t>(first - rows.begin()); row < rows.size() && rows[row].number == number;
       row = behind_chain(image, row)) {
    const auto* decision = image.decision(row);
    if (decision != nullptr && list_of(image, *decision) == list) return row;
  }
  return std::nullopt;
}

}  // namespace placard::policy
