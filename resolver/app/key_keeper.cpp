#include "resolver/app/key_keeper.hpp"

#include <fcntl.h>
#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace placard::app {
namespace {

constexpr std::int64_t kFirstLook = 10;  // seconds after the start: questions of clients come first

/// Beside, then over it: a crash leaves the old one or the new one. The error is errno's.
int write_whole(const std::string& path, const std::string& text) {
  const std::string beside = path + ".new";
  const int fd = ::open(beside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0) return errno;
  const ssize_t written = ::write(fd, text.data(), text.size());
  const bool good = written == static_cast<ssize_t>(text.size()) && ::fsync(fd) == 0;
  const int error = good ? 0 : errno;
  ::close(fd);
  if (!good) return error != 0 ? error : EIO;
  return ::rename(beside.c_str(), path.c_str()) == 0 ? 0 : errno;
}

}  // namespace

KeyKeeper::KeyKeeper(std::string file, std::shared_ptr<const validate::Anchors> configured,
                     const validate::Rules& rules, World world)
    : file_(std::move(file)), rules_(rules), world_(std::move(world)), configured_(std::move(configured)) {}

KeyKeeper::~KeyKeeper() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
    ends_.notify_all();
  }
  if (thread_.joinable()) thread_.join();
}

bool KeyKeeper::load() {
  std::error_code error;
  if (!std::filesystem::exists(file_, error)) return true;
  std::ifstream in(file_, std::ios::binary);
  std::stringstream text;
  text << in.rdbuf();
  auto read = validate::parse_rollovers(text.str());
  if (!in || !read) {
    world_.warn(fmt::format("{}: {}; trust anchors are as configured and do not roll over", file_,
                            read ? "cannot be read" : read.error()));
    return false;
  }
  const std::lock_guard state(state_);
  rollovers_ = *std::move(read);
  publish();
  return true;
}

validate::Rollover& KeyKeeper::rollover_of(const wire::Name& zone) {
  for (auto& one : rollovers_) {
    if (one.zone() == zone) return one;
  }
  return rollovers_.emplace_back(zone);
}

void KeyKeeper::suspend(std::vector<validate::NegativeAnchor> negative) {
  const std::lock_guard state(state_);
  auto anchors = std::make_shared<validate::Anchors>(*configured_);
  anchors->set_negative(std::move(negative));
  configured_ = std::move(anchors);
  publish();
}

std::int64_t KeyKeeper::look_round() {
  std::int64_t wait = validate::Rollover::kMostInterval;
  bool changed = false;
  const auto anchors = [this] {
    const std::lock_guard state(state_);
    return configured_;
  }();
  for (const auto& anchor : anchors->all()) {
    const auto seen = world_.look(anchor.zone);  // waits for the network: without the lock
    const std::lock_guard state(state_);
    if (seen) changed = rollover_of(anchor.zone).observe(*seen, anchor.vouchers, rules_, world_.now()) || changed;
    wait = std::min(wait, validate::Rollover::interval(seen ? seen->ttl : 0, seen.has_value()));
  }
  if (changed) {
    const std::lock_guard state(state_);
    save();
    publish();
  }
  return wait;
}

/// What is tracked counts as it is tracked; what was configured anew since then, as configured.
void KeyKeeper::publish() const {
  auto anchors = std::make_shared<validate::Anchors>(*configured_);
  for (const auto& one : rollovers_) {
    const bool known = std::ranges::any_of(configured_->all(),
                                           [&](const validate::Anchor& anchor) { return anchor.zone == one.zone(); });
    if (known && !one.keys().empty()) anchors->replace(one.zone(), one.vouchers());
  }
  world_.publish(std::move(anchors));
}

void KeyKeeper::save() const {
  if (const int error = write_whole(file_, validate::rollovers_to_text(rollovers_)); error != 0)
    world_.warn(fmt::format("{}: cannot be written: {}", file_, std::strerror(error)));
}

void KeyKeeper::start() {
  thread_ = std::thread([this] {
    std::int64_t wait = kFirstLook;
    std::unique_lock lock(mutex_);
    while (!ends_.wait_for(lock, std::chrono::seconds(wait), [this] { return ending_; })) {
      lock.unlock();
      wait = look_round();
      lock.lock();
    }
  });
}

}  // namespace placard::app
