// Changes to the record, and the questions that need nothing but it. Reading for export: operations_export.cpp.
#include "resolver/app/operations.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "policy/match/compile.hpp"
#include "policy/public/research.hpp"
#include "policy/record/decision_file.hpp"
#include "policy/record/intake.hpp"
#include "policy/record/written_name.hpp"

namespace placard::app {
namespace {

// Several files become one batch, so that all of them are recorded or none. A batch has one file name for its problems:
// the number of the file travels in its positions instead (a file of kMaxDecisionFileSize has fewer lines than that).
constexpr std::size_t kLinesOfAFile = std::size_t{1} << 24U;
static_assert(kLinesOfAFile > policy::kMaxDecisionFileSize);

void append(policy::AuthoredBatch& all, policy::AuthoredBatch&& one, std::size_t file) {
  auto mark = [&](policy::Position& position) { position.line += file * kLinesOfAFile; };
  auto mark_fields = [&](policy::FieldPositions& fields) {
    for (auto& [key, position] : fields) mark(position);
  };
  for (auto& authority : one.authorities) {
    mark(authority.position);
    mark_fields(authority.fields);
    all.authorities.push_back(std::move(authority));
  }
  for (auto& decision : one.decisions) {
    mark(decision.position);
    mark_fields(decision.fields);
    std::ranges::for_each(decision.rule_positions, mark);
    std::ranges::for_each(decision.rule_fields, mark_fields);
    all.decisions.push_back(std::move(decision));
  }
  for (auto& event : one.events) {
    mark(event.position);
    mark_fields(event.fields);
    all.events.push_back(std::move(event));
  }
}

std::string told(policy::IntakeError error, const std::vector<DecisionFile>& files) {
  for (auto& problem : error.problems) {
    problem.file = files.at(problem.position.line / kLinesOfAFile).name;
    problem.position.line %= kLinesOfAFile;
  }
  return policy::to_text(error);
}

/// A clock that the log does not contradict may be vouched for: then the refusal says how.
auto naming_the_flag(policy::Store& store, policy::Time now, const auto& write) {
  try {
    return write();
  } catch (const policy::StoreError& error) {
    if (error.kind() != policy::StoreError::Kind::clock || now < store.last_recorded_at()) throw;
    throw policy::StoreError(error.kind(), fmt::format("{} (--clock-is-right says that it is)", error.what()));
  }
}

/// The domain of "mailto:hostmaster@example.net" or "https://example.net/contact": who is blocked must reach it.
std::optional<wire::Name> host_of_contact(std::string_view contact) {
  const auto at = contact.starts_with("mailto:") ? contact.rfind('@') : contact.find("//") + 1;
  if (contact.empty() || at == contact.npos || (!contact.starts_with("mailto:") && !contact.starts_with("https://")))
    return std::nullopt;
  const auto host = contact.substr(at + 1);
  const auto name = policy::name_from_writing(host.substr(0, std::min(host.find_first_of("/:?"), host.size())));
  return name ? std::optional(*name) : std::nullopt;
}

/// "active", "shadow", "lifted" ...; "not yet" before it begins.
policy::Cell state_at(const policy::DecisionRecord& record, policy::Time now) {
  const policy::StatePeriod* current = nullptr;
  for (const auto& period : record.periods)
    if (period.valid_from <= now && now < period.valid_to && period.recorded_to == policy::kNever) current = &period;
  if (current) return std::string(policy::to_text(current->state));
  return now < record.decision().effective_from ? policy::Cell(std::string("not yet")) : policy::Cell();
}

/// What decisions do, as the record has them now.
struct DecisionTables {
  policy::Table decisions{"decisions",
                          "",
                          {{"id", "Decision"},
                           {"recorded", "Recorded now"},
                           {"type", "Type"},
                           {"authority", "Authority"},
                           {"state", "State"},
                           {"in_force", "In force now"},
                           {"effective_from", "From"},
                           {"expires_at", "Until"},
                           {"territorial_scope", "Scope"}},
                          {},
                          ""};
  policy::Table rules{
      "rules",
      "Rules",
      {{"decision_id", "Decision"}, {"rule_id", "Rule"}, {"name", "Name"}, {"match", "Match"}, {"action", "Action"}},
      {},
      ""};

