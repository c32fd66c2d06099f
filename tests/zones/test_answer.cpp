// Answers from unsigned zones: RFC 1034, 2308, 4592, 6672, 8482, and what does not fit.
#include "tests/zones/asking.hpp"

#include <algorithm>

using namespace asking;
using wire::Rcode;
using wire::RecordType;

namespace {

const zones::Zone& tree() {
  static const zones::Zone zone = zone_file("tree.zone", "example.org");
  return zone;
}

const std::string kSoa =
    "example.org. 300 SOA ns1.example.org. hostmaster.example.org. 2026010101 7200 3600 1209600 300";

void check_no_data(const Reply& reply) {
  CHECK(reply.result.rcode == Rcode::noerror);
  CHECK(reply.result.authoritative);
  CHECK(reply.answer.empty());
  CHECK(reply.authority == Lines{kSoa});
  CHECK(reply.additional.empty());
}

void check_no_name(const Reply& reply) {
  CHECK(reply.result.rcode == Rcode::nxdomain);
  CHECK(reply.result.authoritative);
  CHECK(reply.answer.empty());
  CHECK(reply.authority == Lines{kSoa});
}

void check_positive(const Reply& reply, const Lines& answer) {
  CHECK(reply.result.rcode == Rcode::noerror);
  CHECK(reply.result.authoritative);
  CHECK_FALSE(reply.result.truncated);
  CHECK(reply.answer == answer);
  CHECK(reply.authority.empty());
}

}  // namespace

TEST_CASE("answer: data of the zone, with addresses for the names in it") {
  check_positive(ask(tree(), "web.example.org", RecordType::a), {"web.example.org. 3600 A 192.0.2.80"});
  const auto mx = ask(tree(), "example.org", RecordType::mx);
  check_positive(mx, {"example.org. 3600 MX 10 mail.example.org.", "example.org. 3600 MX 20 mail.example.net."});
  CHECK(mx.additional == Lines{"mail.example.org. 3600 A 192.0.2.25"});
  const auto ns = ask(tree(), "example.org", RecordType::ns);
  CHECK(ns.additional == Lines{"ns1.example.org. 3600 A 192.0.2.1", "ns1.example.org. 3600 AAAA 2001:db8::1"});
  const auto srv = ask(tree(), "_sip._tcp.example.org", RecordType::srv);
  CHECK(srv.additional == Lines{"mail.example.org. 3600 A 192.0.2.25"});
  // The question's case comes back in the owner: compression points at the question.
  check_positive(ask(tree(), "WEB.example.ORG", RecordType::txt), {"WEB.example.ORG. 3600 TXT \"web\""});
}

TEST_CASE("answer: no data, at names, empty non-terminals, and for odd types") {
  check_no_data(ask(tree(), "web.example.org", RecordType::aaaa));
  check_no_data(ask(tree(), "b.c.example.org", RecordType::a));
  check_no_data(ask(tree(), "c.example.org", RecordType::any));
  check_no_data(ask(tree(), "web.example.org", static_cast<RecordType>(65280)));
  check_no_data(ask(tree(), "example.org", RecordType::ds));
  check_no_data(ask(tree(), "web.example.org", RecordType::rrsig));
}

TEST_CASE("answer: no such name; the SOA's TTL is the lesser of its own and its minimum (RFC 2308 3)") {
  check_no_name(ask(tree(), "nowhere.example.org", RecordType::a));
  check_no_name(ask(tree(), "x.web.example.org", RecordType::a));
  check_no_name(ask(tree(), "x.c.example.org", RecordType::any));
  const auto zone = asking::zone("@ 7 SOA a.x. b.x. 1 2 3 4 500\n@ 7 NS a.x.\n", "z");
  CHECK(ask(zone, "a.z", RecordType::a).authority == Lines{"z. 7 SOA a.x. b.x. 1 2 3 4 500"});
}

