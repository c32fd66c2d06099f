#include "resolver/app/traffic_keeper.hpp"

#include <fmt/format.h>

#include <chrono>
#include <fstream>
#include <iterator>
#include <random>
#include <utility>

#include "resolver/net/work.hpp"
#include "zones/durable_file.hpp"

namespace placard::app {
namespace {

constexpr std::chrono::seconds kLook{1};
constexpr policy::Time kTrafficHour = 3600;  // seconds

std::string content_of(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::uint64_t fresh_salt() {
  std::random_device device;  // getrandom(2)
  return std::uint64_t{device()} << 32 | device();
}

}  // namespace

std::filesystem::path traffic_path(const std::filesystem::path& store) {
  return store.string() + ".traffic";
}

std::expected<std::vector<policy::HourOfTraffic>, std::string> load_traffic(const std::filesystem::path& file) {
  auto hours = policy::read_traffic(content_of(file));
  if (!hours) return std::unexpected(fmt::format("{}: {}", file.string(), hours.error()));
  return hours;
}

TrafficKeeper::TrafficKeeper(std::filesystem::path file, World world)
    : file_(std::move(file)), world_(std::move(world)) {}

TrafficKeeper::~TrafficKeeper() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
    wake_.notify_all();
  }
  if (thread_.joinable()) thread_.join();
}

void TrafficKeeper::start() {
  look();  // what is asked from here on counts
  thread_ = std::thread([this] { run(); });
}

void TrafficKeeper::run() {
  net::stand_back();
  std::unique_lock lock(mutex_);
  while (!wake_.wait_for(lock, kLook, [this] { return ending_; })) {
    lock.unlock();
    look();
    lock.lock();
  }
  lock.unlock();
  if (hour_) end();
}

void TrafficKeeper::look() {
  const bool wanted = world_.wanted().value_or(hour_.has_value());
  const auto hour = world_.now() / kTrafficHour * kTrafficHour;
  if (hour_ && (!wanted || *hour_ != hour)) end();
  if (!wanted) return;
  if (!hour_) begin(hour);
  take(true);
}

void TrafficKeeper::begin(policy::Time hour) {
  hour_ = hour;
  salt_ = fresh_salt();
  for (const auto& buffer : spare_) buffer->empty(salt_);
}

void TrafficKeeper::end() {
  take(false);
  spare_.clear();
  salt_ = 0;
  const auto hour = sketch_.finish(*std::exchange(hour_, std::nullopt));
  if (hour.questions > 0) write(hour);
}

/// What the workers noted since the last time; they go on noting, or stop.
void TrafficKeeper::take(bool go_on) {
  const auto taken = world_.swap([&]() -> std::shared_ptr<policy::TrafficBuffer> {
    if (!go_on) return nullptr;
    if (spare_.empty()) return std::make_shared<policy::TrafficBuffer>(salt_);
    auto buffer = std::move(spare_.back());
    spare_.pop_back();
    return buffer;
  });
  for (const auto& buffer : taken) {
    sketch_.take(*buffer);
    buffer->empty(salt_);
    spare_.push_back(buffer);
  }
}

void TrafficKeeper::write(const policy::HourOfTraffic& hour) {
  const auto text = policy::traffic_file(content_of(file_), hour);
  const auto written = zones::replace_file(file_, [&](const zones::DurableFile& file) {
    return file.write_at(0, {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
  });
  if (written)
    told_ = false;
  else if (!std::exchange(told_, true))
    world_.warn("the sketch of what was asked can't be written: " + written.error());
}

}  // namespace placard::app
