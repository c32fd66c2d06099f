#include "resolver/net/background.hpp"

#include <linux/capability.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <map>
#include <mutex>
#include <optional>
#include <stop_token>
#include <system_error>

#include "resolver/net/work.hpp"

namespace placard::net {
namespace {

constexpr auto kLook = std::chrono::milliseconds(250);
constexpr long kFewest = 20;  // who got less than one part in so many of the time between two looks starves

constexpr const char* kTasks = "/proc/self/task";
constexpr rlim_t kNeeded = 20 - kBackgroundNiceness;  // as RLIMIT_NICE counts

/// /proc/PID/task/TID/stat, proc(5).
struct Turns {
  bool wanted = false;  // runs, or would
  long ticks = 0;       // of processor time it had
};

std::optional<Turns> turns_of(const std::filesystem::path& task) {
  std::array<char, 1024> text;
  auto* file = std::fopen((task / "stat").c_str(), "re");
  if (file == nullptr) return std::nullopt;  // it has ended
  text[std::fread(text.data(), 1, text.size() - 1, file)] = 0;
  std::fclose(file);
  const char* behind_name = std::strrchr(text.data(), ')');
  char state = 0;
  long user = 0, system = 0;
  if (behind_name == nullptr ||
      std::sscanf(behind_name + 1, " %c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %ld %ld", &state, &user, &system) != 3)
    return std::nullopt;
  return Turns{state == 'R', user + system};
}

bool set_policy(pid_t thread, int policy) {
  const sched_param none{};
  return ::sched_setscheduler(thread, policy, &none) == 0;
}

/// Looks at the threads of the process that run SCHED_IDLE, of whichever job: one that starves is one too many.
class Watch {
 public:
  /// False: it could not look.
  bool look() {
    const auto now = std::chrono::steady_clock::now();
    const auto ticks = std::chrono::duration<double>(now - last_).count() * static_cast<double>(::sysconf(_SC_CLK_TCK));
    std::map<pid_t, Turns> seen;
    std::error_code error;
    for (std::filesystem::directory_iterator task(kTasks, error), end; !error && task != end; task.increment(error)) {
      const auto thread = static_cast<pid_t>(std::atoi(task->path().filename().c_str()));
      if (::sched_getscheduler(thread) != SCHED_IDLE) continue;
      const auto turns = turns_of(task->path());
      if (!turns) continue;
      const auto before = seen_.find(thread);
      const bool starved = before != seen_.end() && before->second.wanted && turns->wanted &&
                           static_cast<double>((turns->ticks - before->second.ticks) * kFewest) < ticks;
      if (starved) set_policy(thread, SCHED_OTHER);
      seen.emplace(thread, *turns);
    }
    seen_ = std::move(seen);
    last_ = now;
    return !error;
  }

 private:
  std::map<pid_t, Turns> seen_;
  std::chrono::steady_clock::time_point last_ = std::chrono::steady_clock::now();
};

/// Until the job ends; where it can't look, `whose` thread must not need it.
void watch(const std::stop_token& stop, pid_t whose) {
  try {
    Watch watch;
    std::mutex mutex;
    std::condition_variable_any wake;
    std::unique_lock lock(mutex);
    while (!wake.wait_for(lock, stop, kLook, [&] { return stop.stop_requested(); }))
      if (!watch.look()) set_policy(whose, SCHED_OTHER);
  } catch (const std::exception&) {  // no memory
    set_policy(whose, SCHED_OTHER);
  }
}

}  // namespace

bool may_come_back() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NICE, &limit) == 0 && limit.rlim_cur >= kNeeded) return true;
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> capabilities{};
  return ::syscall(SYS_capget, &header, capabilities.data()) == 0 &&
         (capabilities[0].effective & CAP_TO_MASK(CAP_SYS_NICE)) != 0;
}

Background::Background() {
  stand_back();
  std::error_code no_proc;
  if (::sched_getscheduler(0) != SCHED_OTHER || !may_come_back() || !std::filesystem::exists(kTasks, no_proc)) return;
  try {
    watch_ = std::jthread(watch, ::gettid());
  } catch (const std::system_error&) {
    return;  // without somebody who watches it is not safe
  }
  set_policy(0, SCHED_IDLE);
}

Background::~Background() {
  if (watch_.joinable()) set_policy(0, SCHED_OTHER);
}

Foreground::Foreground() : was_behind_(::sched_getscheduler(0) == SCHED_IDLE && may_come_back()) {
  if (was_behind_) set_policy(0, SCHED_OTHER);
}

Foreground::~Foreground() {
  if (was_behind_) set_policy(0, SCHED_IDLE);
}

void allow_background() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NICE, &limit) != 0) return;
  limit.rlim_max = std::max(limit.rlim_max, kNeeded);
  limit.rlim_cur = std::max(limit.rlim_cur, kNeeded);
  (void)::setrlimit(RLIMIT_NICE, &limit);
}

}  // namespace placard::net
