// The server's share in policy zones of its own decisions: which are in force, and which may be told.
#include <utility>

#include "policy/public/policy_zone.hpp"
#include "resolver/app/clock.hpp"
#include "resolver/app/server.hpp"
#include "resolver/serve/policy_answer.hpp"

namespace placard::app {

/// Of one zone: what it was made of last is compared with what is in force.
class Server::FollowDecisions final : public transfer::PolicyZoneMaker {
 public:
  explicit FollowDecisions(Server& server) : server_(server) {}

  std::expected<transfer::MadePolicyZone, std::string> make(const transfer::ZonePlan& plan, std::uint32_t serial,
                                                            std::shared_ptr<const zones::ZoneListing> running) override
      try {
    const std::lock_guard making(making_);
    // Under the lock that whoever brings something into force has: index, options and policies belong together.
    std::unique_lock changes(server_.changes_);
    const auto snapshot = server_.crew_->current();
    const auto index = snapshot->index;
    policy::PolicyZoneRequest request;
    request.origin = plan.name;
    request.serial = serial;
    request.ttl = snapshot->options.policy_ttl;
    request.policies = source_policies(server_.options_.reloadable.feeds);
    for (const auto& address : snapshot->options.notice_addresses)
      request.sinkhole.push_back({serve::type_of(address), {address.bytes().begin(), address.bytes().end()}});
    request.now = server_.store_->effective_now(system_time());
    if (!plan.policy_undisclosed) {
      auto told = std::make_shared<policy::DecisionIds>();
      for (auto& [id, since] : server_.store_->disclosed_decisions()) told->insert(told->end(), id);
      request.told = std::move(told);
    }
    changes.unlock();
    const auto views = index->views();
    const auto view = std::ranges::find(views, plan.policy_of, &policy::View::name);
    if (view == views.end()) {
      zone_.let_go(*index);
      return std::unexpected("the view " + plan.policy_of + " is not there yet");
    }
    request.view = static_cast<policy::ViewNumber>(view - views.begin());
    const auto now = request.now;
    auto update = zone_.update(index, std::move(request), std::move(running));
    const bool again = std::exchange(was_whole_, update.whole) && update.whole;
    const auto next = index->next_change(now);
    return transfer::MadePolicyZone{std::move(update.listing), std::move(update.changes),
                                    policy::doubts_about(zone_.doubts()), again, next == policy::kNever ? 0 : next};
  } catch (const policy::StoreError& error) {
    let_go();
    return std::unexpected(error.what());
  }

  void let_go() override {
    // One that is being made holds on to what it is made of, and is made again if that is not in force by then.
    if (const std::unique_lock making(making_, std::try_to_lock); making)
      zone_.let_go(*server_.crew_->current()->index);
  }

 private:
  Server& server_;
  std::mutex making_;
  policy::PolicyZone zone_;
  bool was_whole_ = false;
};

std::shared_ptr<transfer::PolicyZoneMaker> Server::new_policy_zone_maker() {
  return std::make_shared<FollowDecisions>(*this);
}

}  // namespace placard::app
