// Records as text: what is read has a text that reads back, and any rdata has one.
#include <cassert>
#include <cstddef>
#include <cstdint>

#include "zones/wire/ldns_adapter.hpp"
#include "zones/wire/octets.hpp"

using namespace placard::wire;

// ldns 1.8.3 loses a few octets when it gives up on some LOC records; ours are all in owning pointers.
extern "C" const char* __lsan_default_suppressions() {
  return "leak:libldns";
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2 || size > 4096) return 0;
  const Name origin = *Name::from_text("example.org");
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto record = record_from_text(text, origin, 60)) {
    const auto back = record_from_text(
        record_to_text(record->owner, record->type, record->record_class, record->ttl, record->rdata), origin, 1);
    assert(back && back->owner == record->owner && back->type == record->type && back->rdata == record->rdata);
  }
  const auto type = static_cast<RecordType>(load16(data) % 300);
  if (is_meta(type)) return 0;
  const Bytes rdata(data + 2, size - 2);
  const std::string shown = rdata_to_text(type, rdata);
  const auto back = rdata_from_text(type, shown, origin);
  // Octets that are no rdata of their type are shown as octets, and refused when read.
  assert(back ? std::equal(back->begin(), back->end(), rdata.begin(), rdata.end()) : shown.starts_with("\\#"));
  return 0;
}
