// The one walk over a message that makes every later access safe.
//
// Everything a record claims is checked here: that its names end inside it and decompress to at most 255 octets,
// that its rdata lies inside the message, and that rdata of a known shape has that shape.
#include "zones/wire/message.hpp"

#include <algorithm>
#include <cassert>

#include "zones/wire/octets.hpp"
#include "zones/wire/rdata_layout.hpp"

namespace placard::wire {
namespace {

constexpr std::size_t kQuestionTailSize = 4;  // type, class
constexpr std::size_t kRecordFixedSize = 10;  // type, class, TTL, rdlength
constexpr std::size_t kMaxExtendedErrors = 8;

/// A record's fixed part, as it stands.
struct FixedFields {
  RecordType type{};
  RecordClass record_class{};
  std::uint32_t ttl = 0;
  std::uint16_t rdata_size = 0;
};

FixedFields load_fields(const std::uint8_t* at) {
  return {static_cast<RecordType>(load16(at)), static_cast<RecordClass>(load16(at + 2)), load32(at + 4),
          load16(at + 8)};
}

/// Behind a name that parse_message has checked.
std::size_t skip_checked_name(Bytes message, std::size_t at) {
  while (message[at] != 0) {
    if (message[at] >= 0xc0) return at + 2;
    at += message[at] + 1U;
  }
  return at + 1;
}

/// Whether the rdata that fills [at, message.size()) has the shape of its type; names may be compressed.
bool is_sound_record(Bytes message, std::size_t at, RecordType type, RecordClass record_class, bool any_address) {
  const std::size_t size = message.size() - at;
  // Dynamic update uses empty rdata of these classes for "any such set" (RFC 2136 2.4).
  if (size == 0 && (record_class == RecordClass::any || record_class == RecordClass::none)) return true;
  if (record_class == RecordClass::in && !any_address) {
    if (type == RecordType::a) return size == 4;
    if (type == RecordType::aaaa) return size == 16;
  }
  const RdataLayout layout = rdata_layout(type);
  if (layout.names == 0) return true;
  if (size < layout.fixed) return false;
  at += layout.fixed;
  for (int i = 0; i < layout.strings; ++i) {
    if (at >= message.size() || message.size() - at < message[at] + 1U) return false;
    at += message[at] + 1U;
  }
  for (int i = 0; i < layout.names; ++i) {
    const auto end = skip_name(message, at);
    if (!end) return false;
    at = *end;
  }
  return layout.tail == RdataLayout::kAnyTail || message.size() - at == static_cast<std::size_t>(layout.tail);
}

bool are_whole_options(Bytes options) {
  while (!options.empty()) {
    if (options.size() < 4) return false;
    const std::size_t whole = 4U + load16(options.data() + 2);
    if (whole > options.size()) return false;
    options = options.subspan(whole);
  }
  return true;
}

EdnsView edns_from(const FixedFields& fields, Bytes options) {
  return {
      .udp_size = std::max<std::uint16_t>(512, static_cast<std::uint16_t>(fields.record_class)),
      .extended_rcode = static_cast<std::uint8_t>(fields.ttl >> 24),
      .version = static_cast<std::uint8_t>(fields.ttl >> 16),
      .dnssec_ok = (fields.ttl & 0x8000) != 0,
      .options = options,
  };
}

}  // namespace

std::optional<Header> parse_header(Bytes bytes) {
  if (bytes.size() < kHeaderSize) return std::nullopt;
  const std::uint8_t high = bytes[2], low = bytes[3];
  return Header{
      .id = load16(bytes.data()),
      .qr = (high & 0x80) != 0,
      .aa = (high & 0x04) != 0,
      .tc = (high & 0x02) != 0,
      .rd = (high & 0x01) != 0,
      .ra = (low & 0x80) != 0,
      .ad = (low & 0x20) != 0,
      .cd = (low & 0x10) != 0,
      .opcode = static_cast<Opcode>(high >> 3 & 0x0f),
      .rcode = static_cast<std::uint8_t>(low & 0x0f),
  };
}

std::expected<MessageView, MessageError> parse_message(Bytes bytes) {
  return MessageView::parse(bytes, false);
}

std::expected<MessageView, MessageError> parse_reply(Bytes bytes) {
  return MessageView::parse(bytes, true);
}

std::expected<MessageView, MessageError> MessageView::parse(Bytes bytes, bool is_reply) {
  const auto header = parse_header(bytes);
  if (!header) return std::unexpected(MessageError::short_header);
  if (bytes.size() > kMaxMessageSize) return std::unexpected(MessageError::trailing_bytes);
  MessageView view;
  view.bytes_ = bytes;
  view.header_ = *header;
  for (std::size_t i = 0; i < 4; ++i) view.counts_[i] = load16(bytes.data() + 4 + 2 * i);

  std::size_t at = kHeaderSize;
  if (const auto error = view.index_questions(at)) return std::unexpected(*error);
  for (const Section section : {Section::answer, Section::authority, Section::additional}) {
    view.starts_[static_cast<std::size_t>(section)] = static_cast<std::uint16_t>(at);
    for (int i = 0; i < view.count(section); ++i) {
      if (const auto error = view.index_record(section, at, is_reply)) return std::unexpected(*error);
    }
  }
  if (at != bytes.size() && !is_reply) return std::unexpected(MessageError::trailing_bytes);
  view.bytes_ = bytes.first(at);
  return view;
}

std::optional<MessageError> MessageView::index_questions(std::size_t& at) {
  starts_[0] = static_cast<std::uint16_t>(at);
  for (int i = 0; i < counts_[0]; ++i) {
    const auto end = skip_name(bytes_, at);
    if (!end || bytes_.size() - *end < kQuestionTailSize) return MessageError::bad_question;
    // Nothing stands before the first name that it could point to: so it lies there whole.
    if (i == 0) question_name_size_ = static_cast<std::uint8_t>(*end - at);
    at = *end + kQuestionTailSize;
  }
  question_end_ = static_cast<std::uint16_t>(at);
  return std::nullopt;
}

std::optional<MessageError> MessageView::index_record(Section section, std::size_t& at, bool any_address) {
  const bool root_owner = at < bytes_.size() && bytes_[at] == 0;
  const auto end = skip_name(bytes_, at);
  if (!end || bytes_.size() - *end < kRecordFixedSize) return MessageError::bad_record;
  const FixedFields fields = load_fields(bytes_.data() + *end);
  at = *end + kRecordFixedSize;
  if (fields.rdata_size > bytes_.size() - at) return MessageError::bad_record;
  const Bytes rdata = bytes_.subspan(at, fields.rdata_size);
  if (fields.type == RecordType::opt) {
    if (edns_ || section != Section::additional) return MessageError::two_opts;
    edns_ = edns_from(fields, rdata);
    if (edns_->version != 0) edns_->options = {};  // whatever that version has there (RFC 6891 6.1.3)
    if (!root_owner || !are_whole_options(edns_->options)) return MessageError::bad_opt;
  } else if (!is_sound_record(bytes_.first(at + rdata.size()), at, fields.type, fields.record_class, any_address)) {
    return MessageError::bad_record;
  }
  at += rdata.size();
  return std::nullopt;
}

Rcode MessageView::rcode() const {
  const unsigned high = edns_ ? edns_->extended_rcode : 0U;
  return static_cast<Rcode>(high << 4 | header_.rcode);
}

NameView MessageView::question_name() const {
  assert(counts_[0] > 0);
  return NameView::from_valid(bytes_.subspan(kHeaderSize, question_name_size_));
}

RecordType MessageView::question_type() const {
  assert(counts_[0] > 0);
  return static_cast<RecordType>(load16(bytes_.data() + kHeaderSize + question_name_size_));
}

RecordClass MessageView::question_class() const {
  assert(counts_[0] > 0);
  return static_cast<RecordClass>(load16(bytes_.data() + kHeaderSize + question_name_size_ + 2));
}

Question MessageView::question() const {
  return {Name(question_name()), question_type(), question_class()};
}

RecordRange MessageView::records(Section section) const {
  assert(section != Section::question);
  RecordIterator first;
  first.record_.message_ = bytes_;
  first.next_ = starts_[static_cast<std::size_t>(section)];
  first.left_ = counts_[static_cast<std::size_t>(section)];
  if (first.left_ > 0) first.read();
  return {first};
}

RecordIterator& RecordIterator::operator++() {
  assert(left_ > 0);
  if (--left_ > 0) read();
  return *this;
}

void RecordIterator::read() {
  const Bytes message = record_.message_;
  record_.owner_ = static_cast<std::uint16_t>(next_);
  const std::size_t fixed = skip_checked_name(message, next_);
  const FixedFields fields = load_fields(message.data() + fixed);
  record_.type_ = fields.type;
  record_.class_ = fields.record_class;
  record_.ttl_ = fields.ttl > 0x7fffffff ? 0 : fields.ttl;
  record_.rdata_ = static_cast<std::uint16_t>(fixed + kRecordFixedSize);
  record_.rdata_size_ = fields.rdata_size;
  next_ = fixed + kRecordFixedSize + fields.rdata_size;
}

Name RecordView::owner() const {
  const auto parsed = parse_name(message_, owner_);
  assert(parsed);
  return parsed->name;
}

void RecordView::expand_rdata(std::vector<std::uint8_t>& out) const {
  const RdataLayout layout = rdata_layout(type_);
  const auto copy = [&](std::size_t from, std::size_t to) {
    out.insert(out.end(), message_.begin() + static_cast<std::ptrdiff_t>(from),
               message_.begin() + static_cast<std::ptrdiff_t>(to));
  };
  const std::size_t end = static_cast<std::size_t>(rdata_) + rdata_size_;
  std::size_t at = rdata_;
  if (layout.names > 0 && rdata_size_ > 0) {
    at += layout.fixed;
    for (int i = 0; i < layout.strings; ++i) at += message_[at] + 1U;
    copy(rdata_, at);
    for (int i = 0; i < layout.names; ++i) {
      const auto parsed = parse_name(message_, at);
      assert(parsed);
      const Bytes name = parsed->name.view().bytes();
      out.insert(out.end(), name.begin(), name.end());
      at = parsed->end;
    }
  }
  copy(at, end);
}

std::optional<Bytes> EdnsView::option(std::uint16_t code) const {
  for (Bytes rest = options; !rest.empty();) {
    const std::size_t size = load16(rest.data() + 2);
    if (load16(rest.data()) == code) return rest.subspan(4, size);
    rest = rest.subspan(4 + size);
  }
  return std::nullopt;
}

std::vector<ExtendedError> EdnsView::extended_errors() const {
  std::vector<ExtendedError> errors;
  for (Bytes rest = options; !rest.empty() && errors.size() < kMaxExtendedErrors;) {
    const std::size_t size = load16(rest.data() + 2);
    const Bytes data = rest.subspan(4, size);
    if (load16(rest.data()) == static_cast<std::uint16_t>(OptionCode::extended_error) && size >= 2) {
      std::string text(data.begin() + 2, data.end());
      while (!text.empty() && text.back() == '\0') text.pop_back();  // RFC 8914 2: may be null-terminated
      errors.push_back({static_cast<EdeCode>(load16(data.data())), std::move(text)});
    }
    rest = rest.subspan(4 + size);
  }
  return errors;
}

std::string_view to_text(MessageError error) {
  switch (error) {
    case MessageError::short_header:
      return "fewer than 12 octets";
    case MessageError::bad_question:
      return "broken question";
    case MessageError::bad_record:
      return "broken record";
    case MessageError::trailing_bytes:
      return "octets behind the last record";
    case MessageError::two_opts:
      return "more than one OPT, or one outside of the additional section";
    case MessageError::bad_opt:
      return "broken OPT";
  }
  return "unknown error";
}

}  // namespace placard::wire