TEST_CASE("answer: the wildcards of RFC 4592 2.2.1") {
  const auto zone = zone_file("rfc4592.zone", "example");
  const std::string soa = "example. 300 SOA ns.example.com. host.example.com. 1 7200 3600 1209600 300";
  // synthesised from the wildcard
  check_positive(ask(zone, "host3.example", RecordType::mx), {"host3.example. 3600 MX 10 host1.example."});
  check_positive(ask(zone, "foo.bar.example", RecordType::txt), {"foo.bar.example. 3600 TXT \"this is a wildcard\""});
  const auto no_data = ask(zone, "host3.example", RecordType::a);
  CHECK(no_data.result.rcode == Rcode::noerror);
  CHECK(no_data.answer.empty());
  CHECK(no_data.authority == Lines{soa});
  // not synthesised
  CHECK(ask(zone, "host1.example", RecordType::mx).answer.empty());  // the name exists
  CHECK(ask(zone, "host1.example", RecordType::mx).result.rcode == Rcode::noerror);
  CHECK(ask(zone, "sub.*.example", RecordType::mx).answer.empty());  // the name exists
  CHECK(ask(zone, "sub.*.example", RecordType::mx).result.rcode == Rcode::noerror);
  CHECK(ask(zone, "_telnet._tcp.host1.example", RecordType::srv).result.rcode == Rcode::nxdomain);  // _tcp.host1 exists
  const auto delegated = ask(zone, "host.subdel.example", RecordType::a);                           // below a cut
  CHECK_FALSE(delegated.result.authoritative);
  CHECK(delegated.authority ==
        Lines{"subdel.example. 3600 NS ns.example.com.", "subdel.example. 3600 NS ns.example.net."});
  CHECK(ask(zone, "ghost.*.example", RecordType::mx).result.rcode ==
        Rcode::nxdomain);  // "*" exists: no wildcard below it
  // the wildcard itself can be asked for
  check_positive(ask(zone, "*.example", RecordType::txt), {"*.example. 3600 TXT \"this is a wildcard\""});
  // _tcp.host2 is an empty non-terminal between
  CHECK(ask(zone, "host2.example", RecordType::mx).answer.empty());
  CHECK(ask(zone, "host2.example", RecordType::mx).result.rcode == Rcode::noerror);
}

TEST_CASE("answer: wildcards end at closer names") {
  check_positive(ask(tree(), "q.wild.example.org", RecordType::a), {"q.wild.example.org. 3600 A 192.0.2.99"});
  check_positive(ask(tree(), "r.q.wild.example.org", RecordType::a), {"r.q.wild.example.org. 3600 A 192.0.2.99"});
  check_no_data(ask(tree(), "y.wild.example.org", RecordType::a));
  check_no_name(ask(tree(), "q.y.wild.example.org", RecordType::a));
  check_no_data(ask(tree(), "wild.example.org", RecordType::a));
  check_positive(ask(tree(), "q.alias.example.org", RecordType::a),
                 {"q.alias.example.org. 3600 CNAME web.example.org.", "web.example.org. 3600 A 192.0.2.80"});
}

TEST_CASE("answer: CNAMEs are followed inside the zone") {
  check_positive(ask(tree(), "www.example.org", RecordType::a),
                 {"www.example.org. 600 CNAME web.example.org.", "web.example.org. 3600 A 192.0.2.80"});
  check_positive(ask(tree(), "www.example.org", RecordType::cname), {"www.example.org. 600 CNAME web.example.org."});
  check_positive(ask(tree(), "out.example.org", RecordType::a), {"out.example.org. 3600 CNAME www.example.com."});
  const auto no_data = ask(tree(), "www.example.org", RecordType::aaaa);
  CHECK(no_data.result.rcode == Rcode::noerror);
  CHECK(no_data.answer.size() == 1);
  CHECK(no_data.authority == Lines{kSoa});
  // The rcode speaks of the last name (RFC 6604 3), AA of the first (RFC 1034 4.3.1).
  const auto gone = ask(tree(), "c1.example.org", RecordType::a);
  CHECK(gone.result.rcode == Rcode::nxdomain);
  CHECK(gone.answer.size() == 3);
  CHECK(gone.authority == Lines{kSoa});
  const auto to_cut = ask(tree(), "tosub.example.org", RecordType::a);
  CHECK(to_cut.result.authoritative);
  CHECK(to_cut.answer.size() == 1);
  CHECK(to_cut.authority.size() == 3);
}

TEST_CASE("answer: loops of CNAMEs end, each record said once") {
  check_positive(ask(tree(), "loop1.example.org", RecordType::a), {"loop1.example.org. 3600 CNAME loop2.example.org.",
                                                                   "loop2.example.org. 3600 CNAME loop1.example.org."});
  check_positive(ask(tree(), "self.example.org", RecordType::a), {"self.example.org. 3600 CNAME self.example.org."});
  check_positive(
      ask(tree(), "q.spin.example.org", RecordType::a),
      {"q.spin.example.org. 3600 CNAME x.spin.example.org.", "x.spin.example.org. 3600 CNAME x.spin.example.org."});
  std::string chain = "@ 60 SOA a.x. b.x. 1 2 3 4 5\n@ 60 NS a.x.\n";
  for (int i = 0; i < 100; ++i) chain += "c" + std::to_string(i) + " 60 CNAME c" + std::to_string(i + 1) + "\n";
  const auto zone = asking::zone(chain, "z");
  const auto reply = ask(zone, "c0.z", RecordType::a);
  CHECK(reply.answer.size() == 16);
  CHECK(reply.result.rcode == Rcode::noerror);
}

