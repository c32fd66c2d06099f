// Names from the wire and from text: what is accepted is a valid name, and its text reads back.
#include <cassert>
#include <cstddef>
#include <cstdint>

#include "zones/wire/presentation.hpp"

using namespace placard::wire;

namespace {

void check(NameView name) {
  assert(name.size() >= 1 && name.size() <= kMaxNameSize && name.label_count() <= kMaxLabels);
  assert(*parse_uncompressed_name(name.bytes(), 0) == name);
  const auto back = Name::from_text(name.to_text());
  assert(back && same_case(*back, name));
  assert(back->lowered() == *back && back->lowered().view().hash(1) == name.hash(1));
  assert(canonical_order(*back, name) == std::strong_ordering::equal);
  assert(name.is_subdomain_of(name.suffix(name.label_count() / 2)));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const Bytes bytes(data, size);
  for (std::size_t offset = 0; offset < size && offset < 64; ++offset) {
    const auto parsed = parse_name(bytes, offset);
    const auto skipped = skip_name(bytes, offset);
    assert(parsed.has_value() == skipped.has_value());
    if (!parsed) continue;
    assert(parsed->end == *skipped && parsed->end > offset && parsed->end <= size);
    check(parsed->name);
  }
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto name = Name::from_text(text)) check(*name);
  if (const auto name = name_from_text(text, *Name::from_text("example.org"))) check(*name);
  return 0;
}
