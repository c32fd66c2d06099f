// The sketch of what is asked (policy/match/traffic), where the operator wants one: every second it takes what workers
// noted, at the end of an hour and at the stop it writes what may be shown into STORE.traffic (mode 0600).
//
// The salt of clients' hashes is made for each hour and kept in memory alone. The thread stands back behind all others.
#pragma once

#include <condition_variable>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "policy/match/traffic.hpp"

namespace placard::app {

/// The sketch's file of a record.
std::filesystem::path traffic_path(const std::filesystem::path& store);

/// The hours in it, the latest first; none where there is no file, an error where it is damaged.
std::expected<std::vector<policy::HourOfTraffic>, std::string> load_traffic(const std::filesystem::path& file);

class TrafficKeeper {
 public:
  using Buffers = std::vector<std::shared_ptr<policy::TrafficBuffer>>;
  struct World {
    std::function<std::optional<bool>()> wanted;  ///< nothing: not known at this moment
    /// Gives every worker a buffer (null: none), and takes what they had; may wait for them.
    std::function<Buffers(const std::function<std::shared_ptr<policy::TrafficBuffer>()>&)> swap;
    std::function<policy::Time()> now;
    std::function<void(const std::string&)> warn;
  };
  TrafficKeeper(std::filesystem::path file, World world);
  ~TrafficKeeper();  ///< writes what there is of this hour

  void start();  ///< the workers run; returns when they note what they are asked

 private:
  void run();
  void look();
  void begin(policy::Time hour);
  void end();
  void take(bool go_on);
  void write(const policy::HourOfTraffic& hour);

  const std::filesystem::path file_;
  const World world_;
  // Of the thread alone, once it runs.
  policy::TrafficSketch sketch_;
  std::optional<policy::Time> hour_;  // that is being counted
  std::uint64_t salt_ = 0;
  Buffers spare_;
  bool told_ = false;  // that it can't be written

  std::mutex mutex_;
  std::condition_variable wake_;
  bool ending_ = false;  // guarded by mutex_
  std::thread thread_;
};

}  // namespace placard::app
