#include "resolver/net/work.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <memory>

namespace placard::net {
namespace {

constexpr int kNiceness = 10;  // of the pool's threads: a flood of work leaves the answering threads their processor

struct Request {
  uv_work_t handle;
  std::function<void()> job;
  Completion<bool>* waiter = nullptr;
};

/// Takes the waiter off its request when the awaiting frame goes first.
class Waiting {
 public:
  explicit Waiting(Request& request) : request_(request) { request_.waiter = &done; }
  ~Waiting() {
    if (!done.completed()) request_.waiter = nullptr;
  }
  Waiting(const Waiting&) = delete;
  Waiting& operator=(const Waiting&) = delete;
  Completion<bool> done;

 private:
  Request& request_;
};

void run_job(uv_work_t* handle) {
  thread_local const int stood_back = setpriority(PRIO_PROCESS, static_cast<id_t>(gettid()), kNiceness);
  (void)stood_back;
  static_cast<Request*>(handle->data)->job();
}

void end_job(uv_work_t* handle, int /*status*/) {
  const std::unique_ptr<Request> request(static_cast<Request*>(handle->data));
  if (request->waiter != nullptr) request->waiter->complete(true);
}

}  // namespace

Task<void> work(Loop& loop, std::function<void()> job) {
  auto request = std::make_unique<Request>();
  request->job = std::move(job);
  request->handle.data = request.get();
  if (uv_queue_work(loop.uv(), &request->handle, run_job, end_job) != 0) {
    request->job();  // cannot happen: both functions are given
    co_return;
  }
  Waiting waiting(*request.release());  // end_job frees it
  co_await waiting.done;
}

}  // namespace placard::net
