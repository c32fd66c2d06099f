// `placard zone check FILE`: what a master file would be as a zone, and everything that is wrong or doubtful about it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "policy/public/table.hpp"
#include "zones/load.hpp"

namespace placard::app {

struct ZoneCheck {
  std::optional<zones::LoadError> problem;  ///< why it cannot be served; the first thing that was wrong
  std::vector<zones::LoadError> warnings;
  policy::Document summary;  ///< empty when there is a problem
};

/// The zone's name by its file's: "example.org.zone", "db.example.org", "example.org.signed", "example.org"; nothing
/// when that is no name.
std::optional<wire::Name> origin_of_file(const std::string& path);

/// `now`: seconds since the epoch, for signatures.
ZoneCheck check_zone_file(const std::string& path, wire::NameView origin, std::int64_t now);

}  // namespace placard::app
