// Proofs by NSEC3: the questions of RFC 5155 appendix B, whose answers the RFC names; and what it leaves to the reader.
//
// The zone is the RFC's, signed anew (see data/rfc5155.zone), so that every hash is the one that is printed there.
#include "tests/zones/asking.hpp"

using namespace asking;
using wire::Rcode;
using wire::RecordType;

namespace {

const zones::Zone& zone() {
  static const zones::Zone one = zone_file("rfc5155.zone.signed", "example");
  return one;
}

const std::string kApex = "0p9mhaveqvm6t7vbl5lop2u3t2rp3tom";    // H(example)
const std::string kSecond = "35mthgpgcu1qg68fab165klnsnk3dpvl";  // H(a)
const std::string kNs1 = "2t7b4g4vsa5smi47k61mv5bv1a22bojr";     // H(ns1)
const std::string kXW = "b4um86eghhds6nea196smvmlo4ors995";      // H(x.w)
const std::string kYW = "ji6neoaepv8b5o6k4ev33abha8ht9fgc";      // H(y.w), an empty non-terminal
const std::string kW = "k8udemvp1j2f7eg6jebps17vp3n8i58h";       // H(w)
const std::string kNs2 = "q04jkcevqvmu85r014c7dkba38o0ji5r";     // H(ns2)
const std::string kStarW = "r53bq7cc2uvmubfu5ocmm6pers9tk9en";   // H(*.w)

/// First labels of the owners of NSEC3 in the authority section; each must be signed.
Lines proofs(const Reply& reply) {
  Lines found;
  std::size_t signatures = 0;
  for (const std::string& line : reply.authority) {
    if (line.contains(" NSEC3 ")) {
      auto& label = found.emplace_back(line.substr(0, line.find('.')));
      std::ranges::transform(label, label.begin(),
                             [](char c) { return static_cast<char>(wire::lower(static_cast<std::uint8_t>(c))); });
    }
    if (line.contains(" RRSIG(NSEC3)")) ++signatures;
  }
  CHECK(found.size() == signatures);
  return found;
}

bool has_soa(const Reply& reply) {
  return !reply.authority.empty() && reply.authority.front().contains(" SOA ");
}

Reply asked(std::string_view name, RecordType type) {
  return ask(zone(), name, type, true);
}

}  // namespace

TEST_CASE("nsec3: B.1, no such name") {
  const auto reply = asked("a.c.x.w.example", RecordType::a);
  CHECK(reply.result.rcode == Rcode::nxdomain);
  CHECK(has_soa(reply));
  CHECK(proofs(reply) == Lines{kXW, kApex, kSecond});
}

TEST_CASE("nsec3: B.2, no data; B.2.1, at an empty non-terminal") {
  const auto reply = asked("ns1.example", RecordType::mx);
  CHECK(reply.result.rcode == Rcode::noerror);
  CHECK(has_soa(reply));
  CHECK(proofs(reply) == Lines{kNs1});
  CHECK(proofs(asked("y.w.example", RecordType::a)) == Lines{kYW});
}

TEST_CASE("nsec3: B.3, a delegation that opted out") {
  const auto reply = asked("mc.c.example", RecordType::mx);
  CHECK_FALSE(reply.result.authoritative);
  CHECK(reply.authority.front().contains("c.example. 3600 NS "));
  CHECK(proofs(reply) == Lines{kApex, kSecond});
  CHECK(reply.additional.size() == 2);
  // its DS, asked for, is not there, by the same proof (RFC 5155 7.2.4)
  const auto ds = asked("c.example", RecordType::ds);
  CHECK(ds.result.authoritative);
  CHECK(has_soa(ds));
  CHECK(proofs(ds) == Lines{kApex, kSecond});
  // one with a DS needs no proof
  CHECK(proofs(asked("mc.a.example", RecordType::mx)).empty());
}

