// What `placard check` and the start look at beyond the options themselves: the files they name.
#pragma once

#include <string>
#include <vector>

#include "resolver/app/options.hpp"

namespace placard::app {

struct CheckResult {
  std::vector<std::string> problems;  ///< one line for each thing that is wrong; empty: good
  std::vector<std::string> warnings;  ///< what is doubtful in zones
};
/// Reads zone files and root hints.
CheckResult check_configuration(const Options& options);

}  // namespace placard::app
