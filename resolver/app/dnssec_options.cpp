#include "resolver/app/dnssec_options.hpp"

#include <fmt/core.h>

#include <fstream>
#include <sstream>

#include "policy/record/time.hpp"

namespace placard::app {

std::expected<validate::NegativeAnchor, std::string> negative_anchor_from_text(std::string_view text) {
  const auto blank = text.find(' ');
  if (blank == std::string_view::npos)
    return std::unexpected(fmt::format("\"{}\": a name and its end are wanted, \"broken.example 2026-12-31\"", text));
  const auto name = wire::Name::from_text(text.substr(0, blank));
  if (!name) return std::unexpected(fmt::format("\"{}\" is no domain name", text.substr(0, blank)));
  const auto until = policy::time_from_text(text.substr(text.find_first_not_of(' ', blank)));
  if (!until) return std::unexpected(until.error());
  return validate::NegativeAnchor{*name, *until};
}

std::expected<std::vector<validate::NegativeAnchor>, std::string> negative_anchors(
    const std::vector<std::string>& texts) {
  std::vector<validate::NegativeAnchor> out;
  for (const auto& text : texts) {
    auto anchor = negative_anchor_from_text(text);
    if (!anchor) return std::unexpected("dnssec.negative_anchors: " + anchor.error());
    out.push_back(*std::move(anchor));
  }
  return out;
}

std::expected<recurse::ValidationOptions, std::string> validation_options(const DnssecOptions& options,
                                                                          const std::vector<std::string>& negative) {
  recurse::ValidationOptions out;
  out.rules.rsasha1 = options.rsasha1;
  out.rules.nsec3_insecure = static_cast<std::uint16_t>(options.nsec3_insecure);
  out.rules.nsec3_bogus = static_cast<std::uint16_t>(options.nsec3_bogus);
  out.rules.skew_max = options.signature_skew;
  out.aggressive = options.aggressive;
  out.bounds.bogus_ttl = options.bogus_ttl;
  out.bounds.per_second = options.verifications;
  if (!options.validation) return out;
  auto anchors = std::make_shared<validate::Anchors>();
  for (const auto& text : options.trust_anchors) {
    if (auto added = anchors->add(text); !added)
      return std::unexpected(fmt::format("dnssec.trust_anchors: \"{}\": {}", text, added.error()));
  }
  if (!options.trust_anchors_file.empty()) {
    std::ifstream file(options.trust_anchors_file, std::ios::binary);
    if (!file) return std::unexpected(options.trust_anchors_file + ": cannot be opened");
    std::stringstream text;
    text << file.rdbuf();
    if (auto added = anchors->add_lines(text.str()); !added)
      return std::unexpected(fmt::format("{}: {}", options.trust_anchors_file, added.error()));
  }
  if (anchors->empty()) anchors->add_iana_root();
  auto suspended = negative_anchors(negative);
  if (!suspended) return std::unexpected(suspended.error());
  anchors->set_negative(*std::move(suspended));
  out.anchors = std::move(anchors);
  return out;
}

}  // namespace placard::app
