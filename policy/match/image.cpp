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
  std::uint32_t row;
  std::memcpy(&row, rows_ + n * sizeof row, sizeof row);
  return row;
}

template <typename Row>
std::span<const Row> ImageView::section(ImageSection which) const {
  const auto& place = header().sections[static_cast<std::size_t>(which)];
  return {reinterpret_cast<const Row*>(image_.data() + place.offset),
          static_cast<std::size_t>(place.size) / sizeof(Row)};
}

ImageView::ImageView(wire::Bytes image) : image_(image) {
  rest_ = section<std::uint8_t>(ImageSection::rest);
  data_ = section<std::uint8_t>(ImageSection::data);
  buckets_ = section<KeyBucket>(ImageSection::buckets);
  rules_ = section<RuleRow>(ImageSection::rules);
  decisions_ = section<DecisionRow>(ImageSection::decisions);
  audiences_ = section<AudienceRow>(ImageSection::audiences);
  changes_ = section<std::int64_t>(ImageSection::changes);
}

namespace {

constexpr std::size_t kLine = 64;  // octets that come from the memory at once

std::size_t read16(wire::Bytes octets, std::size_t at) {
  std::uint16_t number;
  std::memcpy(&number, octets.data() + at, sizeof number);
  return number;
}

std::uint32_t read32(wire::Bytes octets, std::size_t at) {
  std::uint32_t number;
  std::memcpy(&number, octets.data() + at, sizeof number);
  return number;
}

/// Keys of a group; 0 where their heads don't fit in, as they may in an image that nobody has verified yet.
std::size_t keys_of(wire::Bytes group) {
  if (group.size() < 2) return 0;
  const std::size_t count = read16(group, 0);
  return 2 + 2 * count <= group.size() ? count : 0;
}

/// place(at) for each key of the group whose head is `wanted`, until it gives true.
template <typename Place>
void each_place(wire::Bytes group, std::size_t wanted, const Place& place) {
  const std::size_t count = keys_of(group);
  std::size_t at = 2 + 2 * count;
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t head = read16(group, 2 + 2 * i);
    if (head == wanted && place(at)) return;
    at += (head & 0xFF) + sizeof(std::uint32_t);
  }
}

}  // namespace

wire::Bytes ImageView::rest_of(const KeyBucket& bucket) const {
  const std::size_t start = (std::size_t{bucket.more} - 1) * 4;
  if (bucket.more == 0 || start >= rest_.size()) return {};
  return rest_.subspan(start);
}

/// What stands at the key at `start`; nothing where it does not lie inside.
std::optional<KeyEntry> ImageView::entry(wire::Bytes group, std::size_t start, std::size_t key_size) const {
  if (start + key_size + sizeof(std::uint32_t) > group.size()) return std::nullopt;
  const auto key = group.subspan(start, key_size);
  const std::uint32_t rows = read32(group, start + key_size);
  if ((rows & kManyRows) == 0) return KeyEntry(key, key.data() + key_size, 1);
  const std::size_t list = std::size_t{rows & ~kManyRows} * 4;
  if (list + sizeof(std::uint32_t) > data_.size()) return std::nullopt;
  const std::size_t count = read32(data_, list);
  if (count > (data_.size() - list) / sizeof(std::uint32_t) - 1) return std::nullopt;
  return KeyEntry(key, data_.data() + list + sizeof(std::uint32_t), count);
}

std::optional<KeyEntry> ImageView::find(wire::Bytes key, std::uint64_t hash) const {
  const auto& home = bucket(hash);
  const std::size_t wanted = head_of(key.size(), hash);
  wire::Bytes group = home.group;
  std::optional<KeyEntry> found;
  const auto compare = [&](std::size_t at) {
    if (at + key.size() > group.size() || std::memcmp(group.data() + at, key.data(), key.size()) != 0) return false;
    found = entry(group, at, key.size());
    return true;
  };
  each_place(group, wanted, compare);
  const auto bits = filter_bits(hash);
  if (found || home.more == 0 || (home.filter & bits) != bits) return found;
  group = rest_of(home);
  each_place(group, wanted, compare);
  return found;
}

void ImageView::visit_group(wire::Bytes group, const std::function<void(const KeyEntry&)>& visit) const {
  const std::size_t count = keys_of(group);
  std::size_t at = 2 + 2 * count;
  for (std::size_t i = 0; i < count && at < group.size(); ++i) {
    const std::size_t size = read16(group, 2 + 2 * i) & 0xFF;
    const auto key = wire::parse_uncompressed_name(group, at);  // nothing, where it was not verified yet
    if (key && key->size() == size)
      if (const auto found = entry(group, at, size)) visit(*found);
    at += size + sizeof(std::uint32_t);
  }
}

void ImageView::each_key(const std::function<void(const KeyEntry&)>& visit) const {
  for (const auto& bucket : buckets_) {
    visit_group(bucket.group, visit);
    visit_group(rest_of(bucket), visit);
  }
}

void ImageView::prefetch(std::uint64_t hash) const {
  const auto* octets = reinterpret_cast<const std::uint8_t*>(&bucket(hash));
  for (std::size_t at = 0; at < sizeof(KeyBucket); at += kLine) wire::prefetch(octets + at);
}

void ImageView::prefetch_key(std::uint64_t hash, std::size_t key_size) const {
  const auto& home = bucket(hash);
  const wire::Bytes group = home.group;
  bool is_here = false;
  each_place(group, head_of(key_size, hash), [&](std::size_t at) {
    is_here = at + key_size + sizeof(std::uint32_t) <= group.size();
    if (!is_here) return true;
    wire::prefetch(group.data() + at);
    wire::prefetch(group.data() + at + key_size + sizeof(std::uint32_t) - 1);
    return true;
  });
  const auto bits = filter_bits(hash);
  if (is_here || home.more == 0 || (home.filter & bits) != bits) return;
  const auto rest = rest_of(home);
  for (std::size_t at = 0; at < std::min(rest.size(), 2 * kLine); at += kLine) wire::prefetch(rest.data() + at);
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
