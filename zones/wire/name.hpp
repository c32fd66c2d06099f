// Domain names in wire form (RFC 1035 3.1): labels with a length octet each, ended by the root's zero octet.
//
// Invariant: a NameView or Name always holds a valid, uncompressed name of 1 to 255 octets with labels of at
// most 63. They come into being only through parse_name, Name::from_text and the operations below, which check.
// The case of letters is kept; comparison, subdomain tests and hashes ignore it (RFC 4343).
// Not here: internationalised names (policy/lists), presentation of whole records (ldns_adapter).
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <span>
#include <string>
#include <string_view>

namespace placard::wire {

using Bytes = std::span<const std::uint8_t>;

inline constexpr std::size_t kMaxNameSize = 255;  ///< octets, root label included (RFC 1035 2.3.4)
inline constexpr std::size_t kMaxLabelSize = 63;  ///< octets without the length octet
inline constexpr std::size_t kMaxLabels = 127;    ///< labels of a name of 255 octets, root not counted
inline constexpr int kMaxCompressionJumps = 32;   ///< pointers followed in one name; more is an attack

/// ASCII lower case; every other octet, length octets (<= 63) among them, stays as it is.
constexpr std::uint8_t lower(std::uint8_t octet) {
  return octet >= 'A' && octet <= 'Z' ? static_cast<std::uint8_t>(octet + ('a' - 'A')) : octet;
}

/// A borrowed name: valid as long as the bytes it was made from.
class NameView {
 public:
  constexpr NameView() = default;  ///< the root
  /// REQUIRES: `bytes` is exactly one valid uncompressed name, root label included.
  static constexpr NameView from_valid(Bytes bytes) { return NameView(bytes.data(), bytes.size()); }

  constexpr Bytes bytes() const { return {data_, size_}; }
  constexpr std::size_t size() const { return size_; }
  constexpr bool is_root() const { return size_ == 1; }
  bool is_wildcard() const { return size_ > 2 && data_[0] == 1 && data_[1] == '*'; }  ///< first label is "*" (RFC 4592)
  std::size_t label_count() const;                                                    ///< root not counted
  constexpr Bytes first_label() const { return {data_ + 1, data_[0]}; }               ///< empty for the root
  /// REQUIRES: not the root.
  constexpr NameView parent() const { return NameView(data_ + data_[0] + 1, size_ - data_[0] - 1U); }
  NameView suffix(std::size_t labels) const;         ///< the last `labels` labels; REQUIRES labels <= label_count()
  bool is_subdomain_of(NameView ancestor) const;     ///< true also when both are equal
  std::uint64_t hash(std::uint64_t seed = 0) const;  ///< of the lower-cased bytes (XXH3)
  std::string to_text() const;                       ///< presentation form, "." or "example.org.", RFC 4343 escapes

  friend bool operator==(NameView a, NameView b);
  /// The canonical order of RFC 4034 6.1: by labels from the right, lower-cased.
  friend std::strong_ordering canonical_order(NameView a, NameView b);
  /// Same octets, case included.
  friend bool same_case(NameView a, NameView b);

 private:
  static constexpr std::uint8_t kRootByte[1] = {0};
  constexpr NameView(const std::uint8_t* data, std::size_t size)
      : data_(data), size_(static_cast<std::uint8_t>(size)) {}

  const std::uint8_t* data_ = kRootByte;
  std::uint8_t size_ = 1;
};

bool operator==(NameView a, NameView b);
std::strong_ordering canonical_order(NameView a, NameView b);
bool same_case(NameView a, NameView b);

enum class NameError : std::uint8_t {
  truncated,          ///< the message or text ends inside the name
  too_long,           ///< more than 255 octets
  label_too_long,     ///< a label of more than 63 octets
  bad_label_type,     ///< 01 or 10 in the two high bits
  bad_pointer,        ///< a compression pointer that does not point backwards
  too_many_pointers,  ///< more than kMaxCompressionJumps
  empty_label,        ///< "a..b" in text
  bad_escape,         ///< "\" without an octet in text
};
std::string_view to_text(NameError error);

/// An owned name; no heap.
class Name {
 public:
  Name() { bytes_[0] = 0; }  ///< the root
  explicit Name(NameView view);
  Name(const Name& other) : Name(other.view()) {}
  Name& operator=(const Name& other);

  /// Presentation form, absolute with or without the trailing dot; escapes as in RFC 1035 5.1.
  static std::expected<Name, NameError> from_text(std::string_view text);
  /// `label` (1 to 63 octets) in front of `parent`.
  static std::expected<Name, NameError> prepend(Bytes label, NameView parent);
  /// The labels of `prefix` followed by those of `suffix`: what DNAME (RFC 6672) and RPZ's `*.garden.` need.
  static std::expected<Name, NameError> concatenate(NameView prefix, std::size_t prefix_labels, NameView suffix);

  constexpr NameView view() const { return NameView::from_valid({bytes_.data(), size_}); }
  constexpr operator NameView() const {
    return view();
  }  // NOLINT(google-explicit-constructor): a Name is a NameView that owns
  std::string to_text() const { return view().to_text(); }
  Name lowered() const;
  friend bool operator==(const Name& a, const Name& b) { return a.view() == b.view(); }

 private:
  friend struct NameBuilder;
  std::array<std::uint8_t, kMaxNameSize> bytes_;  // only the first size_ octets are set, and mean anything
  std::uint8_t size_ = 1;
};

struct ParsedName {
  Name name;            ///< uncompressed
  std::size_t end = 0;  ///< offset of the first octet behind the name as it stands in the message
};
/// Reads a possibly compressed name at `offset` of `message` (RFC 1035 4.1.4). A pointer must point before the
/// run of labels it ends, and behind the message's header: so reading always comes to an end.
std::expected<ParsedName, NameError> parse_name(Bytes message, std::size_t offset);
/// The same check without a copy: the offset of the first octet behind the name.
std::expected<std::size_t, NameError> skip_name(Bytes message, std::size_t offset);
/// A name that must not be compressed (any pointer is bad_pointer), where it stands in `bytes`.
std::expected<NameView, NameError> parse_uncompressed_name(Bytes bytes, std::size_t offset);

/// Hash and equality for unordered containers keyed by Name; ignores case.
struct NameHash {
  std::uint64_t seed = 0;
  std::size_t operator()(const Name& name) const { return name.view().hash(seed); }
};

}  // namespace placard::wire
