#include "policy/match/image_builder.hpp"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <cassert>
#include <cstring>
#include <new>
#include <random>
#include <utility>

#include "policy/match/views.hpp"

namespace placard::policy {

namespace {

// A chain of full buckets longer than this makes the builder try another seed: with honest randomness and a load of
// 3/4 it does not happen, and a lookup's work is bounded by it.
constexpr std::size_t kProbeGoal = 24;
constexpr int kSeedTries = 8;

std::uint64_t random_seed() {
  std::random_device device;  // getrandom(2)
  return static_cast<std::uint64_t>(device()) << 32 | device();
}

std::size_t aligned(std::size_t offset) {
  return (offset + kImageAlignment - 1) / kImageAlignment * kImageAlignment;
}

bool is_order(DecisionType type) {
  return type == DecisionType::court_order || type == DecisionType::administrative_order;
}

template <typename Row>
wire::Bytes bytes_of(const std::vector<Row>& rows) {
  return {reinterpret_cast<const std::uint8_t*>(rows.data()), rows.size() * sizeof(Row)};
}

}  // namespace

ImageBytes::ImageBytes(std::size_t size)
    : data_(static_cast<std::uint8_t*>(::operator new(size, std::align_val_t{kImageAlignment}))), size_(size) {
  std::memset(data_, 0, size);
}
ImageBytes::ImageBytes(ImageBytes&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}
ImageBytes& ImageBytes::operator=(ImageBytes&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  return *this;
}
ImageBytes::~ImageBytes() {
  ::operator delete(data_, std::align_val_t{kImageAlignment});
}

std::size_t ImageBuilder::RowHash::operator()(const RuleRow& row) const {
  return XXH3_64bits(&row, sizeof row);
}

ImageBuilder::ImageBuilder(std::span<const View> views, std::int64_t log_sequence, IndexTuning tuning)
    : views_(views), tuning_(tuning) {
  assert(!views.empty() && views.size() <= kMaxViews);
  std::copy(kImageMagic.begin(), kImageMagic.end(), header_.magic.begin());
  header_.version = kImageVersion;
  header_.header_size = sizeof(ImageHeader);
  header_.log_sequence = log_sequence;
  header_.views_digest = views_digest(views);
  header_.view_count = static_cast<std::uint32_t>(views.size());
}

std::uint16_t ImageBuilder::source_of(const std::string& authority, bool order) {
  const auto [found, fresh] = sources_.try_emplace({authority, order}, static_cast<std::uint16_t>(sources_.size()));
  assert(sources_.size() <= 0xFFFF);
  return found->second;
}

std::uint64_t ImageBuilder::views_of(const IndexedDecision& decision) const {
  std::uint64_t mask = 0;
  for (std::size_t v = 0; v < views_.size(); ++v) {
    if (rank_of_source(views_[v], decision.authority, is_order(decision.type)) != kNoRank &&
        scope_applies(decision.territorial_scope, views_[v].jurisdictions)) {
      mask |= std::uint64_t{1} << v;
    }
  }
  return mask;
}

std::uint32_t ImageBuilder::add_data(wire::Bytes bytes) {
  assert(data_.size() + bytes.size() <= 0xFFFFFFFFU);
  const auto offset = static_cast<std::uint32_t>(data_.size());
  data_.insert(data_.end(), bytes.begin(), bytes.end());
  return offset;
}

std::optional<std::uint32_t> ImageBuilder::add_decision(const IndexedDecision& decision) {
  if (decision.state != DecisionState::active && decision.state != DecisionState::shadow) return std::nullopt;
  DecisionRow row{};
  row.number = decision.number;
  row.valid_from = decision.valid_from;
  row.valid_to = decision.valid_to;
  row.source = source_of(decision.authority, is_order(decision.type));
  row.views = views_of(decision);
  row.id_size = static_cast<std::uint32_t>(decision.id.size());
  row.id = add_data({reinterpret_cast<const std::uint8_t*>(decision.id.data()), decision.id.size()});
  row.extended_error = static_cast<std::uint16_t>(extended_error_of(decision.type, decision.external_authority));
  row.type = static_cast<std::uint8_t>(decision.type);
  row.state = static_cast<std::uint8_t>(decision.state);
  decisions_.push_back(row);
  return static_cast<std::uint32_t>(decisions_.size() - 1);
}

std::uint32_t ImageBuilder::row_of(const RuleRow& row) {
  const auto next = static_cast<std::uint32_t>(rows_.size());
  if (row.rule_id == 0) {  // a row with an id of its own has no equal
    const auto [found, fresh] = row_numbers_.try_emplace(row, next);
    if (!fresh) return found->second;
  }
  rows_.push_back(row);
  assert(rows_.size() <= 0xFFFFFFFFU);
  return next;
}

void ImageBuilder::add_rule(std::uint32_t decision, const Rule& rule) {
  if (rule.trigger != Trigger::qname) {
    ++ignored_rules_;
    return;
  }
  RuleRow row{};
  row.rule_id = rule.id;
  row.decision = decision;
  row.ttl = rule.ttl.value_or(0);
  row.has_ttl = rule.ttl ? 1 : 0;
  row.match = static_cast<std::uint8_t>(rule.match);
  row.action = static_cast<std::uint8_t>(rule.action);
  std::vector<std::uint8_t> payload;
  if (rule.action == Action::cname) {
    const auto target = rule.target.view().bytes();
    payload.assign(target.begin(), target.end());
  } else if (rule.action == Action::local_data) {
    for (const auto& record : rule.records) {
      assert(record.rdata.size() <= 0xFFFF);
      for (const std::size_t number : {std::size_t{static_cast<std::uint16_t>(record.type)}, record.rdata.size()}) {
        payload.push_back(static_cast<std::uint8_t>(number & 0xFF));
        payload.push_back(static_cast<std::uint8_t>(number >> 8));
      }
      payload.insert(payload.end(), record.rdata.begin(), record.rdata.end());
    }
  }
  if (!payload.empty()) {
    row.payload = add_data(payload);
    row.payload_size = static_cast<std::uint32_t>(payload.size());
  }
  const Suffixes name(rule.name, 0, 0);
  header_.most_labels = std::max(header_.most_labels, static_cast<std::uint16_t>(name.labels));
  pending_.push_back({0, arena_.size(), row_of(row)});
  arena_.insert(arena_.end(), name.lowered.begin(), name.lowered.begin() + static_cast<std::ptrdiff_t>(name.size));
}

wire::NameView ImageBuilder::name_of(const Pending& rule) const {
  std::size_t end = rule.name;
  while (arena_[end] != 0) end += arena_[end] + 1U;
  return wire::NameView::from_valid({arena_.data() + rule.name, end + 1 - rule.name});
}

void ImageBuilder::hash_names(std::uint64_t seed) {
  for (auto& rule : pending_) {
    const Suffixes name(name_of(rule), seed, wire::kMaxLabels);
    rule.hash = name.hash[name.labels];
  }
  header_.seed = seed;
}

// Sorts rules by name and writes the names section; equal names stand once, their rules newest decision first.
std::vector<ImageBuilder::PlacedName> ImageBuilder::group_names() {
  const auto bytes = [&](const Pending& rule) {
    const auto view = name_of(rule).bytes();
    return std::string_view(reinterpret_cast<const char*>(view.data()), view.size());
  };
  const auto number = [&](const Pending& rule) { return decisions_[rows_[rule.row].decision].number; };
  std::sort(pending_.begin(), pending_.end(), [&](const Pending& a, const Pending& b) {
    if (a.hash != b.hash) return a.hash < b.hash;
    if (const auto order = bytes(a).compare(bytes(b)); order != 0) return order < 0;
    return number(a) != number(b) ? number(a) > number(b) : a.row < b.row;
  });
  std::vector<PlacedName> placed;
  names_.assign(4, 0);
  const auto put32 = [&](std::size_t value) {
    const auto word = static_cast<std::uint32_t>(value);
    const auto* octets = reinterpret_cast<const std::uint8_t*>(&word);
    names_.insert(names_.end(), octets, octets + sizeof word);
  };
  for (std::size_t i = 0; i < pending_.size();) {
    const auto name = bytes(pending_[i]);
    std::size_t end = i + 1;
    while (end < pending_.size() && pending_[end].hash == pending_[i].hash && bytes(pending_[end]) == name) ++end;
    assert(names_.size() / 4 < kOverflow);
    placed.push_back({pending_[i].hash, static_cast<std::uint32_t>(names_.size() / 4)});
    names_.push_back(static_cast<std::uint8_t>(std::min<std::size_t>(end - i, 255)));
    names_.insert(names_.end(), name.begin(), name.end());
    names_.resize((names_.size() + 3) / 4 * 4);
    if (end - i >= 255) put32(end - i);
    for (; i < end; ++i) put32(pending_[i].row);
  }
  return placed;
}

bool ImageBuilder::fill_buckets(std::span<const PlacedName> names, bool last_try) {
  buckets_.assign(std::max<std::size_t>(1, (names.size() + 5) / 6), Bucket{});
  std::size_t longest = 1;
  for (const auto& name : names) {
    std::size_t at = static_cast<std::size_t>(((name.hash >> 32) * buckets_.size()) >> 32);
    std::size_t probes = 1;
    for (; (buckets_[at].place[kSlots - 1] & ~kOverflow) != 0; ++probes) {
      buckets_[at].place[kSlots - 1] |= kOverflow;
      at = at + 1 == buckets_.size() ? 0 : at + 1;
    }
    std::size_t slot = 0;
    while (buckets_[at].place[slot] != 0) ++slot;
    buckets_[at].fingerprint[slot] = static_cast<std::uint32_t>(name.hash);
    buckets_[at].place[slot] = name.place;
    longest = std::max(longest, probes);
    if (longest > kProbeGoal && !last_try) return false;
  }
  assert(longest <= 0xFFFF);
  header_.longest_probe = static_cast<std::uint16_t>(longest);
  return true;
}

std::vector<std::uint16_t> ImageBuilder::ranks() const {
  std::vector<std::uint16_t> table(views_.size() * sources_.size(), kNoRank);
  for (std::size_t v = 0; v < views_.size(); ++v) {
    for (const auto& [source, number] : sources_) {
      table[v * sources_.size() + number] = rank_of_source(views_[v], source.first, source.second);
    }
  }
  return table;
}

std::vector<std::int64_t> ImageBuilder::changes() const {
  std::vector<std::int64_t> times;
  for (const auto& decision : decisions_) {
    times.push_back(decision.valid_from);
    if (decision.valid_to != kNever) times.push_back(decision.valid_to);
  }
  std::sort(times.begin(), times.end());
  times.erase(std::unique(times.begin(), times.end()), times.end());
  return times;
}

ImageBytes ImageBuilder::finish() {
  header_.rule_count = static_cast<std::uint32_t>(pending_.size());
  header_.decision_count = static_cast<std::uint32_t>(decisions_.size());
  header_.source_count = static_cast<std::uint32_t>(sources_.size());
  for (int attempt = 1;; ++attempt) {
    hash_names(tuning_.seed ? *tuning_.seed : random_seed());
    const auto placed = group_names();
    header_.name_count = static_cast<std::uint32_t>(placed.size());
    if (fill_buckets(placed, attempt == kSeedTries || tuning_.seed.has_value())) break;
  }
  const auto rank_table = ranks();
  const auto change_table = changes();
  const std::array<wire::Bytes, kImageSections> contents = {
      bytes_of(buckets_),   wire::Bytes(names_),    bytes_of(rows_),   bytes_of(decisions_),
      bytes_of(rank_table), bytes_of(change_table), wire::Bytes(data_)};
  std::size_t size = sizeof(ImageHeader);
  for (std::size_t s = 0; s < kImageSections; ++s) {
    header_.sections[s] = {size, contents[s].size()};
    size = aligned(size + contents[s].size());
  }
  header_.size = size;
  ImageBytes image(size);
  for (std::size_t s = 0; s < kImageSections; ++s) {
    if (!contents[s].empty())
      std::memcpy(image.data() + header_.sections[s].offset, contents[s].data(), contents[s].size());
  }
  std::memcpy(image.data(), &header_, sizeof header_);
  header_.checksum = image_checksum(image.bytes());
  std::memcpy(image.data(), &header_, sizeof header_);
  assert(check_image(image.bytes()));
  return image;
}

}  // namespace placard::policy
