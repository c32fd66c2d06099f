// Master files: what is accepted is a zone that can be asked anything at any size.
#include <array>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "zones/answer.hpp"
#include "zones/load.hpp"

using namespace placard;

namespace {

void ask(const zones::Zone& zone, const wire::Name& name, wire::RecordType type, std::size_t limit) {
  static std::array<std::uint8_t, wire::kMaxMessageSize> buffer;
  wire::MessageWriter writer(buffer, limit);
  writer.header({.qr = true});
  writer.question(name, type, wire::RecordClass::in);
  const bool minimal = limit < wire::kMaxMessageSize;
  const zones::AnswerOptions options{.dnssec_ok = true, .minimal = minimal, .minimal_any = minimal};
  const auto result = zones::answer(zone, {name, type, wire::RecordClass::in}, options, writer);
  assert(!writer.full());
  const auto bytes = writer.finish();
  assert(bytes && bytes->size() <= limit);
  const auto message = wire::parse_message(*bytes);
  assert(message);
  assert(result.rcode == wire::Rcode::noerror || result.rcode == wire::Rcode::nxdomain ||
         result.rcode == wire::Rcode::yxdomain);
}

/// Millions of records may be generated rightly; here they would only take the time of everything else.
bool generates_much(std::string_view text) {
  int ranges = 0;
  for (auto at = text.find('$'); at != std::string_view::npos; at = text.find('$', at + 1)) {
    const auto line = text.substr(at, text.find('\n', at) - at);
    if (line.size() < 2 || (line[1] | 0x20) != 'g') continue;
    int digits = 0;
    for (const char c : line) {
      digits = c >= '0' && c <= '9' ? digits + 1 : 0;
      if (digits > 3) return true;
    }
    if (++ranges > 8) return true;
  }
  return false;
}

}  // namespace

// ldns 1.8.3 loses a few octets when it gives up on some LOC records; ours are all in owning pointers.
extern "C" const char* __lsan_default_suppressions() {
  return "leak:libldns";
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 8192 || generates_much({reinterpret_cast<const char*>(data), size})) return 0;
  const wire::Name origin = *wire::Name::from_text("z");
  std::vector<zones::LoadError> warnings;
  const auto zone = zones::parse_zone({reinterpret_cast<const char*>(data), size}, origin, "zone", &warnings);
  if (!zone) {
    assert(!zone.error().reason.empty());
    return 0;
  }
  std::size_t asked = 0;
  for (const zones::Node& node : zone->nodes()) {
    if (++asked > 32) break;
    wire::Name names[] = {wire::Name(node.name()), wire::Name(node.name())};
    const std::uint8_t label[] = {'q'};
    if (const auto below = wire::Name::prepend(label, node.name())) names[1] = *below;
    for (const wire::Name& name : names) {
      for (const auto type : {wire::RecordType::a, wire::RecordType::mx, wire::RecordType::ds, wire::RecordType::any,
                              wire::RecordType::rrsig, wire::RecordType::svcb, wire::RecordType::naptr}) {
        ask(*zone, name, type, 512);
        ask(*zone, name, type, wire::kMaxMessageSize);
      }
    }
  }
  return 0;
}
