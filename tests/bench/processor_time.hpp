// What a server has cost so far: the scheduler's own count, in nanoseconds, of all its threads.
#pragma once

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

namespace placard {

/// Seconds on a processor of all threads of the processes, "1234,1235".
inline double processor_time(const std::string& pids) {
  double sum = 0;
  std::istringstream list(pids);
  for (std::string pid; std::getline(list, pid, ',');) {
    std::error_code none;
    for (const auto& task : std::filesystem::directory_iterator("/proc/" + pid + "/task", none)) {
      double nanoseconds = 0;
      std::ifstream(task.path() / "schedstat") >> nanoseconds;
      sum += nanoseconds / 1e9;
    }
  }
  return sum;
}

}  // namespace placard
