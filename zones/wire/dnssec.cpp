#include "zones/wire/dnssec.hpp"

#include <algorithm>
#include <array>

#include "zones/wire/octets.hpp"

namespace placard::wire {
namespace {

constexpr std::size_t kDnskeyFixed = 4, kDsFixed = 4, kRrsigFixed = 18;

void append(std::vector<std::uint8_t>& out, Bytes bytes) {
  out.insert(out.end(), bytes.begin(), bytes.end());
}
void append_lowered(std::vector<std::uint8_t>& out, Bytes bytes) {
  for (const std::uint8_t octet : bytes) out.push_back(lower(octet));
}
void append16(std::vector<std::uint8_t>& out, std::uint16_t value) {
  out.push_back(static_cast<std::uint8_t>(value >> 8U));
  out.push_back(static_cast<std::uint8_t>(value));
}

}  // namespace

bool is_known(Algorithm algorithm) {
  using enum Algorithm;
  switch (algorithm) {
    case rsasha1:
    case rsasha1_nsec3:
    case rsasha256:
    case rsasha512:
    case ecdsap256sha256:
    case ecdsap384sha384:
    case ed25519:
    case ed448:
      return true;
  }
  return false;
}

bool is_known(Digest digest) {
  return digest == Digest::sha1 || digest == Digest::sha256 || digest == Digest::sha384;
}

std::string to_text(Algorithm algorithm) {
  using enum Algorithm;
  switch (algorithm) {
    case rsasha1:
      return "RSASHA1";
    case rsasha1_nsec3:
      return "RSASHA1-NSEC3-SHA1";
    case rsasha256:
      return "RSASHA256";
    case rsasha512:
      return "RSASHA512";
    case ecdsap256sha256:
      return "ECDSAP256SHA256";
    case ecdsap384sha384:
      return "ECDSAP384SHA384";
    case ed25519:
      return "ED25519";
    case ed448:
      return "ED448";
  }
  return std::to_string(static_cast<unsigned>(algorithm));
}

std::string to_text(Digest digest) {
  switch (digest) {
    case Digest::sha1:
      return "SHA-1";
    case Digest::sha256:
      return "SHA-256";
    case Digest::sha384:
      return "SHA-384";
  }
  return std::to_string(static_cast<unsigned>(digest));
}

std::optional<DnskeyView> parse_dnskey(Bytes rdata) {
  if (rdata.size() <= kDnskeyFixed) return std::nullopt;
  DnskeyView view;
  view.flags = load16(rdata.data());
  view.protocol = rdata[2];
  view.algorithm = static_cast<Algorithm>(rdata[3]);
  view.key = rdata.subspan(kDnskeyFixed);
  return view;
}

std::uint16_t key_tag(Bytes dnskey_rdata) {
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i < dnskey_rdata.size(); ++i)
    sum += (i & 1U) != 0 ? dnskey_rdata[i] : std::uint32_t{dnskey_rdata[i]} << 8U;
  return static_cast<std::uint16_t>(sum + (sum >> 16U));
}

std::optional<DsView> parse_ds(Bytes rdata) {
  if (rdata.size() <= kDsFixed) return std::nullopt;
  DsView view;
  view.key_tag = load16(rdata.data());
  view.algorithm = static_cast<Algorithm>(rdata[2]);
  view.digest_type = static_cast<Digest>(rdata[3]);
  view.digest = rdata.subspan(kDsFixed);
  return view;
}

bool ds_matches(const DsView& ds, NameView owner, Bytes dnskey_rdata) {
  const auto key = parse_dnskey(dnskey_rdata);
  if (!key || key->algorithm != ds.algorithm || key_tag(dnskey_rdata) != ds.key_tag) return false;
  const auto digest = ds_digest(ds.digest_type, owner, dnskey_rdata);
  return !digest.empty() && std::ranges::equal(digest, ds.digest);
}

std::optional<RrsigView> parse_rrsig(Bytes rdata) {
  if (rdata.size() <= kRrsigFixed) return std::nullopt;
  const auto signer = parse_uncompressed_name(rdata, kRrsigFixed);
  if (!signer || rdata.size() == kRrsigFixed + signer->size()) return std::nullopt;
  const std::uint8_t* at = rdata.data();
  RrsigView view;
  view.covered = static_cast<RecordType>(load16(at));
  view.algorithm = static_cast<Algorithm>(at[2]);
  view.labels = at[3];
  view.original_ttl = load32(at + 4);
  view.expiration = load32(at + 8);
  view.inception = load32(at + 12);
  view.key_tag = load16(at + 16);
  view.signer = *signer;
  view.signature = rdata.subspan(kRrsigFixed + signer->size());
  view.fields = rdata.first(kRrsigFixed);
  return view;
}

std::size_t signed_labels(NameView owner) {
  return owner.label_count() - (owner.is_wildcard() ? 1 : 0);
}

std::optional<std::vector<std::uint8_t>> signed_octets(const RrsigView& rrsig, const RecordSet& set) {
  const NameView owner = set.owner;
  const std::size_t labels = signed_labels(owner);
  if (rrsig.labels > labels) return std::nullopt;
  std::vector<std::uint8_t> head;  // of each record: owner, type, class, TTL
  if (rrsig.labels < labels) {
    head = {1, '*'};
    append_lowered(head, owner.suffix(rrsig.labels).bytes());
  } else {
    append_lowered(head, owner.bytes());
  }
  append16(head, static_cast<std::uint16_t>(set.type));
  append16(head, static_cast<std::uint16_t>(set.record_class));
  append16(head, static_cast<std::uint16_t>(rrsig.original_ttl >> 16U));
  append16(head, static_cast<std::uint16_t>(rrsig.original_ttl));

  std::vector<std::vector<std::uint8_t>> rdatas;
  rdatas.reserve(set.rdatas.size());
  std::size_t size = rrsig.fields.size() + rrsig.signer.size();
  for (const Bytes rdata : set.rdatas) {
    rdatas.push_back(canonical_rdata(set.type, rdata));
    size += head.size() + 2 + rdata.size();
  }
  std::ranges::sort(rdatas);
  const auto doubles = std::ranges::unique(rdatas);  // names that differed in case only (RFC 4034 6.3)
  rdatas.erase(doubles.begin(), doubles.end());

  std::vector<std::uint8_t> out;
  out.reserve(size);
  append(out, rrsig.fields);
  append_lowered(out, rrsig.signer.bytes());
  for (const auto& rdata : rdatas) {
    append(out, head);
    append16(out, static_cast<std::uint16_t>(rdata.size()));
    append(out, rdata);
  }
  return out;
}

bool verify_signature(const PublicKey& key, const RrsigView& rrsig, const RecordSet& set) {
  if (rrsig.algorithm != key.algorithm()) return false;
  const auto octets = signed_octets(rrsig, set);
  return octets && key.verify(*octets, rrsig.signature);
}

}  // namespace placard::wire
