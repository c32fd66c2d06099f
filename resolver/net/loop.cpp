#include "resolver/net/loop.hpp"

#include <algorithm>
#include <cassert>
#include <csignal>
#include <stdexcept>
#include <string>
#include <variant>

#include "resolver/net/work.hpp"

namespace placard::net {
namespace {

/// Passes over the armed work in one round: what its work arms anew; the rest waits for the next round, which is at
/// once.
constexpr int kMaxPasses = 4;

void require(int status, const char* what) {
  if (status != 0)
    throw std::runtime_error(std::string("cannot make an event loop: ") + what + ": " + uv_strerror(status));
}

void ignore_broken_pipes() {
  struct sigaction present{};
  if (sigaction(SIGPIPE, nullptr, &present) == 0 && present.sa_handler == SIG_DFL) std::signal(SIGPIPE, SIG_IGN);
}

}  // namespace

Loop::Loop() {
  ignore_broken_pipes();
  require(uv_loop_init(&loop_), "uv_loop_init");
  loop_.data = this;
  require(uv_async_init(&loop_, &wake_, [](uv_async_t* handle) { static_cast<Loop*>(handle->loop->data)->on_wake(); }),
          "uv_async_init");
  // The following cannot fail: they only enter the handles in the loop's lists.
  uv_timer_init(&loop_, &timer_);
  uv_prepare_init(&loop_, &prepare_);
  uv_idle_init(&loop_, &idle_);
  uv_prepare_start(&prepare_, [](uv_prepare_t* handle) { static_cast<Loop*>(handle->loop->data)->on_prepare(); });
}

Loop::~Loop() {
  assert(!running_);
  std::vector<std::function<void()>> dropped;
  {
    const std::lock_guard lock(mutex_);
    dropped.swap(posted_);
  }
  dropped.clear();
  alarms_.forget_all();
  if (pool_) pool_->stop();
  const auto close_open = [](uv_handle_t* handle, void*) {
    if (!uv_is_closing(handle)) uv_close(handle, nullptr);
  };
  while (uv_loop_close(&loop_) == UV_EBUSY) {
    uv_walk(&loop_, close_open, nullptr);
    uv_run(&loop_, UV_RUN_DEFAULT);
  }
}

WorkPool& Loop::pool() {
  if (!pool_) pool_ = std::make_unique<WorkPool>(&loop_);
  return *pool_;
}

void Loop::run() {
  running_ = true;
  uv_run(&loop_, UV_RUN_DEFAULT);
  running_ = false;
  const std::lock_guard lock(mutex_);
  stopping_ = false;
}

void Loop::stop() {
  const std::lock_guard lock(mutex_);
  stopping_ = true;
  uv_async_send(&wake_);  // under the lock: once run() has seen stopping_, nobody touches wake_ any more
}

void Loop::post(std::function<void()> work) {
  const std::lock_guard lock(mutex_);
  posted_.push_back(std::move(work));
  uv_async_send(&wake_);
}

void Loop::on_wake() {
  std::vector<std::function<void()>> work;
  bool stopping = false;
  {
    const std::lock_guard lock(mutex_);
    work.swap(posted_);
    stopping = stopping_;
  }
  for (auto& each : work) {
    each();
    each = nullptr;  // what it holds goes in the order posted, too
  }
  if (stopping) uv_stop(&loop_);
}

void Loop::start_alarm(Alarm& alarm, Milliseconds delay) {
  if (!running_) uv_update_time(&loop_);  // the last round may be long ago
  alarms_.insert(alarm, now() + delay);
  set_timer();
}

void Loop::set_timer() {
  // A timer that is set too early is left: it fires, finds nothing due, and is set anew. Stopping is the common case.
  if (alarms_.empty() || alarms_.next() >= timer_due_) return;
  timer_due_ = alarms_.next();
  // At least 1: libuv before 1.45 serves timers of 0 that are set by timers without end.
  const Milliseconds delay = timer_due_ > now() ? timer_due_ - now() : 1;
  uv_timer_start(&timer_, [](uv_timer_t* handle) { static_cast<Loop*>(handle->loop->data)->on_timer(); }, delay, 0);
}

void Loop::on_timer() {
  timer_due_ = UINT64_MAX;
  alarms_.run(now());
  set_timer();
}

void Loop::on_prepare() {
  for (int pass = 0; pass < kMaxPasses && !round_ends_.empty(); ++pass) {
    ending_.swap(round_ends_);
    for (std::size_t i = 0; i < ending_.size(); ++i) {
      RoundEnd* end = ending_[i];
      if (end == nullptr) continue;
      ending_[i] = nullptr;
      end->armed_ = false;
      end->work_();
    }
    ending_.clear();
  }
  if (round_ends_.empty()) uv_idle_stop(&idle_);
}

void Alarm::start(Milliseconds delay) {
  stop();
  loop_.start_alarm(*this, delay);
}

void Alarm::stop() noexcept {
  if (running()) loop_.alarms_.remove(*this);
}

void RoundEnd::arm() {
  if (armed_) return;
  armed_ = true;
  loop_.round_ends_.push_back(this);
  uv_idle_start(&loop_.idle_, [](uv_idle_t*) {});
}

RoundEnd::~RoundEnd() {
  if (!armed_) return;
  std::ranges::replace(loop_.round_ends_, this, nullptr);
  std::ranges::replace(loop_.ending_, this, nullptr);
}

struct Timer::Handle final : Alarm {
  Handle(Loop& loop, std::function<void()> on_time_work) : Alarm(loop), work(std::move(on_time_work)) {}
  void on_time() override {
    calling = true;
    work();
    calling = false;
    if (orphaned) delete this;
  }
  std::function<void()> work;
  bool calling = false;
  bool orphaned = false;  // the Timer is gone, on_time() frees this
};

Timer::Timer(Loop& loop, std::function<void()> on_time) : handle_(new Handle(loop, std::move(on_time))) {}

Timer::~Timer() {
  handle_->stop();
  if (handle_->calling) {
    handle_->orphaned = true;
  } else {
    delete handle_;
  }
}

void Timer::start(Milliseconds delay) {
  handle_->start(delay);
}
void Timer::stop() {
  handle_->stop();
}

namespace {

struct Sleeper final : Alarm, Completion<std::monostate> {
  explicit Sleeper(Loop& loop) : Alarm(loop) {}
  void on_time() override { complete({}); }
};

}  // namespace

Task<void> sleep(Loop& loop, Milliseconds delay) {
  Sleeper sleeper(loop);
  sleeper.start(delay);
  co_await sleeper;
}

}  // namespace placard::net
