#include "resolver/net/loop.hpp"

#include <sys/eventfd.h>

#include <algorithm>
#include <cassert>
#include <csignal>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
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

/// Of post(): one piece of work, and what was posted before it.
struct Loop::Posted {
  std::function<void()> work;
  Posted* next;
};

Loop::Loop() : wake_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  ignore_broken_pipes();
  require(uv_loop_init(&loop_), "uv_loop_init");
  loop_.data = this;
  require(uv_poll_init(&loop_, &poll_, wake_.get()), "uv_poll_init");
  uv_poll_start(&poll_, UV_READABLE,
                [](uv_poll_t* poll, int, int) { static_cast<Loop*>(poll->loop->data)->on_wake(); });
  // The following cannot fail: they only enter the handles in the loop's lists.
  uv_timer_init(&loop_, &timer_);
  uv_prepare_init(&loop_, &prepare_);
  uv_idle_init(&loop_, &idle_);
  uv_prepare_start(&prepare_, [](uv_prepare_t* handle) { static_cast<Loop*>(handle->loop->data)->on_prepare(); });
}

Loop::~Loop() {
  assert(!running_);
  while (callers_ > 0) std::this_thread::yield();
  for (Posted* each = take_posted(); each != nullptr;) delete std::exchange(each, each->next);
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
  stopping_ = false;
}

void Loop::stop() {
  ++callers_;
  stopping_ = true;
  eventfd_write(wake_.get(), 1);
  --callers_;
}

void Loop::post(std::function<void()> work) {
  ++callers_;
  auto* posted = new Posted{std::move(work), posted_.load()};
  while (!posted_.compare_exchange_weak(posted->next, posted)) {
  }
  eventfd_write(wake_.get(), 1);
  --callers_;
}

/// All that was posted, in that order.
Loop::Posted* Loop::take_posted() {
  Posted* taken = nullptr;
  for (Posted* latest = posted_.exchange(nullptr); latest != nullptr;) {
    Posted* const one = std::exchange(latest, latest->next);
    one->next = std::exchange(taken, one);
  }
  return taken;
}

void Loop::on_wake() {
  eventfd_t ignored = 0;
  eventfd_read(wake_.get(), &ignored);
  const bool stopping = stopping_;
  for (Posted* each = take_posted(); each != nullptr;) {
    const std::unique_ptr<Posted> one(std::exchange(each, each->next));
    one->work();
    glance();
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
  alarms_.run(now(), [this] { glance(); });
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

void Loop::glance() {
  const std::uint64_t now = uv_hrtime();
  if (now - glanced_ < kGlanceInterval) return;
  glanced_ = now;
  for (Urgent* each : urgent_) each->work_();
}

Urgent::Urgent(Loop& loop, std::function<void()> work) : loop_(loop), work_(std::move(work)) {
  loop_.urgent_.push_back(this);
}

Urgent::~Urgent() {
  std::erase(loop_.urgent_, this);
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