TEST_CASE("nsec3: B.4, made by a wildcard; B.5, and without the type") {
  const auto reply = asked("a.z.w.example", RecordType::mx);
  CHECK(reply.answer.front() == "a.z.w.example. 3600 MX 1 ai.example.");
  CHECK(proofs(reply) == Lines{kNs2});
  const auto none = asked("a.z.w.example", RecordType::aaaa);
  CHECK(none.result.rcode == Rcode::noerror);
  CHECK(proofs(none) == Lines{kW, kNs2, kStarW});
}

TEST_CASE("nsec3: B.6, the DS of the apex, asked at the child") {
  const auto reply = asked("example", RecordType::ds);
  CHECK(reply.result.authoritative);
  CHECK(proofs(reply) == Lines{kApex});
}

TEST_CASE("nsec3: below a name without others below it the wildcard is looked up when asked") {
  const auto reply = asked("x.xx.example", RecordType::a);
  CHECK(reply.result.rcode == Rcode::nxdomain);
  REQUIRE(proofs(reply).size() >= 2);
  CHECK(proofs(reply).front() == "t644ebqk9bibcna874givr6joj62mlhv");
}

TEST_CASE("nsec3: hashed names are no names, and one that is both answers with its own data only") {
  // ns1's hash is also a name of the zone: the RFC put it there.
  const auto both = asked(kNs1 + ".example", RecordType::a);
  CHECK(both.answer.front() == kNs1 + ".example. 3600 A 192.0.2.127");
  const auto gone = asked(kApex + ".example", RecordType::nsec3);
  CHECK(gone.result.rcode == Rcode::nxdomain);
  CHECK(gone.answer.empty());
}

TEST_CASE("nsec3: for every name of the zone and beside it, each proof holds by the definitions of the RFC") {
  // An independent reading of RFC 5155 8.3 to 8.7: from the proofs alone, which names are denied.
  const auto params = wire::parse_nsec3param(*zone().apex().find(RecordType::nsec3param)->rdatas().begin());
  REQUIRE(params);
  std::vector<wire::Name> names;
  for (const auto& node : zone().nodes()) {
    names.emplace_back(node.name());
    for (const char* label : {"*", "0", "m", "zz"}) {
      const std::string_view text(label);
      const auto below =
          wire::Name::prepend({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()}, node.name());
      if (below) names.push_back(*below);
    }
  }
  std::size_t denied = 0;
  for (const auto& name : names) {
    const auto reply = ask(zone(), name.to_text(), RecordType::txt, true);
    if (!reply.result.authoritative || reply.result.rcode != Rcode::nxdomain) continue;
    INFO(name.to_text());
    const auto found = proofs(reply);
    const auto matched = [&](wire::NameView one) {
      const auto label = wire::nsec3_label(wire::nsec3_hash(one, *params));
      return std::ranges::find(found, std::string(label.begin(), label.end())) != found.end();
    };
    const auto covered = [&](wire::NameView one) {
      const auto hash = wire::nsec3_hash(one, *params);
      return std::ranges::any_of(found, [&](const std::string& label) {
        const auto own = wire::nsec3_hash_of_label({reinterpret_cast<const std::uint8_t*>(label.data()), label.size()});
        const auto owner = asking::name(label + ".example");
        for (const auto& node : zone().nodes()) {
          if (!(node.name() == owner.view())) continue;
          const auto view = wire::parse_nsec3(*node.find(RecordType::nsec3)->rdatas().begin());
          return view && wire::nsec3_covers(*own, view->next, hash);
        }
        return false;
      });
    };
    wire::NameView next_closer = name, encloser = name.view().parent();
    while (!matched(encloser)) {
      REQUIRE(encloser.size() > zone().origin().size());
      next_closer = encloser;
      encloser = encloser.parent();
    }
    CHECK(covered(next_closer));
    CHECK(covered(*wire::Name::prepend(std::array<std::uint8_t, 1>{'*'}, encloser)));
    ++denied;
  }
  CHECK(denied > 20);
}
