// Writing messages: what was written reads back; compression, limits and taking back.
#include <catch2/catch.hpp>

#include <algorithm>
#include <array>
#include <string>

#include "tests/names.hpp"
#include "zones/wire/ldns_adapter.hpp"
#include "zones/wire/octets.hpp"
#include "zones/wire/writer.hpp"

using namespace placard::wire;

namespace {

using Octets = std::vector<std::uint8_t>;
using Buffer = std::array<std::uint8_t, kMaxMessageSize>;

using placard::tests::name;

Octets rdata_of(RecordType type, std::string_view text) {
  return *rdata_from_text(type, text, Name());
}

MessageView read(std::span<const std::uint8_t> bytes) {
  const auto view = parse_message(bytes);
  INFO((view ? "" : to_text(view.error())));
  REQUIRE(view);
  return *view;
}

/// A section as text, a line a record.
std::string text(const MessageView& view, Section section) {
  std::string all;
  for (const RecordView& record : view.records(section)) {
    Octets expanded;
    record.expand_rdata(expanded);
    all += record_to_text(record.owner(), record.type(), record.record_class(), record.ttl(), expanded) + "\n";
  }
  return all;
}

RecordSet set_of(std::string_view owner, RecordType type, std::initializer_list<std::string_view> rdatas) {
  RecordSet set{name(owner), type, RecordClass::in, 60, {}, {}};
  for (const std::string_view one : rdatas) set.rdatas.add(rdata_of(type, one));
  return set;
}

}  // namespace

TEST_CASE("writer: a whole answer reads back") {
  Buffer buffer;
  MessageWriter writer(buffer, buffer.size(), 11);
  writer.header({.id = 77, .qr = true, .aa = true, .rd = true});
  writer.question(name("example.org"), RecordType::mx, RecordClass::in);
  writer.record(Section::answer, name("example.org"), RecordType::mx, RecordClass::in, 300,
                rdata_of(RecordType::mx, "10 mail.example.org."));
  writer.record(Section::authority, name("example.org"), RecordType::soa, RecordClass::in, 300,
                rdata_of(RecordType::soa, "ns.example.org. host.example.org. 1 2 3 4 5"));
  writer.record(Section::additional, name("mail.example.org"), RecordType::a, RecordClass::in, 300,
                rdata_of(RecordType::a, "192.0.2.1"));
  writer.record(Section::additional, name("_s._tcp.example.org"), RecordType::srv, RecordClass::in, 300,
                rdata_of(RecordType::srv, "1 2 3 mail.example.org."));
  const Octets cookie = {1, 2, 3};
  const MessageWriter::EdnsOption options[] = {{10, cookie}, {12, {}}};
  writer.edns(1232, true, Rcode::badcookie, options);
  const auto bytes = writer.finish();
  REQUIRE(bytes);
  CHECK(bytes->size() == writer.size());
  const MessageView view = read(*bytes);
  CHECK(view.header().id == 77);
  CHECK((view.header().qr && view.header().aa && view.header().rd));
  CHECK_FALSE((view.header().ra || view.header().tc || view.header().ad || view.header().cd));
  CHECK(view.rcode() == Rcode::badcookie);
  CHECK(view.edns()->udp_size == 1232);
  CHECK(view.edns()->dnssec_ok);
  CHECK(std::ranges::equal(*view.edns()->option(10), cookie));
  CHECK(view.edns()->option(12)->empty());
  CHECK(text(view, Section::answer) == "example.org.\t300\tIN\tMX\t10 mail.example.org.\n");
  CHECK(text(view, Section::authority) == "example.org.\t300\tIN\tSOA\tns.example.org. host.example.org. 1 2 3 4 5\n");
  CHECK(text(view, Section::additional)
            .starts_with("mail.example.org.\t300\tIN\tA\t192.0.2.1\n"
                         "_s._tcp.example.org.\t300\tIN\tSRV\t1 2 3 mail.example.org.\n"));
}

