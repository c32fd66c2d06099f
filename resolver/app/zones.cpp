#include "resolver/app/zones.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <map>
#include <sstream>

#include "resolver/app/feeds.hpp"
#include "zones/load.hpp"

namespace placard::app {
namespace {

constexpr std::size_t kMaxSecretFile = 4096;  // octets

std::expected<std::string, std::string> read_secret(const KeyOption& key) {
  if (key.secret.empty() == key.secret_file.empty()) return std::unexpected("wants one of secret and secret_file");
  if (key.secret_file.empty()) return key.secret;
  std::ifstream in(key.secret_file, std::ios::binary);
  std::string text(kMaxSecretFile + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (in.bad() || (!in.eof() && in.fail()) || in.gcount() == 0)
    return std::unexpected(fmt::format("secret_file {}: cannot be read, or is empty", key.secret_file));
  text.resize(static_cast<std::size_t>(in.gcount()));
  if (text.size() > kMaxSecretFile) return std::unexpected(fmt::format("secret_file {}: too long", key.secret_file));
  return text;
}

std::expected<zones::SharedTsigKey, std::string> read_key(const KeyOption& key) {
  const auto algorithm = zones::tsig_algorithm_from_text(key.algorithm);
  if (!algorithm)
    return std::unexpected(fmt::format(
        "unknown algorithm \"{}\"; hmac-sha1, -sha224, -sha256, -sha384 and -sha512 are known", key.algorithm));
  const auto text = read_secret(key);
  if (!text) return std::unexpected(text.error());
  auto secret = zones::tsig_secret_from_text(*text);
  if (!secret) return std::unexpected(secret.error());
  return std::make_shared<const zones::TsigKey>(key.name, *algorithm, *std::move(secret));
}

std::string what_is_wrong(const transfer::ZonePlan& plan) {
  using enum transfer::CatalogRole;
  constexpr std::size_t kMaxCatalogName = 200;  // octets: labels of ours stand below it
  if (plan.catalog == produce) {
    if (!plan.file.empty() || plan.is_secondary() || !plan.update.empty() || plan.sign || !plan.policy_of.empty())
      return "a catalog to produce has no file, no primaries, no updates, no signatures and no policy_of";
    if (plan.name.view().size() > kMaxCatalogName) return "too long a name for a catalog";
    return {};
  }
  if (!plan.policy_of.empty()) {
    if (!plan.file.empty() || plan.is_secondary() || !plan.update.empty() || plan.sign || plan.catalog != none)
      return "a policy zone of ours has no file, no primaries, no updates, no signatures and is no catalog";
    if (plan.for_recursion) return "a policy zone is not for recursion";
    return {};
  }
  if (plan.sign) {
    if (plan.is_secondary() || plan.catalog != none) return "a secondary or a catalog cannot be signed here";
    if (plan.signing.keys.algorithm == wire::Algorithm{}) return "sign_algorithm is ecdsap256sha256 or ed25519";
    if (plan.signing.refresh >= plan.signing.lifetime) return "signature_refresh must be less than signature_lifetime";
  }
  if (!plan.for_clients && !plan.for_recursion) return "is neither for_clients nor for_recursion";
  if (plan.file.empty() && !plan.is_secondary()) return "has neither a file nor primaries";
  if (plan.catalog == consume && !plan.is_secondary()) return "a catalog to consume needs primaries";
  if (plan.is_secondary() && !plan.update.empty()) return "has primaries: updates go to them";
  return {};
}

/// What `catalog` and `member_of` say, put together.
std::vector<transfer::ZonePlan> plans_of(const Options& options, std::vector<std::string>& problems) {
  using enum transfer::CatalogRole;
  auto plans = options.reloadable.zones;
  for (auto& plan : plans)
    if (plan.key_folder.empty()) plan.key_folder = options.fixed.state_directory + "/keys";
  for (const auto& [position, role] : options.reloadable.catalogs) {
    auto& plan = plans.at(position);
    if (role == "produce" || role == "consume")
      plan.catalog = role == "produce" ? produce : consume;
    else if (!role.empty())
      problems.push_back(fmt::format("{}: zone {}: catalog is \"consume\" or \"produce\", not \"{}\"", plan.place,
                                     plan.name.to_text(), role));
  }
  for (const auto& member : plans) {
    if (!member.member_of) continue;
    const auto catalog = std::ranges::find_if(plans, [&](const transfer::ZonePlan& plan) {
      return plan.catalog == produce && plan.name == *member.member_of;
    });
    if (catalog == plans.end())
      problems.push_back(fmt::format("{}: zone {}: {} is no catalog to produce", member.place, member.name.to_text(),
                                     member.member_of->to_text()));
    else
      catalog->members.push_back({member.name.lowered(), member.group});
  }
  return plans;
}

std::string moment(std::int64_t at) {
  return at == 0 ? "never" : policy::to_text(static_cast<policy::Time>(at));
}

std::string age(std::int64_t at, std::int64_t now) {
  return at == 0 ? "never" : fmt::format("{} ({} s ago)", moment(at), now - at);
}

policy::Fields detail(const transfer::ZoneStatus& zone, std::int64_t now) {
  policy::Fields fields{"zone", zone.origin.to_text(), {}};
  const auto add = [&](const char* key, const char* label, policy::Cell value) {
    fields.fields.push_back({key, label, std::move(value)});
  };
  add("name", "Zone", zone.origin.to_text());
  add("role", "Role", zone.role);
  add("state", "State", zone.state);
  add("source", "From", zone.source);
  if (!zone.catalog.empty()) add("catalog", "Member of the catalog", zone.catalog);
  if (zone.serial) add("serial", "Serial", static_cast<std::int64_t>(*zone.serial));
  add("records", "Records", policy::as_cell(zone.records));
  add("memory", "Memory (octets)", policy::as_cell(zone.memory));
  add("journal", "Journal (octets)", policy::as_cell(zone.journal_octets));
  add("changed_at", "This version since", age(zone.changed_at, now));
  if (zone.role == "secondary" || zone.expires_at != 0) {
    add("confirmed_at", "Confirmed by a primary", age(zone.confirmed_at, now));
    add("next_refresh_at", "Next question to it", moment(zone.next_refresh_at));
    add("expires_at", "Expires", moment(zone.expires_at));
  }
  if (zone.due_at != 0)
    add("due_at", zone.role == "policy" ? "A decision begins or ends" : "Signatures or keys are due",
        moment(zone.due_at));
  add("transfers_in", "Transfers taken", policy::as_cell(zone.transfers_in));
  for (std::size_t i = 0; i < zone.transfer_failures.size(); ++i)
    if (zone.transfer_failures[i] > 0)
      add("transfers_failed", "Transfers failed",
          fmt::format("{}: {}", zones::to_text(static_cast<zones::TransferFailure>(i)), zone.transfer_failures[i]));
  add("transfers_out", "Transfers given", policy::as_cell(zone.transfers_out));
  add("updates", "Updates made", policy::as_cell(zone.updates_done));
  add("updates_refused", "Updates refused", policy::as_cell(zone.updates_refused));
  if (!zone.last_error.empty())
    add("last_error", "Last error", fmt::format("{}: {}", moment(zone.last_error_at), zone.last_error));
  for (const auto& warning : zone.warnings) add("warning", "Warning", warning);
  return fields;
}

}  // namespace

std::expected<ZoneSetup, std::vector<std::string>> read_zone_setup(const Options& options) {
  std::vector<std::string> problems;
  auto keys = std::make_shared<zones::TsigKeyring>();
  for (const auto& option : options.reloadable.keys) {
    if (auto key = read_key(option))
      keys->add(*std::move(key));
    else
      problems.push_back(fmt::format("{}: key {}: {}", option.place, option.name.to_text(), key.error()));
  }
  for (const auto& feed : options.reloadable.feeds)
    if (const auto wrong = what_is_wrong(feed); !wrong.empty())
      problems.push_back(fmt::format("{}: feed {}: {}", feed.place, feed.id, wrong));
  auto plans = plans_of(options, problems);
  for (auto& plan : plans_of_feeds(options.reloadable.feeds)) plans.push_back(std::move(plan));
  for (const auto& plan : plans) {
    const auto bad = [&](const std::string& reason) {
      problems.push_back(fmt::format("{}: zone {}: {}", plan.place, plan.name.to_text(), reason));
    };
    if (const auto wrong = what_is_wrong(plan); !wrong.empty()) bad(wrong);
    const auto& views = options.reloadable.views;
    const bool known = plan.policy_of.empty() || plan.policy_of == "default" ||
                       std::ranges::any_of(views, [&](const auto& view) { return view.name == plan.policy_of; });
    if (!known) bad(fmt::format("policy_of: there is no view \"{}\"", plan.policy_of));
    auto named = plan.transfer.keys;
    named.insert(named.end(), plan.update.keys.begin(), plan.update.keys.end());
    for (const auto& one : {plan.primary_key, plan.notify_key})
      if (one) named.push_back(one->lowered());
    for (const auto& name : named)
      if (!keys->find(name.lowered())) bad(fmt::format("there is no [[key]] named {}", name.to_text()));
  }
  if (!problems.empty()) return std::unexpected(std::move(problems));
  return ZoneSetup{std::move(plans), std::move(keys)};
}

transfer::KeeperOptions keeper_options(const Options& options) {
  transfer::KeeperOptions out;
  out.folder = options.fixed.state_directory + "/zones";
  return out;
}

void put_zones(serve::Snapshot& snapshot, const std::vector<transfer::ServedZone>& served,
               const std::vector<net::Endpoint>& bound) {
  struct Zones {
    std::vector<std::shared_ptr<const zones::Zone>> loaded;
    std::vector<wire::Name> unavailable;
    void add(const transfer::ServedZone& zone) {
      if (zone.zone)
        loaded.push_back(zone.zone);
      else
        unavailable.push_back(zone.origin);
    }
    bool empty() const { return loaded.empty() && unavailable.empty(); }
    std::shared_ptr<const zones::ZoneSet> take() {
      return std::make_shared<const zones::ZoneSet>(std::move(loaded), std::move(unavailable));
    }
  };
  Zones everywhere, recursion;
  std::map<net::Endpoint, Zones> own;
  for (const auto& endpoint : bound) own[endpoint];
  for (const auto& zone : served) {
    if (zone.policy_feed) continue;
    if (zone.for_recursion && (zone.zone || !zone.fallback)) recursion.add(zone);
    if (!zone.for_clients) continue;
    if (zone.listen.empty()) everywhere.add(zone);
    for (const auto& endpoint : zone.listen)
      if (const auto found = own.find(endpoint); found != own.end()) found->second.add(zone);
  }
  snapshot.everywhere = everywhere.empty() ? nullptr : everywhere.take();
  snapshot.for_recursion = recursion.empty() ? nullptr : recursion.take();
  snapshot.listeners.clear();
  for (auto& [endpoint, zones] : own) snapshot.listeners.push_back({endpoint, zones.take()});
}

std::string zone_metrics(const transfer::KeeperFigures& figures) {
  std::string text;
  const auto head = [&](std::string_view name, std::string_view kind, std::string_view help) {
    text += fmt::format("# HELP placard_{0} {2}\n# TYPE placard_{0} {1}\n", name, kind, help);
  };
  const auto one = [&](std::string_view name, std::string_view kind, std::string_view help, std::uint64_t value) {
    head(name, kind, help);
    text += fmt::format("placard_{} {}\n", name, value);
  };
  one("zones", "gauge", "Own zones, those without anything to serve included.", figures.zones);
  one("zones_unavailable", "gauge", "Own zones that get SERVFAIL: not loaded, not transferred yet, or expired.",
      figures.unavailable);
  one("zones_expired", "gauge", "Secondary zones that no primary has confirmed for too long.", figures.expired);
  one("zone_oldest_confirmation_seconds", "gauge", "Since the secondary zone that waits longest was confirmed.",
      static_cast<std::uint64_t>(figures.oldest_confirmation));
  one("zone_journal_bytes", "gauge", "Octets of all journals.", figures.journal_octets);
  one("zone_transfers_in_total", "counter", "Transfers taken over.", figures.transfers_in);
  head("zone_transfers_failed_total", "counter", "Questions to primaries and transfers that failed, by reason.");
  for (std::size_t i = 0; i < figures.transfer_failures.size(); ++i)
    text += fmt::format("placard_zone_transfers_failed_total{{reason=\"{}\"}} {}\n",
                        zones::to_text(static_cast<zones::TransferFailure>(i)), figures.transfer_failures[i]);
  one("zone_transfers_out_total", "counter", "Transfers given to the end.", figures.transfers_out);
  one("zone_transfers_out_refused_total", "counter", "Transfers refused.", figures.transfers_out_refused);
  one("zone_transfers_out_broken_total", "counter", "Transfers that broke off.", figures.transfers_out_broken);
  one("zone_notifies_in_total", "counter", "Notifications taken.", figures.notifies_in);
  one("zone_notifies_in_refused_total", "counter", "Notifications refused.", figures.notifies_in_refused);
  one("zone_notifies_out_total", "counter", "Notifications sent, repetitions included.", figures.notifies_out);
  one("zone_notifies_out_unanswered_total", "counter", "Notifications given up.", figures.notifies_out_unanswered);
  one("zone_updates_total", "counter", "Dynamic updates done.", figures.updates);
  one("zone_updates_refused_total", "counter", "Dynamic updates refused.", figures.updates_refused);
  return text;
}

CheckedZones check_zones(const Options& options) {
  CheckedZones out;
  if (const auto setup = read_zone_setup(options); !setup) out.problems = setup.error();
  std::vector<zones::LoadError> doubts;
  for (const auto& zone : options.reloadable.zones) {
    if (zone.file.empty()) continue;
    if (const auto loaded = zones::load_zone(zone.file, zone.name, &doubts); !loaded)
      out.problems.push_back(fmt::format("{} ([[zone]] at {})", zones::to_text(loaded.error()), zone.place));
  }
  for (const auto& doubt : doubts) out.warnings.push_back(zones::to_text(doubt));
  return out;
}

policy::Document key_report(const std::string& text) {
  policy::Table table{"keys", "Keys", {{"key", "Key"}, {"state", "State"}}, {}, "No keys."};
  policy::Fields parent{"parent", "For the parent", {}};
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    const auto colon = line.find(": ");
    const bool key = line.starts_with("KSK ") || line.starts_with("ZSK ");
    if (key && colon != std::string::npos)
      table.rows.push_back({line.substr(0, colon), line.substr(colon + 2)});
    else
      parent.fields.push_back({"ds", "DS", line});
  }
  return {{std::move(table), std::move(parent)}};
}

policy::Document zone_report(const std::vector<transfer::ZoneStatus>& zones, bool detailed, std::int64_t now) {
  policy::Document document;
  if (detailed) {
    for (const auto& zone : zones) document.parts.emplace_back(detail(zone, now));
    return document;
  }
  policy::Table table{"zones",
                      "Zones",
                      {{"name", "Zone"},
                       {"role", "Role"},
                       {"serial", "Serial"},
                       {"records", "Records"},
                       {"state", "State"},
                       {"last_error", "Last error"}},
                      {},
                      "No zones."};
  for (const auto& zone : zones)
    table.rows.push_back({zone.origin.to_text(), zone.role,
                          zone.serial ? policy::Cell(static_cast<std::int64_t>(*zone.serial)) : policy::Cell(),
                          policy::as_cell(zone.records), zone.state,
                          zone.last_error.empty() ? policy::Cell() : policy::Cell(zone.last_error)});
  document.parts.emplace_back(std::move(table));
  return document;
}

}  // namespace placard::app
