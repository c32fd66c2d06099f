// Work too long for a loop's thread: it runs on threads beside it, which stand back behind those that answer.
//
// libuv's own pool is not used: where a loop and its pool share a processor, the loop wakes while the pool's thread
// still holds uv_async_t, and spins a thousand pauses for it (7.6% of the processor time of cold signed names). Here
// finished jobs go into a list; the loop is told by an eventfd when nothing else is to be done, or half a millisecond
// after the first.
#pragma once

#include <uv.h>

#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "resolver/net/socket.hpp"
#include "resolver/net/task.hpp"

namespace placard::net {

class Loop;

inline constexpr unsigned kMostWorkThreads = 4;  ///< of one loop; no more than there are processors for it
inline constexpr int kBackgroundNiceness = 10;   ///< a flood of work leaves the answering threads their processor

/// The calling thread gives way to those that answer, for good: an unprivileged one can't come back. So do threads that
/// it begins later.
void stand_back();

/// The calling thread answers: it wants the processor in short turns, and so gets it as soon as it has something to do,
/// in the middle of the turn of a thread that has stood back (Linux 6.12 on; elsewhere nothing changes). So do threads
/// that it begins later.
void step_forward();

/// Runs `job` on another thread and comes back on the loop's. A job cannot be called back: when the awaiting task is
/// destroyed it may still run, so it owns all that it touches. Nothing it does may throw.
Task<void> work(Loop& loop, std::function<void()> job);

/// The threads of one loop, begun when there is work for them. All but the threads' own part is of the loop's thread.
class WorkPool {
 public:
  explicit WorkPool(uv_loop_t* loop);  ///< throws std::runtime_error when the system gives no eventfd
  ~WorkPool();                         ///< REQUIRES: stopped, and its handle closed
  WorkPool(const WorkPool&) = delete;
  WorkPool& operator=(const WorkPool&) = delete;
  void stop();  ///< waits for the jobs that run; those that have not begun are dropped

 private:
  friend Task<void> work(Loop& loop, std::function<void()> job);
  struct Request;
  class Waiting;
  void queue(std::unique_ptr<Request> request);
  bool add_thread();
  void run_jobs();
  void end_jobs();

  Descriptor finished_;  // eventfd
  uv_poll_t poll_;
  const unsigned most_threads_;
  std::vector<std::thread> threads_;
  std::mutex mutex_;
  std::condition_variable more_;
  // Guarded by mutex_:
  std::deque<std::unique_ptr<Request>> waiting_;
  std::vector<std::unique_ptr<Request>> done_;
  std::chrono::steady_clock::time_point oldest_done_;
  bool told_ = false;     // of what is done
  std::size_t idle_ = 0;  // threads
  bool stopping_ = false;
};

}  // namespace placard::net