  void add(const policy::DecisionRecord& record, bool is_new, policy::Time now) {
    const auto& decision = record.decision();
    const auto state = state_at(record, now);
    decisions.rows.push_back({decision.id, is_new, std::string(policy::to_text(decision.type)), record.authority.id,
                              state, state == policy::Cell(std::string(policy::to_text(policy::DecisionState::active))),
                              policy::to_text(decision.effective_from), policy::to_text(decision.expires_at),
                              decision.territorial_scope.empty()
                                  ? "everywhere"
                                  : fmt::format("{}", fmt::join(decision.territorial_scope, ", "))});
    for (const auto& rule : decision.rules)
      rules.rows.push_back({decision.id, rule.id, rule.prefix.empty() ? policy::stored_name(rule.name) : rule.prefix,
                            std::string(policy::to_text(rule.match)), std::string(policy::to_text(rule.action))});
  }
};

}  // namespace

std::expected<std::optional<policy::Time>, std::string> typed_time(const std::string& option, const std::string& text) {
  if (text.empty()) return std::optional<policy::Time>();
  auto time = policy::time_from_text(text);
  if (!time) return std::unexpected(fmt::format("{}: {}", option, time.error()));
  return *time;
}

std::expected<wire::Name, std::string> typed_name(const std::string& text) {
  if (text == ".") return wire::Name();
  // Names of services have underscores and are no host names, but may well be asked about.
  if (auto written = policy::name_from_writing(text)) return *written;
  auto name = wire::Name::from_text(text);
  if (!name || text.empty())
    return std::unexpected(fmt::format("\"{}\" is no domain name{}", text,
                                       text.empty() ? "" : fmt::format(": {}", wire::to_text(name.error()))));
  return name->lowered();
}

Done decide(const Workplace& at, const std::vector<DecisionFile>& files, const std::string& author, policy::Time now) {
  policy::AuthoredBatch batch;
  if (files.size() == 1) batch.file = files.front().name;
  for (std::size_t i = 0; i < files.size(); ++i) {
    auto parsed = policy::parse_decision_file(files[i].text, files[i].name, now);
    if (!parsed) return std::unexpected(policy::to_text(parsed.error()));
    append(batch, *std::move(parsed), i);
  }
  const auto guards = guards_of(at.options);
  const auto outcome =
      naming_the_flag(at.store, now, [&] { return policy::intake(at.store, batch, guards, author, now); });
  if (!outcome) return std::unexpected(told(outcome.error(), files));
  // Also when nothing is new: what was recorded before may still wait to come into force.
  if (auto waits = at.bring_into_force(); !waits) return std::unexpected(waits.error());

  policy::Document document;
  auto is_new = [&](const std::string& id) {
    return std::ranges::find(outcome->recorded, id) != outcome->recorded.end();
  };
  DecisionTables tables;
  for (const auto& authored : batch.decisions)
    if (const auto record = at.store.decision(authored.decision.id))
      tables.add(*record, is_new(record->decision().id), now);
  document.parts.emplace_back(policy::Note{outcome->recorded.empty()
                                               ? "All of it was recorded already, with the same content."
                                               : "Recorded; every guard passed."});
  if (!tables.decisions.rows.empty()) {
    document.parts.emplace_back(std::move(tables.decisions));
    document.parts.emplace_back(std::move(tables.rules));
  }
  auto count = [&](const auto& items, auto id_of) {
    return std::ranges::count_if(items, [&](const auto& item) { return is_new(id_of(item)); });
  };
  const auto events = count(batch.events, [](const auto& item) { return item.event.id; });
  policy::Fields summary{"", "", {}};
  summary.fields = {
      {"recorded", "Entries recorded", static_cast<std::int64_t>(outcome->recorded.size())},
      {"recorded_events", "Events among them", static_cast<std::int64_t>(events)},
      {"already_recorded", "Recorded already", static_cast<std::int64_t>(outcome->already_recorded.size())},
      {"published", "The server has taken it in", at.publish != nullptr}};
  document.parts.emplace_back(std::move(summary));
  if (!at.publish)
    document.parts.emplace_back(policy::Note{"No server runs here; one that is started will answer by it."});
  return document;
}

std::expected<void, std::string> Workplace::bring_into_force() const {
  if (!publish) return {};
  const auto published = publish();
  if (published) return {};
  return std::unexpected(fmt::format("recorded, but not yet in force: {}", published.error()));
}

Done lift(const Workplace& at, const std::string& id, const std::string& reason, const std::string& author,
          policy::Time now) {
  const auto lifted = naming_the_flag(at.store, now, [&] { return at.store.lift(id, reason, author, now); });
  if (!lifted) return std::unexpected(lifted.error());
  if (auto waits = at.bring_into_force(); !waits) return std::unexpected(waits.error());
  policy::Fields fields{"", "", {}};
  fields.fields = {{"id", "Decision", id},
                   {"state", "State", std::string(policy::to_text(lifted->state))},
                   {"valid_from", "Since", policy::to_text(lifted->valid_from)},
                   {"reason", "Reason", reason},
                   {"log_sequence", "Log entry", lifted->sequence},
                   {"published", "The server has taken it in", at.publish != nullptr}};
  return policy::Document{{std::move(fields)}};
}

Done disclose(const Workplace& at, const std::string& id, const std::string& reason, const std::string& author,
              policy::Time now) {
  const auto done = naming_the_flag(at.store, now, [&] { return at.store.disclose(id, reason, author, now); });
  if (!done) return std::unexpected(done.error());
  if (auto waits = at.bring_into_force(); !waits) return std::unexpected(waits.error());
  policy::Fields fields{"", "", {}};
  fields.fields = {{"id", "Decision", id},
                   {"disclosed_at", "Public since", policy::to_text(at.store.last_recorded_at())},
                   {"reason", "Reason", reason},
                   {"log_sequence", "Log entry", at.store.last_log_sequence()},
                   {"published", "The server has taken it in", at.publish != nullptr}};
  return policy::Document{{std::move(fields)}};
}

policy::Guards guards_of(const Options& options) {
  const auto& now = options.reloadable;
  policy::Guards guards{now.protected_names, now.widest_ipv4, now.widest_ipv6, {}};
  // Zones with listeners of their own are somebody else's whom we host; the others are ours, and nothing of them is
  // decided unless the operator lets policy apply to them.
  for (const auto& zone : now.zones)
    if (zone.listen.empty() && !now.own_zones_policy) guards.own_names.push_back(zone.name);
  if (const auto host = host_of_contact(now.operator_contact)) guards.own_names.push_back(*host);
  return guards;
}

Done why(policy::Store& store, const Options& options, const policy::Index* current, const WhyRequest& request,
         policy::Time now, std::vector<policy::KnownLink> known) {
  policy::WhyRequest asked;
  asked.known = std::move(known);
  asked.default_ttl = options.reloadable.policy_ttl;
  asked.names_outrank = options.reloadable.policy_order == "names-outrank";
  const auto name = typed_name(request.name);
  if (!name) return std::unexpected(name.error());
  asked.name = *name;
  if (!request.client.empty()) {
    const auto client = net::Address::from_text(request.client);
    if (!client) return std::unexpected("--client: " + client.error());
    asked.client.assign(client->bytes().begin(), client->bytes().end());
  }
  const auto time = typed_time("--at", request.at);
  if (!time) return std::unexpected(time.error());
  asked.at = *time;
  std::shared_ptr<const policy::Index> made;
  if (!current && !asked.at) {
    made = policy::compile_index(store, options.reloadable.views, source_policies(options.reloadable.feeds),
                                 store.effective_now(now), 1);
    current = made.get();
  }
  return policy::explain_answer(store, asked, current, now);
}

Done history(policy::Store& store, const HistoryRequest& request) {
  const auto name = typed_name(request.name);
  if (!name) return std::unexpected(name.error());
  const auto valid_at = typed_time("--valid-at", request.valid_at);
  if (!valid_at) return std::unexpected(valid_at.error());
  const auto known_at = typed_time("--known-at", request.known_at);
  if (!known_at) return std::unexpected(known_at.error());
  return policy::tell_history(store, {*name, {*valid_at, *known_at}});
}

Done query(const std::filesystem::path& store, const std::string& sql, std::size_t rows, std::int64_t seconds) {
  policy::QueryLimits limits;
  limits.rows = rows;
  limits.milliseconds = seconds * 1000;
  const auto result = policy::query_store(store, sql, limits);
  if (!result) return std::unexpected(result.error());
  return policy::show_result(*result);
}

Done backup(const policy::Store& store, const std::filesystem::path& file) {
  store.backup(file);
  std::error_code error;
  const auto size = std::filesystem::file_size(file, error);
  policy::Fields fields{
      "", "", {{"backup", "Copied to", file.string()}, {"octets", "Octets", static_cast<std::int64_t>(size)}}};
  return policy::Document{{std::move(fields)}};
}

}  // namespace placard::app
