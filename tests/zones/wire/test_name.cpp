// Names: text and wire, what must be refused, order and case.
#include <catch2/catch.hpp>

#include <algorithm>
#include <vector>

#include "tests/names.hpp"
#include "zones/wire/name.hpp"
#include "zones/wire/presentation.hpp"

using namespace placard::wire;

namespace {

using placard::tests::name;

std::vector<std::uint8_t> bytes(std::initializer_list<int> values) {
  return {values.begin(), values.end()};
}

/// Twelve octets of header, then `rest`.
std::vector<std::uint8_t> behind_header(std::initializer_list<int> rest) {
  std::vector<std::uint8_t> message(12);
  message.insert(message.end(), rest.begin(), rest.end());
  return message;
}

NameError refusal(const std::vector<std::uint8_t>& message, std::size_t offset) {
  const auto parsed = parse_name(message, offset);
  REQUIRE_FALSE(parsed);
  const auto skipped = skip_name(message, offset);
  REQUIRE_FALSE(skipped);
  CHECK(skipped.error() == parsed.error());
  return parsed.error();
}

std::string repeated(std::string_view text, int times) {
  std::string all;
  for (int i = 0; i < times; ++i) all += text;
  return all;
}

}  // namespace

TEST_CASE("name: text and wire agree") {
  CHECK(name("example.org").to_text() == "example.org.");
  CHECK(name("example.org.").to_text() == "example.org.");
  CHECK(name(".").to_text() == ".");
  CHECK(Name().view().is_root());
  CHECK(std::ranges::equal(name("aB.c").view().bytes(), bytes({2, 'a', 'B', 1, 'c', 0})));
  CHECK(name("MiXeD.Case").to_text() == "MiXeD.Case.");
}

TEST_CASE("name: escapes of RFC 1035 5.1 and RFC 4343 2.1") {
  CHECK(std::ranges::equal(name("a\\.b.c").view().bytes(), bytes({3, 'a', '.', 'b', 1, 'c', 0})));
  CHECK(name("a\\.b.c").to_text() == "a\\.b.c.");
  CHECK(std::ranges::equal(name("\\000\\255").view().bytes(), bytes({2, 0, 255, 0})));
  CHECK(name("\\000\\255").to_text() == "\\000\\255.");
  CHECK(name("a\\ b").to_text() == "a\\032b.");
  CHECK(name("\\\\\\\"\\(\\)\\;\\@\\$").to_text() == "\\\\\\\"\\(\\)\\;\\@\\$.");
  CHECK(name("\\065bc") == name("abc"));
  for (const char* bad : {"a\\", "a\\1", "a\\12", "a\\256", "a\\1x3"}) {
    INFO(bad);
    const auto parsed = Name::from_text(bad);
    REQUIRE_FALSE(parsed);
    CHECK(parsed.error() == NameError::bad_escape);
  }
}

TEST_CASE("name: every octet survives text") {
  for (int octet = 0; octet < 256; ++octet) {
    const auto wire = bytes({2, octet, 'x', 0});
    const NameView view = NameView::from_valid(wire);
    const auto back = Name::from_text(view.to_text());
    INFO(octet);
    REQUIRE(back);
    CHECK(same_case(*back, view));
  }
}

TEST_CASE("name: empty labels and limits in text") {
  for (const char* bad : {"", "..", ".a", "a..b", "a.."}) {
    const auto parsed = Name::from_text(bad);
    INFO(bad);
    REQUIRE_FALSE(parsed);
    CHECK(parsed.error() == NameError::empty_label);
  }
  const std::string label63(63, 'x');
  CHECK(name(label63).view().size() == 65);
  CHECK(Name::from_text(label63 + "x").error() == NameError::label_too_long);
  // 3 x 64 + 62 + 1 = 255 octets: the longest; one more is too long, with and without the last dot.
  const std::string longest = label63 + "." + label63 + "." + label63 + "." + std::string(61, 'y');
  CHECK(name(longest).view().size() == 255);
  CHECK(name(longest + ".").view().size() == 255);
  CHECK(Name::from_text(longest + "y").error() == NameError::too_long);
  CHECK(Name::from_text(longest + "y.").error() == NameError::too_long);
  CHECK(name(repeated("a.", 127)).view().label_count() == 127);
  CHECK(Name::from_text(repeated("a.", 128)).error() == NameError::too_long);
  CHECK(Name::from_text(repeated("a.", 127) + "a").error() == NameError::too_long);
}

TEST_CASE("name: compressed names are read whole") {
  // 12: F.ISI.ARPA, 24: FOO.F.ISI.ARPA by pointer, 30: ARPA by pointer (RFC 1035 4.1.4)
  const auto message =
      behind_header({1, 'F', 3, 'I', 'S', 'I', 4, 'A', 'R', 'P', 'A', 0, 3, 'F', 'O', 'O', 0xc0, 12, 0xc0, 18, 0});
  const auto foo = parse_name(message, 24);
  REQUIRE(foo);
  CHECK(foo->name.to_text() == "FOO.F.ISI.ARPA.");
  CHECK(foo->end == 30);
  CHECK(skip_name(message, 24) == std::size_t{30});
  const auto arpa = parse_name(message, 30);
  REQUIRE(arpa);
  CHECK(arpa->name.to_text() == "ARPA.");
  CHECK(arpa->end == 32);
  const auto root = parse_name(message, 32);
  REQUIRE(root);
  CHECK(root->name.view().is_root());
  CHECK(root->end == 33);
  CHECK(parse_uncompressed_name(message, 24).error() == NameError::bad_pointer);
  CHECK(parse_uncompressed_name(message, 12)->to_text() == "F.ISI.ARPA.");
}

