// The image: position-independent, collision-proof, and refused when damaged.
#include <catch2/catch.hpp>

#include <array>
#include <cstring>
#include <random>
#include <unordered_map>

#include "policy/match/image.hpp"
#include "policy/match/image_builder.hpp"
#include "tests/policy/match/match_fixture.hpp"

namespace placard::policy::test {

namespace {

constexpr std::uint64_t kSeed = 42;

std::uint64_t hash_of(const wire::Name& of) {
  const Suffixes suffixes(of, kSeed, wire::kMaxLabels);
  return suffixes.hash[suffixes.labels];
}

wire::Name numbered(std::size_t number) {
  return name("n" + std::to_string(number) + ".example.test");
}

/// Octets aligned as check_image wants them.
class Octets {
 public:
  explicit Octets(wire::Bytes image) : blocks_((image.size() + 63) / 64), size_(image.size()) {
    std::memcpy(blocks_.data(), image.data(), size_);
  }
  std::uint8_t* data() { return blocks_.data()->data(); }
  wire::Bytes bytes() const { return {blocks_.data()->data(), size_}; }

 private:
  struct alignas(64) Block : std::array<std::uint8_t, 64> {};
  std::vector<Block> blocks_;
  std::size_t size_;
};

Octets copy_of(wire::Bytes image) {
  return Octets(image);
}

wire::Bytes octets_of(const Index& index) {
  return index.base()->view().bytes();
}

}  // namespace

TEST_CASE("a name whose fingerprint equals a rule's is not matched") {
  // With few names all stand in one bucket; heads of 16 bits meet soon.
  std::unordered_map<std::size_t, std::size_t> seen;
  std::vector<std::pair<std::size_t, std::size_t>> pairs;
  for (std::size_t i = 0; i < 20000 && pairs.size() < 300; ++i) {
    const auto hash = hash_of(numbered(i));
    const std::size_t head = head_of(numbered(i).view().size(), hash);
    const auto [found, fresh] = seen.try_emplace(head, i);
    if (!fresh) pairs.emplace_back(found->second, i);
  }
  REQUIRE(pairs.size() == 300);
  for (const auto& [first, second] : pairs) {
    const auto make = [](std::int64_t number, const wire::Name& of) {
      auto made = rule("x");
      made.name = of;
      return decision(number, "op", {made});
    };
    const auto alone = compile({make(1, numbered(first))}, {}, {.seed = kSeed});
    CHECK(alone->match_name(numbered(first), 0, 0));
    CHECK_FALSE(alone->match_name(numbered(second), 0, 0));
    const auto both = compile({make(1, numbered(first)), make(2, numbered(second))}, {}, {.seed = kSeed});
    CHECK(both->match_name(numbered(first), 0, 0)->decision_id == "d1");
    CHECK(both->match_name(numbered(second), 0, 0)->decision_id == "d2");
  }
}

TEST_CASE("names that all want the first or the last bucket are found behind it") {
  const bool last = GENERATE(false, true);
  std::vector<IndexedDecision> decisions = {decision(1, "op", {})};
  std::vector<wire::Name> chosen, absent;
  for (std::size_t i = 0; chosen.size() < 120; ++i) {  // twelve buckets and more; all in the first or the last
    const auto candidate = numbered(i);
    if (hash_of(candidate) >> 58 == (last ? 63U : 0U)) {
      (i % 2 == 0 || absent.size() > 100 ? chosen : absent).push_back(candidate);
    }
  }
  for (const auto& each : chosen) {
    auto made = rule("x");
    made.name = each;
    decisions[0].rules.push_back(made);
  }
  const auto index = compile(decisions, {}, {.seed = kSeed});
  REQUIRE(check_image(octets_of(*index)));
  CHECK(verify_image(octets_of(*index)));
  std::size_t keys = 0;
  ImageView(octets_of(*index)).each_key([&](const KeyEntry&) { ++keys; });
  CHECK(keys == 120);
  for (const auto& each : chosen) CHECK(index->match_name(each, 0, 0));
  for (const auto& each : absent) CHECK_FALSE(index->match_name(each, 0, 0));
}

TEST_CASE("the seed is another for each image, and the hash depends on it") {
  const auto seed = [] { return compile({decision(1, "op", {rule("a.test")})})->seed(); };
  CHECK(seed() != seed());
  const auto hash = [](std::uint64_t with) { return Suffixes(name("a.test"), with, 2).hash[2]; };
  CHECK(hash(1) != hash(2));
}

TEST_CASE("suffixes hash alike whatever stands before them, and in any case") {
  const Suffixes longer(name("a.b.Example.TEST"), 7, 2), shorter(name("example.test"), 7, 127);
  CHECK(longer.labels == 4);
  CHECK(longer.hashed == 2);
  CHECK(longer.hash[2] == shorter.hash[2]);
  CHECK(longer.suffix(2) == shorter.suffix(2));
  CHECK(longer.suffix(0).is_root());
  CHECK(Suffixes(name("ab.c"), 7, 2).hash[2] != Suffixes(name("a.bc"), 7, 2).hash[2]);
}

TEST_CASE("an image works wherever its octets lie") {
  const auto index = compile({decision(1, "op", {rule("example.test")})}, {}, {.seed = kSeed});
  const auto moved = copy_of(octets_of(*index));
  const ImageView view(moved.bytes());
  const Suffixes suffixes(name("example.test"), view.header().seed, 2);
  const auto entry = view.find(suffixes.suffix(2).bytes(), suffixes.hash[2]);
  REQUIRE(entry);
  CHECK(wire::NameView::from_valid(entry->key()) == name("example.test").view());
  CHECK(view.decisions()[view.rules()[(*entry)[0]].decision].number == 1);
}

TEST_CASE("a damaged or foreign image is refused with a reason") {
  using Catch::Matchers::Contains;
  auto cname = rule("c.test", MatchKind::both, Action::cname);
  cname.target = name("garden.test");
  const auto index = compile({decision(1, "op", {rule("example.test"), cname})});
  const auto good = octets_of(*index);
  const auto checked = [](const Octets& image) {
    const auto table = check_image(image.bytes());
    if (!table) return table.error();
    const auto rest = verify_image(image.bytes());
    return rest ? std::string() : rest.error();
  };
  const auto damaged = [&](std::size_t offset, std::uint8_t with) {
    auto copy = copy_of(good);
    copy.data()[offset] = static_cast<std::uint8_t>(copy.data()[offset] ^ with);
    return checked(copy);
  };
  CHECK(checked(copy_of(good)).empty());
  CHECK_THAT(checked(copy_of(good.first(100))), Contains("shorter than its header"));
  CHECK_THAT(checked(copy_of(good.first(good.size() - 64))), Contains("its size"));
  CHECK_THAT(damaged(0, 1), Contains("magic"));
  CHECK_THAT(damaged(8, 2), Contains("another version"));
  CHECK_THAT(damaged(good.size() - 40, 1), Contains("damaged"));
  for (std::size_t offset = 0; offset < good.size(); ++offset) CHECK_FALSE(damaged(offset, 0x11).empty());
}

TEST_CASE("whatever an image holds behind its header, looking things up in it stays inside") {
  const auto index =
      compile({decision(1, "op", {rule("example.test"), rule("a.example.test"), address_rule("192.0.2.0/24")}),
               decision(2, "op", {rule("example.test")})});
  std::mt19937 random(1);
  int refused = 0;
  for (int i = 0; i < 3000; ++i) {
    auto copy = copy_of(octets_of(*index));
    for (int changes = 0; changes < 4; ++changes)
      copy.data()[512 + random() % (copy.bytes().size() - 512)] = static_cast<std::uint8_t>(random());
    REQUIRE(check_image(copy.bytes()));
    if (!verify_image(copy.bytes())) ++refused;
    // Unverified all the same, as it is between the start and the end of the check (ASan watches).
    const auto again = Index::assemble(Image::copy(copy.bytes()), nullptr, {}, {}, 1);
    for (const auto* asked : {"www.example.test", "example.test", "a.example.test"}) {
      for (const auto& match : again->explain_name(name(asked), 0, 0)) {
        (void)again->records_of(match);
        (void)again->target_of(match);
        CHECK(match.decision_id.size() < 10000);
      }
    }
    const std::uint8_t address[] = {192, 0, 2, 1};
    (void)again->match_address(Trigger::response_ip, address, 0, 0);
  }
  CHECK(refused == 3000);
}

TEST_CASE("what a right checksum covers can still be nonsense, and is refused") {
  const auto index = compile({decision(1, "op", {rule("example.test")})});
  std::mt19937 random(1);
  int refused = 0;
  for (int i = 0; i < 3000; ++i) {
    auto copy = copy_of(octets_of(*index));
    copy.data()[512 + random() % (copy.bytes().size() - 512)] = static_cast<std::uint8_t>(random());
    auto* header = reinterpret_cast<ImageHeader*>(copy.data());
    for (auto& section : header->sections)
      section.checksum = section_checksum(copy.bytes().subspan(section.offset, section.size));
    header->checksum = header_checksum(*header);
    if (!verify_image(copy.bytes())) ++refused;
  }
  CHECK(refused > 100);
}

TEST_CASE("a list of names without rule ids costs at most 40 octets a rule") {
  std::vector<Rule> rules;
  for (std::size_t i = 0; i < 60000; ++i) {  // wire names of 22 octets
    auto made = rule("x");
    made.name = name("host" + std::to_string(100000 + i) + ".list.test");
    rules.push_back(made);
  }
  REQUIRE(rules[0].name.view().size() == 22);
  const auto index = compile({decision(1, "feed", rules)});
  CHECK(index->rule_count() == 60000);
  CHECK(static_cast<double>(index->memory()) / 60000.0 <= 40.0);
}

}  // namespace placard::policy::test
