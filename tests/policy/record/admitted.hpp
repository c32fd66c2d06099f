// Lists for tests that are not about the guards.
#pragma once

#include <string>

#include "policy/record/store_list.hpp"

namespace placard::policy {

/// What the guards' intake does once it has looked at a list.
struct ListIntake {
  static AdmittedList admit(std::string list, const RuleList& rules, std::string meta = "{}") {
    return AdmittedList(std::move(list), rules, std::move(meta));
  }
};

}  // namespace placard::policy