TEST_CASE("name: hostile pointers and lengths are refused") {
  CHECK(refusal(behind_header({0xc0, 12}), 12) == NameError::bad_pointer);             // at itself
  CHECK(refusal(behind_header({1, 'a', 0xc0, 12}), 12) == NameError::bad_pointer);     // at its own start
  CHECK(refusal(behind_header({0xc0, 14, 0xc0, 12}), 12) == NameError::bad_pointer);   // forward
  CHECK(refusal(behind_header({0xc0, 14, 0xc0, 12}), 14) == NameError::bad_pointer);   // back, then forward: a loop
  CHECK(refusal(behind_header({1, 'a', 0xc0, 14, 0}), 12) == NameError::bad_pointer);  // into its own labels
  CHECK(refusal(behind_header({0xc0, 4}), 12) == NameError::bad_pointer);              // into the header
  CHECK(refusal(behind_header({0xff, 0xff}), 12) == NameError::bad_pointer);           // behind the end
  CHECK(refusal(behind_header({1, 'a', 0xc0}), 12) == NameError::truncated);
  CHECK(refusal(behind_header({1, 'a'}), 12) == NameError::truncated);
  CHECK(refusal(behind_header({5, 'a'}), 12) == NameError::truncated);
  CHECK(refusal(behind_header({}), 12) == NameError::truncated);
  CHECK(refusal(behind_header({}), 1000) == NameError::truncated);
  CHECK(refusal(behind_header({0x40, 'a', 0}), 12) == NameError::bad_label_type);
  CHECK(refusal(behind_header({0x80, 'a', 0}), 12) == NameError::bad_label_type);
}

TEST_CASE("name: decompression is bounded in size and jumps") {
  // A stair of pointers: each step one label and a pointer to the step before.
  std::vector<std::uint8_t> stair(12);
  std::vector<std::size_t> steps{stair.size()};
  stair.push_back(0);
  for (int i = 0; i < kMaxCompressionJumps + 1; ++i) {
    const std::size_t target = steps.back();
    steps.push_back(stair.size());
    for (const int octet : {1, int{'a'}, 0xc0 | static_cast<int>(target >> 8), static_cast<int>(target & 0xff)}) {
      stair.push_back(static_cast<std::uint8_t>(octet));
    }
  }
  CHECK(parse_name(stair, steps[kMaxCompressionJumps])->name.view().label_count() == kMaxCompressionJumps);
  CHECK(refusal(stair, steps[kMaxCompressionJumps + 1]) == NameError::too_many_pointers);

  // Four labels of 63 octets, two runs of two joined by a pointer: 257 octets.
  std::vector<std::uint8_t> message(12);
  const auto label63 = [&] {
    message.push_back(63);
    message.insert(message.end(), 63, 'x');
  };
  label63();
  label63();
  message.push_back(0);
  const std::size_t second = message.size();
  label63();
  label63();
  message.push_back(0xc0);
  message.push_back(12);
  CHECK(refusal(message, second) == NameError::too_long);
  CHECK(parse_name(message, second + 64)->name.view().size() == 193);
}

TEST_CASE("name: case is kept and ignored (RFC 4343)") {
  CHECK(name("foo.example.net.") == name("Foo.ExamplE.net."));
  CHECK(name("69.2.0.192.in-addr.arpa") == name("69.2.0.192.IN-ADDR.ARPA"));
  CHECK_FALSE(same_case(name("foo"), name("Foo")));
  CHECK(same_case(name("Foo"), name("Foo")));
  CHECK(name("WWW.Example.ORG").view().hash(7) == name("www.example.org").view().hash(7));
  CHECK(name("www.example.org").view().hash(7) != name("www.example.org").view().hash(8));
  CHECK(name("www.example.org").view().hash() != name("wwx.example.org").view().hash());
  CHECK(same_case(name("WWW.Example.ORG-and-more").lowered(), name("www.example.org-and-more")));
  // Only ASCII letters: not the octets around them, nor those with the high bit.
  for (int octet = 0; octet < 256; ++octet) {
    const auto plain = bytes({9, octet, 'x', 'x', 'x', 'x', 'x', 'x', 'x', octet, 0});
    const auto flipped = bytes({9, octet ^ 0x20, 'x', 'x', 'x', 'x', 'x', 'x', 'x', octet ^ 0x20, 0});
    const bool letter = (octet >= 'a' && octet <= 'z') || (octet >= 'A' && octet <= 'Z');
    INFO(octet);
    CHECK((NameView::from_valid(plain) == NameView::from_valid(flipped)) == letter);
  }
}

