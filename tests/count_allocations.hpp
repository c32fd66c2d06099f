// Counts every `new` of a test program, and puts what one asks for into an arena that can be made read-only: include it
// in one file of the program, where no sanitizer keeps the heap.
#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <new>

namespace placard::tests {

/// Memory for what threads will share. Nothing of it is given back before the arena goes.
class Arena {
 public:
  Arena()
      : begin_(static_cast<std::uint8_t*>(
            ::mmap(nullptr, kSize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0))) {
    if (begin_ == MAP_FAILED) throw std::bad_alloc();
    known = this;
  }
  ~Arena() { taking = nullptr; }  // its memory stays: what stands there may be destroyed later
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  void* allocate(std::size_t size, std::size_t alignment) {
    used_ = (used_ + alignment - 1) / alignment * alignment;
    if (used_ + size > kSize) throw std::bad_alloc();
    void* const memory = begin_ + used_;
    used_ += size;
    return memory;
  }
  bool has(const void* memory) const { return memory >= begin_ && memory < begin_ + kSize; }
  bool make_read_only() { return ::mprotect(begin_, kSize, PROT_READ) == 0; }

  static inline thread_local Arena* taking = nullptr;  ///< what `new` takes from; null: the heap
  static inline Arena* known = nullptr;                ///< the latest

 private:
  static constexpr std::size_t kSize = std::size_t{64} << 20U;
  std::uint8_t* begin_;
  std::size_t used_ = 0;
};

}  // namespace placard::tests

namespace {
thread_local std::size_t allocations = 0;

void* take(std::size_t size, std::size_t alignment) {
  ++allocations;
  if (auto* arena = placard::tests::Arena::taking) return arena->allocate(size, alignment);
  const std::size_t whole = (size + alignment - 1) / alignment * alignment;
  if (void* memory = std::aligned_alloc(alignment, whole == 0 ? alignment : whole)) return memory;
  throw std::bad_alloc();
}
void give_back(void* memory) noexcept {
  const auto* arena = placard::tests::Arena::known;
  if (arena == nullptr || !arena->has(memory)) std::free(memory);
}
}  // namespace

void* operator new(std::size_t size) {
  return take(size, alignof(std::max_align_t));
}
void* operator new(std::size_t size, std::align_val_t alignment) {
  return take(size, static_cast<std::size_t>(alignment));
}
void operator delete(void* memory) noexcept {
  give_back(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
  give_back(memory);
}
void operator delete(void* memory, std::align_val_t) noexcept {
  give_back(memory);
}
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept {
  give_back(memory);
}
