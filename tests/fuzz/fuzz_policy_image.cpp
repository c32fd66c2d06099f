// The policy index's file: whatever stands in it, an image that passed the check of its header can be asked anything,
// also before the rest of it was verified; and verifying it comes to an end.
#include <array>
#include <cassert>
#include <cstdint>
#include <cstring>
#include <vector>

#include "policy/match/match.hpp"

using namespace placard;
using namespace placard::policy;

namespace {

void ask(const Index& index, wire::NameView name) {
  const wire::Suffixes suffixes(name, index.seed(), index.most_labels());
  index.prefetch_heads(suffixes);
  index.prefetch_keys(suffixes);
  index.prefetch_longer_keys(suffixes);
  for (const auto trigger : {Trigger::qname, Trigger::nsdname}) {
    for (const auto& match : index.explain_name(name, 0, 0, trigger)) {
      (void)index.records_of(match);
      const auto target = index.target_of(match);
      (void)expanded_target(target, name);
      assert(match.rule_name.size() <= wire::kMaxNameSize);
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < sizeof(ImageHeader) || size > std::size_t{1} << 16) return 0;
  struct alignas(64) Block : std::array<std::uint8_t, 64> {};
  std::vector<Block> blocks((size + 63) / 64);
  auto* octets = blocks.data()->data();
  std::memcpy(octets, data, size);
  // What no attacker lacks: the constants and the header's checksum.
  auto& header = *reinterpret_cast<ImageHeader*>(octets);
  std::copy(kImageMagic.begin(), kImageMagic.end(), header.magic.begin());
  header.version = kImageVersion;
  header.header_size = sizeof header;
  header.size = size;
  header.checksum = header_checksum(header);
  const wire::Bytes image(octets, size);
  if (!check_image(image)) return 0;
  const auto held = Image::copy(image);
  const auto index = Index::assemble(held, nullptr, {}, {}, 1);
  for (const char* text : {"a.test", "www.a.test", "b.a.test", "."}) ask(*index, *wire::Name::from_text(text));
  const std::array<std::uint8_t, 4> address = {192, 0, 2, 1};
  for (const auto trigger : {Trigger::client_ip, Trigger::response_ip, Trigger::nsip})
    (void)index->explain_address(trigger, address, 0, 0);
  (void)index->next_change(0);
  index->each_key([](wire::Bytes key, unsigned) { assert(!key.empty()); });
  // As the overlay of itself it restates all that it holds.
  const auto both = Index::assemble(held, held, {}, {}, 1);
  ask(*both, *wire::Name::from_text("www.a.test"));
  (void)verify_image(image);
  return 0;
}
