// The writing cursor and its table of names.
//
// A target in the table is the offset of a name's suffix with a cheap key (its size and first octets). The key only
// spares comparisons: a pointer is written after the octets in the buffer were compared, never on the key alone.
#include "zones/wire/writer.hpp"

#include <algorithm>
#include <cassert>
#include <cstring>

#include "zones/wire/octets.hpp"
#include "zones/wire/rdata_layout.hpp"

namespace placard::wire {
namespace {

constexpr std::uint16_t kPointer = 0xc000;
constexpr std::size_t kMaxPointerTarget = 0x3fff;
constexpr std::size_t kOptFixedSize = 11;  // root owner, type, class, TTL, rdlength

/// Of a name that is not the root: so it has three octets at least.
std::uint32_t target_key(NameView name) {
  const std::uint8_t* at = name.bytes().data();
  return static_cast<std::uint32_t>(name.size()) << 24 | static_cast<std::uint32_t>(at[0]) << 16 | load16(at + 1);
}

/// Whether the name that was written at `at`, pointers and all, has the same octets as `name`.
bool stands_at(const std::uint8_t* buffer, std::size_t at, NameView name) {
  for (;; name = name.parent()) {
    while (buffer[at] >= 0xc0) at = load16(buffer + at) & kMaxPointerTarget;
    const std::size_t size = buffer[at];
    if (size != name.first_label().size()) return false;
    if (size == 0) return true;
    if (std::memcmp(buffer + at + 1, name.first_label().data(), size) != 0) return false;
    at += size + 1;
  }
}

std::uint16_t flags(const Header& header) {
  return static_cast<std::uint16_t>(header.qr << 15 | (static_cast<unsigned>(header.opcode) & 0x0f) << 11 |
                                    header.aa << 10 | header.tc << 9 | header.rd << 8 | header.ra << 7 |
                                    header.ad << 5 | header.cd << 4 | (header.rcode & 0x0fU));
}

}  // namespace

MessageWriter::MessageWriter(std::span<std::uint8_t> buffer, std::size_t limit, std::size_t reserved)
    : buffer_(buffer), limit_(std::min({limit, buffer.size(), kMaxMessageSize})), reserved_(reserved) {}

void MessageWriter::header(const Header& header) {
  assert(size_ == 0);
  if (!room(kHeaderSize)) return;
  std::memset(buffer_.data(), 0, kHeaderSize);
  size_ = kHeaderSize;
  set_flags(header);
}

void MessageWriter::set_flags(const Header& header) {
  if (size_ < kHeaderSize) return;  // the header itself did not fit
  store16(buffer_.data(), header.id);
  store16(buffer_.data() + 2, flags(header));
}

void MessageWriter::resume(std::size_t message_size) {
  assert(size_ == 0 && message_size >= kHeaderSize && message_size <= buffer_.size());
  if (!room(message_size)) return;
  size_ = message_size;
  for (std::size_t i = 0; i < 4; ++i) counts_[i] = load16(buffer_.data() + 4 + 2 * i);
  if (counts_[0] == 0) return;
  std::size_t end = kHeaderSize;
  while (buffer_[end] != 0) end += buffer_[end] + 1U;
  question_name_size_ = static_cast<std::uint8_t>(end + 1 - kHeaderSize);
}

void MessageWriter::question(NameView qname, RecordType type, RecordClass record_class) {
  assert(counts_[1] == 0 && counts_[2] == 0 && counts_[3] == 0);
  const Mark start = mark();
  const bool first = size_ == kHeaderSize;
  name(qname, true);
  put16(static_cast<std::uint16_t>(type));
  put16(static_cast<std::uint16_t>(record_class));
  if (full_) {
    rollback(start);
    full_ = true;
    return;
  }
  if (first) question_name_size_ = static_cast<std::uint8_t>(qname.size());
  ++counts_[0];
}

void MessageWriter::record(Section section, NameView owner_name, RecordType type, RecordClass record_class,
                           std::uint32_t ttl, Bytes data) {
  assert(section != Section::question && data.size() <= kMaxMessageSize);
  for (std::size_t later = static_cast<std::size_t>(section) + 1; later < 4; ++later) assert(counts_[later] == 0);
  if (full_) return;
  const Mark start = mark();
  owner(owner_name);
  put16(static_cast<std::uint16_t>(type));
  put16(static_cast<std::uint16_t>(record_class));
  put32(ttl);
  put16(0);
  const std::size_t data_start = size_;
  rdata(type, data);
  if (full_) {
    rollback(start);
    full_ = true;
    return;
  }
  store16(buffer_.data() + data_start - 2, static_cast<std::uint16_t>(size_ - data_start));
  ++counts_[static_cast<std::size_t>(section)];
}

void MessageWriter::record_set(Section section, const RecordSet& set, bool with_signatures, std::uint32_t ttl) {
  if (full_) return;
  const Mark start = mark();
  for (const Bytes data : set.rdatas) record(section, set.owner, set.type, set.record_class, ttl, data);
  if (with_signatures) {
    for (const Bytes data : set.signatures) {
      record(section, set.owner, RecordType::rrsig, set.record_class, ttl, data);
    }
  }
  if (full_) {
    rollback(start);
    full_ = true;
  }
}

void MessageWriter::edns(std::uint16_t udp_size, bool dnssec_ok, Rcode rcode, std::span<const EdnsOption> options) {
  reserved_ = 0;
  if (size_ >= kHeaderSize) {
    std::uint8_t& low = buffer_[3];
    low = static_cast<std::uint8_t>((low & 0xf0) | (static_cast<unsigned>(rcode) & 0x0f));
  }
  std::size_t options_size = 0;
  for (const EdnsOption& option : options) options_size += 4 + option.data.size();
  if (options_size > kMaxMessageSize || !room(kOptFixedSize + options_size)) {
    full_ = true;
    return;
  }
  put8(0);
  put16(static_cast<std::uint16_t>(RecordType::opt));
  put16(udp_size);
  put8(static_cast<std::uint8_t>(static_cast<unsigned>(rcode) >> 4));
  put8(0);
  put16(dnssec_ok ? 0x8000 : 0);
  put16(static_cast<std::uint16_t>(options_size));
  for (const EdnsOption& option : options) {
    put16(option.code);
    put16(static_cast<std::uint16_t>(option.data.size()));
    put(option.data);
  }
  ++counts_[static_cast<std::size_t>(Section::additional)];
}

MessageWriter::Mark MessageWriter::mark() const {
  return {size_, counts_, names_, full_, reserved_};
}

void MessageWriter::rollback(const Mark& mark) {
  assert(mark.size <= size_ && mark.names <= names_);
  size_ = mark.size;
  counts_ = mark.counts;
  names_ = mark.names;
  full_ = mark.full;
  reserved_ = mark.reserved;
  if (counts_[0] == 0) question_name_size_ = 0;
}

std::optional<std::span<const std::uint8_t>> MessageWriter::finish() {
  if (full_ || size_ < kHeaderSize) return std::nullopt;
  for (std::size_t i = 0; i < 4; ++i) store16(buffer_.data() + 4 + 2 * i, counts_[i]);
  return buffer_.first(size_);
}

/// Whether `size` more octets fit; when they don't, that sticks.
bool MessageWriter::room(std::size_t size) {
  if (full_ || size_ + reserved_ + size > limit_) full_ = true;
  return !full_;
}

void MessageWriter::put8(std::uint8_t value) {
  if (!room(1)) return;
  buffer_[size_++] = value;
}

void MessageWriter::put16(std::uint16_t value) {
  if (!room(2)) return;
  store16(buffer_.data() + size_, value);
  size_ += 2;
}

void MessageWriter::put32(std::uint32_t value) {
  if (!room(4)) return;
  store32(buffer_.data() + size_, value);
  size_ += 4;
}

void MessageWriter::put(Bytes bytes) {
  if (bytes.empty() || !room(bytes.size())) return;
  std::memcpy(buffer_.data() + size_, bytes.data(), bytes.size());
  size_ += bytes.size();
}

void MessageWriter::owner(NameView owner_name) {
  if (question_name_size_ > 1 && owner_name.size() == question_name_size_ &&
      owner_name == NameView::from_valid(buffer_.subspan(kHeaderSize, question_name_size_))) {
    put16(kPointer | kHeaderSize);
    return;
  }
  name(owner_name, true);
}

/// Writes the labels that stand nowhere yet, then a pointer to the rest, or the root.
void MessageWriter::name(NameView name, bool compress) {
  if (!compress) return put(name.bytes());
  const std::uint16_t first = names_;
  for (; !name.is_root(); name = name.parent()) {
    const std::uint32_t key = target_key(name);
    if (const Target* target = find(name, key)) {
      // What was just remembered ends in this pointer, too.
      const auto depth = static_cast<std::uint8_t>(target->depth + 1);
      for (std::uint16_t i = first; i < names_; ++i) targets_[i].depth = depth;
      return put16(kPointer | target->offset);
    }
    if (!room(name.first_label().size() + 1)) return;
    remember(size_, key);
    put(name.bytes().first(name.first_label().size() + 1));
  }
  put8(0);
}

/// A name of the same octets that may be pointed at, or null. Names of names of names are not: their readers count.
const MessageWriter::Target* MessageWriter::find(NameView name, std::uint32_t hash) const {
  for (std::size_t i = 0; i < names_; ++i) {
    const Target& target = targets_[i];
    if (target.hash == hash && target.depth < kMaxDepth && stands_at(buffer_.data(), target.offset, name)) {
      return &target;
    }
  }
  return nullptr;
}

void MessageWriter::remember(std::size_t offset, std::uint32_t hash) {
  if (names_ == kMaxNames || offset > kMaxPointerTarget) return;
  targets_[names_++] = {static_cast<std::uint16_t>(offset), 0, hash};
}

/// Rdata as it stands, except that the names of RFC 1035's types are compressed. Rdata that is broken stays as it is.
void MessageWriter::rdata(RecordType type, Bytes data) {
  const RdataLayout layout = rdata_layout(type);
  if (!layout.compressible || data.size() < layout.fixed) return put(data);
  std::array<NameView, 2> names;
  std::size_t at = layout.fixed;
  for (std::size_t i = 0; i < layout.names; ++i) {
    const auto parsed = parse_uncompressed_name(data, at);
    if (!parsed) return put(data);
    names[i] = *parsed;
    at += parsed->size();
  }
  put(data.first(layout.fixed));
  for (std::size_t i = 0; i < layout.names; ++i) name(names[i], true);
  put(data.subspan(at));
}

std::size_t put_extended_error(const ExtendedError& error, std::span<std::uint8_t> out) {
  const std::string_view text = error.extra_text;
  std::size_t cut = std::min(text.size(), out.size() - 2);
  while (cut > 0 && cut < text.size() && (static_cast<std::uint8_t>(text[cut]) & 0xc0) == 0x80) --cut;
  store16(out.data(), static_cast<std::uint16_t>(error.code));
  std::copy_n(text.begin(), cut, out.begin() + 2);
  return cut + 2;
}

}  // namespace placard::wire
