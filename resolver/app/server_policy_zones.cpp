// The server's share in policy zones of its own decisions: which are in force, and which may be told.
#include "policy/public/policy_zone.hpp"
#include "resolver/app/clock.hpp"
#include "resolver/app/server.hpp"
#include "resolver/serve/policy_answer.hpp"

namespace placard::app {

std::expected<transfer::MadePolicyZone, std::string> Server::make_policy_zone(const transfer::ZonePlan& plan,
                                                                              std::uint32_t serial) {
  const auto snapshot = crew_->current();
  const auto& index = *snapshot->index;
  policy::PolicyZoneRequest request;
  request.origin = plan.name;
  request.serial = serial;
  request.ttl = snapshot->options.policy_ttl;
  for (const auto& address : snapshot->options.notice_addresses)
    request.sinkhole.push_back({serve::type_of(address), {address.bytes().begin(), address.bytes().end()}});
  const auto views = index.views();
  const auto view = std::ranges::find(views, plan.policy_of, &policy::View::name);
  if (view == views.end()) return std::unexpected("the view " + plan.policy_of + " is not there yet");
  request.view = static_cast<policy::ViewNumber>(view - views.begin());
  std::map<std::string, policy::Time> disclosed;
  {
    const std::lock_guard changes(changes_);
    request.now = store_->effective_now(system_time());
    if (!plan.policy_undisclosed) disclosed = store_->disclosed_decisions();
  }
  if (!plan.policy_undisclosed)
    request.may_be_told = [&](std::string_view id) { return disclosed.contains(std::string(id)); };
  auto made = policy::write_policy_zone(index, request);
  if (!made) return std::unexpected(made.error());
  const auto next = index.next_change(request.now);
  auto notes = policy::doubts_about(*made);
  return transfer::MadePolicyZone{std::move(made->zone), std::move(notes), next == policy::kNever ? 0 : next};
}

}  // namespace placard::app
