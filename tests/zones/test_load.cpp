// Master files: what is read, and what is refused at which line.
#include <unistd.h>
#include <filesystem>

#include "tests/zones/asking.hpp"

using namespace asking;
using wire::RecordType;
namespace fs = std::filesystem;

namespace {

const std::string kStart = "@ 60 SOA ns host 1 4 3 5 5\n@ 60 NS ns.example.net.\n";  // two lines

std::string refusal(const std::string& text) {
  const auto parsed = zones::parse_zone(text, name("example.org"), "z");
  REQUIRE_FALSE(parsed);
  return to_text(parsed.error());
}

/// Rdata of the only record of that name and type.
std::string only(const zones::Zone& zone, std::string_view owner, RecordType type) {
  const auto* node = zone.find(name(owner));
  INFO(owner);
  REQUIRE(node != nullptr);
  const auto* set = node->find(type);
  REQUIRE(set != nullptr);
  REQUIRE(std::distance(set->rdatas().begin(), set->rdatas().end()) == 1);
  return std::to_string(set->ttl()) + " " + wire::rdata_to_text(type, *set->rdatas().begin());
}

/// A folder of its own that goes away.
struct Folder {
  fs::path path = fs::temp_directory_path() / ("placard-load-" + std::to_string(::getpid()));
  Folder() { fs::create_directories(path / "zones" / "parts"); }
  ~Folder() { fs::remove_all(path); }
  void write(const std::string& file, const std::string& text) const { std::ofstream(path / file) << text; }
};

}  // namespace

TEST_CASE("load: owners, origins, TTLs") {
  const auto zone = asking::zone(
      "$TTL 1h\n"
      "@ IN SOA ns host ( 1 ; serial\n 2h 3 ) 4 5 ; rest\n"
      "  NS ns\n"
      "; a comment line\n"
      "\n"
      "   \t \n"
      "ns A 192.0.2.1\r\n"
      "\t5 A 192.0.2.2\n"
      "www.example.org. IN 7 TXT \"a ; b ( c\" d\\;e\n"
      "$ORIGIN sub\n"
      "x 2d IN A 192.0.2.3\n"
      "@ A 192.0.2.4\n"
      "$ORIGIN example.org.\n"
      "$TTL 9\n"
      "y CNAME (\n x.sub\n )\n"
      "Q\\.q TYPE731 \\# 2 abcd",
      "example.org");
  CHECK(zone.record_count() == 9);
  CHECK(zone.find(name("ns.example.org"))->find(RecordType::a)->ttl() == 5);  // the lowest of the set
  CHECK(only(zone, "www.example.org", RecordType::txt) == "7 \"a ; b ( c\" \"d;e\"");
  CHECK(only(zone, "x.sub.example.org", RecordType::a) == "172800 192.0.2.3");
  CHECK(only(zone, "sub.example.org", RecordType::a) == "3600 192.0.2.4");
  CHECK(only(zone, "y.example.org", RecordType::cname) == "9 x.sub.example.org.");
  CHECK(only(zone, "q\\.q.example.org", static_cast<RecordType>(731)) == "9 \\# 2 abcd");
  CHECK(only(zone, "example.org", RecordType::soa) == "3600 ns.example.org. host.example.org. 1 7200 3 4 5");
  CHECK(zone.serial() == 1);
  CHECK(zone.negative_ttl() == 5);
}

TEST_CASE("load: without $TTL the one before counts, and the SOA's minimum at first") {
  const auto zone =
      asking::zone("@ SOA ns host 1 2 3 4 77\n@ NS ns.example.net.\na 3 A 192.0.2.1\nb A 192.0.2.1\n", "example.org");
  CHECK(zone.soa().ttl() == 77);
  CHECK(only(zone, "example.org", RecordType::ns).starts_with("77 "));
  CHECK(only(zone, "b.example.org", RecordType::a).starts_with("3 "));
}

