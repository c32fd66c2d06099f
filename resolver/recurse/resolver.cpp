// The life of a question: link by link along its chain of aliases, each link from the cache, or fetched; where that
// fails, from what has expired.
#include "resolver/recurse/resolver.hpp"

#include <algorithm>
#include <cassert>

#include "resolver/recurse/engine.hpp"
#include "resolver/validate/sentinel.hpp"

namespace placard::recurse {
namespace {

constexpr std::uint32_t kAgainSoon = 1;         // seconds that a stale answer stands for what still tries
constexpr Milliseconds kLeastForServers = 400;  // of a deadline, for the look-up of one name server's address

Resolved servfail(wire::EdeCode code, std::string text) {
  Resolved resolved;
  resolved.errors.push_back({code, std::move(text)});
  return resolved;
}

/// Adds the names whose aliases were followed to `seen`. One that was there already, if there is one.
std::optional<wire::Name> pass_links(const Fetched& fetched, const wire::Question& question,
                                     std::vector<wire::Name>& seen) {
  const bool asked_for = question.type == wire::RecordType::cname || question.type == wire::RecordType::any;
  for (const auto& entry : fetched.links) {
    if (entry->set.type != wire::RecordType::cname) continue;
    if (asked_for && fetched.complete && entry == fetched.links.back()) continue;  // an answer, not a link
    if (std::ranges::find(seen, entry->set.owner) != seen.end()) return entry->set.owner;
    seen.push_back(entry->set.owner);
  }
  if (!fetched.complete && std::ranges::find(seen, fetched.next) != seen.end()) return fetched.next;
  return std::nullopt;
}

/// Each set once: a DNAME may be passed again under another name.
void add_links(std::vector<EntryPointer>& answer, const std::vector<EntryPointer>& links) {
  for (const auto& link : links) {
    const bool again = link->set.type == wire::RecordType::dname && std::ranges::any_of(answer, [&](const auto& entry) {
                         return entry->set.type == link->set.type && entry->set.owner == link->set.owner;
                       });
    if (!again) answer.push_back(link);
  }
}

/// A DNAME that points to its own name makes of each name below it its own alias. That is what the zone says: there is
/// nothing behind it to follow, and nothing that could not be found.
bool made_from_itself(const std::vector<EntryPointer>& answer) {
  if (answer.size() < 2 || answer.back()->set.type != wire::RecordType::cname) return false;
  const auto& dname = (*(answer.end() - 2))->set;
  return dname.type == wire::RecordType::dname && wire::rdata_name(dname.type, *dname.rdatas.begin()) == dname.owner;
}

/// DNSSEC vouches for every part.
bool is_secure(const Fetched& fetched) {
  const auto secure = [](const EntryPointer& entry) { return entry->security == validate::Security::secure; };
  if (fetched.stale || (fetched.links.empty() && !fetched.negative)) return false;
  return std::ranges::all_of(fetched.links, secure) && (!fetched.negative || secure(fetched.negative));
}

Asker on_behalf_of(Asker asker, Flight& flight) {
  asker.flight = &flight;
  return asker;
}

/// What a referral proved about a DS: good for the chain of trust, but who is told so without an SOA can't keep it
/// (RFC 2308 5, 6).
bool is_bare_denial(const wire::Question& question, const Fetched& link) {
  return question.type == wire::RecordType::ds && link.negative && link.negative->kind == CacheKind::nodata &&
         link.negative->set.rdatas.empty() && !link.negative->proof.empty();
}

}  // namespace

/// Counts every link, whether it came alone or in a row, from a server or from the cache: what becomes of a chain must
/// not depend on that. Each round adds a link or ends.
net::Task<Resolved> Resolver::State::resolve(wire::Question question, Asker asker) {
  Resolved resolved;
  bool authenticated = true;  // so far
  std::vector<wire::Name> seen;
  while (true) {
    const std::int64_t wall = network.wall_seconds();
    const Realm realm = asker.checking_disabled ? Realm::unchecked : Realm::checked;
    std::optional<Fetched> link = from_cache(question, wall, realm);
    asker.ahead = 0;
    if (link && traced(asker))
      note_text(asker, fmt::format("{} {}: from the cache: {}", question.name.to_text(), wire::to_text(question.type),
                                   explain(*link, wall)));
    if (link && refresh_at_of(*link) <= wall && !asker.cache_only) {
      if (asker.refreshing) {
        asker.ahead = left_of(*link, wall);
        link.reset();
      } else {
        start_refresh(question, asker, left_of(*link, wall));
      }
    }
    std::optional<Fetched> without_soa;
    if (link && !asker.cache_only && is_bare_denial(question, *link)) without_soa = std::exchange(link, std::nullopt);
    if (!link && realm == Realm::checked && !asker.refreshing) link = from_proofs(question);
    if (!link && asker.cache_only) {
      resolved.rcode = wire::Rcode::noerror;
      resolved.incomplete = true;
      co_return resolved;
    }
    if (!link) {
      const Milliseconds patience = patience_for(question, asker);
      auto fetching = fetch(question, asker, patience);
      const FetchedPointer fetched = co_await fetching;
      if (fetched) {
        link = *fetched;
      } else {
        link = failure(wire::EdeCode::other, "no time left while another resolution was asking", true);
        if (patience < asker.deadline) link->errors.clear();  // the work goes on, what is stale will do
        link->keep = kAgainSoon;
      }
    }
    if (link->failed && without_soa) link = std::move(without_soa);
    if (link->failed && !link->bogus) {
      if (auto stale = from_stale(question, network.wall_seconds(), realm)) {
        stale->errors.insert(stale->errors.end(), link->errors.begin(), link->errors.end());
        stale->keep = link->keep;
        link = std::move(stale);
        ++counters.stale_answers;
      }
    }
    resolved.errors.insert(resolved.errors.end(), link->errors.begin(), link->errors.end());
    if (link->failed) {
      resolved.rcode = wire::Rcode::servfail;
      resolved.bogus = link->bogus;
      resolved.authenticated = false;
      if (!link->bogus) resolved.led_to = std::move(resolved.answer);
      resolved.answer.clear();
      resolved.keep = link->keep;
      co_return resolved;
    }
    if (link->stale) resolved.keep = resolved.stale ? std::min(resolved.keep, link->keep) : link->keep;
    resolved.stale = resolved.stale || link->stale;
    resolved.refresh_at = resolved.stale ? Cache::kNoEnd : std::min(resolved.refresh_at, refresh_at_of(*link));
    resolved.authenticated = authenticated && is_secure(*link);
    authenticated = resolved.authenticated;
    resolved.stale_ttl = options.stale_ttl;
    add_links(resolved.answer, link->links);
    if (const auto circle = pass_links(*link, question, seen)) {
      if (made_from_itself(resolved.answer)) {
        resolved.rcode = wire::Rcode::noerror;
        co_return resolved;
      }
      co_return servfail(wire::EdeCode::other, "aliases in a circle at " + circle->to_text());
    }
    if (seen.size() > options.bounds.chain) {
      co_return servfail(wire::EdeCode::other, "a chain of too many aliases at " + question.name.to_text());
    }
    if (link->complete) {
      resolved.rcode = link->rcode;
      resolved.negative = link->negative;
      co_return resolved;
    }
    assert(!seen.empty() && !(seen.back() == link->next));  // an open link is an alias, and of another name
    question.name = link->next;
    if (never_ask(question.name)) {
      resolved.authenticated = false;
      resolved.rcode = wire::Rcode::nxdomain;
      co_return resolved;
    }
  }
}

/// Who can have a stale answer waits for a fresh one only so long (RFC 8767 5); the resolution goes on by itself.
Milliseconds Resolver::State::patience_for(const wire::Question& question, const Asker& asker) const {
  const Milliseconds until = asker.budget->started + options.stale_after;
  const bool may = asker.depth == 0 && !asker.refreshing && until < asker.deadline;
  const Realm realm = asker.checking_disabled ? Realm::unchecked : Realm::checked;
  return may && from_stale(question, network.wall_seconds(), realm) ? until : asker.deadline;
}

Asker Resolver::State::client_asker() const {
  Asker asker;
  asker.budget = std::make_shared<Budget>();
  asker.budget->started = network.now();
  asker.budget->questions = options.bounds.questions;
  asker.budget->glueless = options.bounds.glueless_total;
  asker.budget->means = options.validation.bounds.question;
  asker.deadline = asker.budget->started + options.bounds.deadline;
  return asker;
}

/// Joins the flight for the question, or starts it. Null when it has not landed by then: it goes on.
net::Task<FetchedPointer> Resolver::State::fetch(wire::Question question, Asker asker, Milliseconds patience) {
  FlightKey key;
  key.name = question.name;
  key.type = question.type;
  key.checking_disabled = asker.checking_disabled;
  key.trace = asker.budget->trace.get();
  for (bool again = false;; again = true) {
    std::shared_ptr<Flight> flight = flights.find(key);
    const bool mine = !flight;
    if (mine) {
      if (flights.size() >= options.bounds.in_flight) {
        auto full = std::make_shared<Fetched>(failure(wire::EdeCode::other, "too many resolutions in flight", true));
        full->overloaded = true;
        co_return full;
      }
      flight = std::make_shared<Flight>();
      flight->key = key;
      flight->asker = on_behalf_of(asker, *flight);
      flight->started = network.now();
      flights.add(flight);
    } else if (Waiter::closes_circle(*flight, asker.flight)) {
      co_return std::make_shared<const Fetched>(
          failure(wire::EdeCode::other, "name servers in a circle at " + question.name.to_text(), true));
    }
    if (!mine && patience < asker.deadline) patience = std::min(patience, flight->started + options.stale_after);
    Waiter waiter(flights, flight, asker.flight, patience);
    if (mine) flights.start(fly(flight));
    FetchedPointer fetched = co_await waiter.landed;
    // Somebody else's means ran out, not ours.
    const bool retry =
        !mine && !again && fetched && fetched->failed && fetched->out_of_means && network.now() < asker.deadline;
    if (!retry) co_return fetched;
  }
}

/// Where an answer comes from when the cache has none: of a DS that validation wants, from what the referral said; from
/// forwarders; from the servers of the zone.
net::Task<Fetched> Resolver::State::work(Flight& flight) {
  const bool may_lack_soa = flight.asker.for_chain && checks(flight);
  if (flight.key.type == wire::RecordType::ds && may_lack_soa && !flight.key.name.view().is_root()) {
    auto looking = from_referral(flight);
    std::optional<Fetched> known = co_await looking;
    if (known) co_return *std::move(known);
  }
  const Forward* to = forward_for(flight.key.name);
  const bool forwarding = to && !to->stub && !has_local_below(flight, to->zone);
  auto working = forwarding ? forward(flight, *to) : iterate(flight);
  co_return co_await working;
}

/// A flight from start to landing. Failures of servers are remembered for a short while (RFC 9520); those that come
/// from the asker's bounds are remembered for a client's question only, because somebody else may have more means.
net::Task<void> Resolver::State::fly(std::shared_ptr<Flight> flight) {
  const Forward* to = forward_for(flight->key.name);
  auto working = work(*flight);
  auto fetched = std::make_shared<Fetched>(co_await working);
  if (fetched->failed && to && to->first && network.now() < flight->asker.deadline) {
    note(*flight, "the servers configured for {} failed: going on without them", to->zone);
    flight->without_configured = true;
    auto iterating = iterate(*flight);
    *fetched = co_await iterating;
  }
  const bool remember = fetched->failed && !fetched->overloaded &&
                        (!fetched->out_of_means || flight->asker.depth == 0) && !flight->asker.budget->trace;
  if (fetched->failed) {
    ++counters.failures;
    report(*flight, *fetched);
  }
  if (remember) {
    CacheEntry entry;
    if (!fetched->errors.empty()) entry.error = fetched->errors.front();
    entry.bogus = fetched->bogus;
    const bool unchecked = flight->key.checking_disabled;
    if (unchecked) entry.security = validate::Security::unchecked;
    wire::Question question;
    question.name = flight->key.name;
    question.type = flight->key.type;
    fetched->keep = fetched->bogus ? options.validation.bounds.bogus_ttl : options.bounds.failure_ttl;
    const Realm realm = unchecked ? Realm::unchecked : Realm::checked;
    if (!fetched->bogus && from_stale(question, network.wall_seconds(), realm))
      fetched->keep = std::max(fetched->keep, options.stale_recheck);
    cache->store_negative(CacheKind::failure, question.name, question.type, std::move(entry), fetched->keep,
                          network.wall_seconds());
  }
  flights.land(flight, fetched);
}

namespace {

/// An entry as an answer to the question; nothing when it is none.
std::optional<Fetched> as_answer(const EntryPointer& entry) {
  Fetched fetched;
  fetched.complete = true;
  switch (entry->kind) {
    case CacheKind::records:
      if (entry->credibility < Credibility::answer_no_aa) return std::nullopt;
      fetched.links.push_back(entry);
      return fetched;
    case CacheKind::nxdomain:
      fetched.rcode = wire::Rcode::nxdomain;
      [[fallthrough]];
    case CacheKind::nodata:
      fetched.negative = entry;
      if (entry->error) fetched.errors.push_back(*entry->error);
      return fetched;
    case CacheKind::failure:
      fetched.failed = true;
      fetched.bogus = entry->bogus;
      fetched.errors.push_back({wire::EdeCode::cached_error, {}});
      if (entry->error) fetched.errors.push_back(*entry->error);
      return fetched;
    case CacheKind::delegation:
    case CacheKind::no_cut:
      break;
  }
  return std::nullopt;
}

std::optional<Fetched> as_alias(const EntryPointer& cname) {
  if (!cname || cname->kind != CacheKind::records || cname->set.rdatas.empty()) return std::nullopt;
  const auto target = wire::rdata_name(wire::RecordType::cname, *cname->set.rdatas.begin());
  if (!target) return std::nullopt;
  Fetched fetched;
  fetched.links.push_back(cname);
  fetched.next = *target;
  return fetched;
}

/// The CNAME that a DNAME makes for this name (RFC 6672 2.2), with what is left of its time.
std::optional<Fetched> as_dname(const EntryPointer& dname, const wire::Question& question) {
  const wire::NameView name = question.name;
  const auto target = wire::rdata_name(wire::RecordType::dname, *dname->set.rdatas.begin());
  if (!target) return std::nullopt;
  Fetched fetched;
  fetched.links.push_back(dname);
  const auto made = wire::Name::concatenate(name, name.label_count() - dname->set.owner.view().label_count(), *target);
  if (!made) {
    fetched.complete = true;
    fetched.rcode = wire::Rcode::yxdomain;
    return fetched;
  }
  auto cname = std::make_shared<CacheEntry>();
  cname->credibility = dname->credibility;
  cname->security = dname->security;
  cname->set.owner = wire::Name(name);
  cname->set.type = wire::RecordType::cname;
  cname->set.ttl = dname->set.ttl;
  cname->set.rdatas.add(made->view().bytes());
  cname->stored_at = dname->stored_at;
  cname->expires_at = dname->expires_at;
  fetched.links.push_back(std::move(cname));
  fetched.next = *made;
  fetched.complete = question.type == wire::RecordType::cname;
  return fetched;
}

}  // namespace

std::optional<Fetched> Resolver::State::from_cache(const wire::Question& question, std::int64_t now,
                                                   Realm realm) const {
  if (wire::is_meta(question.type)) return std::nullopt;
  const Forward* to = forward_for(question.name);
  const wire::NameView top = to ? to->zone.view() : wire::NameView{};
  const auto alias = [&]() -> std::optional<Fetched> {
    const auto kept = cache->find(question.name, wire::RecordType::cname, now, question.name, realm);
    const bool good = kept && kept->fresh(now) && kept->credibility >= Credibility::answer_no_aa;
    return good ? as_alias(kept) : std::nullopt;
  };
  if (const auto dname = cache->find_dname(question.name, now, top)) {
    // One forged DNAME would redirect a whole zone: one that nobody vouches for is used for the names it was given for.
    auto made = as_dname(dname, question);
    if (made && dname->security == validate::Security::secure) return made;
    const auto given = alias();
    if (made && given && made->next == given->next) return made;
  }
  const auto entry = cache->find(question.name, question.type, now, top, realm);
  const bool fresh = entry && entry->fresh(now);
  if (fresh && entry->kind == CacheKind::failure && entry->bogus) return as_answer(entry);
  if (fresh && entry->kind != CacheKind::nxdomain && entry->kind != CacheKind::failure) {
    if (auto answer = as_answer(entry)) return answer;
  }
  if (question.type != wire::RecordType::cname) {
    if (auto link = alias()) return link;
  }
  if (!fresh) return std::nullopt;
  auto answer = as_answer(entry);
  if (answer && answer->failed) answer->keep = entry->ttl_at(now);
  return answer;
}

std::optional<Fetched> Resolver::State::from_stale(const wire::Question& question, std::int64_t now,
                                                   Realm realm) const {
  if (!options.serve_stale || wire::is_meta(question.type)) return std::nullopt;
  const auto kept = [&](wire::RecordType type) {
    EntryPointer entry = cache->find_stale(question.name, type);
    if (!entry && realm == Realm::unchecked) entry = cache->find_stale(question.name, type, realm);
    return entry && entry->expires_at + options.stale_for > now ? entry : nullptr;
  };
  const EntryPointer entry = kept(question.type);
  std::optional<Fetched> found;
  if (question.type != wire::RecordType::cname) {  // the last word counts, be it records, a denial or an alias
    const EntryPointer cname = kept(wire::RecordType::cname);
    if (cname && (!entry || cname->stored_at > entry->stored_at)) found = as_alias(cname);
  }
  if (!found && entry) found = as_answer(entry);
  if (!found || found->failed) return std::nullopt;
  found->stale = true;
  found->errors.push_back(
      {found->rcode == wire::Rcode::nxdomain ? wire::EdeCode::stale_nxdomain : wire::EdeCode::stale_answer, {}});
  return found;
}

/// The address of a name server: a resolution inside a resolution, with half of the time that is left, so that one dead
/// branch does not take the others' chance.
net::Task<bool> Resolver::State::look_up_address(Flight& flight, ServerList& list, wire::Name name) {
  Asker asker = flight.asker;
  asker.checking_disabled = validating();  // whom we ask need not be vouched for: what they say is checked
  ++asker.depth;
  const Milliseconds now = network.now();
  const Milliseconds left = asker.deadline > now ? asker.deadline - now : 0;
  asker.deadline = now + std::min(left, std::max(left / 2, kLeastForServers));
  --flight.asker.budget->glueless;
  if (never_ask(name)) co_return false;
  note(flight, "looking up the address of {}", name);
  bool found = false;
  for (const auto type : {wire::RecordType::a, wire::RecordType::aaaa}) {
    if (!(type == wire::RecordType::a ? options.ipv4 : options.ipv6)) continue;
    wire::Question question;
    question.name = name;
    question.type = type;
    auto resolving = resolve(question, asker);
    const Resolved resolved = co_await resolving;
    for (const auto& entry : resolved.answer) {
      found = list.add(entry->set) || found;
    }
    if (found || resolved.rcode != wire::Rcode::noerror) break;  // NXDOMAIN and SERVFAIL are so for AAAA too
  }
  co_return found;
}

Fetched failure(Outcome outcome) {
  Fetched fetched;
  fetched.failed = true;
  fetched.out_of_means = outcome.out_of_means;
  fetched.overloaded = outcome.overloaded;
  fetched.errors = std::move(outcome.errors);
  return fetched;
}

Fetched failure(wire::EdeCode code, std::string text, bool out_of_means) {
  Fetched fetched;
  fetched.failed = true;
  fetched.out_of_means = out_of_means;
  fetched.errors.push_back({code, std::move(text)});
  return fetched;
}

Resolver::State::State(ResolverOptions given, Network& network_given, std::shared_ptr<Cache> cache_given,
                       std::shared_ptr<ServerTable> servers_given)
    : options(std::move(given)),
      network(network_given),
      cache(std::move(cache_given)),
      servers(std::move(servers_given)),
      seed(std::uint64_t{network_given.random(~0U)} << 32U | network_given.random(~0U)),
      shares(seed),
      flights(network_given, seed + 1) {
  if (options.root_hints.empty()) options.root_hints = iana_root_hints();
  wire::RecordSet ns;
  ns.type = wire::RecordType::ns;
  auto entry = std::make_shared<CacheEntry>();
  entry->kind = CacheKind::delegation;
  std::vector<wire::Name> names;
  for (const auto& hint : options.root_hints) {
    auto at = std::ranges::find(names, hint.name);
    if (at == names.end()) {
      ns.rdatas.add(hint.name.view().bytes());
      names.push_back(hint.name);
      at = std::prev(names.end());
    }
    entry->glue.push_back({static_cast<std::uint16_t>(at - names.begin()), hint.address});
  }
  entry->set = std::move(ns);
  hints = std::move(entry);
}

Resolver::Resolver(ResolverOptions options, Network& network, std::shared_ptr<Cache> cache,
                   std::shared_ptr<ServerTable> servers)
    : state_(std::make_unique<State>(std::move(options), network, std::move(cache), std::move(servers))) {}
Resolver::~Resolver() = default;

net::Task<Resolved> Resolver::resolve(ResolveRequest request) {
  State& state = *state_;
  ++state.counters.resolutions;
  if (request.question.record_class != wire::RecordClass::in) {
    co_return servfail(wire::EdeCode::not_supported, "only class IN is resolved");
  }
  if (wire::is_meta(request.question.type) && request.question.type != wire::RecordType::any) {
    co_return servfail(wire::EdeCode::invalid_query_type, wire::to_text(request.question.type));
  }
  Asker asker = state.client_asker();
  asker.budget->trace = request.trace;
  asker.refreshing = request.refresh;
  if (request.patience > 0) asker.deadline = std::min(asker.deadline, asker.budget->started + request.patience);
  asker.checking_disabled = request.checking_disabled && state.validating();
  asker.cache_only = request.cache_only;
  auto resolving = state.resolve(request.question, asker);
  Resolved resolved = co_await resolving;
  const bool sentinel =
      resolved.authenticated && !request.checking_disabled && state.validating() &&
      validate::sentinel_fails(request.question.name, request.question.type, *state.options.validation.anchors);
  if (sentinel) co_return servfail(wire::EdeCode::other, "the sentinel of a root key (RFC 8509)");
  co_return resolved;
}

EntryPointer Resolver::referral(const wire::Question& question) const {
  const bool parent_side = question.type == wire::RecordType::ds && !question.name.view().is_root();
  const wire::NameView name = parent_side ? question.name.view().parent() : question.name.view();
  auto entry = state_->cache->find_delegation(name, state_->network.wall_seconds());
  return entry ? entry : state_->hints;
}

void Resolver::set_local_zones(std::shared_ptr<const zones::ZoneSet> zones) {
  state_->local_zones = std::move(zones);
}

void Resolver::set_anchors(std::shared_ptr<const validate::Anchors> anchors) {
  state_->options.validation.anchors = std::move(anchors);
}

const ValidationCounters& Resolver::validation_counters() const {
  return state_->validation_counters;
}
const ResolverCounters& Resolver::counters() const {
  return state_->counters;
}
std::vector<Resolver::InFlight> Resolver::in_flight() const {
  return state_->flights.list();
}

std::vector<Resolved::Proof> Resolved::proofs() const {
  std::vector<Proof> proofs;
  const auto add = [&](const CacheEntry& entry) {
    for (const auto& set : entry.proof) {
      const auto same = [&](const Proof& known) {
        return known.set->type == set.type && known.set->owner == set.owner;
      };
      if (std::ranges::none_of(proofs, same)) proofs.push_back({&set, &entry});
    }
  };
  if (negative) add(*negative);
  for (const auto& entry : answer) add(*entry);
  return proofs;
}

std::uint32_t Resolved::ttl(std::int64_t now) const {
  if (stale || rcode == wire::Rcode::servfail) return keep;
  std::uint32_t least = negative ? negative->ttl_at(now) : ~0U;
  for (const auto& entry : answer) least = std::min(least, entry->ttl_at(now));
  return least == ~0U ? 0 : least;
}

}  // namespace placard::recurse