TEST_CASE("answer: DNAME (RFC 6672)") {
  check_positive(
      ask(tree(), "www.d.example.org", RecordType::a),
      {"d.example.org. 3600 DNAME target.example.org.", "www.d.example.org. 3600 CNAME www.target.example.org.",
       "www.target.example.org. 3600 A 192.0.2.70"});
  // the owner itself is not renamed
  check_positive(ask(tree(), "d.example.org", RecordType::txt), {"d.example.org. 3600 TXT \"beside the DNAME\""});
  check_positive(ask(tree(), "d.example.org", RecordType::dname), {"d.example.org. 3600 DNAME target.example.org."});
  check_no_data(ask(tree(), "d.example.org", RecordType::a));
  // asked for the CNAME, the one that was made is the answer
  check_positive(
      ask(tree(), "www.d.example.org", RecordType::cname),
      {"d.example.org. 3600 DNAME target.example.org.", "www.d.example.org. 3600 CNAME www.target.example.org."});
  // one DNAME leads to another
  check_positive(
      ask(tree(), "www.dd.example.org", RecordType::a),
      {"dd.example.org. 3600 DNAME d.example.org.", "www.dd.example.org. 3600 CNAME www.d.example.org.",
       "d.example.org. 3600 DNAME target.example.org.", "www.d.example.org. 3600 CNAME www.target.example.org.",
       "www.target.example.org. 3600 A 192.0.2.70"});
  check_positive(ask(tree(), "www.dout.example.org", RecordType::a),
                 {"dout.example.org. 3600 DNAME example.net.", "www.dout.example.org. 3600 CNAME www.example.net."});
  const auto gone = ask(tree(), "x.d.example.org", RecordType::a);
  CHECK(gone.result.rcode == Rcode::nxdomain);
  CHECK(gone.answer.size() == 2);
  check_positive(
      ask(tree(), "x.dloop.example.org", RecordType::a),
      {"dloop.example.org. 3600 DNAME dloop.example.org.", "x.dloop.example.org. 3600 CNAME x.dloop.example.org."});
}

TEST_CASE("answer: a DNAME that makes a name too long is YXDOMAIN (RFC 6672 2.2)") {
  const std::string label(60, 'x');
  const auto zone = asking::zone(
      "@ 60 SOA a.x. b.x. 1 2 3 4 5\n@ 60 NS a.x.\nd 60 DNAME " + label + "." + label + "." + label + "\n", "z");
  const auto reply = ask(zone, std::string(60, 'y') + "." + std::string(60, 'y') + ".d.z", RecordType::a);
  CHECK(reply.result.rcode == Rcode::yxdomain);
  CHECK(reply.answer.size() == 1);
}

TEST_CASE("answer: names hidden below a DNAME are not served") {
  const auto zone = asking::zone(
      "@ 60 SOA a.x. b.x. 1 2 3 4 5\n@ 60 NS a.x.\nd 60 DNAME t\nx.d 60 A 192.0.2.1\nsub.d 60 NS a.x.\n@ 60 TXT t\n",
      "z");
  CHECK(ask(zone, "x.d.z", RecordType::a).answer == Lines{"d.z. 60 DNAME t.z.", "x.d.z. 60 CNAME x.t.z."});
  CHECK(ask(zone, "q.sub.d.z", RecordType::a).answer == Lines{"d.z. 60 DNAME t.z.", "q.sub.d.z. 60 CNAME q.sub.t.z."});
}

