// The image of the policy index, octet by octet, and the read-only view of it.
//
// One contiguous run of octets without pointers: what a place refers to is an offset, so that the same octets work
// wherever they lie, in memory or in a mapped file. Numbers are little-endian; an image starts at an address that is a
// multiple of 64. Nothing changes after image_builder made it.
//
//   offset size  header (256 octets)
//        0    8  magic "PLACARDX"
//        8    4  version of this layout: 1
//       12    4  octets of this header: 256
//       16    8  octets of the whole image
//       24    8  checksum: XXH3-64 of everything from octet 32 to the end
//       32    8  seed of the name hashes, random for each image
//       40    8  last log entry of the store that is in it (int64)
//       48    8  digest of the views it was made for (views_digest): a file made for other views is not used
//       56    4  rules, as given to the builder
//       60    4  names
//       64    4  decisions
//       68    4  views
//       72    4  sources
//       76    2  most labels of a name
//       78    2  longest probe, in buckets
//       80  112  section table: 7 of (u64 offset, u64 octets), in the order below
//      192   64  zeros
//
//   0 buckets    Hash table of names; 64 octets (a cache line) each, at least one: u32 fingerprint[8], u32 place[8].
//                A place is the offset of a name entry in section 1 divided by 4, 0 for an empty slot (they are the
//                last ones). The hash's high 32 bits, scaled to the number of buckets, choose a name's first bucket,
//                its low 32 bits are the fingerprint. A name that finds its bucket full goes into the next (the last's
//                next is the first), and sets bit 31 of place[7] in each bucket that it passed: a lookup that meets the
//                bit clear stops there. So a miss costs one cache line in nearly all cases.
//   1 names      4 zero octets, then entries: u8 count of rules, wire name in lower case, zeros up to a multiple of 4,
//                u32 rows of section 2. Count 255: the first u32 is the real count. The name in full is what decides a
//                match; the fingerprint only says where to look.
//   2 rules      32 octets each (RuleRow): all of a rule but its name. Equal rows stand once: a list of a million names
//                whose rules have no ids of their own shares one.
//   3 decisions  64 octets each (DecisionRow), in the order of adding.
//   4 ranks      u16 [views][sources]: place of a source in the order of a view, kNoRank when the view leaves it out.
//   5 changes    int64, ascending, each once: the seconds at which some decision begins or ends.
//   6 data       What rows refer to by offset: ids, CNAME targets (wire), local records (u16 type, u16 size, rdata)*.
//
// Sections start at multiples of 64. A rule so costs 4 octets (32 more with an id of its own), a name 1 + its size + up
// to 3, a slot 8 at a load of 3/4: about 39 for a name of 22 octets in a list.
// check_image holds header and section table against the size at once; verify_image reads all of it, and goes through
// every reference, so that an image that passed both can be read without further checks.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <expected>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "zones/wire/name.hpp"

namespace placard::policy {

static_assert(std::endian::native == std::endian::little, "the image is little-endian and read in place");

inline constexpr std::string_view kImageMagic = "PLACARDX";
inline constexpr std::uint32_t kImageVersion = 1;
inline constexpr std::size_t kImageAlignment = 64;
inline constexpr std::size_t kSlots = 8;                 ///< names of one bucket
inline constexpr std::uint32_t kOverflow = 0x80000000U;  ///< in place[7]: some name passed this bucket
inline constexpr std::uint16_t kNoRank = 0xFFFF;

enum class ImageSection : std::uint8_t { buckets, names, rules, decisions, ranks, changes, data };
inline constexpr std::size_t kImageSections = 7;

struct SectionPlace {
  std::uint64_t offset, size;
};

struct ImageHeader {
  std::array<char, 8> magic;
  std::uint32_t version, header_size;
  std::uint64_t size, checksum, seed;
  std::int64_t log_sequence;
  std::uint64_t views_digest;
  std::uint32_t rule_count, name_count, decision_count, view_count, source_count;
  std::uint16_t most_labels, longest_probe;
  std::array<SectionPlace, kImageSections> sections;
  std::array<std::uint8_t, 64> reserved;
};
static_assert(sizeof(ImageHeader) == 256);
inline constexpr std::size_t kChecksumFrom = 32;

struct Bucket {
  std::array<std::uint32_t, kSlots> fingerprint, place;
};
static_assert(sizeof(Bucket) == 64);

struct RuleRow {
  std::int64_t rule_id;
  std::uint32_t decision;  ///< row of section 3
  std::uint32_t ttl;       ///< means nothing unless has_ttl
  std::uint8_t match, action, has_ttl, reserved0;
  std::uint32_t payload, payload_size;  ///< in section 6: CNAME target or local records
  std::uint32_t reserved1;
  friend bool operator==(const RuleRow&, const RuleRow&) = default;
};
static_assert(sizeof(RuleRow) == 32);

struct DecisionRow {
  std::int64_t number, valid_from, valid_to;  ///< in force while valid_from <= now < valid_to
  std::uint64_t views;                        ///< bit v: applies in view v (its sources and jurisdictions say so)
  std::uint32_t id, id_size;                  ///< in section 6
  std::uint16_t source, extended_error;
  std::uint8_t type, state;
  std::array<std::uint8_t, 18> reserved;
};
static_assert(sizeof(DecisionRow) == 64);

/// One name of the image with its rules.
struct NameEntry {
  wire::NameView name;                   ///< lower case
  std::span<const std::uint32_t> rules;  ///< rows of section 2
};

/// Every suffix of a name with its hash, longest last: computed once a lookup, from the root up, each octet read once.
/// Label by label, hash(labels 1..n) = XXH3(label n in lower case with its length octet, seeded with
/// hash(labels 1..n-1)): without the image's seed nobody can make up names that meet in one bucket.
struct Suffixes {
  /// Fills in the hashes of the suffixes of up to `most_labels` labels.
  Suffixes(wire::NameView name, std::uint64_t seed, std::size_t most_labels);
  wire::NameView suffix(std::size_t n) const {  ///< of n labels
    return wire::NameView::from_valid({lowered.data() + offset[n], size - std::size_t{offset[n]}});
  }

