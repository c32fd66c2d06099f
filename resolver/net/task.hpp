// Task<T>: the coroutine of the miss path. Lazy, single-threaded, owned by whoever holds it.
//
// - A Task starts when it is awaited (or spawned into a TaskSet), on the awaiting thread, and never moves to another.
// - The child runs inside await_ready(), and the parent suspends only when the child did not finish: a loop over
//   children that complete at once (cache hits) stays flat on the stack, at every optimisation level.
// - Cancelling is destroying: a Task owns its frame, the frame owns the child it awaits, and the innermost
//   awaitable takes itself off the event loop in its destructor. Nothing runs afterwards.
// - No exception crosses a suspension: results are std::expected; one that escapes ends the program.
// - GCC 12 destroys temporaries in the operand of co_await twice when they are aggregates, brace lists or capturing
//   lambdas: name them first. Only named functions are coroutines, their parameters are values or references to what
//   the resolution owns.
#pragma once

#include <cassert>
#include <coroutine>
#include <cstddef>
#include <exception>
#include <iterator>
#include <list>
#include <optional>
#include <type_traits>
#include <utility>

namespace placard::net {

template <class T>
class Task;

namespace detail {

/// Told when a root task has ended, while the last of its frame is still on the stack.
struct RootEnd {
  virtual void ended() noexcept = 0;

 protected:
  ~RootEnd() = default;
};

struct PromiseBase {
  std::coroutine_handle<> continuation;
  RootEnd* root = nullptr;

  struct Final {
    bool await_ready() const noexcept { return false; }
    template <class Promise>
    void await_suspend(std::coroutine_handle<Promise> self) const noexcept {
      // No continuation: the parent is still inside await_ready() and sees done(), or this is a root.
      // The frame may be destroyed by what the continuation does, so nothing of it is touched afterwards.
      if (auto next = self.promise().continuation) {
        next.resume();
      } else if (auto* root = self.promise().root) {
        root->ended();
      }
    }
    void await_resume() const noexcept {}
  };

  std::suspend_always initial_suspend() const noexcept { return {}; }
  Final final_suspend() const noexcept { return {}; }
  [[noreturn]] void unhandled_exception() const noexcept { std::terminate(); }
};

template <class T>
struct Promise : PromiseBase {
  std::optional<T> value;
  Task<T> get_return_object();
  template <class U>
  void return_value(U&& result) {
    value.emplace(std::forward<U>(result));
  }
};

template <>
struct Promise<void> : PromiseBase {
  Task<void> get_return_object();
  void return_void() const noexcept {}
};

}  // namespace detail

template <class T = void>
class [[nodiscard]] Task {
 public:
  using promise_type = detail::Promise<T>;
  using Handle = std::coroutine_handle<promise_type>;

  explicit Task(Handle handle) : handle_(handle) {}
  Task(Task&& other) noexcept : handle_(std::exchange(other.handle_, {})) {}
  Task& operator=(Task&& other) noexcept {
    if (this != &other) {
      if (handle_) handle_.destroy();
      handle_ = std::exchange(other.handle_, {});
    }
    return *this;
  }
  ~Task() {
    if (handle_) handle_.destroy();
  }

  bool done() const { return handle_.done(); }
  /// Runs to the first suspension. REQUIRES: not started yet.
  void start() { handle_.resume(); }
  /// REQUIRES: done(); once.
  T take() {
    assert(done());
    if constexpr (!std::is_void_v<T>) return std::move(*handle_.promise().value);
  }
  /// Called (resumed) when the task ends; REQUIRES: not done.
  void on_done(std::coroutine_handle<> continuation) { handle_.promise().continuation = continuation; }

  bool await_ready() {
    handle_.resume();
    return handle_.done();
  }
  void await_suspend(std::coroutine_handle<> parent) { handle_.promise().continuation = parent; }
  T await_resume() { return take(); }

 private:
  friend class TaskSet;
  Handle handle_;
};

namespace detail {
template <class T>
Task<T> Promise<T>::get_return_object() {
  return Task<T>(Task<T>::Handle::from_promise(*this));
}
inline Task<void> Promise<void>::get_return_object() {
  return Task<void>(Task<void>::Handle::from_promise(*this));
}
}  // namespace detail

/// The innermost awaitable: something outside (a timer, a socket, another resolution) completes it with a value.
/// Lives in the awaiting frame; whoever may complete it must be told to forget it before it is destroyed: derive,
/// or hold it beside a registration whose destructor does that. Completed before it is awaited: no suspension.
template <class T>
class Completion {
 public:
  Completion() = default;
  Completion(const Completion&) = delete;
  Completion& operator=(const Completion&) = delete;

  bool completed() const { return value_.has_value(); }
  /// Once. Resumes the waiting coroutine inside this call; `this` may be gone when it returns.
  void complete(T value) {
    assert(!value_);
    value_.emplace(std::move(value));
    if (auto waiter = std::exchange(waiter_, {})) waiter.resume();
  }

  bool await_ready() const { return value_.has_value(); }
  void await_suspend(std::coroutine_handle<> waiter) { waiter_ = waiter; }
  T await_resume() { return std::move(*value_); }

 private:
  std::optional<T> value_;
  std::coroutine_handle<> waiter_;
};

/// Roots: tasks that nobody awaits. Each is freed after it ended, outside of its own frame's execution: at the next
/// spawn() or collect(), in time that depends on the ended ones only. Destroying the set cancels them all.
class TaskSet {
 public:
  TaskSet() = default;
  TaskSet(const TaskSet&) = delete;
  TaskSet& operator=(const TaskSet&) = delete;
  ~TaskSet() { cancel_all(); }

  /// Starts the task at once. A task of the set may spawn further ones.
  void spawn(Task<void> task) {
    collect();
    Root& root = running_.emplace_back(*this, std::move(task));
    root.self = std::prev(running_.end());
    root.task.handle_.promise().root = &root;
    root.task.start();
  }
  /// Frees what has ended.
  void collect() {
    // Taken out first: what a frame's parameters do in their destructors may spawn again.
    const std::list<Root> gone = std::move(ended_);
    ended_.clear();
  }
  /// REQUIRES: not called by one of the set's tasks. What destructors spawn meanwhile is cancelled too.
  void cancel_all() {
    // One at a time: a frame's destructors may let another task of the set end.
    while (!running_.empty() || !ended_.empty()) {
      collect();
      std::list<Root> one;
      if (!running_.empty()) one.splice(one.end(), running_, running_.begin());
    }
  }
  std::size_t size() const { return running_.size(); }  ///< that have not ended

 private:
  struct Root final : detail::RootEnd {
    Root(TaskSet& set, Task<void> owned) : task(std::move(owned)), set_(set) {}
    void ended() noexcept override { set_.ended_.splice(set_.ended_.end(), set_.running_, self); }
    Task<void> task;
    std::list<Root>::iterator self;

   private:
    TaskSet& set_;
  };

  std::list<Root> running_;
  std::list<Root> ended_;
};

}  // namespace placard::net
