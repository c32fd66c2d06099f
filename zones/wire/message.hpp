// Reading DNS messages (RFC 1035 4, RFC 6891) without copying them.
//
// parse_message walks the whole message once and checks every name, length and count; what comes out is a
// MessageView over the caller's bytes whose accessors cannot fail. Nothing is allocated, except by expand_rdata.
// What it does not do: judge whether an answer fits a question (resolver/recurse), or verify TSIG.
#pragma once

#include <cstdint>
#include <expected>
#include <iterator>
#include <optional>
#include <string_view>
#include <vector>

#include "zones/wire/name.hpp"
#include "zones/wire/types.hpp"

namespace placard::wire {

inline constexpr std::size_t kHeaderSize = 12;
inline constexpr std::size_t kMaxMessageSize = 65535;

struct Header {
  std::uint16_t id = 0;
  bool qr = false, aa = false, tc = false, rd = false, ra = false, ad = false, cd = false;
  Opcode opcode = Opcode::query;
  std::uint8_t rcode = 0;  ///< the low four bits; MessageView::rcode() joins EDNS's
};

enum class Section : std::uint8_t { question, answer, authority, additional };

struct Question {
  Name name;
  RecordType type = RecordType::a;
  RecordClass record_class = RecordClass::in;
  friend bool operator==(const Question&, const Question&) = default;
};

/// One record of a parsed message. Borrowed: valid as long as the message's bytes.
class RecordView {
 public:
  Name owner() const;
  RecordType type() const { return type_; }
  RecordClass record_class() const { return class_; }
  std::uint32_t ttl() const { return ttl_; }  ///< seconds; above 2^31-1 reads as 0 (RFC 2181 8)
  Bytes rdata() const { return message_.subspan(rdata_, rdata_size_); }  ///< as it stands, names maybe compressed
  /// Appends the rdata with its names uncompressed (types of RFC 3597 4 and older ones only). The names' case stays.
  void expand_rdata(std::vector<std::uint8_t>& out) const;

 private:
  friend class MessageView;
  friend class RecordIterator;
  Bytes message_;
  std::uint16_t owner_ = 0, rdata_ = 0, rdata_size_ = 0;
  RecordType type_{};
  RecordClass class_{};
  std::uint32_t ttl_ = 0;
};

class RecordIterator {
 public:
  using value_type = RecordView;
  using difference_type = std::ptrdiff_t;
  RecordIterator() = default;
  RecordView operator*() const { return record_; }  // by value: it outlives the iterator
  const RecordView* operator->() const { return &record_; }
  RecordIterator& operator++();
  RecordIterator operator++(int) {
    auto old = *this;
    ++*this;
    return old;
  }
  friend bool operator==(const RecordIterator& a, std::default_sentinel_t) { return a.left_ == 0; }

 private:
  friend class MessageView;
  void read();
  RecordView record_;
  std::size_t next_ = 0;
  std::uint16_t left_ = 0;
};

struct RecordRange {
  RecordIterator first;
  RecordIterator begin() const { return first; }
  std::default_sentinel_t end() const { return {}; }
};

/// EDNS(0), RFC 6891. Borrowed.
struct EdnsView {
  std::uint16_t udp_size = 512;     ///< as the sender says, at least 512
  std::uint8_t extended_rcode = 0;  ///< the high eight bits
  std::uint8_t version = 0;
  bool dnssec_ok = false;
  Bytes options;  ///< checked: a row of whole options

  /// The first option of that code.
  std::optional<Bytes> option(std::uint16_t code) const;
  /// Every EDE in the message (RFC 8914), in order; at most 8 are read.
  std::vector<ExtendedError> extended_errors() const;
};

enum class OptionCode : std::uint16_t {
  nsid = 3,
  client_subnet = 8,
  cookie = 10,
  tcp_keepalive = 11,
  padding = 12,
  extended_error = 15,
  report_channel = 18,
};

enum class MessageError : std::uint8_t {
  short_header,    ///< fewer than 12 octets: no answer is possible
  bad_question,    ///< a question's name or length is broken
  bad_record,      ///< a record's name, length or embedded name is broken
  trailing_bytes,  ///< octets behind the last record
  two_opts,        ///< more than one OPT, or one outside of the additional section (RFC 6891 6.1.1)
  bad_opt,         ///< options that run over the OPT's length
};
std::string_view to_text(MessageError error);

class MessageView {
 public:
  const Header& header() const { return header_; }
  Rcode rcode() const;  ///< header and EDNS joined
  std::uint16_t count(Section section) const { return counts_[static_cast<int>(section)]; }
  /// The first question; REQUIRES count(Section::question) > 0.
  Question question() const;
  /// The first question's name where it stands in the packet (a question is never compressed here; one that
  /// is makes parse_message fail). REQUIRES count(Section::question) > 0.
  NameView question_name() const;
  RecordType question_type() const;
  RecordClass question_class() const;
  std::size_t question_end() const { return question_end_; }  ///< offset behind the question section
  RecordRange records(Section section) const;                 ///< answer, authority or additional (OPT included)
  const std::optional<EdnsView>& edns() const { return edns_; }
  Bytes bytes() const { return bytes_; }

 private:
  friend std::expected<MessageView, MessageError> parse_message(Bytes bytes);
  friend std::expected<MessageView, MessageError> parse_reply(Bytes bytes);
  static std::expected<MessageView, MessageError> parse(Bytes bytes, bool is_reply);
  // Each reads from `at`, indexes, and moves `at` on.
  std::optional<MessageError> index_questions(std::size_t& at);
  std::optional<MessageError> index_record(Section section, std::size_t& at, bool any_address);

  Bytes bytes_;
  Header header_;
  std::uint16_t counts_[4] = {};
  std::uint16_t starts_[4] = {};  // offset of each section
  std::uint16_t question_end_ = kHeaderSize;
  std::uint8_t question_name_size_ = 0;
  std::optional<EdnsView> edns_;
};

/// Checks and indexes one whole message of at most 65,535 octets. Never reads outside `bytes`.
std::expected<MessageView, MessageError> parse_message(Bytes bytes);
/// The same for the reply of a server, which is read as well as it can be. A and AAAA records of any length pass: who
/// reads their addresses looks at the length, so that one broken record does not cost all the others. Octets behind the
/// last record are left out, as by BIND and Unbound.
std::expected<MessageView, MessageError> parse_reply(Bytes bytes);

/// The header alone, for what can still be answered when parse_message fails.
std::optional<Header> parse_header(Bytes bytes);

}  // namespace placard::wire
