// The chain of trust (RFC 4035 5): from an anchor down to a zone's keys, or to where it ends on purpose.
//
// Its links are ordinary questions: the DS sets and DNSKEY sets of zones are fetched, validated and cached like any
// other data, so identical ones coalesce and what is known is never fetched again. Each step asks about a name that is
// strictly above the one before, so the way up ends at the anchor.
#include <fmt/core.h>

#include "resolver/recurse/engine.hpp"

namespace placard::recurse {
namespace {

using validate::Security;
using validate::Verdict;
using wire::NameView;
using wire::RecordType;

constexpr std::size_t kKeysMadeHere = 6;  // a roll-over of both keys has four

/// A link that could not be fetched or was bogus itself: the innermost reason is what a client wants to know.
Verdict broken(const Fetched& fetched, NameView zone, RecordType type) {
  for (const auto& error : fetched.errors) {
    if (error.code == wire::EdeCode::cached_error) continue;
    if (fetched.bogus) return validate::bogus(error.code, error.extra_text);
    const bool keys = type == RecordType::dnskey;
    return validate::bogus(keys ? wire::EdeCode::dnskey_missing : wire::EdeCode::dnssec_indeterminate,
                           fmt::format("no {} of {}: {}", wire::to_text(type), zone.to_text(),
                                       error.extra_text.empty() ? wire::to_text(error.code) : error.extra_text));
  }
  return validate::bogus(wire::EdeCode::dnssec_indeterminate,
                         fmt::format("no {} of {}", wire::to_text(type), zone.to_text()));
}

/// An anchor is somebody's will that a zone be signed: one that nothing can be verified with (its algorithm is unknown,
/// or no longer counts) fails what hangs on it, and does not become no anchor.
Verdict judge_anchor(const validate::Anchor& anchor, const validate::Rules& rules) {
  const Verdict verdict = validate::usable(anchor.vouchers, anchor.zone, rules);
  if (verdict.is(Security::secure)) return verdict;
  return validate::bogus(verdict.error.code, "no usable trust anchor: " + verdict.error.extra_text);
}

}  // namespace

/// A few keys are made here; many, which no honest zone has, where they delay nobody.
net::Task<std::shared_ptr<const validate::ZoneKeys>> Resolver::State::ready_keys(EntryPointer dnskeys) {
  if (auto known = key_ring.find(dnskeys)) {
    if (auto busy = key_ring.due_for_table(*known)) background.spawn(make_table(*std::move(busy)));
    co_return known;
  }
  using Keys = std::shared_ptr<const validate::ZoneKeys>;
  auto made = std::make_shared<Keys>();
  if (dnskeys->set.rdatas.size() <= kKeysMadeHere) {
    *made = key_ring.make(dnskeys, options.validation.rules);
  } else {
    auto working = network.work(
        [made, dnskeys, rules = options.validation.rules] { *made = validate::make_zone_keys(dnskeys->set, rules); });
    co_await working;
  }
  key_ring.keep(dnskeys, *made);
  co_return *made;
}

net::Task<void> Resolver::State::make_table(wire::PublicKey key) {
  auto working = network.work([key] { key.make_table(); });
  co_await working;
  if (!key_ring.has_place(key)) key.drop_table();
}

/// A question of validation's own: checked, from the cache where that knows.
net::Task<Fetched> Resolver::State::look_up(Flight& flight, wire::Name name, RecordType type) {
  wire::Question question;
  question.name = name;
  question.type = type;
  if (auto known = from_cache(question, network.wall_seconds(), Realm::checked)) co_return *std::move(known);
  Asker asker = flight.asker;
  asker.flight = &flight;
  asker.checking_disabled = false;
  asker.ahead = 0;
  asker.for_chain = true;
  auto fetching = fetch(question, asker, asker.deadline);
  const FetchedPointer fetched = co_await fetching;
  if (fetched) {
    flight.crowded = flight.crowded || fetched->overloaded;
    co_return *fetched;
  }
  co_return failure(wire::EdeCode::other, "no time left while another resolution was asking", true);
}

/// What an anchor or the parent says of `name`: a zone whose keys it vouches for, a delegation without DS, or no zone.
net::Task<Trust> Resolver::State::trust_at(Flight& flight, wire::Name name) {
  Trust trust;
  const auto* const anchor = options.validation.anchors->find(name, network.wall_seconds());
  if (anchor == nullptr) {
    trust.verdict = validate::insecure();
    co_return trust;
  }
  const auto& rules = options.validation.rules;
  if (anchor->zone == name) {
    trust.is_zone = true;
    trust.vouchers = anchor->vouchers;
    trust.verdict = judge_anchor(*anchor, rules);
    co_return trust;
  }
  auto looking = look_up(flight, name, RecordType::ds);
  const Fetched fetched = co_await looking;
  if (fetched.failed) {
    trust.verdict = broken(fetched, name, RecordType::ds);
    co_return trust;
  }
  if (fetched.negative) {
    trust.verdict = fetched.negative->security == Security::secure && !fetched.negative->unsigned_cut
                        ? validate::secure()
                        : validate::insecure();
    trust.exists = fetched.rcode != wire::Rcode::nxdomain;
    co_return trust;
  }
  if (fetched.links.empty()) {
    trust.verdict = validate::bogus(wire::EdeCode::dnssec_indeterminate, "no DS of " + name.to_text());
    co_return trust;
  }
  const CacheEntry& entry = *fetched.links.back();
  if (entry.security != Security::secure) {
    trust.verdict = validate::insecure();
  } else if (fetched.complete && entry.set.type == RecordType::ds) {
    trust.is_zone = true;
    trust.vouchers.ds = entry.set.rdatas;
    trust.verdict = validate::usable(trust.vouchers, name, rules);
    note(flight, "DS of {}: secure", name);
  } else {
    trust.verdict = validate::secure();  // an alias: no zone begins here
  }
  co_return trust;
}

/// Whether data at `name` that nobody signed may be: insecure when a delegation without DS lies above it; secure when
/// it should have been signed. `hint`: a zone that a referral named; asking there first spares the names between.
net::Task<Verdict> Resolver::State::trust_in(Flight& flight, wire::Name name, wire::Name hint) {
  const auto* const anchor = options.validation.anchors->find(name, network.wall_seconds());
  if (anchor == nullptr) co_return validate::insecure();
  wire::Name zone = anchor->zone;
  const NameView full = name;
  if (Verdict known = judge_anchor(*anchor, options.validation.rules); !known.is(Security::secure)) co_return known;
  const bool use_hint = full.is_subdomain_of(hint) && hint.view().is_subdomain_of(zone) && !(hint == zone);
  if (use_hint) {
    auto trusting = trust_at(flight, hint);
    const Trust trust = co_await trusting;
    if (!trust.verdict.is(Security::secure)) co_return trust.verdict;
    if (trust.is_zone) zone = hint;
  }
  for (std::size_t labels = zone.view().label_count() + 1; labels <= full.label_count(); ++labels) {
    auto trusting = trust_at(flight, wire::Name(full.suffix(labels)));
    const Trust trust = co_await trusting;
    if (!trust.verdict.is(Security::secure)) co_return trust.verdict;
    if (!trust.exists) break;
  }
  co_return validate::secure();
}

/// The keys of a zone that signed something.
net::Task<validate::KnownZone> Resolver::State::keys_of(Flight& flight, wire::Name zone) {
  validate::KnownZone known;
  known.zone = zone;
  auto trusting = trust_at(flight, zone);
  const Trust trust = co_await trusting;
  known.verdict = trust.verdict;
  if (!trust.verdict.is(Security::secure)) co_return known;
  if (!trust.is_zone) {
    known.verdict = validate::bogus(wire::EdeCode::dnssec_bogus, zone.to_text() + " is no zone that could sign");
    co_return known;
  }
  if (flight.key.type == RecordType::dnskey && flight.key.name == zone) {  // this very question is about them
    known.verdict = validate::bogus(wire::EdeCode::dnskey_missing, zone.to_text() + " has a DS and no DNSKEY");
    co_return known;
  }
  auto looking = look_up(flight, zone, RecordType::dnskey);
  const Fetched fetched = co_await looking;
  if (fetched.failed) {
    known.verdict = broken(fetched, zone, RecordType::dnskey);
    co_return known;
  }
  const EntryPointer entry = fetched.links.empty() ? nullptr : fetched.links.back();
  if (!entry || entry->set.type != RecordType::dnskey || !(entry->set.owner == zone)) {
    known.verdict = validate::bogus(wire::EdeCode::dnskey_missing, zone.to_text() + " has a DS and no DNSKEY");
  } else if (entry->security != Security::secure) {
    known.verdict = validate::insecure();
  } else {
    auto making = ready_keys(entry);
    known.keys = co_await making;
  }
  co_return known;
}

}  // namespace placard::recurse
