#include "resolver/serve/query.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

#include "resolver/serve/special.hpp"
#include "zones/answer.hpp"

namespace placard::serve {
namespace {

/// DS of a rule's own name is what the zone above says of it, whose servers nobody blocks: by that a validator behind
/// us sees that an unsigned name is unsigned, and takes the answer by decision. Without it, it takes all of them for
/// forged.
bool asks_above(const ClientQuestion& question, const policy::Match& match) {
  using enum policy::Action;
  const auto& name = question.question.name;
  if (question.question.type != wire::RecordType::ds || !(name == match.rule_name)) return false;
  return match.action == sinkhole || match.action == nxdomain || match.action == nodata || match.action == local_data ||
         match.action == cname;
}

}  // namespace

std::size_t Pipeline::on_question(wire::Bytes packet, std::uint16_t listener, const net::Address& client, bool stream,
                                  const ReturnPath& path, std::span<std::uint8_t> reply) {
  if (const auto size = quick(packet, listener, client, stream, reply)) return *size;
  (stream ? counters_.tcp_questions : counters_.udp_questions).add();
  ClientQuestion question;
  question.listener = listener;
  question.client = client;
  question.stream = stream;
  PolicyState policy;

  Step answer = receive(packet, question, path, reply);
  if (!answer) answer = admit(question, path, reply);
  if (!answer) mark_dns64(question);  // before any step that may lead to another name
  if (!answer) answer = special(question, path, reply);
  const bool policy_first = snapshot_->options.own_zones_policy && !zones_here_[listener].exclusive;
  if (!answer && policy_first) {
    answer = policy_by_name(question, path, policy, reply);
    const auto& asked = question.question;
    if (answer && !is_own(zones_here_[listener].zones, asked.name, asked.type)) note_traffic(question);
  }
  if (!answer) answer = own_zones(question, path, nullptr, reply);
  if (!answer) note_traffic(question);
  if (!answer && !policy_first) answer = policy_by_name(question, path, policy, reply);
  if (!answer) answer = any(question, reply);
  if (!answer) answer = cache_only(question, path, policy, reply);
  if (!answer) answer = cached(question, path, policy, reply);
  if (!answer) answer = resolve(question, path, nullptr, reply);
  return meter(question, path, reply, *answer);
}

// ---------------------------------------------------------------- 3: special names

Pipeline::Step Pipeline::special(const ClientQuestion& question, const ReturnPath& path,
                                 std::span<std::uint8_t> reply) {
  if (question.question.record_class == wire::RecordClass::ch)
    return render_chaos(question, snapshot_->options.identity, snapshot_->options.version, reply);
  if (question.question.record_class != wire::RecordClass::in) {
    const wire::ExtendedError error{wire::EdeCode::not_supported, {}};
    return render_rcode(question, wire::Rcode::notimp, {&error, 1}, reply);
  }
  if (const auto found = special_name(question)) {
    counters_.special_answers.add();
    return render_special(*found, question, facts_for(question), reply);
  }
  return reverse_of_made(question, path, nullptr, reply);
}

/// The special name that is or holds the asked one, unless the operator or an own zone makes it ordinary, or the zone
/// above it is asked: a validator needs its word about DS (RFC 4035 3.1.4.1).
std::optional<SpecialName> Pipeline::special_name(const ClientQuestion& question) const {
  const auto name = question.question.name.view();
  const auto found = find_special(name);
  if (!found) return std::nullopt;
  if (question.question.type == wire::RecordType::ds && name == found->zone && name.label_count() > 1)
    return std::nullopt;
  const auto& ordinary = snapshot_->options.not_special;
  if (std::ranges::any_of(ordinary, [&](const wire::Name& one) { return name.is_subdomain_of(one); }))
    return std::nullopt;
  bool exclusive = false;
  if (is_own(zones_of(question.listener, exclusive), name, question.question.type)) return std::nullopt;
  return found;
}

SpecialFacts Pipeline::facts_for(const ClientQuestion& question) const {
  const auto& options = snapshot_->options;
  const bool made = !options.dns64.prefixes.empty() && options.dns64.clients.contains(question.client);
  return {made ? &options.dns64 : nullptr, options.resolver_info};
}

// ---------------------------------------------------------------- 4: own zones

const zones::ZoneSet* Pipeline::zones_of(std::uint16_t listener, bool& exclusive) const {
  exclusive = zones_here_[listener].exclusive;
  return zones_here_[listener].zones;
}

bool Pipeline::is_own(const zones::ZoneSet* zones, wire::NameView name, wire::RecordType type) {
  return zones != nullptr && (zones->find(name, type) != nullptr || zones->is_unavailable(name));
}

Pipeline::Step Pipeline::own_zones(const ClientQuestion& question, const ReturnPath& path, const Arrived* arrived,
                                   std::span<std::uint8_t> reply) {
  bool exclusive = false;
  const auto* zones = zones_of(question.listener, exclusive);
  if (zones == nullptr) return std::nullopt;
  if (zones->is_unavailable(question.question.name)) {
    const wire::ExtendedError error{wire::EdeCode::not_ready, "the zone could not be loaded"};
    return render_rcode(question, wire::Rcode::servfail, {&error, 1}, reply);
  }
  const auto* zone = zones->find(question.question.name, question.question.type);
  if (zone == nullptr) return std::nullopt;
  // A client that may have recursion gets it below our own delegations too (RFC 1034 4.3.1), and for the DS of our own
  // apex, which only the zone above us has (RFC 4035 3.1.4.1).
  const bool recurse = question.recursion_available && question.recursion_desired;
  if (recurse && question.question.type == wire::RecordType::ds && question.question.name.view() == zone->origin())
    return std::nullopt;
  wire::MessageWriter writer(reply, std::min(question.limit, reply.size()), opt_size(question, {}));
  auto header = answer_header(question, wire::Rcode::noerror);
  writer.header(header);
  writer.question(question.question.name, question.question.type, question.question.record_class);
  const zones::AnswerOptions options{question.dnssec_ok, snapshot_->options.minimal_responses,
                                     snapshot_->options.minimal_any, zones};
  const auto result = zones::answer(*zone, question.question, options, writer);
  const bool referral = !result.authoritative && result.rcode == wire::Rcode::noerror;
  if (recurse && referral) return std::nullopt;
  if (arrived == nullptr) counters_.zone_answers.add();
  header.aa = result.authoritative;
  header.tc = result.truncated;
  header.rcode = static_cast<std::uint8_t>(result.rcode);
  writer.set_flags(header);
  if (recurse && result.leaves && !result.truncated)
    return follow_own_alias(*writer.finish(), question, path, arrived, reply);
  return finish_answer(writer, question, result.rcode, {});
}

// ---------------------------------------------------------------- 5: policy by client and by name

Pipeline::Step Pipeline::policy_by_name(const ClientQuestion& question, const ReturnPath& path, PolicyState& state,
                                        std::span<std::uint8_t> reply) {
  const auto& index = *snapshot_->index;
  state.view = views_.view_of(question);
  const auto& view = triggers_[state.view];
  if (!view.client && !view.name) return std::nullopt;
  const wire::Suffixes name(question.question.name, index.seed(), index.most_labels());
  shadows_.count = 0;
  if (view.client || view.answer)
    state.asked = policy::match_question(index, asker(state.view, question), name, &shadows_);
  else
    state.asked.match = index.match_name(name, state.view, policy_now_, &shadows_);
  if (shadows_.count > 0 && !resolving_) count_shadows(state.view);
  if (state.asked.match && asks_above(question, *state.asked.match)) state.asked = {};
  if (!state.asked.match) return std::nullopt;
  if (snapshot_->options.policy_after_recursion) state.asked.is_final = false;
  if (!state.asked.is_final) return std::nullopt;
  const auto match = *std::exchange(state.asked.match, std::nullopt);
  return apply(match, question, path, question.question.name, {}, state, reply);
}

/// For the sketch of what is asked, where the operator wants one. What own zones have is not in it, whether they or a
/// rule before them answer.
void Pipeline::note_traffic(const ClientQuestion& question) {
  if (traffic_ && question.recursion_available && question.recursion_desired)
    traffic_->add(question.question.name, question.client.bytes());
}

std::shared_ptr<policy::TrafficBuffer> Pipeline::swap_traffic(std::shared_ptr<policy::TrafficBuffer> fresh) {
  return std::exchange(traffic_, std::move(fresh));
}

/// What a match does; nullopt when the answer goes on as it is.
Pipeline::Step Pipeline::apply(const policy::Match& match, const ClientQuestion& question, const ReturnPath& path,
                               wire::NameView met, const ChainPrefix& prefix, PolicyState& state,
                               std::span<std::uint8_t> reply) {
  const auto result =
      render_policy(match, *snapshot_->index, snapshot_->options, question, met, prefix, policy_now_, reply);
  // A question that passes comes by here again when its resolution ends: it counts once, the first time.
  if (result.verdict != PolicyVerdict::pass || !resolving_ || state.on_answer) {
    counters_.policy_hits[static_cast<std::size_t>(match.action)].add();
    hits_.add(match, state.view);
  }
  switch (result.verdict) {
    case PolicyVerdict::answered:
      return result.size;
    case PolicyVerdict::dropped:
      return drop(path);
    case PolicyVerdict::redirect:
      return redirect(question, path, match, met, prefix, reply);
    case PolicyVerdict::pass:
      break;
  }
  state.exempt = true;
  return std::nullopt;
}

// ---------------------------------------------------------------- 6: answer cache

Pipeline::Step Pipeline::cached(const ClientQuestion& question, const ReturnPath& path, PolicyState& state,
                                std::span<std::uint8_t> reply) {
  auto* answer = answers_.find(question, now_);
  if (answer == nullptr) {
    counters_.answer_cache_misses.add();
    return std::nullopt;
  }
  counters_.answer_cache_hits.add();
  const bool refreshing = answer->is_due(now_) && question.recursion_desired && question.recursion_available;
  if (refreshing) answer->refresh_began();
  const auto size = deliver(*answer, question, path, state, reply);
  if (refreshing) refresh(question);
  return size;
}

// ---------------------------------------------------------------- 10: send

/// No answer at all; a connection must not wait for one.
std::size_t Pipeline::drop(const ReturnPath& path) {
  counters_.dropped.add();
  if (const auto stream = path.stream.lock()) stream->forget_one();
  return 0;
}

void Pipeline::send(const ReturnPath& path, wire::Bytes answer) {
  if (path.udp != nullptr)
    path.udp->send(path.peer, answer);
  else if (const auto stream = path.stream.lock())
    stream->send(answer);
}

/// An answer smaller than the one asked for: none.
std::size_t Pipeline::limit(Limit reason, const ReturnPath& path) {
  count(reason);
  return drop(path);
}

void Pipeline::count(Limit reason) {
  counters_.limited[static_cast<std::size_t>(reason)].add();
}

void Pipeline::count(const ClientQuestion& question, std::span<const std::uint8_t> answer) {
  const auto high = static_cast<std::size_t>(question.high_rcode);
  counters_.answers[high != 0 ? std::min(high, kRcodes - 1) : answer[3] & 0x0fU].add();
  if ((answer[2] & 0x02) != 0) counters_.truncated.add();
}

// ---------------------------------------------------------------- life

Pipeline::Pipeline(const PipelineLimits& limits, std::vector<net::Endpoint> listeners, recurse::Resolver& resolver,
                   recurse::Network& clock, WorkerCounters& counters, std::uint64_t seed)
    : limits_(limits),
      listeners_(std::move(listeners)),
      resolver_(resolver),
      clock_(clock),
      counters_(counters),
      answers_(limits.answer_cache_memory, seed),
      pending_(64, PendingHash{seed}),
      questions_(kRateEntries, seed + 1),
      responses_(kRateEntries, seed + 2),
      shares_(limits.in_flight, seed + 3),
      starting_shares_(kStarting, seed + 7),
      later_(wire::kMaxMessageSize) {}

Pipeline::~Pipeline() = default;

void Pipeline::set_snapshot(std::shared_ptr<const Snapshot> snapshot) {
  assert(snapshot && snapshot->index);
  if (snapshot_) keep_hits();
  snapshot_ = std::move(snapshot);
  clients_.forget_all();
  note_triggers();
  expected_end_ = 0;
  resolver_.set_local_zones(snapshot_->for_recursion);
  zones_here_.assign(listeners_.size(), {snapshot_->everywhere.get(), false});
  for (std::size_t i = 0; i < listeners_.size(); ++i)
    for (const auto& own : snapshot_->listeners)
      if (own.listener == listeners_[i]) zones_here_[i] = {own.zones.get(), true};
  read_clock();
}

void Pipeline::note_triggers() {
  const auto& index = *snapshot_->index;
  views_.take(index, listeners_);
  triggers_.clear();
  wants_servers_ = false;
  for (std::size_t i = 0; i < index.views().size(); ++i) {
    const auto has = [&](policy::Trigger trigger) { return index.has(trigger, static_cast<policy::ViewNumber>(i)); };
    ViewTriggers view;
    view.client = has(policy::Trigger::client_ip);
    view.name = has(policy::Trigger::qname);
    view.servers = has(policy::Trigger::nsdname) || has(policy::Trigger::nsip);
    view.answer = view.servers || has(policy::Trigger::response_ip);
    wants_servers_ = wants_servers_ || view.servers;
    triggers_.push_back(view);
  }
}

void Pipeline::read_clock() {
  now_ = clock_.wall_seconds();
  milliseconds_ = clock_.now();
  const auto before = std::exchange(policy_now_, std::max<policy::Time>(now_, snapshot_->not_before));
  if (policy_now_ < before) ++set_backs_;
}

void Pipeline::cancel_all() {
  tasks_.cancel_all();
  starting_.clear();
  pushed_out_.clear();
  pending_.clear();
  waiting_ = 0;
}

}  // namespace placard::serve
