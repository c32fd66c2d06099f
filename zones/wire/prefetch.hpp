// Asks the processor for memory that will be read soon.
//
// GCC counts __builtin_prefetch as without effect, and leaves out calls of functions that do nothing else where it sees
// what they do. This it must keep.
#pragma once

namespace placard::wire {

/// The cache line that holds `place`, which may lie anywhere.
inline void prefetch(const void* place) {
  __builtin_prefetch(place);
  __asm__ volatile("");
}

}  // namespace placard::wire
