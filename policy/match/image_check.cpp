// The checks of an image before anything is believed: header and section table at once, the rest when there is time.
#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <cstring>

#include "policy/match/image.hpp"

namespace placard::policy {

std::uint64_t header_checksum(const ImageHeader& header) {
  return XXH3_64bits(reinterpret_cast<const std::uint8_t*>(&header) + kChecksumFrom, sizeof header - kChecksumFrom);
}

std::uint64_t section_checksum(wire::Bytes section) {
  return XXH3_64bits(section.data(), section.size());
}

std::expected<void, std::string> check_image(wire::Bytes image) {
  const auto refuse = [](const char* reason) { return std::unexpected(std::string("policy index: ") + reason); };
  if (image.size() < sizeof(ImageHeader)) return refuse("shorter than its header");
  if (reinterpret_cast<std::uintptr_t>(image.data()) % kImageAlignment != 0) return refuse("not aligned to 64 octets");
  const auto& header = *reinterpret_cast<const ImageHeader*>(image.data());
  if (std::string_view(header.magic.data(), header.magic.size()) != kImageMagic) return refuse("not an index (magic)");
  if (header.version != kImageVersion || header.header_size != sizeof(ImageHeader)) return refuse("of another version");
  if (header.size != image.size()) return refuse("its size is not what its header says");
  if (header.checksum != header_checksum(header)) return refuse("the checksum of its header is wrong: it is damaged");
  for (const auto& place : header.sections) {
    if (place.offset % kImageAlignment != 0 || place.offset < sizeof(ImageHeader) || place.offset > image.size() ||
        place.size > image.size() - place.offset) {
      return refuse("a section lies outside of the image");
    }
  }
  const auto size_of = [&](ImageSection which) { return header.sections[static_cast<std::size_t>(which)].size; };
  const auto buckets = size_of(ImageSection::buckets);  // at least one, fewer than 2^32
  if (buckets == 0 || buckets % sizeof(KeyBucket) != 0 || buckets / sizeof(KeyBucket) > 0xFFFFFFFFU ||
      size_of(ImageSection::rest) % 4 != 0 || size_of(ImageSection::rules) % sizeof(RuleRow) != 0 ||
      size_of(ImageSection::changes) % sizeof(std::int64_t) != 0 || size_of(ImageSection::data) > 0xFFFFFFFFU ||
      size_of(ImageSection::decisions) != std::uint64_t{header.decision_count} * sizeof(DecisionRow) ||
      size_of(ImageSection::audiences) != std::uint64_t{header.audience_count} * sizeof(AudienceRow) ||
      header.audience_count > 0x10000U || header.most_labels > wire::kMaxLabels) {
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

bool payload_is_sound(const RuleRow& row, const ImageView& view) {
  const auto payload = view.data(row.payload, row.payload_size);
  if (payload.size() != row.payload_size) return false;
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

bool text_is_inside(const ImageView& view, std::uint32_t offset, std::uint32_t size) {
  return view.data(offset, size).size() == size;
}

}  // namespace

/// Octets of the group at the start of these: it holds what its heads say, and each key refers to rules. 0: it does
/// not.
std::size_t ImageView::size_of_group(wire::Bytes group) const {
  std::uint16_t count;
  if (group.size() < sizeof count) return 0;
  std::memcpy(&count, group.data(), sizeof count);
  std::size_t at = 2 + 2 * std::size_t{count};
  if (at > group.size()) return 0;
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t size = group[2 + 2 * i];  // the head's low octet
    if (size == 0 || at + size > group.size() || size_of_name(group.subspan(at, size)) != size) return 0;
    const auto found = entry(group, at, size);
    if (!found || found->size() == 0) return 0;
    for (std::size_t n = 0; n < found->size(); ++n)
      if (rule((*found)[n]) == nullptr) return 0;
    at += size + sizeof(std::uint32_t);
  }
  return at;
}

bool ImageView::keys_are_sound() const {
  const auto are_zeros = [](wire::Bytes octets) {
    return std::ranges::all_of(octets, [](std::uint8_t octet) { return octet == 0; });
  };
  std::size_t position = 0;
  for (const auto& bucket : buckets_) {
    const wire::Bytes group = bucket.group;
    const std::size_t size = size_of_group(group);
    if (size == 0 || !are_zeros(group.subspan(size))) return false;
    if (bucket.more == 0) continue;
    if ((std::size_t{bucket.more} - 1) * 4 != position || position >= rest_.size()) return false;
    const std::size_t more = size_of_group(rest_.subspan(position)), end = (position + more + 3) / 4 * 4;
    if (more == 0 || end > rest_.size() || !are_zeros(rest_.subspan(position + more, end - position - more)))
      return false;
    position = end;
  }
  return position == rest_.size();
}

std::expected<void, std::string> verify_image(wire::Bytes image) {
  const auto refuse = [](const char* reason) { return std::unexpected(std::string("policy index: ") + reason); };
  const ImageView view(image);
  std::uint64_t end = sizeof(ImageHeader);
  for (const auto& place : view.header().sections) {
    if (section_checksum(image.subspan(place.offset, place.size)) != place.checksum)
      return refuse("a checksum is wrong: it is damaged");
    if (place.offset < end || place.offset - end >= kImageAlignment) return refuse("its sections are out of order");
    const auto gap = image.subspan(end, place.offset - end);
    if (std::any_of(gap.begin(), gap.end(), [](std::uint8_t octet) { return octet != 0; }))
      return refuse("something stands between its sections: it is damaged");
    end = place.offset + place.size;
  }
  if (end != image.size()) return refuse("something stands behind its sections: it is damaged");
  if (!view.keys_are_sound()) return refuse("a key is broken");
  for (std::uint32_t row = 0; row < view.rules_.size(); ++row) {
    const auto* rule = view.rule(row);
    if (rule == nullptr || view.decision(rule->decision) == nullptr || !payload_is_sound(*rule, view))
      return refuse("a rule is broken");
  }
  for (std::uint32_t row = 0; row < view.decisions_.size(); ++row) {
    const auto* decision = view.decision(row);
    if (decision == nullptr || !text_is_inside(view, decision->id, decision->id_size) ||
        (decision->next != 0 && (decision->next <= row || decision->next >= view.decisions_.size()))) {
      return refuse("a decision is broken");
    }
  }
  for (const auto& row : view.audiences_) {
    if (!text_is_inside(view, row.authority, row.authority_size) || !text_is_inside(view, row.list, row.list_size) ||
        !text_is_inside(view, row.scope, row.scope_size)) {
      return refuse("an audience is broken");
    }
  }
  if (!std::is_sorted(view.changes_.begin(), view.changes_.end())) return refuse("its times are out of order");
  return {};
}

}  // namespace placard::policy
