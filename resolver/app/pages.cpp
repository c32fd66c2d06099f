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
    if (!store_)
      store_ = std::make_unique<policy::Store>(policy::Store::open(store_path_, policy::Store::Mode::read_only, now));
    if (auto told = read_decision(*store_, std::string(match.decision_id))) {
      facts.decision = std::move(told->decision);
      facts.authority = std::move(told->authority);
      facts.recorded_at = told->recorded_at;
    }
    facts.events = events_of(*store_, host);
  } catch (const policy::StoreError&) {
    store_.reset();  // opened anew for the next visitor
  }
  return facts;
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
    const auto match = state->index->match_name(host.name, view, std::max(now, state->not_before));
    // A passthru is a match that blocks nothing.
    if (match && match->action != policy::Action::passthru) facts = facts_of(*match, host.name, now);
  }
  auto document = policy::render_notice(asked, facts ? &*facts : nullptr, state->by, catalogues_);
  return {document.status, std::move(document.headers), std::move(document.body)};
}

std::expected<policy::NoticeCatalogues, std::string> load_catalogues() {
  return policy::NoticeCatalogues::load(embedded_notice());
}

}  // namespace placard::app
