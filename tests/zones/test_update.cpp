// Dynamic update (RFC 2136): prerequisites, changes, and all or nothing. Catalogs (RFC 9432).
#include <catch2/catch.hpp>

#include "tests/names.hpp"
#include "zones/catalog.hpp"
#include "zones/load.hpp"
#include "zones/update.hpp"
#include "zones/wire/ldns_adapter.hpp"
#include "zones/wire/writer.hpp"

using namespace placard;
using namespace placard::zones;
using wire::Rcode;
using wire::RecordClass;
using wire::RecordType;
using wire::Section;

namespace {

using placard::tests::name;

std::shared_ptr<const Zone> base() {
  auto zone = parse_zone(
      "$TTL 300\n@ SOA ns h 10 3600 600 86400 60\n@ NS ns\n@ NS ns2\nns A 192.0.2.1\nns2 A 192.0.2.2\n"
      "a A 192.0.2.3\na A 192.0.2.4\nalias CNAME a\nt TXT \"one\"\nm MX 5 a\n",
      name("example.org"));
  REQUIRE(zone);
  return std::make_shared<const Zone>(*std::move(zone));
}

/// An UPDATE under way. Records as text; "" as rdata stands for none.
class Request {
 public:
  explicit Request(std::string_view zone = "example.org") : buffer_(65535), writer_(buffer_, buffer_.size()) {
    writer_.header({.id = 1, .opcode = wire::Opcode::update});
    writer_.question(name(zone), RecordType::soa, RecordClass::in);
  }
  Request& want(std::string_view owner, RecordType type, RecordClass record_class, std::string_view rdata = "",
                std::uint32_t ttl = 0) {
    return put(Section::answer, owner, type, record_class, rdata, ttl);
  }
  Request& change(std::string_view owner, RecordType type, RecordClass record_class, std::string_view rdata = "",
                  std::uint32_t ttl = 0) {
    return put(Section::authority, owner, type, record_class, rdata, ttl);
  }
  Request& add(std::string_view owner, RecordType type, std::string_view rdata) {
    return change(owner, type, RecordClass::in, rdata, 60);
  }
  Rcode apply(ZoneEditor& editor) {
    const auto message = wire::parse_message(*writer_.finish());
    REQUIRE(message);
    return apply_update(*message, editor);
  }
  Rcode code() {
    ZoneEditor editor(base());
    const auto code = apply(editor);
    if (code != Rcode::noerror) CHECK_FALSE(editor.changed());
    return code;
  }
  Zone made() {
    ZoneEditor editor(base());
    REQUIRE(apply(editor) == Rcode::noerror);
    finish_updates(editor, *base());
    auto zone = editor.build();
    REQUIRE(zone);
    return *std::move(zone);
  }

 private:
  Request& put(Section section, std::string_view owner, RecordType type, RecordClass record_class,
               std::string_view rdata, std::uint32_t ttl) {
    std::vector<std::uint8_t> octets;
    if (!rdata.empty()) octets = *wire::rdata_from_text(type, rdata, name("example.org"));
    writer_.record(section, name(owner), type, record_class, ttl, octets);
    return *this;
  }
  std::vector<std::uint8_t> buffer_;
  wire::MessageWriter writer_;
};

std::size_t count(const Zone& zone, std::string_view owner, RecordType type) {
  const Node* node = zone.find(name(owner));
  const StoredSet* set = node != nullptr ? node->find(type) : nullptr;
  std::size_t number = 0;
  if (set != nullptr)
    for ([[maybe_unused]] const auto rdata : set->rdatas()) ++number;
  return number;
}

}  // namespace

