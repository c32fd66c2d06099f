// What programs have cost so far: the scheduler's own count, in nanoseconds, of all their threads.
#pragma once

#include <ctime>

#include <chrono>
#include <sstream>
#include <string>
#include <vector>

namespace placard {

/// The clocks of the processes "1234,1235"; without those that are not there.
inline std::vector<clockid_t> processor_clocks(const std::string& pids) {
  std::vector<clockid_t> found;
  std::istringstream list(pids);
  for (std::string pid; std::getline(list, pid, ',');)
    if (clockid_t clock{}; clock_getcpuclockid(std::stoi(pid), &clock) == 0) found.push_back(clock);
  return found;
}

/// On processors, of all of them.
inline std::chrono::nanoseconds processor_time(const std::vector<clockid_t>& clocks) {
  std::chrono::nanoseconds sum{};
  for (const clockid_t each : clocks)
    if (timespec time{}; clock_gettime(each, &time) == 0)
      sum += std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
  return sum;
}

/// Seconds on a processor of all threads of the processes, "1234,1235", those that have ended included.
inline double processor_time(const std::string& pids) {
  return std::chrono::duration<double>(processor_time(processor_clocks(pids))).count();
}

}  // namespace placard
