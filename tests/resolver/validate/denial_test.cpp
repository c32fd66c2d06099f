// Proofs of non-existence, from the sets of signed zones: what they prove, and what they don't.
#include "resolver/validate/denial.hpp"

#include "resolver/validate/aggressive.hpp"
#include "tests/names.hpp"
#include "tests/resolver/validate/lab.hpp"

using namespace placard;
using namespace placard::validate;
using namespace placard::validate::tests;
using wire::EdeCode;
using wire::RecordType;

namespace {

using placard::tests::name;

/// The whole chain of a zone, as if every record of it had come.
struct Chain {
  explicit Chain(const std::string& label, Rules given = {})
      : zone(LabZone::of(label)),
        rules(given),
        sets(zone.all(RecordType::nsec).empty() ? zone.all(RecordType::nsec3) : zone.all(RecordType::nsec)),
        denials(zone.name(), sets, rules) {}
  std::string at(const std::string& owner) const { return owner + "." + zone.name().to_text(); }
  Verdict nxdomain(const std::string& owner) {
    Means means = plenty();
    return denials.nxdomain(name(at(owner)), means).verdict;
  }
  Proof nodata(const std::string& owner, RecordType type) {
    Means means = plenty();
    return denials.nodata(name(at(owner)), type, means);
  }
  LabZone zone;
  Rules rules;
  std::vector<const wire::RecordSet*> sets;
  Denials denials;
};

}  // namespace

TEST_CASE("denials: NSEC and NSEC3 prove what is not there, and nothing that is") {
  for (const std::string label : {"rsa", "ecdsa384", "ecdsa", "ed448"}) {
    INFO(label);
    Chain chain(label);
    REQUIRE_FALSE(chain.denials.empty());
    for (const std::string gone : {"nothing", "a.nothing", "zzz", "0", "b.www", "x.ent"})
      CHECK(chain.nxdomain(gone).is(Security::secure));
    for (const std::string here :
         {"www", "alias", "ent", "b.ent", "a.b.ent", "*.wild", "any.wild", "x.tree", "x.plain"})
      CHECK_FALSE(chain.nxdomain(here).is(Security::secure));
    CHECK(chain.nodata("www", RecordType::mx).verdict.is(Security::secure));
    CHECK_FALSE(chain.nodata("www", RecordType::a).verdict.is(Security::secure));
    CHECK_FALSE(chain.nodata("alias", RecordType::a).verdict.is(Security::secure));  // there is a CNAME
    CHECK(chain.nodata("ent", RecordType::a).verdict.is(Security::secure));
    CHECK(chain.nodata("any.wild", RecordType::mx).verdict.is(Security::secure));
    CHECK_FALSE(chain.nodata("any.wild", RecordType::a).verdict.is(Security::secure));
    CHECK_FALSE(chain.nodata("plain", RecordType::a).verdict.is(Security::secure));  // the child's to say
  }
}

TEST_CASE("denials: a delegation without DS is told from a name that is none") {
  for (const std::string label : {"rsa", "ecdsa"}) {
    Chain chain(label);
    const auto cut = chain.nodata("plain", RecordType::ds);
    CHECK(cut.verdict.is(Security::secure));
    CHECK(cut.unsigned_cut);
    const auto inside = chain.nodata("www", RecordType::ds);
    CHECK(inside.verdict.is(Security::secure));
    CHECK_FALSE(inside.unsigned_cut);
    Means means = plenty();  // the child's apex has nothing to say about its own DS
    CHECK_FALSE(chain.denials.nodata(chain.zone.name(), RecordType::ds, means).verdict.is(Security::secure));
  }
}

TEST_CASE("denials: spans that opt out prove nothing for sure") {
  Chain chain("ed");
  const auto cut = chain.nodata("plain", RecordType::ds);
  CHECK(cut.verdict.is(Security::insecure));
  CHECK(cut.unsigned_cut);
  CHECK(chain.nxdomain("nothing").is(Security::insecure));
  CHECK(chain.nodata("www", RecordType::mx).verdict.is(Security::secure));
}

TEST_CASE("denials: no closer name than the wildcard") {
  for (const std::string label : {"rsa", "ecdsa"}) {
    Chain chain(label);
    Means means = plenty();
    const auto at = [&](const std::string& owner) { return name(chain.at(owner)); };
    CHECK(chain.denials.wildcard(at("any.wild"), 3, means).verdict.is(Security::secure));
    CHECK(chain.denials.wildcard(at("b.any.wild"), 3, means).verdict.is(Security::secure));
    CHECK_FALSE(chain.denials.wildcard(at("any.wild"), 2, means).verdict.is(Security::secure));
    CHECK_FALSE(chain.denials.wildcard(at("wildalias.wild"), 3, means).verdict.is(Security::secure));
  }
}

TEST_CASE("denials: iterations above the limits prove nothing, or are refused") {
  Chain insecure_one("iterations");
  const auto soft = insecure_one.nxdomain("nothing");
  CHECK(soft.is(Security::insecure));
  CHECK(soft.error.code == EdeCode::unsupported_nsec3_iterations);
  Rules strict;
  strict.nsec3_bogus = 300;
  Chain bogus_one("toomany", strict);
  const auto hard = bogus_one.nxdomain("nothing");
  CHECK(hard.is(Security::bogus));
  CHECK(hard.error.code == EdeCode::unsupported_nsec3_iterations);
  Rules lenient;
  lenient.nsec3_insecure = 150;
  CHECK(Chain("iterations", lenient).nxdomain("nothing").is(Security::secure));
}

