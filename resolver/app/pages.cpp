#include "resolver/app/pages.hpp"

#include <algorithm>

std::span<const placard::EmbeddedFile> embedded_notice();

namespace placard::app {
namespace {

/// What others did about the name or one above it, oldest first.
std::vector<policy::Event> events_of(policy::Store& store, wire::NameView name) {
  std::vector<policy::Event> all;
  for (auto at = name;; at = at.parent()) {
    for (auto& record : store.events_about(at, false)) all.push_back(std::move(record.event));
    if (at.is_root()) break;
  }
  std::ranges::stable_sort(all, {}, &policy::Event::occurred_at);
  return all;
}

/// When a decision that holds no more ended; nothing where it holds, never did, or ended more than `within` ago.
std::optional<policy::Time> ended_lately(const policy::DecisionRecord& record, policy::Time now, policy::Time within) {
  using enum policy::DecisionState;
  const bool held = std::ranges::any_of(record.transitions, [](const auto& each) { return each.state == active; });
  std::optional<policy::Time> end;
  for (const auto& period : record.periods) {
    if (period.recorded_to != policy::kNever || period.valid_from > now) continue;
    const bool over = period.state == lifted || period.state == expired || period.state == annulled;
    if (now < period.valid_to && !over) return std::nullopt;
    if (over || period.state == active) end = std::max(end.value_or(0), over ? period.valid_from : period.valid_to);
  }
  return held && end && now - *end <= within ? end : std::nullopt;
}

}  // namespace

std::optional<NoticePages::Told> NoticePages::read_decision(policy::Store& store, const std::string& id) const {
  if (const auto known = told_.find(id); known != told_.end()) return known->second;
  auto record = store.decision(id);
  if (!record) return std::nullopt;
  Told told{std::move(record->authored.decision), std::move(record->authority), 0};
  told.decision.rules.clear();
  if (record->disclosed) {
    told.recorded_at = record->recorded_at;
    told.decision.disclosure = policy::Disclosure::public_;  // it may have been sealed when it was recorded
  }
  if (told_.size() >= kMaxTold) told_.clear();
  told_.emplace(id, told);
  return told;
}

policy::NoticeFacts NoticePages::facts_of(const policy::Match& match, wire::NameView host, policy::Time now) const {
  policy::NoticeFacts facts;
  facts.rule.id = match.rule_id;
  facts.rule.name = wire::Name(match.rule_name);
  facts.rule.action = match.action;
  facts.rule.match = match.match;
  // What is said when the record can't be read: that the name is blocked, by which decision, and no more.
  facts.decision.id = match.decision_id;
  facts.decision.type = match.type;
  facts.decision.expires_at = match.valid_to;
  facts.decision.disclosure = policy::Disclosure::sealed;
  const std::lock_guard lock(reading_);
  try {
    auto& store = store_of(now);
    if (auto told = read_decision(store, std::string(match.decision_id))) {
      facts.decision = std::move(told->decision);
      facts.authority = std::move(told->authority);
      facts.recorded_at = told->recorded_at;
    }
    facts.events = events_of(store, host);
  } catch (const policy::StoreError&) {
    store_.reset();  // opened anew for the next visitor
  }
  return facts;
}

policy::Store& NoticePages::store_of(policy::Time now) const {
  if (!store_)
    store_ = std::make_unique<policy::Store>(policy::Store::open(store_path_, policy::Store::Mode::read_only, now));
  return *store_;
}

/// Of a name that nothing blocks: the public decision that did so last in this view, where it ended lately.
std::optional<policy::NoticeFacts> NoticePages::ended_facts(const PageState& state, policy::ViewNumber view,
                                                            wire::NameView host, policy::Time now) const {
  std::optional<policy::NoticeFacts> last;
  const std::lock_guard lock(reading_);
  try {
    for (auto& record : store_of(now).decisions_about(host)) {
      if (!record.disclosed ||
          !policy::scope_applies(record.decision().territorial_scope, state.index->views()[view].jurisdictions))
        continue;
      const auto end = ended_lately(record, now, kEndedShown);
      if (!end || (last && *last->ended_at >= *end)) continue;
      last.emplace();
      const auto& rules = record.decision().rules;
      const auto about = std::ranges::find_if(rules, [&](const policy::Rule& rule) {
        return rule.trigger == policy::Trigger::qname && host.is_subdomain_of(rule.name);
      });
      if (about != rules.end()) last->rule = *about;
      last->decision = std::move(record.authored.decision);
      last->decision.rules.clear();
      last->authority = std::move(record.authority);
      last->recorded_at = record.recorded_at;
      last->ended_at = end;
    }
  } catch (const policy::StoreError&) {
    store_.reset();  // opened anew for the next visitor
  }
  return last;
}

void NoticePages::publish(std::shared_ptr<const PageState> state) {
  {
    const std::lock_guard lock(reading_);
    told_.clear();
  }
  const std::lock_guard lock(mutex_);
  state_ = std::move(state);
}

net::HttpResponse NoticePages::answer(const net::HttpRequest& request, policy::Time now) const {
  std::shared_ptr<const PageState> state;
  {
    const std::lock_guard lock(mutex_);
    state = state_;
  }
  const policy::NoticeRequest asked{request.method, request.host, request.target, request.accept,
                                    request.accept_language};
  std::optional<policy::NoticeFacts> facts;
  const auto host = policy::parse_notice_host(request.host);
  if (host.kind == policy::NoticeHostKind::name) {
    const auto view = state->index->view_of(request.client.bytes());
    const auto moment = std::max(now, state->not_before);
    const auto match = state->index->match_name(host.name, view, moment);
    if (!match)
      facts = ended_facts(*state, view, host.name, moment);
    else if (match->action != policy::Action::passthru)  // a match that blocks nothing
      facts = facts_of(*match, host.name, now);
  }
  auto document = policy::render_notice(asked, facts ? &*facts : nullptr, state->by, catalogues_);
  return {document.status, std::move(document.headers), std::move(document.body)};
}

std::expected<policy::NoticeCatalogues, std::string> load_catalogues() {
  return policy::NoticeCatalogues::load(embedded_notice());
}

}  // namespace placard::app
