// The image of the policy index, octet by octet, and the read-only view of it.
//
// One contiguous run of octets without pointers: what a place refers to is an offset, so that the same octets work
// wherever they lie, in memory or in a mapped file. Numbers are little-endian; an image starts at an address that is a
// multiple of 64. Nothing changes after image_builder made it.
//
//   offset size  header (512 octets)
//        0    8  magic "PLACARDX"
//        8    4  version of this layout: 5
//       12    4  octets of this header: 512
//       16    8  octets of the whole image
//       24    8  XXH3-64 of octets 32 to 511: header and section table are believed, or refused, at once
//       32    8  seed of the hashes, random for each image
//       40    8  last entry of the store's log that is in it (int64)
//       48   32  hash of that entry, or of the one at 456: an image of another record, or of one that was rewritten, is
//                not used
//       80    4  rules
//       84    4  keys: names and address prefixes
//       88    4  rows of section 3 (decisions)
//       92    4  rows of section 4 (audiences)
//       96    2  most labels of a name
//       98    6  zeros
//      104   32  depths: u64[2][2], by trigger (qname, nsdname); bit n: some rule's name has n labels
//      136  144  lengths: u64[3][2][3], by trigger (client-ip, response-ip, nsip) and family (IPv6, IPv4); bit n: some
//                rule's prefix has n bits, counted in 128 (IPv4 in its mapped place: 96 more than written)
//      280  168  section table: 7 of (u64 offset, u64 octets, u64 XXH3-64 of them), in the order below
//      448    8  the moment it was made at (int64, seconds): decisions that had ended by then are not in it
//      456    8  an entry about a list behind the last one that is in it as well (int64); 0: none. A list is compiled
//                while it is being recorded, and others may record something meanwhile
//      464   48  zeros
//
//   0 buckets    Hash table of keys, 256 octets a bucket, at least one: u64 filter, u32 more, a group of keys, zeros.
//                A group: u16 n, u16 head[n], entries[n]. A key is a wire name in lower case, or for a prefix a "name"
//                of one label: 17, u8 length, 16 octets of address, 0. Its head: octets of the key, and 256 times the
//                low 8 bits of its hash (fingerprint). Its entry: the key, then u32, nowhere aligned: bit 31 clear: the
//                row of section 2 of its one rule; set: the rest times 4 is an offset in section 6, where u32 count and
//                u32 rows[count] stand. The key in full is what decides a match; the head only says where to look. The
//                hash's high 32 bits, scaled to the number of buckets, choose a key's bucket. What finds no room in its
//                bucket stands in a group of section 1: `more` is 1 + its offset divided by 4, 0: there is none. The
//                filter is a Bloom filter of 64 bits, three of them for a hash. In it are the keys that stand
//                elsewhere, and those of three and more labels whose last two labels have their hash in this bucket: a
//                name that nothing is known about costs the first line of one bucket. Below two labels with
//                very many keys (public suffixes) all bits may be set.
//   1 rest       The groups that buckets had no room for, in their order, each with zeros up to a multiple of 4.
//   2 rules      32 octets each (RuleRow): all of a rule but its key. Equal rows stand once: the ten million names of a
//                list share one.
//   3 decisions  64 octets each (DecisionRow), by number. A decision's stretches of time (in force, suspended, in force
//                again) follow each other by `next`; a rule refers to the first. One decision has such a chain for its
//                own rules and one for each of its lists.
//   4 audiences  24 octets each (AudienceRow): whose word decisions are and where they hold. Which views that means is
//                worked out when the image is opened, so one file serves every configuration of views.
//   5 changes    int64, ascending, each once: the seconds at which some decision begins or ends.
//   6 data       What keys and rows refer to by offset: lists of rows, ids, CNAME targets (wire), local records (u16
//                type, u16 size, rdata)*.
//
// Sections start at multiples of 64. A rule of a list costs the size of its name + 6 octets, in buckets of which seven
// eighths are asked for: about 35 in all for a name of 22 octets, some 8 keys a bucket, one key in nine without room.
// A lookup is one wait for the memory, the lines of a bucket standing side by side, and a second one for those.
//
// check_image holds header and section table against the size at once; verify_image reads all of it. Reading an image
// that only passed check_image is safe whatever it holds: every reference is held against its section when it is
// followed, and a rule that refers to nothing matches nothing.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <expected>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "policy/record/decision.hpp"
#include "policy/record/prefix.hpp"
#include "zones/wire/prefetch.hpp"
#include "zones/wire/suffixes.hpp"