TEST_CASE("load: errors name the place, inside of parentheses too") {
  CHECK(refusal(kStart + "\n www 60 A 192.0.2.1\n") == "z:4:2: 'www' is not a record type");
  CHECK(refusal(kStart + "www 60 MX (\n  10 ; priority\n   mail..example )\n") == "z:5:4: MX: empty label");
  CHECK(refusal(kStart + "www 60 MX x mail\n") == "z:3:11: MX: not a number of 2 octets");
  CHECK(refusal(kStart + "www 60 A ( 192.0.2.1\n 192.0.2.2 )\n") == "z:4:2: A: more than the type has room for");
  CHECK(refusal(kStart + "www 60 DS 1 8 2 00ff0\n") == "z:3:17: DS: an odd number of hexadecimal digits");
  CHECK(refusal(kStart + "www 60 A 192.0.2\n").starts_with("z:3:10: A: "));
  CHECK(refusal(kStart + "www 60 BOGUS x\n") == "z:3:8: 'BOGUS' is not a record type");
  CHECK(refusal(kStart + "\n\nwww (\n60\nA\n192.0.2\n)\n").starts_with("z:8:1: A: "));
  CHECK(refusal(kStart + "www 60 TXT \"open\n\"\n") == "z:3:12: a quoted string that does not end on its line");
  CHECK(refusal(kStart + "www 60 TXT ( open\n") == "z:3:12: \"(\" without \")\"");
  CHECK(refusal(kStart + "www 60 TXT close )\n") == "z:3:18: \")\" without \"(\"");
  CHECK(refusal(kStart + "www 60 TXT ( ( x ) )\n") == "z:3:14: \"(\" inside of parentheses");
  CHECK(refusal(kStart + "www 60 TXT x\\\n") == "z:3:13: \"\\\" at the end of a line");
  CHECK(refusal("  60 A 192.0.2.1\n") == "z:1:1: a record without an owner, and none before it");
  CHECK(refusal("www A 192.0.2.1\n") == "z:1:1: no TTL, and no $TTL before");
  CHECK(refusal(kStart + "a..b 60 A 192.0.2.1\n") == "z:3:1: owner 'a..b': empty label");
  CHECK(refusal(kStart + "www 60 CH A 192.0.2.1\n") == "z:3:1: class CH: only IN is served");
  CHECK(refusal(kStart + "www 60 ANY x\n") == "z:3:12: ANY: ANY is not a type of data");
  CHECK(refusal(kStart + "$BOGUS x\n") == "z:3:1: unknown directive $BOGUS");
  CHECK(refusal(kStart + "$TTL soon\n") == "z:3:6: $TTL: 'soon' is not a TTL");
  CHECK(refusal(kStart + "$TTL\n") == "z:3:1: $TTL wants one argument");
  CHECK(refusal(kStart + "$ORIGIN a b\n") == "z:3:1: $ORIGIN wants one argument");
  CHECK(refusal(kStart + "$INCLUDE other\n") == "z:3:1: $INCLUDE is not allowed here");
  CHECK(refusal(kStart + std::string(300000, 'x')).starts_with("z:3:1: an entry of more than"));
}

TEST_CASE("load: the zone as a whole is checked") {
  CHECK(refusal("") == "z: no SOA at example.org.");
  CHECK(refusal("www 60 A 192.0.2.1\n") == "z: no SOA at example.org.");
  CHECK(refusal("@ 60 NS ns\n") == "z: no SOA at example.org.");
  CHECK(refusal("\n@ 60 SOA ns host 1 4 3 5 5\n") == "z:2: no NS at example.org.");
  CHECK(refusal(kStart + "@ 60 SOA ns host 2 4 3 5 5\n") == "z:3: a second example.org. SOA");
  CHECK(refusal(kStart + "sub 60 SOA ns host 2 4 3 5 5\n") ==
        "z:3: a SOA at sub.example.org., which is not the zone's apex");
  CHECK(refusal(kStart + "www 60 CNAME a\nx 60 A 192.0.2.1\nWWW 60 A 192.0.2.1\n") ==
        "z:5: CNAME and A at WWW.example.org.");
  CHECK(refusal(kStart + "www 60 CNAME a\nwww 60 CNAME b\n") == "z:4: a second www.example.org. CNAME");
  CHECK(refusal(kStart + "@ 60 CNAME a\n").find("CNAME and ") != std::string::npos);
  CHECK(refusal(kStart + "d 60 DNAME a\nd 60 DNAME b\n") == "z:4: a second d.example.org. DNAME");
  // The same record twice is one record; a CNAME may have an NSEC and signatures.
  const auto zone =
      asking::zone(kStart +
                       "@ 60 SOA ns host 1 4 3 5 5\nwww 60 CNAME a\nwww 60 CNAME a\nwww 60 NSEC @ CNAME NSEC\n"
                       "www 60 RRSIG CNAME 13 3 60 20300101000000 20200101000000 1 @ AAAA\n",
                   "example.org");
  CHECK(zone.record_count() == 5);
}

