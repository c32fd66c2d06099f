#include "zones/sign.hpp"

#include <xxhash.h>

#include <algorithm>
#include <cassert>
#include <limits>
#include <vector>

#include "zones/serial.hpp"
#include "zones/wire/octets.hpp"

namespace placard::zones {
namespace {

using wire::Bytes;
using wire::Name;
using wire::NameView;
using wire::RecordType;
using Done = std::expected<void, std::string>;
using Types = std::vector<RecordType>;

constexpr std::uint32_t kClockSkew = 3'600;  // seconds: validators whose clocks are slow by less take new signatures
constexpr std::uint32_t kBatches = 168;      // what is due within such a part of a signature's use is made at once
constexpr std::uint32_t kSpread = 4;  // lifetimes differ by up to such a part of it, so that not all lapse at once
constexpr std::uint8_t kNsec3Fixed[] = {wire::kNsec3Sha1, 0, 0, 0, 0};  // flags, iterations, no salt (RFC 9276 3.1)

/// DNSKEY and what asks the parent for it stand at the apex only; elsewhere these types are data like any other.
bool is_replaced(RecordType type, bool apex) {
  using enum RecordType;
  const bool at_apex = type == dnskey || type == cds || type == cdnskey || type == zonemd || type == nsec3param;
  return type == rrsig || type == nsec || type == nsec3 || (apex && at_apex);
}

RdataRange range_of(const wire::RdataList& list) {
  return {list.packed().data(), list.packed().size()};
}

bool is_same_set(RdataRange a, RdataRange b) {
  if (a.size != b.size) return false;
  if (std::equal(a.first, a.first + a.size, b.first)) return true;
  const auto sorted = [](RdataRange range) {
    std::vector<Bytes> all(range.begin(), range.end());
    std::ranges::sort(all, [](Bytes x, Bytes y) { return std::ranges::lexicographical_compare(x, y); });
    return all;
  };
  return std::ranges::equal(sorted(a), sorted(b), [](Bytes x, Bytes y) { return std::ranges::equal(x, y); });
}

/// By bisection: Zone::find() does not know the owners of NSEC3.
const Node* node_at(const Zone& zone, NameView owner) {
  const auto nodes = zone.nodes();
  const auto found = std::lower_bound(nodes.begin(), nodes.end(), owner, [](const Node& node, NameView name) {
    return canonical_order(node.name(), name) < 0;
  });
  return found != nodes.end() && found->name() == owner ? &*found : nullptr;
}

class ZoneSigner {
 public:
  ZoneSigner(const Zone& source, const Zone* before, const ZoneKeys& keys, const SigningPolicy& policy,
             std::int64_t now)
      : source_(source),
        before_(before),
        keys_(keys),
        policy_(policy),
        now_(now),
        span_(policy.lifetime - policy.refresh),
        due_(now + policy.refresh + std::max(span_ / kBatches, 1U)),
        first_lapse_(now + policy.lifetime),
        builder_(source.origin()) {
    for (const auto& key : keys.all()) {
      if (key.role == KeyRole::ksk) key_signers_.push_back(&key);
      if (keys.signs(key, now)) zone_signers_.push_back(&key);
    }
    // A signature tells only the tag of its key: those of a key that `before` does not name may be another's.
    const StoredSet* known = before != nullptr ? before->apex().find(RecordType::dnskey) : nullptr;
    for (const auto& key : keys.all())
      if (known != nullptr && std::ranges::any_of(known->rdatas().begin(), known->rdatas().end(),
                                                  [&](Bytes rdata) { return std::ranges::equal(rdata, key.dnskey); }))
        known_.push_back(&key);
  }

  std::expected<SignedVersion, std::string> run() {
    assert(policy_.refresh < policy_.lifetime && !key_signers_.empty() && !zone_signers_.empty());
    for (const Node& node : source_.nodes())
      if (auto put = put_name(node); !put) return std::unexpected(put.error());
    if (auto put = policy_.nsec3 ? put_nsec3() : put_nsec(); !put) return std::unexpected(put.error());
    if (auto put = put_soa(); !put) return std::unexpected(put.error());
    SignedVersion out;
    out.made = made_;
    out.kept = kept_;
    out.next_at = std::min(first_lapse_ - policy_.refresh, keys_.next_at(now_, policy_.keys));
    if (!changed_) return out;
    auto zone = builder_.build();
    if (!zone) return std::unexpected(zone.error().reason);
    out.zone = *std::move(zone);
    return out;
  }

 private:
  /// A name with authority, for the chain that denies all others.
  struct Owner {
    NameView name;
    std::uint32_t first_type, type_count;  // in types_
    bool has_signatures;                   // apart from its NSEC's
  };
  using Signers = std::vector<const ZoneKey*>;

