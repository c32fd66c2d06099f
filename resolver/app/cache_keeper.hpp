// What people and restarts do with the record cache: show it, dump and load it, save it for the next start.
//
// A thread of its own saves every so often; a stop saves once more. Nothing of it runs on a worker's loop: the cache
// is copied shard by shard, each under its lock for about a millisecond, and written from the copies.
#pragma once

#include <condition_variable>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "resolver/app/operations.hpp"
#include "resolver/recurse/cache.hpp"

namespace placard::app {

/// `placard control cache ...`
struct CacheRequest {
  enum class What : std::uint8_t { show, dump, load, flush };
  What what = What::show;
  std::optional<wire::Name> name;        ///< of show and flush; of dump, without a file, where to start
  bool subtree = false;                  ///< and all below
  std::optional<wire::RecordType> type;  ///< of flush: this type only
  std::filesystem::path file;            ///< of load, and of dump: absolute
};

struct CacheKeeperOptions {
  std::string file;            ///< empty: nothing is saved
  std::uint32_t interval = 0;  ///< minutes; 0: at the stop only
  std::uint32_t max_ttl = 86'400;
};

class CacheKeeper {
 public:
  /// Loads what the last stop saved, unless it is damaged: `tell` hears of that, and of what cannot be written.
  CacheKeeper(std::shared_ptr<recurse::Cache> cache, CacheKeeperOptions options,
              std::function<void(const std::string&)> tell);
  ~CacheKeeper();  ///< stops

  void start();
  void stop();  ///< ends the thread and saves, once

  Done show(const CacheRequest& request) const;
  Done dump(const CacheRequest& request) const;
  Done load(const CacheRequest& request);

 private:
  void save();
  void run();

  std::shared_ptr<recurse::Cache> cache_;
  CacheKeeperOptions options_;
  std::function<void(const std::string&)> tell_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool ends_ = false;  // guarded by mutex_
  bool started_ = false;
  std::thread thread_;
};

}  // namespace placard::app
