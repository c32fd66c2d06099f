#include "zones/zonemd.hpp"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <memory>

#include "zones/wire/octets.hpp"

namespace placard::zones {

using wire::Bytes;
using wire::NameView;
using wire::RecordType;

namespace {

constexpr std::uint8_t kSimple = 1;
constexpr std::size_t kFixed = 6;  // serial, scheme, hash

/// A hash that records are poured into.
class Digest {
 public:
  explicit Digest(ZonemdHash hash) : context_(EVP_MD_CTX_new(), EVP_MD_CTX_free) {
    assert(context_);
    [[maybe_unused]] const int done =
        EVP_DigestInit_ex(context_.get(), hash == ZonemdHash::sha384 ? EVP_sha384() : EVP_sha512(), nullptr);
    assert(done == 1);
  }
  void add(Bytes octets) { EVP_DigestUpdate(context_.get(), octets.data(), octets.size()); }
  std::vector<std::uint8_t> finish() {
    std::vector<std::uint8_t> digest(EVP_MAX_MD_SIZE);
    unsigned size = 0;
    EVP_DigestFinal_ex(context_.get(), digest.data(), &size);
    digest.resize(size);
    return digest;
  }

 private:
  std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context_;
};

/// The records of one name and type; of signatures, one.
struct Row {
  RecordType type;
  std::uint32_t ttl;
  std::vector<std::vector<std::uint8_t>> rdatas;  // in canonical form
};

void add_row(Digest& digest, NameView owner, Row& row) {
  std::ranges::sort(row.rdatas);
  const auto repeated = std::ranges::unique(row.rdatas);
  row.rdatas.erase(repeated.begin(), repeated.end());
  const wire::Name lowered = wire::Name(owner).lowered();
  for (const auto& rdata : row.rdatas) {
    std::array<std::uint8_t, 10> fixed;
    wire::store16(fixed.data(), static_cast<std::uint16_t>(row.type));
    wire::store16(fixed.data() + 2, static_cast<std::uint16_t>(wire::RecordClass::in));
    wire::store32(fixed.data() + 4, row.ttl);
    wire::store16(fixed.data() + 8, static_cast<std::uint16_t>(rdata.size()));
    digest.add(lowered.view().bytes());
    digest.add(fixed);
    digest.add(rdata);
  }
}

/// Signatures stand where type RRSIG does, sorted by their rdata, whatever they sign.
void add_node(Digest& digest, const Node& node, bool apex) {
  std::vector<Row> rows;
  for (const StoredSet& set : node.sets()) {
    if (apex && set.type() == RecordType::zonemd) continue;
    Row row{set.type(), set.ttl(), {}};
    for (const Bytes rdata : set.rdatas()) row.rdatas.push_back(wire::canonical_rdata(set.type(), rdata));
    for (const Bytes rdata : set.signatures()) {
      rows.push_back({RecordType::rrsig, set.ttl(), {wire::canonical_rdata(RecordType::rrsig, rdata)}});
    }
    rows.push_back(std::move(row));
  }
  std::ranges::sort(rows, [](const Row& a, const Row& b) {
    if (a.type != b.type) return a.type < b.type;
    return a.rdatas < b.rdatas;  // of signatures, which are rows of one
  });
  for (Row& row : rows) add_row(digest, node.name(), row);
}

}  // namespace

std::vector<std::uint8_t> zone_digest(const Zone& zone, ZonemdHash hash) {
  Digest digest(hash);
  for (const Node& node : zone.nodes()) add_node(digest, node, &node == &zone.apex());
  return digest.finish();
}

ZonemdCheck check_zonemd(const Zone& zone) {
  using enum ZonemdCheck::Verdict;
  const StoredSet* set = zone.apex().find(RecordType::zonemd);
  if (set == nullptr) return {};
  ZonemdCheck check{unknown, "ZONEMD of no scheme and hash that is known here"};
  std::array<Bytes, 3> wanted;  // by hash
  for (const Bytes rdata : set->rdatas()) {
    if (rdata.size() < kFixed) return {bad, "a broken ZONEMD"};
    if (rdata[4] != kSimple || rdata[5] < 1 || rdata[5] > 2) continue;
    if (!wanted[rdata[5]].empty()) return {bad, "two ZONEMD of one scheme and hash (RFC 8976 2)"};
    wanted[rdata[5]] = rdata;
  }
  for (const auto hash : {ZonemdHash::sha384, ZonemdHash::sha512}) {
    const Bytes rdata = wanted[static_cast<std::size_t>(hash)];
    if (rdata.empty()) continue;
    if (wire::load32(rdata.data()) != zone.serial()) {
      check = {bad, "ZONEMD is of serial " + std::to_string(wire::load32(rdata.data())) + ", the zone of " +
                        std::to_string(zone.serial())};
    } else if (std::ranges::equal(rdata.subspan(kFixed), zone_digest(zone, hash))) {
      return {good, {}};
    } else {
      check = {bad, "the zone is not what its ZONEMD says: the digests differ"};
    }
  }
  return check;
}

}  // namespace placard::zones