TEST_CASE("answer: delegations, with glue below the cut and beside it") {
  const Lines servers = {"sub.example.org. 3600 NS ns.sub.example.org.", "sub.example.org. 3600 NS ns1.example.org.",
                         "sub.example.org. 3600 NS ns.other.example.org."};
  const Lines addresses = {"ns.sub.example.org. 3600 A 192.0.2.53", "ns.sub.example.org. 3600 AAAA 2001:db8::53",
                           "ns1.example.org. 3600 A 192.0.2.1", "ns1.example.org. 3600 AAAA 2001:db8::1",
                           "ns.other.example.org. 3600 A 192.0.2.54"};
  for (const char* asked : {"sub.example.org", "x.sub.example.org", "a.b.sub.example.org", "ns.sub.example.org"}) {
    for (const RecordType type : {RecordType::a, RecordType::ns, RecordType::any, RecordType::soa}) {
      const auto reply = ask(tree(), asked, type);
      INFO(asked << " " << to_text(type));
      CHECK(reply.result.rcode == Rcode::noerror);
      CHECK_FALSE(reply.result.authoritative);
      CHECK(reply.answer.empty());
      CHECK(reply.authority == servers);
      CHECK(reply.additional == addresses);
    }
  }
  const auto far = ask(tree(), "deep.far.example.org", RecordType::txt);  // there, but hidden
  CHECK(far.authority == Lines{"far.example.org. 3600 NS ns.example.net."});
  CHECK(far.additional.empty());
}

TEST_CASE("answer: DS at a cut is the parent's to answer") {
  check_no_data(ask(tree(), "sub.example.org", RecordType::ds));
  CHECK_FALSE(ask(tree(), "x.sub.example.org", RecordType::ds).result.authoritative);
  const auto zone = asking::zone(
      "@ 60 SOA a.x. b.x. 1 2 3 4 5\n@ 60 NS a.x.\ns 60 NS a.x.\ns 60 DS 1 13 2 " + std::string(64, 'a') + "\n", "z");
  const auto reply = ask(zone, "s.z", RecordType::ds);
  CHECK(reply.result.authoritative);
  CHECK(reply.answer.size() == 1);
}

TEST_CASE("answer: ANY is answered with one set (RFC 8482)") {
  CHECK(ask(tree(), "web.example.org", RecordType::any).answer == Lines{"web.example.org. 3600 A 192.0.2.80"});
  CHECK(ask(tree(), "www.example.org", RecordType::any).answer == Lines{"www.example.org. 600 CNAME web.example.org."});
  CHECK(ask(tree(), "q.wild.example.org", RecordType::any).answer.size() == 1);
  check_no_name(ask(tree(), "nowhere.example.org", RecordType::any));
}

TEST_CASE("answer: addresses below a cut are glue, not data: an MX does not bring them") {
  const auto zone = asking::zone(
      "@ 60 SOA a.x. b.x. 1 2 3 4 5\n@ 60 NS ns.s\n@ 60 MX 1 ns.s\ns 60 NS ns.s\nns.s 60 A 192.0.2.1\n", "z");
  CHECK(ask(zone, "z", RecordType::mx).additional.empty());
  CHECK(ask(zone, "z", RecordType::ns).additional.size() == 1);
}

TEST_CASE("answer: what does not fit") {
  std::string text = "@ 60 SOA a.x. b.x. 1 2 3 4 5\n@ 60 NS a.x.\nm 60 MX 1 t\nbig 60 CNAME huge\nhuge 60 TXT " +
                     std::string(200, 'x') + " " + std::string(200, 'y') +
                     "\nglued 60 NS ns.glued\nbeside 60 NS ns.glued\n";
  for (int i = 0; i < 40; ++i) {
    text += "t 60 A 192.0.2." + std::to_string(i) + "\nns.glued 60 A 192.0.2." + std::to_string(i) + "\n";
  }
  const auto zone = asking::zone(text, "z");
  // additional: left out in silence
  const auto mx = ask(zone, "m.z", RecordType::mx, false, 512);
  CHECK(mx.answer.size() == 1);
  CHECK(mx.additional.empty());
  CHECK_FALSE(mx.result.truncated);
  CHECK(ask(zone, "m.z", RecordType::mx).additional.size() == 40);
  // answer: TC, whole sets only
  const auto a = ask(zone, "t.z", RecordType::a, false, 512);
  CHECK(a.result.truncated);
  CHECK(a.answer.empty());
  const auto big = ask(zone, "big.z", RecordType::txt, false, 400);
  CHECK(big.result.truncated);
  CHECK(big.answer == Lines{"big.z. 60 CNAME huge.z."});
  // glue below the cut: TC (RFC 9471); glue from elsewhere: left out
  const auto glued = ask(zone, "x.glued.z", RecordType::a, false, 512);
  CHECK(glued.result.truncated);
  CHECK(glued.authority.size() == 1);
  CHECK(glued.additional.empty());
  const auto beside = ask(zone, "x.beside.z", RecordType::a, false, 512);
  CHECK_FALSE(beside.result.truncated);
  CHECK(beside.additional.empty());
}

