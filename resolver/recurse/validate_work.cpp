// The arithmetic of validation, off the answering thread: what a check needs goes in whole, what it found comes back,
// and the work is counted against the question's means, the second's, and the number of checks under way.
#include <fmt/core.h>

#include <algorithm>

#include "resolver/recurse/counted.hpp"
#include "resolver/recurse/engine.hpp"

namespace placard::recurse {
namespace {

using validate::Security;
using validate::Verdict;
using wire::RecordSet;
using wire::RecordType;

/// All that one check needs and brings, owned by itself: its thread may outlive who asked for it.
struct Job {
  Reply reply;
  validate::Subject subject;
  validate::Rules rules;
  std::int64_t now = 0;
  validate::Means means;
  validate::Account account;
  validate::Findings findings;
};

struct KeyJob {
  RecordSet set;
  validate::Vouchers vouchers;
  validate::Rules rules;
  validate::Means means;
  std::int64_t now = 0;
  validate::Account account;
  Verdict verdict;
};

}  // namespace

validate::Claim claim_of(const Reply& reply) {
  switch (reply.kind) {
    case ReplyKind::nxdomain:
      return validate::Claim::nxdomain;
    case ReplyKind::nodata:
    case ReplyKind::empty:
      return validate::Claim::nodata;
    default:
      return validate::Claim::answer;
  }
}

/// The verdict is not yet there in what comes back, only the parts' are; bogus and out of means where nothing was
/// checked.
net::Task<Judgement> Resolver::State::check_reply(Flight& flight, const wire::Question& question, Reply& reply,
                                                  std::vector<validate::KnownZone> zones, Undecided decided) {
  Judgement judgement;
  if (!may_verify()) {
    flight.crowded = true;
    judgement.verdict = validate::bogus(wire::EdeCode::other, "too much to validate at this moment");
    judgement.verdict.out_of_means = true;
    co_return judgement;
  }
  judgement.verdict = validate::secure();
  auto job = std::make_shared<Job>();
  job->reply = std::move(reply);
  auto& subject = job->subject;
  subject.claim = claim_of(job->reply);
  subject.end = job->reply.next;
  subject.type = question.type;
  for (std::size_t i = 0; i < job->reply.answer.size(); ++i)
    subject.answer.push_back({&job->reply.answer[i], decided[i]});
  subject.denial_decided = decided.back();
  if (subject.claim != validate::Claim::answer && job->reply.soa) subject.soa.emplace(&*job->reply.soa, std::nullopt);
  for (const auto& set : job->reply.proof) {
    if (set.type == RecordType::nsec || set.type == RecordType::nsec3) subject.proof.push_back(&set);
  }
  const bool nothing_signed = zones.empty();
  subject.zones = std::move(zones);
  job->rules = options.validation.rules;
  job->now = network.wall_seconds();
  job->means = means_for(flight);
  job->account.limit = traced(flight) ? kMaxTraceSteps : 0;
  const validate::Means given = job->means;
  std::function<void()> run = [job] {
    job->findings = validate::check(job->subject, job->rules, job->now, job->means, &job->account);
  };
  if (nothing_signed) {
    run();
  } else {
    const Counted counted(jobs);
    auto working = network.work(std::move(run));
    co_await working;
  }
  spend(flight, given, job->means);
  tell(flight, job->account);
  reply = std::move(job->reply);
  judgement.findings = std::move(job->findings);
  co_return judgement;
}

/// A DNSKEY set is checked with what vouches for it.
net::Task<Judgement> Resolver::State::validate_keys(Flight& flight, const Reply& reply) {
  Judgement judgement;
  const RecordSet& set = reply.answer.back();
  auto trusting = trust_at(flight, set.owner);
  Trust trust = co_await trusting;
  judgement.findings.ttl.push_back(set.ttl);
  judgement.findings.wildcard.emplace_back();
  judgement.verdict = trust.verdict;
  if (trust.verdict.is(Security::secure) && trust.is_zone) {
    auto job = std::make_shared<KeyJob>();
    job->set = set;
    job->vouchers = std::move(trust.vouchers);
    job->rules = options.validation.rules;
    job->means = means_for(flight);
    job->now = network.wall_seconds();
    job->account.limit = traced(flight) ? kMaxTraceSteps : 0;
    const validate::Means given = job->means;
    std::function<void()> run = [job] {
      job->verdict = validate::check_dnskeys(job->set, job->vouchers, job->rules, job->now, job->means, &job->account);
    };
    const Counted counted(jobs);
    auto working = network.work(std::move(run));
    co_await working;
    spend(flight, given, job->means);
    tell(flight, job->account);
    judgement.verdict = job->verdict;
    judgement.reply_at_fault = judgement.verdict.is(Security::bogus);
  } else if (trust.verdict.is(Security::secure)) {
    judgement.verdict = validate::bogus(wire::EdeCode::dnssec_bogus, set.owner.to_text() + " is no zone");
    judgement.reply_at_fault = true;
  }
  judgement.findings.answer.push_back(judgement.verdict);
  co_return judgement;
}

validate::Means Resolver::State::means_for(const Flight& flight) const {
  const auto& whole = flight.asker.budget->means;
  const auto& one = options.validation.bounds.reply;
  return {std::min(one.verifications, whole.verifications), std::min(one.hash_runs, whole.hash_runs)};
}

void Resolver::State::spend(Flight& flight, const validate::Means& given, const validate::Means& left) {
  auto& whole = flight.asker.budget->means;
  const std::uint32_t verified = given.verifications - left.verifications;
  const std::uint32_t hashed = given.hash_runs - left.hash_runs;
  whole.verifications -= std::min(whole.verifications, verified);
  whole.hash_runs -= std::min(whole.hash_runs, hashed);
  verified_in_it += verified;
  validation_counters.verifications += verified;
  validation_counters.hash_runs += hashed;
}

/// False when this second has seen enough verifications, or too many checks wait.
bool Resolver::State::may_verify() {
  if (const std::int64_t now = network.wall_seconds(); now != verifying_second) {
    verifying_second = now;
    verified_in_it = 0;
  }
  const auto& bounds = options.validation.bounds;
  const bool may = verified_in_it < bounds.per_second && jobs < bounds.jobs;
  if (!may) ++validation_counters.refused;
  return may;
}

void Resolver::State::tell(const Flight& flight, const validate::Account& account) {
  for (const auto& line : account.lines) note(flight, "{}", line);
}

}  // namespace placard::recurse
