// The keeper of trust anchors: what it sees it keeps and publishes; what it cannot read it leaves alone.
#include "resolver/app/key_keeper.hpp"

#include <catch2/catch.hpp>

#include <fstream>
#include <sstream>

#include "tests/resolver/app/temporary_directory.hpp"

using namespace placard;
using namespace placard::app;

namespace {

wire::RecordSet key_set(std::initializer_list<char> letters) {
  wire::RecordSet set;
  set.type = wire::RecordType::dnskey;
  set.ttl = 172'800;
  for (const char letter : letters) {
    std::vector<std::uint8_t> rdata = {1, 1, 3, 15};
    rdata.insert(rdata.end(), 32, static_cast<std::uint8_t>(letter));
    set.rdatas.add(rdata);
  }
  return set;
}

struct Seen {
  wire::RecordSet set;
  std::int64_t now = 1'800'000'000;
  std::shared_ptr<const validate::Anchors> published;
  std::vector<std::string> warnings;

  KeyKeeper::World world() {
    KeyKeeper::World world;
    world.look = [this](const wire::Name&) { return std::optional(set); };
    world.publish = [this](std::shared_ptr<const validate::Anchors> anchors) { published = std::move(anchors); };
    world.now = [this] { return now; };
    world.warn = [this](const std::string& what) { warnings.push_back(what); };
    return world;
  }
  std::size_t trusted() const { return published->find(wire::NameView{}, now)->vouchers.dnskey.size(); }
};

std::shared_ptr<const validate::Anchors> anchors_of(const wire::RecordSet& set) {
  auto anchors = std::make_shared<validate::Anchors>();
  anchors->add(set);
  return anchors;
}

}  // namespace

TEST_CASE("key keeper: a new key counts after its thirty days, over restarts too") {
  const TemporaryDirectory folder;
  const auto file = folder.path("trust-anchors");
  const auto configured = anchors_of(key_set({'a'}));
  Seen seen;
  seen.set = key_set({'a', 'b'});
  {
    KeyKeeper keeper(file, configured, {}, seen.world());
    REQUIRE(keeper.load());
    CHECK(keeper.look_round() == 86'400);
    CHECK(seen.trusted() == 1);
  }
  seen.now += 31 * 86'400;
  KeyKeeper again(file, configured, {}, seen.world());
  REQUIRE(again.load());
  CHECK(seen.trusted() == 1);
  again.look_round();
  CHECK(seen.trusted() == 2);
  CHECK(seen.warnings.empty());
}

TEST_CASE("key keeper: a broken file is told of and left as it is") {
  const TemporaryDirectory folder;
  const auto file = folder.path("trust-anchors");
  std::ofstream(file) << ". valid 5 257 3 15 nothing\n";
  Seen seen;
  KeyKeeper keeper(file, anchors_of(key_set({'a'})), {}, seen.world());
  CHECK_FALSE(keeper.load());
  REQUIRE(seen.warnings.size() == 1);
  CHECK(seen.warnings[0].find("trust-anchors: line 1: ") != std::string::npos);
  CHECK(seen.published == nullptr);
  std::ifstream in(file);
  std::stringstream text;
  text << in.rdbuf();
  CHECK(text.str() == ". valid 5 257 3 15 nothing\n");
}
