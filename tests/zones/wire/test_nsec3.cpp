// NSEC3: hashes against RFC 5155's own examples, labels, rdata, what a record covers; type bitmaps of NSEC and NSEC3.
#include <catch2/catch.hpp>

#include "zones/wire/ldns_adapter.hpp"
#include "zones/wire/nsec3.hpp"

using namespace placard::wire;

namespace {

std::string hashed(std::string_view name, const Nsec3Parameters& parameters) {
  const auto label = nsec3_label(nsec3_hash(*Name::from_text(name), parameters));
  return {label.begin(), label.end()};
}

std::vector<std::uint8_t> rdata(RecordType type, std::string_view text) {
  const auto parsed = rdata_from_text(type, text, *Name::from_text("example."));
  INFO(text << ": " << (parsed ? "" : parsed.error()));
  REQUIRE(parsed);
  return *parsed;
}

}  // namespace

TEST_CASE("nsec3: the hashes of RFC 5155, appendix A") {
  const std::vector<std::uint8_t> salt = {0xaa, 0xbb, 0xcc, 0xdd};
  const Nsec3Parameters parameters{.iterations = 12, .salt = salt};
  CHECK(hashed("example.", parameters) == "0p9mhaveqvm6t7vbl5lop2u3t2rp3tom");
  CHECK(hashed("a.example.", parameters) == "35mthgpgcu1qg68fab165klnsnk3dpvl");
  CHECK(hashed("NS1.example.", parameters) == "2t7b4g4vsa5smi47k61mv5bv1a22bojr");
  CHECK(hashed("*.w.example.", parameters) == "r53bq7cc2uvmubfu5ocmm6pers9tk9en");
  // RFC 9276: no salt, no further iterations. Checked with ldns-nsec3-hash.
  CHECK(hashed("example.", {}) == "3msev9usmd4br9s97v51r2tdvmr9iqo1");
}

TEST_CASE("nsec3: labels both ways") {
  const auto hash = nsec3_hash(*Name::from_text("www.example."), {});
  const auto label = nsec3_label(hash);
  CHECK(nsec3_hash_of_label(label) == hash);
  auto upper = label;
  for (auto& octet : upper) octet = octet >= 'a' ? static_cast<std::uint8_t>(octet - 32) : octet;
  CHECK(nsec3_hash_of_label(upper) == hash);
  upper[3] = 'w';  // no digit of base32hex
  CHECK_FALSE(nsec3_hash_of_label(upper));
  CHECK_FALSE(nsec3_hash_of_label(Bytes(label).first(31)));
  CHECK(nsec3_owner(hash, *Name::from_text("example.")).view().parent() == Name::from_text("example.")->view());
}

TEST_CASE("nsec3: rdata, and what is none") {
  const auto whole =
      rdata(RecordType::nsec3, "1 1 12 aabbccdd 2t7b4g4vsa5smi47k61mv5bv1a22bojr MX DNSKEY NS SOA RRSIG");
  const auto view = parse_nsec3(whole);
  REQUIRE(view);
  CHECK(view->opt_out());
  CHECK(view->parameters.iterations == 12);
  CHECK(view->parameters.salt.size() == 4);
  CHECK(view->next.size() == kNsec3HashSize);
  CHECK(view->types.has(RecordType::soa));
  CHECK(view->types.has(RecordType::dnskey));
  CHECK_FALSE(view->types.has(RecordType::a));
  for (std::size_t size = 0; size < whole.size(); ++size) {
    // Cut anywhere before the bitmap it is broken; a bitmap may be empty.
    const bool parses = parse_nsec3(Bytes(whole).first(size)).has_value();
    CHECK(parses == (size == 5 + 4 + 1 + kNsec3HashSize));
  }
  CHECK(parse_nsec3param(rdata(RecordType::nsec3param, "1 0 5 -"))->iterations == 5);
  CHECK_FALSE(parse_nsec3param(whole));
}

TEST_CASE("nsec3: what a record covers, the last and a lone one too") {
  Nsec3Hash a{}, b{}, c{};
  a[0] = 1, b[0] = 5, c[0] = 9;
  CHECK(nsec3_covers(a, c, b));
  CHECK_FALSE(nsec3_covers(a, b, c));
  CHECK_FALSE(nsec3_covers(a, b, a));
  CHECK_FALSE(nsec3_covers(a, b, b));
  CHECK(nsec3_covers(b, a, c));  // the last of its chain
  CHECK(nsec3_covers(c, b, a));
  CHECK_FALSE(nsec3_covers(c, a, b));
  CHECK(nsec3_covers(b, b, a));  // the only one
  CHECK(nsec3_covers(b, b, c));
  CHECK_FALSE(nsec3_covers(b, b, b));
}

TEST_CASE("type bitmaps: windows rise, and sizes are what they say") {
  std::vector<std::uint8_t> octets;
  const RecordType types[] = {RecordType::caa, RecordType::a, static_cast<RecordType>(65280), RecordType::rrsig};
  append_type_bitmap(types, octets);
  const auto bitmap = TypeBitmap::parse(octets);
  REQUIRE(bitmap);
  for (const auto type : types) CHECK(bitmap->has(type));
  CHECK_FALSE(bitmap->has(RecordType::ns));
  CHECK_FALSE(bitmap->has(static_cast<RecordType>(65281)));
  CHECK(TypeBitmap::parse({})->empty());
  const std::vector<std::vector<std::uint8_t>> broken = {
      {0}, {0, 0}, {0, 33}, {0, 2, 0x40}, {1, 1, 0x40, 0, 1, 0x40}, {0, 1, 0x40, 0, 1, 0x40}};
  for (const auto& each : broken) CHECK_FALSE(TypeBitmap::parse(each));
  const auto nsec = rdata(RecordType::nsec, "host.example. A MX RRSIG NSEC TYPE1234");
  REQUIRE(parse_nsec(nsec));
  CHECK(parse_nsec(nsec)->next == Name::from_text("host.example.")->view());
  CHECK(parse_nsec(nsec)->types.has(static_cast<RecordType>(1234)));
}
