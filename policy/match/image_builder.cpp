#include "policy/match/image_builder.hpp"

#include <fmt/format.h>

#define XXH_STATIC_LINKING_ONLY
#include <xxhash.h>

#include <algorithm>
#include <cassert>
#include <cstring>
#include <random>

#include "policy/match/views.hpp"

namespace placard::policy {

namespace {

// Of the octets of all groups, what is asked for, in eighths: more leaves more keys without room in their buckets,
// which are a second wait for the memory, less costs memory.
constexpr std::size_t kLoad = 7;
// Marks one after the other below one suffix: with more, all bits of its filter are set.
constexpr std::size_t kMostMarks = 64;
constexpr std::size_t kPiece = std::size_t{32} * 1024;    // octets of a part that are put aside at once
constexpr std::size_t kWritten = std::size_t{64} * 1024;  // octets of keys that go to the sink at once

std::uint64_t random_seed() {
  std::random_device device;  // getrandom(2)
  return static_cast<std::uint64_t>(device()) << 32 | device();
}

template <typename Row>
wire::Bytes bytes_of(const std::vector<Row>& rows) {
  return {reinterpret_cast<const std::uint8_t*>(rows.data()), rows.size() * sizeof(Row)};
}

std::vector<std::uint8_t> payload_of(const Rule& rule) {
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
  return payload;
}

}  // namespace

class SectionHash {
 public:
  SectionHash() : state_(XXH3_createState()) { begin(); }
  ~SectionHash() { XXH3_freeState(state_); }
  SectionHash(const SectionHash&) = delete;
  SectionHash& operator=(const SectionHash&) = delete;
  void begin() { XXH3_64bits_reset(state_); }
  void add(wire::Bytes octets) { XXH3_64bits_update(state_, octets.data(), octets.size()); }
  std::uint64_t value() const { return XXH3_64bits_digest(state_); }

