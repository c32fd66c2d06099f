// Names of numbers, and text of records through the ldns adapter.
#include <catch2/catch.hpp>

#include <algorithm>

#include "zones/wire/ldns_adapter.hpp"
#include "zones/wire/octets.hpp"

using namespace placard::wire;

namespace {

std::vector<std::uint8_t> rdata_from(RecordType type, std::string_view text, std::string_view origin = "example.org.") {
  const auto parsed = rdata_from_text(type, text, *Name::from_text(origin));
  INFO(to_text(type) << " " << text << ": " << (parsed ? "" : parsed.error()));
  REQUIRE(parsed);
  return *parsed;
}

std::vector<std::uint8_t> octets_of(std::initializer_list<int> values) {
  return {values.begin(), values.end()};
}

}  // namespace

TEST_CASE("types: names both ways, unknown ones as RFC 3597 5 says") {
  CHECK(to_text(RecordType::https) == "HTTPS");
  CHECK(to_text(RecordType::nsec3param) == "NSEC3PARAM");
  CHECK(to_text(static_cast<RecordType>(65280)) == "TYPE65280");
  CHECK(record_type_from_text("aaaa") == RecordType::aaaa);
  CHECK(record_type_from_text("Type28") == RecordType::aaaa);
  CHECK(record_type_from_text("TYPE0") == static_cast<RecordType>(0));
  for (const char* bad : {"", "TYPE", "TYPE65536", "TYPE-1", "TYPE1x", "BOGUS"})
    CHECK_FALSE(record_type_from_text(bad));
  for (unsigned number = 0; number < 65536; ++number) {
    const auto type = static_cast<RecordType>(number);
    if (record_type_from_text(to_text(type)) != type) FAIL(number);
  }
  CHECK(is_meta(RecordType::any));
  CHECK(is_meta(RecordType::opt));
  CHECK_FALSE(is_meta(RecordType::caa));
  CHECK(to_text(RecordClass::in) == "IN");
  CHECK(to_text(static_cast<RecordClass>(9)) == "CLASS9");
  CHECK(to_text(Rcode::nxdomain) == "NXDOMAIN");
  CHECK(to_text(static_cast<Rcode>(17)) == "RCODE17");
  CHECK(to_text(EdeCode::censored) == "Censored");
  CHECK(to_text(EdeCode::invalid_query_type) == "Invalid Query Type");
  CHECK(to_text(static_cast<EdeCode>(31)) == "Unassigned");
}

TEST_CASE("text: the types people write, to wire and back") {
  struct Case {
    RecordType type;
    const char* text;
  };
  const Case cases[] = {
      {RecordType::a, "192.0.2.1"},
      {RecordType::aaaa, "2001:db8::1"},
      {RecordType::ns, "ns1.example.org."},
      {RecordType::soa, "ns1.example.org. host.example.org. 1 7200 3600 1209600 300"},
      {RecordType::mx, "10 mail.example.org."},
      {RecordType::srv, "0 5 5060 sip.example.org."},
      {RecordType::txt, "\"one two\" \"three\""},
      {RecordType::txt, "\"with \\\" and \\\\ and ; in it\""},
      {RecordType::caa, "0 issue \"ca.example\""},
      {RecordType::dname, "other.example."},
      {RecordType::naptr, "100 10 \"u\" \"sip+E2U\" \"!^.*$!sip:info@example.org!\" ."},
      {RecordType::ds, "60485 5 1 2bb183af5f22588179a53b0a98631fad1a292118"},
      {RecordType::https, "1 . alpn=h2,h3 ipv4hint=192.0.2.1"},
      {RecordType::svcb, "0 svc.example.net."},
      {RecordType::nsec, "b.example.org. A RRSIG NSEC TYPE65280"},
      {static_cast<RecordType>(52), "3 1 1 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"},
      {RecordType::zonemd,
       "1 1 1 00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"},
      {RecordType::resinfo, "\"qnamemin\" \"infourl=https://example.org\""},
  };
  for (const Case& c : cases) {
    const auto wire = rdata_from(c.type, c.text);
    INFO(to_text(c.type) << " " << c.text << " -> " << rdata_to_text(c.type, wire));
    CHECK(rdata_from(c.type, rdata_to_text(c.type, wire)) == wire);
    CHECK_FALSE(wire.empty());
    CHECK_FALSE(rdata_to_text(c.type, wire).starts_with("\\#"));
  }
  CHECK(rdata_from(RecordType::a, "192.0.2.1") == octets_of({192, 0, 2, 1}));
  CHECK(rdata_from(RecordType::mx, "10 mail") == rdata_from(RecordType::mx, "10 mail.example.org."));
  CHECK(rdata_from(RecordType::ns, "@") == rdata_from(RecordType::ns, "example.org."));
  CHECK(rdata_from(RecordType::txt, "a\\065b") == octets_of({3, 'a', 'A', 'b'}));
}

