#include "resolver/recurse/cache_table.hpp"

#include <catch2/catch.hpp>
#include <map>
#include <memory>
#include <random>

namespace placard::recurse {
namespace {

struct Node {
  std::uint64_t key = 0;
  int value = 0;
};

TEST_CASE("a cache table holds what a map holds, however keys collide and come and go") {
  const std::uint64_t homes = GENERATE(1, 7, 1000);  // few homes: long runs, round the end of the table too
  std::mt19937_64 random(homes);
  CacheTable<Node> table;
  std::map<std::uint64_t, std::unique_ptr<Node>> model;
  for (int step = 0; step < 20'000; ++step) {
    const std::uint64_t key = random() % homes << 32U | (random() % 40) << 58U | (random() % homes + 11);
    if (const auto found = model.find(key); found != model.end()) {
      REQUIRE(table.find(key) == found->second.get());
      table.erase(key);
      model.erase(found);
    } else if (model.size() < 300) {
      REQUIRE(table.find(key) == nullptr);
      auto& node = model[key] = std::make_unique<Node>(key);
      table.add(*node);
    }
    REQUIRE(table.size() == model.size());
  }
  for (const auto& [key, node] : model) {
    REQUIRE(table.find(key) == node.get());
    REQUIRE(node->key == key);
  }
  CHECK(table.memory() <= 1024 * 8);
}

}  // namespace
}  // namespace placard::recurse
