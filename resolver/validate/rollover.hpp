// Trust anchors that follow their zone's keys by themselves (RFC 5011): a new key counts after it was seen, well
// signed, for thirty days; a key that revokes itself never counts again.
//
// Pure: what was seen and when goes in; what vouches for the zone comes out, as does a text that keeps it all between
// runs. Who looks at the keys, and when, is the caller's business (next_look).
#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "resolver/validate/anchors.hpp"

namespace placard::validate {

enum class KeyState : std::uint8_t {
  pending,  ///< AddPend: seen, not yet long enough
  valid,    ///< a trust anchor
  missing,  ///< a trust anchor that was not in the last set seen
  revoked,  ///< never again
};
std::string_view to_text(KeyState state);

/// A key with the SEP bit of a zone that has an anchor.
struct TrackedKey {
  std::vector<std::uint8_t> rdata;  ///< of the DNSKEY, without the REVOKE bit
  KeyState state = KeyState::pending;
  std::int64_t since = 0;  ///< seconds; when this state began
};

class Rollover {
 public:
  static constexpr std::int64_t kHoldDown = 30 * 86'400;  ///< seconds: add and remove (RFC 5011 2.4.1, 2.4.2)
  static constexpr std::int64_t kLeastInterval = 3'600;   ///< seconds between two looks (2.3)
  static constexpr std::int64_t kMostInterval = 15 * 86'400;
  static constexpr std::size_t kMaxTracked = 16;  ///< keys of one zone

  explicit Rollover(wire::NameView zone) : zone_(wire::Name(zone)) {}

  /// What was seen: a set that is secure by this zone's anchor as it is. `configured`: the anchor it began with. True:
  /// something changed that is worth keeping.
  bool observe(const wire::RecordSet& dnskeys, const Vouchers& configured, const Rules& rules, std::int64_t now);
  /// What vouches for the zone now: its valid and missing keys; nothing when none is known yet: then it is
  /// `configured`.
  Vouchers vouchers() const;
  /// When to look again after a look that went well, or badly (RFC 5011 2.3). Seconds from now.
  static std::int64_t interval(std::uint32_t ttl, bool went_well);

  const wire::Name& zone() const { return zone_; }
  const std::vector<TrackedKey>& keys() const { return keys_; }

  /// One line a key: "ZONE STATE SINCE DNSKEY ...". Times are those of RFC 4034's text form.
  std::string to_text() const;

 private:
  friend std::expected<std::vector<Rollover>, std::string> parse_rollovers(std::string_view text);
  TrackedKey* find(wire::Bytes rdata);

  wire::Name zone_;
  std::vector<TrackedKey> keys_;
};

/// A state file. Error: with the line's number. All or nothing: half of a state is no state.
std::expected<std::vector<Rollover>, std::string> parse_rollovers(std::string_view text);
std::string rollovers_to_text(const std::vector<Rollover>& all);

}  // namespace placard::validate
