// Writing sets of a zone into a message, whole or not at all.
#pragma once

#include "zones/wire/writer.hpp"
#include "zones/zone.hpp"

namespace placard::zones {

/// Borrows the writer, which it never leaves full.
class SetWriter {
 public:
  explicit SetWriter(wire::MessageWriter& writer) : writer_(writer) {}

  /// Whether RRSIGs go behind each set from now on.
  void with_signatures(bool wanted) { with_signatures_ = wanted; }

  /// False when the set did not fit: nothing of it was written.
  bool put(wire::Section section, wire::NameView owner, const StoredSet& set, std::uint32_t ttl) {
    const auto mark = writer_.mark();
    for (const wire::Bytes rdata : set.rdatas()) {
      writer_.record(section, owner, set.type(), wire::RecordClass::in, ttl, rdata);
    }
    if (with_signatures_) put_signatures(section, owner, set, ttl);
    return kept(mark);
  }
  bool put(wire::Section section, wire::NameView owner, const StoredSet& set) {
    return put(section, owner, set, set.ttl());
  }
  /// The set's signatures alone.
  bool put_signatures_only(wire::Section section, wire::NameView owner, const StoredSet& set) {
    const auto mark = writer_.mark();
    put_signatures(section, owner, set, set.ttl());
    return kept(mark);
  }
  /// A record that is made, not stored.
  bool put_record(wire::Section section, wire::NameView owner, wire::RecordType type, std::uint32_t ttl,
                  wire::Bytes rdata) {
    const auto mark = writer_.mark();
    writer_.record(section, owner, type, wire::RecordClass::in, ttl, rdata);
    return kept(mark);
  }

 private:
  void put_signatures(wire::Section section, wire::NameView owner, const StoredSet& set, std::uint32_t ttl) {
    for (const wire::Bytes rdata : set.signatures()) {
      writer_.record(section, owner, wire::RecordType::rrsig, wire::RecordClass::in, ttl, rdata);
    }
  }
  bool kept(const wire::MessageWriter::Mark& mark) {
    if (!writer_.full()) return true;
    writer_.rollback(mark);
    return false;
  }

  wire::MessageWriter& writer_;
  bool with_signatures_ = false;
};

}  // namespace placard::zones
