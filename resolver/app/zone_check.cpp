#include "resolver/app/zone_check.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <filesystem>

#include "policy/record/time.hpp"
#include "zones/wire/octets.hpp"

namespace placard::app {
namespace {

constexpr std::int64_t kSoon = 3 * 86'400;  // seconds: a signature that ends so soon should have been replaced

/// The earliest end of any signature, in seconds since the epoch; nothing in an unsigned zone.
std::optional<std::int64_t> signed_until(const zones::Zone& zone, std::int64_t now) {
  constexpr std::size_t kExpirationAt = 8;  // RFC 4034 3.1
  std::optional<std::int64_t> until;
  for (const auto& node : zone.nodes()) {
    for (const auto& set : node.sets()) {
      for (const wire::Bytes rdata : set.signatures()) {
        // 32 bits that go round: the moment nearest to now (RFC 4034 3.1.5).
        const std::uint32_t end = wire::load32(rdata.data() + kExpirationAt);
        const auto ahead = static_cast<std::int32_t>(end - static_cast<std::uint32_t>(now));
        until = std::min(until.value_or(INT64_MAX), now + ahead);
      }
    }
  }
  return until;
}

std::string signing_of(const zones::Zone& zone) {
  if (!zone.is_signed()) return "no";
  if (!zone.has_nsec3()) return "with NSEC";
  const auto parameters = wire::parse_nsec3param(*zone.apex().find(wire::RecordType::nsec3param)->rdatas().begin());
  return fmt::format("with NSEC3, {} iterations, {} octets of salt", parameters->iterations, parameters->salt.size());
}

}  // namespace

std::optional<wire::Name> origin_of_file(const std::string& path) {
  std::string name = std::filesystem::path(path).filename().string();
  for (const std::string_view ending : {".signed", ".zone", ".db", ".txt"}) {
    if (name.size() > ending.size() && name.ends_with(ending)) name.erase(name.size() - ending.size());
  }
  if (name.starts_with("db.")) name.erase(0, 3);
  if (name == "root") return wire::Name();
  const auto parsed = wire::Name::from_text(name);
  if (!parsed) return std::nullopt;
  return *parsed;
}

ZoneCheck check_zone_file(const std::string& path, wire::NameView origin, std::int64_t now) {
  ZoneCheck check;
  const auto start = std::chrono::steady_clock::now();
  const auto zone = zones::load_zone(path, origin, &check.warnings);
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  if (!zone) {
    check.problem = zone.error();
    return check;
  }
  policy::Fields fields;
  const auto number = [](std::size_t value) { return static_cast<std::int64_t>(value); };
  fields.fields = {
      {"zone", "Zone", zone->origin().to_text()},
      {"serial", "Serial", static_cast<std::int64_t>(zone->serial())},
      {"records", "Records", number(zone->record_count())},
      {"names", "Names", number(zone->nodes().size())},
      {"signed", "Signed", signing_of(*zone)},
      {"memory", "Memory (octets)", number(zone->memory_size())},
      {"seconds", "Read in (seconds)", seconds},
  };
  if (const auto until = signed_until(*zone, now)) {
    fields.fields.insert(fields.fields.begin() + 5, {"signed_until", "Signed until", policy::to_text(*until)});
    if (*until < now + kSoon) {
      check.warnings.push_back(
          {path, 0, 0, fmt::format("a signature {} at {}", *until < now ? "ended" : "ends", policy::to_text(*until))});
    }
  }
  check.summary.parts.emplace_back(std::move(fields));
  return check;
}

}  // namespace placard::app
