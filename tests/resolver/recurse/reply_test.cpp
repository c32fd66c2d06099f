// Replies, honest and hostile, and what of them is believed.
#include <catch2/catch.hpp>

#include <string>

#include "resolver/recurse/reply.hpp"
#include "tests/names.hpp"
#include "zones/wire/ldns_adapter.hpp"
#include "zones/wire/writer.hpp"

namespace placard::recurse {
namespace {

using Texts = std::vector<std::string>;

using placard::tests::name;

struct Made {
  wire::Header header;
  wire::Question question;
  Texts answer, authority, additional;

  Made(std::string_view asked, wire::RecordType type = wire::RecordType::a) {
    header.qr = true;
    question.name = name(asked);
    question.type = type;
  }
  std::vector<std::uint8_t> bytes() const {
    std::vector<std::uint8_t> buffer(65535);
    wire::MessageWriter writer(buffer, buffer.size());
    writer.header(header);
    writer.question(question.name, question.type, question.record_class);
    put(writer, wire::Section::answer, answer);
    put(writer, wire::Section::authority, authority);
    put(writer, wire::Section::additional, additional);
    const auto written = writer.finish();
    REQUIRE(written);
    return {written->begin(), written->end()};
  }
  static void put(wire::MessageWriter& writer, wire::Section section, const Texts& lines) {
    for (const auto& line : lines) {
      const auto record = wire::record_from_text(line, wire::NameView{}, 300);
      REQUIRE(record);
      writer.record(section, record->owner, record->type, record->record_class, record->ttl, record->rdata);
    }
  }
};

Reply judged(const Made& made, std::string_view zone, const wire::Question* asked = nullptr, bool forwarder = false) {
  const auto bytes = made.bytes();
  const auto message = wire::parse_message(bytes);
  REQUIRE(message);
  const auto owner = name(zone);
  const Asked question{asked ? *asked : made.question, owner, forwarder};
  return judge(*message, question);
}

TEST_CASE("an answer is believed, and nothing beside it") {
  Made made("www.zone.example.");
  made.header.aa = true;
  made.answer = {"www.zone.example. A 192.0.2.1", "www.zone.example. A 192.0.2.2", "www.bank.example. A 203.0.113.66",
                 "other.zone.example. A 192.0.2.9"};
  made.authority = {"bank.example. NS ns.zone.example.", "zone.example. NS ns.zone.example."};
  made.additional = {"www.bank.example. A 203.0.113.66"};
  const auto reply = judged(made, "zone.example.");
  CHECK(reply.kind == ReplyKind::answer);
  CHECK(reply.authoritative);
  REQUIRE(reply.answer.size() == 1);
  CHECK(reply.answer[0].rdatas.size() == 2);
  CHECK(reply.glue.empty());
}

TEST_CASE("an answer from outside of the zone is not believed") {
  Made made("www.bank.example.");
  made.header.aa = true;
  made.answer = {"www.bank.example. A 203.0.113.66"};
  CHECK_FALSE(judged(made, "zone.example.").kind == ReplyKind::answer);
}

TEST_CASE("a chain is followed inside of the zone only") {
  Made made("www.zone.example.");
  made.answer = {"b.zone.example. CNAME www.bank.example.", "www.bank.example. A 203.0.113.66",
                 "www.zone.example. CNAME b.zone.example."};
  const auto reply = judged(made, "zone.example.");
  CHECK(reply.kind == ReplyKind::chain);
  CHECK(reply.answer.size() == 2);
  CHECK(reply.next == name("www.bank.example."));
}

TEST_CASE("NXDOMAIN behind an alias that leaves the zone does not count for its target") {
  Made made("www.zone.example.");
  made.header.rcode = 3;
  made.answer = {"www.zone.example. CNAME www.bank.example."};
  made.authority = {"bank.example. SOA a. b. 1 2 3 4 5"};
  CHECK(judged(made, "zone.example.").kind == ReplyKind::chain);
}

TEST_CASE("an alias of itself ends") {
  Made made("www.zone.example.");
  made.answer = {"www.zone.example. CNAME www.zone.example."};
  CHECK(judged(made, "zone.example.").kind == ReplyKind::chain);
}

TEST_CASE("two CNAMEs at one name: the first") {
  Made made("www.zone.example.");
  made.answer = {"www.zone.example. CNAME a.zone.example.", "www.zone.example. CNAME b.zone.example."};
  const auto reply = judged(made, "zone.example.");
  REQUIRE(reply.answer.size() == 1);
  CHECK(reply.answer[0].rdatas.size() == 1);
  CHECK(reply.next == name("a.zone.example."));
}

TEST_CASE("a referral downwards, with glue of the zone and not of strangers") {
  Made made("www.sub.zone.example.");
  made.authority = {"sub.zone.example. NS ns1.sub.zone.example.", "sub.zone.example. NS ns.sister.zone.example.",
                    "sub.zone.example. NS ns.bank.example."};
  made.additional = {"ns1.sub.zone.example. A 192.0.2.1", "ns1.sub.zone.example. AAAA 2001:db8::1",
                     "ns.sister.zone.example. A 192.0.2.2", "ns.bank.example. A 203.0.113.66",
                     "unrelated.zone.example. A 203.0.113.66"};
  const auto reply = judged(made, "zone.example.");
  CHECK(reply.kind == ReplyKind::referral);
  CHECK(reply.ns.owner == name("sub.zone.example."));
  REQUIRE(reply.glue.size() == 3);
  for (const auto& glue : reply.glue) CHECK(glue.address.to_text() != "203.0.113.66");
}

TEST_CASE("many name servers and many addresses are cut to the bounds") {
  Made made("www.sub.zone.example.");
  for (int i = 0; i < 200; ++i)
    made.authority.push_back("sub.zone.example. NS ns" + std::to_string(i) + ".sub.zone.example.");
  for (int i = 0; i < 200; ++i) made.additional.push_back("ns0.sub.zone.example. A 192.0.2." + std::to_string(i));
  const auto reply = judged(made, "zone.example.");
  CHECK(reply.kind == ReplyKind::referral);
  CHECK(reply.ns.rdatas.size() == kMaxDelegationServers);
  CHECK(reply.glue.size() == kMaxGluePerServer);
}

TEST_CASE("referrals upwards, sideways and to the zone itself are lame") {
  Made made("www.zone.example.");
  for (const char* owner : {".", "example.", "zone.example.", "bank.example.", "other.zone.example."}) {
    made.authority = {std::string(owner) + " NS ns.evil.example."};
    made.additional = {"ns.evil.example. A 203.0.113.66"};
    INFO(owner);
    CHECK(judged(made, "zone.example.").kind == ReplyKind::lame);
  }
}

TEST_CASE("NODATA and NXDOMAIN need an SOA that speaks for the name") {
  Made made("www.zone.example.");
  made.authority = {"zone.example. SOA a. b. 1 2 3 4 5"};
  CHECK(judged(made, "zone.example.").kind == ReplyKind::nodata);
  made.header.rcode = 3;
  CHECK(judged(made, "zone.example.").soa);
  made.authority = {"bank.example. SOA a. b. 1 2 3 4 5"};
  CHECK_FALSE(judged(made, "zone.example.").soa);
  made.header.rcode = 0;
  CHECK(judged(made, "zone.example.").kind == ReplyKind::lame);
}

TEST_CASE("NOERROR with neither SOA nor NS is NODATA if nobody knows better, with AA or without") {
  Made made("www.zone.example.");
  CHECK(judged(made, "zone.example.").kind == ReplyKind::empty);
  made.header.aa = true;
  CHECK(judged(made, "zone.example.").kind == ReplyKind::empty);
  made.authority = {"www.zone.example. NSEC x.zone.example. MX"};  // there is a proof: no need to ask others
  for (const bool forwarder : {false, true}) {
    const Reply reply = judged(made, "zone.example.", nullptr, forwarder);
    CHECK(reply.kind == ReplyKind::nodata);
    CHECK(reply.proof.size() == 1);
  }
}

TEST_CASE("the codes") {
  const std::pair<int, ReplyKind> codes[] = {{1, ReplyKind::no_edns}, {2, ReplyKind::server_failure},
                                             {4, ReplyKind::no_edns}, {5, ReplyKind::refused},
                                             {9, ReplyKind::refused}, {11, ReplyKind::malformed}};
  for (const auto& [code, kind] : codes) {
    Made made("www.zone.example.");
    made.header.rcode = static_cast<std::uint8_t>(code);
    CHECK(judged(made, "zone.example.").kind == kind);
  }
}

TEST_CASE("another question, or no reply at all, is malformed") {
  Made made("www.zone.example.");
  wire::Question other = made.question;
  other.name = name("other.zone.example.");
  CHECK(judged(made, "zone.example.", &other).kind == ReplyKind::malformed);
  other = made.question;
  other.type = wire::RecordType::mx;
  CHECK(judged(made, "zone.example.", &other).kind == ReplyKind::malformed);
  made.header.qr = false;
  CHECK(judged(made, "zone.example.").kind == ReplyKind::malformed);
}

TEST_CASE("TC wins over what came with it") {
  Made made("www.zone.example.");
  made.header.tc = true;
  made.answer = {"www.zone.example. A 192.0.2.1"};
  CHECK(judged(made, "zone.example.").kind == ReplyKind::truncated);
}

TEST_CASE("a forwarder may say anything below the root, but may not refer") {
  Made made("www.zone.example.");
  made.answer = {"www.zone.example. CNAME host.other.", "host.other. A 192.0.2.1"};
  CHECK(judged(made, ".", nullptr, true).kind == ReplyKind::answer);
  made.answer = {};
  made.authority = {"example. NS ns.example."};
  CHECK(judged(made, ".", nullptr, true).kind == ReplyKind::lame);
}

TEST_CASE("a forwarder of one zone has no say outside of it, but passes denials on from above") {
  Made made("www.zone.example.");
  made.answer = {"www.zone.example. CNAME host.other.", "host.other. A 192.0.2.1"};
  const auto reply = judged(made, "zone.example.", nullptr, true);
  CHECK(reply.kind == ReplyKind::chain);
  CHECK(reply.answer.size() == 1);
  CHECK(reply.next == name("host.other."));
  made.answer = {};
  made.authority = {"example. SOA a. b. 1 2 3 4 5"};
  CHECK(judged(made, "zone.example.", nullptr, true).kind == ReplyKind::nodata);
  made.authority = {"other. SOA a. b. 1 2 3 4 5"};
  CHECK_FALSE(judged(made, "zone.example.", nullptr, true).soa);
}

TEST_CASE("a chain ends at its bound, in a circle, and where others are asked, and never as a denial") {
  Made made("n0.zone.example.");
  made.authority = {"zone.example. SOA a. b. 1 2 3 4 5"};
  for (int i = 0; i < 13; ++i)
    made.answer.push_back("n" + std::to_string(i) + ".zone.example. CNAME n" + std::to_string(i + 1) +
                          ".zone.example.");
  const auto bound = judged(made, "zone.example.");
  CHECK(bound.kind == ReplyKind::chain);
  CHECK(bound.answer.size() == 12);
  CHECK(bound.next == name("n12.zone.example."));

  made.answer.resize(12);
  CHECK(judged(made, "zone.example.").kind == ReplyKind::nodata);
  made.answer.back() = "n11.zone.example. CNAME n4.zone.example.";
  CHECK(judged(made, "zone.example.").kind == ReplyKind::chain);

  made.answer = {"n0.zone.example. CNAME in.zone.example.", "in.zone.example. A 203.0.113.66"};
  const auto bytes = made.bytes();
  const auto message = wire::parse_message(bytes);
  const auto zone = name("zone.example.");
  const Asked asked{made.question, zone, false, 12,
                    [](wire::NameView next) { return next == name("in.zone.example."); }};
  const auto beyond = judge(*message, asked);
  CHECK(beyond.kind == ReplyKind::chain);
  CHECK(beyond.answer.size() == 1);
}

TEST_CASE("an RRSIG that grows beyond 65,535 octets when its signer's name is expanded is left out") {
  wire::Question question;
  question.type = wire::RecordType::rrsig;
  // The question's name, in wire form: a label of 63 octets to which the signer's name points again and again.
  std::vector<std::uint8_t> label(64, 1);
  label[0] = 63;
  const auto put = [&](std::size_t at, std::uint8_t octet) { label[at - 12] = octet; };
  const std::pair<std::size_t, std::uint8_t> jumps[] = {{44, 28},   {73, 0xc0}, {74, 20}, {20, 50},
                                                        {71, 0xc0}, {72, 14},   {14, 54}, {69, 0}};
  for (const auto& [at, octet] : jumps) put(at, octet);
  std::vector<std::uint8_t> qname = label;
  for (const char octet : {'\3', 'f', 'w', 'd', '\0'}) qname.push_back(static_cast<std::uint8_t>(octet));
  question.name = wire::Name(wire::NameView::from_valid(qname));

  std::vector<std::uint8_t> bytes = {0, 1, 0x85, 0x80, 0, 1, 0, 1, 0, 0, 0, 0};
  bytes.insert(bytes.end(), qname.begin(), qname.end());
  for (const int octet : {0, 46, 0, 1}) bytes.push_back(static_cast<std::uint8_t>(octet));
  const std::size_t size = 65535 - bytes.size() - 12;
  for (const int octet :
       {0xc0, 12, 0, 46, 0, 1, 0, 0, 0, 60, static_cast<int>(size >> 8U), static_cast<int>(size & 255U)})
    bytes.push_back(static_cast<std::uint8_t>(octet));
  for (const int octet : {0, 1, 8, 2, 0, 0, 0, 60, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7, 0xc0, 44})
    bytes.push_back(static_cast<std::uint8_t>(octet));
  bytes.resize(65535, 's');

  const auto message = wire::parse_message(bytes);
  REQUIRE(message);
  std::vector<std::uint8_t> expanded;
  (*message->records(wire::Section::answer).begin()).expand_rdata(expanded);
  REQUIRE(expanded.size() > wire::RdataList::kMaxSize);
  CHECK(judge(*message, {question, wire::NameView{}}).answer.empty());
  wire::RdataList list;
  CHECK_FALSE(list.add(expanded));
  CHECK(list.empty());
}

TEST_CASE("a reply with more records than any honest one is refused before they are gathered") {
  Made made("www.zone.example.", wire::RecordType::txt);
  for (std::size_t i = 0; i < kMaxSectionRecords; ++i)
    made.answer.push_back("www.zone.example. TXT " + std::to_string(i));
  CHECK(judged(made, "zone.example.").answer.at(0).rdatas.size() == kMaxSectionRecords);
  made.answer.push_back("www.zone.example. TXT more");
  CHECK(judged(made, "zone.example.").kind == ReplyKind::malformed);
  made.authority = std::move(made.answer);
  made.answer = {};
  CHECK(judged(made, "zone.example.").kind == ReplyKind::malformed);
}

TEST_CASE("signatures and glue are looked for in so many records of other sections, and no more") {
  const std::string signature =
      "www.zone.example. RRSIG A 13 3 300 20300101000000 20200101000000 1 zone.example. " + std::string(88, 'A');
  Made made("www.zone.example.");
  made.answer = {"www.zone.example. A 192.0.2.1"};
  for (std::size_t i = 0; i + 1 < kMaxSectionRecords; ++i)
    made.additional.push_back("x.zone.example. TXT " + std::to_string(i));
  made.additional.push_back(signature);
  CHECK(judged(made, "zone.example.").answer.at(0).signatures.size() == 1);
  made.additional.insert(made.additional.begin(), "x.zone.example. TXT more");
  CHECK(judged(made, "zone.example.").answer.at(0).signatures.empty());

  Made referral("www.sub.zone.example.");
  referral.authority = {"sub.zone.example. NS ns.sub.zone.example."};
  referral.additional = std::move(made.additional);
  referral.additional.back() = "ns.sub.zone.example. A 192.0.2.1";
  CHECK(judged(referral, "zone.example.").glue.empty());
  referral.additional.erase(referral.additional.begin());
  CHECK(judged(referral, "zone.example.").glue.size() == 1);
}

TEST_CASE("a question for NS: the whole set, and addresses of no more servers than a delegation has") {
  Made made("zone.example.", wire::RecordType::ns);
  for (int i = 0; i < 100; ++i) {
    made.answer.push_back("zone.example. NS ns" + std::to_string(i) + ".zone.example.");
    made.additional.push_back("ns" + std::to_string(i) + ".zone.example. A 192.0.2.1");
  }
  const auto reply = judged(made, "zone.example.");
  CHECK(reply.answer.at(0).rdatas.size() == 100);
  CHECK(reply.ns.rdatas.size() == kMaxDelegationServers);
  CHECK(reply.glue.size() == kMaxDelegationServers);
}

TEST_CASE("DS at the cut: the parent's referral says that there is none") {
  Made made("sub.zone.example.", wire::RecordType::ds);
  made.authority = {"sub.zone.example. NS ns.sub.zone.example."};
  CHECK(judged(made, "zone.example.").kind == ReplyKind::nodata);
}

}  // namespace
}  // namespace placard::recurse
