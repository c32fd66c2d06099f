#include "resolver/app/feed_option.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "policy/lists/list_syntax.hpp"

namespace placard::app {

std::optional<policy::SourcePolicy> source_policy(const FeedOption& feed) {
  policy::SourcePolicy out;
  out.source = "list:" + feed.id;
  out.max_ttl = feed.max_ttl;
  if (feed.policy.empty() || feed.policy == "given") return out;
  if (feed.policy == "disabled") {
    out.kind = policy::SourcePolicy::Kind::disabled;
    return out;
  }
  const auto action = policy::action_from_text(feed.policy == "tcp-only" ? "truncate" : feed.policy);
  if (!action || *action == policy::Action::local_data) return std::nullopt;
  out.kind = policy::SourcePolicy::Kind::action;
  out.action = *action;
  if (feed.target) out.target = *feed.target;
  return out;
}

std::vector<policy::SourcePolicy> source_policies(const std::vector<FeedOption>& feeds) {
  std::vector<policy::SourcePolicy> policies;
  for (const auto& feed : feeds)
    if (auto policy = source_policy(feed);
        policy && (policy->kind != policy::SourcePolicy::Kind::given || policy->max_ttl))
      policies.push_back(*std::move(policy));
  return policies;
}

std::string what_is_wrong(const FeedOption& feed) {
  const bool good_id = !feed.id.empty() && feed.id.size() <= 64 && std::ranges::all_of(feed.id, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
  });
  if (!good_id) return fmt::format("id \"{}\": 1 to 64 of the characters a-z 0-9 -", feed.id.substr(0, 80));
  if (!policy::list_format_from_text(feed.format))
    return fmt::format("format \"{}\" is none of {}", feed.format, policy::kListFormatNames);
  if (feed.path.empty() == feed.primaries.empty()) return "wants either path or primaries";
  if (feed.is_transferred() && (feed.format != "rpz" || !feed.zone))
    return "what is transferred has format \"rpz\" and names its zone";
  if (!source_policy(feed))
    return fmt::format(
        "policy \"{}\" is none of given, disabled, nxdomain, nodata, passthru, drop, tcp-only, cname, sinkhole, "
        "refused",
        feed.policy);
  if ((feed.policy == "cname") != feed.target.has_value()) return "target goes with policy \"cname\"";
  return {};
}

std::vector<policy::View> views_with_feeds(std::vector<policy::View> views, const std::vector<FeedOption>& feeds) {
  if (feeds.empty()) return views;
  const bool has_default = std::ranges::any_of(views, [](const policy::View& view) { return view.name == "default"; });
  if (!has_default) {
    policy::View view;
    view.name = "default";
    views.push_back(std::move(view));
  }
  for (auto& view : views) {
    if (view.sources.empty()) view.sources = {"*"};
    const auto rest = std::ranges::find(view.sources, "*");
    if (rest == view.sources.end()) continue;
    std::vector<std::string> more;
    for (const auto& feed : feeds)
      if (const auto source = "list:" + feed.id; std::ranges::find(view.sources, source) == view.sources.end())
        more.push_back(source);
    view.sources.insert(rest + 1, more.begin(), more.end());
  }
  return views;
}

}  // namespace placard::app
