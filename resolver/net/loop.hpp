// One libuv loop: timers that coroutines await, work posted from other threads, and the clock of the thread.
//
// Loop belongs to one thread; only post() and stop() may be called from others. It takes no lock that they hold: a
// thread of the background may be put aside in the middle of post(), and the loop must not wait until it gets the
// processor again (libuv's uv_async_send would have it spin until then). Making one sets SIGPIPE, when nobody handles
// it, to be ignored: a peer that closes must not end the program.
#pragma once

#include <uv.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "resolver/net/alarm.hpp"
#include "resolver/net/socket.hpp"
#include "resolver/net/task.hpp"

namespace placard::net {

inline constexpr std::uint64_t kGlanceInterval = 100'000;  ///< nanoseconds

class RoundEnd;
class Urgent;
class WorkPool;

class Loop {
 public:
  Loop();   ///< throws std::runtime_error when the system gives no loop
  ~Loop();  ///< closes what is still open; REQUIRES run() has returned
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  uv_loop_t* uv() { return &loop_; }
  WorkPool& pool();  ///< made when it is first asked for
  void run();        ///< until stop(), which may have come first; may be called again
  void stop();       ///< from any thread
  /// Runs `work` on the loop's thread, soon, in the order posted. From any thread. Work not yet run when the loop is
  /// destroyed is dropped.
  void post(std::function<void()> work);
  /// Does what is urgent, unless that was done less than kGlanceInterval ago. To be called between the pieces of long
  /// work, not inside of what is urgent itself.
  void glance();
  Milliseconds now() const { return uv_now(&loop_); }  ///< as of the start of this round of the loop

 private:
  friend class Alarm;
  friend class RoundEnd;
  friend class Urgent;
  void start_alarm(Alarm& alarm, Milliseconds delay);
  void set_timer();
  void on_timer();
  void on_wake();
  struct Posted;
  Posted* take_posted();
  void on_prepare();

  uv_loop_t loop_;
  Descriptor wake_;       // eventfd
  uv_poll_t poll_;        // on wake_
  uv_timer_t timer_;      // serves alarms_
  uv_prepare_t prepare_;  // serves round_ends_, before the loop waits
  uv_idle_t idle_;        // active while round_ends_ has any: then the loop does not wait
  AlarmHeap alarms_;
  Milliseconds timer_due_ = UINT64_MAX;  // what timer_ is set to
  std::vector<RoundEnd*> round_ends_;    // armed; nullptr: gone since
  std::vector<RoundEnd*> ending_;        // those of on_prepare() that runs just now
  std::vector<Urgent*> urgent_;
  std::uint64_t glanced_ = 0;  // nanoseconds of uv_hrtime()
  std::unique_ptr<WorkPool> pool_;
  bool running_ = false;
  std::atomic<Posted*> posted_ = nullptr;  // the latest first
  std::atomic<bool> stopping_ = false;
  std::atomic<int> callers_ = 0;  // of post() and stop(), just now
};

/// Work that gathers during a round of the loop and is done at once at its end, before the loop waits (after Knot
/// Resolver's udp_queue): answers leave together in one system call. Nothing armed is ever left to a later event.
class RoundEnd {
 public:
  RoundEnd(Loop& loop, std::function<void()> work) : loop_(loop), work_(std::move(work)) {}
  ~RoundEnd();  ///< REQUIRES: not inside its own work
  RoundEnd(const RoundEnd&) = delete;
  RoundEnd& operator=(const RoundEnd&) = delete;
  void arm();  ///< once more until the work has begun

 private:
  friend class Loop;
  Loop& loop_;
  std::function<void()> work_;
  bool armed_ = false;
};

/// Work that is soon done and should not wait until a round's long work is: it looks whether there is any.
class Urgent {
 public:
  Urgent(Loop& loop, std::function<void()> work);
  ~Urgent();  ///< REQUIRES: not inside glance()
  Urgent(const Urgent&) = delete;
  Urgent& operator=(const Urgent&) = delete;

 private:
  friend class Loop;
  Loop& loop_;
  std::function<void()> work_;
};

/// Calls back once after a delay, unless destroyed or restarted before; may be destroyed inside its own call.
class Timer {
 public:
  Timer(Loop& loop, std::function<void()> on_time);
  ~Timer();
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;
  void start(Milliseconds delay);
  void stop();

 private:
  struct Handle;
  Handle* handle_;  // outlives this object while its call runs
};

/// co_await sleep: cancellable by destruction.
Task<void> sleep(Loop& loop, Milliseconds delay);

}  // namespace placard::net
