#include "policy/match/image_keys.hpp"

#include <algorithm>
#include <cassert>
#include <cstring>

namespace placard::policy {

namespace {

// Of the octets of all groups, what is asked for, in eighths: more leaves more keys without room in their buckets,
// which are a second wait for the memory, less costs memory.
constexpr std::size_t kLoad = 7;
// Marks one after the other below one suffix: with more, all bits of its filter are set.
constexpr std::size_t kMostMarks = 64;
constexpr std::size_t kPiece = std::size_t{64} * 1024;    // octets of a part that are put aside at once
constexpr std::size_t kWritten = std::size_t{64} * 1024;  // octets of buckets that are written at once

// What is staged: u64 hash, which chooses the bucket, u8 octets of the key, key, u32 what stands behind it; or without
// a key u64 bits for the filter.
constexpr std::size_t kStagedHead = sizeof(std::uint64_t) + 1, kBehindKey = sizeof(std::uint32_t);

}  // namespace

void ImageKeys::add(wire::Bytes key, std::uint64_t hash, std::uint32_t rows) {
  stage(hash, key, {reinterpret_cast<const std::uint8_t*>(&rows), sizeof rows});
  octets_ += sizeof(std::uint16_t) + key.size() + sizeof rows;
}

void ImageKeys::stage(std::uint64_t hash, wire::Bytes key, wire::Bytes behind) {
  auto& part = parts_[hash >> 56];
  const std::size_t at = part.staged.size();
  part.staged.resize(at + kStagedHead + key.size() + behind.size());
  auto* octets = part.staged.data() + at;
  std::memcpy(octets, &hash, sizeof hash);
  octets[sizeof hash] = static_cast<std::uint8_t>(key.size());
  std::copy(key.begin(), key.end(), octets + kStagedHead);
  std::copy(behind.begin(), behind.end(), octets + kStagedHead + key.size());
  if (part.staged.size() < kPiece) return;
  // Pieces of one size, at multiples of it, so that the kernel keeps them in large pages; they cut through what is
  // staged.
  part.aside.emplace_back(sink_.put_aside(wire::Bytes(part.staged).first(kPiece)), kPiece);
  part.staged.erase(part.staged.begin(), part.staged.begin() + kPiece);
}

void ImageKeys::take_part(std::size_t number, std::vector<std::uint8_t>& octets) {
  auto& part = parts_[number];
  std::size_t size = part.staged.size(), at = 0;
  for (const auto& piece : part.aside) size += piece.second;
  octets.resize(size);
  for (const auto& [position, length] : part.aside) {
    sink_.take_back(position, {octets.data() + at, length});
    at += length;
  }
  std::copy(part.staged.begin(), part.staged.end(), octets.begin() + static_cast<std::ptrdiff_t>(at));
  part = {};
}

/// Has the filter of its last labels' bucket say that it is there.
void ImageKeys::mark(const Suffixes& name) {
  const auto suffix = name.hash[kMarkedLabels];
  if (std::exchange(marked_suffix_, suffix) != suffix) marks_ = 0;
  if (++marks_ > kMostMarks) return;  // names come sorted, so those of one suffix mostly follow each other
  const auto bits = marks_ == kMostMarks ? ~std::uint64_t{0} : filter_bits(name.hash[name.labels]);
  stage(suffix, {}, {reinterpret_cast<const std::uint8_t*>(&bits), sizeof bits});
}

namespace {

std::uint64_t read64(const std::uint8_t* octets) {
  std::uint64_t number;
  std::memcpy(&number, octets, sizeof number);
  return number;
}

/// What is staged for a bucket.
struct Staged {
  std::uint32_t bucket;
  std::uint16_t head;   // 0: bits for the filter
  std::uint32_t start;  // in the octets of the part
};

/// What is staged in one part, in the order of buckets, and for each as it came. One for all parts, for its memory's
/// sake.
class SortedPart {
 public:
  std::span<const Staged> sort(wire::Bytes part, std::size_t buckets) {
    unsorted_.clear();
    for (std::size_t at = 0; at < part.size();) {
      const std::uint64_t hash = read64(part.data() + at);
      const std::size_t size = part[at + sizeof hash], start = at + kStagedHead;
      unsorted_.push_back({static_cast<std::uint32_t>(bucket_of(hash, buckets)),
                           size > 0 ? head_of(size, hash) : std::uint16_t{0}, static_cast<std::uint32_t>(start)});
      at = start + (size > 0 ? size + kBehindKey : sizeof(std::uint64_t));
    }
    if (unsorted_.empty()) return {};
    const auto [least, most] = std::ranges::minmax(unsorted_, {}, &Staged::bucket);
    next_.assign(most.bucket - least.bucket + 2, 0);
    for (const auto& each : unsorted_) ++next_[each.bucket - least.bucket + 1];
    for (std::size_t i = 1; i < next_.size(); ++i) next_[i] += next_[i - 1];
    sorted_.resize(unsorted_.size());
    for (const auto& each : unsorted_) sorted_[next_[each.bucket - least.bucket]++] = each;
    return sorted_;
  }

