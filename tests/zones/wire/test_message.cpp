// Reading messages: honest ones give what they hold, hostile ones are refused as what they are.
#include <catch2/catch.hpp>

#include <algorithm>
#include <string>

#include "zones/wire/message.hpp"
#include "zones/wire/octets.hpp"
#include "zones/wire/record_set.hpp"

using namespace placard::wire;

namespace {

using Octets = std::vector<std::uint8_t>;

/// A message put together by hand.
struct Packet {
  Octets octets = Octets(12);

  Packet& counts(int questions, int answers, int authority, int additional) {
    const int values[] = {questions, answers, authority, additional};
    for (std::size_t i = 0; i < 4; ++i) store16(octets.data() + 4 + 2 * i, static_cast<std::uint16_t>(values[i]));
    return *this;
  }
  Packet& raw(std::initializer_list<int> values) {
    for (const int value : values) octets.push_back(static_cast<std::uint8_t>(value));
    return *this;
  }
  Packet& name(std::string_view text) {
    const Name parsed = *Name::from_text(text);
    octets.insert(octets.end(), parsed.view().bytes().begin(), parsed.view().bytes().end());
    return *this;
  }
  Packet& question(std::string_view text, int type = 1) { return name(text).raw({0, type, 0, 1}); }
  /// Type, class IN, TTL 60, size and rdata, behind an owner.
  Packet& record(int type, std::initializer_list<int> rdata, int size = -1, int record_class = 1) {
    const int rdlength = size < 0 ? static_cast<int>(rdata.size()) : size;
    raw({type >> 8, type & 255, 0, record_class, 0, 0, 0, 60, rdlength >> 8, rdlength & 255});
    return raw(rdata);
  }
  Packet& opt(std::initializer_list<int> options, int size = -1) {
    const int rdlength = size < 0 ? static_cast<int>(options.size()) : size;
    raw({0, 0, 41, 0x04, 0xd0, 1, 0, 0x80, 0, rdlength >> 8, rdlength & 255});
    return raw(options);
  }
};

MessageError refusal(const Packet& packet) {
  const auto parsed = parse_message(packet.octets);
  REQUIRE_FALSE(parsed);
  return parsed.error();
}

MessageView accepted(const Packet& packet) {
  const auto parsed = parse_message(packet.octets);
  INFO((parsed ? "" : to_text(parsed.error())));
  REQUIRE(parsed);
  return *parsed;
}

bool same(Bytes bytes, std::initializer_list<int> values) {
  return std::ranges::equal(bytes, values);
}

}  // namespace

TEST_CASE("message: header bits") {
  Packet packet;
  std::copy_n(Octets{0x12, 0x34, 0x84 | 0x03 | 0x28, 0xb3}.begin(), 4, packet.octets.begin());
  const Header header = accepted(packet).header();
  CHECK(header.id == 0x1234);
  CHECK((header.qr && header.aa && header.tc && header.rd && header.ra && header.ad && header.cd));
  CHECK(header.opcode == Opcode::update);
  CHECK(header.rcode == 3);
  packet.octets[2] = packet.octets[3] = 0;
  const Header clear = accepted(packet).header();
  CHECK_FALSE((clear.qr || clear.aa || clear.tc || clear.rd || clear.ra || clear.ad || clear.cd));
  CHECK(parse_message(Octets(11)).error() == MessageError::short_header);
  CHECK_FALSE(parse_header(Octets(11)));
  CHECK(parse_header(packet.octets)->id == 0x1234);
}

