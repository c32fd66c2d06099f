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
    : sink_(sink), keys_(sink), section_(std::make_unique<SectionHash>()) {
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
  assert(rows_.size() < kManyRows);
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
  keys_.add(key, hash, rows_of_key(rows));
  ++header_.key_count;
  header_.rule_count += static_cast<std::uint32_t>(rows.size());
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
  if (suffixes.labels > kMarkedLabels) keys_.mark(suffixes);
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
  const auto put = [this](wire::Bytes octets) { append(octets); };
  begin_section(ImageSection::buckets);
  keys_.write_buckets(put, between);
  end_section();
  begin_section(ImageSection::rest);
  keys_.write_rest(put);
  end_section();
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
