// Builds the image of the policy index (layout in image.hpp) from decisions and their rules, added one by one.
//
// What it keeps of a rule while it builds is its name once and some twenty octets; the order of adding does not matter
// for what the image answers. Rules with triggers other than qname are counted and left out: the index of names has
// no place for them.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "policy/match/image.hpp"
#include "policy/match/index.hpp"

namespace placard::policy {

/// Owned octets of an image, aligned as check_image wants them.
class ImageBytes {
 public:
  ImageBytes() = default;
  explicit ImageBytes(std::size_t size);  ///< zeros
  ImageBytes(ImageBytes&& other) noexcept;
  ImageBytes& operator=(ImageBytes&& other) noexcept;
  ~ImageBytes();
  std::uint8_t* data() { return data_; }
  wire::Bytes bytes() const { return {data_, size_}; }

 private:
  std::uint8_t* data_ = nullptr;
  std::size_t size_ = 0;
};

class ImageBuilder {
 public:
  /// REQUIRES: `views` as complete_views() gives them.
  ImageBuilder(std::span<const View> views, std::int64_t log_sequence, IndexTuning tuning);

  /// A decision without its rules; those that are neither active nor shadow are left out. The number to add its rules
  /// under. REQUIRES: at most 65,535 different pairs of authority and kind of decision.
  std::optional<std::uint32_t> add_decision(const IndexedDecision& decision);
  /// REQUIRES: at most 2^32 - 1 different rows, 8 GiB of names, 4 GiB of data; local records of at most 65,535 octets.
  void add_rule(std::uint32_t decision, const Rule& rule);
  /// The image. Ends the builder.
  ImageBytes finish();

  std::size_t ignored_rule_count() const { return ignored_rules_; }

 private:
  struct Pending {  // a rule of a name, before names are grouped
    std::uint64_t hash;
    std::uint64_t name;  // offset in arena_
    std::uint32_t row;
  };
  struct PlacedName {
    std::uint64_t hash;
    std::uint32_t place;
  };
  struct RowHash {
    std::size_t operator()(const RuleRow& row) const;
  };

  std::uint16_t source_of(const std::string& authority, bool order);
  std::uint64_t views_of(const IndexedDecision& decision) const;
  std::uint32_t add_data(wire::Bytes bytes);
  std::uint32_t row_of(const RuleRow& row);
  void hash_names(std::uint64_t seed);
  bool fill_buckets(std::span<const PlacedName> names, bool last_try);
  std::vector<PlacedName> group_names();
  wire::NameView name_of(const Pending& rule) const;
  std::vector<std::uint16_t> ranks() const;
  std::vector<std::int64_t> changes() const;

  std::span<const View> views_;
  IndexTuning tuning_;
  ImageHeader header_{};
  std::vector<std::uint8_t> arena_;  // names in lower case, one behind the other
  std::vector<Pending> pending_;
  std::vector<Bucket> buckets_;
  std::vector<std::uint8_t> names_, data_;
  std::vector<RuleRow> rows_;
  std::unordered_map<RuleRow, std::uint32_t, RowHash> row_numbers_;
  std::vector<DecisionRow> decisions_;
  std::map<std::pair<std::string, bool>, std::uint16_t> sources_;
  std::size_t ignored_rules_ = 0;
};

}  // namespace placard::policy