  Done put_name(const Node& node) {
    if (node.is_hashed_name()) return {};
    const bool apex = node.name() == source_.origin();
    const Node* cut = source_.cut_of(node);
    const bool below = cut != nullptr && cut != &node;
    Owner owner{node.name(), static_cast<std::uint32_t>(types_.size()), 0, false};
    for (const StoredSet& set : node.sets()) {
      if (is_replaced(set.type(), apex)) continue;
      const bool here = cut == nullptr || (!below && set.type() == RecordType::ds);
      const bool listed = here || (!below && set.type() == RecordType::ns);
      if (listed) types_.push_back(set.type());
      owner.has_signatures |= here;
      if (apex && set.type() == RecordType::soa) continue;  // last, when its serial is known
      if (auto put = put_set(node.name(), set.type(), set.ttl(), set.rdatas(), here ? &zone_signers_ : nullptr); !put)
        return put;
    }
    if (apex)
      if (auto put = put_keys(); !put) return put;
    owner.type_count = static_cast<std::uint32_t>(types_.size()) - owner.first_type;
    if (owner.type_count > 0) owners_.push_back(owner);
    return {};
  }

  Done put_keys() {
    wire::RdataList dnskeys, cds;
    for (const auto& key : keys_.all()) dnskeys.add(key.dnskey);
    types_.push_back(RecordType::dnskey);
    if (auto put = put_made(source_.origin(), RecordType::dnskey, policy_.keys.dnskey_ttl, dnskeys, key_signers_); !put)
      return put;
    if (const ZoneKey* wanted = keys_.wanted_ds(now_)) {
      wire::RdataList cdnskey;
      cds.add(wire::make_ds_rdata(source_.origin(), wanted->dnskey));
      cdnskey.add(wanted->dnskey);
      types_.insert(types_.end(), {RecordType::cds, RecordType::cdnskey});
      if (auto put = put_made(source_.origin(), RecordType::cds, policy_.keys.dnskey_ttl, cds, key_signers_); !put)
        return put;
      if (auto put = put_made(source_.origin(), RecordType::cdnskey, policy_.keys.dnskey_ttl, cdnskey, key_signers_);
          !put)
        return put;
    }
    if (!policy_.nsec3) return {};
    wire::RdataList parameters;
    parameters.add(kNsec3Fixed);
    types_.push_back(RecordType::nsec3param);
    // TTL 0, as other signers have it: nobody but servers of the zone has a use for it.
    return put_made(source_.origin(), RecordType::nsec3param, 0, parameters, zone_signers_);
  }

  std::vector<std::uint8_t> bitmap(const Owner& owner, std::initializer_list<RecordType> more) const {
    Types types(types_.begin() + owner.first_type, types_.begin() + owner.first_type + owner.type_count);
    types.insert(types.end(), more);
    std::vector<std::uint8_t> out;
    wire::append_type_bitmap(types, out);
    return out;
  }

  Done put_nsec() {
    for (std::size_t i = 0; i < owners_.size(); ++i) {
      const NameView next = owners_[(i + 1) % owners_.size()].name;
      std::vector<std::uint8_t> rdata(next.bytes().begin(), next.bytes().end());
      const auto types = bitmap(owners_[i], {RecordType::rrsig, RecordType::nsec});
      rdata.insert(rdata.end(), types.begin(), types.end());
      wire::RdataList list;
      list.add(rdata);
      if (auto put = put_made(owners_[i].name, RecordType::nsec, source_.negative_ttl(), list, zone_signers_); !put)
        return put;
    }
    return {};
  }