TEST_CASE("prerequisites") {
  using enum RecordType;
  constexpr auto none = RecordClass::none, in = RecordClass::in, ch = RecordClass::ch;
  CHECK(Request().want("a.example.org", RecordType::any, RecordClass::any).code() == Rcode::noerror);
  CHECK(Request().want("x.example.org", RecordType::any, RecordClass::any).code() == Rcode::nxdomain);
  CHECK(Request().want("a.example.org", a, RecordClass::any).code() == Rcode::noerror);
  CHECK(Request().want("a.example.org", mx, RecordClass::any).code() == Rcode::nxrrset);
  CHECK(Request().want("x.example.org", RecordType::any, none).code() == Rcode::noerror);
  CHECK(Request().want("a.example.org", RecordType::any, none).code() == Rcode::yxdomain);
  CHECK(Request().want("a.example.org", mx, none).code() == Rcode::noerror);
  CHECK(Request().want("a.example.org", a, none).code() == Rcode::yxrrset);
  CHECK(Request().want("a.example.org", a, in, "192.0.2.3").want("a.example.org", a, in, "192.0.2.4").code() ==
        Rcode::noerror);
  CHECK(Request().want("a.example.org", a, in, "192.0.2.3").code() == Rcode::nxrrset);
  CHECK(Request().want("m.example.org", mx, in, "5 A.EXAMPLE.ORG.").code() == Rcode::noerror);
  CHECK(Request().want("a.example.com", a, RecordClass::any).code() == Rcode::notzone);
  CHECK(Request().want("a.example.org", a, RecordClass::any, "", 5).code() == Rcode::formerr);
  CHECK(Request().want("a.example.org", a, ch).code() == Rcode::formerr);
}

TEST_CASE("changes") {
  using enum RecordType;
  const auto added = Request().add("new.example.org", a, "192.0.2.9").add("a.example.org", a, "192.0.2.5").made();
  CHECK(added.serial() == 11);
  CHECK(count(added, "new.example.org", a) == 1);
  CHECK(count(added, "a.example.org", a) == 3);
  CHECK(added.find(name("a.example.org"))->find(a)->ttl() == 60);

  const auto removed = Request()
                           .change("a.example.org", a, RecordClass::none, "192.0.2.3")
                           .change("t.example.org", txt, RecordClass::any)
                           .change("m.example.org", RecordType::any, RecordClass::any)
                           .made();
  CHECK(count(removed, "a.example.org", a) == 1);
  CHECK(removed.find(name("t.example.org")) == nullptr);
  CHECK(removed.find(name("m.example.org")) == nullptr);

  CHECK(Request().add("t.example.org", txt, "\"one\"").made().serial() == 11);  // another TTL
  CHECK(Request().change("x.example.org", RecordType::any, RecordClass::any).made().serial() == 10);
}

TEST_CASE("what would break the zone is left out") {
  using enum RecordType;
  const auto zone = Request()
                        .add("a.example.org", cname, "t")
                        .add("alias.example.org", a, "192.0.2.7")
                        .change("example.org", ns, RecordClass::any)
                        .change("example.org", soa, RecordClass::any)
                        .change("example.org", ns, RecordClass::none, "ns")
                        .change("example.org", ns, RecordClass::none, "ns2")
                        .change("example.org", RecordType::any, RecordClass::any)
                        .made();
  CHECK(count(zone, "a.example.org", cname) == 0);
  CHECK(count(zone, "alias.example.org", a) == 0);
  CHECK(count(zone, "example.org", ns) == 1);
  CHECK(count(zone, "example.org", soa) == 1);
  CHECK(count(Request().add("alias.example.org", cname, "t").made(), "alias.example.org", cname) == 1);
}

TEST_CASE("the serial: given newer it counts, given older it does not") {
  using enum RecordType;
  CHECK(Request().add("example.org", soa, "ns h 50 1 2 3 4").made().serial() == 50);
  CHECK(Request().add("example.org", soa, "ns h 5 1 2 3 4").made().serial() == 10);
}

TEST_CASE("a digest of the version before goes") {
  const auto apex_digests = [](Request& request) {
    auto digested =
        parse_zone("$TTL 300\n@ SOA ns h 10 3600 600 86400 60\n@ NS ns\nns A 192.0.2.1\n", name("example.org"));
    REQUIRE(digested);
    auto before = std::make_shared<const Zone>(*std::move(digested));
    ZoneEditor editor(before);
    REQUIRE(request.apply(editor) == Rcode::noerror);
    REQUIRE(finish_updates(editor, *before));
    auto zone = editor.build();
    REQUIRE(zone);
    return zone->apex().find(RecordType::zonemd) != nullptr;
  };
  // Of a scheme that nobody knows, so that the zone above needs no digest that fits.
  Request old_one, fitting;
  CHECK_FALSE(apex_digests(old_one.add("example.org", RecordType::zonemd, "10 240 1 000000000000000000000000")));
  CHECK(apex_digests(fitting.add("example.org", RecordType::zonemd, "11 240 1 000000000000000000000000")));
}

