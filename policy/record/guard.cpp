// The guards, one small function each, in the order in which their problems are told.
#include "policy/record/guard.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "policy/record/override.hpp"
#include "policy/record/prefix.hpp"
#include "policy/record/utf8.hpp"
#include "policy/record/written_name.hpp"

namespace placard::policy {
namespace {

/// Collects problems of one object, each at the place of its field.
class Findings {
 public:
  Findings(std::string file, std::string prefix, Position position, const FieldPositions& fields)
      : file_(std::move(file)), prefix_(std::move(prefix)), position_(position), fields_(fields) {}
  void add(std::string_view field, std::string message) { add(field, field, std::move(message)); }
  /// `at`: the place among the fields, where it is told more closely than by `field`.
  void add(std::string_view field, std::string_view at, std::string message) {
    add_at(position_of(fields_, at, position_), field, std::move(message));
  }
  void add_at(Position position, std::string_view field, std::string message) {
    if (problems_.size() == kMaxProblems) return;
    problems_.push_back({file_, position, fmt::format("{}.{}", prefix_, field), std::move(message)});
  }
  std::vector<Problem> take() { return std::move(problems_); }

 private:
  std::string file_, prefix_;
  Position position_;
  const FieldPositions& fields_;
  std::vector<Problem> problems_;
};

bool is_id(std::string_view id, std::size_t longest, bool capitals) {
  if (id.empty() || id.size() > longest) return false;
  return std::ranges::all_of(id, [capitals](char c) {
    const bool lower = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
    return lower || (capitals && ((c >= 'A' && c <= 'Z') || c == '.' || c == '_'));
  });
}

/// "NZ" or "US-CA": ISO 3166-1 alpha-2, or 3166-2.
bool is_jurisdiction(std::string_view code) {
  const auto capital = [](char c) { return c >= 'A' && c <= 'Z'; };
  if (code.size() < 2 || !capital(code[0]) || !capital(code[1])) return false;
  if (code.size() == 2) return true;
  return code.size() >= 4 && code.size() <= 6 && code[2] == '-' &&
         std::ranges::all_of(code.substr(3), [&](char c) { return capital(c) || (c >= '0' && c <= '9'); });
}

bool is_link(std::string_view link, std::initializer_list<std::string_view> schemes) {
  return std::ranges::any_of(schemes,
                             [link](auto scheme) { return link.starts_with(scheme) && link.size() > scheme.size(); }) &&
         std::ranges::none_of(
             link, [](char c) { return static_cast<unsigned char>(c) <= ' ' || c == '"' || c == '<' || c == '>'; });
}

void check_text(Findings& findings, std::string_view field, std::string_view at, std::string_view text) {
  if (text.size() > kMaxTextSize) findings.add(field, at, fmt::format("longer than {} octets", kMaxTextSize));
  if (first_broken_octet(text)) findings.add(field, at, "is not UTF-8");
  // They would reach terminals and pages.
  if (const auto found = first_forbidden_character(text)) {
    const auto code = static_cast<std::uint32_t>(*found);
    findings.add(
        field, at,
        fmt::format("has a {} in it (U+{:04X})", code > 0xFF ? "direction override" : "control character", code));
  }
}

void check_text(Findings& findings, std::string_view field, std::string_view text) {
  check_text(findings, field, field, text);
}

/// "en", "zh-Hant": subtags of 2 to 8 letters or digits (RFC 5646), the first one of 2 or 3 letters.
bool is_language_tag(std::string_view tag) {
  if (tag.size() > 35) return false;
  for (std::size_t number = 0;; ++number) {
    const auto subtag = tag.substr(0, tag.find('-'));
    if (subtag.size() < 2 || subtag.size() > (number == 0 ? 3U : 8U)) return false;
    for (const char c : subtag) {
      const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
      if (!letter && (number == 0 || c < '0' || c > '9')) return false;
    }
    if (subtag.size() == tag.size()) return true;
    tag.remove_prefix(subtag.size() + 1);
  }
}

void check_texts(Findings& findings, std::string_view field, const LocalizedText& texts) {
  const auto english = texts.find("en");
  if (english == texts.end() || english->second.empty()) findings.add(field, "the English text (en) is missing");
  for (const auto& [language, text] : texts) {
    const auto at = fmt::format("{}.{}", field, language);
    if (!is_language_tag(language)) {
      const auto shown = first_broken_octet(language) || first_forbidden_character(language)
                             ? std::string("what stands here")
                             : fmt::format("'{}'", language.substr(0, 40));
      findings.add(field, at, fmt::format("{} is no language tag (write en, fr, zh)", shown));
    }
    if (text.empty()) findings.add(field, at, fmt::format("the text for '{}' is empty", language.substr(0, 40)));
    check_text(findings, field, at, text);
  }
}

void check_times(Findings& findings, const AuthoredDecision& authored, Time now) {
  const auto& d = authored.decision;
  if (d.expires_at == kNever && (!d.rules.empty() || !d.list.empty())) {
    findings.add("expires_at", "missing: every block has an end (write expires_at or expires_after)");
    return;
  }
  if (d.expires_at <= d.effective_from) {
    findings.add("expires_at", fmt::format("the end ({}) does not lie behind the beginning ({})", to_text(d.expires_at),
                                           to_text(d.effective_from)));
  } else if (d.expires_at <= now) {
    findings.add("expires_at", fmt::format("{} lies in the past; it is {} now", to_text(d.expires_at), to_text(now)));
  }
  if (d.type == DecisionType::emergency && d.expires_at != kNever &&
      d.expires_at - d.effective_from > kEmergencyLimit) {
    findings.add("expires_at",
                 "an emergency decision ends within 72 hours; to go on it must be confirmed by a decision of "
                 "another type that supersedes it");
  }
  if (d.review_at && (*d.review_at < d.effective_from || *d.review_at > d.expires_at)) {
    findings.add("review_at", "lies outside of the time in which the decision holds");
  }
}

Position rule_position(const AuthoredDecision& authored, std::size_t number, std::string_view field) {
  static const FieldPositions kNone;
  const auto whole = number < authored.rule_positions.size() ? authored.rule_positions[number] : authored.position;
  return position_of(number < authored.rule_fields.size() ? authored.rule_fields[number] : kNone, field, whole);
}

bool reaches(const Rule& rule, wire::NameView name) {
  if (!name.is_subdomain_of(rule.name)) return false;
  const bool same = name.size() == rule.name.view().size();
  return same ? rule.match != MatchKind::subdomains : rule.match != MatchKind::exact;
}

/// RFC 1034 3.6.2: where an alias stands, nothing else does.
bool has_alias_beside_others(const Rule& rule) {
  return rule.records.size() > 1 &&
         std::ranges::any_of(rule.records, [](const auto& record) { return record.type == wire::RecordType::cname; });
}

void check_action(Findings& findings, const Rule& rule, const auto& at) {
  if (rule.ttl && *rule.ttl > kMaxTtl) {
    findings.add_at(at("ttl"), "rule.ttl", fmt::format("{} seconds; at most {} are possible", *rule.ttl, kMaxTtl));
  }
  const bool has_records = !rule.records.empty();
  if ((rule.action == Action::local_data) != has_records) {
    findings.add_at(
        at("records"), "rule.records",
        has_records ? "only action \"local-data\" has records" : "missing: action \"local-data\" needs at least one");
  }
  if (has_alias_beside_others(rule)) {
    findings.add_at(at("records"), "rule.records", "a CNAME stands alone: no other record beside it");
  }
  if ((rule.action == Action::cname) == rule.target.view().is_root()) {
    findings.add_at(
        at("target"), "rule.target",
        rule.action == Action::cname ? "missing: action \"cname\" needs one" : "only action \"cname\" has a target");
  } else if (rule.action == Action::cname && reaches(rule, rule.target)) {
    findings.add_at(
        at("target"), "rule.target",
        fmt::format("'{}' is covered by this rule itself: the alias would lead to itself", stored_name(rule.target)));
  }
}

/// What the rule is about, as the guards and overrides have it.
std::string key_of(const Rule& rule) {
  return is_about_a_name(rule.trigger) ? stored_key(rule.name) : rule.prefix;
}

std::string about(const Rule& rule) {
  return is_about_a_name(rule.trigger) ? stored_name(rule.name) : rule.prefix;
}

void check_rule(Findings& findings, const AuthoredDecision& authored, std::size_t number, const NameGuard& guard,
                const std::set<std::string, std::less<>>& overridden) {
  const auto& rule = authored.decision.rules[number];
  const auto at = [&](std::string_view field) { return rule_position(authored, number, field); };
  const auto key = key_of(rule);
  const auto* field = is_about_a_name(rule.trigger) ? "name" : "prefix";
  if (!is_about_a_name(rule.trigger) && !prefix_from_text(rule.prefix)) {
    findings.add_at(at(field), "rule.prefix", prefix_from_text(rule.prefix).error());
    return;
  }
  const auto guarded = guard.judge(key, rule.trigger, rule.match, rule.action);
  if (guarded != Guarded::no && !overridden.contains(about(rule)))
    findings.add_at(at(field), fmt::format("rule.{}", field), why_guarded(guarded, key, guard, rule.match));
  check_action(findings, rule, at);
}

void check_rules(Findings& findings, const AuthoredDecision& authored, const NameGuard& guard,
                 const std::set<std::string, std::less<>>& overridden) {
  const auto& rules = authored.decision.rules;
  if (rules.empty() && authored.decision.reverses.empty() && authored.decision.list.empty()) {
    findings.add("rule", "missing: a decision is about at least one name, unless it reverses another one");
  }
  if (rules.size() > kMaxRules) {
    findings.add("rule", fmt::format("{} rules; one decision has at most {}", rules.size(), kMaxRules));
    return;
  }
  // Two rules about the same names in one decision contradict or repeat one another.
  std::vector<std::pair<std::string, std::size_t>> keys;
  for (std::size_t i = 0; i < rules.size(); ++i) {
    check_rule(findings, authored, i, guard, overridden);
    keys.emplace_back(fmt::format("{} {} {}", to_text(rules[i].trigger), stored_name(rules[i].name), rules[i].prefix),
                      i);
  }
  std::ranges::sort(keys);
  for (std::size_t i = 1; i < keys.size(); ++i) {
    const auto &one = rules[keys[i - 1].second], &other = rules[keys[i].second];
    const bool overlap = one.match == other.match || one.match == MatchKind::both || other.match == MatchKind::both;
    if (keys[i].first != keys[i - 1].first || !overlap) continue;
    const auto at = keys[i].second;
    findings.add_at(rule_position(authored, at, "name"), "rule.name",
                    fmt::format("'{}' has another rule in this decision", stored_name(other.name)));
  }
}

void check_mandate(Findings& findings, const Mandate& mandate) {
  for (const auto& code : mandate.jurisdictions)
    if (!is_jurisdiction(code))
      findings.add("mandate", fmt::format("jurisdictions: '{}' is no ISO 3166 code", code.substr(0, 40)));
  if (!mandate.is_standing()) return;
  check_text(findings, "mandate", mandate.legal_basis);
  check_texts(findings, "mandate", mandate.statement_of_reasons);
  check_texts(findings, "mandate", mandate.redress);
  if (!mandate.max_duration)
    findings.add("mandate", "max_duration is missing: what comes under a standing one must end");
}

/// "NZ-AUK" is inside of "NZ".
bool is_inside(std::string_view code, const std::vector<std::string>& jurisdictions) {
  return std::ranges::any_of(jurisdictions, [code](const std::string& whole) {
    return code == whole || (code.size() > whole.size() && code.starts_with(whole) && code[whole.size()] == '-');
  });
}

}  // namespace

std::vector<Problem> guard_mandate(const AuthoredDecision& authored, const Mandate& mandate, const std::string& file) {
  const auto& d = authored.decision;
  Findings findings(file, "decision", authored.position, authored.fields);
  const auto beyond = [&](std::string_view field, std::string_view what, std::string_view limit) {
    findings.add(field, fmt::format("{} is beyond the mandate of '{}': {}", what, d.authority, limit));
  };
  const auto allowed = [](const auto& limits, auto value) {
    return limits.empty() || std::ranges::find(limits, value) != limits.end();
  };
  if (!allowed(mandate.types, d.type)) beyond("type", to_text(d.type), "its types of decisions do not have it");
  if (!mandate.jurisdictions.empty()) {
    const auto places = fmt::format("jurisdictions are {}", fmt::join(mandate.jurisdictions, ", "));
    if (d.territorial_scope.empty()) beyond("territorial_scope", "everywhere", places);
    for (const auto& code : d.territorial_scope)
      if (!is_inside(code, mandate.jurisdictions)) beyond("territorial_scope", code, places);
  }
  if (mandate.max_duration && d.expires_at != kNever && d.expires_at - d.effective_from > *mandate.max_duration)
    beyond("expires_at", fmt::format("{} seconds", d.expires_at - d.effective_from),
           fmt::format("max_duration is {} seconds", *mandate.max_duration));
  if (mandate.max_rules && d.rules.size() > static_cast<std::size_t>(*mandate.max_rules))
    beyond("rule", fmt::format("{} rules", d.rules.size()), fmt::format("max_rules is {}", *mandate.max_rules));
  const MandateGuard guard(mandate);
  for (std::size_t i = 0; i < d.rules.size(); ++i) {
    const auto& rule = d.rules[i];
    if (const auto limit = guard.broken_limit(key_of(rule), rule.trigger, rule.action); !limit.empty())
      findings.add_at(rule_position(authored, i, is_about_a_name(rule.trigger) ? "name" : "prefix"), "rule",
                      fmt::format("'{}' is beyond the mandate of '{}': {}", about(rule), d.authority, limit));
  }
  return findings.take();
}

std::vector<Problem> guard_decision(const AuthoredDecision& authored, const NameGuard& guard, const std::string& file,
                                    Time now, const std::set<std::string, std::less<>>& overridden) {
  const auto& d = authored.decision;
  Findings findings(file, "decision", authored.position, authored.fields);
  if (!is_id(d.id, 80, true)) findings.add("id", "must be 1 to 80 of the characters A-Z a-z 0-9 . _ -");
  if (d.authority.empty()) findings.add("authority", "missing: every decision has someone who took it");
  if (d.legal_basis.empty()) findings.add("legal_basis", "missing: every decision stands on something");
  check_texts(findings, "statement_of_reasons", d.statement_of_reasons);
  check_texts(findings, "redress", d.redress);
  check_text(findings, "legal_basis", d.legal_basis);
  check_text(findings, "applicant", d.applicant);
  check_text(findings, "reference", d.reference);
  check_text(findings, "document_url", d.document_url);
  if (!d.document_url.empty() && !is_link(d.document_url, {"https://", "http://"})) {
    findings.add("document_url", "must start with https:// and have no spaces");
  }
  const bool digest =
      d.document_sha256.size() == 64 && d.document_sha256.find_first_not_of("0123456789abcdef") == std::string::npos;
  if (!d.document_sha256.empty() && !digest) findings.add("document_sha256", "must be 64 digits of lower-case hex");
  for (const auto& code : d.territorial_scope) {
    if (!is_jurisdiction(code)) {
      findings.add("territorial_scope",
                   fmt::format("'{}' is no ISO 3166 code (write NZ or US-CA)", code.substr(0, 40)));
    }
  }
  if (d.initial_state > DecisionState::active) {
    findings.add("state", fmt::format("a decision can't begin as {}", to_text(d.initial_state)));
  }
  const bool ends_another = !d.supersedes.empty() || !d.reverses.empty();
  if (ends_another && d.initial_state != DecisionState::active) {
    findings.add("state", "a decision that ends another one must be active, or a gap would open between the two");
  }
  for (const auto& [field, other] : {std::pair("supersedes", &d.supersedes), std::pair("reverses", &d.reverses)}) {
    if (d.id == *other) findings.add(field, "a decision can't end itself");
  }
  check_times(findings, authored, now);
  if (!d.list.empty() && !is_id(d.list, 64, false)) findings.add("list", "must be 1 to 64 of the characters a-z 0-9 -");
  for (const auto& one : d.overrides) {
    check_text(findings, "override", one.about);
    check_text(findings, "override", one.reason);
  }
  check_rules(findings, authored, guard, overridden);
  return findings.take();
}

std::vector<Problem> guard_authority(const AuthoredAuthority& authored, const std::string& file) {
  const auto& a = authored.authority;
  Findings findings(file, "authority", authored.position, authored.fields);
  if (!is_id(a.id, 64, false)) findings.add("id", "must be 1 to 64 of the characters a-z 0-9 -");
  check_texts(findings, "name", a.name);
  if (!a.jurisdiction.empty() && !is_jurisdiction(a.jurisdiction)) {
    findings.add("jurisdiction",
                 fmt::format("'{}' is no ISO 3166 code (write NZ or US-CA)", a.jurisdiction.substr(0, 40)));
  }
  if (!a.contact.empty() && !is_link(a.contact, {"mailto:", "https://", "tel:"})) {
    findings.add("contact", "must start with mailto:, https:// or tel:");
  }
  check_text(findings, "contact", a.contact);
  check_text(findings, "public_key", a.public_key);
  if (!a.public_key.empty() && !is_signing_key(a.public_key))
    findings.add("public_key", "must be \"ed25519:\" and the 32 octets of the key in base64");
  if (a.mandate) check_mandate(findings, *a.mandate);
  return findings.take();
}

std::vector<Problem> guard_event(const AuthoredEvent& authored, const std::string& file, Time now) {
  const auto& e = authored.event;
  Findings findings(file, "event", authored.position, authored.fields);
  if (!is_id(e.id, 80, true)) findings.add("id", "must be 1 to 80 of the characters A-Z a-z 0-9 . _ -");
  if (e.name.view().is_root()) findings.add("name", "missing");
  if (e.actor.empty()) findings.add("actor", "missing: an event is something someone did");
  if (e.act.empty() || e.act.find(' ') != std::string::npos)
    findings.add("act", "must be one word, such as \"refused\"");
  if (e.source.empty()) findings.add("source", "missing: an event is told by someone who can be named");
  if (e.occurred_at > now) findings.add("occurred_at", fmt::format("{} lies in the future", to_text(e.occurred_at)));
  check_texts(findings, "statement", e.statement);
  check_text(findings, "actor", e.actor);
  check_text(findings, "act", e.act);
  check_text(findings, "source", e.source);
  return findings.take();
}

}  // namespace placard::policy
