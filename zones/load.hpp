// Master files (RFC 1035 5, RFC 2308 4) to zones.
//
// Our own reader joins lines, keeps the owner, the origin and the TTL, and obeys $ORIGIN, $TTL, $GENERATE and $INCLUDE
// (which must stay inside the folder of the zone's file); rdata is read by zones/wire. The first error ends the load:
// half a zone is worse than the last good one. Records outside of the zone are left out with a warning, as every
// other server does. A zone with a ZONEMD that does not fit it is refused (RFC 8976).
#pragma once

#include <cstdint>
#include <expected>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "zones/zone.hpp"

namespace placard::zones {

/// Where and what: "FILE:LINE:COLUMN: REASON". Line 0: the file as a whole; column 0: the line as a whole.
struct LoadError {
  std::string file;
  std::uint32_t line = 0, column = 0;
  std::string reason;
};
std::string to_text(const LoadError& error);

/// Reads and checks the zone `origin` from a master file. Doubtful things, missing glue among them, are added to
/// `warnings` unless it is null. Blocking file I/O: not for a worker's thread.
std::expected<Zone, LoadError> load_zone(const std::filesystem::path& path, wire::NameView origin,
                                         std::vector<LoadError>* warnings = nullptr);

/// The same from text; `file` is what errors call it. $INCLUDE is refused.
std::expected<Zone, LoadError> parse_zone(std::string_view text, wire::NameView origin, std::string file = "zone",
                                          std::vector<LoadError>* warnings = nullptr);

}  // namespace placard::zones
