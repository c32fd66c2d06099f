// A row of records, packed one behind the other in one block of octets: what transfers carry, changes consist of and
// journals keep.
//
// Each is (16-bit size of the rdata, 16-bit type, 32-bit TTL, owner, rdata), numbers big-endian, names whole: the same
// octets in memory and on disk. Owners keep their case. No order is kept but that of adding.
#pragma once

#include <cstdint>
#include <expected>
#include <string_view>
#include <vector>

#include "zones/wire/message.hpp"
#include "zones/wire/octets.hpp"

namespace placard::zones {

/// Borrowed from the list it stands in.
struct RecordRef {
  wire::NameView owner;
  wire::RecordType type{};
  std::uint32_t ttl = 0;  ///< seconds
  wire::Bytes rdata;      ///< uncompressed
};

class RecordList {
 public:
  class Iterator {
   public:
    using value_type = RecordRef;
    using difference_type = std::ptrdiff_t;
    Iterator() = default;
    explicit Iterator(const std::uint8_t* at) : at_(at) {}
    RecordRef operator*() const {
      const auto owner = wire::NameView::from_valid({at_ + kFixed, owner_size()});
      return {owner,
              static_cast<wire::RecordType>(wire::load16(at_ + 2)),
              wire::load32(at_ + 4),
              {at_ + kFixed + owner.size(), wire::load16(at_)}};
    }
    Iterator& operator++() {
      at_ += kFixed + owner_size() + wire::load16(at_);
      return *this;
    }
    Iterator operator++(int) {
      auto old = *this;
      ++*this;
      return old;
    }
    friend bool operator==(Iterator, Iterator) = default;

   private:
    std::size_t owner_size() const {
      std::size_t size = 1;
      for (const std::uint8_t* at = at_ + kFixed; *at != 0; at += *at + 1U) size += *at + 1U;
      return size;
    }
    const std::uint8_t* at_ = nullptr;
  };

  /// REQUIRES: at most 65,535 octets of rdata.
  void add(wire::NameView owner, wire::RecordType type, std::uint32_t ttl, wire::Bytes rdata);
  void add(const RecordRef& record) { add(record.owner, record.type, record.ttl, record.rdata); }
  /// A record of a message; false when its rdata would pass 65,535 octets once its names are expanded.
  bool add(const wire::RecordView& record);

  Iterator begin() const { return Iterator(octets_.data()); }
  Iterator end() const { return Iterator(octets_.data() + octets_.size()); }
  std::size_t size() const { return count_; }
  bool empty() const { return count_ == 0; }
  wire::Bytes octets() const { return octets_; }
  void reserve(std::size_t octets) { octets_.reserve(octets); }
  void clear();

  /// The octets of a list that was written out, checked: names, sizes, rdata of known shapes. The error is a phrase.
  static std::expected<RecordList, std::string_view> parse(wire::Bytes octets);
  /// The same check without a copy: how many records there are. Then Iterator may walk over them where they stand.
  static std::expected<std::size_t, std::string_view> check(wire::Bytes octets);

  friend bool operator==(const RecordList& a, const RecordList& b) { return a.octets_ == b.octets_; }

 private:
  static constexpr std::size_t kFixed = 8;
  std::vector<std::uint8_t> octets_;
  std::size_t count_ = 0;
};

}  // namespace placard::zones
