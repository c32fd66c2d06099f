#include "resolver/app/snapshots.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "resolver/serve/special.hpp"

namespace placard::app {
namespace {

/// RFC 9606 5: character strings, as in TXT.
std::vector<std::uint8_t> resolver_info(const Options& options) {
  std::vector<std::uint8_t> rdata;
  const auto add = [&](const std::string& text) {
    rdata.push_back(static_cast<std::uint8_t>(text.size()));
    rdata.insert(rdata.end(), text.begin(), text.end());
  };
  if (options.fixed.qname_minimisation) add("qnamemin");
  add("exterr=15-18");
  if (!options.reloadable.info_url.empty()) add("infourl=" + options.reloadable.info_url);
  return rdata;
}

}  // namespace

serve::ServeOptions serve_options(const Options& options) {
  const auto& now = options.reloadable;
  serve::ServeOptions out;
  for (auto* table : {&out.recursion_clients, &out.cache_clients}) {
    const auto& allowed = table == &out.recursion_clients ? now.access.recursion : now.access.cache;
    for (const auto& prefix : allowed) table->add(prefix, serve::Access::allow);
    for (const auto& prefix : now.access.refuse) table->add(prefix, serve::Access::refuse);
    for (const auto& prefix : now.access.drop) table->add(prefix, serve::Access::drop);
  }
  out.notice_addresses = now.notice_addresses;
  out.policy_ttl = now.policy_ttl;
  out.udp_size = options.fixed.udp_size;
  out.recursion = now.recursion;
  out.minimal_responses = now.minimal_responses;
  out.minimal_any = now.minimal_any;
  out.own_zones_policy = now.own_zones_policy;
  for (const auto& feed : now.feeds)
    if (feed.signal_nxdomain) out.signal_nxdomain.push_back(feed.id);
  out.policy_after_recursion = now.policy_order == "after-recursion";
  out.names_outrank = now.policy_order == "names-outrank";
  out.judge_redirects = now.judge_redirects;
  if (now.signed_names == "nxdomain") out.signed_names = serve::SignedNames::nxdomain;
  if (now.signed_names == "refuse") out.signed_names = serve::SignedNames::refuse;
  out.not_special = options.fixed.not_special;
  // A zone that is forwarded is not special, whatever its name; one special-use name inside it stays ordinary too.
  for (const auto& forward : options.fixed.forwards)
    if (serve::find_special(forward.zone)) out.not_special.push_back(forward.zone);
  out.identity = now.identity;
  out.version = now.version;
  out.resolver_info = resolver_info(options);
  out.dns64.prefixes = now.dns64.prefixes;
  for (const auto& prefix : now.dns64.clients) out.dns64.clients.add(prefix);
  for (const auto& prefix : now.dns64.exclude) out.dns64.exclude.add(prefix);
  out.nsid.assign(now.nsid.begin(), now.nsid.end());
  for (const auto& prefix : now.limits.exempt) out.limits.exempt.add(prefix);
  out.limits.responses = now.limits.responses;
  out.limits.client_responses = now.limits.client_responses;
  out.limits.slip = now.limits.slip;
  out.limits.questions = now.limits.questions;
  out.limits.waiting = now.limits.waiting;
  out.limits.answer_age = now.limits.answer_age;
  out.limits.unverified_size = now.limits.unverified_size;
  out.limits.minimal_any = now.limits.minimal_any;
  if (now.cookies.enabled) out.cookie_secrets = now.cookies.secrets;
  out.cookies_required = now.cookies.enabled && now.cookies.required;
  return out;
}

std::expected<serve::WorkerOptions, std::string> worker_options(const Options& options) {
  const auto& fixed = options.fixed;
  serve::WorkerOptions out;
  out.listen = options.all_listeners();
  out.answer_cache_memory = fixed.answers_memory;
  for (const auto& prefix : fixed.proxies) out.proxies.add(prefix);
  out.stream.connections = fixed.tcp_connections;
  out.stream.connections_per_client = fixed.tcp_connections_per_client;
  out.stream.idle = fixed.tcp_idle;
  out.in_flight = fixed.in_flight;
  out.upstream.in_flight = fixed.in_flight;
  out.upstream.cookies = fixed.cookies;
  out.upstream.tcp_fast_open = fixed.tcp_fast_open;
  auto& resolver = out.resolver;
  resolver.bounds.deadline = fixed.deadline;
  resolver.bounds.questions = fixed.max_questions;
  resolver.bounds.depth = fixed.max_depth;
  resolver.bounds.chain = fixed.max_chain;
  for (const auto& forward : fixed.forwards)
    resolver.forwards.push_back({forward.zone, forward.servers, forward.stub, forward.first});
  resolver.upstream_port = fixed.upstream_port;
  resolver.ipv4 = fixed.ipv4;
  resolver.ipv6 = fixed.ipv6;
  resolver.query_loopback = fixed.query_loopback;
  resolver.qname_minimisation = fixed.qname_minimisation;
  resolver.random_case = fixed.random_case;
  resolver.udp_size = fixed.udp_size;
  // What a client may not ask the world for through us, an alias or a delegation must not either.
  resolver.never_ask = [ordinary = serve_options(options).not_special](wire::NameView name) {
    return serve::find_special(name) &&
           std::ranges::none_of(ordinary, [&](const wire::Name& one) { return name.is_subdomain_of(one); });
  };
  resolver.serve_stale = fixed.serve_stale;
  resolver.stale_for = fixed.stale_for;
  resolver.stale_after = fixed.stale_after;
  resolver.stale_ttl = fixed.stale_ttl;
  resolver.stale_recheck = fixed.stale_recheck;
  resolver.bounds.failure_ttl = fixed.failure_ttl;
  resolver.bounds.in_flight = fixed.in_flight;
  resolver.prefetch = fixed.prefetch;
  resolver.never_query = fixed.never_query;
  resolver.private_addresses = {fixed.private_addresses, fixed.private_names};
  resolver.error_reporting = fixed.error_reporting;
  auto validation = validation_options(fixed.dnssec, options.reloadable.negative_anchors);
  if (!validation) return std::unexpected(validation.error());
  resolver.validation = *std::move(validation);
  if (!fixed.root_hints.empty()) {
    auto hints = recurse::load_root_hints(fixed.root_hints);
    if (!hints) return std::unexpected(hints.error());
    resolver.root_hints = *std::move(hints);
  }
  return out;
}

Publication make_publication(policy::Store& store, std::shared_ptr<const policy::Index> index, const Options& options) {
  auto pages = std::make_shared<PageState>();
  pages->by = {options.reloadable.operator_name, options.reloadable.operator_contact};
  pages->not_before = store.last_recorded_at();
  pages->index = std::move(index);

  auto snapshot = std::make_shared<serve::Snapshot>();
  snapshot->index = pages->index;
  snapshot->options = serve_options(options);
  snapshot->not_before = pages->not_before;
  return {std::move(snapshot), std::move(pages)};
}

}  // namespace placard::app
