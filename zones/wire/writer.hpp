// Writing DNS messages: a cursor with a sticky error (after Knot DNS's wire_ctx): write on, check once at finish().
//
// Names are compressed where RFC 3597 4 allows (owners, and the rdata of RFC 1035's types). An owner that is the
// question's name becomes a pointer to it whatever its case, as clients that vary the case expect; all else becomes a
// pointer only where the case is the same, so that names keep theirs. Nothing is allocated: the buffer is the
// caller's, the table of names is in the object.
#pragma once

#include <array>
#include <cstdint>
#include <expected>
#include <span>

#include "zones/wire/message.hpp"
#include "zones/wire/record_set.hpp"

namespace placard::wire {

class MessageWriter {
 public:
  /// Writes into `buffer`, never beyond `limit` octets (what the client takes), which is at most buffer.size().
  /// `reserved` octets are kept free for edns() and released by it.
  MessageWriter(std::span<std::uint8_t> buffer, std::size_t limit, std::size_t reserved = 0);

  /// Once, first. The counts are filled in by finish().
  void header(const Header& header);
  void set_flags(const Header& header);  ///< rewrites id, flags and rcode
  /// Goes on behind a whole message that stands at the start of the buffer already: its size and counts are taken
  /// over, and a pointer to its question's name may be written. Instead of header() and question(). REQUIRES: valid.
  void resume(std::size_t message_size);
  void question(NameView name, RecordType type, RecordClass record_class);
  /// Sections in order only. When the record does not fit, nothing of it is written and the error sticks (full()).
  void record(Section section, NameView owner, RecordType type, RecordClass record_class, std::uint32_t ttl,
              Bytes rdata);
  /// The whole set or nothing of it. With `with_signatures`, the RRSIGs behind it.
  void record_set(Section section, const RecordSet& set, bool with_signatures, std::uint32_t ttl);
  void record_set(Section section, const RecordSet& set, bool with_signatures) {
    record_set(section, set, with_signatures, set.ttl);
  }

  struct EdnsOption {
    std::uint16_t code;
    Bytes data;
  };
  /// The OPT record, into the additional section, last. `rcode`'s high bits go there, the low ones into the header.
  void edns(std::uint16_t udp_size, bool dnssec_ok, Rcode rcode, std::span<const EdnsOption> options = {});

  /// A place to go back to: everything written since is taken back, the error too.
  struct Mark {
    std::size_t size;
    std::array<std::uint16_t, 4> counts;
    std::uint16_t names;
    bool full;
    std::size_t reserved;
  };
  Mark mark() const;
  void rollback(const Mark& mark);

  bool full() const { return full_; }  ///< something did not fit (set TC, or leave out what may be left out)
  std::size_t size() const { return size_; }
  /// Patches the counts; the octets written. Nothing when something did not fit and was not rolled back.
  std::optional<std::span<const std::uint8_t>> finish();

 private:
  static constexpr std::size_t kMaxNames = 64;  // compression targets remembered; later names are written in full
  static constexpr std::uint8_t kMaxDepth = 8;  // pointers behind one another; parse_name follows kMaxCompressionJumps
  struct Target {
    std::uint16_t offset;
    std::uint8_t depth;  // pointers that reading the name takes
    std::uint32_t hash;
  };

  void put8(std::uint8_t value);
  void put16(std::uint16_t value);
  void put32(std::uint32_t value);
  void put(Bytes bytes);
  bool room(std::size_t size);
  void name(NameView name, bool compress);
  void owner(NameView name);
  void rdata(RecordType type, Bytes rdata);
  const Target* find(NameView name, std::uint32_t hash) const;
  void remember(std::size_t offset, std::uint32_t hash);

  std::span<std::uint8_t> buffer_;
  std::size_t limit_;
  std::size_t size_ = 0;
  std::array<std::uint16_t, 4> counts_{};
  std::array<Target, kMaxNames> targets_;  // first names_ entries mean anything
  std::uint16_t names_ = 0;
  std::uint8_t question_name_size_ = 0;
  std::size_t reserved_ = 0;
  bool full_ = false;
};

/// EDE option data (RFC 8914 2) into `out`, which has room for 2 octets at least: code and text, the text cut at a
/// UTF-8 boundary to what fits. How many octets were written.
std::size_t put_extended_error(const ExtendedError& error, std::span<std::uint8_t> out);

}  // namespace placard::wire