TEST_CASE("load: doubts are warnings with their line") {
  std::vector<zones::LoadError> warnings;
  const auto zone = zones::parse_zone(kStart +
                                          "sub 60 NS ns.sub\n"             // 3: no glue
                                          "good 60 NS ns.good\n"           // 4
                                          "ns.good 60 AAAA 2001:db8::1\n"  // 5
                                          "x.good 60 TXT hidden\n"         // 6
                                          "d 60 DNAME a\n"                 // 7
                                          "x.d 60 TXT hidden\n"            // 8
                                          "t 60 A 192.0.2.1\n"             // 9
                                          "t 61 A 192.0.2.2\n"             // 10
                                          "w 60 NS ns.wild\n"              // 11: a wildcard makes it
                                          "*.wild 60 A 192.0.2.3\n",       // 12
                                      name("example.org"), "z", &warnings);
  REQUIRE(zone);
  std::vector<std::string> lines;
  for (const auto& warning : warnings) lines.push_back(to_text(warning));
  std::sort(lines.begin(), lines.end());
  CHECK(lines == Lines{
                     "z:10: different TTLs in t.example.org. A",
                     "z:3: no address for the name server ns.sub.example.org.",
                     "z:6: x.good.example.org. TXT is hidden by the delegation of good.example.org.",
                     "z:8: x.d.example.org. TXT is hidden by the DNAME at d.example.org.",
                 });
}

TEST_CASE("load: $INCLUDE stays inside of the zone's folder") {
  const Folder folder;
  folder.write("secret", "leak 60 A 192.0.2.66\n");
  folder.write("zones/parts/a", "www 60 A 192.0.2.1\n$ORIGIN deeper\nx 60 A 192.0.2.2\n");
  folder.write("zones/parts/bad", "\nwww 60 A nonsense\n");
  folder.write("zones/loop", "$INCLUDE loop\n");
  fs::create_symlink(folder.path / "secret", folder.path / "zones" / "link");
  const auto load = [&](const std::string& text) {
    folder.write("zones/z", kStart + text);
    return zones::load_zone(folder.path / "zones" / "z", name("example.org"));
  };
  const auto zone = load("$INCLUDE parts/a\n$INCLUDE \"parts/a\" other\ny 60 A 192.0.2.3\n");
  INFO((zone ? "" : to_text(zone.error())));
  REQUIRE(zone);
  for (const char* there : {"www", "x.deeper", "www.other", "x.deeper.other", "y"}) {
    INFO(there);
    CHECK(zone->find(name(std::string(there) + ".example.org")) != nullptr);
  }
  for (const char* outside : {"../secret", "/etc/passwd", "link", "parts/../../secret"}) {
    const auto refused = load(std::string("$INCLUDE ") + outside + "\n");
    INFO(outside);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().line == 3);
    CHECK(refused.error().reason.ends_with("outside of the zone's folder"));
  }
  const auto bad = load("$INCLUDE parts/bad\n");
  REQUIRE_FALSE(bad);
  CHECK(bad.error().file.ends_with("zones/parts/bad"));
  CHECK(bad.error().line == 2);
  CHECK(load("$INCLUDE loop\n").error().reason == "$INCLUDE nested more than 8 deep");
  CHECK(load("$INCLUDE missing\n").error().reason.starts_with("$INCLUDE: missing: "));
  CHECK(load("$INCLUDE parts\n").error().reason == "$INCLUDE: parts: not a regular file");
  CHECK(load("$INCLUDE\n").error().reason.starts_with("$INCLUDE wants"));
  CHECK(zones::load_zone(folder.path / "none", name("a")).error().line == 0);
  CHECK(zones::load_zone(folder.path, name("a")).error().reason == "not a regular file");
}

