// What answers that need looking up only take from the heap: nothing. Every `new` of this test program is counted,
// except where a sanitizer has its own.
#ifndef PLACARD_SANITIZED

#include "tests/count_allocations.hpp"
#include "tests/resolver/serve/house.hpp"
#include "zones/load.hpp"

namespace placard {

using namespace tests;
using wire::RecordType;

TEST_CASE("answers from zones, policy and the answer cache allocate nothing") {
  House house;
  house.block("a-decision-whose-name-is-longer-than-a-short-string", "blocked.example.");
  auto loaded = zones::parse_zone("$TTL 300\n@ SOA ns host 1 3600 600 864000 300\n@ NS ns\nns A 192.0.2.53\n",
                                  name("own.example."));
  REQUIRE(loaded);
  std::vector<std::shared_ptr<const zones::Zone>> zones{std::make_shared<zones::Zone>(*std::move(loaded))};
  house.snapshot.everywhere = std::make_shared<zones::ZoneSet>(std::move(zones));
  house.snapshot.options.cookie_secrets = {wire::SipHashKey{1, 2, 3}};
  house.publish();

  const auto packet_of = [](const char* owner, RecordType type, bool dnssec_ok, bool cookie) {
    std::vector<std::uint8_t> packet(512);
    wire::MessageWriter writer(packet, packet.size());
    wire::Header header;
    header.rd = true;
    writer.header(header);
    writer.question(name(owner), type, wire::RecordClass::in);
    const std::array<std::uint8_t, 8> data{1, 2, 3, 4, 5, 6, 7, 8};
    const wire::MessageWriter::EdnsOption option{static_cast<std::uint16_t>(wire::OptionCode::cookie), data};
    writer.edns(1232, dnssec_ok, wire::Rcode::noerror, {&option, cookie ? 1U : 0U});
    packet.resize(writer.finish()->size());
    return packet;
  };
  const auto client = *net::Address::from_text("127.0.0.1");
  std::vector<std::uint8_t> reply(4096);
  const serve::ReturnPath path;
  for (const char* owner : {"ns.own.example.", "none.own.example.", "blocked.example.", "www.blocked.example.",
                            "www.example.org.", "none.example.org."}) {
    for (const auto type : {RecordType::a, RecordType::aaaa, RecordType::https}) {
      for (const bool dnssec_ok : {false, true}) {
        for (const bool cookie : {false, true}) {
          INFO(owner << " " << wire::to_text(type) << (dnssec_ok ? " DO" : "") << (cookie ? " cookie" : ""));
          const auto packet = packet_of(owner, type, dnssec_ok, cookie);
          const std::array<wire::Bytes, 1> packets{packet};
          house.packet(packet);  // resolved, where it must be
          house.pipeline().read_clock();
          const std::size_t before = allocations;
          std::size_t octets = 0;
          for (int i = 0; i < 10; ++i) {
            house.pipeline().expect(packets, 0);
            octets += house.pipeline().on_question(packet, 0, client, false, path, reply);
          }
          const std::size_t after = allocations;
          CHECK(after == before);
          CHECK(octets > 10 * wire::kHeaderSize);
        }
      }
    }
  }
}

}  // namespace placard

#endif