TEST_CASE("answer: at every size, what comes is whole or says that it is not") {
  for (const char* asked :
       {"www.example.org", "example.org", "x.sub.example.org", "nowhere.example.org", "www.dd.example.org"}) {
    for (const RecordType type : {RecordType::a, RecordType::mx, RecordType::ns}) {
      const auto whole = ask(tree(), asked, type);
      for (std::size_t limit = 40; limit <= whole.size; ++limit) {
        const auto reply = ask(tree(), asked, type, false, limit);
        INFO(asked << " " << to_text(type) << " in " << limit);
        CHECK(reply.size <= limit);
        CHECK(reply.result.rcode == (reply.result.truncated ? reply.result.rcode : whole.result.rcode));
        CHECK((reply.result.truncated || (reply.answer == whole.answer && reply.authority == whole.authority)));
        if (limit == whole.size) CHECK(reply.additional == whole.additional);
      }
    }
  }
}

TEST_CASE("answer: a DNAME met twice without a circle does not end the chain; one into its own tree does") {
  const auto zone = asking::zone(
      "$TTL 60\n@ SOA a.x. b.x. 1 2 3 4 5\n@ NS a.x.\nd DNAME t\nx.t CNAME y.d\ny.t A 192.0.2.1\n"
      "own DNAME below.own\na DNAME b\nb DNAME a\ngrow-a DNAME q.grow-b\ngrow-b DNAME q.grow-a\n",
      "z");
  CHECK(ask(zone, "x.d.z", RecordType::a).answer == Lines{"d.z. 60 DNAME t.z.", "x.d.z. 60 CNAME x.t.z.",
                                                          "x.t.z. 60 CNAME y.d.z.", "y.d.z. 60 CNAME y.t.z.",
                                                          "y.t.z. 60 A 192.0.2.1"});
  CHECK(ask(zone, "x.own.z", RecordType::a).answer ==
        Lines{"own.z. 60 DNAME below.own.z.", "x.own.z. 60 CNAME x.below.own.z."});
  CHECK(ask(zone, "x.a.z", RecordType::a).answer ==
        Lines{"a.z. 60 DNAME b.z.", "x.a.z. 60 CNAME x.b.z.", "b.z. 60 DNAME a.z.", "x.b.z. 60 CNAME x.a.z."});
  const auto growing = ask(zone, "x.grow-a.z", RecordType::a);
  CHECK(growing.answer.size() == 2 + 16);
}

TEST_CASE("answer: full answers carry the zone's servers, in authority, unless they were asked for") {
  const auto full = [](std::string_view name, RecordType type) {
    return ask(tree(), name, type, false, wire::kMaxMessageSize, false);
  };
  CHECK(full("web.example.org", RecordType::a).authority.size() == 2);
  CHECK(full("web.example.org", RecordType::a).additional.size() == 2);
  CHECK(full("example.org", RecordType::ns).authority.empty());
  CHECK(full("nowhere.example.org", RecordType::a).authority == Lines{kSoa});
  CHECK(full("out.example.org", RecordType::a).authority.empty());
  // what stands in the answer is not said again
  const auto address = full("ns1.example.org", RecordType::a);
  CHECK(address.answer == Lines{"ns1.example.org. 3600 A 192.0.2.1"});
  CHECK(address.additional == Lines{"ns1.example.org. 3600 AAAA 2001:db8::1"});
  CHECK(full("example.org", RecordType::any).answer.size() > 3);
}

