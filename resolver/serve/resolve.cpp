// Step 7 of a question's life: it waits for a resolution, together with all who ask the same, and is answered when that
// ends, by the decisions of that moment.
//
// Places are given by fair shares (shares.hpp): to clients that wait, and to resolutions in flight. The processor is
// what runs out first, though: resolutions begin when a batch's hits are on their way, at the end of a round of the
// loop, so many and no more, fewer when questions come faster than they are read, so that packets are read, hits
// answered and surplus refused in time whatever else is to be done. Those that have not begun wait in an order that is
// fair as well (start_queue.hpp). And the fuller the table, the shorter a resolution may take: what nobody answers
// stops holding places when they become dear, while healthy ones, done in a fraction of a second, never notice.
#include <algorithm>
#include <utility>

#include "resolver/serve/query.hpp"

namespace placard::serve {
namespace {

constexpr std::size_t kWaitersPerResolution = 4;   // on average over all in flight: bounds their memory
constexpr net::Milliseconds kLeastPatience = 800;  // round trips to anywhere with a retry, in a table that is full

/// Said to who is refused. SERVFAIL: another resolver may have room.
wire::ExtendedError reason_text(Limit reason) {
  switch (reason) {
    case Limit::client_share:
      return {wire::EdeCode::other, "too many questions of yours wait for answers"};
    case Limit::network_share:
      return {wire::EdeCode::other, "too many questions of your network wait for answers"};
    case Limit::zone_share:
      return {wire::EdeCode::other, "too many questions about this zone wait for answers"};
    case Limit::waiters:
      return {wire::EdeCode::other, "too many clients wait for answers"};
    default:
      return {wire::EdeCode::other, "too many questions in flight"};
  }
}

std::optional<Limit> limit_of(Admitted admitted) {
  switch (admitted) {
    case Admitted::yes:
      return std::nullopt;
    case Admitted::client:
      return Limit::client_share;
    case Admitted::network:
      return Limit::network_share;
    case Admitted::zone:
      return Limit::zone_share;
    case Admitted::full:
      break;
  }
  return Limit::in_flight;
}

}  // namespace

/// A client that waits for a resolution.
struct Pipeline::Waiter {
  ClientQuestion question;
  ReturnPath path;
  std::optional<Redirect> redirect;
  net::Milliseconds since = 0;
};

/// A resolution in flight, or about to begin, and all who wait for it.
struct Pipeline::Pending {
  PendingKey key;
  ZoneKeys zone;
  ClientKeys first_client;  ///< who holds its place while it has not begun
  std::vector<Waiter> waiters;
  bool refresh = false;    ///< begun without a client, because the answer will soon end
  bool dnssec_ok = false;  ///< of the question that made us refresh
};

std::size_t Pipeline::resolve(const ClientQuestion& question, const ReturnPath& path, const Redirect* redirect,
                              std::span<std::uint8_t> reply) {
  if (!question.recursion_available || !question.recursion_desired) {
    const wire::ExtendedError error{wire::EdeCode::prohibited, {}};
    return render_rcode(question, wire::Rcode::refused, {&error, 1}, reply);
  }
  PendingKey key{redirect != nullptr ? redirect->target.lowered() : question.question.name.lowered(),
                 question.question.type, question.checking_disabled, question.dns64};
  const auto found = pending_.find(key);
  auto pending = found != pending_.end() ? found->second : nullptr;
  const ZoneKeys zone = shares_.keys_of(key.name);
  if (const auto reason = no_place(pending.get(), question, zone)) {
    count(*reason);
    const auto error = reason_text(*reason);
    return render_rcode(question, wire::Rcode::servfail, {&error, 1}, reply);
  }
  const auto client = keys_of(question.client);
  shares_.enter(client);
  ++waiting_;
  Waiter waiter{question, path, redirect != nullptr ? std::optional(*redirect) : std::nullopt, milliseconds_};
  if (pending) {
    counters_.coalesced.add();
    pending->waiters.push_back(std::move(waiter));
    return 0;
  }
  pending = std::make_shared<Pending>(Pending{key, zone, client, {}, false, false});
  pending->waiters.push_back(std::move(waiter));
  pending_.emplace(std::move(key), pending);
  shares_.enter(zone);
  counters_.in_flight.set(pending_.size());
  begin(std::move(pending));
  return 0;
}

/// At the end of this round of the loop, or a later one.
void Pipeline::begin(std::shared_ptr<Pending> pending) {
  if (!round_end_) return tasks_.spawn(run(std::move(pending)));
  if (starting_.empty()) round_end_();
  const auto rank = starting_shares_.most_held(pending->first_client, pending->zone).first;
  if (starting_.size() >= kStarting) {
    pushed_out_.push_back(starting_.push_out());
    leave_start(*pushed_out_.back());
  }
  starting_shares_.enter(pending->first_client);
  starting_shares_.enter(pending->zone);
  starting_.push(std::move(pending), rank);
}

void Pipeline::leave_start(const Pending& pending) {
  starting_shares_.leave(pending.first_client);
  starting_shares_.leave(pending.zone);
}

/// Why a question can't wait; nothing when it can. `pending`: what it would join; null: it would be the first.
std::optional<Limit> Pipeline::no_place(const Pending* pending, const ClientQuestion& question,
                                        const ZoneKeys& zone) const {
  const auto client = keys_of(question.client);
  if (waiting_ >= kWaitersPerResolution * limits_.in_flight) return Limit::waiters;
  if (!question.verified && shares_.held_by(client) >= snapshot_->options.limits.waiting) return Limit::client_share;
  if (const auto reason = limit_of(shares_.admit(client))) return reason;
  if (pending != nullptr) {
    if (pending->waiters.size() >= limits_.waiters) return Limit::waiters;
    return std::nullopt;
  }
  if (const auto reason = limit_of(shares_.admit(zone))) return reason;
  if (starting_.size() < kStarting) return std::nullopt;
  const auto [rank, who] = starting_shares_.most_held(client, zone);
  return starting_.goes_before_some(rank) ? std::nullopt : limit_of(who);
}

void Pipeline::end_round() {
  for (const auto& pending : std::exchange(pushed_out_, {})) {
    const auto reason = limit_of(starting_shares_.most_held(pending->first_client, pending->zone).second);
    count(*reason);
    recurse::Resolved refused;
    refused.errors.push_back(reason_text(*reason));
    finish(pending, refused);
  }
  for (std::size_t i = 0; i < starts_ && !starting_.empty(); ++i) {
    auto pending = starting_.pop();
    leave_start(*pending);
    tasks_.spawn(run(std::move(pending)));
    between_starts_();
  }
  if (!std::exchange(behind_, false)) starts_ = std::min(starts_ + 1, kStartsPerRound);
  if (!starting_.empty()) round_end_();
}

void Pipeline::fall_behind() {
  behind_ = true;
  starts_ = std::max(starts_ - (starts_ + 7) / 8, kLeastStarts);
}

/// How long a resolution that begins now may take.
net::Milliseconds Pipeline::patience() const {
  const std::size_t half = limits_.in_flight / 2;
  if (pending_.size() <= half || limits_.deadline <= kLeastPatience) return limits_.deadline;
  const std::size_t beyond = std::min(pending_.size() - half, half);
  return limits_.deadline - (limits_.deadline - kLeastPatience) * beyond / half;
}

/// Has the answer fetched again beside the one that is in use. Gives way when there is much else to do.
void Pipeline::refresh(const ClientQuestion& question) {
  PendingKey key{question.question.name.lowered(), question.question.type, question.checking_disabled, question.dns64};
  const ZoneKeys zone = shares_.keys_of(key.name);
  if (pending_.size() >= limits_.in_flight / 2 || pending_.contains(key) || starting_.size() >= starts_) return;
  if (shares_.admit(zone) != Admitted::yes) return;
  auto pending = std::make_shared<Pending>(Pending{key, zone, {}, {}, true, question.dnssec_ok});
  pending_.emplace(std::move(key), pending);
  shares_.enter(zone);
  counters_.in_flight.set(pending_.size());
  begin(std::move(pending));
}

net::Task<void> Pipeline::run(std::shared_ptr<Pending> pending) {
  recurse::ResolveRequest request;
  request.question = {pending->key.name, pending->key.type, wire::RecordClass::in};
  request.checking_disabled = pending->key.checking_disabled;
  request.patience = patience();
  request.refresh = pending->refresh;
  auto resolution = resolver_.resolve(std::move(request));
  recurse::Resolved resolved = co_await resolution;
  if (pending->key.dns64 && lacks_addresses(snapshot_->options.dns64, resolved)) {
    recurse::ResolveRequest for_ipv4;
    for_ipv4.question = {pending->key.name, wire::RecordType::a, wire::RecordClass::in};
    for_ipv4.checking_disabled = pending->key.checking_disabled;
    for_ipv4.patience = patience();
    auto second = resolver_.resolve(std::move(for_ipv4));
    const recurse::Resolved ipv4 = co_await second;
    resolved = synthesize(snapshot_->options.dns64, std::move(resolved), ipv4, clock_.wall_seconds());
  }
  if (pending->key.dns64) resolved = without_excluded(snapshot_->options.dns64, std::move(resolved));
  finish(pending, resolved);
}

/// RFC 6147 5.5: who says that it validates by itself (DO and CD) gets what there is.
void Pipeline::mark_dns64(ClientQuestion& question) const {
  if (question.question.type != wire::RecordType::aaaa) return;
  const auto& dns64 = snapshot_->options.dns64;
  question.dns64 = !dns64.prefixes.empty() && !(question.dnssec_ok && question.checking_disabled) &&
                   dns64.clients.contains(question.client);
}

void Pipeline::finish(const std::shared_ptr<Pending>& pending, const recurse::Resolved& resolved) {
  read_clock();
  pending_.erase(pending->key);  // first: what is asked from here on starts anew
  waiting_ -= pending->waiters.size();
  shares_.leave(pending->zone);
  for (const auto& waiter : pending->waiters) shares_.leave(keys_of(waiter.question.client));
  counters_.in_flight.set(pending_.size());
  if (resolved.stale) counters_.stale_answers.add();
  if (resolved.rcode == wire::Rcode::servfail) counters_.failures.add();
  const wire::Question asked{pending->key.name, pending->key.type, wire::RecordClass::in};
  StoredAnswer stored[2];  // without and with the records of DNSSEC
  bool made[2] = {false, false};
  // Aliases whose target could not be resolved: a name that is blocked is so whether or not its servers work.
  std::optional<StoredAnswer> led_to;
  if (!resolved.led_to.empty()) {
    recurse::Resolved aliases;
    aliases.rcode = wire::Rcode::noerror;
    aliases.answer = resolved.led_to;
    led_to = store_answer(aliases, asked, false, now_);
    remember_servers(*led_to);
  }
  for (auto& waiter : pending->waiters) {
    const bool dnssec_ok = waiter.question.dnssec_ok;
    auto& answer = stored[dnssec_ok];
    if (!std::exchange(made[dnssec_ok], true)) {
      answer = store_answer(resolved, asked, dnssec_ok, now_);
      remember_servers(answer);
    }
    answer_waiter(waiter, answer, led_to ? &*led_to : nullptr);
  }
  const bool fresh = !resolved.stale && resolved.rcode != wire::Rcode::servfail;
  if (pending->refresh && fresh && !std::exchange(made[pending->dnssec_ok], true)) {
    stored[pending->dnssec_ok] = store_answer(resolved, asked, pending->dnssec_ok, now_);
    remember_servers(stored[pending->dnssec_ok]);
  }
  for (const bool dnssec_ok : {false, true}) {
    if (!made[dnssec_ok] || led_to || stored[dnssec_ok].expires_at() <= now_) continue;
    const AnswerKey key{asked.name, asked.type, dnssec_ok, pending->key.checking_disabled, pending->key.dns64};
    answers_.insert(key, std::move(stored[dnssec_ok]));
  }
  counters_.answer_cache_entries.set(answers_.entries());
  counters_.answer_cache_memory.set(answers_.memory());
}

/// An answer so late that a stub resolver has given up would only add to a pulse (DNSBomb). Failures are small, and
/// tell why.
bool Pipeline::is_late(const Waiter& waiter, const StoredAnswer& answer) const {
  const auto most = snapshot_->options.limits.answer_age;
  return !waiter.question.verified && most != 0 && answer.rcode != wire::Rcode::servfail &&
         milliseconds_ - waiter.since > most;
}

void Pipeline::answer_waiter(Waiter& waiter, StoredAnswer& answer, StoredAnswer* led_to) {
  if (is_late(waiter, answer)) {
    limit(Limit::late, waiter.path);
    return;
  }
  std::span<std::uint8_t> reply(later_);
  PolicyState policy;
  Step size;
  // What was decided while the resolution ran counts: policy by the snapshot of now.
  resolving_ = true;
  if (!waiter.redirect) {
    size = policy_by_name(waiter.question, waiter.path, policy, reply);
    if (!size && led_to != nullptr && !policy.exempt)
      size = policy_on_answer(*led_to, waiter.question, waiter.path, policy, reply);
    if (!size) size = deliver(answer, waiter.question, waiter.path, policy, reply);
  } else if (waiter.redirect->kind != DetourKind::policy) {
    size = continue_detour(waiter, answer, reply);
  } else if (still_redirects(*waiter.redirect)) {
    size = judge_arrived(*waiter.redirect, answer, waiter.question, waiter.path, reply);
    if (!size) size = render(*waiter.redirect, waiter.question, answer, reply);
  } else {
    size = policy_by_name(waiter.question, waiter.path, policy, reply);
    if (!size) size = cached(waiter.question, waiter.path, policy, reply);
    if (!size) size = resolve(waiter.question, waiter.path, nullptr, reply);
  }
  resolving_ = false;
  *size = meter(waiter.question, waiter.path, reply, *size);
  if (*size > 0) send(waiter.path, reply.first(*size));
}

/// The head is made anew, as things stand now; where there is none any more the question is an ordinary one.
Pipeline::Step Pipeline::continue_detour(const Waiter& waiter, StoredAnswer& answer, std::span<std::uint8_t> reply) {
  const Arrived arrived{waiter.redirect->target.view(), &answer};
  const auto& question = waiter.question;
  Step size = waiter.redirect->kind == DetourKind::own_alias ? own_zones(question, waiter.path, &arrived, reply)
                                                             : reverse_of_made(question, waiter.path, &arrived, reply);
  PolicyState policy;
  if (!size) size = policy_by_name(question, waiter.path, policy, reply);
  if (!size) size = resolve(question, waiter.path, nullptr, reply);
  return size;
}

}  // namespace placard::serve
