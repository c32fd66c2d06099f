// The image of the policy index, octet by octet, and the read-only view of it.
//
// One contiguous run of octets without pointers: what a place refers to is an offset, so that the same octets work
// wherever they lie, in memory or in a mapped file. Numbers are little-endian; an image starts at an address that is a
// multiple of 64. Nothing changes after image_builder made it.
//
//   offset size  header (512 octets)
//        0    8  magic "PLACARDX"
//        8    4  version of this layout: 4
//       12    4  octets of this header: 512
//       16    8  octets of the whole image
//       24    8  XXH3-64 of octets 32 to 511: header and section table are believed, or refused, at once
//       32    8  seed of the hashes, random for each image
//       40    8  last entry of the store's log that is in it (int64)
//       48   32  hash of that entry, or of the one at 480: an image of another record, or of one that was rewritten, is
//                not used
//       80    4  rules
//       84    4  keys: names and address prefixes
//       88    4  rows of section 4 (decisions)
//       92    4  rows of section 5 (audiences)
//       96    2  most labels of a name
//       98    2  longest probe, in buckets
//      100    4  zeros
//      104   32  depths: u64[2][2], by trigger (qname, nsdname); bit n: some rule's name has n labels
//      136  144  lengths: u64[3][2][3], by trigger (client-ip, response-ip, nsip) and family (IPv6, IPv4); bit n: some
//                rule's prefix has n bits, counted in 128 (IPv4 in its mapped place: 96 more than written)
//      280  192  section table: 8 of (u64 offset, u64 octets, u64 XXH3-64 of them), in the order below
//      472    8  the moment it was made at (int64, seconds): decisions that had ended by then are not in it
//      480    8  an entry about a list behind the last one that is in it as well (int64); 0: none. A list is compiled
//                while it is being recorded, and others may record something meanwhile
//      488   24  zeros
//
//   0 names      4 zero octets, then entries, each at a multiple of 4:
//                  u8 kind, key, zeros up to a multiple of 4, u32 rows of section 3.
//                The key is a wire name in lower case, or for a prefix a "name" of one label: 17, u8 length, 16 octets
//                of address, 0. Kind 1 to 254: that many rows. 255: the first u32 is the real count. 0: one row below
//                65,536, as u16 right behind the key. The key in full is what decides a match; the fingerprint only
//                says where to look.
//   1 filter     A Bloom filter of what names end in (their last two labels), 64 octets a block, eight bits a name: a
//                name that nothing is known about costs this one cache line. Names of fewer labels are not in it.
//   2 buckets    Hash table of keys; 64 octets (a cache line) each, at least one: u32 fingerprint[8], u32 place[8].
//                A place is the offset of an entry in section 0 divided by 4, 0 for an empty slot (they are the last
//                ones). The hash's high 32 bits, scaled to the number of buckets, choose a key's first bucket, its
//                low 32 bits are the fingerprint. A key that finds its bucket full goes into the next (the last's next
//                is the first), and sets bit 31 of place[7] in each bucket that it passed: a lookup that meets the bit
//                clear stops there.
//   3 rules      32 octets each (RuleRow): all of a rule but its key. Equal rows stand once: the ten million names of a
//                list share one.
//   4 decisions  64 octets each (DecisionRow), by number. A decision's stretches of time (in force, suspended, in force
//                again) follow each other by `next`; a rule refers to the first. One decision has such a chain for its
//                own rules and one for each of its lists.
//   5 audiences  24 octets each (AudienceRow): whose word decisions are and where they hold. Which views that means is
//                worked out when the image is opened, so one file serves every configuration of views.
//   6 changes    int64, ascending, each once: the seconds at which some decision begins or ends.
//   7 data       What rows refer to by offset: ids, CNAME targets (wire), local records (u16 type, u16 size, rdata)*.
//
// Sections start at multiples of 64. A rule of a list costs 1 + the size of its name + 2 + up to 3 octets, a slot 8 at
// a load of 13/16, and one octet of filter: about 38 for a name of 22 octets.
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
#include "zones/wire/suffixes.hpp"

namespace placard::policy {

using wire::Suffixes;

static_assert(std::endian::native == std::endian::little, "the image is little-endian and read in place");

inline constexpr std::string_view kImageMagic = "PLACARDX";
inline constexpr std::uint32_t kImageVersion = 4;
inline constexpr std::size_t kImageAlignment = 64;
inline constexpr std::size_t kSlots = 8;                 ///< keys of one bucket
inline constexpr std::uint32_t kOverflow = 0x80000000U;  ///< in place[7]: some key passed this bucket
inline constexpr std::size_t kFilterLabels = 2;          ///< of the suffix that stands in the filter
inline constexpr std::size_t kPrefixKeySize = 19;        ///< octets of a prefix as a key
inline constexpr std::uint8_t kRemoved = 255;            ///< RuleRow::action of an overlay: the rule is gone

enum class ImageSection : std::uint8_t { names, filter, buckets, rules, decisions, audiences, changes, data };
inline constexpr std::size_t kImageSections = 8;

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
  std::uint16_t most_labels, longest_probe;
  std::uint32_t reserved0;
  std::array<std::array<std::uint64_t, 2>, 2> depths;
  std::array<std::array<std::array<std::uint64_t, 3>, 2>, 3> lengths;
  std::array<SectionPlace, kImageSections> sections;
  std::int64_t made_at;
  std::int64_t ahead;
  std::array<std::uint8_t, 24> reserved1;
  /// The last entry of the log that it has something of.
  std::int64_t newest() const { return ahead > log_sequence ? ahead : log_sequence; }
};
static_assert(sizeof(ImageHeader) == 512);
inline constexpr std::size_t kChecksumFrom = 32;

