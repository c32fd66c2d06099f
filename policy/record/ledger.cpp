// Canonical JSON through nlohmann::json: its objects are sorted by key.
#include "policy/record/ledger.hpp"

#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>

#include <cassert>
#include <nlohmann/json.hpp>

#include "policy/record/written_name.hpp"

namespace placard::policy {
namespace {

using nlohmann::json;

/// Text from a command line may not be UTF-8; a log entry always is.
std::string dump(const json& value) {
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

json optional_time(const std::optional<Time>& time) {
  return time ? json(*time) : json(nullptr);
}

json rule_json(const Rule& rule) {
  json records = json::array();
  for (const auto& record : rule.records) {
    const std::string_view rdata(reinterpret_cast<const char*>(record.rdata.data()), record.rdata.size());
    records.push_back({{"rdata", to_hex(rdata)}, {"type", static_cast<int>(record.type)}});
  }
  const bool named = rule.trigger == Trigger::qname || rule.trigger == Trigger::nsdname;
  return {{"trigger", to_text(rule.trigger)},
          {"match", to_text(rule.match)},
          {"name", named ? stored_name(rule.name) : std::string()},
          {"prefix", rule.prefix},
          {"action", to_text(rule.action)},
          {"ttl", rule.ttl ? json(*rule.ttl) : json(nullptr)},
          {"records", std::move(records)},
          {"target", rule.action == Action::cname ? stored_name(rule.target) : std::string()}};
}

json mandate_json(const Mandate& mandate) {
  const auto words = [](const auto& values) {
    json list = json::array();
    for (const auto value : values) list.push_back(to_text(value));
    return list;
  };
  json suffixes = json::array();
  for (const auto& suffix : mandate.suffixes) suffixes.push_back(stored_name(suffix));
  const auto number = [](const std::optional<std::int64_t>& value) { return value ? json(*value) : json(nullptr); };
  return {{"types", words(mandate.types)},
          {"triggers", words(mandate.triggers)},
          {"actions", words(mandate.actions)},
          {"jurisdictions", mandate.jurisdictions},
          {"suffixes", std::move(suffixes)},
          {"max_rules", number(mandate.max_rules)},
          {"max_duration", number(mandate.max_duration)},
          {"legal_basis", mandate.legal_basis},
          {"statement_of_reasons", mandate.statement_of_reasons},
          {"redress", mandate.redress}};
}

json overrides_json(const std::vector<GuardOverride>& overrides) {
  json list = json::array();
  for (const auto& one : overrides) {
    json signatures = json::array();
    for (const auto& signature : one.signatures)
      signatures.push_back({{"authority", signature.authority}, {"value", signature.value}});
    list.push_back({{"about", one.about}, {"reason", one.reason}, {"signatures", std::move(signatures)}});
  }
  return list;
}

}  // namespace

Salt random_salt() {
  Salt salt;
  const int code = gnutls_rnd(GNUTLS_RND_NONCE, salt.data(), salt.size());
  assert(code == 0);
  return salt;
}

std::string canonical(const Authority& authority) {
  json object = {{"id", authority.id},
                 {"kind", to_text(authority.kind)},
                 {"name", authority.name},
                 {"jurisdiction", authority.jurisdiction},
                 {"contact", authority.contact},
                 {"public_key", authority.public_key},
                 {"external", authority.external}};
  // Left out where absent, so that entries from before there were any still say the same.
  if (authority.version > 1) object["version"] = authority.version;
  if (authority.mandate) object["mandate"] = mandate_json(*authority.mandate);
  return dump(object);
}

std::string canonical(const Mandate& mandate) {
  return dump(mandate_json(mandate));
}

std::string canonical(const std::vector<GuardOverride>& overrides) {
  return dump(overrides_json(overrides));
}

Mandate mandate_of(const std::string& canonical_mandate) {
  const auto object = json::parse(canonical_mandate);
  Mandate mandate;
  for (const auto& word : object.at("types"))
    mandate.types.push_back(decision_type_from_text(word.get<std::string>()).value());
  for (const auto& word : object.at("triggers"))
    mandate.triggers.push_back(trigger_from_text(word.get<std::string>()).value());
  for (const auto& word : object.at("actions"))
    mandate.actions.push_back(action_from_text(word.get<std::string>()).value());
  mandate.jurisdictions = object.at("jurisdictions").get<std::vector<std::string>>();
  for (const auto& name : object.at("suffixes"))
    mandate.suffixes.push_back(wire::Name::from_text(name.get<std::string>()).value());
  if (!object.at("max_rules").is_null()) mandate.max_rules = object.at("max_rules").get<std::int64_t>();
  if (!object.at("max_duration").is_null()) mandate.max_duration = object.at("max_duration").get<std::int64_t>();
  mandate.legal_basis = object.at("legal_basis").get<std::string>();
  mandate.statement_of_reasons = object.at("statement_of_reasons").get<LocalizedText>();
  mandate.redress = object.at("redress").get<LocalizedText>();
  return mandate;
}

std::vector<GuardOverride> overrides_of(const std::string& canonical_overrides) {
  std::vector<GuardOverride> overrides;
  for (const auto& object : json::parse(canonical_overrides)) {
    auto& one = overrides.emplace_back();
    one.about = object.at("about").get<std::string>();
    one.reason = object.at("reason").get<std::string>();
    for (const auto& signature : object.at("signatures"))
      one.signatures.push_back(
          {signature.at("authority").get<std::string>(), signature.at("value").get<std::string>()});
  }
  return overrides;
}

std::string canonical(const AuthoredDecision& authored, Form form) {
  const auto& decision = authored.decision;
  json rules = json::array();
  for (const auto& rule : decision.rules) rules.push_back(rule_json(rule));
  const bool show_start = form == Form::resolved || authored.effective_from_given;
  const bool show_end = form == Form::resolved || !authored.expires_after;
  json object = {{"id", decision.id},
                 {"type", to_text(decision.type)},
                 {"authority", decision.authority},
                 {"applicant", decision.applicant},
                 {"reference", decision.reference},
                 {"legal_basis", decision.legal_basis},
                 {"statement_of_reasons", decision.statement_of_reasons},
                 {"document_url", decision.document_url},
                 {"document_sha256", decision.document_sha256},
                 {"territorial_scope", decision.territorial_scope},
                 {"redress", decision.redress},
                 {"received_at", optional_time(decision.received_at)},
                 {"comply_by", optional_time(decision.comply_by)},
                 {"review_at", optional_time(decision.review_at)},
                 {"effective_from", show_start ? json(decision.effective_from) : json(nullptr)},
                 {"effective_from_given", authored.effective_from_given},
                 {"expires_at", show_end ? json(decision.expires_at) : json(nullptr)},
                 {"expires_after", authored.expires_after ? json(*authored.expires_after) : json(nullptr)},
                 {"supersedes", decision.supersedes},
                 {"reverses", decision.reverses},
                 {"disclosure", to_text(decision.disclosure)},
                 {"demonstration", decision.demonstration},
                 {"state", to_text(decision.initial_state)},
                 {"rule", std::move(rules)}};
  if (!decision.list.empty()) object["list"] = decision.list;
  if (!decision.overrides.empty()) object["override"] = overrides_json(decision.overrides);
  return dump(object);
}

std::string canonical(const Event& event) {
  return dump({{"id", event.id},
               {"name", stored_name(event.name)},
               {"occurred_at", event.occurred_at},
               {"actor", event.actor},
               {"act", event.act},
               {"statement", event.statement},
               {"source", event.source}});
}

std::string canonical(const std::vector<View>& views) {
  json rows = json::array();
  for (const auto& view : views) {
    json row = {{"name", view.name},
                {"clients", view.clients},
                {"jurisdictions", view.jurisdictions},
                {"sources", view.sources}};
    // Later words stand only where they say something: entries from before them still read as they were written.
    if (!view.listeners.empty()) row["listeners"] = view.listeners;
    if (!view.keys.empty()) row["keys"] = view.keys;
    if (view.opted_in) row["opted_in"] = true;
    rows.push_back(std::move(row));
  }
  return dump({{"views", std::move(rows)}});
}

std::string canonical(const std::vector<std::string>& words) {
  return dump(json(words));
}

std::vector<std::string> words_of(const std::string& canonical_words) {
  return json::parse(canonical_words).get<std::vector<std::string>>();
}

std::string canonical(const Transition& transition) {
  return dump({{"decision", transition.decision_id},
               {"state", to_text(transition.state)},
               {"valid_from", transition.valid_from},
               {"reason", transition.reason}});
}

std::string canonical_reason(std::string_view reason) {
  return dump({{"reason", reason}});
}

std::optional<std::string> first_difference(const std::string& canonical_a, const std::string& canonical_b) {
  if (canonical_a == canonical_b) return std::nullopt;
  const auto a = json::parse(canonical_a), b = json::parse(canonical_b);
  for (const auto& [key, value] : a.items()) {
    const auto other = b.find(key);
    if (other == b.end() || *other != value) return key;
  }
  for (const auto& [key, value] : b.items()) {
    if (!a.contains(key)) return key;
  }
  return "content";
}

LogRow make_log_row(std::int64_t sequence, Time recorded_at, std::string_view kind, std::string_view subject,
                    std::string_view author, std::string_view content, bool withhold, std::string_view previous_hash) {
  LogRow row{.sequence = sequence,
             .recorded_at = recorded_at,
             .kind = std::string(kind),
             .subject = std::string(subject),
             .author = std::string(author),
             .author_salt = random_salt(),
             .entry = {},
             .withheld = {}};
  json entry = {{"sequence", sequence},
                {"recorded_at", recorded_at},
                {"kind", kind},
                {"author_sha256", to_hex(as_text(sha256(as_text(row.author_salt), author)))}};
  if (withhold) {
    row.withheld =
        dump({{"subject", subject}, {"content", json::parse(content)}, {"salt", to_hex(as_text(random_salt()))}});
    entry["withheld_sha256"] = to_hex(as_text(sha256(*row.withheld)));
  } else {
    entry["subject"] = subject;
    entry["content"] = json::parse(content);
  }
  row.entry = dump(entry);
  row.hash = sha256(previous_hash, row.entry);
  return row;
}

std::optional<std::string> check_log_row(const LogRow& row, std::string_view previous_hash) {
  if (sha256(previous_hash, row.entry) != row.hash) return "its hash is not that of the entry before and this one";
  const auto entry = json::parse(row.entry, nullptr, false);
  if (!entry.is_object()) return "the entry is no JSON object";
  const auto is = [](const json& object, const char* key, const json& value) {
    const auto at = object.find(key);
    return at != object.end() && *at == value;
  };
  if (!is(entry, "sequence", row.sequence) || !is(entry, "recorded_at", row.recorded_at) ||
      !is(entry, "kind", row.kind)) {
    return "the columns beside the entry say something else than the entry";
  }
  if (!is(entry, "author_sha256", to_hex(as_text(sha256(as_text(row.author_salt), row.author))))) {
    return "the author is not the one the entry has the digest of";
  }
  if (!row.withheld) {
    if (!entry.contains("content")) return "its withheld text is gone";
    return is(entry, "subject", row.subject) ? std::nullopt : std::optional<std::string>("its subject was changed");
  }
  if (!is(entry, "withheld_sha256", to_hex(as_text(sha256(*row.withheld))))) {
    return "the withheld text is not the one the entry has the digest of";
  }
  const auto withheld = json::parse(*row.withheld, nullptr, false);
  const bool whole = withheld.is_object() && withheld.contains("content") && is(withheld, "subject", row.subject);
  return whole ? std::nullopt : std::optional<std::string>("its subject was changed");
}

std::string content_of(const LogRow& row) {
  const auto outer = json::parse(row.withheld ? *row.withheld : row.entry);
  return dump(outer.at("content"));
}

}  // namespace placard::policy