TEST_CASE("writer: compression of owners and of RFC 1035's types only (RFC 3597 4)") {
  Buffer buffer;
  MessageWriter writer(buffer, buffer.size());
  writer.header({});
  writer.question(name("example.org"), RecordType::mx, RecordClass::in);
  CHECK(writer.size() == 12 + 13 + 4);
  writer.record(Section::answer, name("example.org"), RecordType::mx, RecordClass::in, 0,
                rdata_of(RecordType::mx, "1 a.example.org."));
  CHECK(writer.size() == 29 + 2 + 10 + 2 + 2 + 2);
  std::size_t before = writer.size();
  writer.record(Section::answer, name("a.example.org"), RecordType::ns, RecordClass::in, 0,
                rdata_of(RecordType::ns, "a.example.org."));
  CHECK(writer.size() == before + 2 + 10 + 2);
  before = writer.size();
  writer.record(Section::answer, name("a.example.org"), RecordType::srv, RecordClass::in, 0,
                rdata_of(RecordType::srv, "1 2 3 a.example.org."));
  CHECK(writer.size() == before + 2 + 10 + 6 + 15);
  before = writer.size();
  writer.record(Section::answer, name("a.example.org"), RecordType::dname, RecordClass::in, 0,
                rdata_of(RecordType::dname, "example.org."));
  CHECK(writer.size() == before + 2 + 10 + 13);
  before = writer.size();
  writer.record(Section::answer, Name(), RecordType::ns, RecordClass::in, 0, rdata_of(RecordType::ns, "."));
  CHECK(writer.size() == before + 1 + 10 + 1);
  read(*writer.finish());
}

TEST_CASE("writer: names keep their case, but the question's own is the question's") {
  Buffer buffer;
  MessageWriter writer(buffer, buffer.size());
  writer.header({});
  writer.question(name("eXaMpLe.oRg"), RecordType::ns, RecordClass::in);
  std::size_t before = writer.size();
  writer.record(Section::answer, name("example.org"), RecordType::ns, RecordClass::in, 0,
                rdata_of(RecordType::ns, "ns.example.org."));
  CHECK(writer.size() == before + 2 + 10 + 16);  // rdata in full: no suffix of its case stood before
  before = writer.size();
  writer.record(Section::additional, name("ns.example.org"), RecordType::a, RecordClass::in, 0,
                rdata_of(RecordType::a, "192.0.2.1"));
  CHECK(writer.size() == before + 2 + 10 + 4);
  writer.record(Section::additional, name("NS.example.org"), RecordType::a, RecordClass::in, 0,
                rdata_of(RecordType::a, "192.0.2.2"));
  const MessageView view = read(*writer.finish());
  CHECK(text(view, Section::answer) == "eXaMpLe.oRg.\t0\tIN\tNS\tns.example.org.\n");
  CHECK(text(view, Section::additional) ==
        "ns.example.org.\t0\tIN\tA\t192.0.2.1\nNS.example.org.\t0\tIN\tA\t192.0.2.2\n");
}

TEST_CASE("writer: what does not fit leaves nothing behind, and sticks") {
  Buffer buffer;
  buffer.fill(0xee);
  const auto text_rdata = rdata_of(RecordType::txt, "\"" + std::string(200, 'x') + "\"");
  MessageWriter writer(buffer, 512, 100);
  writer.header({.id = 1});
  writer.question(name("example.org"), RecordType::txt, RecordClass::in);
  writer.record(Section::answer, name("example.org"), RecordType::txt, RecordClass::in, 0, text_rdata);
  CHECK_FALSE(writer.full());
  const std::size_t size = writer.size();
  const auto mark = writer.mark();
  writer.record(Section::answer, name("other.example.org"), RecordType::txt, RecordClass::in, 0, text_rdata);
  CHECK(writer.full());
  CHECK(writer.size() == size);
  CHECK_FALSE(writer.finish());
  writer.record(Section::answer, name("example.org"), RecordType::a, RecordClass::in, 0,
                rdata_of(RecordType::a, "192.0.2.1"));
  CHECK(writer.size() == size);  // it sticks, though this would have fitted
  writer.rollback(mark);
  CHECK_FALSE(writer.full());
  // "other" was taken back with its record: it must not be pointed to.
  writer.record(Section::answer, name("other.example.org"), RecordType::a, RecordClass::in, 0,
                rdata_of(RecordType::a, "192.0.2.1"));
  writer.edns(1232, false, Rcode::noerror);
  const auto bytes = writer.finish();
  REQUIRE(bytes);
  CHECK(text(read(*bytes), Section::answer).find("other.example.org.\t0\tIN\tA\t192.0.2.1\n") != std::string::npos);
  CHECK(std::all_of(buffer.begin() + 512, buffer.end(), [](std::uint8_t octet) { return octet == 0xee; }));
}

