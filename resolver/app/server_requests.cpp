// What the control socket and the metrics page ask of a running server.
#include <fmt/format.h>
#include <unistd.h>

#include <fstream>

#include "resolver/app/clock.hpp"
#include "resolver/app/known_answer.hpp"
#include "resolver/app/server.hpp"
#include "resolver/app/version.hpp"
#include "resolver/net/background.hpp"
#include "zones/wire/ldns_adapter.hpp"

namespace placard::app {
namespace {

std::uint64_t resident_memory() {
  std::uint64_t size = 0, resident = 0;
  std::ifstream("/proc/self/statm") >> size >> resident;
  return resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

std::string text_of(const wire::Question& question) {
  return fmt::format("{} {}", question.name.to_text(), wire::to_text(question.type));
}

std::string endpoints_text(const std::vector<net::Endpoint>& endpoints) {
  std::string out;
  for (const auto& endpoint : endpoints) out += (out.empty() ? "" : " ") + endpoint.to_text();
  return out;
}

}  // namespace

Done Server::decide(const std::vector<DecisionFile>& files, const Order& order) {
  const std::lock_guard changes(changes_);
  auto done = app::decide(workplace(order), files, order.author, system_time());
  if (!done) rejections_.fetch_add(1, std::memory_order_relaxed);
  return done;
}

Done Server::lift(const std::string& id, const std::string& reason, const Order& order) {
  const std::lock_guard changes(changes_);
  return app::lift(workplace(order), id, reason, order.author, system_time());
}

Done Server::import_list(const ImportRequest& request, const Order& order) {
  const net::Background background;  // this thread ends with its connection
  importing_.octets = importing_.total = importing_.rules = 0;
  auto source = read_list_file(request, &importing_);
  if (!source) return std::unexpected(source.error());
  std::unique_lock taking_in(taking_in_, std::defer_lock);
  if (!request.dry_run) taking_in.lock();
  auto done = take_in_list(shared_record(&order), request, *std::move(source), order.author);
  if (!done) rejections_.fetch_add(1, std::memory_order_relaxed);
  if (!done) return std::unexpected(done.error());
  return std::move(done->document);
}

Done Server::import_progress() {
  policy::Fields fields{"", "", {}};
  fields.fields = {{"octets", "Octets read", policy::as_cell(importing_.octets)},
                   {"total", "Octets in all", policy::as_cell(importing_.total)},
                   {"rules", "Rules so far", policy::as_cell(importing_.rules)}};
  return policy::Document{{std::move(fields)}};
}

Done Server::disclose(const std::string& id, const std::string& reason, const Order& order) {
  const std::lock_guard changes(changes_);
  return app::disclose(workplace(order), id, reason, order.author, system_time());
}

Done Server::change_state(const StateRequest& request, const Order& order) {
  const std::lock_guard changes(changes_);
  return app::change_state(workplace(order), request, order.author, system_time());
}

Done Server::why(const WhyRequest& request) {
  std::vector<policy::KnownLink> known;
  if (const auto name = typed_name(request.name)) {
    std::vector<recurse::Forward> stubs;
    {
      const std::lock_guard changes(changes_);
      for (const auto& forward : options_.fixed.forwards)
        stubs.push_back({forward.zone, forward.servers, forward.stub, forward.first});
    }
    known = known_answer(crew_->cache(), stubs, *name, system_time());
  }
  const std::lock_guard changes(changes_);
  return app::why(*store_, options_, crew_->current()->index.get(), request, system_time(), std::move(known));
}

Done Server::status() {
  const auto snapshot = crew_->current();
  std::uint64_t questions = 0, hits = 0, in_flight = 0;
  for (const auto* worker : crew_->counters()) {
    questions += worker->udp_questions.get() + worker->tcp_questions.get();
    for (const auto& action : worker->policy_hits) hits += action.get();
    in_flight += worker->in_flight.get();
  }
  const auto cache = crew_->cache().counters();
  const std::lock_guard changes(changes_);
  const auto& fixed = options_.fixed;
  const auto uptime =
      std::chrono::duration_cast<std::chrono::seconds>(std::chrono::steady_clock::now() - started_).count();
  policy::Fields fields;
  fields.fields = {
      {"version", "Version", std::string(kVersion)},
      {"process", "Process", static_cast<std::int64_t>(::getpid())},
      {"uptime_seconds", "Up for (seconds)", static_cast<std::int64_t>(uptime)},
      {"configuration", "Configuration", options_.file.empty() ? std::string("built-in defaults") : options_.file},
      {"listen", "DNS", endpoints_text(fixed.listen)},
      {"workers", "Workers", policy::as_cell(crew_->counters().size())},
      {"zones", "Own zones", policy::as_cell(zone_keeper_->figures().zones)},
      {"notice", "Notice", endpoints_text(fixed.notice_listen)},
      {"metrics", "Metrics", endpoints_text(fixed.metrics_listen)},
      {"store", "Record", fixed.store},
      {"log_sequence", "Log entry in force", snapshot->index->log_sequence()},
      {"decisions", "Decisions", policy::as_cell(snapshot->index->decision_count())},
      {"rules", "Rules", policy::as_cell(snapshot->index->rule_count())},
      {"generation", "Snapshot", policy::as_cell(snapshot->index->generation())},
      {"questions", "Questions", policy::as_cell(questions)},
      {"policy_hits", "Answers by decision", policy::as_cell(hits)},
      {"in_flight", "Resolutions in flight", policy::as_cell(in_flight)},
      {"cache_entries", "Cached records", policy::as_cell(cache.entries)},
      {"cache_memory", "Cache (octets)", policy::as_cell(cache.memory)},
      {"resident_memory", "Memory (octets)", policy::as_cell(resident_memory())},
      {"reloads", "Reloads", policy::as_cell(reloads_)},
      {"reload_failures", "Reloads refused", policy::as_cell(reload_failures_)},
  };
  policy::Document document{{std::move(fields)}};
  if (!options_.reloadable.feeds.empty()) document.parts.emplace_back(feed_report(feed_status(), system_time()));
  if (hit_keeper_) document.parts.emplace_back(hits_of_today());
  return document;
}

/// What decisions did in the last 24 hours.
policy::Table Server::hits_of_today() {
  constexpr policy::Time kDay = 24 * 3600;
  constexpr std::int64_t kRows = 50;
  hit_keeper_->flush();
  policy::Table table{
      "hits",
      "Questions met in 24 hours",
      {{"decision", "Decision"}, {"list", "List"}, {"view", "View"}, {"state", "State"}, {"hits", "Hits"}},
      {},
      "No decision was met."};
  for (const auto& each : hit_keeper_->by_decision(system_time() - kDay, kRows))
    table.rows.push_back({each.decision_id, each.list.empty() ? policy::Cell() : policy::Cell(each.list), each.view,
                          std::string(each.shadow ? "shadow" : "active"), each.hits});
  return table;
}

Done Server::dump() {
  policy::Table table{"in_flight",
                      "In flight",
                      {{"question", "Question"}, {"milliseconds", "Age (ms)"}, {"step", "Last step"}},
                      {},
                      "Nothing is in flight."};
  for (const auto& one : crew_->in_flight())
    table.rows.push_back({text_of(one.question), policy::as_cell(one.age),
                          one.steps.empty() ? policy::Cell() : policy::Cell(one.steps.back().text)});
  return policy::Document{{std::move(table)}};
}

Done Server::trace(const wire::Question& question) {
  const auto traced = crew_->trace(question);
  if (!traced) return std::unexpected("the resolution did not end in time");
  policy::Table steps{
      "steps", "Steps", {{"milliseconds", "At (ms)"}, {"step", "Step"}}, {}, "Answered from the cache."};
  for (const auto& step : traced->trace.steps) steps.rows.push_back({policy::as_cell(step.at), step.text});
  policy::Table records{
      "records", "Answer", {{"owner", "Name"}, {"ttl", "TTL"}, {"type", "Type"}, {"data", "Data"}}, {}, "No records."};
  const auto now = system_time();
  for (const auto& entry : traced->resolved.answer)
    for (const auto rdata : entry->set.rdatas)
      records.rows.push_back({entry->set.owner.to_text(), static_cast<std::int64_t>(entry->ttl_at(now)),
                              wire::to_text(entry->set.type), wire::rdata_to_text(entry->set.type, rdata)});
  policy::Fields result{
      "",
      "",
      {{"question", "Question", text_of(question)}, {"rcode", "Result", wire::to_text(traced->resolved.rcode)}}};
  for (const auto& error : traced->resolved.errors)
    result.fields.push_back(
        {"error", "Why",
         fmt::format("{} ({}) {}", wire::to_text(error.code), static_cast<int>(error.code), error.extra_text)});
  policy::Note note{
      "This is what resolution finds, before any decision is looked at: `placard why` says what clients are answered."};
  return policy::Document{{std::move(steps), std::move(result), std::move(records), std::move(note)}};
}

Done Server::flush(const std::optional<wire::Name>& name) {
  const auto gone = crew_->flush(name);
  return policy::Document{{policy::Fields{"", "", {{"flushed", "Entries forgotten", policy::as_cell(gone)}}}}};
}

Done Server::cache(const CacheRequest& request) {
  switch (request.what) {
    case CacheRequest::What::show:
      return keeper_->show(request);
    case CacheRequest::What::dump:
      return keeper_->dump(request);
    case CacheRequest::What::load:
      return keeper_->load(request);
    case CacheRequest::What::flush:
      break;
  }
  const auto gone = crew_->flush([&](recurse::Cache& cache) {
    if (request.type) return cache.flush_type(*request.name, *request.type);
    return request.subtree ? cache.flush_subtree(*request.name) : cache.flush_name(*request.name);
  });
  return policy::Document{{policy::Fields{"", "", {{"flushed", "Entries forgotten", policy::as_cell(gone)}}}}};
}

Done Server::stop_server() {
  stop_asked_();
  return policy::Document{{policy::Fields{"", "", {{"stopping", "Stopping", true}}}}};
}

Done Server::zone(const ZoneOrder& order) {
  using Wanted = transfer::ZoneKeeper::Order;
  if (order.verb == "list" || order.verb == "status") {
    const auto zones = zone_keeper_->status(order.name);
    if (order.name && zones.empty())
      return std::unexpected(fmt::format("no zone {} is configured", order.name->to_text()));
    return zone_report(zones, order.name.has_value(), system_time());
  }
  static constexpr std::pair<std::string_view, Wanted> kOrders[] = {
      {"reload", Wanted::reload},  {"refresh", Wanted::refresh},   {"retransfer", Wanted::retransfer},
      {"keys", Wanted::keys},      {"roll-zsk", Wanted::roll_zsk}, {"roll-ksk", Wanted::roll_ksk},
      {"ds-seen", Wanted::ds_seen}};
  const auto wanted = std::ranges::find(kOrders, order.verb, &std::pair<std::string_view, Wanted>::first);
  if (wanted == std::end(kOrders)) return std::unexpected(fmt::format("unknown order \"{}\" about a zone", order.verb));
  const auto done = zone_keeper_->order(wanted->second, *order.name);
  if (!done) return std::unexpected(done.error());
  if (wanted->second >= Wanted::keys) return key_report(*done);
  return policy::Document{{policy::Note{*done}}};
}

net::HttpResponse Server::metrics_page(const net::HttpRequest& request) {
  if (request.target != "/metrics" && !request.target.starts_with("/metrics?"))
    return {404, {{"Content-Type", "text/plain; charset=utf-8"}}, "The metrics are at /metrics.\n"};
  const auto snapshot = crew_->current();
  const auto cache = crew_->cache().counters();
  serve::ProcessFigures figures;
  figures.cache_entries = cache.entries;
  figures.cache_memory = cache.memory;
  figures.cache_hits = cache.hits;
  figures.cache_misses = cache.misses;
  figures.cache_evicted = cache.evicted;
  figures.servers_known = crew_->servers().size();
  figures.policy_rules = snapshot->index->rule_count();
  figures.policy_decisions = snapshot->index->decision_count();
  figures.policy_memory = snapshot->index->memory();
  figures.policy_generation = snapshot->index->generation();
  figures.policy_log_sequence = snapshot->index->log_sequence();
  figures.resident_memory = resident_memory();
  figures.notice_requests = notice_requests_;
  figures.reloads = reloads_;
  figures.reload_failures = reload_failures_;
  figures.intake_rejections = rejections_;
  figures.uptime_seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - started_).count();
  const auto workers = crew_->counters();
  std::string feeds;
  {
    const std::lock_guard changes(changes_);
    if (!options_.reloadable.feeds.empty()) feeds = feed_metrics(feed_status(), system_time());
  }
  return {200,
          {{"Content-Type", "text/plain; version=0.0.4; charset=utf-8"}},
          serve::render_metrics(workers, figures) + zone_metrics(zone_keeper_->figures()) + feeds};
}

}  // namespace placard::app
