#include "zones/zone_keys.hpp"

#include <algorithm>
#include <limits>

#include "zones/key_text.hpp"

namespace placard::zones {

using Done = std::expected<void, std::string>;

namespace {

constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();
constexpr int kTagTries = 100;

/// How long before its use a key must be published: until no cache has the DNSKEY set without it.
std::int64_t lead(const KeyPolicy& policy) {
  return std::int64_t{policy.dnskey_ttl} + policy.propagation;
}

}  // namespace

const ZoneKey* ZoneKeys::newest(KeyRole role) const {
  const ZoneKey* found = nullptr;
  for (const auto& key : keys_)
    if (key.role == role && key.remove_at == 0) found = &key;
  return found;
}

bool ZoneKeys::rolls_ksk() const {
  return std::ranges::count_if(keys_,
                               [](const ZoneKey& key) { return key.role == KeyRole::ksk && key.remove_at == 0; }) > 1;
}

bool ZoneKeys::signs(const ZoneKey& key, std::int64_t now) const {
  if (key.role != KeyRole::zsk) return false;
  // A clock that was set back must not leave the zone without any: then the first one signs.
  std::int64_t first = kNever;
  for (const auto& other : keys_)
    if (other.role == KeyRole::zsk && other.key.algorithm() == key.key.algorithm())
      first = std::min(first, other.active_at);
  now = std::max(now, first);
  if (key.active_at > now) return false;
  return std::ranges::none_of(keys_, [&](const ZoneKey& other) {
    return other.role == KeyRole::zsk && other.key.algorithm() == key.key.algorithm() && other.active_at <= now &&
           other.active_at > key.active_at;
  });
}

const ZoneKey* ZoneKeys::wanted_ds(std::int64_t now) const {
  const ZoneKey* found = nullptr;
  for (const auto& key : keys_)
    if (key.role == KeyRole::ksk && key.remove_at == 0 && key.active_at <= now) found = &key;
  return found;
}

/// No two keys of a zone share a tag: a signature tells by it whose it is.
Done ZoneKeys::add(KeyRole role, wire::Algorithm algorithm, std::int64_t now, std::int64_t active_at) {
  for (int i = 0; i < kTagTries; ++i) {
    auto made = wire::PrivateKey::generate(algorithm);
    if (!made) break;
    ZoneKey key{.role = role, .key = *made, .dnskey = wire::make_dnskey_rdata(*made, role == KeyRole::ksk)};
    key.tag = wire::key_tag(key.dnskey);
    if (std::ranges::any_of(keys_, [&](const ZoneKey& other) { return other.tag == key.tag; })) continue;
    key.published_at = now;
    key.active_at = active_at;
    if (auto saved = save_secret(key); !saved) return saved;
    keys_.push_back(std::move(key));
    return {};
  }
  return std::unexpected("no new key could be made: OpenSSL has no randomness");
}

/// First keys, keys of another algorithm, and successors.
Done ZoneKeys::begin_due(std::int64_t now, const KeyPolicy& policy, std::uint32_t max_ttl) {
  const ZoneKey* ksk = newest(KeyRole::ksk);
  if (ksk == nullptr || (ksk->key.algorithm() != policy.algorithm && !rolls_ksk())) {
    // Until then caches may hold answers without signatures (by these keys), which a DS would make worthless.
    const auto ready = now + std::max(policy.dnskey_ttl, max_ttl) + policy.propagation;
    if (auto added = add(KeyRole::ksk, policy.algorithm, now, ready); !added) return added;
    ksk = newest(KeyRole::ksk);
  } else if (policy.ksk_lifetime > 0 && !rolls_ksk() && now >= ksk->published_at + policy.ksk_lifetime) {
    if (auto added = roll(KeyRole::ksk, now, policy); !added) return added;
  }
  const auto algorithm = ksk->key.algorithm();
  const ZoneKey* zsk = newest(KeyRole::zsk);
  if (zsk == nullptr || zsk->key.algorithm() != algorithm) return add(KeyRole::zsk, algorithm, now, now);
  if (policy.zsk_lifetime > 0 && zsk->active_at <= now && now >= zsk->active_at + policy.zsk_lifetime - lead(policy)) {
    const auto from = std::max(now + lead(policy), zsk->active_at + policy.zsk_lifetime);
    return add(KeyRole::zsk, algorithm, now, from);
  }
  return {};
}

void ZoneKeys::retire_zsks(std::int64_t now, const KeyPolicy& policy, std::uint32_t max_ttl) {
  for (auto& key : keys_)
    if (key.role == KeyRole::zsk && key.active_at <= now && key.remove_at == 0 && !signs(key, now))
      key.remove_at = now + max_ttl + policy.propagation;
}

Done ZoneKeys::advance(std::int64_t now, const KeyPolicy& policy, std::uint32_t max_ttl) {
  const auto before = keys_;
  std::erase_if(keys_, [&](const ZoneKey& key) { return key.remove_at != 0 && key.remove_at <= now; });
  if (auto begun = begin_due(now, policy, max_ttl); !begun) {
    keys_ = before;
    return begun;
  }
  retire_zsks(now, policy, max_ttl);
  const bool same = std::ranges::equal(
      before, keys_, [](const ZoneKey& a, const ZoneKey& b) { return a.tag == b.tag && a.remove_at == b.remove_at; });
  if (same) return {};
  if (auto saved = save(); !saved) {
    keys_ = before;
    return saved;
  }
  for (const auto& key : before) {
    const bool stays = std::ranges::any_of(keys_, [&](const ZoneKey& other) { return other.tag == key.tag; });
    std::error_code error;
    const std::string stem = file_stem(static_cast<unsigned>(key.key.algorithm()), key.tag);
    if (!stays)
      for (const char* suffix : {".private", ".key"}) std::filesystem::remove(folder_ / (stem + suffix), error);
  }
  return {};
}

Done ZoneKeys::roll(KeyRole role, std::int64_t now, const KeyPolicy& policy) {
  const ZoneKey* key = newest(role);
  if (key == nullptr) return std::unexpected("the zone has no keys yet");
  if (role == KeyRole::ksk ? rolls_ksk() : key->active_at > now)
    return std::unexpected("a roll-over is under way already");
  if (auto added = add(role, key->key.algorithm(), now, now + lead(policy)); !added) return added;
  return save();
}

Done ZoneKeys::ds_seen(std::int64_t now, const KeyPolicy& policy) {
  const ZoneKey* ksk = newest(KeyRole::ksk);
  if (ksk == nullptr) return std::unexpected("the zone has no keys yet");
  if (ksk->active_at > now)
    return std::unexpected("caches may not know the new KSK " + std::to_string(ksk->tag) + " yet: not before " +
                           key_time_text(ksk->active_at));
  if (ksk->ds_seen_at != 0) return std::unexpected("that is known already");
  const auto tag = ksk->tag;
  const auto algorithm = ksk->key.algorithm();
  for (auto& key : keys_) {
    if (key.tag == tag) key.ds_seen_at = now;
    const bool old_ksk = key.role == KeyRole::ksk && key.tag != tag;
    if (key.remove_at == 0 && (old_ksk || key.key.algorithm() != algorithm))
      key.remove_at = now + policy.ds_ttl + policy.propagation;
  }
  return save();
}

std::int64_t ZoneKeys::next_at(std::int64_t now, const KeyPolicy& policy) const {
  std::int64_t next = kNever;
  const auto consider = [&](std::int64_t at) {
    if (at > now) next = std::min(next, at);
  };
  for (const auto& key : keys_) {
    consider(key.active_at);
    if (key.remove_at != 0) consider(key.remove_at);
  }
  const ZoneKey* ksk = newest(KeyRole::ksk);
  const ZoneKey* zsk = newest(KeyRole::zsk);
  if (ksk != nullptr && policy.ksk_lifetime > 0) consider(ksk->published_at + policy.ksk_lifetime);
  if (zsk != nullptr && policy.zsk_lifetime > 0) consider(zsk->active_at + policy.zsk_lifetime - lead(policy));
  return next;
}

std::string ZoneKeys::to_text(std::int64_t now) const {
  std::string text;
  for (const auto& key : keys_) {
    text += (key.role == KeyRole::ksk ? "KSK " : "ZSK ") + std::to_string(key.tag) + " " +
            wire::to_text(key.key.algorithm()) + ", published " + key_time_text(key.published_at) + ": ";
    if (key.role == KeyRole::ksk) {
      text += "signs the keys";
      if (key.remove_at != 0) {
        text += "; goes " + key_time_text(key.remove_at);
      } else if (key.active_at > now) {
        text += "; its DS may be asked for from " + key_time_text(key.active_at) + " on";
      } else if (key.ds_seen_at == 0) {
        text += "; waits until its DS is seen at the parent";
      } else {
        text += "; its DS was seen " + key_time_text(key.ds_seen_at);
      }
    } else if (key.active_at > now) {
      text += "signs from " + key_time_text(key.active_at) + " on";
    } else {
      text += signs(key, now) ? "signs the zone" : "signs no more";
      if (key.remove_at != 0) text += "; goes " + key_time_text(key.remove_at);
    }
    text += '\n';
  }
  if (const ZoneKey* ksk = wanted_ds(now))
    text += ds_line(origin_, ksk->dnskey);
  else if (const ZoneKey* coming = newest(KeyRole::ksk))
    text += ds_line(origin_, coming->dnskey) + " ; not before " + key_time_text(coming->active_at);
  return text;
}

}  // namespace placard::zones