TEST_CASE("load: line ends of other systems, and a byte order mark") {
  const auto zone = asking::zone(
      "\xef\xbb\xbf@ 60 SOA ns host (\r\n 1 2 3 4 5 )\r\n\tNS ns.example.net. ; comment\r\n\r\nw A 192.0.2.1\r\nx TXT "
      "\"a\" \r\n",
      "example.org");
  CHECK(zone.record_count() == 4);
  CHECK(only(zone, "w.example.org", RecordType::a) == "60 192.0.2.1");
}

TEST_CASE("load: what lies outside of the zone is left out, with a warning") {
  std::vector<zones::LoadError> warnings;
  const auto zone = zones::parse_zone(kStart + "www.example.net. 60 A 192.0.2.1\nw 60 A 192.0.2.1\n",
                                      name("example.org"), "z", &warnings);
  REQUIRE(zone);
  CHECK(zone->record_count() == 3);
  REQUIRE(warnings.size() == 1);
  CHECK(to_text(warnings[0]) == "z:3: www.example.net. is outside of the zone and left out");
}

TEST_CASE("load: $GENERATE, as BIND has it") {
  const auto zone = asking::zone(kStart +
                                     "$GENERATE 1-3 host$ 60 A 192.0.2.$\n"
                                     "$generate 10-20/5 a-${-5,3,x} CNAME host$\n"
                                     "$GENERATE 0-1 ${0,3}.b 60 IN MX \"10 m${1}\"\n"
                                     "$GENERATE 26-26 ${0,7,n}.up 7 PTR x${0,2,X}\n"
                                     "$GENERATE 1-1 lit\\$ 60 TXT \"at $$ \\$ ${0,0,o}\"\n"
                                     "$ORIGIN sub\n$GENERATE 1-2 $ 60 NS ns$\n",
                                 "example.org");
  CHECK(zone.record_count() == 2 + 3 + 3 + 2 + 1 + 1 + 2);
  CHECK(only(zone, "host3.example.org", RecordType::a) == "60 192.0.2.3");
  CHECK(only(zone, "a-005.example.org", RecordType::cname) == "60 host10.example.org.");
  CHECK(only(zone, "a-00f.example.org", RecordType::cname) == "60 host20.example.org.");
  CHECK(only(zone, "001.b.example.org", RecordType::mx) == "60 10 m2.example.org.");
  CHECK(only(zone, "a.1.0.0.up.example.org", RecordType::ptr) == "7 x1A.example.org.");
  CHECK(only(zone, "lit\\$.example.org", RecordType::txt) == "60 \"at $ $ 1\"");
  CHECK(only(zone, "2.sub.example.org", RecordType::ns) == "60 ns2.sub.example.org.");
  CHECK(refusal(kStart + "$GENERATE 3-1 a$ 60 A 192.0.2.$\n") ==
        "z:3:11: $GENERATE: '3-1' is not a range such as 1-254 or 0-100/2");
  CHECK(refusal(kStart + "$GENERATE 1-2/0 a$ 60 A 192.0.2.$\n").starts_with("z:3:11: $GENERATE: '1-2/0'"));
  CHECK(refusal(kStart + "$GENERATE 0-4194304 a$ 60 A 192.0.2.1\n") == "z:3:11: $GENERATE: more than 4194304 records");
  CHECK(refusal(kStart + "$GENERATE 250-256 a$ 60 A 192.0.2.$\n").contains("at 256: A: "));
  CHECK(refusal(kStart + "$GENERATE 1-2 a${0,x} 60 A 192.0.2.1\n").contains("'${0,x}' is not ${OFFSET,WIDTH,BASE}"));
  CHECK(refusal(kStart + "$GENERATE 1-2 a${-3} 60 A 192.0.2.1\n").contains("a value below 0"));
  CHECK(refusal(kStart + "$GENERATE 1-2\n").starts_with("z:3:"));
}

