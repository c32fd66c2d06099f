// Asking a zone in tests: zone and question as text in, the answer as text out.
#pragma once

#include <catch2/catch.hpp>

#include <array>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "tests/names.hpp"
#include "tests/source_directory.hpp"
#include "zones/answer.hpp"
#include "zones/load.hpp"
#include "zones/wire/ldns_adapter.hpp"

namespace asking {

using namespace placard;

using placard::tests::name;

inline zones::Zone zone(std::string_view text, std::string_view origin) {
  auto parsed = zones::parse_zone(text, name(origin));
  INFO((parsed ? "" : to_text(parsed.error())));
  REQUIRE(parsed);
  return std::move(*parsed);
}

inline zones::Zone zone_file(const std::string& file, std::string_view origin) {
  auto loaded = zones::load_zone(source_directory() + "/tests/zones/data/" + file, name(origin));
  INFO((loaded ? "" : to_text(loaded.error())));
  REQUIRE(loaded);
  return std::move(*loaded);
}

/// What came back; records as "owner ttl type rdata", signatures as "owner ttl RRSIG(type)".
struct Reply {
  zones::AnswerResult result;
  std::vector<std::string> answer, authority, additional;
  std::size_t size = 0;
};

inline std::vector<std::string> section(const wire::MessageView& view, wire::Section section) {
  std::vector<std::string> lines;
  for (const wire::RecordView& record : view.records(section)) {
    std::vector<std::uint8_t> rdata;
    record.expand_rdata(rdata);
    std::string line = record.owner().to_text() + " " + std::to_string(record.ttl()) + " ";
    if (record.type() == wire::RecordType::rrsig) {
      line += "RRSIG(" + to_text(*wire::covered_type(rdata)) + ")";
    } else {
      line += to_text(record.type()) + " " + wire::rdata_to_text(record.type(), rdata);
    }
    lines.push_back(std::move(line));
  }
  return lines;
}

inline Reply ask(const zones::Zone& zone, std::string_view qname, wire::RecordType type, bool dnssec_ok = false,
                 std::size_t limit = wire::kMaxMessageSize, bool minimal = true, const zones::ZoneSet* all = nullptr) {
  static std::array<std::uint8_t, wire::kMaxMessageSize> buffer;
  const wire::Question question{name(qname), type, wire::RecordClass::in};
  wire::MessageWriter writer(buffer, limit);
  writer.header({.qr = true});
  writer.question(question.name, type, question.record_class);
  Reply reply;
  reply.result = zones::answer(
      zone, question, {.dnssec_ok = dnssec_ok, .minimal = minimal, .minimal_any = minimal, .zones = all}, writer);
  REQUIRE_FALSE(writer.full());
  const auto bytes = writer.finish();
  REQUIRE(bytes);
  const auto view = wire::parse_message(*bytes);
  REQUIRE(view);
  reply.answer = section(*view, wire::Section::answer);
  reply.authority = section(*view, wire::Section::authority);
  reply.additional = section(*view, wire::Section::additional);
  reply.size = bytes->size();
  return reply;
}

using Lines = std::vector<std::string>;

}  // namespace asking
