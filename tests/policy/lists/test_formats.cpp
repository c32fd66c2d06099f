// Every format on a sample in the manner of published lists: the rules, what was put right, what was rejected and
// where.
#include <catch2/catch.hpp>

#include "tests/policy/lists/lists_fixture.hpp"

using namespace placard;
using namespace placard::policy;
using Lines = std::vector<std::string>;

namespace {

ListSyntax syntax_of(ListFormat format, std::optional<MatchKind> match = {}) {
  ListSyntax syntax;
  syntax.format = format;
  syntax.match = match;
  return syntax;
}

std::string plain(std::string_view name, std::string_view match = "both", std::string_view action = "sinkhole") {
  return fmt::format(R"({{"name":"{}","match":"{}","action":"{}"}})", name, match, action);
}

}  // namespace

TEST_CASE("plain domains") {
  const auto list = read_list(syntax_of(ListFormat::domains, MatchKind::both), sample("domains.txt"));
  CHECK(lines_of(list.rules) == Lines{plain("ads.example.com"), plain("xn--bcher-kva.example"),
                                      plain("tracker.example.net"), plain("trailing.example.org"),
                                      plain("under_score.example.org"), plain("url.example.org"),
                                      plain("wild.example.org")});
  CHECK(rejections_of(list.report) == "syntax:15 not-a-name:17 bad-idn:18 address:13 port:10 path:9 ");
  CHECK(normalisations_of(list.report) == "idn:1 url:1 trailing-dot:1 wildcard:1 ");
  CHECK(list.report.duplicates.count == 2);
  CHECK(list.report.duplicates.samples.front().line == 12);  // the first, whatever the order of names
  CHECK(list.report.ignored == 3);
  CHECK(list.report.rules == 7);
}

TEST_CASE("what a list does not say must be said: match") {
  CHECK_FALSE(ListReader::open(syntax_of(ListFormat::domains)));
  CHECK_FALSE(ListReader::open(syntax_of(ListFormat::adblock, MatchKind::both)));
  CHECK(ListReader::open(syntax_of(ListFormat::hosts)));
  auto csv = syntax_of(ListFormat::csv, MatchKind::exact);
  CHECK_FALSE(ListReader::open(csv));
  csv.columns = {"-", "name"};
  CHECK(ListReader::open(csv));
  csv.columns = {"name", "match"};
  CHECK_FALSE(ListReader::open(csv));
}

TEST_CASE("hosts files: exact names, own names passed over, redirects only when asked for") {
  auto syntax = syntax_of(ListFormat::hosts);
  const auto list = read_list(syntax, sample("hosts.txt"));
  CHECK(lines_of(list.rules) == Lines{plain("ads.example.com", "exact"), plain("tracker.example.net", "exact"),
                                      plain("one.example.org", "exact"), plain("six.example.org", "exact"),
                                      plain("two.example.org", "exact")});
  CHECK(rejections_of(list.report) == "syntax:13,14 not-a-name:15 redirect:12 ");
  syntax.redirects = true;
  const auto more = read_list(syntax, sample("hosts.txt"));
  CHECK(more.rules.size() == 6);
  CHECK(lines_of(more.rules)[3] ==
        R"({"name":"redirect.example.org","match":"exact","action":"local-data","records":["A 192.0.2.7"]})");
}

TEST_CASE("adblock: names only; what DNS can't do is counted and left out") {
  const auto list = read_list(syntax_of(ListFormat::adblock), sample("adblock.txt"));
  CHECK(lines_of(list.rules) == Lines{plain("ads.example.com"), plain("good.example.com", "both", "passthru"),
                                      plain("tracker.example.net"), plain("all.example.org")});
  CHECK(rejections_of(list.report) == "address:12 port:18 path:9 cosmetic:13,14,15 modifier:8 pattern:10,11,16,17 ");
  CHECK(list.report.broken_count() == 3);
}

