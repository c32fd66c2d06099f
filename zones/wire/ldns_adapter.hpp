// Text <-> wire for records and rdata, through libldns: the only place of the project that knows that library.
//
// Used off the answer path (zone files, configuration, traces, command output): ldns allocates for each record.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "zones/wire/rdata_text.hpp"
#include "zones/wire/record_set.hpp"

namespace placard::wire {

struct Record {
  Name owner;
  RecordType type = RecordType::a;
  RecordClass record_class = RecordClass::in;
  std::uint32_t ttl = 0;
  std::vector<std::uint8_t> rdata;  ///< uncompressed
};

/// One record in presentation form (RFC 1035 5.1, RFC 3597 5), on one line. The error says what ldns said.
std::expected<Record, std::string> record_from_text(std::string_view line, NameView origin, std::uint32_t default_ttl);
std::expected<std::vector<std::uint8_t>, std::string> rdata_from_text(RecordType type, std::string_view text,
                                                                      NameView origin);
/// The same into `out`, which is cleared first, and with the place of what is wrong. By the table of rdata_text where
/// that has the type, else by ldns.
std::expected<void, TextError> read_rdata(RecordType type, std::string_view text, NameView origin,
                                          std::vector<std::uint8_t>& out);
/// By ldns alone: what tests hold the table against. REQUIRES: no NUL and no line break in the text.
std::expected<std::vector<std::uint8_t>, std::string> rdata_from_text_by_ldns(RecordType type, std::string_view text,
                                                                              NameView origin);
/// "owner\tttl\tclass\ttype\trdata", no newline; unknown or broken rdata in RFC 3597 form.
std::string record_to_text(NameView owner, RecordType type, RecordClass record_class, std::uint32_t ttl, Bytes rdata);
std::string rdata_to_text(RecordType type, Bytes rdata);

}  // namespace placard::wire
