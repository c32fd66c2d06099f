#include "zones/additional.hpp"

#include <cassert>
#include <optional>

#include "zones/wire/octets.hpp"
#include "zones/wire/rdata_layout.hpp"

namespace placard::zones {

using wire::NameView;
using wire::RecordType;
using wire::Section;

namespace {

constexpr RecordType kAddressTypes[] = {RecordType::a, RecordType::aaaa};

bool is_service(RecordType type) {
  return type == RecordType::svcb || type == RecordType::https;
}

/// Types whose rdata names a host that the asker will talk to next.
bool names_a_host(RecordType type) {
  using enum RecordType;
  switch (type) {
    case ns:
    case mb:
    case mx:
    case afsdb:
    case rt:
    case kx:
    case srv:
    case naptr:
      return true;
    default:
      return false;
  }
}

/// The host in rdata of these types. The zone has checked it.
NameView host_of(RecordType type, wire::Bytes rdata) {
  const auto layout = wire::rdata_layout(type);
  std::size_t at = layout.fixed;
  for (int i = 0; i < layout.strings; ++i) at += rdata[at] + 1U;
  const auto name = wire::parse_uncompressed_name(rdata, at);
  assert(name);
  return *name;
}

/// What a NAPTR's first flag says its replacement is to be asked for (RFC 3403 4.1, RFC 3958): "S" is SRV, "A"
/// addresses.
char naptr_flag(wire::Bytes rdata) {
  return rdata[4] == 0 ? '\0' : static_cast<char>(wire::lower(rdata[5]));
}

/// The target of SVCB or HTTPS; nothing where rdata of a generic form is broken.
std::optional<NameView> service_target(wire::Bytes rdata) {
  if (rdata.size() < 3) return std::nullopt;
  const auto name = wire::parse_uncompressed_name(rdata, 2);
  if (!name) return std::nullopt;
  return *name;
}

}  // namespace

void Additional::note(const StoredSet& set, NameView owner) {
  if (set.type() == RecordType::a || set.type() == RecordType::aaaa) answered_.add({&set, owner});
  if (names_a_host(set.type()) || is_service(set.type())) sets_.add({&set, owner});
}

void Additional::note_referral(const Node& cut) {
  cut_ = &cut;
}

bool Additional::write(SetWriter writer) {
  if (cut_ != nullptr && !write_glue(writer, *cut_->find(RecordType::ns))) return false;
  const std::size_t noted = sets_.size();  // aliases add to them
  for (std::size_t i = 0; i < noted; ++i) {
    const Noted& one = sets_.begin()[i];
    if ((is_service(one.set->type()) ? write_services(writer, one, 0) : write_targets(writer, one)) == Room::none)
      break;
  }
  return true;
}

/// Glue below the cut first: without it the referral leads nowhere, so it must fit (RFC 9471 3). Then that of the
/// zone's other delegations, and addresses with authority.
bool Additional::write_glue(SetWriter writer, const StoredSet& ns) {
  for (const bool required : {true, false}) {
    for (const wire::Bytes rdata : ns.rdatas()) {
      const NameView host = host_of(RecordType::ns, rdata);
      if (host.is_subdomain_of(cut_->name()) != required) continue;
      if (write_addresses(writer, host, true) == Room::none) return !required;
    }
  }
  return true;
}

Additional::Room Additional::write_targets(SetWriter writer, const Noted& noted) {
  for (const wire::Bytes rdata : noted.set->rdatas()) {
    const RecordType type = noted.set->type();
    const NameView host = host_of(type, rdata);
    if (type == RecordType::naptr) {
      const char flag = naptr_flag(rdata);
      if (flag != 'a' && flag != 's') continue;
      if (flag == 's') {
        const Node* node = find(host);
        const StoredSet* services = node != nullptr ? node->find(RecordType::srv) : nullptr;
        if (services == nullptr) continue;
        if (!writer.put(Section::additional, host, *services)) return Room::none;
        if (write_targets(writer, {services, host}) == Room::none) return Room::none;
        continue;
      }
    }
    if (write_addresses(writer, host, type == RecordType::ns) == Room::none) return Room::none;
  }
  return Room::left;
}

Additional::Room Additional::write_services(SetWriter writer, const Noted& noted, int depth) {
  for (const wire::Bytes rdata : noted.set->rdatas()) {
    const auto target = service_target(rdata);
    if (!target) continue;
    const bool alias = wire::load16(rdata.data()) == 0;
    if (alias && target->is_root()) continue;  // no such service (RFC 9460 2.5.1)
    const NameView host = target->is_root() ? noted.owner : *target;
    if (write_service_host(writer, noted, host, alias, depth) == Room::none) return Room::none;
  }
  return Room::left;
}

/// RFC 9460 4.1: the host's addresses; of an alias also the set it leads to; CNAMEs on the way as they stand.
Additional::Room Additional::write_service_host(SetWriter writer, const Noted& from, NameView host, bool alias,
                                                int depth) {
  const Node* node = find(host);
  if (node == nullptr || depth == kMaxAliases || zone_->cut_of(*node) != nullptr) return Room::left;
  if (const StoredSet* cname = node->find(RecordType::cname)) {
    if (!told_.add_once(host)) return Room::left;
    if (!writer.put(Section::additional, host, *cname)) return Room::none;
    const NameView next = host_of(RecordType::cname, *cname->rdatas().begin());
    return write_service_host(writer, from, next, alias, depth + 1);
  }
  const StoredSet* services = alias ? node->find(from.set->type()) : nullptr;
  const bool known =
      services == nullptr || std::ranges::any_of(sets_, [&](const Noted& n) { return n.set == services; });
  if (write_addresses(writer, host, false) == Room::none) return Room::none;
  if (known) return Room::left;
  sets_.add({services, host});
  if (!writer.put(Section::additional, host, *services)) return Room::none;
  return write_services(writer, {services, host}, depth + 1);
}

/// The addresses of a host, once. Below a cut they are glue, which only NS sets want.
Additional::Room Additional::write_addresses(SetWriter writer, NameView target, bool below_cuts) {
  const Node* node = find(target);
  if (node == nullptr || (zone_->cut_of(*node) != nullptr && !below_cuts)) return Room::left;
  if (!told_.add_once(target)) return Room::left;
  for (const RecordType type : kAddressTypes) {
    const StoredSet* addresses = node->find(type);
    if (addresses == nullptr || is_answered(*addresses, target)) continue;
    if (!writer.put(Section::additional, target, *addresses)) return Room::none;
  }
  return Room::left;
}

bool Additional::is_answered(const StoredSet& set, NameView owner) const {
  return std::ranges::any_of(answered_, [&](const Noted& one) { return one.set == &set && one.owner == owner; });
}

/// The node of that name, or the wildcard's that would make it; null: there is nothing of ours.
const Node* Additional::find(NameView target) const {
  if (!target.is_subdomain_of(zone_->origin())) return nullptr;
  const Node& node = zone_->closest_encloser(target);
  if (node.name().size() == target.size()) return &node;
  return zone_->cut_of(node) == nullptr ? zone_->wildcard_below(node) : nullptr;
}

}  // namespace placard::zones
