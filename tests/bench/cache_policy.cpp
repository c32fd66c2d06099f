// Which entries to keep: hit ratio of the record cache (S3-FIFO) beside LRU and SIEVE with as many entries, on the same
// requests. The trace is made here: names after Zipf's law, and in the second half of the rows a flood of names that
// are asked once (random subdomains). No clock and no network: the same figures each time, but for the cache's own
// secret hash seed, which moves the last digit.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <list>
#include <random>
#include <string>
#include <unordered_map>
#include <vector>

#include "resolver/recurse/cache.hpp"

namespace placard {
namespace {

constexpr std::uint32_t kNames = 300'000;
constexpr std::size_t kRequests = 1'500'000, kWarmUp = 500'000;
constexpr std::int64_t kNow = 1'800'000'000;

/// Numbers of names; those from kNames on are asked once.
std::vector<std::uint32_t> trace(double alpha, double flood) {
  std::vector<double> sums(kNames);
  double sum = 0;
  for (std::uint32_t i = 0; i < kNames; ++i) sums[i] = sum += 1 / std::pow(i + 1, alpha);
  std::mt19937_64 random(7);
  std::vector<std::uint32_t> requests;
  std::uint32_t next = kNames;
  const auto share = [&] { return static_cast<double>(random() >> 11U) / 9007199254740992.0; };
  while (requests.size() < kRequests) {
    if (share() < flood) {
      requests.push_back(next++);
    } else {
      requests.push_back(static_cast<std::uint32_t>(std::ranges::lower_bound(sums, share() * sum) - sums.begin()));
    }
  }
  return requests;
}

/// Counted over names that are asked more than once, after a warm-up: a flood has no hits to win.
class Ratio {
 public:
  void note(std::size_t place, std::uint32_t name, bool hit) {
    if (place < kWarmUp || name >= kNames) return;
    ++all_;
    if (hit) ++hits_;
  }
  double percent() const { return 100 * static_cast<double>(hits_) / static_cast<double>(all_); }

 private:
  std::size_t hits_ = 0, all_ = 0;
};

double s3_fifo(const std::vector<std::uint32_t>& requests, std::size_t memory, std::size_t& entries) {
  recurse::CacheLimits limits;
  limits.memory = memory;
  recurse::Cache cache(limits);
  Ratio ratio;
  for (std::size_t i = 0; i < requests.size(); ++i) {
    const auto name = *wire::Name::from_text("n" + std::to_string(requests[i]) + ".example.org.");
    const bool hit = cache.find(name, wire::RecordType::a, kNow) != nullptr;
    ratio.note(i, requests[i], hit);
    if (hit) continue;
    wire::RecordSet set;
    set.owner = name;
    set.ttl = 86'400;
    const std::uint8_t address[4] = {192, 0, 2, 1};
    set.rdatas.add(address);
    cache.store(std::move(set), recurse::Credibility::answer_aa, kNow);
  }
  entries = cache.counters().entries;
  return ratio.percent();
}

double lru(const std::vector<std::uint32_t>& requests, std::size_t entries) {
  std::list<std::uint32_t> order;
  std::unordered_map<std::uint32_t, std::list<std::uint32_t>::iterator> kept;
  Ratio ratio;
  for (std::size_t i = 0; i < requests.size(); ++i) {
    const auto found = kept.find(requests[i]);
    ratio.note(i, requests[i], found != kept.end());
    if (found != kept.end()) {
      order.splice(order.begin(), order, found->second);
      continue;
    }
    if (kept.size() >= entries) {
      kept.erase(order.back());
      order.pop_back();
    }
    order.push_front(requests[i]);
    kept[requests[i]] = order.begin();
  }
  return ratio.percent();
}

/// Zhang and others, NSDI 2024: one queue, and a hand that passes over what was used since it came by.
double sieve(const std::vector<std::uint32_t>& requests, std::size_t entries) {
  struct Node {
    std::uint32_t name;
    bool used = false;
  };
  std::list<Node> queue;  // the newest in front
  std::unordered_map<std::uint32_t, std::list<Node>::iterator> kept;
  auto hand = queue.end();
  Ratio ratio;
  for (std::size_t i = 0; i < requests.size(); ++i) {
    const auto found = kept.find(requests[i]);
    ratio.note(i, requests[i], found != kept.end());
    if (found != kept.end()) {
      found->second->used = true;
      continue;
    }
    if (kept.size() >= entries) {
      if (hand == queue.end()) hand = std::prev(queue.end());
      while (hand->used) {
        hand->used = false;
        hand = hand == queue.begin() ? std::prev(queue.end()) : std::prev(hand);
      }
      const auto gone = hand;
      hand = hand == queue.begin() ? queue.end() : std::prev(hand);
      kept.erase(gone->name);
      queue.erase(gone);
    }
    queue.push_front({requests[i]});
    kept[requests[i]] = queue.begin();
  }
  return ratio.percent();
}

}  // namespace
}  // namespace placard

int main() {
  using namespace placard;
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  std::puts("Zipf's alpha  flood  entries  S3-FIFO    LRU  SIEVE   (hits in per cent, of names asked more than once)");
  for (const double flood : {0.0, 0.5}) {
    for (const double alpha : {0.8, 1.0}) {
      const auto requests = trace(alpha, flood);
      for (const std::size_t memory : {std::size_t{4} << 20U, std::size_t{16} << 20U}) {
        std::size_t entries = 0;
        const double ours = s3_fifo(requests, memory, entries);
        std::printf("%12.1f %5.0f%% %8zu %8.2f %6.2f %6.2f\n", alpha, 100 * flood, entries, ours,
                    lru(requests, entries), sieve(requests, entries));
      }
    }
  }
  return 0;
}
