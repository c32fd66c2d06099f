// Files of trust anchors: what the operator writes, and what the server kept of RFC 5011. What reads back writes back.
#include <cstdlib>

#include "resolver/validate/rollover.hpp"

using namespace placard;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  validate::Anchors anchors;
  (void)anchors.add_lines(text);
  if (const auto read = validate::parse_rollovers(text)) {
    const auto again = validate::parse_rollovers(validate::rollovers_to_text(*read));
    if (!again || validate::rollovers_to_text(*again) != validate::rollovers_to_text(*read)) std::abort();
  }
  return 0;
}