  Done put_nsec3() {
    struct Hashed {
      wire::Nsec3Hash hash;
      const Owner* owner;  // null: an empty non-terminal
    };
    const auto parameters = wire::parse_nsec3param(kNsec3Fixed);
    assert(parameters);
    std::vector<Hashed> all;
    all.reserve(owners_.size());
    const std::size_t apex_labels = source_.origin().label_count();
    NameView before = source_.origin();
    for (const Owner& owner : owners_) {
      // In canonical order, an ancestor that was met already is one of the name before, too.
      const std::size_t labels = owner.name.label_count();
      std::size_t known = std::min(labels, before.label_count());
      while (!(before.suffix(known) == owner.name.suffix(known))) --known;
      for (std::size_t depth = std::max(known, apex_labels) + 1; depth < labels; ++depth)
        all.push_back({wire::nsec3_hash(owner.name.suffix(depth), *parameters), nullptr});
      all.push_back({wire::nsec3_hash(owner.name, *parameters), &owner});
      before = owner.name;
    }
    std::ranges::sort(all, {}, &Hashed::hash);
    if (std::ranges::adjacent_find(all, {}, &Hashed::hash) != all.end())
      return std::unexpected("two names of the zone have one NSEC3 hash");
    constexpr std::size_t kRoom = wire::kMaxNameSize - wire::kNsec3LabelSize - 1;
    if (source_.origin().size() > kRoom) return std::unexpected("too long a name for NSEC3");
    for (std::size_t i = 0; i < all.size(); ++i) {
      std::vector<std::uint8_t> rdata(std::begin(kNsec3Fixed), std::end(kNsec3Fixed));
      const auto& next = all[(i + 1) % all.size()].hash;
      rdata.push_back(wire::kNsec3HashSize);
      rdata.insert(rdata.end(), next.begin(), next.end());
      if (const Owner* owner = all[i].owner) {
        const auto types = owner->has_signatures ? bitmap(*owner, {RecordType::rrsig}) : bitmap(*owner, {});
        rdata.insert(rdata.end(), types.begin(), types.end());
      }
      wire::RdataList list;
      list.add(rdata);
      const Name name = wire::nsec3_owner(all[i].hash, source_.origin());
      if (auto put = put_made(name, RecordType::nsec3, source_.negative_ttl(), list, zone_signers_); !put) return put;
    }
    return {};
  }

  Done put_soa() {
    const auto& stored = source_.soa();
    auto soa = wire::parse_soa(*stored.rdatas().begin());
    assert(soa);
    const auto with_serial = [&](std::uint32_t serial) {
      soa->serial = serial;
      wire::RdataList list;
      list.add(wire::make_soa_rdata(*soa));
      return list;
    };
    const std::uint32_t wanted = source_.serial();
    if (before_ == nullptr) {
      changed_ = true;
      return put_made(source_.origin(), RecordType::soa, stored.ttl(), with_serial(wanted), zone_signers_);
    }
    std::size_t sets = 0;
    for (const Node& node : before_->nodes()) sets += node.sets().size();
    const bool other = changed_ || sets != matched_ + 1 || is_newer(wanted, before_->serial()) ||
                       before_->soa().ttl() != stored.ttl() ||
                       !is_same_set(range_of(with_serial(before_->serial())), before_->soa().rdatas());
    auto list = with_serial(before_->serial());
    if (!other && !needs_signatures(before_->soa())) {
      changed_ = false;
      return put_made(source_.origin(), RecordType::soa, stored.ttl(), list, zone_signers_);
    }
    changed_ = true;
    list = with_serial(is_newer(wanted, before_->serial()) ? wanted : next_serial(before_->serial()));
    return put_made(source_.origin(), RecordType::soa, stored.ttl(), list, zone_signers_);
  }

  bool needs_signatures(const StoredSet& set) const {
    const auto count = static_cast<std::size_t>(std::distance(set.signatures().begin(), set.signatures().end()));
    return count != zone_signers_.size() || std::ranges::any_of(zone_signers_, [&](const ZoneKey* key) {
             return !std::ranges::any_of(std::vector<Bytes>(set.signatures().begin(), set.signatures().end()),
                                         [&](Bytes rdata) { return is_good(rdata, set.ttl(), *key); });
           });
  }

  Done put_made(NameView owner, RecordType type, std::uint32_t ttl, const wire::RdataList& rdatas,
                const Signers& signers) {
    return put_set(owner, type, ttl, range_of(rdatas), &signers);
  }

  /// `signers`: null where the zone has no authority.
  Done put_set(NameView owner, RecordType type, std::uint32_t ttl, RdataRange rdatas, const Signers* signers) {
    for (const Bytes rdata : rdatas)
      if (auto added = builder_.add(owner, type, ttl, rdata); !added) return added;
    const StoredSet* old = nullptr;
    if (before_ != nullptr)
      if (const Node* node = node_at(*before_, owner)) old = node->find(type);
    const bool same = old != nullptr && old->ttl() == ttl && is_same_set(rdatas, old->rdatas());
    if (old != nullptr && type != RecordType::soa) ++matched_;
    changed_ |= !same;
    std::size_t old_signatures = 0;
    if (old != nullptr)
      old_signatures = static_cast<std::size_t>(std::distance(old->signatures().begin(), old->signatures().end()));
    const std::size_t kept_before = kept_;
    if (signers != nullptr)
      for (const ZoneKey* key : *signers)
        if (auto put = put_signature(owner, type, ttl, rdatas, same ? old : nullptr, *key); !put) return put;
    changed_ |= kept_ - kept_before != old_signatures;
    return {};
  }

