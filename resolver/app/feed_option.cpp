#include "resolver/app/feed_option.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "policy/record/written_name.hpp"

namespace placard::app {
namespace {

std::string what_is_wrong_with_url(std::string_view url) {
  const auto scheme = url.find("://");
  const auto host = scheme == url.npos ? std::string_view() : url.substr(scheme + 3);
  const auto authority = host.substr(0, host.find_first_of("/?#"));
  if (authority.empty() || (!url.starts_with("http://") && !url.starts_with("https://")))
    return fmt::format("url \"{}\": wants http:// or https:// and a host", url);
  // It stands in the record, in status and in metrics.
  if (authority.find('@') != authority.npos) return "url: no user or password may stand in it";
  if (std::ranges::any_of(url, [](char c) { return c <= ' ' || c > '~'; }))
    return "url: has a character that no URL has";
  return {};
}

}  // namespace

std::optional<policy::SourcePolicy> source_policy(const FeedOption& feed) {
  policy::SourcePolicy out;
  out.source = "list:" + feed.id;
  out.max_ttl = feed.max_ttl;
  out.zone_wildcards = feed.zone_wildcards;
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
        policy && (policy->kind != policy::SourcePolicy::Kind::given || policy->max_ttl || policy->zone_wildcards))
      policies.push_back(*std::move(policy));
  return policies;
}

policy::ListSyntax list_syntax(const FeedOption& feed) {
  policy::ListSyntax syntax;
  syntax.format = *policy::list_format_from_text(feed.format);
  if (!feed.match.empty()) syntax.match = policy::match_kind_from_text(feed.match);
  if (feed.zone) syntax.zone = policy::stored_name(*feed.zone);
  syntax.columns = feed.columns;
  syntax.delimiter = feed.delimiter.empty() ? ',' : feed.delimiter.front();
  syntax.skip_lines = feed.skip_lines;
  syntax.encoding = feed.encoding;
  return syntax;
}

std::string what_is_wrong(const FeedOption& feed) {
  const bool good_id = !feed.id.empty() && feed.id.size() <= 64 && std::ranges::all_of(feed.id, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
  });
  if (!good_id) return fmt::format("id \"{}\": 1 to 64 of the characters a-z 0-9 -", feed.id.substr(0, 80));
  if (!policy::list_format_from_text(feed.format))
    return fmt::format("format \"{}\" is none of {}", feed.format, policy::kListFormatNames);
  if (feed.path.empty() && feed.url.empty() && !feed.is_transferred()) return "wants path, url or primaries";
  if (!feed.url.empty() && (!feed.path.empty() || feed.is_transferred()))
    return "a url goes with neither path nor primaries";
  if (const auto wrong = what_is_wrong_with_url(feed.url); !feed.url.empty() && !wrong.empty()) return wrong;
  if (!feed.match.empty() && !policy::match_kind_from_text(feed.match))
    return fmt::format("match \"{}\" is none of exact, subdomains, both", feed.match);
  if (auto syntax = policy::check_syntax(list_syntax(feed)); !syntax) return syntax.error();
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