TEST_CASE("message: questions, none, one and several") {
  const auto none = Packet();
  CHECK(accepted(none).count(Section::question) == 0);
  CHECK(accepted(none).question_end() == 12);
  const auto packet = Packet().counts(2, 0, 0, 0).question("WWW.example.org", 28).raw({0xc0, 16, 0, 1, 0, 1});
  const MessageView view = accepted(packet);
  CHECK(view.count(Section::question) == 2);
  CHECK(view.question_name().to_text() == "WWW.example.org.");
  CHECK(view.question_type() == RecordType::aaaa);
  CHECK(view.question_class() == RecordClass::in);
  CHECK(view.question() == Question{*Name::from_text("www.example.org"), RecordType::aaaa, RecordClass::in});
  CHECK(view.question_end() == packet.octets.size());
  CHECK(refusal(Packet().counts(1, 0, 0, 0)) == MessageError::bad_question);
  CHECK(refusal(Packet().counts(1, 0, 0, 0).name("a").raw({0, 1, 0})) == MessageError::bad_question);
  CHECK(refusal(Packet().counts(1, 0, 0, 0).raw({0xc0, 12, 0, 1, 0, 1})) == MessageError::bad_question);
  CHECK(refusal(Packet().counts(1, 0, 0, 0).raw({0xc0, 0, 0, 1, 0, 1})) == MessageError::bad_question);
  CHECK(refusal(Packet().counts(65535, 0, 0, 0).question("a")) == MessageError::bad_question);
}

TEST_CASE("message: records of each section, names expanded") {
  // 12 example.org (13 octets), question ends at 29
  const auto packet = Packet()
                          .counts(1, 1, 1, 2)
                          .question("example.org", 15)
                          .raw({0xc0, 12})
                          .record(15, {0, 10, 4, 'm', 'A', 'i', 'l', 0xc0, 12})
                          .raw({0xc0, 12})
                          .record(2, {2, 'n', 's', 0xc0, 12})
                          .raw({4, 'm', 'a', 'i', 'l', 0xc0, 12})
                          .record(1, {192, 0, 2, 1})
                          .opt({0, 15, 0, 4, 0, 16, 'i', 'd', 0, 15, 0, 2, 0, 4, 0, 10, 0, 1, 'c'});
  const MessageView view = accepted(packet);
  const auto answer = view.records(Section::answer);
  const RecordView& mx = *answer.begin();
  CHECK(mx.owner().to_text() == "example.org.");
  CHECK(mx.type() == RecordType::mx);
  CHECK(mx.ttl() == 60);
  CHECK(mx.rdata().size() == 9);
  Octets rdata{1};
  mx.expand_rdata(rdata);
  CHECK(same(rdata, {1, 0, 10, 4, 'm', 'A', 'i', 'l', 7, 'e', 'x', 'a', 'm', 'p', 'l', 'e', 3, 'o', 'r', 'g', 0}));
  int seen = 0;
  for (const RecordView& record : view.records(Section::additional)) {
    if (++seen == 1) {
      CHECK(record.owner().to_text() == "mail.example.org.");
      CHECK(same(record.rdata(), {192, 0, 2, 1}));
    } else {
      CHECK(record.type() == RecordType::opt);
    }
  }
  CHECK(seen == 2);
  CHECK(std::ranges::distance(view.records(Section::authority)) == 1);

  REQUIRE(view.edns());
  CHECK(view.edns()->udp_size == 1232);
  CHECK(view.edns()->dnssec_ok);
  CHECK(view.edns()->version == 0);
  CHECK(static_cast<int>(view.rcode()) == 16);
  CHECK(same(*view.edns()->option(10), {'c'}));
  CHECK_FALSE(view.edns()->option(3));
  const auto errors = view.edns()->extended_errors();
  REQUIRE(errors.size() == 2);
  CHECK(errors[0].code == EdeCode::censored);
  CHECK(errors[0].extra_text == "id");
  CHECK(errors[1].code == EdeCode::forged_answer);
  CHECK(errors[1].extra_text.empty());
}

