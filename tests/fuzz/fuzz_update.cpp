// Dynamic updates: whatever is asked for, the zone stays one, and a refusal leaves it as it was.
#include <cassert>
#include <cstddef>
#include <cstdint>

#include "zones/load.hpp"
#include "zones/update.hpp"

using namespace placard;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const auto base = std::make_shared<const zones::Zone>(*zones::parse_zone(
      "$TTL 60\n@ SOA a b 1 2 3 4 5\n@ NS a\na A 192.0.2.1\nb CNAME a\nc DNAME a\nd MX 1 a\nd TXT \"x\"\n",
      *wire::Name::from_text("z")));
  const auto message = wire::parse_message({data, size});
  if (!message || message->count(wire::Section::question) != 1 || !(message->question_name() == base->origin()))
    return 0;
  zones::ZoneEditor editor(base);
  const auto code = zones::apply_update(*message, editor);
  const bool changed = zones::finish_updates(editor, *base);
  if (code != wire::Rcode::noerror) assert(!changed);
  const auto zone = editor.build();
  assert(zone);
  assert(changed == (zone->serial() != base->serial()));
  zones::ZoneEditor again(base);
  if (changed) assert(again.apply(editor.changes()));
  return 0;
}
