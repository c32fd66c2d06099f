#include "resolver/validate/rollover.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>

#include "zones/wire/ldns_adapter.hpp"
#include "zones/wire/presentation.hpp"

namespace placard::validate {
namespace {

constexpr std::uint8_t kRevoke = 0x80;  // in the second octet of the flags (RFC 5011 7)
constexpr std::string_view kHeading =
    "; Trust anchors as they were seen (RFC 5011). Written by the server; remove the file to begin anew.\n";

std::vector<std::uint8_t> without_revoke(wire::Bytes rdata) {
  std::vector<std::uint8_t> out(rdata.begin(), rdata.end());
  out[1] = static_cast<std::uint8_t>(out[1] & ~kRevoke);
  return out;
}

/// RFC 5011 2.1: a revocation counts when the revoked key itself signed the set.
bool signed_by_itself(const wire::RecordSet& dnskeys, wire::Bytes rdata, const Rules& rules, std::int64_t now) {
  auto key = wire::PublicKey::make(*wire::parse_dnskey(rdata));
  if (!key) return false;
  ZoneKeys alone{dnskeys.owner, {}};
  alone.keys.push_back({wire::key_tag(rdata), std::move(*key)});
  Means means{static_cast<std::uint32_t>(kMaxFailures), 0};
  return check_set(dnskeys, alone, rules, now, means).is(Security::secure);
}

bool is_configured(wire::Bytes rdata, wire::NameView zone, const Vouchers& configured) {
  if (std::ranges::any_of(configured.dnskey, [&](wire::Bytes own) { return std::ranges::equal(own, rdata); }))
    return true;
  return std::ranges::any_of(configured.ds, [&](wire::Bytes own) {
    const auto ds = wire::parse_ds(own);
    return ds && wire::ds_matches(*ds, zone, rdata);
  });
}

std::optional<KeyState> state_from_text(std::string_view text) {
  for (const auto state : {KeyState::pending, KeyState::valid, KeyState::missing, KeyState::revoked}) {
    if (to_text(state) == text) return state;
  }
  return std::nullopt;
}

}  // namespace

std::string_view to_text(KeyState state) {
  switch (state) {
    case KeyState::pending:
      return "pending";
    case KeyState::valid:
      return "valid";
    case KeyState::missing:
      return "missing";
    case KeyState::revoked:
      return "revoked";
  }
  return "unknown";
}

TrackedKey* Rollover::find(wire::Bytes rdata) {
  const auto found =
      std::ranges::find_if(keys_, [&](const TrackedKey& key) { return std::ranges::equal(key.rdata, rdata); });
  return found == keys_.end() ? nullptr : &*found;
}

/// RFC 5011 4.2, event by event.
bool Rollover::observe(const wire::RecordSet& dnskeys, const Vouchers& configured, const Rules& rules,
                       std::int64_t now) {
  bool changed = false;
  const bool first = keys_.empty();
  std::vector<std::vector<std::uint8_t>> present;
  const auto enter = [&](TrackedKey& key, KeyState state) {
    if (key.state == state) return;
    key.state = state;
    key.since = now;
    changed = true;
  };
  for (const wire::Bytes rdata : dnskeys.rdatas) {
    const auto view = wire::parse_dnskey(rdata);
    if (!view || !view->is_sep() || !view->is_zone_key() || !wire::is_known(view->algorithm)) continue;
    auto plain = without_revoke(rdata);
    TrackedKey* key = find(plain);
    if (view->is_revoked()) {
      if (key != nullptr && key->state != KeyState::revoked && signed_by_itself(dnskeys, rdata, rules, now)) {
        if (key->state == KeyState::pending) {
          std::erase_if(keys_, [&](const TrackedKey& one) { return one.rdata == plain; });
          changed = true;
        } else {
          enter(*key, KeyState::revoked);
        }
      }
      present.push_back(std::move(plain));
      continue;
    }
    if (key == nullptr && keys_.size() < kMaxTracked) {
      // What the configuration vouches for is an anchor at once, where this begins.
      const bool trusted = first && is_configured(rdata, zone_, configured);
      keys_.push_back({plain, trusted ? KeyState::valid : KeyState::pending, now});
      changed = true;
    } else if (key != nullptr && key->state == KeyState::missing) {
      enter(*key, KeyState::valid);
    } else if (key != nullptr && key->state == KeyState::pending && now - key->since >= kHoldDown) {
      enter(*key, KeyState::valid);
    }
    present.push_back(std::move(plain));
  }
  for (std::size_t i = keys_.size(); i-- > 0;) {
    TrackedKey& key = keys_[i];
    const bool here = std::ranges::find(present, key.rdata) != present.end();
    if (!here && key.state == KeyState::valid) enter(key, KeyState::missing);
    const bool gone = !here && key.state == KeyState::pending;
    const bool removed = !here && key.state == KeyState::revoked && now - key.since >= kHoldDown;
    if (!gone && !removed) continue;
    keys_.erase(keys_.begin() + static_cast<std::ptrdiff_t>(i));
    changed = true;
  }
  return changed;
}

Vouchers Rollover::vouchers() const {
  Vouchers out;
  for (const auto& key : keys_) {
    if (key.state == KeyState::valid || key.state == KeyState::missing) out.dnskey.add(key.rdata);
  }
  return out;
}

std::int64_t Rollover::interval(std::uint32_t ttl, bool went_well) {
  const std::int64_t half = ttl / 2, tenth = ttl / 10;
  return went_well ? std::clamp(half, kLeastInterval, kMostInterval)
                   : std::clamp(tenth, kLeastInterval, std::int64_t{86'400});
}

std::string Rollover::to_text() const {
  std::string out;
  for (const auto& key : keys_)
    out += fmt::format("{} {} {} {}\n", zone_.to_text(), validate::to_text(key.state), key.since,
                       wire::rdata_to_text(wire::RecordType::dnskey, key.rdata));
  return out;
}

std::string rollovers_to_text(const std::vector<Rollover>& all) {
  std::string out(kHeading);
  for (const auto& one : all) out += one.to_text();
  return out;
}

std::expected<std::vector<Rollover>, std::string> parse_rollovers(std::string_view text) {
  if (text.size() > kMaxAnchorsSize) return std::unexpected("too long for a state of trust anchors");
  std::vector<Rollover> all;
  std::size_t number = 0;
  while (!text.empty()) {
    ++number;
    const auto end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
    line = line.substr(0, line.find(';'));
    if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    const auto broken = [&](std::string_view why) { return std::unexpected(fmt::format("line {}: {}", number, why)); };
    const auto zone = wire::Name::from_text(wire::take_field(line));
    const auto state = state_from_text(wire::take_field(line));
    const std::string_view since_text = wire::take_field(line);
    std::int64_t since = 0;
    const auto read = std::from_chars(since_text.data(), since_text.data() + since_text.size(), since);
    if (!zone) return broken("no name of a zone");
    if (!state) return broken("no state of a key");
    if (read.ec != std::errc{} || read.ptr != since_text.data() + since_text.size() || since < 0)
      return broken("no time");
    auto rdata = wire::rdata_from_text(wire::RecordType::dnskey, line, wire::NameView{});
    if (!rdata) return broken(rdata.error());
    if (!wire::parse_dnskey(*rdata)) return broken("no DNSKEY");
    auto found = std::ranges::find_if(all, [&](const Rollover& one) { return one.zone_ == *zone; });
    if (found == all.end()) {
      all.emplace_back(*zone);
      found = std::prev(all.end());
    }
    if (found->keys_.size() >= Rollover::kMaxTracked) return broken("too many keys of one zone");
    found->keys_.push_back({std::move(*rdata), *state, since});
  }
  return all;
}

}  // namespace placard::validate