TEST_CASE("message: counts and lengths that lie") {
  const auto a = [](int answers) {
    return Packet().counts(1, answers, 0, 0).question("a").raw({0xc0, 12}).record(1, {1, 2, 3, 4});
  };
  accepted(a(1));
  CHECK(refusal(a(0)) == MessageError::trailing_bytes);
  CHECK(refusal(a(2)) == MessageError::bad_record);
  CHECK(refusal(a(65535)) == MessageError::bad_record);
  CHECK(refusal(a(1).raw({0})) == MessageError::trailing_bytes);
  const auto size = [](int rdlength) { return Packet().counts(0, 1, 0, 0).raw({0}).record(16, {1, 'x'}, rdlength); };
  accepted(size(2));
  CHECK(refusal(size(3)) == MessageError::bad_record);
  CHECK(refusal(size(65535)) == MessageError::bad_record);
  CHECK(refusal(size(1)) == MessageError::trailing_bytes);
  auto huge = Packet();
  huge.octets.resize(65536);
  CHECK(refusal(huge) == MessageError::trailing_bytes);
  huge.octets.resize(65536);
  CHECK_FALSE(parse_reply(huge.octets));
}

TEST_CASE("message: what stands behind the last record of a reply is no part of it") {
  const auto packet = Packet().counts(1, 1, 0, 0).question("a").raw({0xc0, 12}).record(1, {1, 2, 3, 4});
  auto longer = packet;
  longer.raw({0xc0, 12}).record(1, {5, 6, 7, 8});
  const auto reply = parse_reply(longer.octets);
  REQUIRE(reply);
  CHECK(std::ranges::equal(reply->bytes(), packet.octets));
  int records = 0;
  for (const RecordView& record : reply->records(Section::answer)) records += record.type() == RecordType::a ? 1 : 100;
  CHECK(records == 1);
}

TEST_CASE("message: every cut of a good message is refused, and none reads outside") {
  const auto packet = Packet()
                          .counts(1, 2, 1, 1)
                          .question("www.example.org", 5)
                          .raw({0xc0, 12})
                          .record(5, {3, 'f', 't', 'p', 0xc0, 16})
                          .raw({0xc0, 16})
                          .record(46, {0, 1, 8, 2, 0, 0, 0, 60, 1, 2, 3, 4, 1, 2, 3, 4, 0, 1, 0xc0, 16, 9, 9, 9})
                          .raw({0xc0, 16})
                          .record(6, {0xc0, 16, 0xc0, 16, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4, 0, 0, 0, 5})
                          .opt({0, 3, 0, 0});
  accepted(packet);
  for (std::size_t size = 0; size < packet.octets.size(); ++size) {
    const Octets cut(packet.octets.begin(), packet.octets.begin() + static_cast<std::ptrdiff_t>(size));
    INFO(size);
    CHECK_FALSE(parse_message(cut));
  }
}

