#include "resolver/transfer/policy_records.hpp"

#include <unordered_map>
#include <utility>

namespace placard::transfer {
namespace {

using wire::RecordType;

/// What stands at a name so far, as far as it forbids something else there.
struct At {
  bool any = false, alias = false, tree_alias = false;
};

/// What is wrong with one record more; empty: nothing.
std::string what_is_wrong(const zones::RecordRef& record, wire::NameView origin, const At& at) {
  const auto about = [&] { return wire::to_text(record.type) + " at " + record.owner.to_text(); };
  if (record.type == RecordType::soa && !(record.owner == origin)) return "a " + about() + ", which is not the apex";
  if (at.alias || (record.type == RecordType::cname && at.any)) return about() + ", where a CNAME has company";
  if (record.type == RecordType::dname && at.tree_alias) return "a second " + about();
  return {};
}

}  // namespace

std::expected<PolicyRecords, std::string> build_policy_zone(wire::NameView origin, const zones::RecordList& records) {
  zones::ZoneBuilder builder(origin);
  std::unordered_map<wire::Name, At, wire::NameHash> names;
  std::size_t left_out = 0;
  std::string first_problem;
  bool has_soa = false, has_servers = false;
  const auto leave_out = [&](std::string problem) {
    if (left_out++ == 0) first_problem = std::move(problem);
  };
  for (const zones::RecordRef record : records) {
    if (record.type == RecordType::soa && record.owner == origin && std::exchange(has_soa, true)) continue;  // the end
    auto& at = names[wire::Name(record.owner)];
    if (auto problem = what_is_wrong(record, origin, at); !problem.empty()) {
      leave_out(std::move(problem));
      continue;
    }
    if (auto added = builder.add(record.owner, record.type, record.ttl, record.rdata); !added) {
      leave_out(std::move(added.error()));
      continue;
    }
    at.any = true;
    at.alias = at.alias || record.type == RecordType::cname;
    at.tree_alias = at.tree_alias || record.type == RecordType::dname;
    has_servers = has_servers || (record.type == RecordType::ns && record.owner == origin);
  }
  if (!has_servers)
    if (auto added = builder.add(origin, RecordType::ns, 0, wire::NameView().bytes()); !added)
      return std::unexpected(std::move(added.error()));
  auto zone = builder.build();
  if (!zone) return std::unexpected(std::move(zone.error().reason));
  return PolicyRecords{*std::move(zone), left_out, std::move(first_problem)};
}

}  // namespace placard::transfer
