// The signed branch of the internet in a box (tests/internet/sign) as data: its zones, their sets, and its anchor.
#pragma once

#include <catch2/catch.hpp>

#include <fstream>
#include <sstream>

#include "resolver/validate/check.hpp"
#include "tests/source_directory.hpp"
#include "zones/wire/ldns_adapter.hpp"
#include "zones/wire/octets.hpp"

namespace placard::validate::tests {

inline constexpr std::int64_t kNow = 1'800'000'000;  ///< January 2027: all that is not broken is valid

inline Means plenty() {
  return {1'000, 100'000};
}

/// One signed zone's sets, found by owner and type.
class LabZone {
 public:
  explicit LabZone(const std::string& name, const std::string& file) : name_(*wire::Name::from_text(name)) {
    std::ifstream in(source_directory() + "/tests/internet/" + file);
    REQUIRE(in);
    std::string line;
    while (std::getline(in, line)) {
      const auto text = line.substr(0, line.find(';'));
      if (text.find_first_not_of(" \t") == std::string::npos || text[0] == '$') continue;
      const auto record = wire::record_from_text(text, name_, 3600);
      INFO(text << ": " << (record ? "" : record.error()));
      REQUIRE(record);
      if (record->type == wire::RecordType::rrsig) {
        at(record->owner, *wire::covered_type(record->rdata)).signatures.add(record->rdata);
      } else {
        auto& set = at(record->owner, record->type);
        set.ttl = record->ttl;
        set.rdatas.add(record->rdata);
      }
    }
  }
  static LabZone of(const std::string& label) { return LabZone(label + ".lab.", "lab/" + label + ".lab.zone"); }

  const wire::RecordSet& set(const std::string& owner, wire::RecordType type) const {
    const auto name = *wire::Name::from_text(owner);
    for (const auto& one : sets_) {
      if (one.owner == name && one.type == type && !one.rdatas.empty()) return one;
    }
    FAIL("no " << owner << " " << wire::to_text(type));
    return sets_.front();
  }
  std::vector<const wire::RecordSet*> all(wire::RecordType type) const {
    std::vector<const wire::RecordSet*> found;
    for (const auto& one : sets_) {
      if (one.type == type) found.push_back(&one);
    }
    return found;
  }
  const wire::RecordSet& dnskeys() const { return set(name_.to_text(), wire::RecordType::dnskey); }
  std::shared_ptr<const ZoneKeys> keys(const Rules& rules = {}) const { return make_zone_keys(dnskeys(), rules); }
  const wire::Name& name() const { return name_; }

 private:
  wire::RecordSet& at(const wire::Name& owner, wire::RecordType type) {
    for (auto& one : sets_) {
      if (one.owner == owner && one.type == type) return one;
    }
    auto& made = sets_.emplace_back();
    made.owner = owner;
    made.type = type;
    return made;
  }
  wire::Name name_;
  std::vector<wire::RecordSet> sets_;
};

inline LabZone lab() {
  return LabZone("lab.", "lab/lab.zone");
}

inline Vouchers ds_of(const std::string& zone) {
  Vouchers vouchers;
  vouchers.ds = lab().set(zone, wire::RecordType::ds).rdatas;
  return vouchers;
}

}  // namespace placard::validate::tests