TEST_CASE("message: names inside rdata are checked for each type that has them") {
  struct Case {
    int type;
    std::vector<int> before;
    int names;
    std::vector<int> after;
  };
  const std::vector<Case> cases = {
      {2, {}, 1, {}},
      {3, {}, 1, {}},
      {4, {}, 1, {}},
      {5, {}, 1, {}},
      {7, {}, 1, {}},
      {8, {}, 1, {}},
      {9, {}, 1, {}},
      {12, {}, 1, {}},
      {39, {}, 1, {}},
      {14, {}, 2, {}},
      {17, {}, 2, {}},
      {15, {0, 1}, 1, {}},
      {18, {0, 1}, 1, {}},
      {21, {0, 1}, 1, {}},
      {36, {0, 1}, 1, {}},
      {26, {0, 1}, 2, {}},
      {33, {0, 1, 0, 2, 0, 3}, 1, {}},
      {35, {0, 1, 0, 2, 1, 'u', 0, 2, 'x', 'y'}, 1, {}},
      {6, {}, 2, {0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4, 0, 0, 0, 5}},
      {46, {0, 1, 8, 2, 0, 0, 0, 60, 1, 2, 3, 4, 1, 2, 3, 4, 0, 1}, 1, {7, 7}},
      {24, {0, 1, 8, 2, 0, 0, 0, 60, 1, 2, 3, 4, 1, 2, 3, 4, 0, 1}, 1, {7, 7}},
      {47, {}, 1, {0, 1, 0x40}},
      {30, {}, 1, {0x40}},
  };
  const auto build = [](const Case& c, std::initializer_list<int> last_name, std::size_t cut) {
    Octets rdata(c.before.begin(), c.before.end());
    for (int i = 0; i < c.names; ++i) {
      const std::initializer_list<int> good = {1, 'n', 0xc0, 12};
      for (const int octet : i + 1 == c.names ? last_name : good) rdata.push_back(static_cast<std::uint8_t>(octet));
    }
    rdata.insert(rdata.end(), c.after.begin(), c.after.end());
    rdata.resize(rdata.size() - cut);
    auto packet = Packet().counts(1, 1, 0, 0).question("a").raw({0xc0, 12});
    packet.record(c.type, {}, static_cast<int>(rdata.size()));
    packet.octets.insert(packet.octets.end(), rdata.begin(), rdata.end());
    return packet;
  };
  for (const Case& c : cases) {
    INFO("type " << c.type);
    const auto good = build(c, {1, 'n', 0xc0, 12}, 0);
    const MessageView view = accepted(good);
    Octets rdata;
    view.records(Section::answer).begin()->expand_rdata(rdata);
    // each "n" + pointer to "a." of four octets becomes "n.a." of five
    CHECK(rdata.size() == c.before.size() + 5U * static_cast<std::size_t>(c.names) + c.after.size());
    CHECK(refusal(build(c, {1, 'n', 0xc0, 255}, 0)) == MessageError::bad_record);    // forward
    CHECK(refusal(build(c, {0x41, 'n', 0xc0, 12}, 0)) == MessageError::bad_record);  // label type
    CHECK(refusal(build(c, {63, 'n'}, 0)) == MessageError::bad_record);              // runs over the rdata
    CHECK(refusal(build(c, {1, 'n', 0xc0, 12}, c.after.size() + 1)) == MessageError::bad_record);
    CHECK(refusal(build(c, {}, c.after.size())) == MessageError::bad_record);
    if (c.type != 46 && c.type != 24 && c.type != 47 && c.type != 30) {  // those end in a tail of any size
      CHECK(refusal(build(c, {1, 'n', 0xc0, 12, 0}, 0)) == MessageError::bad_record);  // octets left over
    }
  }
}

TEST_CASE("message: a name in rdata must not end behind the rdata, though the message goes on") {
  const auto packet =
      Packet().counts(1, 2, 0, 0).question("a").raw({0xc0, 12}).record(2, {2, 'n'}).raw({'s', 0}).record(2, {0});
  CHECK(refusal(packet) == MessageError::bad_record);
}

TEST_CASE("message: addresses have their sizes") {
  for (const int type : {1, 28}) {
    CHECK(refusal(Packet().counts(0, 1, 0, 0).raw({0}).record(type, {1, 2, 3})) == MessageError::bad_record);
    CHECK(refusal(Packet().counts(0, 1, 0, 0).raw({0}).record(type, {})) == MessageError::bad_record);
    CHECK(refusal(Packet().counts(0, 1, 0, 0).raw({0}).record(type, {1, 2, 3, 4, 5})) == MessageError::bad_record);
    // RFC 2136: a prerequisite or deletion in an update
    accepted(Packet().counts(0, 1, 0, 0).raw({0}).record(type, {}, 0, 255));
    accepted(Packet().counts(0, 1, 0, 0).raw({0}).record(type, {}, 0, 254));
  }
  accepted(Packet().counts(0, 1, 0, 0).raw({0}).record(15, {}, 0, 255));
  CHECK(refusal(Packet().counts(0, 1, 0, 0).raw({0}).record(15, {}, 0, 1)) == MessageError::bad_record);
}

TEST_CASE("message: unknown types are opaque (RFC 3597)") {
  const auto packet = Packet().counts(1, 1, 0, 0).question("a").raw({0xc0, 12}).record(731, {0xc0, 0xff, 3, 'x'});
  Octets rdata;
  accepted(packet).records(Section::answer).begin()->expand_rdata(rdata);
  CHECK(same(rdata, {0xc0, 0xff, 3, 'x'}));
}