 private:
  std::vector<Staged> unsorted_, sorted_;
  std::vector<std::uint32_t> next_;  // of each bucket, where its next one goes
};

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
class ImageKeys::BucketWriter {
 public:
  BucketWriter(ImageKeys& keys, const Append& append) : keys_(keys), append_(append) {}

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

  void flush() {
    append_(buckets_);
    buckets_.clear();
  }

 private:
  void end_bucket() {
    KeyBucket bucket{};
    bucket.filter = std::exchange(filter_, 0);
    here_.write(bucket.group.data());
    if (!more_.heads.empty()) {
      assert(position_ < UINT32_MAX);
      bucket.more = static_cast<std::uint32_t>(position_ + 1);
      auto& rest = keys_.rest_;
      const std::size_t at = rest.staged.size(), size = (more_.size() + 3) / 4 * 4;
      rest.staged.resize(at + size);
      more_.write(rest.staged.data() + at);
      position_ += size / 4;
      if (rest.staged.size() >= kWritten) {
        rest.aside.emplace_back(keys_.sink_.put_aside(rest.staged), rest.staged.size());
        rest.staged.clear();
      }
    }
    const auto* octets = reinterpret_cast<const std::uint8_t*>(&bucket);
    buckets_.insert(buckets_.end(), octets, octets + sizeof bucket);
    if (buckets_.size() >= kWritten) flush();
  }

  ImageKeys& keys_;
  const Append& append_;
  std::size_t bucket_ = 0;
  std::uint64_t filter_ = 0;
  Group here_, more_;
  std::vector<std::uint8_t> buckets_;
  std::uint64_t position_ = 0;  // of the end of the rest, in units of 4 octets
};

void ImageKeys::write_buckets(const Append& append, const std::function<void()>& between) {
  const std::size_t buckets = octets_ * 8 / (kLoad * sizeof(KeyBucket)) + 1;
  BucketWriter writer(*this, append);
  SortedPart sorted;
  std::vector<std::uint8_t> part;
  for (std::size_t number = 0; number < parts_.size(); ++number) {
    take_part(number, part);
    for (const auto& each : sorted.sort(part, buckets)) {
      const auto* octets = part.data() + each.start;
      if (each.head == 0)
        writer.add_bits(each.bucket, read64(octets));
      else
        writer.add_key(each.bucket, read64(octets - kStagedHead), each.head,
                       {octets, (each.head & 0xFFU) + kBehindKey});
    }
    if (between) between();
  }
  writer.advance(buckets);
  writer.flush();
}

void ImageKeys::write_rest(const Append& append) {
  std::vector<std::uint8_t> piece;
  for (const auto& [position, size] : rest_.aside) {
    piece.resize(size);
    sink_.take_back(position, piece);
    append(piece);
  }
  append(rest_.staged);
}

}  // namespace placard::policy
