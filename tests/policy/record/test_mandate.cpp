// What an authority may do and may not: versions of it, its mandate, and overrides of guards by two keys.
#include <gnutls/abstract.h>
#include <gnutls/gnutls.h>
#include <catch2/catch.hpp>

#include "policy/record/override.hpp"
#include "tests/policy/record/examples.hpp"

using namespace placard::policy;
using Catch::Matchers::Contains;

namespace {

std::string encoded(const gnutls_datum_t& octets) {
  gnutls_datum_t text{};
  REQUIRE(gnutls_base64_encode2(&octets, &text) == 0);
  std::string out = "ed25519:" + std::string(reinterpret_cast<const char*>(text.data), text.size);
  gnutls_free(text.data);
  return out;
}

/// A key pair made for the test.
class SigningKey {
 public:
  SigningKey() {
    REQUIRE(gnutls_privkey_init(&key_) == 0);
    REQUIRE(gnutls_privkey_generate2(key_, GNUTLS_PK_EDDSA_ED25519, 0, 0, nullptr, 0) == 0);
  }
  ~SigningKey() { gnutls_privkey_deinit(key_); }
  SigningKey(const SigningKey&) = delete;

  std::string public_text() const {
    gnutls_ecc_curve_t curve{};
    gnutls_datum_t x{};
    REQUIRE(gnutls_privkey_export_ecc_raw(key_, &curve, &x, nullptr, nullptr) == 0);
    auto text = encoded(x);
    gnutls_free(x.data);
    return text;
  }
  std::string sign(const std::string& text) const {
    gnutls_datum_t data{reinterpret_cast<unsigned char*>(const_cast<char*>(text.data())),
                        static_cast<unsigned>(text.size())};
    gnutls_datum_t signature{};
    REQUIRE(gnutls_privkey_sign_data2(key_, GNUTLS_SIGN_EDDSA_ED25519, 0, &data, &signature) == 0);
    auto encoded_signature = encoded(signature);
    gnutls_free(signature.data);
    return encoded_signature;
  }

 private:
  gnutls_privkey_t key_ = nullptr;
};

std::string key_line(const SigningKey& key) {
  return fmt::format("public_key = \"{}\"\n", key.public_text());
}

std::string override_toml(std::string_view about, std::string_view reason,
                          std::initializer_list<std::pair<std::string, std::string>> signatures) {
  auto text = fmt::format("[[decision.override]]\nabout = \"{}\"\nreason = \"{}\"\n", about, reason);
  for (const auto& [authority, value] : signatures)
    text += fmt::format("[[decision.override.signature]]\nauthority = \"{}\"\nvalue = \"{}\"\n", authority, value);
  return text;
}

}  // namespace

TEST_CASE("an authority changes by a new version, and each version stays") {
  TemporaryFolder folder;
  auto store = open_store(folder);
  take_in(store, authority_toml());
  CHECK_THAT(refusal(store, authority_toml() + "contact = \"mailto:a@example.net\"\n"),
             Contains("write a new version"));
  CHECK_THAT(refusal(store, authority_toml() + "version = 3\n"), Contains("the next version of 'court' is 2"));
  take_in(store, authority_toml() + "version = 2\ncontact = \"mailto:a@example.net\"\n", kNow + 10);
  CHECK(store.authority("court")->contact == "mailto:a@example.net");
  CHECK(store.authority("court")->name.at("en") == "A court");
  CHECK(store.authority("court", 1)->contact.empty());
  // The older file once more changes nothing.
  CHECK(take_in(store, authority_toml(), kNow + 20).recorded.empty());
  CHECK(store.authority("court")->version == 2);
  CHECK(store.verify_log().problems.empty());
  const auto rows = store.query("SELECT version, contact, recorded_to FROM public_authority_history ORDER BY version");
  REQUIRE(rows.has_value());
  CHECK(rows->rows.size() == 2);
  CHECK(store.query("SELECT * FROM public_authority")->rows.size() == 1);
}

