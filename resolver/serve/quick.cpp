// The quick path: an ordinary question whose answer needs looking up and nothing else, which is nearly every question.
//
// It goes through the same steps as on_question (query.cpp), in the same order, and gives the same answer, or none:
// whatever is out of the ordinary at any step (a strange packet, a client with limits of its own, a special name, an
// action that needs more than a few records, an answer that does not fit, is due for a refresh or was not yet judged,
// a limit that is reached) leaves the question to the full path, which begins anew. So nothing here may have changed
// anything, counters included, before the answer is certain. What it costs, and why it is as it is: README.md.
#include <algorithm>
#include <utility>

#include "resolver/serve/query.hpp"
#include "resolver/serve/quick_writer.hpp"
#include "zones/plain.hpp"

namespace placard::serve {
namespace {

constexpr std::size_t kOptionHead = 4;
constexpr std::uint16_t kRa = 0x0080, kAd = 0x0020;

}  // namespace

/// How this client is answered: what ClientQuestion is on the full path.
struct Pipeline::QuickTerms {
  const wire::QuickQuestion& asked;
  const ClientFacts& client;
  std::size_t limit = 512;  ///< octets
  bool verified = false;
  bool has_cookie = false;
  std::array<std::uint8_t, kCookieSize> cookie{};  ///< of the answer, where has_cookie

