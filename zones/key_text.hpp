// The small texts around signing keys: moments, the parent's DS, base64.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "zones/wire/name.hpp"

namespace placard::zones {

/// "2026-11-23T04:00:00Z"; seconds since the epoch.
std::string key_time_text(std::int64_t at);
std::optional<std::int64_t> key_time_from_text(std::string_view text);
/// "example.org. IN DS 12345 13 2 0123…", without a newline.
std::string ds_line(wire::NameView origin, wire::Bytes dnskey_rdata);
std::string base64(wire::Bytes octets);

}  // namespace placard::zones
