// What rules were met, from the workers' tables into the counters' file beside the store, by hour and view: every
// minute, when somebody asks, and at the stop. Decisions in shadow are told in the log as well, each in one line.
//
// A file that can't be written costs what was counted meanwhile and nothing else; it is told once. No client is known
// here.
#pragma once

#include <condition_variable>
#include <filesystem>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "policy/match/hits.hpp"
#include "policy/record/counters.hpp"

namespace placard::app {

inline constexpr std::size_t kMaxShadowLines = 10;  ///< in the log, a minute

class HitKeeper {
 public:
  struct World {
    std::function<std::vector<policy::Hits>()> take;  ///< of all workers; may wait for them
    std::function<policy::Time()> now;
    std::function<void(const std::string&)> warn;
  };
  HitKeeper(std::filesystem::path file, World world);
  ~HitKeeper();  ///< stops

  void start();
  void stop();
  /// Takes and writes now. From any thread.
  void flush();
  /// Most hits first since `since`, at most `limit` rows; empty when the file can't be read.
  std::vector<policy::HitCount> by_decision(policy::Time since, std::int64_t limit);
  /// By hour, of one decision.
  std::vector<policy::HitCount> by_hour(std::string_view decision_id, policy::Time since, std::int64_t limit);

 private:
  void run();
  void write(const std::vector<policy::Hits>& hits);
  void tell_shadows(const std::vector<policy::Hits>& hits) const;
  template <class Read>
  std::vector<policy::HitCount> read(const Read& read);

  const std::filesystem::path file_;
  const World world_;
  std::mutex writing_;                        // one at a time
  std::optional<policy::Counters> counters_;  // guarded by writing_; opened when the first is needed
  bool told_ = false;                         // guarded by writing_: that it can't be written
  std::mutex mutex_;
  std::condition_variable wake_;
  bool ending_ = false;  // guarded by mutex_
  std::thread thread_;
};

}  // namespace placard::app
