// Server: coming up, going down, and bringing changes into force. What can be asked of it: server_requests.cpp.
#include "resolver/app/server.hpp"

#include <fmt/format.h>
#include <sched.h>
#include <sys/random.h>
#include <unistd.h>

#include <algorithm>
#include <ctime>
#include <iostream>
#include <sstream>
#include <stdexcept>

#include "resolver/app/check.hpp"
#include "resolver/app/clock.hpp"
#include "resolver/app/start_checks.hpp"
#include "resolver/app/version.hpp"
#include "resolver/net/background.hpp"
#include "resolver/net/socket.hpp"
#include "resolver/recurse/servers.hpp"

namespace placard::app {
namespace {

/// A value, or the error as the exception that ends the start.
template <class T>
T must(std::expected<T, std::string>&& result) {
  if (!result) throw std::runtime_error(result.error());
  if constexpr (!std::is_void_v<T>) return *std::move(result);
}

wire::SipHashKey random_secret() {
  wire::SipHashKey secret;
  if (::getrandom(secret.data(), secret.size(), 0) != static_cast<ssize_t>(secret.size()))
    throw std::runtime_error("the system gives no random numbers");
  return secret;
}

std::vector<net::Endpoint> only_of_zones(const Options& options) {
  auto all = options.all_listeners();
  all.erase(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(options.fixed.listen.size()));
  return all;
}

std::string joined(const std::vector<net::Endpoint>& endpoints, std::string_view before = "",
                   std::string_view behind = "") {
  std::string out;
  for (const auto& endpoint : endpoints)
    out += fmt::format("{}{}{}{}", out.empty() ? "" : " ", before, endpoint.to_text(), behind);
  return out;
}

}  // namespace

Server::Server(const Options& options)
    : privileges_(must(Privileges::find(options.fixed.user))),
      options_(options),
      listeners_(options.all_listeners()),
      zone_listeners_(only_of_zones(options)),
      own_cookie_secret_(random_secret()) {
  complete(options_);
  must(privileges_.make_directory(options_.fixed.state_directory, options_.fixed.state_is_default));
  {
    const Privileges::AsUser as_user(privileges_);
    open_state();
  }
  open_sockets();
  must(privileges_.drop());
}

/// What a configuration leaves to the running server.
void Server::complete(Options& options) const {
  auto& cookies = options.reloadable.cookies;
  if (cookies.enabled && cookies.secrets.empty()) cookies.secrets.push_back(own_cookie_secret_);
}

Server::~Server() {
  stop();
}

/// Several problems stand on several lines.
void Server::warn(const std::string& what) const {
  std::istringstream lines(what);
  for (std::string line; std::getline(lines, line);) std::cerr << "placard: " << line << std::endl;
}

/// The store, the zones, the first index, the control socket: everything that has files of the service's user.
void Server::open_state() {
  // The socket first: a second server on the same state is told so before it looks at anything.
  control_ = must(ControlServer::open(options_.fixed.control_socket));
  const auto now = system_time();
  store_ = std::make_unique<policy::Store>(
      policy::Store::open(options_.fixed.store, policy::Store::Mode::read_write, now, clock_bounds()));
  if (const auto note = must(check_record(*store_, RecordCheck::without_lists))) warn(*note);
  if (const auto doubts = clock_doubts(*store_, now)) warn(*doubts);
  if (options_.reloadable.operator_contact.empty()) warn(fmt::format("warning: {}", kNoContact));
  try {
    store_->record_views(options_.reloadable.views, "placard serve, " + author_of(::getuid()), now);
  } catch (const policy::StoreError& error) {
    warn(fmt::format("the configured views cannot be recorded: {}", error.what()));
  }
  index_ = std::make_unique<IndexKeeper>(options_.fixed.store, [this](const std::string& what) { warn(what); });
  index_->open(*store_, store_->effective_now(now));
  auto setup = read_zone_setup(options_);
  if (!setup) throw std::runtime_error(fmt::format("{}", fmt::join(setup.error(), "\n")));
  keys_ = setup->keys;
  auto keeping = keeper_options(options_);
  keeping.new_policy_zone_maker = [this] { return new_policy_zone_maker(); };
  zone_keeper_ = std::make_unique<transfer::ZoneKeeper>(std::move(keeping));
  const auto loaded = zone_keeper_->load(std::move(setup->plans), keys_);
  for (const auto& problem : loaded.problems) warn(fmt::format("{}; the other zones are served", problem));
  served_ = zone_keeper_->served();
  read_at_start_ = first_feeds();
}

void Server::open_sockets() {
  const auto now = system_time();
  auto first = make_publication(*store_, next_index(now), options_);
  put_zones(*first.snapshot, zone_keeper_->served(), zone_listeners_);
  first.snapshot->keys = keys_;
  auto worker = must(worker_options(options_));
  worker.zone_desk = zone_keeper_.get();
  for (const auto& endpoint : listeners_)
    for (const bool tcp : {false, true})
      if (net::port_is_taken(endpoint, tcp))
        throw std::runtime_error(
            fmt::format("cannot listen on {} ({}): address already in use", endpoint.to_text(), tcp ? "TCP" : "UDP"));
  const auto& fixed = options_.fixed;
  const auto processors = [] {
    cpu_set_t set;
    return sched_getaffinity(0, sizeof set, &set) == 0 ? static_cast<unsigned>(CPU_COUNT(&set)) : 1U;
  };
  const recurse::CacheLimits limits{fixed.cache_memory, fixed.min_ttl, fixed.max_ttl, fixed.max_negative_ttl,
                                    fixed.dnssec.validation};
  recurse::ServerLimits servers;
  servers.in_flight = fixed.server_in_flight;
  servers.rate = fixed.server_rate;
  worker.workers = fixed.workers == 0 ? processors() : fixed.workers;
  auto cache = std::make_shared<recurse::Cache>(limits);
  {
    const Privileges::AsUser as_user(privileges_);
    keeper_ = std::make_unique<CacheKeeper>(
        cache, CacheKeeperOptions{fixed.cache_save, fixed.cache_save_interval, fixed.max_ttl},
        [this](const std::string& what) { warn(what); });
  }
  crew_ =
      must(Crew::open(worker, worker.workers, first.snapshot, cache, std::make_shared<recurse::ServerTable>(servers)));
  notice_ = std::make_unique<NoticePages>(must(load_catalogues()), fixed.store);
  notice_->publish(first.pages);
  notice_server_ = must(net::HttpServer::start(fixed.notice_listen, [this](const net::HttpRequest& request) {
    notice_requests_.fetch_add(1, std::memory_order_relaxed);
    return notice_->answer(request, system_time());
  }));
  metrics_server_ = must(net::HttpServer::start(
      fixed.metrics_listen, [this](const net::HttpRequest& request) { return metrics_page(request); }));
  reset_ = must(net::ResetListener::start(fixed.reset_listen));
}

std::vector<std::string> Server::describe() const {
  const auto& fixed = options_.fixed;
  const auto snapshot = crew_->current();
  std::vector<std::string> lines{version_text()};
  lines.push_back(fmt::format("  configuration  {}", options_.file.empty() ? "built-in defaults" : options_.file));
  lines.push_back(fmt::format("  DNS            {} (UDP and TCP), {} worker{}", joined(fixed.listen),
                              crew_->counters().size(), crew_->counters().size() == 1 ? "" : "s"));
  if (const auto count = options_.reloadable.zones.size(); count > 0)
    lines.push_back(fmt::format("  own zones      {}, on {} address{} of their own", count, zone_listeners_.size(),
                                zone_listeners_.size() == 1 ? "" : "es"));
  lines.push_back(fmt::format("  notice         {}", joined(fixed.notice_listen, "http://", "/")));
  if (!fixed.metrics_listen.empty())
    lines.push_back(fmt::format("  metrics        {}", joined(fixed.metrics_listen, "http://", "/metrics")));
  lines.push_back(fmt::format("  record         {}: {} decision{}, {} rule{} in the index", fixed.store,
                              snapshot->index->decision_count(), snapshot->index->decision_count() == 1 ? "" : "s",
                              snapshot->index->rule_count(), snapshot->index->rule_count() == 1 ? "" : "s"));
  lines.push_back(fmt::format("  control        {}", fixed.control_socket));
  return lines;
}

void Server::start(std::function<void()> stop_asked) {
  stop_asked_ = std::move(stop_asked);
  {
    const std::lock_guard lock(changes_);
    policy::QueryLimits limits;
    if (auto last = store_->query("SELECT coalesce(max(last_sequence), 0) FROM public_enforcement", limits);
        last && !last->rows.empty())
      enforced_sequence_ = std::get<std::int64_t>(last->rows[0][0]);
    in_force_sequence_ = crew_->current()->index->log_sequence();
  }
  zone_keeper_->start([this](const std::vector<transfer::ServedZone>& served) {
    crew_->publish([&](serve::Snapshot& next) { put_zones(next, served, zone_listeners_); });
    take_served(served);
  });
  await_first_transfers();
  crew_->start();
  keeper_->start();
  {
    const std::lock_guard lock(changes_);
    note_enforcement(*crew_->current()->index, system_time());
  }
  keep_keys();
  hit_keeper_ =
      std::make_unique<HitKeeper>(options_.fixed.store + ".counters",
                                  HitKeeper::World{[this] { return crew_->take_hits(); }, [] { return system_time(); },
                                                   [this](const std::string& what) { warn(what); }});
  hit_keeper_->start();
  traffic_keeper_ = std::make_unique<TrafficKeeper>(
      traffic_path(options_.fixed.store),
      TrafficKeeper::World{[this]() -> std::optional<bool> {
                             const std::unique_lock lock(changes_, std::try_to_lock);  // a long change delays nothing
                             if (!lock) return std::nullopt;
                             return options_.reloadable.traffic_sketch;
                           },
                           [this](const auto& make) { return crew_->swap_traffic(make); }, [] { return system_time(); },
                           [this](const std::string& what) { warn(what); }});
  traffic_keeper_->start();
  reloader_ = std::thread([this] { reload_thread(); });
  index_->start([this] { index_was_compiled(); }, [] { return system_time(); });
  keep_feeds();
  control_->serve(
      [this](std::string_view line, const std::string& author) { return perform_line(*this, line, author); });
}

void Server::stop() {
  stopping_ = true;
  if (hit_keeper_) {
    hit_keeper_->stop();
    hit_keeper_->flush();
  }
  traffic_keeper_.reset();
  if (crew_) crew_->stopping();  // those who wait for a worker stop waiting
  control_.reset();
  hit_keeper_.reset();
  {
    const std::lock_guard lock(reload_mutex_);
    reload_ends_ = true;
    reload_wanted_.notify_all();
  }
  feed_keeper_.reset();
  if (zone_keeper_) zone_keeper_->stop();
  if (reloader_.joinable()) reloader_.join();
  if (index_) index_->stop();
  key_keeper_.reset();
  notice_server_.reset();
  metrics_server_.reset();
  reset_.reset();
  if (crew_) crew_->stop();
  zone_keeper_.reset();  // what it has not answered yet goes back to the workers' loops, which must still be there
  if (keeper_) keeper_->stop();
}

/// Trust anchors roll over by themselves (RFC 5011), where there is a file to keep them in.
void Server::keep_keys() {
  const auto& dnssec = options_.fixed.dnssec;
  const auto validation = validation_options(dnssec, options_.reloadable.negative_anchors);
  if (!validation || !validation->anchors) return;
  KeyKeeper::World world;
  world.look = [this](const wire::Name& zone) -> std::optional<wire::RecordSet> {
    wire::Question question;
    question.name = zone;
    question.type = wire::RecordType::dnskey;
    const auto traced = crew_->trace(question);
    if (!traced || !traced->resolved.authenticated || traced->resolved.answer.empty()) return std::nullopt;
    const auto& set = traced->resolved.answer.back()->set;
    return set.type == wire::RecordType::dnskey ? std::optional(set) : std::nullopt;
  };
  world.publish = [this](const std::shared_ptr<const validate::Anchors>& anchors) { crew_->set_anchors(anchors); };
  world.now = [] { return system_time(); };
  world.warn = [this](const std::string& what) { warn(what); };
  key_keeper_ =
      std::make_unique<KeyKeeper>(dnssec.state_file, validation->anchors, validation->rules, std::move(world));
  if (!dnssec.state_file.empty() && key_keeper_->load()) key_keeper_->start();
}

/// Negative anchors that came or went count at once: what was found out below them by the others is forgotten.
void Server::suspend_anchors(const std::vector<std::string>& before, const std::vector<std::string>& now) {
  if (!key_keeper_ || before == now) return;
  auto anchors = negative_anchors(now);
  const auto old = negative_anchors(before);
  if (!anchors || !old) return;  // both were checked when they were read
  key_keeper_->suspend(*anchors);
  const auto has = [](const std::vector<validate::NegativeAnchor>& all, const validate::NegativeAnchor& one) {
    return std::ranges::any_of(all,
                               [&](const auto& other) { return other.name == one.name && other.until == one.until; });
  };
  for (const auto& one : *anchors)
    if (!has(*old, one)) crew_->flush(one.name);
  for (const auto& one : *old)
    if (!has(*anchors, one)) crew_->flush(one.name);
}

Workplace Server::workplace(const Order& order) {
  store_->set_clock_bounds(clock_bounds(order.clock_is_right));  // of the last order: the server's own rows follow it
  return own_workplace();
}

Workplace Server::own_workplace() {
  if (!crew_) return {*store_, options_, nullptr};
  return {*store_, options_, [this]() -> std::expected<void, std::string> {
            if (in_force_sequence_ == store_->last_log_sequence()) return {};
            return bring_into_force();
          }};
}

std::shared_ptr<const policy::Index> Server::next_index(policy::Time now) {
  auto index = index_->current(*store_, options_.reloadable.views, source_policies(options_.reloadable.feeds),
                               generation_ + 1, store_->effective_now(now));
  ++generation_;
  return index;
}

void Server::index_was_compiled() {
  const std::lock_guard changes(changes_);
  if (auto published = bring_into_force(); !published) warn(fmt::format("the new index: {}", published.error()));
}

std::expected<void, std::string> Server::bring_into_force() {
  const auto publication = make_publication(*store_, next_index(system_time()), options_);
  // The page first: who is sent to it by a worker's first new answer finds the decision there.
  notice_->publish(publication.pages);
  const auto change = [&](serve::Snapshot& next) {
    publication.snapshot->everywhere = std::move(next.everywhere);
    publication.snapshot->listeners = std::move(next.listeners);
    publication.snapshot->for_recursion = std::move(next.for_recursion);
    publication.snapshot->keys = keys_;
    next = *publication.snapshot;
  };
  if (!crew_->publish(change)) return std::unexpected("the workers have not taken the new snapshot in time");
  in_force_sequence_ = publication.snapshot->index->log_sequence();
  zone_keeper_->policy_changed();
  note_enforcement(*publication.snapshot->index, system_time());
  return {};
}

void Server::note_enforcement(const policy::Index& index, policy::Time since) {
  if (index.log_sequence() <= enforced_sequence_ || !crew_->is_started()) return;
  try {
    store_->record_enforcement(node(), enforced_sequence_ + 1, index.log_sequence(), since);
    enforced_sequence_ = index.log_sequence();
  } catch (const policy::StoreError& error) {
    // It is in force all the same; the next snapshot's row will hold these entries too.
    warn(fmt::format("since when log entries {} to {} are in force could not be recorded: {}", enforced_sequence_ + 1,
                     index.log_sequence(), error.what()));
  }
}

std::string Server::node() const {
  if (!options_.reloadable.identity.empty()) return options_.reloadable.identity;
  char name[256] = {};
  return ::gethostname(name, sizeof name - 1) == 0 && name[0] ? name : "localhost";
}

void Server::reload_soon() {
  const std::lock_guard lock(reload_mutex_);
  reload_pending_ = true;
  reload_wanted_.notify_all();
}

void Server::reload_thread() {
  std::unique_lock lock(reload_mutex_);
  for (;;) {
    reload_wanted_.wait(lock, [this] { return reload_pending_ || reload_ends_; });
    if (reload_ends_) return;
    reload_pending_ = false;
    lock.unlock();
    (void)reload();  // which has told what was wrong
    lock.lock();
  }
}

Done Server::reload() {
  const std::lock_guard one(reloading_);
  auto refused = [this](const std::vector<std::string>& reasons) -> Done {
    reload_failures_.fetch_add(1, std::memory_order_relaxed);
    for (const auto& reason : reasons) warn("reload: " + reason);
    warn("reload: nothing was changed");
    return std::unexpected(fmt::format("{}\nnothing was changed", fmt::join(reasons, "\n")));
  };
  std::vector<transfer::ZonePlan> plans;
  std::shared_ptr<const zones::TsigKeyring> keys;
  bool taken_over = false;
  std::string incomplete;  // what went wrong behind that
  try {
    auto next = load_options(options_.file);
    if (next) complete(*next);
    if (!next) {
      std::vector<std::string> all;
      for (const auto& problem : next.error()) all.push_back(to_text(problem));
      return refused(all);
    }
    auto setup = read_zone_setup(*next);
    if (!setup) return refused(setup.error());
    plans = setup->plans;
    keys = setup->keys;
    auto feeds = read_feeds(*next, [](const FeedOption& feed) { return !feed.is_transferred(); });
    std::unique_lock changes(changes_);
    if (const auto fixed = fixed_changes(options_, *next); !fixed.empty())
      return refused({fmt::format("{} needs a restart", fmt::join(fixed, ", "))});
    if (next->reloadable.views != options_.reloadable.views)
      store_->record_views(next->reloadable.views, "placard serve, " + author_of(::getuid()), system_time());
    const auto suspended = options_.reloadable.negative_anchors;
    // From here on it is the new configuration; publishing it can fail for the store only, and then all is put back.
    std::swap(options_, *next);
    std::swap(keys_, setup->keys);
    try {
      if (auto published = bring_into_force(); !published) warn("reload: " + published.error());
    } catch (const policy::StoreError&) {
      std::swap(options_, *next);
      std::swap(keys_, setup->keys);
      throw;
    }
    taken_over = true;
    suspend_anchors(suspended, options_.reloadable.negative_anchors);
    changes.unlock();
    const net::Background background;
    load_feeds(std::move(feeds));
    if (feed_keeper_) feed_keeper_->reloaded();
  } catch (const std::exception& error) {
    if (!taken_over) return refused({error.what()});
    incomplete = fmt::format("the new configuration is in force, but not all of it could be done: {}", error.what());
    reload_failures_.fetch_add(1, std::memory_order_relaxed);
    warn("reload: " + incomplete);
  }
  // Zones can take long, and each stands for itself: one that cannot be loaded stays as it was.
  const auto loaded = zone_keeper_->reload(std::move(plans), keys);
  if (!loaded.problems.empty()) {
    reload_failures_.fetch_add(1, std::memory_order_relaxed);
    for (const auto& problem : loaded.problems) warn("reload: " + problem);
    warn("reload: those zones stay as they were; all else was taken over");
    return std::unexpected(
        fmt::format("{}\nthose zones stay as they were; all else was taken over", fmt::join(loaded.problems, "\n")));
  }
  if (!incomplete.empty()) return std::unexpected(incomplete);
  const std::string file = options_.file.empty() ? "built-in defaults" : options_.file;
  warn("reloaded " + file);
  reloads_.fetch_add(1, std::memory_order_relaxed);
  policy::Document document;
  document.parts.emplace_back(policy::Fields{"", "", {{"configuration", "Reloaded", file}}});
  return document;
}

}  // namespace placard::app
