// What `placard check` and the start look at beyond the options themselves: the files they name.
#pragma once

#include <string>
#include <vector>

#include "resolver/app/options.hpp"

namespace placard::app {

struct CheckResult {
  std::vector<std::string> problems;  ///< one line for each thing that is wrong; empty: good
  std::vector<std::string> warnings;  ///< what is doubtful
};
inline constexpr const char* kNoContact =
    "notice.operator_contact is empty: the notice names nobody to write to, and the Link that RFC 7725 asks "
    "for points into the page itself";

/// Reads zone files and root hints, and where there is a record already, verifies its log.
CheckResult check_configuration(const Options& options);

}  // namespace placard::app
