#include "resolver/app/cache_keeper.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "resolver/app/clock.hpp"
#include "resolver/recurse/cache_file.hpp"
#include "zones/wire/ldns_adapter.hpp"

namespace placard::app {
namespace {

constexpr std::size_t kMaxRows = 20'000;  // shown; a dump into a file has no such limit

std::string_view to_text(recurse::CacheKind kind) {
  switch (kind) {
    case recurse::CacheKind::records:
      return "records";
    case recurse::CacheKind::nodata:
      return "no such type";
    case recurse::CacheKind::nxdomain:
      return "no such name";
    case recurse::CacheKind::failure:
      return "failure";
    case recurse::CacheKind::delegation:
      return "delegation";
    case recurse::CacheKind::no_cut:
      return "no zone begins here";
  }
  return "";
}

std::string_view to_text(recurse::Credibility credibility) {
  switch (credibility) {
    case recurse::Credibility::additional:
      return "additional";
    case recurse::Credibility::authority:
      return "authority";
    case recurse::Credibility::glue:
      return "parent";
    case recurse::Credibility::answer_no_aa:
      return "answer without AA";
    case recurse::Credibility::authority_aa:
      return "authority with AA";
    case recurse::Credibility::answer_aa:
      return "answer with AA";
    case recurse::Credibility::local:
      return "local";
  }
  return "";
}

/// What an entry says, one text for each record.
std::vector<std::string> data_of(const recurse::CacheEntry& entry) {
  std::vector<std::string> all;
  if (entry.kind == recurse::CacheKind::failure) {
    all.push_back(entry.error ? fmt::format("{} {}", wire::to_text(entry.error->code), entry.error->extra_text) : "");
    return all;
  }
  if (entry.kind == recurse::CacheKind::no_cut) return {""};
  if (entry.kind == recurse::CacheKind::nodata || entry.kind == recurse::CacheKind::nxdomain) {
    all.push_back(entry.set.rdatas.empty() ? "without SOA" : "by the SOA of " + entry.set.owner.to_text());
    return all;
  }
  std::size_t number = 0;
  for (const auto rdata : entry.set.rdatas) {
    std::string text = wire::rdata_to_text(entry.set.type, rdata);
    for (const auto& glue : entry.glue)
      if (glue.server == number) text += ' ' + glue.address.to_text();
    all.push_back(std::move(text));
    ++number;
  }
  return all;
}

void add_rows(policy::Table& table, const recurse::Cached& cached, std::int64_t now) {
  const auto& entry = *cached.entry;
  for (auto& data : data_of(entry)) {
    table.rows.push_back({cached.name.to_text(), wire::to_text(cached.type),
                          static_cast<std::int64_t>(entry.expires_at - now), std::string(to_text(entry.kind)),
                          std::string(to_text(entry.credibility)), std::move(data)});
  }
}

policy::Table empty_table() {
  return {"entries",
          "Cached",
          {{"name", "Name"},
           {"type", "Type"},
           {"seconds_left", "Seconds left"},
           {"kind", "Kind"},
           {"credibility", "From"},
           {"data", "Data"}},
          {},
          "Nothing is cached there."};
}

policy::Document document(policy::Table table, std::size_t left_out) {
  policy::Document document{{std::move(table)}};
  if (left_out > 0)
    document.parts.emplace_back(policy::Note{
        fmt::format("{} more entries are not shown: `placard control cache dump FILE` writes all.", left_out)});
  return document;
}

Done counted(std::string_view label, const recurse::CacheFileCounts& counts, const std::filesystem::path& file) {
  return policy::Document{
      {policy::Fields{"",
                      "",
                      {{"file", std::string(label), file.string()},
                       {"entries", "Entries", static_cast<std::int64_t>(counts.entries)},
                       {"left_out", "Left out (expired, or not sound)", static_cast<std::int64_t>(counts.left_out)}}}}};
}

}  // namespace

CacheKeeper::CacheKeeper(std::shared_ptr<recurse::Cache> cache, CacheKeeperOptions options,
                         std::function<void(const std::string&)> tell)
    : cache_(std::move(cache)), options_(std::move(options)), tell_(std::move(tell)) {
  std::error_code none;
  if (options_.file.empty() || !std::filesystem::exists(options_.file, none)) return;
  if (const auto loaded = recurse::load_cache(*cache_, options_.file, system_time(), options_.max_ttl); !loaded)
    tell_(fmt::format("{}: the saved cache is not used: {}", options_.file, loaded.error()));
}

CacheKeeper::~CacheKeeper() {
  stop();
}

void CacheKeeper::start() {
  started_ = true;
  if (options_.file.empty() || options_.interval == 0) return;
  thread_ = std::thread([this] { run(); });
}

void CacheKeeper::stop() {
  {
    const std::lock_guard lock(mutex_);
    ends_ = true;
    wake_.notify_all();
  }
  if (thread_.joinable()) thread_.join();
  if (started_) save();
  started_ = false;
}

void CacheKeeper::run() {
  std::unique_lock lock(mutex_);
  while (!wake_.wait_for(lock, std::chrono::minutes(options_.interval), [this] { return ends_; })) {
    lock.unlock();
    save();
    lock.lock();
  }
}

void CacheKeeper::save() {
  if (options_.file.empty()) return;
  if (const auto saved = recurse::save_cache(*cache_, options_.file, system_time()); !saved)
    tell_(fmt::format("the cache cannot be saved: {}", saved.error()));
}

Done CacheKeeper::show(const CacheRequest& request) const {
  auto table = empty_table();
  std::size_t left_out = 0;
  const auto now = system_time();
  for (const auto& cached : cache_->contents_of(*request.name, request.subtree)) {
    if (table.rows.size() < kMaxRows) {
      add_rows(table, cached, now);
    } else {
      ++left_out;
    }
  }
  std::ranges::stable_sort(table.rows, [](const auto& a, const auto& b) { return a[0] < b[0]; });
  return document(std::move(table), left_out);
}

Done CacheKeeper::dump(const CacheRequest& request) const {
  if (!request.file.empty()) {
    const auto saved = recurse::save_cache(*cache_, request.file, system_time());
    if (!saved) return std::unexpected(saved.error());
    return counted("Written", *saved, request.file);
  }
  auto table = empty_table();
  std::size_t left_out = 0;
  const auto now = system_time();
  for (std::size_t shard = 0; shard < cache_->shards(); ++shard) {
    for (const auto& cached : cache_->contents(shard)) {
      if (table.rows.size() < kMaxRows) {
        add_rows(table, cached, now);
      } else {
        ++left_out;
      }
    }
  }
  return document(std::move(table), left_out);
}

Done CacheKeeper::load(const CacheRequest& request) {
  const auto loaded = recurse::load_cache(*cache_, request.file, system_time(), options_.max_ttl);
  if (!loaded) return std::unexpected(fmt::format("{}: {}", request.file.string(), loaded.error()));
  return counted("Loaded", *loaded, request.file);
}

}  // namespace placard::app
