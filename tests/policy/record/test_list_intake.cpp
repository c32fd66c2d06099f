// The guards' way with a list: what they take out, what they let through, and what refuses it whole.
#include <catch2/catch.hpp>

#include "policy/record/list_intake.hpp"
#include "tests/policy/record/examples.hpp"

using namespace placard::policy;
namespace wire = placard::wire;
using Catch::Matchers::Contains;

namespace {

RuleList list_of(std::initializer_list<std::string_view> keys, const RuleForm& form = {}) {
  RuleList rules;
  std::uint32_t line = 0;
  for (const auto key : keys) rules.add(key, rules.form_number(form), ++line);
  rules.seal();
  return rules;
}

struct Admission {
  std::vector<std::string> refused;
  std::expected<std::size_t, std::string> rules = 0;
};

Admission admit(const ListTerms& terms, RuleList rules, const Guards& guards = {}) {
  Admission out;
  const auto tell = [&](const GuardedRule& one) { out.refused.push_back(one.why); };
  const auto admitted = ListIntake::admit(terms, rules, guards, tell, [] { return std::string("{}"); });
  if (admitted)
    out.rules = admitted->rules().size();
  else
    out.rules = std::unexpected(admitted.error());
  return out;
}

std::string list_decision(std::string_view id, std::string_view list) {
  return fmt::format(
      "[[decision]]\nid = \"{}\"\ntype = \"voluntary\"\nauthority = \"court\"\nlegal_basis = \"x\"\n{}"
      "statement_of_reasons = \"x\"\nredress = \"x\"\nexpires_after = \"1 day\"\n",
      id, list.empty() ? "" : fmt::format("list = \"{}\"\n", list));
}

}  // namespace

TEST_CASE("guards take single rules out of a list and say why") {
  const ListTerms terms{.list = "l", .decision = "d", .mandate = {}, .overridden = {"blogspot.com"}};
  const Guards guards{{wire::Name::from_text("notice.example.net").value()}};
  const auto out = admit(
      terms, list_of({"", "com", "com.blogspot", "io.github", "net.example", "net.example.other", "uk.co"}), guards);
  CHECK(out.rules == 2U);  // blogspot.com by its override, other.example.net
  REQUIRE(out.refused.size() == 5);
  CHECK_THAT(out.refused[0], Contains("the root"));
  CHECK_THAT(out.refused[1], Contains("'com' is a top-level domain"));
  CHECK_THAT(out.refused[2], Contains("'github.io' is a public suffix"));
  CHECK_THAT(out.refused[3], Contains("'example.net' reaches 'notice.example.net'"));
  CHECK_THAT(out.refused[4], Contains("'co.uk' is a public suffix"));
}

TEST_CASE("own names can't be reached, but what is below them can") {
  const Guards guards{.own_names = {wire::Name::from_text("www.example.net").value()}};
  const NameGuard guard(guards);
  const auto judge = [&](std::string_view key, MatchKind match) {
    return guard.judge(key, Trigger::qname, match, Action::nxdomain);
  };
  CHECK(judge("net.example.www", MatchKind::exact) == Guarded::protected_name);
  CHECK(judge("net.example.www", MatchKind::subdomains) == Guarded::no);
  CHECK(judge("net.example", MatchKind::subdomains) == Guarded::protected_name);
  CHECK(judge("net.example", MatchKind::both) == Guarded::protected_name);
  CHECK(judge("net.example", MatchKind::exact) == Guarded::no);
  CHECK(judge("net.example.www.shop", MatchKind::both) == Guarded::no);
  CHECK(judge("net.example.ww", MatchKind::both) == Guarded::no);
}

TEST_CASE("a mandate limits the rules of a list, and guards that are off don't lift it") {
  Mandate mandate;
  mandate.suffixes = {wire::Name::from_text("nz").value()};
  ListTerms terms{.list = "l", .decision = "d", .mandate = mandate, .overridden = {}, .guards = false};
  auto out = admit(terms, list_of({"nz.co", "nz.co.x", "com.x"}));
  CHECK(out.rules == 2U);
  REQUIRE(out.refused.size() == 1);
  CHECK_THAT(out.refused[0], Contains("suffixes are nz"));
  terms.mandate->max_rules = 1;
  out = admit(terms, list_of({"nz.co", "nz.co.x"}));
  REQUIRE_FALSE(out.rules.has_value());
  CHECK_THAT(out.rules.error(), Contains("2 rules are beyond the mandate: max_rules is 1"));
}

TEST_CASE("a list comes under a decision that names it and holds") {
  TemporaryFolder folder;
  auto store = open_store(folder);
  take_in(store, authority_toml() + list_decision("d", "ads") + decision_toml("plain", "example.org"));
  CHECK(ListIntake::terms_under(store, "d", kNow)->list == "ads");
  CHECK_THAT(ListIntake::terms_under(store, "plain", kNow).error(), Contains("has no list"));
  CHECK_THAT(ListIntake::terms_under(store, "other", kNow).error(), Contains("there is no decision 'other'"));
  CHECK_THAT(ListIntake::terms_under(store, "d", kNow + 86400).error(), Contains("has ended"));
  REQUIRE(store.transition("d", DecisionState::lifted, "r", "t", kNow));
  CHECK_THAT(ListIntake::terms_under(store, "d", kNow).error(), Contains("has ended"));
}