TEST_CASE("name: the example of RFC 4034 6.1") {
  const auto star = bytes({1, 1, 1, 'z', 7, 'e', 'x', 'a', 'm', 'p', 'l', 'e', 0});
  const std::vector<Name> ordered = {
      name("example"),         name("a.example"),      name("yljkjljk.a.example"),
      name("Z.a.example"),     name("zABC.a.EXAMPLE"), name("z.example"),
      name("\\001.z.example"), name("*.z.example"),    name("\\200.z.example"),
  };
  CHECK(NameView::from_valid(star).first_label().size() == 1);
  for (std::size_t i = 0; i < ordered.size(); ++i) {
    for (std::size_t j = 0; j < ordered.size(); ++j) {
      INFO(ordered[i].to_text() << " and " << ordered[j].to_text());
      CHECK(canonical_order(ordered[i], ordered[j]) == (i <=> j));
    }
  }
  CHECK(canonical_order(Name(), name("a")) == std::strong_ordering::less);
  CHECK(canonical_order(name("A.b"), name("a.B")) == std::strong_ordering::equal);
  CHECK(canonical_order(name("ab"), name("a\\000b")) == std::strong_ordering::greater);
  CHECK(canonical_order(name("a"), name("a\\000")) == std::strong_ordering::less);
}

TEST_CASE("name: subdomains go by labels, not by letters") {
  CHECK(name("www.example.org").view().is_subdomain_of(name("EXAMPLE.org")));
  CHECK(name("example.org").view().is_subdomain_of(name("example.org")));
  CHECK(name("example.org").view().is_subdomain_of(Name()));
  CHECK_FALSE(name("notexample.org").view().is_subdomain_of(name("example.org")));
  CHECK_FALSE(name("org").view().is_subdomain_of(name("example.org")));
  CHECK_FALSE(Name().view().is_subdomain_of(name("org")));
  // "x\003org" as one label ends in the octets of "org", and is not below it.
  CHECK_FALSE(name("x\\003org").view().is_subdomain_of(name("org")));
}

TEST_CASE("name: parts") {
  const Name www = name("www.example.org");
  CHECK(www.view().label_count() == 3);
  CHECK(www.view().parent() == name("example.org"));
  CHECK(www.view().suffix(1) == name("org"));
  CHECK(www.view().suffix(0).is_root());
  CHECK(www.view().suffix(3) == www.view());
  CHECK(name("*.example.org").view().is_wildcard());
  CHECK_FALSE(name("*a.example.org").view().is_wildcard());
  CHECK_FALSE(name("\\001.example.org").view().is_wildcard());
  CHECK(Name().view().first_label().empty());
  Name copy = www;
  copy = *&copy;
  CHECK(copy == www);
}

TEST_CASE("name: joining") {
  CHECK(Name::concatenate(name("www.old.org"), 1, name("new.net"))->to_text() == "www.new.net.");
  CHECK(Name::concatenate(name("www.old.org"), 0, name("new.net"))->to_text() == "new.net.");
  CHECK(Name::concatenate(name("www.old.org"), 3, Name())->to_text() == "www.old.org.");
  const Name longest = name(repeated("a.", 127));
  CHECK(Name::concatenate(longest, 127, Name())->view().size() == 255);
  CHECK(Name::concatenate(longest, 127, name("b")).error() == NameError::too_long);
  const auto label = bytes({'x', 'y'});
  CHECK(Name::prepend(label, name("org"))->to_text() == "xy.org.");
  CHECK(Name::prepend({}, name("org")).error() == NameError::empty_label);
  CHECK(Name::prepend(label, longest).error() == NameError::too_long);
  CHECK(Name::prepend(std::vector<std::uint8_t>(64, 'x'), Name()).error() == NameError::label_too_long);
}

TEST_CASE("presentation: names under an origin") {
  const Name origin = name("example.org");
  CHECK(name_from_text("@", origin)->to_text() == "example.org.");
  CHECK(name_from_text("www", origin)->to_text() == "www.example.org.");
  CHECK(name_from_text("www.", origin)->to_text() == "www.");
  CHECK(name_from_text("www\\.", origin)->to_text() == "www\\..example.org.");
  CHECK(name_from_text("www\\\\.", origin)->to_text() == "www\\\\.");
  CHECK(name_from_text("\\@", origin)->to_text() == "\\@.example.org.");
  CHECK(name_from_text(".", origin)->view().is_root());
  CHECK_FALSE(name_from_text("", origin));
}

TEST_CASE("presentation: TTLs") {
  CHECK(ttl_from_text("0") == 0U);
  CHECK(ttl_from_text("1h30m") == 5400U);
  CHECK(ttl_from_text("1W2d3H4m5s") == 604800U + 2 * 86400 + 3 * 3600 + 4 * 60 + 5);
  CHECK(ttl_from_text("2147483647") == 2147483647U);
  for (const char* bad : {"", "h", "1x", "-1", "2147483648", "99999999999", "4000000000w"})
    CHECK_FALSE(ttl_from_text(bad));
}
