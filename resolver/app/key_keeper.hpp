// Trust anchors while the server runs: they follow their zones' keys (RFC 5011), and negative ones come and go with the
// configuration (RFC 7646). Looks at the keys from time to time, keeps what it saw in a file, and publishes the anchors
// that follow from it. What a key must do to count is validate/rollover's.
//
// A file that cannot be read is left as it is, and said so: the configured anchors serve, and nothing is kept.
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "resolver/validate/rollover.hpp"

namespace placard::app {

class KeyKeeper {
 public:
  struct World {
    /// The zone's DNSKEY set when it is secure by the anchors of the moment. May wait; called on the keeper's thread.
    std::function<std::optional<wire::RecordSet>(const wire::Name& zone)> look;
    std::function<void(std::shared_ptr<const validate::Anchors>)> publish;  ///< may wait for the workers
    std::function<std::int64_t()> now;                                      ///< seconds, wall clock
    std::function<void(const std::string&)> warn;
  };
  KeyKeeper(std::string file, std::shared_ptr<const validate::Anchors> configured, const validate::Rules& rules,
            World world);
  ~KeyKeeper();  ///< waits for the look under way
  KeyKeeper(const KeyKeeper&) = delete;
  KeyKeeper& operator=(const KeyKeeper&) = delete;

  /// Reads the file and publishes what follows from it. False: it is broken.
  bool load();
  /// These negative anchors and no others, from now on. From any thread.
  void suspend(std::vector<validate::NegativeAnchor> negative);
  /// Once round all zones; seconds until the next time.
  std::int64_t look_round();
  /// look_round() on a thread of its own, again and again.
  void start();

 private:
  validate::Rollover& rollover_of(const wire::Name& zone);  // REQUIRES: state_
  void publish() const;                                     // REQUIRES: state_
  void save() const;                                        // REQUIRES: state_

  const std::string file_;
  const validate::Rules rules_;
  const World world_;
  std::mutex state_;
  std::shared_ptr<const validate::Anchors> configured_;  // guarded by state_
  std::vector<validate::Rollover> rollovers_;            // guarded by state_
  std::mutex mutex_;
  std::condition_variable ends_;
  bool ending_ = false;  // guarded by mutex_
  std::thread thread_;
};

}  // namespace placard::app
