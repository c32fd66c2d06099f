// A row of at most N values, in place: what the answer path notes without allocating. What is more is left out.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>

namespace placard::zones {

template <typename T, std::size_t N>
class ShortList {
 public:
  /// False when there is no room.
  bool add(T value) {
    if (size_ == N) return false;
    items_[size_++] = value;
    return true;
  }
  /// False also when it is there already.
  bool add_once(T value) { return std::find(begin(), end(), value) == end() && add(value); }
  const T* begin() const { return items_.data(); }
  const T* end() const { return items_.data() + size_; }
  std::size_t size() const { return size_; }
  bool full() const { return size_ == N; }

 private:
  std::array<T, N> items_;  // the first size_ mean anything
  std::size_t size_ = 0;
};

}  // namespace placard::zones
