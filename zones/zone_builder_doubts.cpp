// What is doubtful about a zone that can be served all the same.
#include <algorithm>

#include "zones/wire/octets.hpp"
#include "zones/zone.hpp"

namespace placard::zones {

using wire::NameView;
using wire::RecordType;

namespace {

/// The types whose host must have an address and must be no alias (RFC 2181 10.3, RFC 2782).
bool wants_addresses(RecordType type) {
  return type == RecordType::ns || type == RecordType::mx || type == RecordType::srv;
}

class Doubts {
 public:
  Doubts(const Zone& zone, std::vector<ZoneProblem>& warnings) : zone_(zone), warnings_(warnings) {}

  void about_record(NameView owner, RecordType type, wire::Bytes rdata, std::uint32_t place);
  void about_zone(std::uint32_t soa_place);

 private:
  void hidden(const Node& cut, NameView owner, RecordType type, std::uint32_t place);
  void host(RecordType type, NameView target, std::uint32_t place);
  void warn(std::uint32_t place, std::string reason) {
    if (warnings_.size() < kMaxWarnings) warnings_.push_back({place, std::move(reason)});
  }

  const Zone& zone_;
  std::vector<ZoneProblem>& warnings_;
};

void Doubts::about_record(NameView owner, RecordType type, wire::Bytes rdata, std::uint32_t place) {
  const Node* node = zone_.find(owner);
  if (node == nullptr) return;  // a hashed name
  const Node* cut = zone_.cut_of(*node);
  const bool below = cut != nullptr && (cut != node || (type != RecordType::ds && type != RecordType::nsec));
  const bool glue = type == RecordType::a || type == RecordType::aaaa;
  if (below && !glue && type != RecordType::ns) return hidden(*cut, owner, type, place);
  if (below && type == RecordType::ns && cut != node) return hidden(*cut, owner, type, place);
  if (wants_addresses(type)) {
    if (const auto target = wire::rdata_name(type, rdata)) host(type, *target, place);
  }
  for (NameView above = owner; above.size() > zone_.origin().size(); above = above.parent()) {
    const bool inner = above.size() != owner.size() && above.is_wildcard();
    if (inner && !node->find(RecordType::nsec3)) {
      warn(place, owner.to_text() + " stands below a wildcard, which makes no such names (RFC 4592 2.1.2)");
      break;
    }
  }
}

void Doubts::hidden(const Node& cut, NameView owner, RecordType type, std::uint32_t place) {
  warn(place, owner.to_text() + " " + to_text(type) + " is hidden by " +
                  (cut.find(RecordType::ns) != nullptr ? "the delegation of " : "the DNAME at ") +
                  cut.name().to_text());
}

void Doubts::host(RecordType type, NameView target, std::uint32_t place) {
  if (target.is_root() || !target.is_subdomain_of(zone_.origin())) return;
  const char* what = type == RecordType::ns ? "name server" : type == RecordType::mx ? "mail server" : "server";
  const Node& node = zone_.closest_encloser(target);
  const Node* cut = zone_.cut_of(node);
  const bool exact = node.name().size() == target.size();
  const Node* found = exact ? &node : cut == nullptr ? zone_.wildcard_below(node) : nullptr;
  if (cut != nullptr && type != RecordType::ns) return;  // its own zone knows
  if (found != nullptr && found->find(RecordType::cname) != nullptr) {
    return warn(place, std::string("the ") + what + " " + target.to_text() + " is an alias (RFC 2181 10.3)");
  }
  const bool has_address =
      found != nullptr && (found->find(RecordType::a) != nullptr || found->find(RecordType::aaaa) != nullptr);
  if (!has_address) warn(place, std::string("no address for the ") + what + " " + target.to_text());
}

void Doubts::about_zone(std::uint32_t soa_place) {
  const auto soa = wire::parse_soa(*zone_.soa().rdatas().begin());
  if (soa && (soa->expire < soa->refresh || soa->retry > soa->refresh)) {
    warn(soa_place,
         "SOA: a secondary is to try again less often than to refresh, or to let the zone expire before that");
  }
  const StoredSet* params = zone_.apex().find(RecordType::nsec3param);
  if (params == nullptr) return;
  const auto parameters = wire::parse_nsec3param(*params->rdatas().begin());
  if (parameters && (parameters->iterations > 0 || !parameters->salt.empty())) {
    warn(0, "NSEC3 with " + std::to_string(parameters->iterations) + " iterations and a salt of " +
                std::to_string(parameters->salt.size()) + " octets: RFC 9276 wants none of either");
  }
  if (zone_.is_signed() && !zone_.has_nsec3()) warn(0, "an NSEC3PARAM without its chain of NSEC3");
}

}  // namespace

void ZoneBuilder::find_doubts(const Zone& zone, Warnings warnings) const {
  Doubts doubts(zone, *warnings);
  std::uint32_t soa_place = 0;
  for (const Entry& entry : entries_) {
    if (entry.signature) continue;
    if (entry.type == RecordType::soa) soa_place = entry.place;
    doubts.about_record(owner_of(entry), entry.type, rdata_of(entry), entry.place);
  }
  doubts.about_zone(soa_place);
  if (warnings->size() >= kMaxWarnings) warnings->back() = {0, "there are more warnings than are told"};
}

}  // namespace placard::zones
