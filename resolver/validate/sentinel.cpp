#include "resolver/validate/sentinel.hpp"

#include <algorithm>
#include <charconv>

namespace placard::validate {
namespace {

constexpr std::string_view kIs = "root-key-sentinel-is-ta-", kIsNot = "root-key-sentinel-not-ta-";
constexpr std::size_t kDigits = 5;  // with leading zeros (RFC 8509 2)

bool trusts(const Anchors& anchors, std::uint16_t tag) {
  const auto has_ds = [&](wire::Bytes rdata) {
    const auto ds = wire::parse_ds(rdata);
    return ds && ds->key_tag == tag;
  };
  const auto has_key = [&](wire::Bytes rdata) { return wire::key_tag(rdata) == tag; };
  return std::ranges::any_of(anchors.all(), [&](const Anchor& anchor) {
    return anchor.zone.view().is_root() &&
           (std::ranges::any_of(anchor.vouchers.ds, has_ds) || std::ranges::any_of(anchor.vouchers.dnskey, has_key));
  });
}

}  // namespace

bool sentinel_fails(wire::NameView name, wire::RecordType type, const Anchors& anchors) {
  if (name.is_root() || (type != wire::RecordType::a && type != wire::RecordType::aaaa)) return false;
  std::string label;
  for (const std::uint8_t octet : name.first_label()) label.push_back(static_cast<char>(wire::lower(octet)));
  const bool is = label.starts_with(kIs);
  if (!is && !label.starts_with(kIsNot)) return false;
  const std::string digits = label.substr(is ? kIs.size() : kIsNot.size());
  std::uint32_t tag = 0;
  const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), tag);
  const bool sound = digits.size() == kDigits && read.ec == std::errc{} && read.ptr == digits.data() + digits.size();
  if (!sound || tag > 0xffff) return false;
  return trusts(anchors, static_cast<std::uint16_t>(tag)) != is;
}

}  // namespace placard::validate
