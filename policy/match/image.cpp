// Reading an image (layout in image.hpp): the hash of names, the probe, and the checks before anything is believed.
#include "policy/match/image.hpp"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <cassert>
#include <cstring>

#include "policy/record/decision.hpp"

namespace placard::policy {

Suffixes::Suffixes(wire::NameView name, std::uint64_t seed, std::size_t most_labels) : size(name.size()) {
  const auto bytes = name.bytes();
  std::transform(bytes.begin(), bytes.end(), lowered.begin(), wire::lower);
  std::array<std::uint8_t, wire::kMaxLabels + 1> starts;  // from the left
  std::size_t at = 0;
  for (; lowered[at] != 0; at += lowered[at] + 1U) starts[labels++] = static_cast<std::uint8_t>(at);
  hashed = std::min(labels, most_labels);
  offset[0] = static_cast<std::uint8_t>(at);
  hash[0] = seed;
  for (std::size_t n = 1; n <= labels; ++n) {
    offset[n] = starts[labels - n];
    if (n <= hashed) hash[n] = XXH3_64bits_withSeed(&lowered[offset[n]], lowered[offset[n]] + 1U, hash[n - 1]);
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
  buckets_ = section<Bucket>(ImageSection::buckets);
  rules_ = section<RuleRow>(ImageSection::rules);
  decisions_ = section<DecisionRow>(ImageSection::decisions);
  ranks_ = section<std::uint16_t>(ImageSection::ranks);
  changes_ = section<std::int64_t>(ImageSection::changes);
}

NameEntry ImageView::entry(std::uint32_t place) const {
  const std::size_t start = std::size_t{place} * 4;
  std::size_t end = start + 1;
  while (names_[end] != 0) end += names_[end] + 1U;
  ++end;
  const auto name = wire::NameView::from_valid(names_.subspan(start + 1, end - start - 1));
  const auto* rows = reinterpret_cast<const std::uint32_t*>(names_.data() + (end + 3) / 4 * 4);
  std::size_t count = names_[start];
  if (count == 255) count = *rows++;
  return {name, {rows, count}};
}

std::optional<NameEntry> ImageView::find(wire::NameView name, std::uint64_t hash) const {
  const auto fingerprint = static_cast<std::uint32_t>(hash);
  std::size_t at = first_bucket(hash);
  for (std::size_t probe = 0; probe < header().longest_probe; ++probe) {
    const Bucket& bucket = buckets_[at];
    for (std::size_t slot = 0; slot < kSlots; ++slot) {
      if (bucket.fingerprint[slot] != fingerprint) continue;
      const std::uint32_t place = bucket.place[slot] & ~kOverflow;
      if (place == 0) break;  // empty slots are the last ones
      const std::uint8_t* stored = names_.data() + std::size_t{place} * 4 + 1;
      if (names_.size() - std::size_t{place} * 4 - 1 >= name.size() &&
          std::memcmp(stored, name.bytes().data(), name.size()) == 0) {
        return entry(place);  // a whole name is never the front of another: both end in the root's zero
      }
    }
    if ((bucket.place[kSlots - 1] & kOverflow) == 0) return std::nullopt;
    at = at + 1 == buckets_.size() ? 0 : at + 1;
  }
  return std::nullopt;
}

std::uint64_t image_checksum(wire::Bytes image) {
  return XXH3_64bits(image.data() + kChecksumFrom, image.size() - kChecksumFrom);
}

std::expected<void, std::string> check_image(wire::Bytes image) {
  const auto refuse = [](const char* reason) { return std::unexpected(std::string("policy index: ") + reason); };
  if (image.size() < sizeof(ImageHeader)) return refuse("shorter than its header");
  if (reinterpret_cast<std::uintptr_t>(image.data()) % kImageAlignment != 0) return refuse("not aligned to 64 octets");
  const auto& header = *reinterpret_cast<const ImageHeader*>(image.data());
  if (std::string_view(header.magic.data(), header.magic.size()) != kImageMagic) return refuse("not an index (magic)");
  if (header.version != kImageVersion || header.header_size != sizeof(ImageHeader)) return refuse("of another version");
  if (header.size != image.size()) return refuse("its size is not what its header says");
  for (const auto& place : header.sections) {
    if (place.offset % kImageAlignment != 0 || place.offset < sizeof(ImageHeader) || place.offset > image.size() ||
        place.size > image.size() - place.offset) {
      return refuse("a section lies outside of the image");
    }
  }
  const auto size_of = [&](ImageSection which) { return header.sections[static_cast<std::size_t>(which)].size; };
  if (size_of(ImageSection::buckets) == 0 || size_of(ImageSection::buckets) % sizeof(Bucket) != 0 ||
      size_of(ImageSection::buckets) / sizeof(Bucket) > 0xFFFFFFFFU || size_of(ImageSection::names) % 4 != 0 ||
      size_of(ImageSection::rules) % sizeof(RuleRow) != 0 ||
      size_of(ImageSection::changes) % sizeof(std::int64_t) != 0 ||
      size_of(ImageSection::decisions) != std::uint64_t{header.decision_count} * sizeof(DecisionRow) ||
      size_of(ImageSection::ranks) != std::uint64_t{header.view_count} * header.source_count * sizeof(std::uint16_t) ||
      header.view_count == 0 || header.view_count > 64 || header.most_labels > wire::kMaxLabels) {
    return refuse("section sizes and counts contradict each other");
  }
  return {};
}

namespace {

// Octets of the uncompressed name at the start of `bytes`, 0 when there is no valid one.
std::size_t size_of_name(wire::Bytes bytes) {
  const std::size_t limit = std::min(bytes.size(), wire::kMaxNameSize);
  for (std::size_t at = 0; at < limit; at += bytes[at] + 1U) {
    if (bytes[at] == 0) return at + 1;
    if (bytes[at] > wire::kMaxLabelSize) return 0;
  }
  return 0;
}

// True when an entry at `place` lies inside of the names section and is whole: name valid, rows inside.
bool entry_is_sound(wire::Bytes names, std::uint32_t place, std::size_t rule_rows) {
  const std::size_t start = std::size_t{place} * 4;
  if (start >= names.size()) return false;
  const std::size_t name_size = size_of_name(names.subspan(start + 1));
  if (name_size == 0) return false;
  std::size_t rows = (start + 1 + name_size + 3) / 4 * 4;
  if (rows + 4 > names.size()) return false;
  const auto word = [&](std::size_t at) { return *reinterpret_cast<const std::uint32_t*>(names.data() + at); };
  std::size_t count = names[start];
  if (count == 255) {
    count = word(rows);
    rows += 4;
  }
  if (count == 0 || count > (names.size() - rows) / 4) return false;
  for (std::size_t i = 0; i < count; ++i) {
    if (word(rows + i * 4) >= rule_rows) return false;
  }
  return true;
}

bool payload_is_sound(const RuleRow& row, wire::Bytes data) {
  if (row.payload > data.size() || row.payload_size > data.size() - row.payload) return false;
  const auto payload = data.subspan(row.payload, row.payload_size);
  if (row.action == static_cast<std::uint8_t>(Action::cname)) {
    return !payload.empty() && size_of_name(payload) == payload.size();
  }
  for (std::size_t at = 0; at < payload.size();) {
    if (payload.size() - at < 4) return false;
    const std::size_t size = payload[at + 2] | payload[at + 3] << 8;
    if (size > payload.size() - at - 4) return false;
    at += 4 + size;
  }
  return true;
}

}  // namespace

std::expected<void, std::string> verify_image(wire::Bytes image) {
  const auto refuse = [](const char* reason) { return std::unexpected(std::string("policy index: ") + reason); };
  const ImageView view(image);
  if (image_checksum(image) != view.header().checksum) return refuse("its checksum is wrong: it is damaged");
  for (const auto& bucket : view.buckets_) {
    for (const auto marked : bucket.place) {
      const std::uint32_t place = marked & ~kOverflow;
      if (place != 0 && !entry_is_sound(view.names_, place, view.rules_.size())) return refuse("a name is broken");
    }
  }
  for (const auto& row : view.rules_) {
    if (row.decision >= view.decisions_.size() || row.match > static_cast<std::uint8_t>(MatchKind::both) ||
        row.action > static_cast<std::uint8_t>(Action::cname) || !payload_is_sound(row, view.data_)) {
      return refuse("a rule is broken");
    }
  }
  for (const auto& row : view.decisions_) {
    if (row.id > view.data_.size() || row.id_size > view.data_.size() - row.id ||
        row.source >= view.header().source_count || row.type > static_cast<std::uint8_t>(DecisionType::emergency) ||
        row.state > static_cast<std::uint8_t>(DecisionState::annulled)) {
      return refuse("a decision is broken");
    }
  }
  if (!std::is_sorted(view.changes_.begin(), view.changes_.end())) return refuse("its times are out of order");
  return {};
}

}  // namespace placard::policy