namespace placard::policy {

using wire::Suffixes;

static_assert(std::endian::native == std::endian::little, "the image is little-endian and read in place");

inline constexpr std::string_view kImageMagic = "PLACARDX";
inline constexpr std::uint32_t kImageVersion = 5;
inline constexpr std::size_t kImageAlignment = 64;
inline constexpr std::uint32_t kManyRows = 0x80000000U;  ///< behind a key: a list of rows in section 6
inline constexpr std::size_t kMarkedLabels = 2;          ///< longer names stand in the filter of such a suffix's bucket
inline constexpr std::size_t kPrefixKeySize = 19;        ///< octets of a prefix as a key
inline constexpr std::uint8_t kRemoved = 255;            ///< RuleRow::action of an overlay: the rule is gone

enum class ImageSection : std::uint8_t { buckets, rest, rules, decisions, audiences, changes, data };
inline constexpr std::size_t kImageSections = 7;

struct SectionPlace {
  std::uint64_t offset, size, checksum;
};

struct ImageHeader {
  std::array<char, 8> magic;
  std::uint32_t version, header_size;
  std::uint64_t size, checksum, seed;
  std::int64_t log_sequence;
  std::array<std::uint8_t, 32> log_hash;
  std::uint32_t rule_count, key_count, decision_count, audience_count;
  std::uint16_t most_labels;
  std::array<std::uint16_t, 3> reserved0;
  std::array<std::array<std::uint64_t, 2>, 2> depths;
  std::array<std::array<std::array<std::uint64_t, 3>, 2>, 3> lengths;
  std::array<SectionPlace, kImageSections> sections;
  std::int64_t made_at;
  std::int64_t ahead;
  std::array<std::uint8_t, 48> reserved1;
  /// The last entry of the log that it has something of.
  std::int64_t newest() const { return ahead > log_sequence ? ahead : log_sequence; }
};
static_assert(sizeof(ImageHeader) == 512);
inline constexpr std::size_t kChecksumFrom = 32;

struct KeyBucket {
  std::uint64_t filter;
  std::uint32_t more;
  std::array<std::uint8_t, 244> group;
};
static_assert(sizeof(KeyBucket) == 256);

/// The bucket of a hash: for builder and reader alike.
constexpr std::size_t bucket_of(std::uint64_t hash, std::size_t buckets) {
  return static_cast<std::size_t>((hash >> 32) * buckets >> 32);
}

/// A hash's bits in a filter.
constexpr std::uint64_t filter_bits(std::uint64_t hash) {
  const std::uint64_t mixed = (hash & 0xFFFFFFFFU) * 0x9E3779B97F4A7C15U;  // the high half has chosen the bucket
  return std::uint64_t{1} << (mixed >> 58) | std::uint64_t{1} << (mixed >> 52 & 63) |
         std::uint64_t{1} << (mixed >> 46 & 63);
}

/// What stands for a key in the head of its group.
constexpr std::uint16_t head_of(std::size_t key_size, std::uint64_t hash) {
  return static_cast<std::uint16_t>(key_size | (hash & 0xFF) << 8);
}

struct RuleRow {
  std::int64_t rule_id;    ///< 0: a list's rule
  std::uint32_t decision;  ///< first row of its chain in section 3
  std::uint32_t ttl;       ///< means nothing unless has_ttl
  std::uint8_t match, action, has_ttl, trigger;
  std::uint32_t payload, payload_size;  ///< in section 6: CNAME target or local records
  std::uint32_t reserved;
  friend bool operator==(const RuleRow&, const RuleRow&) = default;
};
static_assert(sizeof(RuleRow) == 32);

struct DecisionRow {
  std::int64_t number, valid_from, valid_to;  ///< in force while valid_from <= now < valid_to
  std::uint32_t id, id_size;                  ///< in section 6
  std::uint32_t next;                         ///< the same decision's next stretch, a larger row; 0: none
  std::uint16_t audience, extended_error;
  std::uint8_t type, state;
  std::array<std::uint8_t, 22> reserved;
};
static_assert(sizeof(DecisionRow) == 64);

struct AudienceRow {
  std::uint32_t authority, list, scope;  ///< in section 6; scope: codes with a space between them
  std::uint16_t authority_size, list_size, scope_size;
  std::uint8_t order;     ///< 1: orders of courts and administrations
  std::uint8_t triggers;  ///< bit t: there are rules of trigger t
  std::uint32_t reserved;
};
static_assert(sizeof(AudienceRow) == 24);

/// A prefix as it stands in section 0.
std::array<std::uint8_t, kPrefixKeySize> prefix_key(const MappedAddress& address, std::size_t length);
std::uint64_t prefix_hash(wire::Bytes key, std::uint64_t seed);

/// One key of the image with its rules.
class KeyEntry {
 public:
  KeyEntry() = default;
  KeyEntry(wire::Bytes key, const std::uint8_t* rows, std::size_t count) : key_(key), rows_(rows), count_(count) {}
  wire::Bytes key() const { return key_; }
  std::size_t size() const { return count_; }
  std::uint32_t operator[](std::size_t n) const;  ///< row of section 2