 private:
  XXH3_state_t* state_;
};

std::size_t ImageBuilder::RowHash::operator()(const RuleRow& row) const {
  return XXH3_64bits(&row, sizeof row);
}

ImageBuilder::ImageBuilder(ImageSink& sink, const ImageOptions& options)
    : sink_(sink), section_(std::make_unique<SectionHash>()) {
  std::copy(kImageMagic.begin(), kImageMagic.end(), header_.magic.begin());
  header_.version = kImageVersion;
  header_.header_size = sizeof(ImageHeader);
  header_.seed = options.seed ? *options.seed : random_seed();
  header_.log_sequence = options.log_sequence;
  header_.log_hash = options.log_hash;
  header_.made_at = options.made_at;
  const ImageHeader room{};
  sink_.append({reinterpret_cast<const std::uint8_t*>(&room), sizeof room});
  position_ = sizeof room;
}

ImageBuilder::~ImageBuilder() = default;

void ImageBuilder::begin_section(ImageSection which) {
  static constexpr std::array<std::uint8_t, kImageAlignment> kZeros{};
  const auto fill = (kImageAlignment - position_ % kImageAlignment) % kImageAlignment;
  sink_.append({kZeros.data(), fill});
  position_ += fill;
  current_ = static_cast<std::size_t>(which);
  header_.sections[current_] = {position_, 0, 0};
  section_->begin();
}

void ImageBuilder::append(wire::Bytes octets) {
  sink_.append(octets);
  section_->add(octets);
  position_ += octets.size();
  header_.sections[current_].size += octets.size();
}

void ImageBuilder::end_section() {
  header_.sections[current_].checksum = section_->value();
}

std::uint16_t ImageBuilder::audience_of(const IndexedDecision& decision) {
  const auto scope = fmt::format("{}", fmt::join(decision.territorial_scope, " "));
  const bool order = is_order(decision.type);
  const auto [found, fresh] = audience_numbers_.try_emplace({decision.authority, decision.list, order, scope},
                                                            static_cast<std::uint16_t>(audiences_.size()));
  if (!fresh) return found->second;
  assert(audiences_.size() < 0x10000U);
  assert(scope.size() <= 0xFFFF && decision.authority.size() <= 0xFFFF && decision.list.size() <= 0xFFFF);
  const auto add_text = [this](const std::string& text) {
    return add_data({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
  };
  AudienceRow row{};
  row.authority = add_text(decision.authority);
  row.authority_size = static_cast<std::uint16_t>(decision.authority.size());
  row.list = add_text(decision.list);
  row.list_size = static_cast<std::uint16_t>(decision.list.size());
  row.scope = add_text(scope);
  row.scope_size = static_cast<std::uint16_t>(scope.size());
  row.order = order ? 1 : 0;
  audiences_.push_back(row);
  return found->second;
}

std::uint32_t ImageBuilder::add_data(wire::Bytes bytes) {
  assert(data_.size() + bytes.size() <= 0xFFFFFFFFU);
  const auto offset = static_cast<std::uint32_t>(data_.size());
  data_.insert(data_.end(), bytes.begin(), bytes.end());
  return offset;
}

std::optional<std::uint32_t> ImageBuilder::add_decision(const IndexedDecision& decision, bool gone_too) {
  DecisionRow row{};
  row.number = decision.number;
  row.type = static_cast<std::uint8_t>(decision.type);
  row.extended_error = static_cast<std::uint16_t>(extended_error_of(decision.type, decision.external_authority));
  std::vector<Stretch> stretches = {{decision.valid_from, decision.valid_to, decision.state}};
  stretches.insert(stretches.end(), decision.later.begin(), decision.later.end());
  std::erase_if(stretches, [](const Stretch& each) {
    return each.state != DecisionState::active && each.state != DecisionState::shadow;
  });
  if (stretches.empty() && !gone_too) return std::nullopt;
  if (stretches.empty()) stretches.push_back({0, 0, DecisionState::shadow});  // never in force
  row.audience = audience_of(decision);
  row.id_size = static_cast<std::uint32_t>(decision.id.size());
  row.id = add_data({reinterpret_cast<const std::uint8_t*>(decision.id.data()), decision.id.size()});
  const auto head = static_cast<std::uint32_t>(decisions_.size());
  for (const auto& stretch : stretches) {
    row.valid_from = stretch.valid_from;
    row.valid_to = stretch.valid_to;
    row.state = static_cast<std::uint8_t>(stretch.state);
    row.next = static_cast<std::uint32_t>(decisions_.size() + 1);
    decisions_.push_back(row);
  }
  decisions_.back().next = 0;
  return head;
}

std::uint32_t ImageBuilder::add_rule(std::uint32_t decision, const Rule& rule, bool removed) {
  RuleRow row{};
  row.rule_id = rule.id;
  row.decision = decision;
  row.ttl = rule.ttl.value_or(0);
  row.has_ttl = rule.ttl ? 1 : 0;
  row.match = static_cast<std::uint8_t>(rule.match);
  row.action = removed ? kRemoved : static_cast<std::uint8_t>(rule.action);
  row.trigger = static_cast<std::uint8_t>(rule.trigger);
  const auto payload = removed ? std::vector<std::uint8_t>() : payload_of(rule);
  row.payload_size = static_cast<std::uint32_t>(payload.size());
  if (!payload.empty()) {
    // Equal rows stand once, so their payloads must too.
    const std::string_view octets(reinterpret_cast<const char*>(payload.data()), payload.size());
    const auto [known, fresh] = payloads_.try_emplace(std::string(octets), 0U);
    if (fresh) known->second = add_data(payload);
    row.payload = known->second;
  }
  audiences_[decisions_[decision].audience].triggers |= static_cast<std::uint8_t>(1U << row.trigger);
  const auto next = static_cast<std::uint32_t>(rows_.size());
  if (row.rule_id == 0) {  // a row with an id of its own has no equal
    const auto [found, fresh] = row_numbers_.try_emplace(row, next);
    if (!fresh) return found->second;
  }
  rows_.push_back(row);
  assert(rows_.size() <= 0xFFFFFFFFU);
  return next;
}

/// What stands behind a key.
std::uint32_t ImageBuilder::rows_of_key(std::span<const std::uint32_t> rows) {
  assert(!rows.empty());
  if (rows.size() == 1) return rows[0];
  const std::string octets(reinterpret_cast<const char*>(rows.data()), rows.size_bytes());
  const auto [known, fresh] = row_lists_.try_emplace(octets, 0U);
  if (fresh) {
    data_.resize((data_.size() + 3) / 4 * 4);
    const auto count = static_cast<std::uint32_t>(rows.size());
    known->second = add_data({reinterpret_cast<const std::uint8_t*>(&count), sizeof count}) / 4 | kManyRows;
    add_data({reinterpret_cast<const std::uint8_t*>(rows.data()), rows.size_bytes()});
  }
  return known->second;
}

void ImageBuilder::add_key(wire::Bytes key, std::uint64_t hash, std::span<const std::uint32_t> rows) {
  const auto behind = rows_of_key(rows);
  stage(hash, key, {reinterpret_cast<const std::uint8_t*>(&behind), sizeof behind});
  key_octets_ += sizeof(std::uint16_t) + key.size() + sizeof behind;
  ++header_.key_count;
  header_.rule_count += static_cast<std::uint32_t>(rows.size());
}

// What is staged: u64 hash, which chooses the bucket, u8 octets of the key, key, u32 what stands behind it; or without
// a key u64 bits for the filter.
constexpr std::size_t kStagedHead = sizeof(std::uint64_t) + 1, kBehindKey = sizeof(std::uint32_t);

void ImageBuilder::stage(std::uint64_t hash, wire::Bytes key, wire::Bytes behind) {
  auto& part = parts_[hash >> 56];
  const std::size_t at = part.staged.size();
  part.staged.resize(at + kStagedHead + key.size() + behind.size());
  auto* octets = part.staged.data() + at;
  std::memcpy(octets, &hash, sizeof hash);
  octets[sizeof hash] = static_cast<std::uint8_t>(key.size());
  std::copy(key.begin(), key.end(), octets + kStagedHead);
  std::copy(behind.begin(), behind.end(), octets + kStagedHead + key.size());
  if (part.staged.size() < kPiece) return;
  part.aside.emplace_back(sink_.put_aside(part.staged), part.staged.size());
  part.staged.clear();
}

std::vector<std::uint8_t> ImageBuilder::take_part(std::size_t number) {
  auto& part = parts_[number];
  std::size_t size = part.staged.size();
  for (const auto& piece : part.aside) size += piece.second;
  std::vector<std::uint8_t> octets(size);
  std::size_t at = 0;
  for (const auto& [position, length] : part.aside) {
    sink_.take_back(position, {octets.data() + at, length});
    at += length;
  }
  std::copy(part.staged.begin(), part.staged.end(), octets.begin() + static_cast<std::ptrdiff_t>(at));
  part = {};
  return octets;
}

/// Has the filter of its last labels' bucket say that it is there.
void ImageBuilder::mark(const Suffixes& name) {
  const auto suffix = name.hash[kMarkedLabels];
  if (std::exchange(marked_suffix_, suffix) != suffix) marks_ = 0;
  if (++marks_ > kMostMarks) return;  // names come sorted, so those of one suffix mostly follow each other
  const auto bits = marks_ == kMostMarks ? ~std::uint64_t{0} : filter_bits(name.hash[name.labels]);
  stage(suffix, {}, {reinterpret_cast<const std::uint8_t*>(&bits), sizeof bits});
}

void ImageBuilder::add_name(wire::NameView name, std::span<const std::uint32_t> rows) {
  const Suffixes suffixes(name, header_.seed);
  for (const auto row : rows) {
    const auto trigger = static_cast<Trigger>(rows_[row].trigger);
    assert(trigger == Trigger::qname || trigger == Trigger::nsdname);
    auto& depths = header_.depths[trigger == Trigger::nsdname ? 1 : 0];
    depths[suffixes.labels >> 6] |= std::uint64_t{1} << (suffixes.labels & 63);
  }
  header_.most_labels = std::max(header_.most_labels, static_cast<std::uint16_t>(suffixes.labels));
  if (suffixes.labels > kMarkedLabels) mark(suffixes);
  add_key(suffixes.whole().bytes(), suffixes.hash[suffixes.labels], rows);
}

void ImageBuilder::add_prefix(const Prefix& prefix, std::span<const std::uint32_t> rows) {
  for (const auto row : rows) {
    const auto trigger = static_cast<Trigger>(rows_[row].trigger);
    assert(trigger != Trigger::qname && trigger != Trigger::nsdname);
    const std::size_t which = trigger == Trigger::client_ip ? 0 : trigger == Trigger::response_ip ? 1 : 2;
    header_.lengths[which][prefix.ipv4 ? 1 : 0][prefix.length >> 6] |= std::uint64_t{1} << (prefix.length & 63);
  }
  const auto key = prefix_key(prefix.address, prefix.length);
  add_key(key, prefix_hash(key, header_.seed), rows);
}

namespace {

/// What is staged for a bucket.
struct Staged {
  std::uint32_t bucket;
  std::uint16_t head;   // 0: bits for the filter
  std::uint32_t start;  // in the octets of the part
};

/// In the order of buckets, and for each as it came.
std::vector<Staged> sorted(wire::Bytes part, std::size_t buckets) {
  std::vector<Staged> staged;
  for (std::size_t at = 0; at < part.size();) {
    std::uint64_t hash;
    std::memcpy(&hash, part.data() + at, sizeof hash);
    const std::size_t size = part[at + sizeof hash], start = at + kStagedHead;
    staged.push_back({static_cast<std::uint32_t>(bucket_of(hash, buckets)),
                      size > 0 ? head_of(size, hash) : std::uint16_t{0}, static_cast<std::uint32_t>(start)});
    at = start + (size > 0 ? size + kBehindKey : sizeof(std::uint64_t));
  }
  if (staged.empty()) return staged;
  const auto [least, most] = std::ranges::minmax(staged, {}, &Staged::bucket);
  std::vector<std::uint32_t> next(most.bucket - least.bucket + 2);
  for (const auto& each : staged) ++next[each.bucket - least.bucket + 1];
  for (std::size_t i = 1; i < next.size(); ++i) next[i] += next[i - 1];
  std::vector<Staged> in_order(staged.size());
  for (const auto& each : staged) in_order[next[each.bucket - least.bucket]++] = each;
  return in_order;
}

/// Keys of one bucket, to be written as a group.
struct Group {
  std::vector<std::uint16_t> heads;
  std::vector<std::uint8_t> entries;
  void add(std::uint16_t head, wire::Bytes entry) {
    heads.push_back(head);
    entries.insert(entries.end(), entry.begin(), entry.end());
  }
  std::size_t size() const { return sizeof(std::uint16_t) * (1 + heads.size()) + entries.size(); }
  /// Clears it.
  void write(std::uint8_t* to) {
    assert(heads.size() <= UINT16_MAX);  // hashes are nobody's to choose
    const auto count = static_cast<std::uint16_t>(heads.size());
    std::memcpy(to, &count, sizeof count);
    to = std::copy_n(reinterpret_cast<const std::uint8_t*>(heads.data()), heads.size() * sizeof heads[0],
                     to + sizeof count);
    std::copy(entries.begin(), entries.end(), to);
    heads.clear();
    entries.clear();
  }
};

}  // namespace

/// A bucket is written when something of a later one comes: the last of one part may go on in the next.
class ImageBuilder::BucketWriter {
 public:
  explicit BucketWriter(ImageBuilder& builder) : builder_(builder) {}

  // REQUIRES of all: buckets in ascending order.
  void add_bits(std::size_t bucket, std::uint64_t bits) {
    advance(bucket);
    filter_ |= bits;
  }
  void add_key(std::size_t bucket, std::uint64_t hash, std::uint16_t head, wire::Bytes entry) {
    advance(bucket);
    if (here_.size() + sizeof head + entry.size() <= sizeof(KeyBucket::group)) return here_.add(head, entry);
    filter_ |= filter_bits(hash);
    more_.add(head, entry);
  }
  /// Ends the buckets before this one.
  void advance(std::size_t bucket) {
    for (; bucket_ < bucket; ++bucket_) end_bucket();
  }

  /// When all buckets are ended: ends their section.
  void finish_buckets() {
    builder_.append(buckets_);
    builder_.end_section();
  }
  void write_rest() {
    std::vector<std::uint8_t> piece;
    for (const auto& [position, size] : aside_) {
      piece.resize(size);
      builder_.sink_.take_back(position, piece);
      builder_.append(piece);
    }
    builder_.append(rest_);
  }

 private:
  void end_bucket() {
    KeyBucket bucket{};
    bucket.filter = std::exchange(filter_, 0);
    here_.write(bucket.group.data());
    if (!more_.heads.empty()) {
      assert(position_ < UINT32_MAX);
      bucket.more = static_cast<std::uint32_t>(position_ + 1);
      const std::size_t at = rest_.size(), size = (more_.size() + 3) / 4 * 4;
      rest_.resize(at + size);
      more_.write(rest_.data() + at);
      position_ += size / 4;
      if (rest_.size() >= kWritten) {
        aside_.emplace_back(builder_.sink_.put_aside(rest_), rest_.size());
        rest_.clear();
      }
    }
    const auto* octets = reinterpret_cast<const std::uint8_t*>(&bucket);
    buckets_.insert(buckets_.end(), octets, octets + sizeof bucket);
    if (buckets_.size() < kWritten) return;
    builder_.append(buckets_);
    buckets_.clear();
  }

  ImageBuilder& builder_;
  std::size_t bucket_ = 0;
  std::uint64_t filter_ = 0;
  Group here_, more_;
  std::vector<std::uint8_t> buckets_, rest_;
  std::uint64_t position_ = 0;                                // of the end of the rest, in units of 4 octets
  std::vector<std::pair<std::uint64_t, std::size_t>> aside_;  // of the rest
};

void ImageBuilder::write_keys(const std::function<void()>& between) {
  const std::size_t buckets = key_octets_ * 8 / (kLoad * sizeof(KeyBucket)) + 1;
  BucketWriter writer(*this);
  begin_section(ImageSection::buckets);
  for (std::size_t number = 0; number < parts_.size(); ++number) {
    const auto part = take_part(number);
    for (const auto& each : sorted(part, buckets)) {
      const auto* octets = part.data() + each.start;
      std::uint64_t number64;
      if (each.head == 0) {
        std::memcpy(&number64, octets, sizeof number64);
        writer.add_bits(each.bucket, number64);
      } else {
        std::memcpy(&number64, octets - kStagedHead, sizeof number64);
        writer.add_key(each.bucket, number64, each.head, {octets, (each.head & 0xFFU) + kBehindKey});
      }
    }
    if (between) between();
  }
  writer.advance(buckets);
  writer.finish_buckets();
  begin_section(ImageSection::rest);
  writer.write_rest();
  end_section();
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

ImageHeader ImageBuilder::finish(const std::function<void()>& between) {
  write_keys(between);
  const auto write = [this](ImageSection which, wire::Bytes octets) {
    begin_section(which);
    append(octets);
    end_section();
  };
  header_.decision_count = static_cast<std::uint32_t>(decisions_.size());
  header_.audience_count = static_cast<std::uint32_t>(audiences_.size());
  write(ImageSection::rules, bytes_of(rows_));
  write(ImageSection::decisions, bytes_of(decisions_));
  write(ImageSection::audiences, bytes_of(audiences_));
  write(ImageSection::changes, bytes_of(changes()));
  write(ImageSection::data, data_);
  header_.size = position_;
  header_.checksum = header_checksum(header_);
  sink_.put_header(header_);
  return header_;
}

std::shared_ptr<const Image> image_of(std::span<const IndexedDecision> decisions, const ImageOptions& options,
                                      bool overlay) {
  struct Placed {
    std::string key;  // of a name in lower case, or of a prefix
    const Rule* rule;
    std::uint32_t row;
  };
  const auto is_named = [](const Rule& rule) {
    return rule.trigger == Trigger::qname || rule.trigger == Trigger::nsdname;
  };
  const auto key_of = [&](const Rule& rule) {
    const auto text = [](auto&& octets) {
      return std::string(reinterpret_cast<const char*>(octets.data()), octets.size());
    };
    if (is_named(rule)) return "n" + text(rule.name.lowered().view().bytes());
    const auto prefix = prefix_from_text(rule.prefix);
    assert(prefix);
    return "p" + text(prefix_key(prefix->address, prefix->length));
  };
  std::vector<const IndexedDecision*> in_order;
  for (const auto& decision : decisions) in_order.push_back(&decision);
  std::stable_sort(in_order.begin(), in_order.end(),
                   [](const auto* a, const auto* b) { return a->number < b->number; });
  MemorySink sink;
  ImageBuilder builder(sink, options);
  std::vector<Placed> placed;
  for (const auto* decision : in_order) {
    const auto number = builder.add_decision(*decision, overlay);
    if (!number) continue;
    for (const auto& rule : decision->rules) placed.push_back({key_of(rule), &rule, builder.add_rule(*number, rule)});
    for (const auto& rule : decision->removed)
      placed.push_back({key_of(rule), &rule, builder.add_rule(*number, rule, true)});
  }
  std::stable_sort(placed.begin(), placed.end(), [](const Placed& a, const Placed& b) { return a.key < b.key; });
  std::vector<std::uint32_t> rows;
  for (std::size_t i = 0; i < placed.size();) {
    rows.clear();
    const auto first = i;
    for (; i < placed.size() && placed[i].key == placed[first].key; ++i) rows.push_back(placed[i].row);
    const auto& rule = *placed[first].rule;
    if (is_named(rule))
      builder.add_name(rule.name.lowered(), rows);
    else
      builder.add_prefix(*prefix_from_text(rule.prefix), rows);
  }
  builder.finish();
  return Image::copy(sink.octets());
}

}  // namespace placard::policy
