// A record set (RRset, RFC 2181 5): records of one owner, type and class, with one TTL and their signatures.
//
// Rdata is kept uncompressed, packed as (16-bit size, octets) one behind the other: one allocation for all of it.
// Order is as added; a duplicate is dropped (RFC 2181 5.5). The RRSIGs that cover the set travel with it.
#pragma once

#include <cstdint>
#include <iterator>
#include <vector>

#include "zones/wire/message.hpp"

namespace placard::wire {

/// A packed row of rdatas.
class RdataList {
 public:
  class Iterator {
   public:
    using value_type = Bytes;
    using difference_type = std::ptrdiff_t;
    Iterator() = default;
    explicit Iterator(const std::uint8_t* at) : at_(at) {}
    Bytes operator*() const { return {at_ + 2, static_cast<std::size_t>(at_[0] << 8 | at_[1])}; }
    Iterator& operator++() {
      at_ += 2 + (at_[0] << 8 | at_[1]);
      return *this;
    }
    Iterator operator++(int) {
      auto old = *this;
      ++*this;
      return old;
    }
    friend bool operator==(Iterator, Iterator) = default;

   private:
    const std::uint8_t* at_ = nullptr;
  };

  static constexpr std::size_t kMaxSize = 65535;  ///< octets of one rdata (RFC 1035 3.2.1)

  /// False when the list has this rdata already (compared octet by octet), or when it is larger than kMaxSize:
  /// compressed rdata of a message may grow beyond that when its names are expanded. Looks at all that is there: who
  /// fills a list from outside bounds its size.
  bool add(Bytes rdata);
  /// A copy of another list's packed() with its size().
  static RdataList from_packed(Bytes packed, std::size_t count);
  Iterator begin() const { return Iterator(packed_.data()); }
  Iterator end() const { return Iterator(packed_.data() + packed_.size()); }
  std::size_t size() const { return count_; }
  bool empty() const { return count_ == 0; }
  Bytes packed() const { return packed_; }
  std::size_t capacity() const { return packed_.capacity(); }  ///< octets of memory held
  friend bool operator==(const RdataList&, const RdataList&) = default;

 private:
  std::vector<std::uint8_t> packed_;
  std::uint32_t count_ = 0;
};

struct RecordSet {
  Name owner;
  RecordType type = RecordType::a;
  RecordClass record_class = RecordClass::in;
  std::uint32_t ttl = 0;  ///< seconds
  RdataList rdatas;
  RdataList signatures;  ///< rdata of the RRSIGs that cover `type`; their TTL is the set's
};

/// The type an RRSIG's rdata covers (RFC 4034 3.1.1); nothing when the rdata is too short.
std::optional<RecordType> covered_type(Bytes rrsig_rdata);

/// Gathers a section's records into sets, in order of first appearance; RRSIGs go to the set they cover, or to a
/// set of type RRSIG of their own when there is none. OPT and TSIG are left out. The lowest TTL of a set counts.
std::vector<RecordSet> record_sets(const MessageView& message, Section section);

/// Whether uncompressed rdata has the shape of its type: sizes of addresses, and whole names where names stand
/// (RFC 1035's types and those of RFC 3597 4). Types of other kinds are taken as they are.
bool is_sound_rdata(RecordType type, Bytes rdata);

/// Rdata in canonical form: names in lower case, of the types of RFC 4034 6.2 without NSEC (RFC 6840 5.1).
std::vector<std::uint8_t> canonical_rdata(RecordType type, Bytes rdata);

/// First name in the rdata of NS, CNAME, DNAME, PTR, MB, MG, MR, MX, SRV, SOA (its MNAME); nothing for other types or
/// broken rdata.
std::optional<Name> rdata_name(RecordType type, Bytes rdata);

/// SOA's fields (RFC 1035 3.3.13).
struct Soa {
  Name mname, rname;
  std::uint32_t serial = 0, refresh = 0, retry = 0, expire = 0, minimum = 0;
};
std::optional<Soa> parse_soa(Bytes rdata);
std::vector<std::uint8_t> make_soa_rdata(const Soa& soa);

}  // namespace placard::wire
