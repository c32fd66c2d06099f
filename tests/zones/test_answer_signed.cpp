// Answers from a signed zone (RFC 4035 3.1): signatures and NSEC proofs when DO is set, nothing of it when not.
//
// signed.zone.signed was made and verified with ldns (see signed.zone). The names that each proof must be about were
// worked out by hand from the chain of its NSECs.
#include "tests/zones/asking.hpp"

using namespace asking;
using wire::Rcode;
using wire::RecordType;

namespace {

const zones::Zone& signed_zone() {
  static const zones::Zone zone = zone_file("signed.zone.signed", "signed.example");
  return zone;
}

/// "owner TYPE" of the records, signatures as "owner RRSIG(TYPE)"; the zone's name is left off.
Lines brief(const Lines& lines) {
  Lines all;
  for (const std::string& line : lines) {
    std::istringstream fields(line);
    std::string owner, ttl, type;
    fields >> owner >> ttl >> type;
    const std::string zone = "signed.example.";
    owner = owner == zone ? "@" : owner.substr(0, owner.size() - zone.size() - 1);
    all.push_back(owner + " " + type);
  }
  return all;
}

struct Brief {
  Rcode rcode;
  bool authoritative;
  Lines answer, authority;
};

Brief signed_answer(std::string_view text, RecordType type) {
  const auto reply = ask(signed_zone(), std::string(text) + "signed.example", type, true);
  CHECK_FALSE(reply.result.truncated);
  return {reply.result.rcode, reply.result.authoritative, brief(reply.answer), brief(reply.authority)};
}

const Lines kSignedSoa = {"@ SOA", "@ RRSIG(SOA)"};

Lines soa_and(std::initializer_list<const char*> owners) {
  Lines lines = kSignedSoa;
  for (const char* owner : owners) {
    lines.push_back(std::string(owner) + " NSEC");
    lines.push_back(std::string(owner) + " RRSIG(NSEC)");
  }
  return lines;
}

}  // namespace

TEST_CASE("signed: without DO nothing of DNSSEC is said, unless asked for") {
  CHECK(signed_zone().is_signed());
  const auto reply = ask(signed_zone(), "web.signed.example", RecordType::a);
  CHECK(reply.answer.size() == 1);
  CHECK(brief(ask(signed_zone(), "nowhere.signed.example", RecordType::a).authority) == Lines{"@ SOA"});
  CHECK(brief(ask(signed_zone(), "x.secure.signed.example", RecordType::a).authority) == Lines{"secure NS"});
  CHECK(brief(ask(signed_zone(), "web.signed.example", RecordType::nsec).answer) == Lines{"web NSEC"});
  CHECK(brief(ask(signed_zone(), "web.signed.example", RecordType::rrsig).answer) == Lines{"web RRSIG(A)"});
  CHECK(brief(ask(signed_zone(), "signed.example", RecordType::dnskey).answer) == Lines{"@ DNSKEY"});
}

TEST_CASE("signed: data comes with its signatures") {
  const auto web = signed_answer("web.", RecordType::a);
  CHECK(web.answer == Lines{"web A", "web RRSIG(A)"});
  CHECK(web.authority.empty());
  CHECK(signed_answer("www.", RecordType::a).answer == Lines{"www CNAME", "www RRSIG(CNAME)", "web A", "web RRSIG(A)"});
  const auto reply = ask(signed_zone(), "signed.example", RecordType::ns, true);
  CHECK(brief(reply.additional) == Lines{"ns A", "ns RRSIG(A)"});
}

TEST_CASE("signed: no data is proved by the name's own NSEC, an empty non-terminal by the one before") {
  CHECK(signed_answer("web.", RecordType::aaaa).authority == soa_and({"web"}));
  CHECK(signed_answer("www.", RecordType::aaaa).authority == soa_and({"web"}));  // at the end of the chain
  CHECK(signed_answer("b.c.", RecordType::a).authority == soa_and({"*.alias"}));
  CHECK(signed_answer("wild.", RecordType::a).authority == soa_and({"web"}));
  CHECK(signed_answer("", RecordType::a).authority == soa_and({"@"}));
}

