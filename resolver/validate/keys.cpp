#include "resolver/validate/keys.hpp"

#include <fmt/chrono.h>
#include <fmt/core.h>

#include <algorithm>

namespace placard::validate {
namespace {

using wire::EdeCode;

constexpr std::uint8_t kProtocol = 3;  // RFC 4034 2.1.2

bool counts(wire::Algorithm algorithm, const Rules& rules) {
  const bool sha1 = algorithm == wire::Algorithm::rsasha1 || algorithm == wire::Algorithm::rsasha1_nsec3;
  return wire::is_known(algorithm) && (rules.rsasha1 || !sha1);
}

/// RFC 1982: `a` is later than `b`.
bool later(std::uint32_t a, std::uint32_t b) {
  return static_cast<std::int32_t>(a - b) > 0;
}

/// The times of a signature (RFC 4035 5.3.1). Nothing: it is valid now.
std::optional<wire::ExtendedError> judge_time(const wire::RrsigView& rrsig, const Rules& rules, std::int64_t now) {
  const auto at = static_cast<std::uint32_t>(now);
  if (later(rrsig.inception, rrsig.expiration))
    return wire::ExtendedError{EdeCode::signature_expired_before_valid, "expires before it is valid"};
  const std::uint32_t skew = std::clamp((rrsig.expiration - rrsig.inception) / 10, rules.skew_min, rules.skew_max);
  if (later(at - skew, rrsig.expiration))
    return wire::ExtendedError{EdeCode::signature_expired, "expired at " + signature_time(rrsig.expiration)};
  if (later(rrsig.inception, at + skew))
    return wire::ExtendedError{EdeCode::signature_not_yet_valid, "valid from " + signature_time(rrsig.inception)};
  return std::nullopt;
}

std::string describe(const wire::RecordSet& set) {
  return set.owner.to_text() + " " + wire::to_text(set.type);
}

/// Which of several reasons says most: a signature that is wrong more than one that is old, both more than none.
int weight(EdeCode code) {
  switch (code) {
    case EdeCode::signature_expired:
    case EdeCode::signature_not_yet_valid:
    case EdeCode::signature_expired_before_valid:
      return 3;
    case EdeCode::dnssec_bogus:
      return 2;
    case EdeCode::dnskey_missing:
      return 1;
    default:
      return 0;
  }
}
void blame(wire::ExtendedError& known, wire::ExtendedError found) {
  if (weight(found.code) > weight(known.code)) known = std::move(found);
}

void tell(Account* account, const wire::RecordSet& set, const wire::RrsigView& rrsig, std::string_view outcome) {
  if (account == nullptr || !account->wanted()) return;
  account->lines.push_back(fmt::format("{}: signature by key {} ({}) of {}, valid {} to {}: {}", describe(set),
                                       rrsig.key_tag, wire::to_text(rrsig.algorithm), rrsig.signer.to_text(),
                                       signature_time(rrsig.inception), signature_time(rrsig.expiration), outcome));
}

/// One signature with the keys that may have made it. True: one has.
bool verified(const wire::RecordSet& set, const wire::RrsigView& rrsig, const std::vector<const wire::PublicKey*>& keys,
              Means& means, std::size_t& failures) {
  for (const auto* key : keys) {
    if (means.verifications == 0 || failures >= kMaxFailures) return false;
    --means.verifications;
    if (wire::verify_signature(*key, rrsig, set)) return true;
    ++failures;
  }
  return false;
}

template <class KeysOf>
Verdict check_signatures(const wire::RecordSet& set, wire::NameView signer, const Rules& rules, std::int64_t now,
                         Means& means, Signed* result, Account* account, const KeysOf& keys_of) {
  wire::ExtendedError reason{EdeCode::rrsigs_missing, "no signature of " + describe(set)};
  std::size_t seen = 0, failures = 0;
  for (const wire::Bytes rdata : set.signatures) {
    const auto rrsig = wire::parse_rrsig(rdata);
    if (!rrsig || rrsig->covered != set.type || !(rrsig->signer == signer)) continue;
    const std::size_t labels = wire::signed_labels(set.owner);
    // A wildcard stands in the zone: of one above it, what this zone's keys say would be believed for its neighbours.
    if (rrsig->labels > labels || (rrsig->labels < labels && rrsig->labels < signer.label_count())) continue;
    if (!counts(rrsig->algorithm, rules)) continue;
    if (++seen > kMaxSignatures) break;
    if (auto error = judge_time(*rrsig, rules, now)) {
      tell(account, set, *rrsig, error->extra_text);
      error->extra_text = "signature of " + describe(set) + " " + error->extra_text;
      blame(reason, std::move(*error));
      continue;
    }
    const std::vector<const wire::PublicKey*> keys = keys_of(*rrsig);
    if (keys.empty()) {
      tell(account, set, *rrsig, "there is no such key");
      blame(reason, {EdeCode::dnskey_missing,
                     fmt::format("{} has no key {} that signed {}", signer.to_text(), rrsig->key_tag, describe(set))});
      continue;
    }
    if (verified(set, *rrsig, keys, means, failures)) {
      tell(account, set, *rrsig, "good");
      if (result != nullptr) {
        const std::int32_t left = static_cast<std::int32_t>(rrsig->expiration - static_cast<std::uint32_t>(now));
        result->labels = rrsig->labels;
        result->ttl = std::min({set.ttl, rrsig->original_ttl, static_cast<std::uint32_t>(std::max(left, 0))});
      }
      return secure();
    }
    tell(account, set, *rrsig, "does not verify");
    blame(reason, {EdeCode::dnssec_bogus, "signature of " + describe(set) + " does not verify"});
    if (means.verifications == 0 || failures >= kMaxFailures) break;
  }
  Verdict verdict = bogus(reason.code, std::move(reason.extra_text));
  verdict.out_of_means = means.verifications == 0;
  return verdict;
}

/// A DNSKEY that may be used at all; the reason when not.
std::optional<wire::DnskeyView> usable_key(wire::Bytes rdata, const Rules& rules) {
  const auto key = wire::parse_dnskey(rdata);
  if (!key || !key->is_zone_key() || key->is_revoked() || key->protocol != kProtocol || !counts(key->algorithm, rules))
    return std::nullopt;
  return key;
}

/// RFC 4509 3: with a better digest at hand, SHA-1 does not count.
bool has_better_than_sha1(const Vouchers& vouchers, const Rules& rules) {
  return std::ranges::any_of(vouchers.ds, [&](wire::Bytes rdata) {
    const auto ds = wire::parse_ds(rdata);
    return ds && counts(ds->algorithm, rules) && wire::is_known(ds->digest_type) &&
           ds->digest_type != wire::Digest::sha1;
  });
}

/// The rdatas of `dnskeys` that something vouches for. `reason` gets what was wrong with those that came close.
std::vector<wire::Bytes> vouched_for(const wire::RecordSet& dnskeys, const Vouchers& vouchers, const Rules& rules,
                                     wire::ExtendedError& reason) {
  const bool no_sha1 = has_better_than_sha1(vouchers, rules);
  const std::string zone = dnskeys.owner.to_text();
  std::vector<wire::Bytes> found;
  std::size_t looked_at = 0;
  for (const wire::Bytes rdata : dnskeys.rdatas) {
    if (++looked_at > kMaxKeys) break;
    const auto key = wire::parse_dnskey(rdata);
    if (!key) continue;
    const std::uint16_t tag = wire::key_tag(rdata);
    bool vouched =
        std::ranges::any_of(vouchers.dnskey, [&](wire::Bytes own) { return std::ranges::equal(own, rdata); });
    std::size_t compared = 0;
    for (const wire::Bytes own : vouchers.ds) {
      const auto ds = wire::parse_ds(own);
      if (vouched || ++compared > kMaxDs) break;
      if (!ds || ds->key_tag != tag || ds->algorithm != key->algorithm) continue;
      if (no_sha1 && ds->digest_type == wire::Digest::sha1) continue;
      vouched = wire::ds_matches(*ds, dnskeys.owner, rdata);
      if (!vouched)
        reason = {EdeCode::dnssec_bogus, fmt::format("the DS of {} has another digest of key {}", zone, tag)};
    }
    if (!vouched) continue;
    if (!key->is_zone_key()) {
      reason = {EdeCode::no_zone_key_bit, fmt::format("key {} of {} is no zone key", tag, zone)};
    } else if (key->is_revoked()) {
      reason = {EdeCode::dnskey_missing, fmt::format("key {} of {} is revoked", tag, zone)};
    } else if (key->protocol != kProtocol) {
      reason = {EdeCode::dnskey_missing, fmt::format("key {} of {} is for another protocol", tag, zone)};
    } else if (counts(key->algorithm, rules)) {
      found.push_back(rdata);
    }
  }
  return found;
}

}  // namespace

std::string signature_time(std::uint32_t time) {
  return fmt::format("{:%Y-%m-%d %H:%M:%S}", fmt::gmtime(static_cast<std::time_t>(time)));
}

std::string_view to_text(Security security) {
  switch (security) {
    case Security::unchecked:
      return "unchecked";
    case Security::insecure:
      return "insecure";
    case Security::secure:
      return "secure";
    case Security::bogus:
      return "bogus";
  }
  return "unknown";
}

Verdict secure() {
  return {Security::secure, {}, false};
}
Verdict insecure() {
  return {Security::insecure, {}, false};
}
Verdict bogus(EdeCode code, std::string text) {
  return {Security::bogus, {code, std::move(text)}, false};
}

std::shared_ptr<const ZoneKeys> make_zone_keys(const wire::RecordSet& dnskeys, const Rules& rules, KeyShelf* shelf) {
  auto made = std::make_shared<ZoneKeys>();
  made->zone = dnskeys.owner;
  for (const wire::Bytes rdata : dnskeys.rdatas) {
    if (made->keys.size() >= kMaxKeys) break;
    const auto view = usable_key(rdata, rules);
    if (!view) continue;
    auto key = shelf == nullptr ? wire::PublicKey::make(*view) : shelf->find_or_make(rdata);
    if (key) made->keys.push_back({wire::key_tag(rdata), std::move(*key)});
  }
  return made;
}

Verdict usable(const Vouchers& vouchers, wire::NameView zone, const Rules& rules) {
  for (const wire::Bytes rdata : vouchers.dnskey) {
    const auto key = wire::parse_dnskey(rdata);
    if (key && counts(key->algorithm, rules)) return secure();
  }
  wire::ExtendedError reason;
  for (const wire::Bytes rdata : vouchers.ds) {
    const auto ds = wire::parse_ds(rdata);
    if (!ds) continue;
    if (!counts(ds->algorithm, rules)) {
      reason = {EdeCode::unsupported_dnskey_algorithm,
                "DS of " + zone.to_text() + " with algorithm " + wire::to_text(ds->algorithm)};
    } else if (!wire::is_known(ds->digest_type)) {
      reason = {EdeCode::unsupported_ds_digest,
                "DS of " + zone.to_text() + " with digest type " + wire::to_text(ds->digest_type)};
    } else {
      return secure();
    }
  }
  return {Security::insecure, std::move(reason), false};
}

Verdict check_dnskeys(const wire::RecordSet& dnskeys, const Vouchers& vouchers, const Rules& rules, std::int64_t now,
                      Means& means, Account* account) {
  const std::string zone = dnskeys.owner.to_text();
  wire::ExtendedError reason{EdeCode::dnskey_missing, "no DNSKEY of " + zone + " matches its DS or trust anchor"};
  const auto vouched = vouched_for(dnskeys, vouchers, rules, reason);
  if (vouched.empty()) return bogus(reason.code, std::move(reason.extra_text));
  if (account != nullptr && account->wanted()) {
    for (const wire::Bytes rdata : vouched)
      account->lines.push_back(fmt::format("{} DNSKEY {}: matches {}", zone, wire::key_tag(rdata),
                                           vouchers.dnskey.empty() ? "a DS" : "a trust anchor"));
  }
  std::vector<ZoneKey> keys;
  for (const wire::Bytes rdata : vouched) {
    if (auto key = wire::PublicKey::make(*wire::parse_dnskey(rdata)))
      keys.push_back({wire::key_tag(rdata), std::move(*key)});
  }
  if (keys.empty()) return bogus(EdeCode::dnssec_bogus, "no usable key of " + zone);
  const ZoneKeys entry_points{dnskeys.owner, std::move(keys)};
  return check_set(dnskeys, entry_points, rules, now, means, nullptr, account);
}

Verdict check_set(const wire::RecordSet& set, const ZoneKeys& keys, const Rules& rules, std::int64_t now, Means& means,
                  Signed* result, Account* account) {
  if (!set.owner.view().is_subdomain_of(keys.zone))
    return bogus(EdeCode::dnssec_bogus, describe(set) + " is not in " + keys.zone.to_text());
  return check_signatures(set, keys.zone, rules, now, means, result, account, [&](const wire::RrsigView& rrsig) {
    std::vector<const wire::PublicKey*> fitting;
    for (const auto& key : keys.keys) {
      const bool fits = key.tag == rrsig.key_tag && key.key.algorithm() == rrsig.algorithm;
      if (fits && fitting.size() < kMaxSameTag) fitting.push_back(&key.key);
    }
    return fitting;
  });
}

}  // namespace placard::validate
