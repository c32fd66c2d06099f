// Decision files, from the whole to the single rule.
#include "policy/record/decision_file.hpp"

#include <cassert>
#include <cerrno>
#include <cstring>
#include <fstream>

#include "policy/record/prefix.hpp"
#include "policy/record/toml_fields.hpp"
#include "policy/record/utf8.hpp"
#include "policy/record/written_name.hpp"
#include "zones/wire/ldns_adapter.hpp"

namespace placard::policy {
namespace {

constexpr std::string_view kDecisionTypeWords = "court_order, administrative_order, agreement, voluntary, emergency";
constexpr std::string_view kTriggerWords = "client-ip, qname, response-ip, nsdname, nsip";
constexpr std::string_view kActionWords =
    "sinkhole, nxdomain, nodata, refused, drop, truncate, passthru, local-data, cname";

wire::Name read_name(TableReader& reader, std::string_view key, bool mandatory) {
  const auto text = reader.string(key, mandatory);
  if (text.empty()) return {};
  const auto name = name_from_writing(text);
  if (name) return *name;
  reader.wrong(key, name.error());
  return {};
}

/// A list of words that `from_text` knows; `words` names them in the message.
template <typename Enum>
std::vector<Enum> read_words(TableReader& reader, std::string_view key,
                             std::optional<Enum> (*from_text)(std::string_view), std::string_view words) {
  std::vector<Enum> values;
  for (const auto& text : reader.strings(key)) {
    if (const auto value = from_text(text))
      values.push_back(*value);
    else
      reader.wrong(key, fmt::format("'{}' is none of {}", text.substr(0, 40), words));
  }
  return values;
}

Mandate read_mandate(const toml::table& table, FileProblems& problems) {
  TableReader reader(table, "authority.mandate", problems);
  Mandate mandate;
  mandate.types = read_words(reader, "types", decision_type_from_text, kDecisionTypeWords);
  mandate.triggers = read_words(reader, "triggers", trigger_from_text, kTriggerWords);
  mandate.actions = read_words(reader, "actions", action_from_text, kActionWords);
  mandate.jurisdictions = reader.strings("jurisdictions");
  for (const auto& text : reader.strings("suffixes")) {
    // A mandate may well reach over a whole country's names.
    if (const auto name = name_from_writing(text))
      mandate.suffixes.push_back(*name);
    else
      reader.wrong("suffixes", name.error());
  }
  mandate.max_rules = reader.integer("max_rules", 1, 1'000'000'000);
  if (const auto text = reader.string("max_duration"); !text.empty()) {
    const auto duration = duration_from_text(text);
    if (duration) mandate.max_duration = *duration;
    if (!duration) reader.wrong("max_duration", duration.error());
  }
  mandate.legal_basis = reader.string("legal_basis");
  if (reader.has("legal_basis")) {
    mandate.statement_of_reasons = reader.texts("statement_of_reasons");
    mandate.redress = reader.texts("redress");
    if (!mandate.max_duration && !reader.has("max_duration"))
      reader.wrong("max_duration", "missing: what comes under a standing mandate must end");
  }
  reader.finish();
  return mandate;
}

std::vector<GuardOverride> read_overrides(TableReader& reader, FileProblems& problems) {
  std::vector<GuardOverride> overrides;
  for (const auto* table : reader.tables("override")) {
    TableReader one(*table, "decision.override", problems);
    auto& made = overrides.emplace_back();
    made.about = one.string("about", true);
    if (const auto name = name_from_writing(made.about)) made.about = stored_name(*name);
    made.reason = one.string("reason", true);
    for (const auto* signature : one.tables("signature")) {
      TableReader fields(*signature, "decision.override.signature", problems);
      const auto authority = fields.string("authority", true);
      made.signatures.push_back({authority, fields.string("value", true)});
      fields.finish();
    }
    one.finish();
  }
  return overrides;
}

AuthoredAuthority read_authority_table(const toml::table& table, FileProblems& problems) {
  TableReader reader(table, "authority", problems);
  AuthoredAuthority authored{.authority = {}, .position = reader.position(), .fields = reader.fields()};
  auto& authority = authored.authority;
  authority.id = reader.string("id", true);
  authority.kind = reader.word("kind", authority_kind_from_text, "court, regulator, provider, operator");
  authority.name = reader.texts("name");
  authority.jurisdiction = reader.string("jurisdiction");
  authority.contact = reader.string("contact");
  authority.public_key = reader.string("public_key");
  authority.external = reader.boolean("external", authority.kind != AuthorityKind::operator_);
  authority.version = reader.integer("version", 1, 1'000'000).value_or(1);
  if (const auto* mandate = reader.get("mandate")) {
    if (mandate->is_table())
      authority.mandate = read_mandate(*mandate->as_table(), problems);
    else
      reader.wrong("mandate", "must be a table: write [authority.mandate]");
  }
  reader.finish();
  return authored;
}

/// "A 192.0.2.1": a type and its data, as in a zone file.
std::optional<LocalRecord> read_record(std::string_view text, std::string& why) {
  const auto space = text.find(' ');
  const auto type = wire::record_type_from_text(text.substr(0, space));
  if (space == std::string_view::npos || !type || wire::is_meta(*type)) {
    why = fmt::format("'{}' is no record: write a type and its data, such as \"A 192.0.2.1\"", text.substr(0, 80));
    return std::nullopt;
  }
  auto rdata = wire::rdata_from_text(*type, text.substr(space + 1), wire::NameView());
  if (rdata) return LocalRecord{*type, std::move(*rdata)};
  why = fmt::format("'{}' is no record: {}", text.substr(0, 80), rdata.error());
  return std::nullopt;
}

Rule read_rule(const toml::table& table, FileProblems& problems) {
  TableReader reader(table, "decision.rule", problems);
  Rule rule;
  rule.trigger = reader.word("trigger", trigger_from_text, kTriggerWords, std::optional(Trigger::qname));
  const bool named = rule.trigger == Trigger::qname || rule.trigger == Trigger::nsdname;
  rule.name = read_name(reader, "name", named);
  rule.prefix = reader.string("prefix");
  if (named && !rule.prefix.empty())
    reader.wrong("prefix", fmt::format("a rule with trigger {} has a name, not a prefix", to_text(rule.trigger)));
  if (!named) {
    if (!rule.name.view().is_root())
      reader.wrong("name", fmt::format("a rule with trigger {} has a prefix, not a name", to_text(rule.trigger)));
    if (const auto prefix = prefix_from_text(rule.prefix))
      rule.prefix = prefix->to_text();
    else
      reader.wrong("prefix", prefix.error());
  }
  // An address has nothing below it.
  rule.match = reader.word("match", match_kind_from_text, "exact, subdomains, both",
                           named ? std::nullopt : std::optional(MatchKind::both));
  rule.action = reader.word("action", action_from_text, kActionWords, std::optional(Action::sinkhole));
  if (const auto ttl = reader.integer("ttl", 0, 86400)) rule.ttl = static_cast<std::uint32_t>(*ttl);
  for (const auto& text : reader.strings("records")) {
    std::string why;
    if (auto record = read_record(text, why))
      rule.records.push_back(std::move(*record));
    else
      reader.wrong("records", why);
  }
  rule.target = read_name(reader, "target", rule.action == Action::cname);
  reader.finish();
  return rule;
}

/// Exactly one of expires_at and expires_after, but for a reversal without rules, which may have neither.
void read_end(TableReader& reader, AuthoredDecision& authored, bool has_rules) {
  auto& decision = authored.decision;
  decision.expires_at = kNever;
  const auto after = reader.string("expires_after");
  const auto at = reader.time("expires_at");
  if (reader.has("expires_at") && reader.has("expires_after")) {
    reader.wrong("expires_after", "stands beside expires_at; a decision has one end");
    return;
  }
  if (at) decision.expires_at = *at;
  if (reader.has("expires_after")) {
    const auto duration = duration_from_text(after);
    if (!duration) {
      reader.wrong("expires_after", duration.error());
      return;
    }
    authored.expires_after = *duration;
    decision.expires_at = decision.effective_from + *duration;
  } else if (!reader.has("expires_at") && has_rules) {
    reader.wrong("expires_at",
                 "missing: every block has an end (write expires_at = 2027-01-31 or expires_after = \"30 days\")");
  }
}

AuthoredDecision read_decision_table(const toml::table& table, FileProblems& problems, Time now) {
  TableReader reader(table, "decision", problems);
  AuthoredDecision authored;
  authored.position = reader.position();
  authored.fields = reader.fields();
  auto& decision = authored.decision;
  decision.id = reader.string("id", true);
  decision.type = reader.word("type", decision_type_from_text, kDecisionTypeWords);
  decision.authority = reader.string("authority", true);
  decision.applicant = reader.string("applicant");
  decision.reference = reader.string("reference");
  decision.legal_basis = reader.string("legal_basis", true);
  decision.statement_of_reasons = reader.texts("statement_of_reasons");
  decision.redress = reader.texts("redress");
  decision.document_url = reader.string("document_url");
  decision.document_sha256 = reader.string("document_sha256");
  decision.territorial_scope = reader.strings("territorial_scope");
  decision.received_at = reader.time("received_at");
  decision.comply_by = reader.time("comply_by");
  decision.review_at = reader.time("review_at");
  const auto effective_from = reader.time("effective_from");
  authored.effective_from_given = reader.has("effective_from");
  decision.effective_from = effective_from.value_or(now);
  decision.supersedes = reader.string("supersedes");
  decision.reverses = reader.string("reverses");
  decision.disclosure =
      reader.word("disclosure", disclosure_from_text, "public, delayed, sealed", std::optional(Disclosure::public_));
  decision.demonstration = reader.boolean("demonstration", false);
  decision.initial_state =
      reader.word("state", decision_state_from_text, "proposed, shadow, active", std::optional(DecisionState::active));
  if (decision.initial_state > DecisionState::active) {
    reader.wrong("state", fmt::format("a decision can't begin as {}; one of proposed, shadow, active",
                                      to_text(decision.initial_state)));
  }
  decision.list = reader.string("list");
  decision.overrides = read_overrides(reader, problems);
  const auto rules = reader.tables("rule");
  read_end(reader, authored, !rules.empty() || !decision.list.empty());
  for (const auto* rule : rules) {
    decision.rules.push_back(read_rule(*rule, problems));
    authored.rule_positions.push_back(position_of(rule->source()));
    authored.rule_fields.push_back(TableReader(*rule, "", problems).fields());
  }
  if (rules.empty() && decision.reverses.empty() && decision.list.empty())
    reader.wrong("rule", "missing: write at least one [[decision.rule]], or list = \"ID\"");
  reader.finish();
  return authored;
}

AuthoredEvent read_event_table(const toml::table& table, FileProblems& problems) {
  TableReader reader(table, "event", problems);
  AuthoredEvent authored{.event = {}, .position = reader.position(), .fields = reader.fields()};
  auto& event = authored.event;
  event.id = reader.string("id", true);
  event.name = read_name(reader, "name", true);
  const auto occurred_at = reader.time("occurred_at");
  if (!reader.has("occurred_at")) reader.wrong("occurred_at", "missing");
  event.occurred_at = occurred_at.value_or(0);
  event.actor = reader.string("actor", true);
  event.act = reader.string("act", true);
  event.statement = reader.texts("statement");
  event.source = reader.string("source", true);
  reader.finish();
  return authored;
}

/// Ids that stand twice: the guards and the record judge the rest.
template <typename Authored, typename IdOf>
void find_duplicates(const std::vector<Authored>& all, const char* field, IdOf id_of, FileProblems& problems) {
  std::map<std::string_view, Position> seen;
  for (const auto& one : all) {
    const std::string& id = id_of(one);
    const auto [at, inserted] = seen.emplace(id, one.position);
    if (!inserted && !id.empty()) {
      problems.add(position_of(one.fields, "id", one.position), field,
                   fmt::format("'{}' stands in line {} already", id.substr(0, 80), at->second.line));
    }
  }
}

/// Line and column of an octet; the column counts characters.
Position place_of(std::string_view text, std::size_t octet) {
  const auto before = text.substr(0, octet);
  const auto line_start = before.rfind('\n') + 1;  // npos + 1 is 0: the first line
  const auto in_line = before.substr(line_start);
  const auto characters = std::ranges::count_if(in_line, [](char c) { return (c & 0xC0) != 0x80; });
  return {static_cast<std::size_t>(std::ranges::count(before, '\n')) + 1, static_cast<std::size_t>(characters) + 1};
}

}  // namespace

std::expected<AuthoredBatch, IntakeError> parse_decision_file(std::string_view text, std::string_view file, Time now) {
  FileProblems problems{.file = std::string(file), .problems = {}};
  const auto failed = [&problems](Position position, std::string message) {
    problems.add(position, "", std::move(message));
    return std::unexpected(IntakeError{std::move(problems.problems)});
  };
  if (text.size() > kMaxDecisionFileSize) return failed({}, "larger than 4 MiB; long lists are not decision files");
  if (const auto broken = first_broken_octet(text)) return failed(place_of(text, *broken), "not UTF-8");
  const auto parsed = parse_toml(text);
  if (!parsed) {
    return failed({parsed.error().line, parsed.error().column}, fmt::format("not TOML: {}", parsed.error().message));
  }
  TableReader reader(*parsed, "", problems);
  AuthoredBatch batch;
  batch.file = problems.file;
  for (const auto* table : reader.tables("authority"))
    batch.authorities.push_back(read_authority_table(*table, problems));
  for (const auto* table : reader.tables("decision"))
    batch.decisions.push_back(read_decision_table(*table, problems, now));
  for (const auto* table : reader.tables("event")) batch.events.push_back(read_event_table(*table, problems));
  reader.finish();
  find_duplicates(batch.authorities, "authority.id", [](const auto& a) -> auto& { return a.authority.id; }, problems);
  find_duplicates(batch.decisions, "decision.id", [](const auto& d) -> auto& { return d.decision.id; }, problems);
  find_duplicates(batch.events, "event.id", [](const auto& e) -> auto& { return e.event.id; }, problems);
  if (!problems.problems.empty()) return std::unexpected(IntakeError{std::move(problems.problems)});
  if (batch.authorities.empty() && batch.decisions.empty() && batch.events.empty()) {
    return failed({}, "nothing to record: write [[authority]], [[decision]] or [[event]]");
  }
  return batch;
}

std::expected<AuthoredBatch, IntakeError> load_decision_file(const std::filesystem::path& path, Time now) {
  const auto failed = [&path](std::string message) {
    return std::unexpected(IntakeError{{{path.string(), {}, "", std::move(message)}}});
  };
  std::error_code error;
  if (std::filesystem::is_directory(path, error)) return failed("is a folder, not a decision file");
  std::ifstream input(path, std::ios::binary);
  if (!input) return failed(fmt::format("can't be read: {}", std::strerror(errno)));
  std::string text(kMaxDecisionFileSize + 1, '\0');
  input.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (input.bad()) return failed("can't be read to its end");
  text.resize(static_cast<std::size_t>(input.gcount()));
  return parse_decision_file(text, path.string(), now);
}

}  // namespace placard::policy
