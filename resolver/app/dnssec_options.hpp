// `[dnssec]`: how it is written, and what the resolver gets of it.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "resolver/recurse/validation.hpp"

namespace placard::app {

struct DnssecOptions {
  bool validation = true;
  std::vector<std::string> trust_anchors;  ///< records; none here and none in the file: IANA's
  std::string trust_anchors_file;          ///< "": none
  std::string state_file;                  ///< of RFC 5011
  bool rsasha1 = false;
  bool aggressive = true;
  std::uint32_t nsec3_insecure = 50, nsec3_bogus = 500;  ///< iterations
  std::uint32_t signature_skew = 3'600;                  ///< seconds
  std::uint32_t bogus_ttl = 60;                          ///< seconds
  std::uint32_t verifications = 20'000;                  ///< a second, of one worker
};

/// `negative`: "NAME UNTIL" each. The error is for people and names the place.
std::expected<recurse::ValidationOptions, std::string> validation_options(const DnssecOptions& options,
                                                                          const std::vector<std::string>& negative);
std::expected<std::vector<validate::NegativeAnchor>, std::string> negative_anchors(
    const std::vector<std::string>& texts);

/// "NAME UNTIL", such as "broken.example 2026-12-31". The error is a phrase.
std::expected<validate::NegativeAnchor, std::string> negative_anchor_from_text(std::string_view text);

}  // namespace placard::app
