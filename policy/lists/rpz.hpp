// Records of a Response Policy Zone as rules, and rules as such records (draft-vixie-dnsop-dns-rpz-00).
//
// Pure functions of one record or one rule: master files are read with them here, transfers above. BIND 9.18 decides in
// doubt. All five triggers and all actions; bits behind a prefix are cleared and reported rather than refused; record
// types that no policy can have (DNSSEC's, DNAME, SOA and NS below the apex) are rejected. A name of the zone that
// means nothing to any rule (SOA, NS and all else at the apex) is the zone's own.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "policy/lists/list_report.hpp"
#include "policy/record/rule_list.hpp"

namespace placard::policy {

struct RpzReading {
  enum class Kind : std::uint8_t { rule, own, rejected };
  Kind kind = Kind::own;
  std::string key;          ///< of the rule, as RuleList wants it
  RuleForm form;            ///< of the rule
  bool normalised = false;  ///< the prefix was not written canonically
  Rejection reason = Rejection::syntax;
  std::string detail;  ///< of a rejection; may be empty
};

/// What a record of the policy zone `origin` says. `rdata` is uncompressed.
RpzReading read_rpz_record(wire::NameView owner, wire::NameView origin, wire::RecordType type, std::uint32_t ttl,
                           wire::Bytes rdata);

/// One record of a policy zone, without its class, which is IN.
struct RpzRecord {
  wire::Name owner;
  wire::RecordType type = wire::RecordType::cname;
  std::uint32_t ttl = 0;
  std::vector<std::uint8_t> rdata;
};
/// The records that say what the rule says, with `ttl` where it names none. Empty when RPZ has no words for it: a
/// sinkhole or a refusal has none of its own, so the caller replaces those actions before (by local data, or NXDOMAIN),
/// and a name that is too long below `origin` can't be written.
std::vector<RpzRecord> rpz_records_of(const ListedRule& rule, const RuleForm& form, wire::NameView origin,
                                      std::uint32_t ttl);

}  // namespace placard::policy
