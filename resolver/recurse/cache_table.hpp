// Where the entries of one cache shard are found: a hash table with open addressing.
//
// A cell is (key, pointer): a look that finds nothing, as most do while a new name is resolved, costs one line of the
// processor's cache and follows no pointer. Cells are probed one behind the other; what is taken out closes the gap, so
// there are no tombstones and a table that only changes hands never grows. Keys are 64 bits of a seeded hash: who can't
// guess the seed can't make long runs.
// The table owns its nodes, and a node's address never changes.
#pragma once

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

namespace placard::recurse {

/// Node has a member `key`.
template <class Node>
class CacheTable {
 public:
  /// Null when there is none.
  Node* find(std::uint64_t key) const {
    for (std::size_t at = home(key); cells_[at].node; at = next(at)) {
      if (cells_[at].key == key) return cells_[at].node.get();
    }
    return nullptr;
  }

  /// A new node. REQUIRES: find(key) is null.
  Node& add(std::uint64_t key) {
    if ((size_ + 1) * 4 > cells_.size() * 3) grow();
    Cell& cell = cells_[gap_of(key)];
    cell.key = key;
    cell.node = std::make_unique<Node>();
    cell.node->key = key;
    ++size_;
    return *cell.node;
  }

  /// REQUIRES: find(key) is not null.
  void erase(std::uint64_t key) {
    std::size_t hole = home(key);
    while (cells_[hole].key != key || !cells_[hole].node) hole = next(hole);
    cells_[hole].node.reset();
    --size_;
    // What stands behind moves up, unless that would be before its home.
    for (std::size_t at = next(hole); cells_[at].node; at = next(at)) {
      if (distance(home(cells_[at].key), at) < distance(hole, at)) continue;
      cells_[hole] = std::move(cells_[at]);
      hole = at;
    }
  }

  std::size_t size() const { return size_; }
  std::size_t memory() const { return cells_.size() * sizeof(Cell); }  ///< octets, without the nodes

 private:
  struct Cell {
    std::uint64_t key = 0;
    std::unique_ptr<Node> node;
  };

  std::size_t home(std::uint64_t key) const { return key & (cells_.size() - 1); }
  std::size_t next(std::size_t at) const { return (at + 1) & (cells_.size() - 1); }
  std::size_t distance(std::size_t from, std::size_t to) const { return (to - from) & (cells_.size() - 1); }
  std::size_t gap_of(std::uint64_t key) const {
    std::size_t at = home(key);
    while (cells_[at].node) at = next(at);
    return at;
  }
  void grow() {
    std::vector<Cell> old(cells_.size() * 2);
    old.swap(cells_);
    for (auto& cell : old) {
      if (cell.node) cells_[gap_of(cell.key)] = std::move(cell);
    }
  }

  std::vector<Cell> cells_ = std::vector<Cell>(16);  // a power of two, never full
  std::size_t size_ = 0;
};

}  // namespace placard::recurse
