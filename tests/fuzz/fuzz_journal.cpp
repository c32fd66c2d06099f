// Entries of a journal, as a disk may give them back: a change set that is written out as the same octets, or an error.
#include <cassert>
#include <cstddef>
#include <cstdint>

#include "zones/journal.hpp"

using namespace placard;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto changes = zones::parse_change_set({data, size});
  if (!changes) {
    assert(!changes.error().empty());
    return 0;
  }
  const auto octets = zones::to_octets(*changes);
  assert(octets.size() == size && std::equal(octets.begin(), octets.end(), data));
  std::size_t count = 0;
  for (const auto record : changes->removed) count += record.owner.size() > 0;
  assert(count == changes->removed.size());
  return 0;
}
