#include "resolver/validate/anchors.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <cassert>

#include "zones/wire/ldns_adapter.hpp"

namespace placard::validate {
namespace {

constexpr std::string_view kRootAnchors[] = {
    ". DS 20326 8 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D",
    ". DS 38696 8 2 683D2D0ACB8C9B712A1948B27F741219298D0A450D612C483AF444A4C0FB2B16",
};

}  // namespace

Anchor& Anchors::at(wire::NameView zone) {
  const auto found = std::ranges::find_if(anchors_, [&](const Anchor& anchor) { return anchor.zone.view() == zone; });
  if (found != anchors_.end()) return *found;
  return anchors_.emplace_back(wire::Name(zone), Vouchers{});
}

void Anchors::add(const wire::RecordSet& set) {
  Anchor& anchor = at(set.owner);
  for (const auto rdata : set.rdatas)
    (set.type == wire::RecordType::ds ? anchor.vouchers.ds : anchor.vouchers.dnskey).add(rdata);
}

std::expected<void, std::string> Anchors::add(std::string_view text) {
  // As others write them: with a comment behind, and in parentheses. Neither DS nor DNSKEY has either inside.
  std::string line(text.substr(0, text.find(';')));
  std::ranges::replace_if(line, [](char c) { return c == '(' || c == ')'; }, ' ');
  const auto record = wire::record_from_text(line, wire::NameView{}, 0);
  if (!record) return std::unexpected(record.error());
  const bool ds = record->type == wire::RecordType::ds;
  if (!ds && record->type != wire::RecordType::dnskey)
    return std::unexpected("a trust anchor is a DS or a DNSKEY, not " + wire::to_text(record->type));
  if (record->record_class != wire::RecordClass::in) return std::unexpected("a trust anchor is of class IN");
  const bool sound = ds ? wire::parse_ds(record->rdata).has_value() : wire::parse_dnskey(record->rdata).has_value();
  if (!sound) return std::unexpected("broken rdata");
  Anchor& anchor = at(record->owner);
  (ds ? anchor.vouchers.ds : anchor.vouchers.dnskey).add(record->rdata);
  return {};
}

std::expected<void, std::string> Anchors::add_lines(std::string_view text) {
  if (text.size() > kMaxAnchorsSize) return std::unexpected("too long for a file of trust anchors");
  std::size_t number = 0;
  while (!text.empty()) {
    ++number;
    const auto end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
    line = line.substr(0, line.find(';'));
    if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    if (const auto added = add(line); !added) return std::unexpected(fmt::format("line {}: {}", number, added.error()));
  }
  return {};
}

void Anchors::add_iana_root() {
  for (const auto text : kRootAnchors) {
    const auto added = add(text);
    assert(added);
  }
}

void Anchors::replace(wire::NameView zone, Vouchers vouchers) {
  at(zone).vouchers = std::move(vouchers);
}

const NegativeAnchor* Anchors::negative(wire::NameView name, std::int64_t now) const {
  const NegativeAnchor* deepest = nullptr;
  for (const auto& anchor : negative_) {
    if (now >= anchor.until || !name.is_subdomain_of(anchor.name)) continue;
    if (deepest == nullptr || anchor.name.view().label_count() > deepest->name.view().label_count()) deepest = &anchor;
  }
  return deepest;
}

const Anchor* Anchors::find(wire::NameView name, std::int64_t now) const {
  const Anchor* deepest = nullptr;
  for (const auto& anchor : anchors_) {
    if (anchor.vouchers.empty() || !name.is_subdomain_of(anchor.zone)) continue;
    if (deepest == nullptr || anchor.zone.view().label_count() > deepest->zone.view().label_count()) deepest = &anchor;
  }
  if (deepest == nullptr) return nullptr;
  const NegativeAnchor* const suspended = negative(name, now);
  return suspended != nullptr && suspended->name.view().is_subdomain_of(deepest->zone) ? nullptr : deepest;
}

}  // namespace placard::validate