TEST_CASE("text: RFC 3597 form for unknown types, and for known ones") {
  const auto unknown = static_cast<RecordType>(731);
  CHECK(rdata_from(unknown, "\\# 6 abcd ef 01 23 45") == octets_of({0xab, 0xcd, 0xef, 0x01, 0x23, 0x45}));
  CHECK(rdata_to_text(unknown, octets_of({0xab, 0xcd})) == "\\# 2 abcd");
  CHECK(rdata_to_text(unknown, {}) == "\\# 0");
  CHECK(rdata_from(unknown, "\\# 0").empty());
  CHECK(rdata_from(RecordType::a, "\\# 4 0A000001") == octets_of({10, 0, 0, 1}));
  const Name origin;
  for (const char* bad : {"\\#", "\\# 1", "\\# 1 a", "\\# 1 aabb", "\\# 1 zz", "\\# 65536 00", "\\# -1", "\\# x 00"}) {
    INFO(bad);
    CHECK_FALSE(rdata_from_text(unknown, bad, origin));
  }
  CHECK_FALSE(rdata_from_text(RecordType::a, "\\# 3 0a0000", origin));
  CHECK_FALSE(rdata_from_text(RecordType::a, "\\# 0", origin));
  CHECK_FALSE(rdata_from_text(RecordType::mx, "\\# 2 000a", origin));
  CHECK_FALSE(rdata_from_text(RecordType::ns, "\\# 2 c000", origin));
  CHECK_FALSE(rdata_from_text(unknown, "something", origin));
}

TEST_CASE("text: any octets of any type have a text that reads back") {
  std::uint32_t state = 12345;
  const auto random = [&] { return static_cast<std::uint8_t>((state = state * 1664525 + 1013904223) >> 24); };
  for (int round = 0; round < 3000; ++round) {
    const auto type = static_cast<RecordType>(round % 300);
    if (is_meta(type)) continue;
    std::vector<std::uint8_t> octets(random() % 40U);
    for (auto& octet : octets) octet = static_cast<std::uint8_t>(round % 2 == 0 ? random() : random() % 8);
    const std::string text = rdata_to_text(type, octets);
    INFO(to_text(type) << " " << text);
    CHECK(std::ranges::all_of(text, [](char c) { return c >= ' ' && c < 0x7f; }));
    if (text.starts_with("\\#")) continue;
    CHECK(rdata_from(type, text) == octets);
  }
}

TEST_CASE("text: whole records") {
  const Name origin = *Name::from_text("example.org");
  const auto record = record_from_text("www 1h IN A 192.0.2.1", origin, 60);
  REQUIRE(record);
  CHECK(record->owner.to_text() == "www.example.org.");
  CHECK(record->ttl == 3600);
  CHECK(record->rdata == octets_of({192, 0, 2, 1}));
  CHECK(record_from_text("www in 5 a 192.0.2.1", origin, 60)->ttl == 5);
  CHECK(record_from_text("www A 192.0.2.1", origin, 60)->ttl == 60);
  CHECK(record_from_text("a\\ b A 192.0.2.1", origin, 60)->owner.view().first_label().size() == 3);
  CHECK(record_to_text(record->owner, record->type, record->record_class, 3600, record->rdata) ==
        "www.example.org.\t3600\tIN\tA\t192.0.2.1");
  for (const char* bad :
       {"", " A 192.0.2.1", "www", "www A", "www A 192.0.2", "www A 192.0.2.256", "www IN 5 6 A 192.0.2.1",
        "www BOGUS 1", "a..b A 192.0.2.1", "www AAAA ::g", "www MX mail", "www ANY x", "www OPT x",
        "www A 192.0.2.1 extra", "www MX 10 mail extra", "www NS a b", "www SOA a b 1 2 3 4 5 6"}) {
    INFO(bad);
    CHECK_FALSE(record_from_text(bad, origin, 60));
  }
  CHECK_FALSE(record_from_text(std::string_view("www TXT a\0b", 11), origin, 60));
  CHECK_FALSE(record_from_text("www TXT \"a\nb\"", origin, 60));
}
