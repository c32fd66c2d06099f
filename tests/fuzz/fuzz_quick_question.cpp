// The quick reader of questions against the thorough one: what it accepts, parse_message accepts and reads alike; and
// its suffixes are those of the name read otherwise.
#include <algorithm>
#include <cassert>
#include <cstddef>
#include <cstdint>

#include "zones/wire/quick_question.hpp"

using namespace placard::wire;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  QuickQuestion quick;
  if (!quick.parse({data, size})) return 0;
  const auto message = parse_message({data, size});
  assert(message && message->count(Section::question) == 1);
  const auto& header = message->header();
  assert(header.id == quick.id && header.rd == quick.recursion_desired && header.cd == quick.checking_disabled &&
         header.ad == quick.authentic_data && !header.qr && header.opcode == Opcode::query);
  assert(same_case(message->question_name(), quick.asked));
  assert(message->question_type() == quick.type && message->question_class() == quick.record_class);
  const auto& edns = message->edns();
  assert(edns.has_value() == quick.edns);
  if (edns) {
    assert(edns->udp_size == quick.udp_size && edns->dnssec_ok == quick.dnssec_ok && edns->version == 0);
    const auto cookie = edns->option(static_cast<std::uint16_t>(OptionCode::cookie));
    assert(cookie.has_value() == !quick.cookie.empty());
    assert(!cookie || std::ranges::equal(*cookie, quick.cookie));
  }
  const Suffixes whole(quick.asked, 42);
  quick.name.make_hashes(42, kMaxLabels);
  assert(quick.name.whole() == quick.asked && quick.name.labels == whole.labels);
  assert(hash_lowered(quick.name.whole(), 42) == quick.asked.hash(42));
  for (std::size_t labels = 0; labels <= whole.labels; ++labels)
    assert(quick.name.hash[labels] == whole.hash[labels] && quick.name.suffix(labels) == whole.suffix(labels));
  return 0;
}