TEST_CASE("signed: no such name is proved, and that no wildcard would make it") {
  const auto between = signed_answer("nowhere.", RecordType::a);
  CHECK(between.rcode == Rcode::nxdomain);
  CHECK(between.authority == soa_and({"insecure", "@"}));  // insecure < nowhere < ns; * lies behind the apex
  CHECK(signed_answer("zzz.", RecordType::a).authority == soa_and({"www", "@"}));
  // one NSEC does for both where it covers both
  CHECK(signed_answer("x.b.c.", RecordType::a).authority == soa_and({"a.b.c", "*.alias"}));
  CHECK(signed_answer("-.web.", RecordType::a).authority == soa_and({"web"}));
  CHECK(signed_answer("x.near.wild.", RecordType::a).authority == soa_and({"near.wild"}));
}

TEST_CASE("signed: a wildcard's answer proves that nothing closer exists") {
  const auto positive = signed_answer("q.wild.", RecordType::a);
  CHECK(positive.answer == Lines{"q.wild A", "q.wild RRSIG(A)"});
  CHECK(positive.authority == Lines{"near.wild NSEC", "near.wild RRSIG(NSEC)"});
  const auto no_data = signed_answer("q.wild.", RecordType::aaaa);
  CHECK(no_data.rcode == Rcode::noerror);
  CHECK(no_data.answer.empty());
  CHECK(no_data.authority == soa_and({"near.wild", "*.wild"}));
  const auto alias = signed_answer("q.alias.", RecordType::a);
  CHECK(alias.answer == Lines{"q.alias CNAME", "q.alias RRSIG(CNAME)", "web A", "web RRSIG(A)"});
  CHECK(alias.authority == Lines{"*.alias NSEC", "*.alias RRSIG(NSEC)"});
}

TEST_CASE("signed: a DNAME is signed, the CNAME made from it is not") {
  CHECK(signed_answer("www.d.", RecordType::a).answer ==
        Lines{"d DNAME", "d RRSIG(DNAME)", "www.d CNAME", "www.target A", "www.target RRSIG(A)"});
}

TEST_CASE("signed: delegations come with DS, or with the proof that there is none") {
  const auto secure = signed_answer("x.secure.", RecordType::a);
  CHECK_FALSE(secure.authoritative);
  CHECK(secure.authority == Lines{"secure NS", "secure DS", "secure RRSIG(DS)"});
  const auto insecure = signed_answer("x.insecure.", RecordType::a);
  CHECK_FALSE(insecure.authoritative);
  CHECK(insecure.authority == Lines{"insecure NS", "insecure NSEC", "insecure RRSIG(NSEC)"});
  const auto ds = signed_answer("secure.", RecordType::ds);
  CHECK(ds.authoritative);
  CHECK(ds.answer == Lines{"secure DS", "secure RRSIG(DS)"});
  const auto none = signed_answer("insecure.", RecordType::ds);
  CHECK(none.authoritative);
  CHECK(none.authority == soa_and({"insecure"}));
}

TEST_CASE("signed: the proof that does not fit sets TC") {
  const auto whole = ask(signed_zone(), "nowhere.signed.example", RecordType::a, true);
  const auto cut = ask(signed_zone(), "nowhere.signed.example", RecordType::a, true, whole.size - 1);
  CHECK(cut.result.truncated);
  CHECK(cut.result.rcode == Rcode::nxdomain);
  CHECK(brief(cut.authority) == soa_and({"insecure"}));
}

TEST_CASE("signed: names that only are NSEC3 owners are no names of the zone (RFC 5155 7.2.8)") {
  const auto zone = asking::zone(
      "$TTL 60\n@ SOA a.x. b.x. 1 2 3 4 5\n@ NS a.x.\n@ NSEC3PARAM 1 0 0 -\n"
      "0p9mhaveqvm6t7vbl5lop2u3t2rp3tom NSEC3 1 0 0 - 2t7b4g4vsa5smi47k61mv5bv1a22bojr NS SOA\n",
      "z");
  CHECK(ask(zone, "0p9mhaveqvm6t7vbl5lop2u3t2rp3tom.z", RecordType::nsec3, true).result.rcode == Rcode::nxdomain);
}
