// The keys of an image on their way into its buckets (layout in image.hpp).
//
// Keys come in any order, mostly sorted, and stand in the image in the order of their hashes. So each goes into one of
// 256 parts by its hash, in pieces that the sink puts aside, and one part after the other is taken up, sorted, and
// written. What is kept in memory is the last piece of each part (16 MiB at most) and one part in full.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

#include "policy/match/image.hpp"
#include "policy/match/image_file.hpp"

namespace placard::policy {

/// Where octets are that a sink has put aside, and how many.
using AsidePieces = std::vector<std::pair<std::uint64_t, std::size_t>>;

class ImageKeys {
 public:
  using Append = std::function<void(wire::Bytes)>;

  /// Borrows the sink, to put aside what it will take back.
  explicit ImageKeys(ImageSink& sink) : sink_(sink) {}

  /// A key of 1 to 255 octets, once; `rows` is what stands behind it.
  void add(wire::Bytes key, std::uint64_t hash, std::uint32_t rows);
  /// Has the filter of the name's last labels say that it is there. REQUIRES: more than kMarkedLabels, all hashed.
  void mark(const Suffixes& name);
  /// Sections 0 and 1, in this order, and then nothing else. `between` is called some hundred times meanwhile.
  void write_buckets(const Append& append, const std::function<void()>& between);
  void write_rest(const Append& append);

 private:
  class BucketWriter;
  struct Part {
    std::vector<std::uint8_t> staged;  // the last of them
    AsidePieces aside;                 // the others
  };
  void stage(std::uint64_t hash, wire::Bytes key, wire::Bytes behind);
  void take_part(std::size_t number, std::vector<std::uint8_t>& octets);

  ImageSink& sink_;
  std::array<Part, 256> parts_;
  std::size_t octets_ = 0;           // that all keys need in groups
  std::uint64_t marked_suffix_ = 0;  // of the last marked name
  std::size_t marks_ = 0;            // below that suffix, one after the other
  Part rest_;                        // section 1
};

}  // namespace placard::policy
