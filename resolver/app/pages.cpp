#include "resolver/app/pages.hpp"

#include <algorithm>

std::span<const placard::EmbeddedFile> embedded_notice();

namespace placard::app {
namespace {

/// What others did about the name or one above it, oldest first.
std::vector<policy::Event> events_of(const NoticeBook& book, wire::NameView name) {
  std::vector<policy::Event> all;
  for (auto at = name;; at = at.parent()) {
    if (const auto found = book.events.find(wire::Name(at)); found != book.events.end())
      all.insert(all.end(), found->second.begin(), found->second.end());
    if (at.is_root()) break;
  }
  std::ranges::stable_sort(all, {}, &policy::Event::occurred_at);
  return all;
}

std::optional<policy::NoticeFacts> facts_of(const PageState& state, const policy::Match& match, wire::NameView host) {
  const auto decision = state.book->decisions.find(std::string(match.decision_id));
  if (decision == state.book->decisions.end()) return std::nullopt;
  policy::NoticeFacts facts;
  facts.decision = decision->second.decision;
  facts.recorded_at = decision->second.recorded_at;
  if (const auto authority = state.book->authorities.find(facts.decision.authority);
      authority != state.book->authorities.end())
    facts.authority = authority->second;
  facts.rule.id = match.rule_id;
  facts.rule.name = wire::Name(match.rule_name);
  facts.rule.action = match.action;
  if (const auto kind = state.book->matches.find(match.rule_id); kind != state.book->matches.end())
    facts.rule.match = kind->second;
  facts.events = events_of(*state.book, host);
  return facts;
}

}  // namespace

void NoticePages::publish(std::shared_ptr<const PageState> state) {
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
    if (match && match->action != policy::Action::passthru) facts = facts_of(*state, *match, host.name);
  }
  auto document = policy::render_notice(asked, facts ? &*facts : nullptr, state->by, catalogues_);
  return {document.status, std::move(document.headers), std::move(document.body)};
}

std::expected<policy::NoticeCatalogues, std::string> load_catalogues() {
  return policy::NoticeCatalogues::load(embedded_notice());
}

}  // namespace placard::app
