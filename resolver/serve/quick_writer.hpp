// Answers of the quick path, put together octet by octet: header and question as they came, records whose owners point
// into the question, an OPT. No table of names and no sticky error: who uses it knows beforehand that all will fit.
#pragma once

#include <cstdint>
#include <cstring>
#include <span>

#include "zones/wire/octets.hpp"
#include "zones/wire/quick_question.hpp"

namespace placard::serve {

inline constexpr std::size_t kQuickOpt = 11;  ///< octets of an OPT without options (RFC 6891 6.1.2)

class QuickWriter {
 public:
  /// `room`: octets that may be written at `at`; nothing here looks at it again.
  explicit QuickWriter(std::uint8_t* at) : start_(at), at_(at) {}

  std::size_t size() const { return static_cast<std::size_t>(at_ - start_); }
  void put8(std::size_t value) { *at_++ = static_cast<std::uint8_t>(value); }
  void put16(std::size_t value) {
    wire::store16(at_, static_cast<std::uint16_t>(value));
    at_ += 2;
  }
  void put32(std::uint32_t value) {
    wire::store32(at_, value);
    at_ += 4;
  }
  void put(wire::Bytes bytes) {
    std::memcpy(at_, bytes.data(), bytes.size());
    at_ += bytes.size();
  }

  /// Header and question. `flags`: beside QR, RD and CD, which come from the question.
  void begin(const wire::QuickQuestion& asked, std::uint16_t flags, std::size_t answers, std::size_t authority) {
    put16(asked.id);
    put16(flags_of(asked, flags));
    put16(1);
    put16(answers);
    put16(authority);
    put16(asked.edns ? 1 : 0);
    put(asked.asked.bytes());
    put16(static_cast<std::uint16_t>(asked.type));
    put16(static_cast<std::uint16_t>(asked.record_class));
  }
  /// A whole answer to the same question, asked now by another: id, flags and the name's case are this one's.
  void copy(wire::Bytes message, const wire::QuickQuestion& asked, std::uint16_t flags) {
    put(message);
    wire::store16(start_, asked.id);
    wire::store16(start_ + 2, flags_of(asked, flags));
    wire::store16(start_ + 10, asked.edns ? 1 : 0);
    std::memcpy(start_ + wire::kHeaderSize, asked.asked.bytes().data(), asked.asked.size());
  }
  /// Type, class IN and TTL, behind an owner.
  void fixed(wire::RecordType type, std::uint32_t ttl) {
    put16(static_cast<std::uint16_t>(type));
    put16(static_cast<std::uint16_t>(wire::RecordClass::in));
    put32(ttl);
  }
  /// A pointer to the question's name.
  void asked_name() { put16(0xc000 | wire::kHeaderSize); }
  /// A name that ends the question's, as a pointer whatever the case where it is the question's, else where the case
  /// is the same, so that names keep theirs. Where it stands in its own case; 0: nowhere.
  std::size_t end_of_question(const wire::QuickQuestion& asked, wire::NameView end) {
    const std::size_t before = asked.asked.size() - end.size();
    const bool same = ends_in(asked.asked, end);
    if (before != 0 && !same) {
      const std::size_t place = size();
      name(end, asked, {}, 0);
      return place;
    }
    put16(0xc000 | (wire::kHeaderSize + before));
    return same ? wire::kHeaderSize + before : 0;
  }
  /// Any name; what it has in common with the end of the question, or with `known`, which stands at `place` (0:
  /// nowhere), is pointed at. Where `known` stands afterwards.
  std::size_t name(wire::NameView name, const wire::QuickQuestion& asked, wire::NameView known, std::size_t place) {
    for (; !name.is_root(); name = name.parent()) {
      if (name.size() <= asked.asked.size() && ends_in(asked.asked, name)) {
        put16(0xc000 | (wire::kHeaderSize + asked.asked.size() - name.size()));
        return place;
      }
      if (same_case(name, known)) {
        if (place != 0) {
          put16(0xc000 | place);
          return place;
        }
        place = size();
      }
      put(name.bytes().first(name.first_label().size() + 1));
    }
    put8(0);
    return place;
  }
  /// Length and rdata of an SOA whose names may end in `origin`, which stands at `place`. REQUIRES: valid rdata.
  void soa(wire::Bytes rdata, const wire::QuickQuestion& asked, wire::NameView origin, std::size_t place) {
    const auto mname = *wire::parse_uncompressed_name(rdata, 0);
    const auto rname = *wire::parse_uncompressed_name(rdata, mname.size());
    std::uint8_t* const length = at_;
    at_ += 2;
    place = name(mname, asked, origin, place);
    name(rname, asked, origin, place);
    put(rdata.subspan(mname.size() + rname.size()));
    wire::store16(length, static_cast<std::uint16_t>(at_ - length - 2));
  }
  /// The OPT's fixed part; `options` octets of options must follow.
  void opt(std::uint16_t udp_size, bool dnssec_ok, std::size_t options) {
    put8(0);
    put16(static_cast<std::uint16_t>(wire::RecordType::opt));
    put16(udp_size);
    put16(0);  // RCODE's high bits, version
    put16(dnssec_ok ? 0x8000 : 0);
    put16(options);
  }

 private:
  /// REQUIRES: `end` is not the longer one.
  static bool ends_in(wire::NameView name, wire::NameView end) {
    return std::memcmp(name.bytes().data() + name.size() - end.size(), end.bytes().data(), end.size()) == 0;
  }
  static std::uint16_t flags_of(const wire::QuickQuestion& asked, std::uint16_t flags) {
    return static_cast<std::uint16_t>(0x8000 | flags | asked.recursion_desired << 8 | asked.checking_disabled << 4);
  }

  std::uint8_t *start_, *at_;
};

}  // namespace placard::serve
