// The quick reader of questions and the suffixes that come with it.
#include <catch2/catch.hpp>

#include <random>
#include <set>

#include "tests/names.hpp"
#include "zones/wire/quick_question.hpp"
#include "zones/wire/writer.hpp"

namespace placard::wire {
namespace {

using placard::tests::name;

std::vector<std::uint8_t> packet(std::string_view owner, bool edns = true, std::size_t cookie = 0) {
  std::vector<std::uint8_t> bytes(512);
  MessageWriter writer(bytes, bytes.size());
  Header header;
  header.id = 4711;
  header.rd = true;
  writer.header(header);
  writer.question(name(owner), RecordType::aaaa, RecordClass::in);
  const std::vector<std::uint8_t> data(cookie, 7);
  const MessageWriter::EdnsOption option{static_cast<std::uint16_t>(OptionCode::cookie), data};
  if (edns) writer.edns(1400, true, Rcode::noerror, {&option, cookie > 0 ? 1U : 0U});
  bytes.resize(writer.finish()->size());
  return bytes;
}

}  // namespace

TEST_CASE("an ordinary question is read in one pass") {
  const auto bytes = packet("WwW.Example.ORG.", true, 8);
  QuickQuestion quick;
  REQUIRE(quick.parse(bytes));
  CHECK(quick.id == 4711);
  CHECK(quick.recursion_desired);
  CHECK_FALSE(quick.checking_disabled);
  CHECK(quick.type == RecordType::aaaa);
  CHECK(quick.dnssec_ok);
  CHECK(quick.udp_size == 1400);
  CHECK(quick.cookie.size() == 8);
  CHECK(same_case(quick.asked, name("WwW.Example.ORG.")));
  CHECK(same_case(quick.name.whole(), name("www.example.org.")));
  CHECK(same_case(quick.name.suffix(2), name("example.org.")));
  CHECK(quick.name.labels == 3);
}

TEST_CASE("a question without EDNS and one for the root are ordinary too") {
  QuickQuestion quick;
  REQUIRE(quick.parse(packet("example.", false)));
  CHECK_FALSE(quick.edns);
  CHECK(quick.udp_size == 512);
  REQUIRE(quick.parse(packet(".", false)));
  CHECK(quick.name.labels == 0);
}

TEST_CASE("what is not ordinary is left to parse_message") {
  QuickQuestion quick;
  const auto good = packet("www.example.org.");
  REQUIRE(quick.parse(good));
  for (std::size_t size = 0; size < good.size(); ++size) CHECK_FALSE(quick.parse(Bytes(good).first(size)));
  const auto changed = [&](std::size_t at, std::uint8_t octet) {
    auto bytes = good;
    bytes[at] = octet;
    return quick.parse(bytes);
  };
  CHECK_FALSE(changed(2, 0x81));   // an answer
  CHECK_FALSE(changed(2, 0x29));   // UPDATE
  CHECK_FALSE(changed(2, 0x05));   // AA
  CHECK_FALSE(changed(5, 2));      // two questions
  CHECK_FALSE(changed(7, 1));      // an answer section
  CHECK_FALSE(changed(12, 0xc0));  // a compressed name
  CHECK_FALSE(changed(12, 0x40));  // a label type that does not exist
  auto longer = good;
  longer.push_back(0);
  CHECK_FALSE(quick.parse(longer));
}

TEST_CASE("a name of the greatest length is read, a longer one is not") {
  std::vector<std::uint8_t> bytes(12);
  bytes[5] = 1;
  for (int i = 0; i < 127; ++i) bytes.insert(bytes.end(), {1, 'a'});
  bytes.insert(bytes.end(), {0, 0, 1, 0, 1});
  QuickQuestion quick;
  REQUIRE(quick.parse(bytes));
  CHECK(quick.name.labels == 127);
  bytes.insert(bytes.begin() + 12, {1, 'a'});
  CHECK_FALSE(quick.parse(bytes));
}

TEST_CASE("the hash of a suffix depends on its own labels and the seed only, and hardly ever collides") {
  std::mt19937_64 random(7);
  std::set<std::uint64_t> hashes;
  std::set<std::string> names;
  const auto label = [&] {
    std::string text(1 + random() % 20, 'a');
    for (char& letter : text) letter = static_cast<char>('a' + random() % 26);
    return text;
  };
  for (int i = 0; i < 20'000; ++i) {
    const std::string below = label() + ".", whole = label() + "." + below;
    const Suffixes hashed(name(whole), 99);
    CHECK(hashed.hash[1] == Suffixes(name(below), 99).hash[1]);
    CHECK(hashed.hash[2] == Suffixes(name(whole).lowered(), 99).hash[2]);
    CHECK(hashed.hash[2] != Suffixes(name(whole), 98).hash[2]);
    if (names.insert(whole).second) CHECK(hashes.insert(hashed.hash[2]).second);
  }
  CHECK(Suffixes(name("ab.c."), 1).hash[2] != Suffixes(name("a.bc."), 1).hash[2]);
}

}  // namespace placard::wire