 private:
  wire::Bytes key_;
  const std::uint8_t* rows_ = nullptr;
  std::size_t count_ = 0;
};

/// An image as it is read. Borrowed: valid as long as the octets. Safe on any octets that passed check_image.
class ImageView {
 public:
  ImageView() = default;
  /// REQUIRES: check_image(image) has a value.
  explicit ImageView(wire::Bytes image);

  const ImageHeader& header() const { return *reinterpret_cast<const ImageHeader*>(image_.data()); }
  wire::Bytes bytes() const { return image_; }

  /// The entry of exactly that key, compared in full.
  std::optional<KeyEntry> find(wire::Bytes key, std::uint64_t hash) const;
  /// Every key, in no order. Reads the whole image.
  void each_key(const std::function<void(const KeyEntry&)>& visit) const;
  /// False: no name of more than kMarkedLabels labels has the hash `longer` whose last ones have the hash `suffix`.
  bool may_hold(std::uint64_t suffix, std::uint64_t longer) const {
    const auto bits = filter_bits(longer);
    return (bucket(suffix).filter & bits) == bits;
  }
  /// Asks the processor for the whole bucket that find() of this hash reads, for who will read it at once ...
  void prefetch(std::uint64_t hash) const;
  /// ... or for its first line only, which is all there is to read of a name that is not there ...
  void prefetch_head(std::uint64_t hash) const { wire::prefetch(&bucket(hash)); }
  /// ... and, once that is there, for the lines where a key of this hash and size stands.
  void prefetch_key(std::uint64_t hash, std::size_t key_size) const;
  /// Some rule of that trigger (qname or nsdname) stands at a name of `labels` labels.
  bool has_depth(Trigger trigger, std::size_t labels) const;
  /// The longest prefix length of that trigger below `below` that some rule has (client-ip, response-ip, nsip).
  std::optional<std::size_t> next_length(Trigger trigger, bool ipv4, std::size_t below) const;

  /// Null when there is no such row, or one that says nothing that is known.
  const RuleRow* rule(std::uint32_t row) const;
  const DecisionRow* decision(std::uint32_t row) const;
  const AudienceRow* audience(std::size_t row) const { return row < audiences_.size() ? &audiences_[row] : nullptr; }
  std::span<const RuleRow> rules() const { return rules_; }
  std::span<const DecisionRow> decisions() const { return decisions_; }
  std::span<const AudienceRow> audiences() const { return audiences_; }
  std::span<const std::int64_t> changes() const { return changes_; }
  /// Of section 6; empty when it does not lie inside.
  wire::Bytes data(std::uint32_t offset, std::uint32_t size) const;
  std::string_view text(std::uint32_t offset, std::uint32_t size) const {
    const auto octets = data(offset, size);
    return {reinterpret_cast<const char*>(octets.data()), octets.size()};
  }

 private:
  friend std::expected<void, std::string> verify_image(wire::Bytes image);
  bool keys_are_sound() const;
  std::size_t size_of_group(wire::Bytes group) const;
  const KeyBucket& bucket(std::uint64_t hash) const { return buckets_[bucket_of(hash, buckets_.size())]; }
  wire::Bytes rest_of(const KeyBucket& bucket) const;
  std::optional<KeyEntry> entry(wire::Bytes group, std::size_t start, std::size_t key_size) const;
  void visit_group(wire::Bytes group, const std::function<void(const KeyEntry&)>& visit) const;
  template <typename Row>
  std::span<const Row> section(ImageSection which) const;

  wire::Bytes image_, rest_, data_;
  std::span<const KeyBucket> buckets_;
  std::span<const RuleRow> rules_;
  std::span<const DecisionRow> decisions_;
  std::span<const AudienceRow> audiences_;
  std::span<const std::int64_t> changes_;
};

/// The first row of the chain of that decision and list ("" for the decision's own rules).
std::optional<std::uint32_t> find_decision(const ImageView& image, std::int64_t number, std::string_view list);
/// The row behind the chain that starts at `head`, as the builder lays them out.
std::uint32_t behind_chain(const ImageView& image, std::uint32_t head);
/// The list of a row that ImageView::decision gave; empty for a decision's own rules.
std::string_view list_of(const ImageView& image, const DecisionRow& decision);

/// Header and section table: magic, version, checksum, sizes, alignment, that sections lie inside. At once, whatever
/// the size.
std::expected<void, std::string> check_image(wire::Bytes image);
/// Checksums and every reference. REQUIRES check_image. Reads the whole image.
std::expected<void, std::string> verify_image(wire::Bytes image);
std::uint64_t header_checksum(const ImageHeader& header);
std::uint64_t section_checksum(wire::Bytes section);

}  // namespace placard::policy