TEST_CASE("answer: what SVCB and HTTPS lead to (RFC 9460 4.1)") {
  const auto zone = asking::zone(
      "$TTL 60\n@ SOA a.x. b.x. 1 2 3 4 5\n@ NS a.x.\nhost A 192.0.2.1\nhost AAAA 2001:db8::1\n"
      "s SVCB 1 host alpn=h2\nself HTTPS 1 . alpn=h2\nself A 192.0.2.2\nalias SVCB 0 s\nnone SVCB 0 .\n"
      "far SVCB 0 s.x.\nchain SVCB 0 c\nc CNAME alias\nround SVCB 0 round2\nround2 SVCB 0 round\nw SVCB 1 q.wild\n"
      "*.wild A 192.0.2.3\n",
      "z");
  const Lines host = {"host.z. 60 A 192.0.2.1", "host.z. 60 AAAA 2001:db8::1"};
  const auto told = [&](std::string_view name, RecordType type) { return ask(zone, name, type).additional; };
  CHECK(told("s.z", RecordType::svcb) == host);
  CHECK(told("self.z", RecordType::https) == Lines{"self.z. 60 A 192.0.2.2"});
  CHECK(told("alias.z", RecordType::svcb) == Lines{"s.z. 60 SVCB 1 host.z. alpn=h2", host[0], host[1]});
  CHECK(told("none.z", RecordType::svcb).empty());
  CHECK(told("far.z", RecordType::svcb).empty());
  CHECK(told("chain.z", RecordType::svcb) ==
        Lines{"c.z. 60 CNAME alias.z.", "alias.z. 60 SVCB 0 s.z.", "s.z. 60 SVCB 1 host.z. alpn=h2", host[0], host[1]});
  CHECK(told("round.z", RecordType::svcb) == Lines{"round2.z. 60 SVCB 0 round.z."});
  CHECK(told("w.z", RecordType::svcb) == Lines{"q.wild.z. 60 A 192.0.2.3"});
}

TEST_CASE("answer: NAPTR brings what its flag says, a wildcard's target its addresses") {
  const auto zone = asking::zone(
      "$TTL 60\n@ SOA a.x. b.x. 1 2 3 4 5\n@ NS a.x.\nn NAPTR 1 1 S SIP \"\" _sip._tcp\nn NAPTR 1 1 a SIP \"\" h\n"
      "n NAPTR 1 1 u SIP \"!a!b!\" .\n_sip._tcp SRV 1 1 1 t\nt A 192.0.2.1\nh A 192.0.2.2\nm MX 1 q.wild\n*.wild A "
      "192.0.2.3\n",
      "z");
  CHECK(ask(zone, "n.z", RecordType::naptr).additional ==
        Lines{"_sip._tcp.z. 60 SRV 1 1 1 t.z.", "t.z. 60 A 192.0.2.1", "h.z. 60 A 192.0.2.2"});
  CHECK(ask(zone, "m.z", RecordType::mx).additional == Lines{"q.wild.z. 60 A 192.0.2.3"});
}

TEST_CASE("answer: aliases are followed into other zones of ours (RFC 1034 4.3.2 step 3a)") {
  const auto shared = [](std::string_view text, std::string_view origin) {
    const std::string head = "$TTL 60\n@ SOA ns h 1 2 3 4 5\n@ NS ns\n";
    return std::make_shared<const zones::Zone>(asking::zone(head + std::string(text), origin));
  };
  const zones::ZoneSet all({shared("x CNAME y.b.\nd DNAME b.\nround CNAME round.b.\ngone CNAME gone.b.\n"
                                   "down CNAME h.c\nc NS ns.c\nm MX 1 y.b.\nfar CNAME y.elsewhere.\n",
                                   "a"),
                            shared("y A 192.0.2.1\nround CNAME round.a.\nm MX 1 y\n", "b"),
                            shared("h A 192.0.2.2\n", "c.a")});
  const auto asked = [&](std::string_view name, RecordType type) {
    return ask(*all.find(asking::name(name), type), name, type, false, wire::kMaxMessageSize, true, &all);
  };
  check_positive(asked("x.a", RecordType::a), {"x.a. 60 CNAME y.b.", "y.b. 60 A 192.0.2.1"});
  check_positive(asked("y.d.a", RecordType::a), {"d.a. 60 DNAME b.", "y.d.a. 60 CNAME y.b.", "y.b. 60 A 192.0.2.1"});
  check_positive(asked("round.a", RecordType::a), {"round.a. 60 CNAME round.b.", "round.b. 60 CNAME round.a."});
  check_positive(asked("down.a", RecordType::a), {"down.a. 60 CNAME h.c.a.", "h.c.a. 60 A 192.0.2.2"});
  check_positive(asked("far.a", RecordType::a), {"far.a. 60 CNAME y.elsewhere."});
  const auto gone = asked("gone.a", RecordType::a);
  CHECK(gone.result.rcode == Rcode::nxdomain);
  CHECK(gone.authority == Lines{"b. 5 SOA ns.b. h.b. 1 2 3 4 5"});
  // what stands beside an answer comes from the zone in which it ended
  CHECK(asked("m.a", RecordType::mx).additional.empty());
  CHECK(asked("m.d.a", RecordType::mx).additional == Lines{"y.b. 60 A 192.0.2.1"});
}