TEST_CASE("message: OPT stands once, at the root, in the additional section") {
  CHECK(refusal(Packet().counts(0, 0, 0, 2).opt({}).opt({})) == MessageError::two_opts);
  CHECK(refusal(Packet().counts(0, 1, 0, 0).opt({})) == MessageError::two_opts);
  CHECK(refusal(Packet().counts(0, 0, 1, 0).opt({})) == MessageError::two_opts);
  CHECK(refusal(Packet().counts(0, 0, 0, 1).name("a").record(41, {})) == MessageError::bad_opt);
  CHECK(refusal(Packet().counts(0, 0, 0, 1).opt({0, 3, 0, 1})) == MessageError::bad_opt);
  CHECK(refusal(Packet().counts(0, 0, 0, 1).opt({0, 3, 0})) == MessageError::bad_opt);
  CHECK(refusal(Packet().counts(0, 0, 0, 1).opt({0, 3, 0, 0}, 5)) == MessageError::bad_record);
  auto small = Packet().counts(0, 0, 0, 1).opt({});
  small.octets[15] = small.octets[16] = 0;
  CHECK(accepted(small).edns()->udp_size == 512);
  CHECK_FALSE(accepted(Packet()).edns());
  // What another version has in it is not ours to judge: it is answered BADVERS, not FORMERR (RFC 6891 6.1.3).
  auto later = Packet().counts(0, 0, 0, 1).opt({0, 3, 0});
  later.octets[18] = 1;
  CHECK(accepted(later).edns()->version == 1);
  CHECK(accepted(later).edns()->options.empty());
}

TEST_CASE("message: at most eight extended errors, short ones passed over") {
  auto packet = Packet().counts(0, 0, 0, 1);
  packet.opt({}, 6 * 20 + 5);
  packet.raw({0, 15, 0, 1, 0});
  for (int i = 0; i < 20; ++i) packet.raw({0, 15, 0, 2, 0, i});
  const auto errors = accepted(packet).edns()->extended_errors();
  REQUIRE(errors.size() == 8);
  CHECK(errors[7].code == static_cast<EdeCode>(7));
}

TEST_CASE("message: TTLs above 2^31-1 read as 0 (RFC 2181 8)") {
  auto packet = Packet().counts(0, 1, 0, 0).raw({0}).record(1, {1, 2, 3, 4});
  const std::size_t ttl = 12 + 1 + 4;
  store32(packet.octets.data() + ttl, 0x7fffffff);
  CHECK(accepted(packet).records(Section::answer).begin()->ttl() == 0x7fffffff);
  store32(packet.octets.data() + ttl, 0x80000000);
  CHECK(accepted(packet).records(Section::answer).begin()->ttl() == 0);
}

