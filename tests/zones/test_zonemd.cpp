// Digests of zones: those that RFC 8976 appendix A prints, and what may not pass.
#include "tests/zones/asking.hpp"
#include "zones/zonemd.hpp"

using namespace asking;
using Verdict = zones::ZonemdCheck::Verdict;

namespace {

// RFC 8976 A.1.
const std::string kSimple =
    "example. 86400 IN SOA ns1 admin 2018031900 1800 900 604800 86400\n"
    "         86400 IN NS ns1\n"
    "         86400 IN NS ns2\n"
    "ns1      3600  IN A 203.0.113.63\n"
    "ns2      3600  IN AAAA 2001:db8::63\n";
const std::string kDigest =
    "c68090d90a7aed716bc459f9340e3d7c1370d4d24b7e2fc3a1ddc0b9a87153b9a9713b3c9ae5cc27777f98b8e730044c";

std::string zonemd(const std::string& rest) {
  return "example. 86400 IN ZONEMD " + rest + "\n";
}

std::string refusal_of(const std::string& text) {
  const auto parsed = zones::parse_zone(text, name("example"), "z");
  return parsed ? "" : to_text(parsed.error());
}

Verdict verdict(const std::string& text) {
  return check_zonemd(asking::zone(text, "example")).verdict;
}

}  // namespace

TEST_CASE("zonemd: the RFC's simple zone") {
  CHECK(verdict(kSimple) == Verdict::absent);
  CHECK(verdict(kSimple + zonemd("2018031900 1 1 " + kDigest)) == Verdict::good);
  // Neither case nor order of the records matters, nor a repeated one.
  CHECK(verdict("EXAMPLE. 86400 SOA NS1 admin 2018031900 1800 900 604800 86400\nns2.Example. 3600 AAAA 2001:DB8::63\n"
                "example. 86400 NS ns2\nexample. 86400 NS NS1\nexample. 86400 NS ns1\n"
                "Ns1 3600 A 203.0.113.63\n" +
                zonemd("2018031900 1 1 " + kDigest)) == Verdict::good);
}

TEST_CASE("zonemd: what does not fit is refused, what is not known is said") {
  CHECK(refusal_of(kSimple + zonemd("2018031900 1 1 00" + kDigest.substr(2))) ==
        "z: the zone is not what its ZONEMD says: the digests differ");
  CHECK(refusal_of(kSimple + "x 60 A 192.0.2.1\n" + zonemd("2018031900 1 1 " + kDigest)).contains("digests differ"));
  CHECK(refusal_of(kSimple + zonemd("2018031901 1 1 " + kDigest)) ==
        "z: ZONEMD is of serial 2018031901, the zone of 2018031900");
  CHECK(refusal_of(kSimple + zonemd("2018031900 1 1 " + kDigest) + zonemd("2018031900 1 1 00" + kDigest.substr(2)))
            .contains("two ZONEMD"));
  std::vector<zones::LoadError> warnings;
  CHECK(zones::parse_zone(kSimple + zonemd("2018031900 1 240 " + kDigest), name("example"), "z", &warnings));
  REQUIRE(warnings.size() == 1);
  CHECK(warnings[0].reason.starts_with("ZONEMD of no scheme"));
  // one that fits is enough (RFC 8976 4)
  CHECK(verdict(kSimple + zonemd("2018031900 1 1 " + kDigest) + zonemd("2018031900 1 240 0123456789abcdef01234567")) ==
        Verdict::good);
}

TEST_CASE("zonemd: a signed zone's, made by ldns") {
  CHECK(check_zonemd(zone_file("zonemd.zone.signed", "digest.example")).verdict == Verdict::good);
}
