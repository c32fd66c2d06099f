// Rdata to text and back, by ldns 1.8.
//
// What goes in is checked before ldns sees it (no NUL, no line break), and what comes out is believed only as far as
// it can be proved: text for rdata is given only when it reads back as the same octets, else the form of RFC 3597 5.
// So every rdata has a text, and no text loses an octet.
#include "zones/wire/ldns_adapter.hpp"

#include <ldns/ldns.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <memory>

#include "zones/wire/octets.hpp"
#include "zones/wire/presentation.hpp"
#include "zones/wire/svcb_text.hpp"

namespace placard::wire {
namespace {

constexpr std::size_t kMaxRdataSize = 65535;
constexpr const char* kTooLarge = "more than 65535 octets of rdata";

struct FreeRecord {
  void operator()(ldns_rr* record) const { ldns_rr_free(record); }
};
struct FreeRdf {
  void operator()(ldns_rdf* rdf) const { ldns_rdf_deep_free(rdf); }
};
struct FreeBuffer {
  void operator()(ldns_buffer* buffer) const { ldns_buffer_free(buffer); }
};
using LdnsRecord = std::unique_ptr<ldns_rr, FreeRecord>;
using LdnsRdf = std::unique_ptr<ldns_rdf, FreeRdf>;
using LdnsBuffer = std::unique_ptr<ldns_buffer, FreeBuffer>;

/// Newer types with the format of one that ldns knows.
RecordType format_of(RecordType type) {
  switch (static_cast<std::uint16_t>(type)) {
    case 56:   // NINFO
    case 258:  // AVC
    case 261:  // RESINFO (RFC 9606)
    case 262:  // WALLET
      return RecordType::txt;
    default:
      return type;
  }
}

std::vector<std::uint8_t> rdata_of(const ldns_rr* record) {
  std::vector<std::uint8_t> rdata;
  for (std::size_t i = 0; i < ldns_rr_rd_count(record); ++i) {
    const ldns_rdf* field = ldns_rr_rdf(record, i);
    const std::uint8_t* data = ldns_rdf_data(field);
    rdata.insert(rdata.end(), data, data + ldns_rdf_size(field));
  }
  return rdata;
}

/// ldns's view of wire rdata; nothing when it finds it broken.
LdnsRecord record_of(RecordType type, Bytes rdata) {
  std::vector<std::uint8_t> wire(2 + rdata.size());
  store16(wire.data(), static_cast<std::uint16_t>(rdata.size()));
  std::copy(rdata.begin(), rdata.end(), wire.begin() + 2);
  LdnsRecord record(ldns_rr_new());
  if (!record) return nullptr;
  ldns_rr_set_type(record.get(), static_cast<ldns_rr_type>(format_of(type)));
  ldns_rr_set_class(record.get(), LDNS_RR_CLASS_IN);
  std::size_t at = 0;
  if (ldns_wire2rdf(record.get(), wire.data(), wire.size(), &at) != LDNS_STATUS_OK || at != wire.size()) return nullptr;
  // ldns stops in silence where rdata ends early.
  const ldns_rr_descriptor* format = ldns_rr_descript(static_cast<std::uint16_t>(format_of(type)));
  if (ldns_rr_rd_count(record.get()) < ldns_rr_descriptor_minimum(format)) return nullptr;
  const auto seen = rdata_of(record.get());
  return std::ranges::equal(seen, rdata) ? std::move(record) : nullptr;
}

/// True also for a type ldns does not know: all rdata is sound then.
bool is_sound(RecordType type, Bytes rdata) {
  return record_of(type, rdata) != nullptr;
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

/// What stands behind "\#": a size, then that many octets in hexadecimal, blanks between them as wanted.
std::expected<std::vector<std::uint8_t>, std::string> unknown_from_text(std::string_view text) {
  const std::string_view size_text = take_field(text);
  std::size_t size = 0;
  const auto [end, error] = std::from_chars(size_text.data(), size_text.data() + size_text.size(), size);
  if (error != std::errc() || end != size_text.data() + size_text.size() || size > kMaxRdataSize) {
    return std::unexpected("\\# wants a size of 0 to 65535");
  }
  std::vector<std::uint8_t> rdata;
  int high = -1;
  for (const char c : text) {
    if (c == ' ' || c == '\t') continue;
    const int digit = hex_digit(c);
    if (digit < 0) return std::unexpected("\\# wants hexadecimal digits");
    if (high < 0) {
      high = digit;
    } else {
      rdata.push_back(static_cast<std::uint8_t>(high << 4 | digit));
      high = -1;
    }
  }
  if (high >= 0 || rdata.size() != size) return std::unexpected("\\# has another number of octets than it says");
  return rdata;
}

std::string unknown_to_text(Bytes rdata) {
  std::string text = "\\# " + std::to_string(rdata.size());
  if (rdata.empty()) return text;
  text += ' ';
  text.reserve(text.size() + 2 * rdata.size());
  for (const std::uint8_t octet : rdata) {
    text += "0123456789abcdef"[octet >> 4];
    text += "0123456789abcdef"[octet & 15];
  }
  return text;
}

std::optional<std::string> known_to_text(RecordType type, Bytes rdata) {
  // ldns cannot read certificate type 0 back, and loses memory in saying so: senders must not be able to repeat that.
  constexpr auto kCert = static_cast<RecordType>(37);
  if (type == kCert && rdata.size() >= 2 && load16(rdata.data()) == 0) return std::nullopt;
  const LdnsRecord record = record_of(type, rdata);
  if (!record) return std::nullopt;
  const LdnsBuffer buffer(ldns_buffer_new(LDNS_MIN_BUFLEN));
  if (!buffer) return std::nullopt;
  for (std::size_t i = 0; i < ldns_rr_rd_count(record.get()); ++i) {
    if (i > 0) ldns_buffer_printf(buffer.get(), " ");
    if (ldns_rdf2buffer_str(buffer.get(), ldns_rr_rdf(record.get(), i)) != LDNS_STATUS_OK) return std::nullopt;
  }
  return std::string(reinterpret_cast<const char*>(ldns_buffer_begin(buffer.get())),
                     ldns_buffer_position(buffer.get()));
}

}  // namespace

std::expected<std::vector<std::uint8_t>, std::string> rdata_from_text(RecordType type, std::string_view text,
                                                                      NameView origin) {
  std::vector<std::uint8_t> rdata;
  if (auto read = read_rdata(type, text, origin, rdata); !read) return std::unexpected(std::move(read.error().reason));
  return rdata;
}

std::expected<void, TextError> read_rdata(RecordType type, std::string_view text, NameView origin,
                                          std::vector<std::uint8_t>& out) {
  out.clear();
  if (std::ranges::any_of(text, [](char c) { return c == '\0' || c == '\n' || c == '\r'; }))
    return std::unexpected(TextError{"a control character in the rdata (write it as \\DDD)", text});
  if (is_meta(type)) return std::unexpected(TextError{to_text(type) + " is not a type of data", text});
  if (text.starts_with("\\#")) {
    std::string_view rest = text;
    if (take_field(rest) == "\\#") {
      auto rdata = unknown_from_text(rest);
      if (!rdata) return std::unexpected(TextError{std::move(rdata.error()), text});
      if (!is_sound(type, *rdata)) {
        return std::unexpected(TextError{"octets that are no rdata of type " + to_text(type), text});
      }
      out = std::move(*rdata);
      return {};
    }
  }
  const bool svcb = type == RecordType::svcb || type == RecordType::https;
  if (svcb || has_rdata_fields(type)) {
    auto read = svcb ? parse_svcb(text, origin, out) : parse_rdata_fields(type, text, origin, out);
    if (read && out.size() > kMaxRdataSize) return std::unexpected(TextError{kTooLarge, text});
    return read;
  }
  auto by_ldns = rdata_from_text_by_ldns(type, text, origin);
  if (!by_ldns) return std::unexpected(TextError{std::move(by_ldns.error()), text});
  out = std::move(*by_ldns);
  return {};
}

std::expected<std::vector<std::uint8_t>, std::string> rdata_from_text_by_ldns(RecordType type, std::string_view text,
                                                                              NameView origin) {
  std::string line = ". 0 IN TYPE" + std::to_string(static_cast<std::uint16_t>(format_of(type))) + " ";
  line += text;
  const LdnsRdf ldns_origin(ldns_dname_new_frm_data(static_cast<std::uint16_t>(origin.size()), origin.bytes().data()));
  ldns_rr* parsed = nullptr;
  const ldns_status status = ldns_rr_new_frm_str(&parsed, line.c_str(), 0, ldns_origin.get(), nullptr);
  const LdnsRecord record(parsed);
  if (status != LDNS_STATUS_OK || !record) return std::unexpected(std::string(ldns_get_errorstr_by_id(status)));
  auto rdata = rdata_of(record.get());
  if (rdata.size() > kMaxRdataSize) return std::unexpected(kTooLarge);
  return rdata;
}

std::expected<Record, std::string> record_from_text(std::string_view line, NameView origin, std::uint32_t default_ttl) {
  const auto fields = split_record(line);
  if (!fields) return std::unexpected(fields.error().reason);
  if (fields->owner.empty()) return std::unexpected("no owner");
  const auto owner = name_from_text(fields->owner, origin);
  if (!owner) return std::unexpected("owner: " + std::string(to_text(owner.error())));
  auto rdata = rdata_from_text(fields->type, fields->rdata, origin);
  if (!rdata) return std::unexpected(to_text(fields->type) + ": " + rdata.error());
  return Record{*owner, fields->type, fields->record_class.value_or(RecordClass::in), fields->ttl.value_or(default_ttl),
                std::move(*rdata)};
}

std::string rdata_to_text(RecordType type, Bytes rdata) {
  if (const auto text = known_to_text(type, rdata)) {
    const bool printable = !text->empty() && std::ranges::all_of(*text, [](char c) { return c >= ' ' && c < 0x7f; });
    const auto read_back = printable ? rdata_from_text(type, *text, NameView()) : std::unexpected(std::string());
    if (read_back && std::ranges::equal(*read_back, rdata)) return *text;
  }
  return unknown_to_text(rdata);
}

std::string record_to_text(NameView owner, RecordType type, RecordClass record_class, std::uint32_t ttl, Bytes rdata) {
  return owner.to_text() + "\t" + std::to_string(ttl) + "\t" + to_text(record_class) + "\t" + to_text(type) + "\t" +
         rdata_to_text(type, rdata);
}

}  // namespace placard::wire