  Done put_signature(NameView owner, RecordType type, std::uint32_t ttl, RdataRange rdatas, const StoredSet* old,
                     const ZoneKey& key) {
    if (old != nullptr) {
      for (const Bytes rdata : old->signatures()) {
        if (!is_good(rdata, ttl, key)) continue;
        ++kept_;
        first_lapse_ = std::min(first_lapse_, lapse_of(*wire::parse_rrsig(rdata)));
        return builder_.add(owner, RecordType::rrsig, ttl, rdata);
      }
    }
    ++made_;
    changed_ = true;
    const auto rdata = make_signature(owner, type, ttl, rdatas, key);
    if (rdata.empty()) return std::unexpected("OpenSSL cannot sign with the key " + std::to_string(key.tag));
    return builder_.add(owner, RecordType::rrsig, ttl, rdata);
  }

  std::int64_t lapse_of(const wire::RrsigView& rrsig) const {
    return now_ + static_cast<std::int32_t>(rrsig.expiration - static_cast<std::uint32_t>(now_));
  }

  /// Made by this key, valid already, and not due yet.
  bool is_good(Bytes rdata, std::uint32_t ttl, const ZoneKey& key) const {
    const auto rrsig = wire::parse_rrsig(rdata);
    return rrsig && std::ranges::find(known_, &key) != known_.end() && rrsig->key_tag == key.tag &&
           rrsig->algorithm == key.key.algorithm() && rrsig->original_ttl == ttl && rrsig->signer == source_.origin() &&
           lapse_of(*rrsig) > due_ && lapse_of(*rrsig) <= now_ + policy_.lifetime &&
           static_cast<std::int32_t>(static_cast<std::uint32_t>(now_) - rrsig->inception) >= 0;
  }

  std::vector<std::uint8_t> make_signature(NameView owner, RecordType type, std::uint32_t ttl, RdataRange rdatas,
                                           const ZoneKey& key) {
    const std::uint64_t mixed = XXH3_64bits_withSeed(
        owner.bytes().data(), owner.size(), static_cast<std::uint64_t>(now_) << 16U | static_cast<std::uint64_t>(type));
    const std::int64_t lapse = now_ + policy_.lifetime - static_cast<std::int64_t>(mixed % (span_ / kSpread + 1));
    first_lapse_ = std::min(first_lapse_, lapse);
    std::vector<std::uint8_t> rdata(18);
    wire::store16(rdata.data(), static_cast<std::uint16_t>(type));
    rdata[2] = static_cast<std::uint8_t>(key.key.algorithm());
    rdata[3] = static_cast<std::uint8_t>(wire::signed_labels(owner));
    wire::store32(rdata.data() + 4, ttl);
    wire::store32(rdata.data() + 8, static_cast<std::uint32_t>(lapse));
    wire::store32(rdata.data() + 12, static_cast<std::uint32_t>(now_ - kClockSkew));
    wire::store16(rdata.data() + 16, key.tag);
    rdata.insert(rdata.end(), source_.origin().bytes().begin(), source_.origin().bytes().end());
    rdata.push_back(0);  // a signature's first octet, for the parser
    const auto view = wire::parse_rrsig(rdata);
    assert(view);
    wire::RecordSet set;
    set.owner = Name(owner);
    set.type = type;
    set.ttl = ttl;
    for (const Bytes each : rdatas) set.rdatas.add(each);
    const auto octets = wire::signed_octets(*view, set);
    assert(octets);
    const auto signature = key.key.sign(*octets);
    if (signature.empty()) return {};
    rdata.pop_back();
    rdata.insert(rdata.end(), signature.begin(), signature.end());
    return rdata;
  }

  const Zone& source_;
  const Zone* before_;
  const ZoneKeys& keys_;
  const SigningPolicy& policy_;
  std::int64_t now_;
  std::uint32_t span_;  // seconds of a signature's use before it is due
  std::int64_t due_;    // signatures that lapse by then are made anew
  std::int64_t first_lapse_;
  ZoneBuilder builder_;
  Signers key_signers_, zone_signers_, known_;  // known_: in the DNSKEY set of `before`
  std::vector<Owner> owners_;                   // in canonical order
  Types types_;                                 // of all owners, one behind the other
  bool changed_ = false;
  std::size_t made_ = 0, kept_ = 0, matched_ = 0;
};

}  // namespace

std::expected<SignedVersion, std::string> sign_zone(const Zone& source, const Zone* before, const ZoneKeys& keys,
                                                    const SigningPolicy& policy, std::int64_t now) {
  return ZoneSigner(source, before, keys, policy, now).run();
}

std::uint32_t longest_ttl(const Zone& zone, const SigningPolicy& policy) {
  std::uint32_t longest = std::max(policy.keys.dnskey_ttl, zone.negative_ttl());
  for (const Node& node : zone.nodes())
    for (const StoredSet& set : node.sets()) longest = std::max(longest, set.ttl());
  return longest;
}

}  // namespace placard::zones
