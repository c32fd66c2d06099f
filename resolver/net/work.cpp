#include "resolver/net/work.hpp"

#include <sched.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <stdexcept>
#include <system_error>

#include "resolver/net/loop.hpp"

namespace placard::net {
namespace {

constexpr std::uint64_t kShortTurn = 100'000;  // nanoseconds: the least that Linux grants

/// What is done waits for what is done next, but no longer: each word to the loop is two switches of the processor
/// where they share one.
constexpr auto kLongestHeldBack = std::chrono::microseconds(500);

}  // namespace

struct WorkPool::Request {
  std::function<void()> job;
  Completion<bool>* waiter = nullptr;  // of the loop's thread
};

/// Takes the waiter off its request when the awaiting frame goes first.
class WorkPool::Waiting {
 public:
  explicit Waiting(Request& request) : request_(request) { request_.waiter = &done; }
  ~Waiting() {
    if (!done.completed()) request_.waiter = nullptr;
  }
  Waiting(const Waiting&) = delete;
  Waiting& operator=(const Waiting&) = delete;
  Completion<bool> done;

 private:
  Request& request_;  // lives until `done` is completed, or this is gone
};

Task<void> work(Loop& loop, std::function<void()> job) {
  auto request = std::make_unique<WorkPool::Request>();
  request->job = std::move(job);
  WorkPool::Waiting waiting(*request);
  loop.pool().queue(std::move(request));
  co_await waiting.done;
}

void stand_back() {
  const int now = ::getpriority(PRIO_PROCESS, 0);  // of this thread only, on Linux
  if (now < kBackgroundNiceness) (void)::setpriority(PRIO_PROCESS, 0, kBackgroundNiceness);
}

void step_forward() {
  // <linux/sched/types.h> has this too, and clashes with <sched.h>.
  struct Attributes {
    std::uint32_t size, policy;
    std::uint64_t flags;
    std::int32_t nice;
    std::uint32_t priority;
    std::uint64_t runtime, deadline, period;
  } attributes{};
  if (::syscall(SYS_sched_getattr, 0, &attributes, sizeof attributes, 0) != 0 || attributes.policy != SCHED_OTHER)
    return;
  attributes.runtime = kShortTurn;
  (void)::syscall(SYS_sched_setattr, 0, &attributes, 0);
}

void WorkPool::queue(std::unique_ptr<Request> request) {
  std::unique_lock lock(mutex_);
  waiting_.push_back(std::move(request));
  const bool enough = idle_ >= waiting_.size();
  lock.unlock();
  if (enough || add_thread() || !threads_.empty()) {
    more_.notify_one();
    return;
  }
  lock.lock();  // not one thread to be had: the job is done here
  auto alone = std::move(waiting_.back());
  waiting_.pop_back();
  lock.unlock();
  alone->job();
  if (alone->waiter != nullptr) alone->waiter->complete(true);
}

/// False: there are enough, or the system gives no more.
bool WorkPool::add_thread() {
  if (threads_.size() >= most_threads_) return false;
  try {
    threads_.emplace_back([this] { run_jobs(); });
  } catch (const std::system_error&) {
    return false;
  }
  return true;
}

void WorkPool::run_jobs() {
  stand_back();
  std::unique_lock lock(mutex_);
  while (true) {
    ++idle_;
    more_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
    --idle_;
    if (stopping_) return;
    auto request = std::move(waiting_.front());
    waiting_.pop_front();
    lock.unlock();
    request->job();
    const auto now = std::chrono::steady_clock::now();
    lock.lock();
    if (done_.empty()) oldest_done_ = now;
    done_.push_back(std::move(request));
    if (told_ || (!waiting_.empty() && now - oldest_done_ < kLongestHeldBack)) continue;
    told_ = true;
    eventfd_write(finished_.get(), 1);
  }
}

/// On the loop's thread.
void WorkPool::end_jobs() {
  eventfd_t ignored = 0;
  eventfd_read(finished_.get(), &ignored);
  std::vector<std::unique_ptr<Request>> done;
  {
    const std::lock_guard lock(mutex_);
    done.swap(done_);
    told_ = false;
  }
  for (const auto& request : done)
    if (request->waiter != nullptr) request->waiter->complete(true);
}

WorkPool::WorkPool(uv_loop_t* loop)
    : finished_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      most_threads_(std::clamp(uv_available_parallelism(), 1U, kMostWorkThreads)) {
  if (finished_.get() < 0) throw std::runtime_error("cannot make a pool of threads: " + system_error_text(errno));
  uv_poll_init(loop, &poll_, finished_.get());
  poll_.data = this;
  uv_poll_start(&poll_, UV_READABLE, [](uv_poll_t* poll, int, int) { static_cast<WorkPool*>(poll->data)->end_jobs(); });
}

void WorkPool::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  more_.notify_all();
  for (auto& thread : threads_) thread.join();
  threads_.clear();
}

WorkPool::~WorkPool() = default;

}  // namespace placard::net