  std::uint16_t flags(wire::Rcode rcode) const {
    return static_cast<std::uint16_t>((client.recursion ? kRa : 0) | static_cast<std::uint16_t>(rcode));
  }
  /// Of the OPT with `options` octets of options beside the cookie's.
  std::size_t opt_size(std::size_t options = 0) const {
    return asked.edns ? kQuickOpt + (has_cookie ? kOptionHead + kCookieSize : 0) + options : 0;
  }
  /// The OPT, but for those `options` octets. REQUIRES asked.edns.
  void put_opt(QuickWriter& writer, std::uint16_t udp_size, std::size_t options = 0) const {
    writer.opt(udp_size, asked.dnssec_ok, opt_size(options) - kQuickOpt);
    if (!has_cookie) return;
    writer.put16(static_cast<std::uint16_t>(wire::OptionCode::cookie));
    writer.put16(kCookieSize);
    writer.put(cookie);
  }
};

Pipeline::Step Pipeline::quick(wire::Bytes packet, std::uint16_t listener, const net::Address& client, bool stream,
                               std::span<std::uint8_t> reply) {
  Expected& question = expected(packet, listener);
  const auto& asked = question.asked;
  if (!question.is_ordinary) return std::nullopt;
  QuickTerms terms{asked, clients_.find(client, listener, [this](ClientFacts& facts) { work_out(facts); })};
  if (!terms.client.quick || !quick_admit(stream, terms)) return std::nullopt;

  const auto& here = zones_here_[listener];
  if (here.zones != nullptr) {
    if (!here.zones->all_available()) return std::nullopt;
    if (question.zone != nullptr) return quick_own(*question.zone, terms, stream, reply);
  }
  if (!terms.client.recursion || !asked.recursion_desired || may_be_special(asked.name.whole())) return std::nullopt;
  make_hashes(question);
  Step size;
  const auto& index = *snapshot_->index;
  std::optional<policy::Match> match;
  if (index.has(policy::Trigger::qname, terms.client.view)) {
    shadows_.count = 0;
    match = index.match_name(asked.name, terms.client.view, policy_now_, &shadows_);
    // Whom a rule in shadow meets is counted there, and what comes back may have a say before this rule.
    if (shadows_.count > 0 || (match && (terms.client.judged || snapshot_->options.policy_after_recursion)))
      return std::nullopt;
  }
  if (match) {
    size = quick_blocked(*match, terms, reply);
  } else if (auto* answer = answers_.find(question.key(), question.answer_hash, now_)) {
    size = quick_cached(*answer, terms, reply);
  }
  if (!size || !quick_meter(terms, reply)) return std::nullopt;
  quick_count(stream, reply);
  if (traffic_) traffic_->add(asked.name.whole(), client.bytes());
  if (match) {
    counters_.policy_hits[static_cast<std::size_t>(match->action)].add();
    hits_.add(*match, terms.client.view);
  } else {
    counters_.answer_cache_hits.add();
  }
  return size;
}

// What a question needs lies somewhere in hundreds of megaoctets, so the processor would wait for the memory several
// times in a row for each. A group of them waits together: all are read and asked for what comes first, then all for
// what that leads to.
void Pipeline::expect(std::span<const wire::Bytes> packets, std::uint16_t listener) {
  expected_next_ = 0;
  expected_end_ = packets.size();
  const auto& index = *snapshot_->index;
  for (std::size_t i = 0; i < packets.size(); ++i) read(packets[i], listener, expected_[i]);
  if (zones_here_[listener].zones != nullptr) fetch_zones({expected_.data(), packets.size()});
  if (!snapshot_->options.recursion) return;
  const auto is_looked_up = [](const Expected& question) { return question.is_ordinary && question.zone == nullptr; };
  for (std::size_t i = 0; i < packets.size(); ++i) {
    if (!is_looked_up(expected_[i])) continue;
    make_hashes(expected_[i]);
    answers_.prefetch_bucket(expected_[i].answer_hash);
    index.prefetch_heads(expected_[i].asked.name);
  }
  std::array<const StoredAnswer*, net::kUdpGroup> answers{};
  for (std::size_t i = 0; i < packets.size(); ++i) {
    if (!is_looked_up(expected_[i])) continue;
    answers[i] = answers_.prefetch_answer(expected_[i].answer_hash);
    if (answers[i] == nullptr) index.prefetch_keys(expected_[i].asked.name);
  }
  for (std::size_t i = 0; i < packets.size(); ++i) {
    if (answers[i] != nullptr)
      AnswerCache::prefetch_octets(*answers[i]);
    else if (is_looked_up(expected_[i]))
      index.prefetch_longer_keys(expected_[i].asked.name);
  }
}

void Pipeline::fetch_zones(std::span<const Expected> questions) const {
  std::array<std::uint64_t, net::kUdpGroup> hashes;
  std::array<const zones::Node*, net::kUdpGroup> nodes{};
  for (std::size_t i = 0; i < questions.size(); ++i) {
    if (questions[i].zone == nullptr) continue;
    hashes[i] = wire::hash_lowered(questions[i].asked.name.whole());
    questions[i].zone->prefetch_bucket(hashes[i]);
  }
  for (std::size_t i = 0; i < questions.size(); ++i)
    if (questions[i].zone != nullptr) nodes[i] = questions[i].zone->prefetch_node(hashes[i]);
  for (const auto* node : nodes)
    if (node != nullptr) zones::Zone::prefetch_sets(*node);
  for (const auto* node : nodes)
    if (node != nullptr) zones::Zone::prefetch_rdatas(*node);
}

void Pipeline::read(wire::Bytes packet, std::uint16_t listener, Expected& expected) const {
  auto& asked = expected.asked;
  expected.packet = packet.data();
  expected.is_ordinary =
      asked.parse(packet) && asked.record_class == wire::RecordClass::in && !wire::is_meta(asked.type);
  expected.is_hashed = false;
  const auto* zones = zones_here_[listener].zones;
  expected.zone =
      zones != nullptr && expected.is_ordinary ? zones->find_lowered(asked.name.whole(), asked.type) : nullptr;
}

void Pipeline::make_hashes(Expected& expected) const {
  if (std::exchange(expected.is_hashed, true)) return;
  expected.answer_hash = answers_.hash_of(expected.key());
  expected.asked.name.make_hashes(snapshot_->index->seed(), snapshot_->index->most_labels());
}

Pipeline::Expected& Pipeline::expected(wire::Bytes packet, std::uint16_t listener) {
  while (expected_next_ < expected_end_)
    if (auto& next = expected_[expected_next_++]; next.packet == packet.data()) return next;
  read(packet, listener, expected_.back());
  return expected_.back();
}

/// Step 4.
Pipeline::Step Pipeline::quick_own(const zones::Zone& zone, const QuickTerms& terms, bool stream,
                                   std::span<std::uint8_t> reply) {
  const auto& options = snapshot_->options;
  if (options.own_zones_policy || !options.minimal_responses) return std::nullopt;
  const auto size = quick_plain(zone, terms, reply);
  if (!size || !quick_meter(terms, reply)) return std::nullopt;
  quick_count(stream, reply);
  counters_.zone_answers.add();
  return size;
}

Pipeline::Step Pipeline::quick_plain(const zones::Zone& zone, const QuickTerms& terms,
                                     std::span<std::uint8_t> reply) const {
  constexpr std::uint16_t kAa = 0x0400;
  const auto& asked = terms.asked;
  const auto plain = zones::plain_answer(zone, asked.name.whole(), asked.type, asked.dnssec_ok);
  if (!plain) return std::nullopt;
  const auto& set = plain->set != nullptr ? *plain->set : zone.soa();
  std::size_t records = 0, octets = 0;
  const auto add = [&](const zones::RdataRange& range) {
    for (const wire::Bytes rdata : range) {
      ++records;
      octets += 12 + rdata.size();
    }
  };
  add(set.rdatas());
  if (plain->signatures) add(set.signatures());
  if (plain->set == nullptr) octets += zone.origin().size();
  if (wire::kHeaderSize + asked.asked.size() + 4 + octets + terms.opt_size() > std::min(terms.limit, reply.size()))
    return std::nullopt;

  QuickWriter writer(reply.data());
  const auto rcode = plain->exists ? wire::Rcode::noerror : wire::Rcode::nxdomain;
  const auto flags = static_cast<std::uint16_t>(terms.flags(rcode) | kAa);
  if (plain->set != nullptr) {
    writer.begin(asked, flags, records, 0);
    const auto put = [&](wire::RecordType type, const zones::RdataRange& range) {
      for (const wire::Bytes rdata : range) {
        writer.asked_name();
        writer.fixed(type, set.ttl());
        writer.put16(rdata.size());
        writer.put(rdata);
      }
    };
    put(asked.type, set.rdatas());
    if (plain->signatures) put(wire::RecordType::rrsig, set.signatures());
  } else {
    writer.begin(asked, flags, 0, 1);
    const std::size_t origin = writer.end_of_question(asked, zone.origin());
    writer.fixed(wire::RecordType::soa, zone.negative_ttl());
    writer.soa(*set.rdatas().begin(), asked, zone.origin(), origin);
  }
  if (asked.edns) terms.put_opt(writer, snapshot_->options.udp_size);
  return writer.size();
}

/// What there is to know of a client under this snapshot.
void Pipeline::work_out(ClientFacts& facts) const {
  const auto& options = snapshot_->options;
  const auto& index = *snapshot_->index;
  facts.access = options.recursion_clients.find(facts.address);
  facts.exempt = options.limits.exempt.contains(facts.address);
  facts.view = views_.view_of(facts.listener, facts.address);
  facts.recursion = options.recursion && !zones_here_[facts.listener].exclusive && facts.access == Access::allow;
  using enum policy::Trigger;
  facts.judged = index.has(response_ip, facts.view) || index.has(nsdname, facts.view) || index.has(nsip, facts.view);
  const auto rate = facts.access == Access::allow ? options.limits.client_responses : options.limits.responses;
  facts.responses = rate == 0 ? 0 : share_of(rate);
  const bool makes_aaaa = !options.dns64.prefixes.empty() && options.dns64.clients.contains(facts.address);
  facts.quick =
      facts.access != Access::drop && options.limits.questions == 0 && !makes_aaaa && !index.has(client_ip, facts.view);
}

/// Steps 1 and 2. False: the full path must decide.
bool Pipeline::quick_admit(bool stream, QuickTerms& terms) const {
  const auto& options = snapshot_->options;
  const auto& asked = terms.asked;
  terms.verified = stream || terms.client.exempt;
  if (!asked.cookie.empty() && !options.cookie_secrets.empty()) {
    const auto check = check_cookie(asked.cookie, terms.client.address, options.cookie_secrets, now_);
    if (check.state != CookieState::good && asked.cookie.size() != kClientCookieSize) return false;
    terms.verified = terms.verified || check.state == CookieState::good;
    terms.has_cookie = true;
    terms.cookie = check.answer;
  }
  if (stream) {
    terms.limit = wire::kMaxMessageSize;
  } else if (asked.edns) {
    const std::size_t most =
        terms.verified ? options.udp_size : std::min<std::size_t>(options.udp_size, options.limits.unverified_size);
    terms.limit = std::clamp<std::size_t>(asked.udp_size, 512, std::max<std::size_t>(512, most));
  }
  return terms.verified || !options.cookies_required;
}

/// Step 5: the actions that are made of a few records.
Pipeline::Step Pipeline::quick_blocked(const policy::Match& match, const QuickTerms& terms,
                                       std::span<std::uint8_t> reply) const {
  using policy::Action;
  const auto& options = snapshot_->options;
  const auto& asked = terms.asked;
  if (asked.type == wire::RecordType::ds) return std::nullopt;  // may be the zone above's to answer
  const auto action = action_for(match.action, options, asked.dnssec_ok);
  if (action != Action::sinkhole && action != Action::nxdomain && action != Action::nodata) return std::nullopt;
  if (match.rule_name.is_root() || is_signalled(match, options)) return std::nullopt;
  const auto text = match.decision_id;
  if (text.size() > kMaxErrorText) return std::nullopt;
  const std::size_t error = kOptionHead + 2 + text.size();
  const auto ttl = policy_ttl(match, options, policy_now_);

  std::size_t records = 0;
  if (action == Action::sinkhole)
    for (const auto& address : options.notice_addresses) records += type_of(address) == asked.type;
  constexpr std::size_t kRecord = 12 + 16, kSoa = wire::kMaxNameSize + 10 + kPolicySoaSize;  // at most
  const std::size_t most =
      wire::kHeaderSize + asked.asked.size() + 4 + (records > 0 ? records * kRecord : kSoa) + terms.opt_size(error);
  if (most > std::min(terms.limit, reply.size())) return std::nullopt;

  QuickWriter writer(reply.data());
  writer.begin(asked, terms.flags(action == Action::nxdomain ? wire::Rcode::nxdomain : wire::Rcode::noerror), records,
               records == 0 ? 1 : 0);
  if (records > 0) {
    for (const auto& address : options.notice_addresses) {
      if (type_of(address) != asked.type) continue;
      writer.asked_name();
      writer.fixed(asked.type, ttl);
      writer.put16(address.bytes().size());
      writer.put(address.bytes());
    }
  } else {
    writer.end_of_question(asked, match.rule_name);
    writer.fixed(wire::RecordType::soa, ttl);
    writer.put16(kPolicySoaSize);
    writer.put(policy_soa(ttl));
  }
  if (asked.edns) {
    terms.put_opt(writer, options.udp_size, error);
    writer.put16(static_cast<std::uint16_t>(wire::OptionCode::extended_error));
    writer.put16(2 + text.size());
    writer.put16(static_cast<std::uint16_t>(match.extended_error));
    writer.put({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
  }
  return writer.size();
}

/// Steps 6 to 9: a whole answer, with what is this client's own put into its places.
Pipeline::Step Pipeline::quick_cached(const StoredAnswer& answer, const QuickTerms& terms,
                                      std::span<std::uint8_t> reply) const {
  const auto& asked = terms.asked;
  if (!answer.errors().empty() || answer.is_due(now_) || static_cast<std::uint16_t>(answer.rcode) > 15)
    return std::nullopt;
  if (answer.message().size() + terms.opt_size() > std::min(terms.limit, reply.size())) return std::nullopt;
  if ((answer.has_chain || terms.client.judged) && !is_clean(answer, terms.client.view)) return std::nullopt;
  const bool secure = answer.authenticated && (asked.authentic_data || asked.dnssec_ok) && !asked.checking_disabled;
  QuickWriter writer(reply.data());
  writer.copy(answer.message(), asked, static_cast<std::uint16_t>(terms.flags(answer.rcode) | (secure ? kAd : 0)));
  age_ttls(answer, now_, reply);
  if (asked.edns) terms.put_opt(writer, snapshot_->options.udp_size);
  return writer.size();
}

void Pipeline::quick_count(bool stream, std::span<const std::uint8_t> answer) {
  (stream ? counters_.tcp_questions : counters_.udp_questions).add();
  counters_.answers[answer[3] & 0x0fU].add();
}

/// Step 9. False where a limit is reached: the full path says what becomes of the answer.
bool Pipeline::quick_meter(const QuickTerms& terms, std::span<const std::uint8_t> answer) {
  if (terms.verified || terms.client.responses == 0) return true;
  return responses_.take(network_key(terms.client.address, response_class(answer)), milliseconds_,
                         terms.client.responses);
}

}  // namespace placard::serve
