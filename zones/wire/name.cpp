// Names: reading from messages and text, comparing, hashing.
#include "zones/wire/name.hpp"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <cassert>
#include <cstring>

#include "zones/wire/ascii.hpp"
#include "zones/wire/letters.hpp"

namespace placard::wire {

/// What may touch the octets of a Name under construction.
struct NameBuilder {
  static std::uint8_t* bytes(Name& name) { return name.bytes_.data(); }
  static void resize(Name& name, std::size_t size) {
    assert(size >= 1 && size <= kMaxNameSize);
    name.size_ = static_cast<std::uint8_t>(size);
  }
};

namespace {

constexpr std::size_t kFirstPointerTarget = 12;  // no name starts inside a message's header
struct Walk {
  std::size_t size;  // octets of the name, uncompressed
  std::size_t end;   // offset behind it where it stands
};

/// One pass over a possibly compressed name; copies it to `out` unless that is null. `out` holds kMaxNameSize octets.
template <bool kCopy>
std::expected<Walk, NameError> walk(Bytes message, std::size_t offset, std::uint8_t* out) {
  std::size_t size = 0, at = offset, segment = offset, end = 0;
  int jumps = 0;
  for (;;) {
    if (at >= message.size()) return std::unexpected(NameError::truncated);
    const std::size_t length = message[at];
    if (length <= kMaxLabelSize) {
      const std::size_t whole = length + 1;
      if (whole > message.size() - at) return std::unexpected(NameError::truncated);
      if (size + whole > kMaxNameSize) return std::unexpected(NameError::too_long);
      if constexpr (kCopy) std::memcpy(out + size, message.data() + at, whole);
      size += whole;
      at += whole;
      if (length == 0) return Walk{size, end == 0 ? at : end};
    } else if (length >= 0xc0) {
      if (message.size() - at < 2) return std::unexpected(NameError::truncated);
      const std::size_t target = (length & 0x3f) << 8 | message[at + 1];
      if (end == 0) end = at + 2;
      // Below the run of labels that this pointer ends: strictly falling offsets, hence no loop.
      if (target >= segment || target < kFirstPointerTarget) return std::unexpected(NameError::bad_pointer);
      if (++jumps > kMaxCompressionJumps) return std::unexpected(NameError::too_many_pointers);
      at = segment = target;
    } else {
      return std::unexpected(NameError::bad_label_type);
    }
  }
}

using LabelOffsets = std::array<std::uint8_t, kMaxLabels>;

std::size_t label_offsets(NameView name, LabelOffsets& offsets) {
  const Bytes bytes = name.bytes();
  std::size_t count = 0;
  for (std::size_t at = 0; bytes[at] != 0; at += bytes[at] + 1U) offsets[count++] = static_cast<std::uint8_t>(at);
  return count;
}

std::strong_ordering label_order(const std::uint8_t* a, const std::uint8_t* b) {
  const std::size_t size_a = *a++, size_b = *b++;
  const std::size_t common = std::min(size_a, size_b);
  for (std::size_t i = 0; i < common; ++i) {
    if (const auto order = lower(a[i]) <=> lower(b[i]); order != 0) return order;
  }
  return size_a <=> size_b;
}

/// One octet of text, escapes undone; moves `text` on.
std::expected<std::uint8_t, NameError> take_octet(std::string_view& text) {
  const char first = text.front();
  text.remove_prefix(1);
  if (first != '\\') return static_cast<std::uint8_t>(first);
  if (text.empty()) return std::unexpected(NameError::bad_escape);
  const char second = text.front();
  if (!is_digit(second)) {
    text.remove_prefix(1);
    return static_cast<std::uint8_t>(second);
  }
  if (text.size() < 3 || !is_digit(text[1]) || !is_digit(text[2])) return std::unexpected(NameError::bad_escape);
  const int value = (second - '0') * 100 + (text[1] - '0') * 10 + (text[2] - '0');
  if (value > 255) return std::unexpected(NameError::bad_escape);
  text.remove_prefix(3);
  return static_cast<std::uint8_t>(value);
}

}  // namespace

std::expected<ParsedName, NameError> parse_name(Bytes message, std::size_t offset) {
  std::expected<ParsedName, NameError> parsed;
  const auto walked = walk<true>(message, offset, NameBuilder::bytes(parsed->name));
  if (!walked) {
    parsed = std::unexpected(walked.error());
  } else {
    NameBuilder::resize(parsed->name, walked->size);
    parsed->end = walked->end;
  }
  return parsed;
}

std::expected<std::size_t, NameError> skip_name(Bytes message, std::size_t offset) {
  const auto walked = walk<false>(message, offset, nullptr);
  if (!walked) return std::unexpected(walked.error());
  return walked->end;
}

std::expected<NameView, NameError> parse_uncompressed_name(Bytes bytes, std::size_t offset) {
  const auto walked = walk<false>(bytes, offset, nullptr);
  if (!walked) return std::unexpected(walked.error());
  if (walked->end - offset != walked->size) return std::unexpected(NameError::bad_pointer);
  return NameView::from_valid(bytes.subspan(offset, walked->size));
}

std::size_t NameView::label_count() const {
  std::size_t count = 0;
  for (const std::uint8_t* at = data_; *at != 0; at += *at + 1) ++count;
  return count;
}

NameView NameView::suffix(std::size_t labels) const {
  const std::size_t count = label_count();
  assert(labels <= count);
  NameView rest = *this;
  for (std::size_t i = labels; i < count; ++i) rest = rest.parent();
  return rest;
}

bool NameView::is_subdomain_of(NameView ancestor) const {
  const std::uint8_t* at = data_;
  std::size_t left = size_;
  while (left > ancestor.size_) {
    left -= *at + 1U;
    at += *at + 1;
  }
  return left == ancestor.size_ && equal_lowered(at, ancestor.data_, left);
}

std::uint64_t NameView::hash(std::uint64_t seed) const {
  std::uint8_t lowered[kMaxNameSize];
  lower_copy(data_, size_, lowered);
  return XXH3_64bits_withSeed(lowered, size_, seed);
}

std::string NameView::to_text() const {
  if (is_root()) return ".";
  std::string text;
  text.reserve(size_);
  for (NameView rest = *this; !rest.is_root(); rest = rest.parent()) {
    for (const std::uint8_t octet : rest.first_label()) {
      if (octet <= ' ' || octet >= 0x7f) {
        text += '\\';
        text += static_cast<char>('0' + octet / 100);
        text += static_cast<char>('0' + octet / 10 % 10);
        text += static_cast<char>('0' + octet % 10);
        continue;
      }
      if (std::string_view("\"$().;@\\").contains(static_cast<char>(octet))) text += '\\';
      text += static_cast<char>(octet);
    }
    text += '.';
  }
  return text;
}

bool operator==(NameView a, NameView b) {
  return a.size_ == b.size_ && equal_lowered(a.data_, b.data_, a.size_);
}

bool same_case(NameView a, NameView b) {
  return a.size_ == b.size_ && std::memcmp(a.data_, b.data_, a.size_) == 0;
}

std::strong_ordering canonical_order(NameView a, NameView b) {
  LabelOffsets offsets_a, offsets_b;
  std::size_t left_a = label_offsets(a, offsets_a), left_b = label_offsets(b, offsets_b);
  while (left_a > 0 && left_b > 0) {
    const auto order = label_order(a.data_ + offsets_a[--left_a], b.data_ + offsets_b[--left_b]);
    if (order != 0) return order;
  }
  return left_a <=> left_b;
}

Name::Name(NameView view) : size_(static_cast<std::uint8_t>(view.size())) {
  std::memcpy(bytes_.data(), view.bytes().data(), view.size());
}

Name& Name::operator=(const Name& other) {
  size_ = other.size_;
  std::memmove(bytes_.data(), other.bytes_.data(), size_);
  return *this;
}

std::expected<Name, NameError> Name::from_text(std::string_view text) {
  if (text.empty()) return std::unexpected(NameError::empty_label);
  if (text == ".") return Name();
  Name name;
  std::uint8_t* bytes = NameBuilder::bytes(name);
  std::size_t label = 0, size = 1;  // of the label being read: its length octet's offset; octets used so far
  while (!text.empty()) {
    if (text.front() == '.') {
      if (size - label == 1) return std::unexpected(NameError::empty_label);
      text.remove_prefix(1);
      bytes[label] = static_cast<std::uint8_t>(size - label - 1);
      if (text.empty()) break;
      label = size++;
    } else {
      const auto octet = take_octet(text);
      if (!octet) return std::unexpected(octet.error());
      if (size - label - 1 == kMaxLabelSize) return std::unexpected(NameError::label_too_long);
      if (size + 1 >= kMaxNameSize) return std::unexpected(NameError::too_long);  // the root's octet is to come
      bytes[size++] = *octet;
      bytes[label] = static_cast<std::uint8_t>(size - label - 1);
    }
    if (size >= kMaxNameSize) return std::unexpected(NameError::too_long);
  }
  bytes[size++] = 0;
  NameBuilder::resize(name, size);
  return name;
}

std::expected<Name, NameError> Name::prepend(Bytes label, NameView parent) {
  if (label.empty()) return std::unexpected(NameError::empty_label);
  if (label.size() > kMaxLabelSize) return std::unexpected(NameError::label_too_long);
  const std::size_t size = label.size() + 1 + parent.size();
  if (size > kMaxNameSize) return std::unexpected(NameError::too_long);
  Name name;
  std::uint8_t* bytes = NameBuilder::bytes(name);
  bytes[0] = static_cast<std::uint8_t>(label.size());
  std::memcpy(bytes + 1, label.data(), label.size());
  std::memcpy(bytes + 1 + label.size(), parent.bytes().data(), parent.size());
  NameBuilder::resize(name, size);
  return name;
}

std::expected<Name, NameError> Name::concatenate(NameView prefix, std::size_t prefix_labels, NameView suffix) {
  NameView rest = prefix;
  for (std::size_t i = 0; i < prefix_labels; ++i) {
    assert(!rest.is_root());
    rest = rest.parent();
  }
  const std::size_t kept = prefix.size() - rest.size();
  if (kept + suffix.size() > kMaxNameSize) return std::unexpected(NameError::too_long);
  Name name;
  std::memcpy(NameBuilder::bytes(name), prefix.bytes().data(), kept);
  std::memcpy(NameBuilder::bytes(name) + kept, suffix.bytes().data(), suffix.size());
  NameBuilder::resize(name, kept + suffix.size());
  return name;
}

Name Name::lowered() const {
  Name name;
  lower_copy(bytes_.data(), size_, name.bytes_.data());
  name.size_ = size_;
  return name;
}

std::string_view to_text(NameError error) {
  switch (error) {
    case NameError::truncated:
      return "ends inside the name";
    case NameError::too_long:
      return "name of more than 255 octets";
    case NameError::label_too_long:
      return "label of more than 63 octets";
    case NameError::bad_label_type:
      return "unknown label type";
    case NameError::bad_pointer:
      return "compression pointer that does not point backwards";
    case NameError::too_many_pointers:
      return "too many compression pointers";
    case NameError::empty_label:
      return "empty label";
    case NameError::bad_escape:
      return "broken escape";
  }
  return "unknown error";
}

}  // namespace placard::wire
