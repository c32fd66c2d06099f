#include "resolver/app/check.hpp"

#include "policy/public/notice.hpp"
#include "resolver/app/privileges.hpp"
#include "resolver/app/snapshots.hpp"

namespace placard::app {

CheckResult check_configuration(const Options& options) {
  auto zones = load_zones(options, {});
  auto problems = std::move(zones.problems);
  if (const auto worker = worker_options(options); !worker) problems.push_back(worker.error());
  if (const auto privileges = Privileges::find(options.fixed.user); !privileges) problems.push_back(privileges.error());
  const auto& contact = options.reloadable.operator_contact;
  if (!contact.empty() && !policy::is_public_link(contact))
    problems.push_back("notice.operator_contact: must be a mailto:, https: or http: address");
  return {std::move(problems), std::move(zones.warnings)};
}

}  // namespace placard::app