TEST_CASE("denials: CVE-2023-50868: a name of many labels costs no more hashing than is allowed") {
  Rules lenient;
  lenient.nsec3_insecure = 500;
  Chain chain("toomany", lenient);
  std::string long_name;
  for (int i = 0; i < 100; ++i) long_name += "a.";
  Means means{10, 4'000};
  const auto proof = chain.denials.nxdomain(name(long_name + "toomany.lab."), means);
  CHECK(proof.verdict.is(Security::bogus));
  CHECK(proof.verdict.out_of_means);
  CHECK(means.hash_runs == 0);
  // A reverse name of IPv6 under a zone without iterations stays far below.
  Chain plain("ecdsa");
  std::string reverse;
  for (int i = 0; i < 32; ++i) reverse += "f.";
  Means one{10, 4'000};
  CHECK(plain.denials.nxdomain(name(reverse + "ecdsa.lab."), one).verdict.is(Security::secure));
  CHECK(one.hash_runs > 3'900);
}

TEST_CASE("aggressive: what is known answers for other names, as long as it is fresh") {
  for (const std::string label : {"rsa", "ecdsa"}) {
    INFO(label);
    const Rules rules;
    Aggressive known(rules);
    Chain chain(label);
    const auto at = [&](const std::string& owner) { return name(chain.at(owner)); };
    Means means = plenty();
    CHECK_FALSE(known.answer(at("nothing"), RecordType::a, kNow, means));
    known.learn(chain.sets, &chain.zone.set(label + ".lab.", RecordType::soa), kNow, kNow + 60);
    CHECK(known.size() == chain.sets.size());
    const auto gone = known.answer(at("nothing"), RecordType::a, kNow, means);
    REQUIRE(gone);
    CHECK(gone->kind == Synthesis::Kind::nxdomain);
    CHECK(gone->expires_at == kNow + 60);
    CHECK(gone->proof.size() <= 3);
    const auto type = known.answer(at("www"), RecordType::mx, kNow, means);
    REQUIRE(type);
    CHECK(type->kind == Synthesis::Kind::nodata);
    const auto wild = known.answer(at("q.wild"), RecordType::a, kNow, means);
    REQUIRE(wild);
    CHECK(wild->kind == Synthesis::Kind::wildcard);
    CHECK(wild->wildcard == at("*.wild"));
    CHECK_FALSE(known.answer(at("www"), RecordType::a, kNow, means));
    CHECK_FALSE(known.answer(at("www.plain"), RecordType::a, kNow, means));
    CHECK_FALSE(known.answer(at("nothing"), RecordType::a, kNow + 60, means));
    CHECK_FALSE(known.answer(name("nothing.else."), RecordType::a, kNow, means));
  }
}

TEST_CASE("aggressive: nothing is answered from spans that opt out") {
  const Rules rules;
  Aggressive known(rules);
  Chain chain("ed");
  known.learn(chain.sets, &chain.zone.set("ed.lab.", RecordType::soa), kNow, kNow + 60);
  Means means = plenty();
  CHECK_FALSE(known.answer(name("nothing.ed.lab."), RecordType::a, kNow, means));
  CHECK_FALSE(known.answer(name("plain.ed.lab."), RecordType::ds, kNow, means));
  CHECK(known.answer(name("www.ed.lab."), RecordType::mx, kNow, means));
}

TEST_CASE("aggressive: a name of a hundred labels costs no more than a short one") {
  const Rules rules;
  Aggressive known(rules);
  Chain chain("ecdsa"), dear("labels");  // with fifty iterations
  for (const auto* one : {&chain, &dear})
    known.learn(one->sets, &one->zone.set(one->zone.name().to_text(), RecordType::soa), kNow, kNow + 60);
  std::string deep;
  for (int i = 0; i < 100; ++i) deep += "x.";
  Means means{0, 20};
  const auto gone = known.answer(name(deep + "ecdsa.lab."), RecordType::a, kNow, means);
  REQUIRE(gone);
  CHECK(gone->kind == Synthesis::Kind::nxdomain);
  const auto wild = known.answer(name(deep + "wild.ecdsa.lab."), RecordType::a, kNow, means = {0, 20});
  REQUIRE(wild);
  CHECK(wild->wildcard == name("*.wild.ecdsa.lab."));
  CHECK(known.answer(name(deep + "www.ecdsa.lab."), RecordType::a, kNow, means = {0, 20}));  // none below an address
  CHECK_FALSE(known.answer(name(deep + "ecdsa.lab."), RecordType::a, kNow, means = {0, 5}));
  // What would take long is not even begun.
  CHECK_FALSE(known.answer(name("x.labels.lab."), RecordType::a, kNow, means = {0, Aggressive::kMaxHashes}));
  CHECK(means.hash_runs == Aggressive::kMaxHashes);
}

TEST_CASE("aggressive: hashes that nobody knows are left alone") {
  const Rules rules;
  Aggressive known(rules);
  Chain chain("ecdsa");
  auto strange = *chain.sets.front();
  std::vector<std::uint8_t> rdata((*strange.rdatas.begin()).begin(), (*strange.rdatas.begin()).end());
  rdata[0] = 2;  // no such algorithm (RFC 5155 11)
  strange.rdatas = {};
  strange.rdatas.add(rdata);
  known.learn({&strange}, &chain.zone.set("ecdsa.lab.", RecordType::soa), kNow, kNow + 60);
  Means means = plenty();
  CHECK_FALSE(known.answer(name("nothing.ecdsa.lab."), RecordType::a, kNow, means));
  CHECK(known.size() == 0);
}