TEST_CASE("writer: every limit gives a whole message or none") {
  const auto set = set_of("www.example.org", RecordType::a, {"192.0.2.1", "192.0.2.2"});
  for (std::size_t limit = 0; limit < 120; ++limit) {
    Buffer buffer;
    buffer.fill(0xee);
    MessageWriter writer(buffer, limit);
    writer.header({});
    writer.question(name("example.org"), RecordType::a, RecordClass::in);
    const auto mark = writer.mark();
    writer.record_set(Section::answer, set, true);
    if (writer.full()) writer.rollback(mark);
    const auto bytes = writer.finish();
    INFO(limit);
    CHECK(std::all_of(buffer.begin() + static_cast<std::ptrdiff_t>(limit), buffer.end(),
                      [](std::uint8_t o) { return o == 0xee; }));
    // 29 for header and question, then 6 + 14 and 2 + 14 for the two records
    CHECK(bytes.has_value() == (limit >= 29));
    if (bytes) CHECK(read(*bytes).count(Section::answer) == (limit >= 29 + 20 + 16 ? 2 : 0));
  }
}

TEST_CASE("writer: record sets go whole, with signatures when asked") {
  auto set = set_of("a.example", RecordType::a, {"192.0.2.1", "192.0.2.2"});
  set.signatures.add(rdata_of(RecordType::rrsig, "A 8 2 60 20300101000000 20200101000000 1 example. AAAA"));
  Buffer buffer;
  for (const bool with : {false, true}) {
    MessageWriter writer(buffer, buffer.size());
    writer.header({});
    writer.record_set(Section::answer, set, with, 5);
    const MessageView view = read(*writer.finish());
    CHECK(view.count(Section::answer) == (with ? 3 : 2));
    for (const RecordView& record : view.records(Section::answer)) CHECK(record.ttl() == 5);
  }
}

TEST_CASE("writer: set_flags after the fact, rollback over everything") {
  Buffer buffer;
  MessageWriter writer(buffer, buffer.size());
  writer.header({.id = 1, .qr = true});
  const auto mark = writer.mark();
  writer.question(name("a.b"), RecordType::a, RecordClass::in);
  writer.record(Section::answer, name("a.b"), RecordType::ns, RecordClass::in, 0, rdata_of(RecordType::ns, "a.b."));
  writer.rollback(mark);
  writer.record(Section::answer, name("a.b"), RecordType::ns, RecordClass::in, 0, rdata_of(RecordType::ns, "a.b."));
  writer.set_flags({.id = 2, .qr = true, .tc = true, .ad = true, .opcode = Opcode::notify, .rcode = 5});
  const MessageView view = read(*writer.finish());
  CHECK(view.header().id == 2);
  CHECK((view.header().tc && view.header().ad));
  CHECK(view.header().opcode == Opcode::notify);
  CHECK(view.rcode() == Rcode::refused);
  CHECK(view.count(Section::question) == 0);
  CHECK(text(view, Section::answer) == "a.b.\t0\tIN\tNS\ta.b.\n");
}

TEST_CASE("writer: more names than it remembers, and names beyond the reach of pointers") {
  Buffer buffer;
  MessageWriter writer(buffer, buffer.size());
  writer.header({});
  const auto filler = rdata_of(RecordType::txt, "\"" + std::string(250, 'x') + "\"");
  std::string expected;
  for (int i = 0; i < 200; ++i) {
    const Name owner = name("host" + std::to_string(i % 150) + ".label" + std::to_string(i) + ".example.org");
    writer.record(Section::answer, owner, RecordType::txt, RecordClass::in, 0, filler);
    expected += owner.to_text() + "\n";
  }
  CHECK(writer.size() > 0x4000);
  std::string got;
  const auto bytes = writer.finish();
  REQUIRE(bytes);
  for (const RecordView& record : read(*bytes).records(Section::answer)) got += record.owner().to_text() + "\n";
  CHECK(got == expected);
}

