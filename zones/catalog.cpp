#include "zones/catalog.hpp"

#include <cassert>
#include <set>

namespace placard::zones {
namespace {

using wire::Bytes;
using wire::Name;
using wire::NameView;
using wire::RecordType;

constexpr std::uint32_t kTtl = 0;  // seconds: nobody is to cache it (RFC 9432 4)
constexpr std::size_t kMaxMembers = 1'000'000;

Bytes octets(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

Name below(std::string_view label, NameView parent) {
  const auto name = Name::prepend(octets(label), parent);
  assert(name);  // labels of ours, below the origin of a catalog, which plan and reader have checked for room
  return *name;
}

bool is_label(NameView name, std::string_view text) {
  const auto label = name.first_label();
  return std::ranges::equal(label, octets(text), [](std::uint8_t a, std::uint8_t b) { return wire::lower(a) == b; });
}

/// The only string of a TXT record; nothing for any other.
std::optional<std::string> only_string(Bytes rdata) {
  if (rdata.empty() || rdata.size() != rdata[0] + 1U) return std::nullopt;
  return std::string(rdata.begin() + 1, rdata.end());
}

std::size_t count(const RdataRange& rdatas) {
  std::size_t number = 0;
  for ([[maybe_unused]] const Bytes rdata : rdatas) ++number;
  return number;
}

}  // namespace

std::expected<std::vector<CatalogMember>, std::string> read_catalog(const Zone& zone) {
  const std::size_t apex = zone.origin().label_count();
  const Node* version = nullptr;
  std::vector<CatalogMember> members;
  std::set<std::string> names;
  for (const Node& node : zone.nodes()) {
    const NameView name = node.name();
    const std::size_t depth = name.label_count() - apex;
    if (depth == 1 && is_label(name, "version")) version = &node;
    if (depth < 2 || !is_label(name.suffix(apex + 1), "zones")) continue;
    if (depth == 2) {
      const StoredSet* pointers = node.find(RecordType::ptr);
      if (pointers == nullptr) continue;
      if (count(pointers->rdatas()) != 1) return std::unexpected("more than one PTR at " + name.to_text());
      const auto member = wire::rdata_name(RecordType::ptr, *pointers->rdatas().begin());
      if (!member) return std::unexpected("a broken PTR at " + name.to_text());
      if (!names.insert(member->lowered().to_text()).second)
        return std::unexpected(member->to_text() + " is a member twice");
      if (members.size() == kMaxMembers) return std::unexpected("more than 1000000 members");
      members.push_back({member->lowered(), *Name::prepend(name.first_label(), NameView()), {}, std::nullopt});
    } else if (depth == 3 && !members.empty()) {
      // In canonical order a member's properties follow it.
      CatalogMember& member = members.back();
      if (!(*Name::prepend(name.parent().first_label(), NameView()) == member.label)) continue;
      if (is_label(name, "group"))
        if (const StoredSet* texts = node.find(RecordType::txt))
          for (const Bytes rdata : texts->rdatas())
            if (auto group = only_string(rdata)) member.groups.push_back(*std::move(group));
      if (is_label(name, "coo")) {
        const StoredSet* pointers = node.find(RecordType::ptr);
        if (pointers != nullptr && count(pointers->rdatas()) == 1)
          member.moves_to = wire::rdata_name(RecordType::ptr, *pointers->rdatas().begin());
      }
    }
  }
  const StoredSet* texts = version != nullptr ? version->find(RecordType::txt) : nullptr;
  if (texts == nullptr || count(texts->rdatas()) != 1) return std::unexpected("no single version");
  if (only_string(*texts->rdatas().begin()) != "2") return std::unexpected("not version 2");
  return members;
}

std::string catalog_label(NameView member) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string label;
  std::uint64_t hash = member.hash();
  for (int i = 0; i < 16; ++i, hash >>= 4U) label += kDigits[hash & 15U];
  return label;
}

Zone write_catalog(NameView origin, std::uint32_t serial, const std::vector<CatalogEntry>& members) {
  ZoneBuilder builder(origin);
  const Name nobody = *Name::from_text("invalid.");
  const auto add = [&](const Name& owner, RecordType type, Bytes rdata) {
    const auto added = builder.add(owner, type, kTtl, rdata);
    assert(added);
  };
  const auto add_text = [&](const Name& owner, std::string_view text) {
    std::vector<std::uint8_t> rdata{static_cast<std::uint8_t>(std::min<std::size_t>(text.size(), 255))};
    rdata.insert(rdata.end(), text.begin(), text.begin() + rdata[0]);
    add(owner, RecordType::txt, rdata);
  };
  add(Name(origin), RecordType::soa, wire::make_soa_rdata({nobody, nobody, serial, 3'600, 600, 2'147'483'646, 0}));
  add(Name(origin), RecordType::ns, nobody.view().bytes());
  add_text(below("version", origin), "2");
  const Name zones = below("zones", origin);
  for (const CatalogEntry& member : members) {
    const Name node = below(catalog_label(member.name), zones);
    add(node, RecordType::ptr, member.name.view().bytes());
    if (!member.group.empty()) add_text(below("group", node), member.group);
  }
  auto zone = builder.build();
  assert(zone);
  return *std::move(zone);
}

}  // namespace placard::zones