TEST_CASE("dnsmasq: address, local and server") {
  const auto list = read_list(syntax_of(ListFormat::dnsmasq), sample("dnsmasq.conf"));
  CHECK(lines_of(list.rules) == Lines{plain("ads.example.com"), plain("good.example.net", "both", "passthru"),
                                      plain("nowhere.example.net", "both", "nxdomain"),
                                      plain("nxdomain.example.net", "both", "nxdomain"), plain("hash.example.org"),
                                      plain("one.example.org"), plain("two.example.org")});
  CHECK(rejections_of(list.report) == "syntax:11 redirect:8 directive:7,10 root:12 ");
}

TEST_CASE("RPZ: every trigger, every action, and bad records stop nothing") {
  const auto list = read_list(syntax_of(ListFormat::rpz), sample("policy.rpz"));
  const auto rule = [](std::string_view name, std::string_view match, std::string_view rest) {
    return fmt::format(R"({{"name":"{}","match":"{}","action":{}}})", name, match, rest);
  };
  CHECK(
      lines_of(list.rules) ==
      Lines{
          R"({"trigger":"client-ip","prefix":"10.0.0.9/32","action":"passthru","ttl":7200})",
          rule("drop.example.com", "exact", R"("drop","ttl":7200)"),
          rule("expand.example.com", "subdomains", R"("cname","ttl":7200,"target":"*.garden.example")"),
          rule("garden.example.com", "exact", R"("cname","ttl":7200,"target":"walled.garden.example")"),
          rule(
              "local.example.com", "exact",
              R"("local-data","ttl":7200,"records":["A 192.0.2.80","AAAA 2001:db8::80","TXT \"a text; with (signs)\""])"),
          rule("nodata.example.com", "exact", R"("nodata","ttl":300)"),
          rule("nx.example.com", "both", R"("nxdomain","ttl":7200)"),
          rule("pass.example.com", "exact", R"("passthru","ttl":7200)"),
          rule("self.example.com", "exact", R"("passthru","ttl":7200)"),
          rule("tcp.example.com", "exact", R"("truncate","ttl":7200)"),
          R"({"trigger":"response-ip","prefix":"192.0.2.0/24","action":"nxdomain","ttl":7200})",
          R"({"trigger":"response-ip","prefix":"2001:db8:2::/48","action":"nxdomain","ttl":7200})",
          R"({"trigger":"nsdname","name":"bad.example.net","match":"subdomains","action":"nxdomain","ttl":7200})",
          R"({"trigger":"nsdname","name":"ns.example.net","match":"exact","action":"nxdomain","ttl":7200})",
          R"({"trigger":"nsip","prefix":"2001:db8::1/128","action":"nxdomain","ttl":7200})"});
  CHECK(rejections_of(list.report) ==
        "bad-prefix:33,34,35 bad-record:36 unknown-word:32 meaningless-type:30,31 directive:37 ");
  CHECK(normalisations_of(list.report) == "prefix:1 ");
  CHECK(list.report.duplicates.count == 1);
  CHECK(list.report.contradictions.count == 2);  // nx.example.com, and 192.0.2.0/24 written with another end
}

TEST_CASE("RPZ: the zone's name is declared, or the SOA's") {
  const std::string with_soa =
      "rpz.example. 60 IN SOA . . 1 2 3 4 5\nbad.example.org.rpz.example. 60 IN CNAME .\nelse.example. CNAME .\n";
  auto syntax = syntax_of(ListFormat::rpz);
  const auto list = read_list(syntax, with_soa);
  CHECK(lines_of(list.rules) == Lines{R"({"name":"bad.example.org","match":"exact","action":"nxdomain","ttl":60})"});
  CHECK(rejections_of(list.report) == "outside-zone:3 ");
  syntax.zone = "rpz.example";
  CHECK(lines_of(read_list(syntax, "bad.example.org 60 CNAME .\n").rules) == lines_of(list.rules));
}