  std::array<std::uint8_t, wire::kMaxNameSize> lowered;
  std::array<std::uint8_t, wire::kMaxLabels + 1> offset;  ///< [n]: where the suffix of n labels starts in `lowered`
  std::array<std::uint64_t, wire::kMaxLabels + 1> hash;   ///< [n]: of the suffix of n labels, n <= hashed
  std::size_t size = 0;
  std::size_t labels = 0;  ///< of the whole name
  std::size_t hashed = 0;  ///< the smaller of `labels` and `most_labels`
};

/// An image as it is read. Borrowed: valid as long as the octets.
class ImageView {
 public:
  ImageView() = default;
  /// REQUIRES: check_image(image) has a value, and the image came from the builder or passed verify_image.
  explicit ImageView(wire::Bytes image);

  const ImageHeader& header() const { return *reinterpret_cast<const ImageHeader*>(image_.data()); }
  wire::Bytes bytes() const { return image_; }
  /// The entry of exactly that name, compared in full. `name` in lower case, `hash` as Suffixes makes it.
  std::optional<NameEntry> find(wire::NameView name, std::uint64_t hash) const;
  /// Asks the processor for the cache line that find() of this hash reads first.
  void prefetch(std::uint64_t hash) const { __builtin_prefetch(&buckets_[first_bucket(hash)]); }

  std::span<const RuleRow> rules() const { return rules_; }
  std::span<const DecisionRow> decisions() const { return decisions_; }
  std::span<const std::int64_t> changes() const { return changes_; }
  std::uint16_t rank(std::size_t view, std::size_t source) const {
    return ranks_[view * header().source_count + source];
  }
  wire::Bytes data(std::uint32_t offset, std::uint32_t size) const { return data_.subspan(offset, size); }
  std::string_view text(std::uint32_t offset, std::uint32_t size) const {
    return {reinterpret_cast<const char*>(data_.data() + offset), size};
  }

 private:
  friend std::expected<void, std::string> verify_image(wire::Bytes image);
  std::size_t first_bucket(std::uint64_t hash) const {
    return static_cast<std::size_t>(((hash >> 32) * buckets_.size()) >> 32);
  }
  NameEntry entry(std::uint32_t place) const;
  template <typename Row>
  std::span<const Row> section(ImageSection which) const;

  wire::Bytes image_, names_, data_;
  std::span<const Bucket> buckets_;
  std::span<const RuleRow> rules_;
  std::span<const DecisionRow> decisions_;
  std::span<const std::uint16_t> ranks_;
  std::span<const std::int64_t> changes_;
};

/// Header and section table: magic, version, sizes, alignment, that sections lie inside. At once, whatever the size.
std::expected<void, std::string> check_image(wire::Bytes image);
/// Checksum and every reference. REQUIRES check_image. Reads the whole image.
std::expected<void, std::string> verify_image(wire::Bytes image);
std::uint64_t image_checksum(wire::Bytes image);

}  // namespace placard::policy
