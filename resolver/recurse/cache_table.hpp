// Where the entries of one cache shard are found: a hash table with open addressing.
//
// A cell is a pointer, and the key's first 16 bits in the pointer's that no address uses: a look that finds nothing, as
// most do while a new name is resolved, costs a line or two of the processor's cache and follows no pointer. Cells are
// probed one behind the other; what is taken out closes the gap, so there are no tombstones and a table that only
// changes hands never grows. Keys are 64 bits of a seeded hash: who can't guess the seed can't make long runs. The
// table does not own its nodes.
#pragma once

#include <cassert>
#include <cstdint>
#include <utility>
#include <vector>

namespace placard::recurse {

/// Node has a member `key`.
template <class Node>
class CacheTable {
 public:
  /// Null when there is none.
  Node* find(std::uint64_t key) const {
    for (std::size_t at = home(key); cells_[at] != 0; at = next(at)) {
      if (((cells_[at] ^ key) & kTag) == 0 && node_of(cells_[at])->key == key) return node_of(cells_[at]);
    }
    return nullptr;
  }

  /// REQUIRES: find(node.key) is null.
  void add(Node& node) {
    if ((size_ + 1) * 4 > cells_.size() * 3) grow();
    cells_[gap_of(node.key)] = cell_of(node);
    ++size_;
  }

  /// REQUIRES: find(key) is not null.
  void erase(std::uint64_t key) {
    std::size_t hole = home(key);
    while (node_of(cells_[hole])->key != key) hole = next(hole);
    cells_[hole] = 0;
    --size_;
    // What stands behind moves up, unless that would be before its home.
    for (std::size_t at = next(hole); cells_[at] != 0; at = next(at)) {
      if (distance(home(node_of(cells_[at])->key), at) < distance(hole, at)) continue;
      cells_[hole] = std::exchange(cells_[at], 0);
      hole = at;
    }
  }

  std::size_t size() const { return size_; }
  std::size_t memory() const { return cells_.size() * sizeof(Cell); }  ///< octets, without the nodes

 private:
  using Cell = std::uint64_t;  // 0: empty
  static constexpr Cell kTag = Cell{0xffff} << 48U;

  static Cell cell_of(Node& node) {
    const auto address = reinterpret_cast<std::uintptr_t>(&node);
    assert((address & kTag) == 0);
    return (node.key & kTag) | address;
  }
  static Node* node_of(Cell cell) { return reinterpret_cast<Node*>(cell & ~kTag); }
  std::size_t home(std::uint64_t key) const { return key & (cells_.size() - 1); }
  std::size_t next(std::size_t at) const { return (at + 1) & (cells_.size() - 1); }
  std::size_t distance(std::size_t from, std::size_t to) const { return (to - from) & (cells_.size() - 1); }
  std::size_t gap_of(std::uint64_t key) const {
    std::size_t at = home(key);
    while (cells_[at] != 0) at = next(at);
    return at;
  }
  void grow() {
    std::vector<Cell> old(cells_.size() * 2);
    old.swap(cells_);
    for (const Cell cell : old) {
      if (cell != 0) cells_[gap_of(node_of(cell)->key)] = cell;
    }
  }

  std::vector<Cell> cells_ = std::vector<Cell>(16);  // a power of two, never full
  std::size_t size_ = 0;
};

}  // namespace placard::recurse
