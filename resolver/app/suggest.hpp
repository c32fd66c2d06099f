// "Did you mean": the known word closest to one that was mistyped.
#pragma once

#include <algorithm>
#include <numeric>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace placard::app {

/// Insertions, deletions and replacements between two words (Levenshtein).
inline std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i);
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const auto replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = std::exchange(row[j], std::min({row[j] + 1, row[j - 1] + 1, replaced}));
    }
  }
  return row.back();
}

/// The closest of `known`, or "" when none is near: a third of the word's letters may be wrong, at most three.
inline std::string closest(std::string_view word, std::span<const std::string> known) {
  if (word.size() > 64) return "";
  std::string best;
  std::size_t least = std::min<std::size_t>(3, 1 + word.size() / 3) + 1;
  for (const auto& candidate : known)
    if (const auto distance = edit_distance(word, candidate); distance < least) {
      least = distance;
      best = candidate;
    }
  return best;
}

}  // namespace placard::app