TEST_CASE("a register's CSV in windows-1251, with quotes over lines") {
  auto syntax = syntax_of(ListFormat::csv, MatchKind::both);
  syntax.columns = {"-", "name", "-", "-"};
  syntax.delimiter = ';';
  syntax.encoding = "windows-1251";
  syntax.skip_lines = 1;
  const auto list = read_list(syntax, sample("register-1251.csv"));
  CHECK(lines_of(list.rules) == Lines{plain("blocked.example.org"), plain("one.example.org"),
                                      plain("quoted.example.org"), plain("two.example.org"),
                                      plain("xn--e1afmkfd.xn--p1ai")});
  CHECK(rejections_of(list.report) == "syntax:6 ");
  CHECK(normalisations_of(list.report) == "idn:1 wildcard:1 ");
}

TEST_CASE("a CSV's own words for match, action and TTL") {
  auto syntax = syntax_of(ListFormat::csv);
  syntax.columns = {"name", "match", "action", "ttl"};
  const auto list = read_list(syntax, "a.example,exact,nxdomain,60\nb.example,both,block,60\nc.example,both,drop,x\n");
  CHECK(lines_of(list.rules) == Lines{R"({"name":"a.example","match":"exact","action":"nxdomain","ttl":60})"});
  CHECK(rejections_of(list.report) == "unknown-word:2,3 ");
}

TEST_CASE("JSON lines give back what they were written from") {
  const auto list = read_list(syntax_of(ListFormat::jsonl), sample("rules.jsonl"));
  CHECK(list.rules.size() == 7);
  CHECK(rejections_of(list.report) == "syntax:12 bad-prefix:11 unknown-word:8,9,10 ");
  std::string again;
  for (const auto& line : lines_of(list.rules)) again += line + "\n";
  const auto second = read_list(syntax_of(ListFormat::jsonl), again);
  CHECK(lines_of(second.rules) == lines_of(list.rules));
  CHECK(second.report.rejected_count() == 0);
  // And through the policy zone that they make.
  const auto rpz = read_list(syntax_of(ListFormat::rpz), sample("policy.rpz"));
  std::string native;
  for (const auto& line : lines_of(rpz.rules)) native += line + "\n";
  CHECK(lines_of(read_list(syntax_of(ListFormat::jsonl), native).rules) == lines_of(rpz.rules));
}

TEST_CASE("a list reads the same however it is cut into pieces") {
  for (const auto& [format, file] : {std::pair{ListFormat::rpz, "policy.rpz"},
                                     {ListFormat::hosts, "hosts.txt"},
                                     {ListFormat::adblock, "adblock.txt"},
                                     {ListFormat::jsonl, "rules.jsonl"}}) {
    const auto whole = read_list(syntax_of(format), sample(file));
    for (const std::size_t piece : {1, 7, 64}) {
      const auto cut = read_list(syntax_of(format), sample(file), piece);
      CHECK(lines_of(cut.rules) == lines_of(whole.rules));
      CHECK(cut.report.counts_as_json() == whole.report.counts_as_json());
    }
  }
}

TEST_CASE("byte order mark, CRLF, lines without an end and lines without measure") {
  const auto syntax = syntax_of(ListFormat::domains, MatchKind::exact);
  const std::string endless(200'000, 'a');
  const auto list = read_list(syntax,
                              "\xEF\xBB\xBF"
                              "a.example\r\nb.example\r\n" +
                                  endless + ".example\nc.example",
                              4096);
  CHECK(lines_of(list.rules) ==
        Lines{plain("a.example", "exact"), plain("b.example", "exact"), plain("c.example", "exact")});
  CHECK(rejections_of(list.report) == "line-too-long:3 ");
  CHECK(list.report.rejected[static_cast<std::size_t>(Rejection::line_too_long)].samples[0].text.size() < 200);
}
