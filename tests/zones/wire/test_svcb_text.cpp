// SVCB and HTTPS from text: the test vectors of RFC 9460 appendix D, and what else a zone's author may write.
#include <catch2/catch.hpp>

#include "zones/wire/ldns_adapter.hpp"

using namespace placard::wire;

namespace {

/// As \# says it, or what is wrong.
std::string svcb(std::string_view text, RecordType type = RecordType::svcb) {
  const auto rdata = rdata_from_text(type, text, *Name::from_text("example.com"));
  if (!rdata) return rdata.error();
  std::string digits;
  for (const std::uint8_t octet : *rdata) {
    digits += "0123456789abcdef"[octet >> 4];
    digits += "0123456789abcdef"[octet & 15];
  }
  // What is written for it reads back as the same.
  CHECK(rdata_from_text(type, rdata_to_text(type, *rdata), *Name::from_text("example.com")) == rdata);
  return digits;
}

const std::string kFooCom = "03666f6f076578616d706c6503636f6d00", kFooOrg = "03666f6f076578616d706c65036f726700";

}  // namespace

TEST_CASE("SVCB: the test vectors of RFC 9460 D.1 and D.2") {
  CHECK(svcb("0 foo.example.com.", RecordType::https) == "0000" + kFooCom);
  CHECK(svcb("1 .") == "000100");
  CHECK(svcb("16 foo.example.com. port=53") == "0010" + kFooCom + "000300020035");
  CHECK(svcb("1 foo.example.com. key667=hello") == "0001" + kFooCom + "029b000568656c6c6f");
  CHECK(svcb("1 foo.example.com. key667=\"hello\\210qoo\"") == "0001" + kFooCom + "029b000968656c6c6fd2716f6f");
  CHECK(svcb("1 foo.example.com. ipv6hint=\"2001:db8::1,2001:db8::53:1\"") ==
        "0001" + kFooCom + "0006002020010db800000000000000000000000120010db8000000000000000000530001");
  CHECK(svcb("1 example.com. ipv6hint=\"2001:db8:122:344::192.0.2.33\"") ==
        "0001076578616d706c6503636f6d000006001020010db8012203440000"
        "0000c0000221");
  CHECK(svcb("16 foo.example.org. alpn=h2,h3-19 mandatory=ipv4hint,alpn ipv4hint=192.0.2.1") ==
        "0010" + kFooOrg + "0000000400010004000100090268320568332d313900040004c0000201");
  const std::string escaped = "0010" + kFooOrg + "0001000c08665c6f6f2c626172026832";
  CHECK(svcb(R"(16 foo.example.org. alpn="f\\\\oo\\,bar,h2")") == escaped);
  CHECK(svcb(R"(16 foo.example.org. alpn=f\\\092oo\092,bar,h2)") == escaped);
}

TEST_CASE("SVCB: the failures of RFC 9460 D.3") {
  const auto refused = [](const char* params, const char* why) {
    INFO(params);
    CHECK(svcb("1 foo.example.com. " + std::string(params)) == why);
  };
  refused("key123=abc key123=def", "a key that stands there twice");
  refused("mandatory", "mandatory needs a value");
  refused("alpn", "alpn needs a value");
  refused("port", "port needs a value");
  refused("ipv4hint", "ipv4hint needs a value");
  refused("ipv6hint", "ipv6hint needs a value");
  refused("no-default-alpn=abc", "no-default-alpn has no such value");
  refused("mandatory=key123", "a mandatory parameter is missing");
  refused("mandatory=mandatory", "mandatory names itself");
  refused("mandatory=key123,key123 key123=abc", "mandatory names a key twice, or keys out of order");
}

TEST_CASE("SVCB: keys by number, values in quotes, and what is broken") {
  CHECK(svcb("1 . key1=\\002h2") == svcb("1 . alpn=\"h2\""));
  CHECK(svcb("1 . key3=\\000\\053") == svcb("1 . port=53"));
  CHECK(svcb("1 . key9") == "00010000090000");
  CHECK(svcb("1 . key9=\"\"") == "00010000090000");
  CHECK(svcb("1 . ohttp") == "00010000080000");
  CHECK(svcb("1 svc ech=AAE= dohpath=/q{?dns} alpn=h2 no-default-alpn") ==
        "000103737663076578616d706c6503636f6d00"
        "0001000302683200020000000500020001000700082f717b3f646e737d");
  CHECK(svcb("0 svc no-default-alpn") == "000003737663076578616d706c6503636f6d0000020000");  // ignored there
  for (const char* broken : {"1",
                             "65536 .",
                             "x .",
                             "1 a..b",
                             "1 . alpn=",
                             "1 . alpn=h2,",
                             "1 . alpn=,h2",
                             "1 . alpn=h\\\\2",
                             "1 . alpn=\"h2\"x",
                             "1 . port=65536",
                             "1 . port=53x",
                             "1 . port=1,2",
                             "1 . ipv4hint=192.0.2",
                             "1 . ipv6hint=::g",
                             "1 . ipv4hint=2001:db8::1",
                             "1 . ech=A=A=",
                             "1 . ech",
                             "1 . dohpath",
                             "1 . ohttp=x",
                             "1 . no-default-alpn",
                             "1 . key65535=x",
                             "1 . key65536",
                             "1 . key01",
                             "1 . key",
                             "1 . =x",
                             "1 . nonsense=1",
                             "1 . port=1 key3=\\000\\001",
                             "1 . key3=x",
                             "1 . key4=abc",
                             "1 . key0",
                             "1 . key1=\\003h2",
                             "1 . mandatory=nonsense alpn=h2"}) {
    INFO(broken);
    CHECK_FALSE(rdata_from_text(RecordType::svcb, broken, NameView()));
  }
  CHECK_FALSE(rdata_from_text(RecordType::svcb, "1 . alpn=" + std::string(256, 'x'), NameView()));
}
