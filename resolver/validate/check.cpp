#include "resolver/validate/check.hpp"

#include <algorithm>

namespace placard::validate {
namespace {

using wire::NameView;
using wire::RecordType;

class Checker {
 public:
  Checker(const Subject& subject, const Rules& rules, std::int64_t now, Means& means, Account* account)
      : subject_(subject), rules_(rules), now_(now), means_(means), account_(account) {}

  Findings run() {
    for (const auto& part : subject_.answer) check_answer(part);
    if (subject_.claim != Claim::answer) check_denial();
    findings_.proof_ttl = findings_.good_proof.empty() ? 0 : proof_ttl_;
    return std::move(findings_);
  }

 private:
  struct Checked {
    Verdict verdict;
    const KnownZone* zone = nullptr;  // whose key it was
    Signed how;
  };

  const KnownZone* known(NameView signer) const {
    const auto found = std::ranges::find_if(subject_.zones, [&](const KnownZone& zone) { return zone.zone == signer; });
    return found == subject_.zones.end() ? nullptr : &*found;
  }

  /// By the first of its signers that settles it; the deepest zone is tried first.
  Checked check_set_by_signers(const wire::RecordSet& set) {
    Checked checked;
    checked.verdict =
        bogus(wire::EdeCode::rrsigs_missing, "no signature of " + set.owner.to_text() + " " + wire::to_text(set.type));
    for (const NameView signer : signers_of(set)) {
      const KnownZone* const zone = known(signer);
      if (zone == nullptr) continue;
      checked.verdict = zone->verdict;
      if (zone->verdict.is(Security::secure))
        checked.verdict = check_set(set, *zone->keys, rules_, now_, means_, &checked.how, account_);
      checked.zone = zone;
      if (!checked.verdict.is(Security::bogus)) break;
    }
    return checked;
  }

  /// The proof's sets of that zone with good signatures; checked when first asked for.
  const std::vector<const wire::RecordSet*>& proof_of(NameView zone) {
    if (!proof_checked_) {
      proof_checked_ = true;
      for (const auto* set : subject_.proof) {
        const Checked checked = check_set_by_signers(*set);
        if (checked.verdict.is(Security::secure)) {
          // A denial made from a wildcard is none (RFC 4592 4.6: NSEC is never synthesised).
          if (checked.how.labels < wire::signed_labels(set->owner)) continue;
          findings_.good_proof.push_back(set);
          good_.push_back({set, checked.zone});
          proof_ttl_ = std::min(proof_ttl_, checked.how.ttl);
        } else if (!proof_problem_ || checked.verdict.is(Security::insecure)) {
          proof_problem_ = checked;
        }
      }
    }
    chosen_.clear();
    for (const auto& [set, signer] : good_) {
      if (signer->zone == zone) chosen_.push_back(set);
    }
    return chosen_;
  }

  void check_answer(const Part& part) {
    const auto& set = *part.set;
    std::uint32_t ttl = set.ttl;
    std::optional<std::uint8_t> wildcard;
    Verdict verdict;
    if (part.decided) {
      verdict = *part.decided;
    } else {
      const Checked checked = check_set_by_signers(set);
      verdict = checked.verdict;
      if (verdict.is(Security::secure)) {
        ttl = checked.how.ttl;
        if (checked.how.labels < wire::signed_labels(set.owner)) wildcard = checked.how.labels;
        if (wildcard) verdict = check_wildcard(set, checked);
      }
    }
    findings_.answer.push_back(std::move(verdict));
    findings_.ttl.push_back(ttl);
    findings_.wildcard.push_back(wildcard);
  }

  Verdict check_wildcard(const wire::RecordSet& set, const Checked& checked) {
    const auto& proof = proof_of(checked.zone->zone);
    const Denials denials(checked.zone->zone, proof, rules_);
    return denials.wildcard(set.owner, checked.how.labels, means_).verdict;
  }

  void check_denial() {
    findings_.denial_ttl = subject_.soa ? subject_.soa->set->ttl : 0;
    if (subject_.denial_decided) {
      findings_.denial = *subject_.denial_decided;
      return;
    }
    findings_.denial = bogus(wire::EdeCode::nsec_missing,
                             "no proof that denies " + subject_.end.to_text() + " " + wire::to_text(subject_.type));
    bool tried = false;
    for (const auto& zone : subject_.zones) {
      if (!subject_.end.view().is_subdomain_of(zone.zone)) continue;
      const auto& proof = proof_of(zone.zone);
      const Denials denials(zone.zone, proof, rules_);
      if (denials.empty()) continue;
      tried = true;
      if (try_zone(denials)) break;
    }
    if (!tried && proof_problem_) findings_.denial = proof_problem_->verdict;
    if (findings_.denial.is(Security::secure)) check_soa();
    if (!findings_.good_proof.empty()) {
      findings_.denial_ttl = subject_.soa ? std::min(findings_.denial_ttl, proof_ttl_) : proof_ttl_;
    }
  }

  /// True: settled.
  bool try_zone(const Denials& denials) {
    const bool nxdomain = subject_.claim == Claim::nxdomain;
    Proof proof =
        nxdomain ? denials.nxdomain(subject_.end, means_) : denials.nodata(subject_.end, subject_.type, means_);
    if (nxdomain && proof.verdict.is(Security::bogus)) {
      Proof other = denials.nodata(subject_.end, subject_.type, means_);
      if (other.verdict.is(Security::secure)) {
        findings_.exists_after_all = true;
        proof = std::move(other);
      }
    }
    findings_.denial = std::move(proof.verdict);
    findings_.unsigned_cut = proof.unsigned_cut;
    return !findings_.denial.is(Security::bogus);
  }

  void check_soa() {
    if (!subject_.soa) return;
    const Verdict verdict =
        subject_.soa->decided ? *subject_.soa->decided : check_set_by_signers(*subject_.soa->set).verdict;
    if (verdict.is(Security::bogus)) findings_.denial = verdict;
  }

  const Subject& subject_;
  const Rules& rules_;
  const std::int64_t now_;
  Means& means_;
  Account* const account_;
  Findings findings_;
  bool proof_checked_ = false;
  std::vector<std::pair<const wire::RecordSet*, const KnownZone*>> good_;
  std::vector<const wire::RecordSet*> chosen_;
  std::optional<Checked> proof_problem_;
  std::uint32_t proof_ttl_ = ~0U;
};

}  // namespace

std::vector<NameView> signers_of(const wire::RecordSet& set) {
  const bool above = set.type == RecordType::ds && !set.owner.view().is_root();
  const NameView lowest = above ? set.owner.view().parent() : set.owner.view();
  std::vector<NameView> signers;
  std::size_t seen = 0;
  for (const auto rdata : set.signatures) {
    if (++seen > kMaxSignatures * 2) break;
    const auto rrsig = wire::parse_rrsig(rdata);
    if (!rrsig || rrsig->covered != set.type || !lowest.is_subdomain_of(rrsig->signer)) continue;
    if (std::ranges::find(signers, rrsig->signer) == signers.end()) signers.push_back(rrsig->signer);
  }
  std::ranges::sort(signers, [](NameView a, NameView b) { return a.label_count() > b.label_count(); });
  return signers;
}

Findings check(const Subject& subject, const Rules& rules, std::int64_t now, Means& means, Account* account) {
  return Checker(subject, rules, now, means, account).run();
}

}  // namespace placard::validate
