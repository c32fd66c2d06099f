// Step 8: policy on what came back, and where an action cname leads.
#include "resolver/serve/policy_on_answer.hpp"

#include <algorithm>
#include <cassert>

#include "resolver/serve/query.hpp"

namespace placard::serve {

std::size_t ServersOfChain::memory() const {
  std::size_t size = sizeof *this + by_link.capacity() * sizeof by_link[0];
  for (const auto& link : by_link) {
    size += link.capacity() * sizeof(policy::NameServer);
    for (const auto& server : link) size += server.addresses.capacity() * sizeof(policy::MappedAddress);
  }
  return size;
}

AnswerChain::AnswerChain(const StoredAnswer& answer) {
  const auto message = wire::parse_message(answer.message());
  assert(message);  // we wrote it
  const auto asked = message->question_type();
  const bool follows = asked != wire::RecordType::cname && asked != wire::RecordType::any;
  found_.push_back({wire::Name(message->question_name()), {}, 0, UINT32_MAX});
  std::size_t records = 0;
  std::uint32_t ttl = UINT32_MAX;
  for (const auto& record : message->records(wire::Section::answer)) {
    ++records;
    if (record.type() == wire::RecordType::cname) {
      ttl = std::min(ttl, record.ttl());
      if (!follows && record.owner() == found_.front().name) continue;  // what was asked for, not a link
      const auto at = static_cast<std::size_t>(record.rdata().data() - answer.message().data());
      const auto target = wire::parse_name(answer.message(), at);
      assert(target);
      if (found_.size() < kMaxLinks) found_.push_back({target->name, {}, records, ttl});
    } else if (record.type() == wire::RecordType::a || record.type() == wire::RecordType::aaaa) {
      const auto owner = record.owner();
      const auto link = std::ranges::find_if(found_, [&](const Found& each) { return each.name == owner; });
      const auto address = policy::mapped_address(record.rdata());
      if (link != found_.end() && address && link->addresses.size() < kMaxAddresses)
        link->addresses.push_back(*address);
    }
  }
  links_.reserve(found_.size());
  for (const auto& each : found_) links_.push_back({each.name, each.addresses});
}

std::vector<policy::NameServer> Pipeline::name_servers_of(wire::NameView name) const {
  std::vector<policy::NameServer> servers;
  if (!known_servers_) return servers;
  for (const auto& known : known_servers_(name, now_)) {
    auto& server = servers.emplace_back(policy::NameServer{known.name, {}});
    for (const auto& address : known.addresses)
      if (const auto mapped = policy::mapped_address(address.bytes())) server.addresses.push_back(*mapped);
  }
  return servers;
}

/// Keeps the name servers with an answer that will be kept, where some view has rules about them.
void Pipeline::remember_servers(StoredAnswer& answer) const {
  if (answer.servers() || !wants_servers_ || answer.bogus) return;
  const AnswerChain chain(answer);
  auto servers = std::make_shared<ServersOfChain>();
  for (const auto& link : chain.links()) servers->by_link.push_back(name_servers_of(link.name));
  answer.set_servers(std::move(servers));
}

std::size_t Pipeline::deliver(StoredAnswer& answer, const ClientQuestion& question, const ReturnPath& path,
                              PolicyState& state, std::span<std::uint8_t> reply) {
  const bool judged = answer.has_chain || state.asked.match || triggers_[state.view].answer;
  if (judged && !state.exempt && !answer.bogus)
    if (const auto rewritten = policy_on_answer(answer, question, path, state, reply)) return *rewritten;
  return render_stored(answer, question, now_, reply);
}

Pipeline::Step Pipeline::policy_on_answer(StoredAnswer& answer, const ClientQuestion& question, const ReturnPath& path,
                                          PolicyState& state, std::span<std::uint8_t> reply, const StoredAnswer* head) {
  const auto& index = *snapshot_->index;
  const std::uint64_t view_bit = std::uint64_t{1} << state.view;
  if (!state.asked.match && is_clean(answer, state.view)) return std::nullopt;
  if (answer.clean_generation != rules_noted() || policy_now_ >= answer.clean_until) answer.clean_views = 0;

  const AnswerChain chain(answer);
  const auto servers = [&](wire::NameView name, bool) {
    const auto links = chain.links();
    const auto* known = answer.servers();
    for (std::size_t i = 0; known != nullptr && i < links.size() && i < known->by_link.size(); ++i)
      if (links[i].name == name) return known->by_link[i];
    return name_servers_of(name);
  };
  state.on_answer = true;
  shadows_.count = 0;
  const auto met =
      policy::match_answer(index, asker(state.view, question), state.asked, chain.links(), servers, &shadows_);
  count_shadows(state.view);
  if (!met) {
    if (shadows_.count > 0 || state.asked.match) return std::nullopt;  // each of them counts
    answer.clean_generation = rules_noted();
    answer.clean_views |= view_bit;
    answer.clean_until = index.next_change(policy_now_);
    return std::nullopt;
  }
  const auto most = policy_ttl(met->match, snapshot_->options, policy_now_);
  ChainPrefix prefix;
  if (met->link > 0) {
    const auto age = static_cast<std::uint32_t>(std::max<std::int64_t>(0, now_ - answer.stored_at()));
    const auto ttl = chain.ttl_before(met->link);
    prefix = {&answer, chain.records_before(met->link), std::min(ttl > age ? ttl - age : 0, most)};
  }
  if (head != nullptr) {
    const auto whole = joined_chain(*head, prefix);
    const AnswerChain both(whole);
    const std::size_t last = both.links().size() - 1;
    prefix = {&whole, both.records_before(last), std::min(both.ttl_before(last), most)};
    return apply(met->match, question, path, chain.links()[met->link].name, prefix, state, reply);
  }
  // A passthru ends the search: at most one rule applies.
  return apply(met->match, question, path, chain.links()[met->link].name, prefix, state, reply);
}

/// The same for what `head`, aliases of ours or of a decision, leads to.
Pipeline::Step Pipeline::policy_on_tail(const StoredAnswer& head, StoredAnswer& tail, const ClientQuestion& question,
                                        const ReturnPath& path, PolicyState& state, std::span<std::uint8_t> reply) {
  if (state.exempt || tail.bogus || !(tail.has_chain || triggers_[state.view].answer)) return std::nullopt;
  return policy_on_answer(tail, question, path, state, reply, &head);
}

/// Rules about the name that a decision's alias leads to, where such names are judged (policy.judge_redirects).
Pipeline::Step Pipeline::judge_target(Redirect& redirect, const ClientQuestion& question, const ReturnPath& path,
                                      policy::ViewNumber view, std::span<std::uint8_t> reply) {
  const ChainPrefix before{redirect.head.get(), redirect.head_records, redirect.ttl};
  const auto head = chain_with({redirect.owner, redirect.target, redirect.ttl}, before, question.question);
  const AnswerChain chain(head);
  if (chain.links().size() > kMaxRedirects)
    return render_rcode(question, wire::Rcode::servfail, {&redirect.error, 1}, reply);
  PolicyState state;
  state.view = view;
  redirect.judged = true;
  const auto match = snapshot_->index->match_name(redirect.target, view, policy_now_);
  if (!match) return std::nullopt;
  const ChainPrefix prefix{&head, chain.records_before(chain.links().size() - 1),
                           std::min(redirect.ttl, policy_ttl(*match, snapshot_->options, policy_now_))};
  const auto answer = apply(*match, question, path, redirect.target, prefix, state, reply);
  redirect.judged = !state.exempt;
  return answer;
}

/// Rules about what came back of that name.
Pipeline::Step Pipeline::judge_arrived(const Redirect& redirect, StoredAnswer& answer, const ClientQuestion& question,
                                       const ReturnPath& path, std::span<std::uint8_t> reply) {
  if (!redirect.judged) return std::nullopt;
  PolicyState state;
  state.view = views_.view_of(question);
  const ChainPrefix before{redirect.head.get(), redirect.head_records, redirect.ttl};
  const auto head = chain_with({redirect.owner, redirect.target, redirect.ttl}, before, question.question);
  return policy_on_tail(head, answer, question, path, state, reply);
}

/// Action cname: the target is resolved like any name, is not checked again unless the operator has it so (RPZ:
/// synthetic data), and stands behind the CNAME and what led to it. A wildcard's target that is too long for a name is
/// YXDOMAIN, as for a DNAME.
std::size_t Pipeline::redirect(const ClientQuestion& question, const ReturnPath& path, const policy::Match& match,
                               wire::NameView met, const ChainPrefix& prefix, std::span<std::uint8_t> reply) {
  const auto& index = *snapshot_->index;
  const auto expanded = policy::expanded_target(index.target_of(match), met);
  if (!expanded) return render_too_long(question, prefix, policy_error(match), reply);
  Redirect redirect;
  redirect.owner = wire::Name(met);
  redirect.target = *expanded;
  redirect.ttl = policy_ttl(match, snapshot_->options, policy_now_);
  redirect.error = policy_error(match);
  redirect.generation = rules_noted();
  redirect.good_until = index.next_change(policy_now_);
  if (prefix.answer != nullptr) {
    redirect.head = std::make_shared<const StoredAnswer>(*prefix.answer);
    redirect.head_records = prefix.records;
  }
  if (snapshot_->options.judge_redirects)
    if (const auto judged = judge_target(redirect, question, path, views_.view_of(question), reply)) return *judged;
  ClientQuestion target = question;
  target.question.name = redirect.target;
  if (auto* answer = answers_.find(target, now_)) {
    if (const auto judged = judge_arrived(redirect, *answer, question, path, reply)) return *judged;
    return render(redirect, question, *answer, reply);
  }
  return resolve(question, path, &redirect, reply);
}

std::size_t Pipeline::render(const Redirect& redirect, const ClientQuestion& question, const StoredAnswer& target,
                             std::span<std::uint8_t> reply) const {
  const ChainPrefix prefix{redirect.head.get(), redirect.head_records, redirect.ttl};
  return render_redirect(question, prefix, {redirect.owner, redirect.target, redirect.ttl}, redirect.error, target,
                         now_, reply);
}

/// True while the rules are those that sent this client to another name.
bool Pipeline::still_redirects(const Redirect& redirect) const {
  return redirect.generation == rules_noted() && policy_now_ < redirect.good_until;
}

/// It was looked at by these rules for this view, and nothing that begins or ends since can have changed that.
bool Pipeline::is_clean(const StoredAnswer& answer, policy::ViewNumber view) const {
  return answer.clean_generation == rules_noted() && policy_now_ < answer.clean_until &&
         (answer.clean_views >> view & 1) != 0;
}

void Pipeline::count_shadows(policy::ViewNumber view) {
  for (std::size_t i = 0; i < shadows_.count; ++i) hits_.add(shadows_.matches[i], view);
}

/// What was counted of rules and decisions since the last time.
std::vector<policy::Hits> Pipeline::take_hits() {
  auto taken = std::exchange(kept_hits_, {});
  if (snapshot_) {
    auto fresh = hits_.take(*snapshot_->index);
    std::move(fresh.begin(), fresh.end(), std::back_inserter(taken));
  }
  return taken;
}

/// Before another index comes: what was counted refers to the one that goes.
void Pipeline::keep_hits() {
  auto hits = take_hits();
  if (hits.size() > kMaxKeptHits) hits.resize(kMaxKeptHits);
  kept_hits_ = std::move(hits);
}

}  // namespace placard::serve