TEST_CASE("what a signer makes is not added by hand; keys and parameters are") {
  using enum RecordType;
  const auto* const signature = "SOA 13 2 300 20360101000000 20260101000000 1 @ oJB1W6WNGv+ldvQ3WDG0Mw==";
  CHECK(Request().add("example.org", rrsig, signature).code() == Rcode::refused);
  CHECK(Request().add("b.example.org", a, "192.0.2.7").add("a.example.org", nsec, "@ A").code() == Rcode::refused);
  CHECK(Request()
            .add("2vptu5timamqttgl4luu9kg21e0aor3s.example.org", nsec3, "1 0 0 - 2vptu5timamqttgl4luu9kg21e0aor3s A")
            .code() == Rcode::refused);
  const Zone zone =
      Request().add("example.org", dnskey, "257 3 13 oJB1W6WNGv8=").add("example.org", nsec3param, "1 0 0 -").made();
  CHECK(count(zone, "example.org", dnskey) == 1);
  CHECK_FALSE(zone.is_signed());
}

TEST_CASE("one thing wrong, and nothing is done") {
  using enum RecordType;
  CHECK(Request().add("b.example.org", a, "192.0.2.7").add("b.example.com", a, "192.0.2.7").code() == Rcode::notzone);
  CHECK(Request().add("b.example.org", a, "192.0.2.7").change("a.example.org", a, RecordClass::any, "", 7).code() ==
        Rcode::formerr);
  CHECK(Request().add("b.example.org", a, "192.0.2.7").change("a.example.org", axfr, RecordClass::any).code() ==
        Rcode::formerr);
  CHECK(Request().add("b.example.org", a, "192.0.2.7").change("a.example.org", a, RecordClass::ch, "1.2.3.4").code() ==
        Rcode::formerr);
}

TEST_CASE("catalogs are written and read") {
  const std::vector<CatalogEntry> members = {{name("a.test"), ""}, {name("b.test"), "signed"}, {name("c.d.test"), ""}};
  const auto zone = write_catalog(name("catalog.test"), 7, members);
  CHECK(zone.serial() == 7);
  const auto read = read_catalog(zone);
  REQUIRE(read);
  REQUIRE(read->size() == 3);
  for (const auto& member : *read) {
    CHECK(std::ranges::any_of(members, [&](const auto& one) { return one.name == member.name; }));
    CHECK((member.name == name("b.test")) == (member.groups == std::vector<std::string>{"signed"}));
    CHECK(member.label == name(catalog_label(member.name)));
  }
}

TEST_CASE("catalogs that break the rules are refused whole") {
  const auto read = [](const std::string& lines) {
    const auto zone =
        parse_zone("$TTL 0\n@ SOA invalid. invalid. 1 2 3 4 5\n@ NS invalid.\n" + lines, name("catalog.test"));
    REQUIRE(zone);
    return read_catalog(*zone);
  };
  const std::string version = "version TXT \"2\"\n";
  const auto good = read(version +
                         "u1.zones PTR a.test.\ncoo.u1.zones PTR other.test.\ngroup.u1.zones TXT \"g\"\n"
                         "u2.zones PTR b.test.\nu2.zones TXT \"ignored\"\nnote.ext.u2.zones TXT \"ignored\"\n");
  REQUIRE(good);
  REQUIRE(good->size() == 2);
  CHECK(good->at(0).moves_to == name("other.test"));
  CHECK(good->at(0).groups.size() == 1);
  CHECK_FALSE(good->at(1).moves_to);
  CHECK_FALSE(read("u1.zones PTR a.test.\n"));
  CHECK_FALSE(read("version TXT \"1\"\nu1.zones PTR a.test.\n"));
  CHECK_FALSE(read(version + "version TXT \"3\"\nu1.zones PTR a.test.\n"));
  CHECK_FALSE(read(version + "u1.zones PTR a.test.\nu1.zones PTR b.test.\n"));
  CHECK_FALSE(read(version + "u1.zones PTR a.test.\nu2.zones PTR A.test.\n"));
}
