// Builds the image of the policy index (layout in image.hpp): audiences and decisions first, then the keys, each once,
// with the rows of their rules, which ImageKeys puts in order.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <tuple>
#include <unordered_map>
#include <vector>

#include "policy/match/image.hpp"
#include "policy/match/image_file.hpp"
#include "policy/match/image_keys.hpp"
#include "policy/match/index.hpp"

namespace placard::policy {

struct ImageOptions {
  std::int64_t log_sequence = 0;
  std::array<std::uint8_t, 32> log_hash{};
  Time made_at = 0;                   ///< what had ended by then is left out
  std::optional<std::uint64_t> seed;  ///< random when absent
};

/// XXH3 of a section as it is written piece by piece.
class SectionHash;

class ImageBuilder {
 public:
  /// Borrows the sink, which is empty.
  ImageBuilder(ImageSink& sink, const ImageOptions& options);
  ~ImageBuilder();

  /// A decision, or one of its lists, without the rules; stretches that are neither active nor shadow are left out.
  /// The row to make its rules under; nothing when no stretch is left, unless `gone_too`. In order of their numbers.
  /// REQUIRES: at most 65,535 different audiences.
  std::optional<std::uint32_t> add_decision(const IndexedDecision& decision, bool gone_too = false);
  /// The row of a rule, to be added to its key. `removed`: of an overlay, what the image below it has there is gone.
  /// REQUIRES: at most 2^31 - 1 different rows, 4 GiB of data; local records of at most 65,535 octets.
  std::uint32_t add_rule(std::uint32_t decision, const Rule& rule, bool removed = false);
  /// A name in lower case, once, with all rows that stand there. REQUIRES: 16 GiB of keys at most.
  void add_name(wire::NameView name, std::span<const std::uint32_t> rows);
  void add_prefix(const Prefix& prefix, std::span<const std::uint32_t> rows);
  /// Writes keys and the rest. Ends the builder; the header as it was written. `between` is called some hundred times
  /// meanwhile; what it throws ends the work.
  ImageHeader finish(const std::function<void()>& between = {});

 private:
  struct RowHash {
    std::size_t operator()(const RuleRow& row) const;
  };
  std::uint16_t audience_of(const IndexedDecision& decision);
  std::uint32_t add_data(wire::Bytes bytes);
  std::uint32_t rows_of_key(std::span<const std::uint32_t> rows);
  void add_key(wire::Bytes key, std::uint64_t hash, std::span<const std::uint32_t> rows);
  std::vector<std::int64_t> changes() const;
  void begin_section(ImageSection which);
  void append(wire::Bytes octets);
  void end_section();

  ImageSink& sink_;
  ImageKeys keys_;
  ImageHeader header_{};
  std::uint64_t position_ = 0;
  std::unique_ptr<SectionHash> section_;
  std::size_t current_ = 0;
  std::vector<std::uint8_t> data_;
  std::vector<RuleRow> rows_;
  std::unordered_map<RuleRow, std::uint32_t, RowHash> row_numbers_;
  std::unordered_map<std::string, std::uint32_t> payloads_;   // where equal payloads stand in data_, ...
  std::unordered_map<std::string, std::uint32_t> row_lists_;  // ... and equal lists of rows, as stands behind a key
  std::vector<DecisionRow> decisions_;
  std::vector<AudienceRow> audiences_;
  std::map<std::tuple<std::string, std::string, bool, std::string>, std::uint16_t> audience_numbers_;
};

/// Decisions with their rules, in any order, as an image in memory. `overlay`: decisions that are in force no more stay
/// in it too, to say so.
std::shared_ptr<const Image> image_of(std::span<const IndexedDecision> decisions, const ImageOptions& options,
                                      bool overlay);

}  // namespace placard::policy