TEST_CASE("writer: labels that only look alike are not confused") {
  Buffer buffer;
  MessageWriter writer(buffer, buffer.size());
  writer.header({});
  // Same size and first octets everywhere: the keys of the table collide, the octets don't.
  const char* names[] = {"abcx.org", "abcy.org", "abc\\003.org", "abcx.orh", "ab.cx.org", "ab\\.cx.org"};
  for (const char* one : names)
    writer.record(Section::answer, name(one), RecordType::a, RecordClass::in, 0, Octets{1, 2, 3, 4});
  const auto bytes = writer.finish();
  std::size_t i = 0;
  for (const RecordView& record : read(*bytes).records(Section::answer))
    CHECK(same_case(record.owner(), name(names[i++])));
}

TEST_CASE("writer: rdata that is broken for its type is written as it stands") {
  Buffer buffer;
  MessageWriter writer(buffer, buffer.size());
  writer.header({});
  const Octets broken = {5, 'x'};
  writer.record(Section::answer, name("a"), RecordType::ns, RecordClass::in, 0, broken);
  const auto bytes = *writer.finish();
  CHECK(std::ranges::equal(bytes.last(2), broken));
}

TEST_CASE("writer: OPT that does not fit is an error, not half an OPT") {
  Buffer buffer;
  MessageWriter writer(buffer, 30, 11);
  writer.header({});
  writer.question(name("a"), RecordType::a, RecordClass::in);  // 12 + 7 = 19; 11 are left
  const auto mark = writer.mark();
  const MessageWriter::EdnsOption options[] = {{3, {}}};
  writer.edns(1232, false, Rcode::noerror, options);
  CHECK(writer.full());
  CHECK(writer.size() == 19);
  writer.rollback(mark);
  writer.edns(1232, false, Rcode::noerror);
  CHECK(read(*writer.finish()).edns());
}

TEST_CASE("extended error: text is cut at a UTF-8 boundary") {
  const auto data = [](std::string text, std::size_t max) {
    Octets out(2 + max);
    out.resize(put_extended_error({EdeCode::blocked, std::move(text)}, out));
    return out;
  };
  CHECK(data("", 10) == Octets{0, 15});
  CHECK(data("abc", 3) == Octets{0, 15, 'a', 'b', 'c'});
  CHECK(data("abcd", 3) == Octets{0, 15, 'a', 'b', 'c'});
  CHECK(data("a\xc3\xa9", 2) == Octets{0, 15, 'a'});  // é needs two
  CHECK(data("a\xc3\xa9", 3) == Octets{0, 15, 'a', 0xc3, 0xa9});
  CHECK(data("\xf0\x9f\x98\x80z", 3) == Octets{0, 15});  // four octets in three
  CHECK(data("\xf0\x9f\x98\x80z", 4) == Octets{0, 15, 0xf0, 0x9f, 0x98, 0x80});
  CHECK(data("abc", 0) == Octets{0, 15});
}

TEST_CASE("writer: a name that stands beyond 16383 octets is never pointed to") {
  Buffer buffer;
  MessageWriter writer(buffer, buffer.size());
  writer.header({});
  writer.record(Section::answer, name("first"), static_cast<RecordType>(731), RecordClass::in, 0, Octets(0x4000));
  for (int i = 0; i < 2; ++i) {
    const std::size_t before = writer.size();
    writer.record(Section::answer, name("far.away"), RecordType::a, RecordClass::in, 0, Octets{1, 2, 3, 4});
    CHECK(writer.size() == before + 10 + 14);
  }
  const auto bytes = writer.finish();
  REQUIRE(bytes);
  std::vector<std::string> owners;
  for (const RecordView& record : read(*bytes).records(Section::answer)) owners.push_back(record.owner().to_text());
  CHECK(owners == std::vector<std::string>{"first.", "far.away.", "far.away."});
}