struct Bucket {
  std::array<std::uint32_t, kSlots> fingerprint, place;
};
static_assert(sizeof(Bucket) == 64);

using FilterBlock = std::array<std::uint64_t, 8>;

struct RuleRow {
  std::int64_t rule_id;    ///< 0: a list's rule
  std::uint32_t decision;  ///< first row of its chain in section 4
  std::uint32_t ttl;       ///< means nothing unless has_ttl
  std::uint8_t match, action, has_ttl, trigger;
  std::uint32_t payload, payload_size;  ///< in section 7: CNAME target or local records
  std::uint32_t reserved;
  friend bool operator==(const RuleRow&, const RuleRow&) = default;
};
static_assert(sizeof(RuleRow) == 32);

struct DecisionRow {
  std::int64_t number, valid_from, valid_to;  ///< in force while valid_from <= now < valid_to
  std::uint32_t id, id_size;                  ///< in section 7
  std::uint32_t next;                         ///< the same decision's next stretch, a larger row; 0: none
  std::uint16_t audience, extended_error;
  std::uint8_t type, state;
  std::array<std::uint8_t, 22> reserved;
};
static_assert(sizeof(DecisionRow) == 64);

struct AudienceRow {
  std::uint32_t authority, list, scope;  ///< in section 7; scope: codes with a space between them
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
  KeyEntry(wire::Bytes key, const std::uint8_t* rows, std::size_t count, bool narrow)
      : key_(key), rows_(rows), count_(count), narrow_(narrow) {}
  wire::Bytes key() const { return key_; }
  std::size_t size() const { return count_; }
  std::uint32_t operator[](std::size_t n) const;  ///< row of section 3

 private:
  wire::Bytes key_;
  const std::uint8_t* rows_ = nullptr;
  std::size_t count_ = 0;
  bool narrow_ = false;  // rows of 16 bits
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
  /// False: no name of the image ends in the suffix of kFilterLabels labels that has this hash.
  bool may_hold(std::uint64_t hash) const;
  /// Asks the processor for the cache line that find() of this hash reads first.
  void prefetch(std::uint64_t hash) const { __builtin_prefetch(&buckets_[first_bucket(hash)]); }
  /// Once that line is there: for the octets of the key that is meant, as far as it stands in its first bucket.
  void prefetch_key(std::uint64_t hash) const;
  /// The same for may_hold().
  void prefetch_filter(std::uint64_t hash) const {
    __builtin_prefetch(&filter_[static_cast<std::size_t>(((hash >> 32) * filter_.size()) >> 32)]);
  }
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
  /// Of section 7; empty when it does not lie inside.
  wire::Bytes data(std::uint32_t offset, std::uint32_t size) const;
  std::string_view text(std::uint32_t offset, std::uint32_t size) const {
    const auto octets = data(offset, size);
    return {reinterpret_cast<const char*>(octets.data()), octets.size()};
  }

 private:
  friend std::expected<void, std::string> verify_image(wire::Bytes image);
  std::size_t first_bucket(std::uint64_t hash) const {
    return static_cast<std::size_t>(((hash >> 32) * buckets_.size()) >> 32);
  }
  std::optional<KeyEntry> entry(std::uint32_t place, std::size_t key_size) const;
  template <typename Row>
  std::span<const Row> section(ImageSection which) const;

  wire::Bytes image_, names_, data_;
  std::span<const FilterBlock> filter_;
  std::span<const Bucket> buckets_;
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

/// The bits of a filter block that stand for a hash, and the block: for builder and reader alike.
struct FilterBits {
  FilterBits(std::uint64_t hash, std::size_t blocks);
  std::size_t block;
  std::array<std::uint16_t, 4> bits;  ///< 0 to 511
};

/// Header and section table: magic, version, checksum, sizes, alignment, that sections lie inside. At once, whatever
/// the size.
std::expected<void, std::string> check_image(wire::Bytes image);
/// Checksums and every reference. REQUIRES check_image. Reads the whole image.
std::expected<void, std::string> verify_image(wire::Bytes image);
std::uint64_t header_checksum(const ImageHeader& header);
std::uint64_t section_checksum(wire::Bytes section);

}  // namespace placard::policy
