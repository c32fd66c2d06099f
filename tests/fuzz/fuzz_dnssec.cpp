// Records of DNSSEC as strangers send them: RRSIG, NSEC, NSEC3, DS, DNSKEY, and the verification of one with another.
#include <cstdlib>

#include "resolver/validate/check.hpp"
#include "zones/wire/nsec3.hpp"

using namespace placard;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const wire::Bytes octets(data, size);
  if (const auto rrsig = wire::parse_rrsig(octets)) {
    wire::RecordSet set;
    set.type = rrsig->covered;
    set.owner = wire::Name(rrsig->signer);
    set.rdatas.add(octets);
    set.signatures.add(octets);
    (void)wire::signed_octets(*rrsig, set);
    (void)validate::signers_of(set);
  }
  if (const auto key = wire::parse_dnskey(octets)) {
    (void)wire::key_tag(octets);
    if (const auto usable = wire::PublicKey::make(*key)) (void)usable->verify(octets, octets);
  }
  (void)wire::parse_ds(octets);
  (void)wire::parse_nsec3param(octets);
  for (const auto type : {wire::RecordType::nsec, wire::RecordType::nsec3}) {
    wire::RecordSet set;
    set.type = type;
    const auto label = wire::nsec3_label({});
    set.owner = *wire::Name::prepend(label, {});
    set.rdatas.add(octets);
    const wire::RecordSet* sets[] = {&set};
    const validate::Rules rules;
    const validate::Denials denials({}, sets, rules);
    validate::Means means{10, 1'000};
    const auto name = wire::Name::from_text("a.b.example.");
    (void)denials.nxdomain(*name, means);
    (void)denials.nodata(*name, wire::RecordType::ds, means);
    (void)denials.wildcard(*name, 1, means);
  }
  return 0;
}