TEST_CASE("record sets: gathered by owner, type and class; signatures with what they cover") {
  const auto signature = [](int covered) {
    return std::vector<int>{0, covered, 8, 1, 0, 0, 0, 60, 1, 2, 3, 4, 1, 2, 3, 4, 0, 1, 0, 9};
  };
  auto packet = Packet().counts(1, 7, 0, 1).question("a");
  const auto add_signature = [&](int covered) {
    const auto rdata = signature(covered);
    packet.raw({0xc0, 12}).record(46, {}, static_cast<int>(rdata.size()));
    packet.octets.insert(packet.octets.end(), rdata.begin(), rdata.end());
  };
  add_signature(1);  // before its set
  packet.raw({0xc0, 12}).record(1, {1, 1, 1, 1});
  packet.raw({1, 'A', 0}).record(1, {2, 2, 2, 2});
  packet.raw({0xc0, 12}).record(1, {1, 1, 1, 1});  // a duplicate
  packet.raw({1, 'b', 0}).record(1, {1, 1, 1, 1});
  packet.octets[packet.octets.size() - 7] = 30;  // the TTL of b's
  packet.raw({0xc0, 12}).record(15, {0, 1, 0xc0, 12});
  add_signature(16);  // of nothing here
  packet.opt({});
  const auto sets = record_sets(accepted(packet), Section::answer);
  REQUIRE(sets.size() == 4);
  CHECK(sets[0].owner.to_text() == "a.");
  CHECK(sets[0].type == RecordType::a);
  CHECK(sets[0].rdatas.size() == 2);
  CHECK(sets[0].signatures.size() == 1);
  CHECK(sets[0].ttl == 60);
  CHECK(sets[1].owner.to_text() == "b.");
  CHECK(sets[1].ttl == 30);
  CHECK(sets[1].signatures.empty());
  CHECK(sets[2].type == RecordType::mx);
  CHECK(same(*sets[2].rdatas.begin(), {0, 1, 1, 'a', 0}));
  CHECK(sets[3].type == RecordType::rrsig);
  CHECK(covered_type(*sets[3].rdatas.begin()) == RecordType::txt);
  CHECK(record_sets(accepted(packet), Section::additional).empty());
}

TEST_CASE("record sets: the lowest TTL counts") {
  auto packet = Packet().counts(0, 2, 0, 0).raw({0}).record(1, {1, 1, 1, 1}).raw({0}).record(1, {2, 2, 2, 2});
  packet.octets[packet.octets.size() - 7] = 5;
  CHECK(record_sets(accepted(packet), Section::answer)[0].ttl == 5);
}

TEST_CASE("record sets: a record whose names grow it past 65535 octets is left out") {
  // The signer is a pointer to a long name; the signature fills the rest.
  Packet packet;
  packet.counts(1, 1, 0, 0);
  packet.question(std::string(63, 'x') + "." + std::string(63, 'y') + "." + std::string(63, 'z'));
  const std::size_t size = kMaxMessageSize - packet.octets.size() - 12;
  packet.raw({0xc0, 12}).record(46, {}, static_cast<int>(size));
  packet.octets.resize(kMaxMessageSize);
  const std::size_t rdata = kMaxMessageSize - size;
  packet.octets[rdata + 18] = 0xc0;
  packet.octets[rdata + 19] = 12;
  CHECK(record_sets(accepted(packet), Section::answer).size() <= 1);
  for (const RecordSet& set : record_sets(accepted(packet), Section::answer)) {
    CHECK((*set.rdatas.begin()).size() <= 65535);
  }
}

TEST_CASE("rdata: the few fields that are looked into") {
  const Octets mx = {0, 10, 1, 'm', 0};
  CHECK(rdata_name(RecordType::mx, mx)->to_text() == "m.");
  CHECK_FALSE(rdata_name(RecordType::mx, Octets{0}));
  CHECK_FALSE(rdata_name(RecordType::mx, Octets{0, 10, 1, 'm'}));
  CHECK_FALSE(rdata_name(RecordType::mx, Octets{0, 10, 1, 'm', 0, 0}));
  CHECK_FALSE(rdata_name(RecordType::ns, Octets{0xc0, 0}));
  CHECK_FALSE(rdata_name(RecordType::txt, Octets{1, 'm', 0}));
  const Soa soa{*Name::from_text("ns.example"), *Name::from_text("host.example"), 1, 2, 3, 4, 0xfffffffe};
  auto rdata = make_soa_rdata(soa);
  const auto back = parse_soa(rdata);
  REQUIRE(back);
  CHECK(back->mname == soa.mname);
  CHECK(back->rname == soa.rname);
  CHECK(back->serial == 1);
  CHECK(back->expire == 4);
  CHECK(back->minimum == 0xfffffffe);
  CHECK(rdata_name(RecordType::soa, rdata) == soa.mname);
  rdata.pop_back();
  CHECK_FALSE(parse_soa(rdata));
  CHECK_FALSE(parse_soa({}));
  CHECK_FALSE(covered_type(Octets(18)));
}
