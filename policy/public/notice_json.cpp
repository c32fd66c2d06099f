// The notice as JSON: the record's own words and times, texts in every language there is, nothing translated.
#include <nlohmann/json.hpp>

#include "policy/public/notice_content.hpp"

namespace placard::policy {
namespace {

using Json = nlohmann::ordered_json;

Json text_or_null(const std::string& text) {
  return text.empty() ? Json(nullptr) : Json(text);
}
Json time_or_null(Time time) {
  return time == kNever || time == 0 ? Json(nullptr) : Json(to_text(time));
}

Json authority_json(const Authority& authority) {
  return {{"id", authority.id},
          {"kind", to_text(authority.kind)},
          {"name", authority.name},
          {"jurisdiction", text_or_null(authority.jurisdiction)},
          {"contact", text_or_null(authority.contact)},
          {"external", authority.external}};
}

Json rule_json(const Rule& rule) {
  return {{"id", rule.id},
          {"name", plain_name(rule.name)},
          {"match", to_text(rule.match)},
          {"trigger", to_text(rule.trigger)},
          {"action", to_text(rule.action)}};
}

Json decision_json(const NoticeFacts& facts) {
  const auto& decision = facts.decision;
  Json json{{"id", decision.id},
            {"type", to_text(decision.type)},
            {"demonstration", decision.demonstration},
            {"disclosure", to_text(decision.disclosure)},
            {"rule", rule_json(facts.rule)},
            {"effective_from", time_or_null(decision.effective_from)},
            {"expires_at", time_or_null(decision.expires_at)},
            {"recorded_at", time_or_null(facts.recorded_at)},
            {"redress", decision.redress}};
  if (facts.ended_at) json["ended_at"] = to_text(*facts.ended_at);
  if (!is_open_to_the_public(decision)) return json;
  json["authority"] = authority_json(facts.authority);
  json["applicant"] = text_or_null(decision.applicant);
  json["reference"] = text_or_null(decision.reference);
  json["legal_basis"] = text_or_null(decision.legal_basis);
  json["statement_of_reasons"] = decision.statement_of_reasons;
  json["territorial_scope"] = decision.territorial_scope;
  json["document"] = {{"url", text_or_null(decision.document_url)}, {"sha256", text_or_null(decision.document_sha256)}};
  return json;
}

Json event_json(const Event& event) {
  return {{"id", event.id},
          {"name", plain_name(event.name)},
          {"occurred_at", to_text(event.occurred_at)},
          {"actor", event.actor},
          {"act", event.act},
          {"statement", event.statement},
          {"source", text_or_null(event.source)}};
}

}  // namespace

std::string notice_json(const NoticeContext& context) {
  Json json{{"status", context.status},
            {"name", text_or_null(context.name)},
            {"blocked", context.subject == NoticeSubject::blocked},
            {"title", fill_places(title_pattern(context), {{"name", context.shown_name}})},
            {"language", context.words.tag()},
            {"decision", nullptr}};
  if (context.facts != nullptr) {
    json["decision"] = decision_json(*context.facts);
    auto& events = json["events"] = Json::array();
    for (const auto& event : shown_events(*context.facts)) events.push_back(event_json(event));
  }
  json["operator"] = {{"name", text_or_null(context.by.name)}, {"contact", text_or_null(context.by.contact)}};
  // Text that is not UTF-8 becomes U+FFFD rather than an error: the visitor is owed an answer.
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace placard::policy
