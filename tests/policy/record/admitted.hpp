// Lists for tests that are not about the guards: as an operator's feed with guards = "off" would bring them.
#pragma once

#include <string>

#include "policy/record/list_intake.hpp"

namespace placard::policy {

inline AdmittedList admitted(std::string list, RuleList& rules, const std::string& meta = "{}") {
  const ListTerms terms{.list = std::move(list), .decision = {}, .mandate = {}, .overridden = {}, .guards = false};
  return ListIntake::admit(terms, rules, Guards{}, [](const GuardedRule&) {}, [&] { return meta; }).value();
}
/// For the one statement that it stands in.
inline AdmittedList admitted(std::string list, RuleList&& rules, const std::string& meta = "{}") {
  return admitted(std::move(list), rules, meta);
}

}  // namespace placard::policy
