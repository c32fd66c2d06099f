// Whatever a primary sends: records and differences that are whole, or an error; and the zone that comes of them is
// one. The input is a row of messages, each behind its 16-bit size, as TCP carries them; the first octet chooses the
// kind.
#include <cassert>
#include <cstddef>
#include <cstdint>

#include "zones/load.hpp"
#include "zones/transfer_in.hpp"

using namespace placard;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1 || size > 65536) return 0;
  static const auto origin = *wire::Name::from_text("z");
  static const auto base = std::make_shared<const zones::Zone>(
      *zones::parse_zone("$TTL 60\n@ SOA a b 1 2 3 4 5\n@ NS a\na A 192.0.2.1\nb A 192.0.2.2\n", origin));
  zones::TransferLimits limits;
  limits.records = 5'000;
  limits.messages = 100;
  const bool incremental = (data[0] & 1) != 0;
  zones::TransferIn in(origin, incremental ? std::optional<std::uint32_t>(1) : std::nullopt, 0, {}, limits);
  wire::Bytes rest{data + 1, size - 1};
  while (rest.size() >= 2) {
    const std::size_t length = std::min<std::size_t>(wire::load16(rest.data()), rest.size() - 2);
    const auto taken = in.take(rest.subspan(2, length), 0);
    rest = rest.subspan(2 + length);
    if (!taken) {
      assert(!taken.error().reason.empty());
      return 0;
    }
    if (*taken != zones::TransferIn::Progress::done) continue;
    const auto got = in.result();
    assert(got.full + got.up_to_date + got.wants_full + !got.changes.empty() == 1);
    if (got.full) {
      zones::ZoneBuilder builder(origin);
      for (const auto record : got.records)
        if (!builder.add(record.owner, record.type, record.ttl, record.rdata)) return 0;
      if (const auto zone = builder.build()) assert(zone->serial() == got.serial);
    } else if (!got.changes.empty()) {
      zones::ZoneEditor editor(base);
      for (const auto& changes : got.changes)
        if (!editor.apply(changes)) return 0;
      const auto net = editor.changes();
      if (const auto zone = editor.build()) {
        assert(zone->serial() == got.serial);
        zones::ZoneEditor again(base);
        assert(again.apply(net));
      }
    }
    return 0;
  }
  return 0;
}