TEST_CASE("load: $GENERATE's odd corners, each by what named-compilezone makes of it") {
  const auto zone = asking::zone(kStart +
                                     "$GENERATE 26-26 ${0,8,n}even 60 A 192.0.2.1\n"
                                     "$GENERATE 26-26 ${0,2,N}Two 60 A 192.0.2.1\n"
                                     "$GENERATE 26-26 ${0,0,n}.zero 60 A 192.0.2.1\n"
                                     "$GENERATE 26-26 ${0,1,n}.one 60 A 192.0.2.1\n"
                                     "$GENERATE 8-9 ${0,3,o}o 60 A 192.0.2.1\n"
                                     "$GENERATE 171-171 ${0,4,X}.x 60 A 192.0.2.1\n"
                                     "$GENERATE 1-1 dd$$ 60 A 192.0.2.1\n"
                                     "$GENERATE 1-1 bs\\\\$ 60 A 192.0.2.1\n"
                                     "$GENERATE 1-1 a\\$\\${0,2}b 60 A 192.0.2.1\n"
                                     "$GENERATE 26-26 a{$} 60 A 192.0.2.1\n"
                                     "$GENERATE 1-2 plus${+5} 60 A 192.0.2.1\n"
                                     "$GENERATE 1-2 $.${1}.${2,2} 60 A 192.0.2.1\n"
                                     "$GENERATE 5-20/7 step$ 60 A 192.0.2.$\n"
                                     "$GENERATE 1-1 caa$ 60 CAA \"0 issue \\\"x$\\\"\"\n"
                                     "$GENERATE 1-1 txt$ 60 TXT \"\\\"a $\\\" \\\"b\\\"\"\n"
                                     "before 60 A 192.0.2.100\n"
                                     "$GENERATE 1-2 after$ 60 A 192.0.2.$\n"
                                     "  60 TXT whose\n",
                                 "example.org");
  for (const char* owner : {"a.1.0.0.even", "a.1two", "a.1.zero", "a.1.one", "010o", "011o", "00ab.x", "dd\\$",
                            "bs\\\\1", "a\\$\\$\\{0,2\\}b", "a{26}", "plus6", "plus7", "1.2.03", "2.3.04"}) {
    INFO(owner);
    CHECK(only(zone, (std::string(owner) + ".example.org").c_str(), RecordType::a) == "60 192.0.2.1");
  }
  CHECK(only(zone, "step19.example.org", RecordType::a) == "60 192.0.2.19");
  CHECK(only(zone, "caa1.example.org", RecordType::caa) == "60 0 issue \"x1\"");
  CHECK(only(zone, "txt1.example.org", RecordType::txt) == "60 \"a 1\" \"b\"");
  CHECK(only(zone, "before.example.org", RecordType::txt) == "60 \"whose\"");
  CHECK(zone.record_count() == 2 + 15 + 3 + 2 + 4);
  CHECK(refusal(kStart + "$GENERATE 26-26 ${0,8,n}.even 60 A 192.0.2.1\n").contains("empty label"));
  for (const char* modifier : {"${0,,x}", "${}", "${0,3,z}"})
    CHECK(refusal(kStart + "$GENERATE 1-1 a" + modifier + " 60 A 192.0.2.1\n").contains("is not ${OFFSET,WIDTH,BASE}"));
}

TEST_CASE("load: lines of included files and those behind them are told apart") {
  const Folder folder;
  folder.write("zones/z", kStart + "$INCLUDE parts/a\n$INCLUDE parts/a\nd 60 CNAME x\nd 60 A 192.0.2.1\n");
  folder.write("zones/parts/a", "a 60 TXT a\n\nb 60 TXT b\n");
  const auto refused = zones::load_zone(folder.path / "zones" / "z", name("example.org"));
  REQUIRE_FALSE(refused);
  CHECK(to_text(refused.error()).ends_with("/zones/z:6: CNAME and A at d.example.org."));
  folder.write("zones/z", kStart + "$INCLUDE parts/a\na 60 CNAME x\n");
  folder.write("zones/parts/a", "\n\na 60 TXT a\n");
  const auto inside = zones::load_zone(folder.path / "zones" / "z", name("example.org"));
  REQUIRE_FALSE(inside);
  CHECK(to_text(inside.error()).ends_with("/zones/z:4: CNAME and TXT at a.example.org."));
}
