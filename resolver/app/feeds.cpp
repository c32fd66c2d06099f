#include "resolver/app/feeds.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "policy/lists/rpz.hpp"
#include "policy/record/written_name.hpp"

namespace placard::app {
namespace {

/// What a feed's list is taken in as.
ImportRequest request_of(const FeedOption& feed, const std::string& source) {
  ImportRequest request;
  request.file = source;
  request.syntax = list_syntax(feed);
  request.mandate = feed.mandate.empty() ? kOperatorFeeds : feed.mandate;
  request.list = feed.id;
  request.state = feed.shadow ? policy::DecisionState::shadow : policy::DecisionState::active;
  request.guards = feed.guards;
  request.preview = false;
  if (!feed.guards) {  // the operator answers for all of it, sizes included
    request.limits.growth = 0;
    request.limits.shrink = 0;
    request.limits.rejects = 0;
  }
  request.limits.may_be_empty = feed.is_transferred();  // a zone is whole when it has come, and says so
  if (feed.max_growth) request.limits.growth = *feed.max_growth;
  if (feed.max_shrink) request.limits.shrink = *feed.max_shrink;
  if (feed.max_rejects) request.limits.rejects = *feed.max_rejects;
  return request;
}

std::string source_of(const FeedOption& feed) {
  if (!feed.is_transferred()) return feed.url.empty() ? feed.path : feed.url;
  std::string text = "zone " + feed.zone->to_text() + " from";
  for (const auto& primary : feed.primaries) text += " " + primary.to_text();
  return text;
}

/// The decision that the feed's list is in force under, or in shadow.
std::optional<policy::DecisionRecord> decision_of(policy::Store& store, const FeedOption& feed, policy::Time now) {
  for (const auto& id : store.decisions_of_list(feed.id)) {
    auto record = store.decision(id);
    if (!record || record->transitions.empty() || record->decision().expires_at <= now) continue;
    const auto state = record->transitions.back().state;
    if (state != policy::DecisionState::lifted && state != policy::DecisionState::annulled) return record;
  }
  return std::nullopt;
}

/// Decisions of feeds that are followed no more end now.
void lift_others(const Workplace& at, const std::string& author, policy::Time now, std::vector<std::string>& log) {
  const auto& feeds = at.options.reloadable.feeds;
  for (const auto& record : at.store.decisions_with_lists()) {
    const auto& decision = record.decision();
    const auto followed = std::ranges::any_of(feeds, [&](const FeedOption& feed) { return feed.id == decision.list; });
    if (decision.authority != kOperatorFeeds || followed || decision.expires_at <= now) continue;
    const auto whole = at.store.decision(decision.id);
    if (!whole || whole->transitions.empty()) continue;
    const auto state = whole->transitions.back().state;
    if (state == policy::DecisionState::lifted || state == policy::DecisionState::annulled) continue;
    const auto lifted = at.store.lift(decision.id, "The configuration follows this feed no more.", author, now);
    log.push_back(lifted ? fmt::format("feed {}: followed no more, {} is lifted", decision.list, decision.id)
                         : fmt::format("feed {}: {}", decision.list, lifted.error()));
  }
}

}  // namespace

policy::ReadList list_of_zone(const zones::Zone& zone) {
  policy::ReadList out;
  auto& report = out.report;
  for (const auto& node : zone.nodes()) {
    for (const auto& set : node.sets()) {
      for (const auto rdata : set.rdatas()) {
        ++report.lines;
        const auto reading = policy::read_rpz_record(node.name(), zone.origin(), set.type(), set.ttl(), rdata);
        const auto shown = [&] { return fmt::format("{} {}", node.name().to_text(), wire::to_text(set.type())); };
        switch (reading.kind) {
          case policy::RpzReading::Kind::own:
            ++report.ignored;
            break;
          case policy::RpzReading::Kind::rejected:
            report.reject(reading.reason, 0, shown(), reading.detail);
            break;
          case policy::RpzReading::Kind::rule:
            if (reading.normalised) report.normalise(policy::Normalisation::prefix, 0, shown());
            if (out.rules.add(reading.key, out.rules.form_number(reading.form), 0))
              ++report.accepted;
            else
              report.reject(policy::Rejection::list_full, 0, shown());
            break;
        }
      }
    }
  }
  out.rules.seal([&](const policy::DroppedRule& dropped) {
    auto& tally = dropped.why == policy::DroppedRule::Why::duplicate ? report.duplicates : report.contradictions;
    tally.add(0, dropped.key, {});
  });
  report.rules = out.rules.size();
  return out;
}

std::vector<transfer::ZonePlan> plans_of_feeds(const std::vector<FeedOption>& feeds) {
  std::vector<transfer::ZonePlan> plans;
  for (const auto& feed : feeds) {
    if (!feed.is_transferred()) continue;
    auto& plan = plans.emplace_back();
    plan.name = *feed.zone;
    plan.primaries = feed.primaries;
    plan.primary_key = feed.primary_key;
    plan.notify_from.prefixes = feed.notify_from;
    plan.file = feed.path;
    plan.place = "[[feed]] " + feed.id;
    plan.policy_feed = true;
  }
  return plans;
}

void Feeds::failed(const FeedOption& feed, const std::string& why, std::vector<std::string>& log) {
  const std::lock_guard lock(mutex_);
  auto& state = states_[feed.id];
  ++state.failures;
  state.last_error = why;
  log.push_back(fmt::format("feed {}: {}; what it was before stays", feed.id, why));
}

ReadFeed read_feed(const FeedOption& feed, const std::filesystem::path& path) {
  auto source = path.empty() && !feed.path.empty() ? feed.path : source_of(feed);
  auto request = request_of(feed, source);
  request.read_from = path.string();
  return {feed, read_list_file(request, nullptr), std::move(source)};
}

void Feeds::forget_zone(const FeedOption& feed) {
  const std::lock_guard lock(mutex_);
  states_[feed.id].zone.reset();
}

void Feeds::confirm(const FeedOption& feed, policy::Time at) {
  const std::lock_guard lock(mutex_);
  auto& state = states_[feed.id];
  state.good_at = at;
  state.last_error.clear();
}

bool Feeds::is_recorded(policy::Store& store, const FeedOption& feed, policy::Time now) {
  return store.list_stand(feed.id) && decision_of(store, feed, now);
}

bool Feeds::wants_renewal(policy::Store& store, const FeedOption& feed, policy::Time now) {
  const auto record = decision_of(store, feed, now);
  if (!record) return store.list_stand(feed.id).has_value();
  const auto& decision = record->decision();
  return decision.expires_at - now <= (decision.expires_at - decision.effective_from) / 2;
}

Feeds::Taken Feeds::take(const SharedRecord& at, ReadFeed&& read, const std::string& author,
                         std::vector<std::string>& log) {
  if (read.list) return take(at, read.feed, *std::move(read.list), read.source, author, log);
  failed(read.feed, read.list.error(), log);
  return Taken::refused;
}

Feeds::Taken Feeds::take(const SharedRecord& at, const FeedOption& feed, SourcedList&& list, const std::string& source,
                         const std::string& author, std::vector<std::string>& log) try {
  const auto rejected = list.list.report.rejected_count();
  const auto taken = take_in_list(at, request_of(feed, source), std::move(list), author);
  if (!taken) {
    failed(feed, taken.error(), log);
    return Taken::refused;
  }
  confirm(feed, at.now());
  const auto& outcome = taken->outcome;
  if (outcome.sequence == 0) return Taken::unchanged;
  log.push_back(fmt::format("feed {}: {} rules ({} added, {} removed, {} changed), {} records rejected", feed.id,
                            taken->rules, outcome.added, outcome.removed, outcome.changed, rejected));
  return Taken::changed;
} catch (const std::exception& error) {  // of the record; or there was no thread to be had
  failed(feed, error.what(), log);
  return Taken::refused;
}

std::vector<std::string> Feeds::load(const SharedRecord& at, std::vector<ReadFeed>&& read,
                                     const std::vector<transfer::ServedZone>& served, const std::string& author) {
  std::vector<std::string> log;
  for (auto& one : read) take(at, std::move(one), author, log);
  take_zones(at, served, author, log);
  at.turn([&](const Workplace& place) {
    lift_others(place, author, at.now(), log);
    if (auto published = place.bring_into_force(); !published) log.push_back(published.error());
  });
  return log;
}

void Feeds::take_zones(const SharedRecord& at, const std::vector<transfer::ServedZone>& served,
                       const std::string& author, std::vector<std::string>& log) {
  std::vector<FeedOption> feeds;
  at.turn([&](const Workplace& place) { feeds = place.options.reloadable.feeds; });
  for (const auto& feed : feeds) {
    if (!feed.is_transferred()) continue;
    const auto zone = std::ranges::find_if(served, [&](const transfer::ServedZone& one) {
      return one.policy_feed && one.zone && one.origin.view() == feed.zone->view();
    });
    if (zone == served.end()) continue;
    {
      const std::lock_guard lock(mutex_);
      if (std::exchange(states_[feed.id].zone, zone->zone) == zone->zone) continue;
    }
    const auto source = fmt::format("{}, serial {}", source_of(feed), zone->zone->serial());
    const auto key = fmt::format("{} {}", zone->origin.to_text(), zone->zone->serial());
    SourcedList list{list_of_zone(*zone->zone), policy::to_hex(policy::as_text(policy::sha256(key)))};
    take(at, feed, std::move(list), source, author, log);
  }
}

std::vector<FeedStatus> Feeds::status(policy::Store& store, const std::vector<FeedOption>& feeds) const {
  std::vector<FeedStatus> all;
  const std::lock_guard lock(mutex_);
  for (const auto& feed : feeds) {
    auto& one = all.emplace_back();
    one.id = feed.id;
    one.source = source_of(feed);
    if (feed.can_be_stale()) one.stale_after = feed.stale_after;
    if (const auto stand = store.list_stand(feed.id)) {
      one.rules = static_cast<std::uint64_t>(stand->rules);
      one.good_at = stand->recorded_at;
    }
    const auto found = states_.find(feed.id);
    if (found == states_.end()) continue;
    const auto& state = found->second;
    if (state.zone) one.serial = state.zone->serial();
    one.good_at = std::max(one.good_at, state.good_at);
    one.failures = state.failures;
    one.last_error = state.last_error;
  }
  return all;
}

std::string feed_metrics(const std::vector<FeedStatus>& feeds, policy::Time now) {
  std::string text;
  const auto family = [&](std::string_view name, std::string_view kind, std::string_view help, const auto& value) {
    text += fmt::format("# HELP placard_feed_{0} {2}\n# TYPE placard_feed_{0} {1}\n", name, kind, help);
    for (const auto& feed : feeds)
      text += fmt::format("placard_feed_{}{{feed=\"{}\"}} {}\n", name, feed.id, value(feed));
  };
  if (feeds.empty()) return text;
  family("rules", "gauge", "Rules of the list as it is in force.", [](const FeedStatus& feed) { return feed.rules; });
  family("age_seconds", "gauge", "Since the list was last taken whole, or found unchanged; -1: never.",
         [&](const FeedStatus& feed) { return feed.good_at == 0 ? std::int64_t{-1} : now - feed.good_at; });
  family("stale", "gauge", "1: older than its stale_after. Alarm on this.",
         [&](const FeedStatus& feed) { return feed.is_stale(now) ? 1 : 0; });
  family("failures_total", "counter", "Attempts that changed nothing because something was wrong.",
         [](const FeedStatus& feed) { return feed.failures; });
  return text;
}

policy::Table feed_report(const std::vector<FeedStatus>& feeds, policy::Time now) {
  policy::Table table{"feeds",
                      "Feeds",
                      {{"feed", "Feed"},
                       {"source", "From"},
                       {"serial", "Serial"},
                       {"rules", "Rules"},
                       {"age", "Age (s)"},
                       {"stale", "Stale"},
                       {"failures", "Failures"},
                       {"last_error", "Last error"}},
                      {},
                      "No feeds."};
  for (const auto& feed : feeds)
    table.rows.push_back(
        {feed.id, feed.source, feed.serial ? policy::Cell(static_cast<std::int64_t>(*feed.serial)) : policy::Cell(),
         static_cast<std::int64_t>(feed.rules), feed.good_at == 0 ? policy::Cell() : policy::Cell(now - feed.good_at),
         feed.is_stale(now), static_cast<std::int64_t>(feed.failures),
         feed.last_error.empty() ? policy::Cell() : policy::Cell(feed.last_error)});
  return table;
}

}  // namespace placard::app