TEST_CASE("a decision beyond its authority's mandate is refused with the limit that it broke") {
  TemporaryFolder folder;
  auto store = open_store(folder);
  take_in(store, authority_toml() +
                     "[authority.mandate]\ntypes = [\"court_order\", \"emergency\"]\nactions = [\"sinkhole\"]\n"
                     "jurisdictions = [\"NZ\"]\nsuffixes = [\"nz\", \"example.org\"]\nmax_rules = 1\n"
                     "max_duration = \"60 days\"\n");
  const std::string scope = "territorial_scope = [\"NZ-AUK\"]";
  CHECK(refusal(store, decision_toml("d1", "www.example.org", scope)).empty());
  CHECK_THAT(refusal(store, decision_toml("d2", "example.com", scope)), Contains("suffixes are nz, example.org"));
  CHECK_THAT(refusal(store, decision_toml("d2", "notexample.org", scope)), Contains("suffixes are"));
  CHECK_THAT(refusal(store, decision_toml("d2", "a.example.org")), Contains("everywhere is beyond the mandate"));
  CHECK_THAT(refusal(store, decision_toml("d2", "a.example.org", "territorial_scope = [\"AU\"]")),
             Contains("AU is beyond the mandate of 'court': jurisdictions are NZ"));
  CHECK_THAT(refusal(store, decision_toml("d2", "a.example.org", scope, "expires_after = \"61 days\"")),
             Contains("max_duration is 5184000 seconds"));
  CHECK_THAT(refusal(store, decision_toml("d2", "a.example.org", scope) + "action = \"drop\"\n"),
             Contains("actions do not have drop"));
  CHECK_THAT(refusal(store, decision_toml("d2", "a.example.org", scope) +
                                "[[decision.rule]]\nname = \"b.example.org\"\nmatch = \"both\"\n"),
             Contains("max_rules is 1"));
  const auto mandate = store.authority("court")->mandate;
  REQUIRE(mandate.has_value());
  CHECK(canonical(*mandate) == canonical(mandate_of(canonical(*mandate))));
  CHECK(store.verify_log().problems.empty());
}

TEST_CASE("a guard gives way to two signatures of different keys and a reason, and to nothing less") {
  TemporaryFolder folder;
  auto store = open_store(folder);
  const SigningKey one, two;
  take_in(store, authority_toml("court") + key_line(one) + authority_toml("regulator") + key_line(two) +
                     authority_toml("again") + key_line(one) + authority_toml("keyless"));
  const std::string plain = decision_toml("d", "github.io");
  const auto text = override_text("d", {"github.io", "Because.", {}});
  CHECK_THAT(refusal(store, plain), Contains("public suffix"));
  const auto with = [&](std::initializer_list<std::pair<std::string, std::string>> signatures,
                        std::string_view reason = "Because.") {
    return refusal(store, plain + override_toml("github.io", reason, signatures));
  };
  CHECK_THAT(with({{"court", one.sign(text)}}), Contains("two authorities with different keys"));
  CHECK_THAT(with({{"court", one.sign(text)}, {"again", one.sign(text)}}), Contains("different keys"));
  CHECK_THAT(with({{"court", one.sign(text)}, {"regulator", one.sign(text)}}),
             Contains("the signature of 'regulator'"));
  CHECK_THAT(with({{"court", one.sign(text)}, {"keyless", two.sign(text)}}), Contains("no key"));
  CHECK_THAT(with({{"court", one.sign(text)}, {"nobody", two.sign(text)}}), Contains("no authority 'nobody'"));
  CHECK_THAT(with({{"court", one.sign(text)}, {"regulator", two.sign(text)}}, "Another reason."),
             Contains("is not one of this override"));
  CHECK(with({{"court", one.sign(text)}, {"regulator", two.sign(text)}}).empty());
  CHECK(store.decision("d")->decision().overrides.front().reason == "Because.");
  CHECK(store.verify_log().problems.empty());
  // It is for that name and that decision alone.
  const auto other = decision_toml("e", "gitlab.io") +
                     override_toml("github.io", "Because.", {{"court", one.sign(text)}, {"regulator", two.sign(text)}});
  CHECK_THAT(refusal(store, other), Contains("is not one of this override"));
}

TEST_CASE("a prefix wider than the guards allow is refused") {
  const NameGuard guard(Guards{{}, 16, 32});
  const auto judge = [&](std::string_view prefix) {
    return guard.judge(prefix, Trigger::response_ip, MatchKind::both, Action::nxdomain);
  };
  CHECK(judge("10.0.0.0/8") == Guarded::wide_prefix);
  CHECK(judge("10.1.0.0/16") == Guarded::no);
  CHECK(judge("2001::/16") == Guarded::wide_prefix);
  CHECK(judge("2001:db8::/32") == Guarded::no);
  CHECK(judge("::/0") == Guarded::wide_prefix);
}

TEST_CASE("a list belongs to one authority") {
  TemporaryFolder folder;
  auto store = open_store(folder);
  const auto decision = [](std::string_view id, std::string_view authority) {
    return fmt::format(
        "[[decision]]\nid = \"{}\"\ntype = \"voluntary\"\nauthority = \"{}\"\nlegal_basis = \"x\"\nlist = \"ads\"\n"
        "statement_of_reasons = \"x\"\nredress = \"x\"\nexpires_after = \"1 day\"\n",
        id, authority);
  };
  take_in(store, authority_toml("court") + authority_toml("other") + decision("d1", "court"));
  CHECK(store.decision("d1")->decision().list == "ads");
  CHECK_THAT(refusal(store, decision("d2", "other")), Contains("'ads' is a list of authority 'court'"));
  CHECK(refusal(store, decision("d2", "court")).empty());
  CHECK(store.decisions_of_list("ads") == std::vector<std::string>{"d2", "d1"});
}
