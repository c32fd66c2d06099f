#include "resolver/app/hit_keeper.hpp"

#include <fmt/format.h>

#include <chrono>
#include <map>
#include <utility>

namespace placard::app {
namespace {

constexpr std::chrono::seconds kInterval{60};
constexpr policy::Time kKept = std::int64_t{400} * 24 * 3600;  // seconds: more than a year of hours

}  // namespace

HitKeeper::HitKeeper(std::filesystem::path file, World world) : file_(std::move(file)), world_(std::move(world)) {}

HitKeeper::~HitKeeper() {
  stop();
}

void HitKeeper::start() {
  thread_ = std::thread([this] { run(); });
}

void HitKeeper::stop() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
    wake_.notify_all();
  }
  if (thread_.joinable()) thread_.join();
}

void HitKeeper::run() {
  std::unique_lock lock(mutex_);
  while (!wake_.wait_for(lock, kInterval, [this] { return ending_; })) {
    lock.unlock();
    flush();
    lock.lock();
  }
}

void HitKeeper::flush() {
  const auto hits = world_.take();
  if (hits.empty()) return;
  tell_shadows(hits);
  write(hits);
}

void HitKeeper::write(const std::vector<policy::Hits>& hits) {
  std::vector<policy::HitCount> rows;
  for (const auto& hit : hits)
    rows.push_back({.decision_id = hit.decision_id,
                    .list = hit.list,
                    .trigger = hit.trigger,
                    .name = hit.name,
                    .rule_id = hit.rule_id,
                    .view = hit.view,
                    .shadow = hit.shadow,
                    .hits = static_cast<std::int64_t>(hit.count)});
  const std::lock_guard lock(writing_);
  try {
    if (!counters_) {
      counters_.emplace(policy::Counters::open(file_));
      counters_->forget(world_.now() - kKept);
    }
    counters_->add(rows, world_.now());
    told_ = false;
  } catch (const std::exception& error) {
    if (!std::exchange(told_, true)) world_.warn(fmt::format("hits of rules can't be counted: {}", error.what()));
  }
}

/// One line for a decision and a view, whatever rules of it were met.
void HitKeeper::tell_shadows(const std::vector<policy::Hits>& hits) const {
  std::map<std::pair<std::string, std::string>, std::uint64_t> shadows;
  for (const auto& hit : hits)
    if (hit.shadow) shadows[{hit.decision_id, hit.view}] += hit.count;
  std::size_t lines = 0;
  for (const auto& [whose, count] : shadows) {
    if (lines++ == kMaxShadowLines) {
      world_.warn(fmt::format("shadow: and {} more", shadows.size() - kMaxShadowLines));
      return;
    }
    world_.warn(fmt::format("shadow: decision {} would have met {} question{} of view {}", whose.first, count,
                            count == 1 ? "" : "s", whose.second));
  }
}

template <class Read>
std::vector<policy::HitCount> HitKeeper::read(const Read& read) {
  const std::lock_guard lock(writing_);
  try {
    if (!counters_) counters_.emplace(policy::Counters::open(file_));
    return read(*counters_);
  } catch (const std::exception&) {
    return {};
  }
}

std::vector<policy::HitCount> HitKeeper::by_decision(policy::Time since, std::int64_t limit) {
  return read([&](policy::Counters& counters) { return counters.by_decision(since, limit); });
}

std::vector<policy::HitCount> HitKeeper::by_hour(std::string_view decision_id, policy::Time since, std::int64_t limit) {
  return read([&](policy::Counters& counters) { return counters.by_hour(decision_id, since, limit); });
}

}  // namespace placard::app
