// Answering allocates nothing: counted, over every kind of answer, from zones plain and signed; except where a
// sanitizer has a heap of its own.
#ifndef PLACARD_SANITIZED

#include <catch2/catch.hpp>

#include <filesystem>

#include "tests/count_allocations.hpp"
#include "tests/zones/asking.hpp"
#include "zones/sign.hpp"

using namespace placard;
using asking::name;
using wire::RecordType;

namespace {

constexpr std::string_view kZone =
    "$TTL 300\n@ SOA ns h 1 3600 600 86400 60\n@ NS ns\n@ MX 5 mail\nns A 192.0.2.1\nmail A 192.0.2.2\nwww A "
    "192.0.2.3\n"
    "*.wild TXT x\nalias CNAME www\nloop CNAME loop\nd DNAME wild\na.b.ent A 192.0.2.4\nsub NS ns.sub\nns.sub A "
    "192.0.2.5\n"
    "svc HTTPS 1 www alpn=h2\n";

std::size_t allocations_of(const zones::Zone& zone) {
  std::vector<std::uint8_t> buffer(65'535);
  const zones::ZoneSet set({std::shared_ptr<const zones::Zone>(&zone, [](const zones::Zone*) {})});
  std::vector<wire::Question> questions;
  for (const char* owner : {"", "www.", "mail.", "nothing.", "x.wild.", "alias.", "loop.", "x.d.", "b.ent.",
                            "deep.sub.", "sub.", "svc.", "WWW.", "x.y.z."})
    for (const auto type : {RecordType::a, RecordType::mx, RecordType::txt, RecordType::ds, RecordType::any,
                            RecordType::https, RecordType::dnskey})
      questions.push_back({name(std::string(owner) + "example.org"), type, wire::RecordClass::in});
  const std::size_t before = allocations;
  for (const auto& question : questions) {
    for (const bool dnssec_ok : {false, true}) {
      for (const std::size_t limit : {std::size_t{512}, buffer.size()}) {
        wire::MessageWriter writer(buffer, limit);
        writer.header({});
        writer.question(question.name, question.type, question.record_class);
        zones::AnswerOptions options;
        options.dnssec_ok = dnssec_ok;
        options.minimal = false;
        options.zones = &set;
        (void)zones::answer(zone, question, options, writer);
      }
    }
  }
  return allocations - before;
}

}  // namespace

TEST_CASE("answers are made without allocating") {
  const auto plain = asking::zone(kZone, "example.org");
  CHECK(allocations_of(plain) == 0);
  char folder[] = "/tmp/placard-keys-XXXXXX";
  REQUIRE(::mkdtemp(folder) != nullptr);
  auto keys = zones::ZoneKeys::open(std::string(folder) + "/keys", name("example.org"));
  REQUIRE(keys);
  for (const bool nsec3 : {false, true}) {
    zones::SigningPolicy policy;
    policy.nsec3 = nsec3;
    REQUIRE(keys->advance(1'800'000'000, policy.keys, 300));
    const auto version = zones::sign_zone(plain, nullptr, *keys, policy, 1'800'000'000);
    REQUIRE(version);
    CHECK(allocations_of(*version->zone) == 0);
  }
  std::error_code error;
  std::filesystem::remove_all(folder, error);
}

#endif
