// The guards and the way in.
#include <libpsl.h>

#include <cstring>
#include <fstream>

#include "policy/record/suffix_filter.hpp"
#include "policy/record/written_name.hpp"
#include "tests/policy/record/examples.hpp"

using namespace placard::policy;
using Catch::Contains;

namespace {

struct OneAuthority {
  TemporaryFolder folder;
  Store store = open_store(folder);
  OneAuthority() { take_in(store, authority_toml()); }
};

}  // namespace

TEST_CASE("the root, top-level domains and public suffixes can't be blocked, whatever the rule") {
  OneAuthority recorded;
  CHECK_THAT(refusal(recorded.store, decision_toml("d", "com")), Contains("top-level domain"));
  CHECK_THAT(refusal(recorded.store, decision_toml("d", "co.uk")), Contains("public suffix"));
  CHECK_THAT(refusal(recorded.store, decision_toml("d", "github.io")), Contains("public suffix"));  // a private one
  CHECK_THAT(refusal(recorded.store, decision_toml("d", "GITHUB.io.")), Contains("public suffix"));
  CHECK_THAT(refusal(recorded.store, decision_toml("d", "unlisted-suffix")), Contains("top-level domain"));
  CHECK(refusal(recorded.store, decision_toml("d", "someone.github.io")).empty());
  // "." never gets as far from a file; the guard holds for whoever else makes a batch.
  auto batch = batch_of(decision_toml("root", "example.org"));
  batch.decisions[0].decision.rules[0].name = placard::wire::Name();
  const auto outcome = intake(recorded.store, batch, Guards{}, "test", kNow);
  REQUIRE_FALSE(outcome.has_value());
  CHECK_THAT(to_text(outcome.error()), Contains("test.toml:") && Contains("the root"));
}

TEST_CASE("what the filter of public suffixes lets go is none by libpsl's own word") {
  const auto filter = SuffixFilter::load();
  if (!filter) {
    WARN("the file that libpsl was made from is not installed: every name is asked about");
    return;
  }
  std::size_t suffixes = 0, spared = 0;
  const auto ask = [&](const std::string& text) {
    const auto name = name_from_writing(text);
    if (!name) return;
    const bool is_suffix = psl_is_public_suffix2(psl_builtin(), stored_name(*name).c_str(), PSL_TYPE_ANY) != 0;
    const bool may_be = filter->may_hold(stored_key(*name));
    if (is_suffix && name->view().label_count() > 1) CHECK(may_be);
    suffixes += is_suffix;
    spared += !may_be;
  };
  std::ifstream lines(psl_builtin_filename());
  for (std::string line; std::getline(lines, line);) {
    if (line.empty() || line.starts_with("//")) continue;
    for (const char* start : {"!", "*."})
      if (line.starts_with(start)) line.erase(0, std::strlen(start));
    for (const char* below : {"", "www.", "a-b."}) ask(below + line);
  }
  CHECK(suffixes > 5000);
  CHECK(spared > 2 * suffixes * 8 / 10);
}

TEST_CASE("protected names can be reached from no side") {
  OneAuthority recorded;
  const Guards guards{{name_of("notice.placard.example.net")}};
  const auto refused = [&](std::string_view name, std::string_view match, std::string_view action = "sinkhole") {
    auto batch = batch_of(decision_toml("d", name));
    batch.decisions[0].decision.rules[0].match = match_kind_from_text(match).value();
    batch.decisions[0].decision.rules[0].action = action_from_text(action).value();
    return !guard_decision(batch.decisions[0], NameGuard(guards), "x", kNow).empty();
  };
  CHECK(refused("notice.placard.example.net", "both"));
  CHECK(refused("notice.placard.example.net", "exact"));
  CHECK(refused("notice.placard.example.net", "subdomains"));
  CHECK(refused("example.net", "both"));
  CHECK(refused("example.net", "subdomains"));
  CHECK(refused("www.notice.placard.example.net", "exact"));
  CHECK_FALSE(refused("example.net", "exact"));
  CHECK_FALSE(refused("placard.example.org", "both"));
  CHECK_FALSE(refused("notice.placard.example.net", "both", "passthru"));
}

TEST_CASE("times must make sense") {
  OneAuthority recorded;
  CHECK_THAT(refusal(recorded.store,
                     decision_toml("d", "example.org", "effective_from = 2030-01-01", "expires_at = 2029-01-01")),
             Contains("does not lie behind the beginning"));
  CHECK_THAT(refusal(recorded.store,
                     decision_toml("d", "example.org", "effective_from = 2020-01-01", "expires_at = 2021-01-01")),
             Contains("lies in the past"));
  CHECK_THAT(refusal(recorded.store, decision_toml("d", "example.org", "review_at = 2040-01-01")),
             Contains("review_at"));
}

TEST_CASE("an emergency ends within 72 hours and is confirmed by another type only") {
  OneAuthority recorded;
  const auto emergency = [](std::string_view id, std::string_view end, std::string_view more = "") {
    auto toml = decision_toml(id, "example.org", more, end);
    toml.replace(toml.find("court_order"), 11, "emergency");
    return toml;
  };
  CHECK_THAT(refusal(recorded.store, emergency("e1", "expires_after = \"73 hours\"")), Contains("72 hours"));
  CHECK(refusal(recorded.store, emergency("e1", "expires_after = \"72 hours\"")).empty());
  CHECK_THAT(refusal(recorded.store, emergency("e2", "expires_after = \"72 hours\"", "supersedes = \"e1\"")),
             Contains("can't prolong"));
  CHECK(refusal(recorded.store, decision_toml("c1", "example.org", "supersedes = \"e1\"")).empty());
  const auto periods = recorded.store.decision("e1")->periods;
  CHECK(std::any_of(periods.begin(), periods.end(), [](const auto& p) {
    return p.state == DecisionState::lifted && p.valid_from == kNow && p.reason == "superseded by 'c1'";
  }));
}

TEST_CASE("an authority must be known, in the record or in the same file") {
  TemporaryFolder folder;
  auto store = open_store(folder);
  CHECK_THAT(refusal(store, decision_toml("d", "example.org")),
             Contains("decision.authority: there is no authority 'court'"));
  CHECK(refusal(store, authority_toml() + decision_toml("d", "example.org")).empty());
}

TEST_CASE("ids, codes, links, digests and languages are checked") {
  OneAuthority recorded;
  auto& store = recorded.store;
  CHECK_THAT(refusal(store, decision_toml("a b", "example.org")), Contains("decision.id"));
  CHECK_THAT(refusal(store, decision_toml("d", "example.org", "territorial_scope = [\"New Zealand\"]")),
             Contains("ISO 3166"));
  CHECK_THAT(refusal(store, decision_toml("d", "example.org", "document_url = \"javascript:alert(1)\"")),
             Contains("document_url"));
  CHECK_THAT(refusal(store, decision_toml("d", "example.org", "document_sha256 = \"abc\"")), Contains("64 digits"));
  CHECK_THAT(refusal(store, decision_toml("d", "example.org", "supersedes = \"nobody\"")),
             Contains("there is no decision 'nobody'"));
  CHECK_THAT(refusal(store, decision_toml("d", "example.org", "supersedes = \"d\"")), Contains("itself"));
  CHECK_THAT(refusal(store, decision_toml("d", "example.org") +
                                "[[decision.rule]]\nname = \"example.org\"\nmatch = \"exact\"\n"),
             Contains("has another rule in this decision"));
  CHECK_THAT(refusal(store, "[[authority]]\nid = \"Court\"\nkind = \"court\"\nname = { fr = \"x\" }\n"),
             Contains("authority.id"));
  CHECK_THAT(
      refusal(
          store,
          "[[event]]\nid = \"e\"\nname = \"example.org\"\noccurred_at = 2050-01-01\nactor = \"x\"\nact = \"refused\"\n"
          "statement = \"x\"\nsource = \"x\"\n"),
      Contains("lies in the future"));
}

TEST_CASE("no control character gets into the record") {
  OneAuthority recorded;
  CHECK_THAT(refusal(recorded.store, decision_toml("d", "example.org", "reference = \"\\u001b[2J\"")),
             Contains("test.toml:9:13: decision.reference: has a control character"));
  // C1, and what turns the lines around it: in any text, with its own place.
  CHECK_THAT(refusal(recorded.store, decision_toml("d", "example.org", "applicant = \"a\\u0085\"")),
             Contains("test.toml:9:13: decision.applicant: has a control character in it (U+0085)"));
  for (const auto* code : {"202A", "202E", "2066", "2069"}) {
    auto toml = decision_toml("d", "example.org");
    toml.replace(toml.find("\"Reasons\""), 9, fmt::format("{{ en = \"x\", fr = \"y\\u{}\" }}", code));
    CHECK_THAT(refusal(recorded.store, toml),
               Contains("test.toml:6:41: decision.statement_of_reasons: has a direction override") && Contains(code));
  }
}

TEST_CASE("a problem that a guard finds stands at its field") {
  OneAuthority recorded;
  auto& store = recorded.store;
  CHECK_THAT(refusal(store, decision_toml("d", "example.org", "document_sha256 = \"abc\"")),
             Catch::StartsWith("test.toml:9:19: decision.document_sha256:"));
  CHECK_THAT(refusal(store, decision_toml("d", "com")), Catch::StartsWith("test.toml:11:8: decision.rule.name:"));
  CHECK_THAT(refusal(store, decision_toml("d", "example.org", "", "expires_at = 2020-01-01")),
             Catch::StartsWith("test.toml:8:14: decision.expires_at:"));
  CHECK_THAT(refusal(store, decision_toml("d", "example.org", "supersedes = \"nobody\"")),
             Catch::StartsWith("test.toml:9:14: decision.supersedes: there is no decision"));
  CHECK_THAT(refusal(store, "[[authority]]\nid = \"a\"\nkind = \"court\"\nname = \"x\"\njurisdiction = \"Z\"\n"),
             Catch::StartsWith("test.toml:5:16: authority.jurisdiction:"));
  CHECK_THAT(refusal(store, "[[authority]]\nid = \"court\"\nkind = \"court\"\nname = \"B\"\nexternal = true\n"),
             Catch::StartsWith("test.toml:4:8: authority.name: 'court' is recorded already"));
  CHECK_THAT(refusal(store,
                     "[[event]]\nid = \"e\"\nname = \"example.org\"\noccurred_at = 2050-01-01\nactor = \"x\"\n"
                     "act = \"refused\"\nstatement = \"x\"\nsource = \"x\"\n"),
             Catch::StartsWith("test.toml:4:15: event.occurred_at:"));
}

TEST_CASE("an alias stands alone and does not lead to itself") {
  OneAuthority recorded;
  auto& store = recorded.store;
  CHECK_THAT(refusal(store, decision_toml("d", "example.org") +
                                "action = \"local-data\"\nrecords = [\"CNAME example.net.\", \"A 192.0.2.1\"]\n"),
             Catch::StartsWith("test.toml:14:11: decision.rule.records: a CNAME stands alone"));
  const auto alias = [&](std::string_view name, std::string_view target) {
    return refusal(store, decision_toml("d", name) + fmt::format("action = \"cname\"\ntarget = \"{}\"\n", target));
  };
  CHECK_THAT(alias("example.org", "example.org"), Contains("decision.rule.target: 'example.org' is covered"));
  CHECK_THAT(alias("example.org", "www.example.org"), Contains("would lead to itself"));
  CHECK(alias("www.example.org", "example.org").empty());
}

TEST_CASE("languages are tags of subtags") {
  OneAuthority recorded;
  const auto with = [&](std::string_view language) {
    return refusal(
        recorded.store,
        fmt::format("[[authority]]\nid = \"a-{}\"\nkind = \"court\"\nname = {{ en = \"x\", \"{}\" = \"y\" }}\n", "x",
                    language));
  };
  for (const auto* bad : {"e", "english", "e2", "fr-", "-fr", "fr--CA", "fr-a", "zh-traditional", "12"}) {
    INFO(bad);
    CHECK_THAT(with(bad), Contains("authority.name") && Contains("is no language tag"));
  }
  CHECK(with("zh-Hant-TW").empty());
}

TEST_CASE("a batch is recorded as a whole or not at all") {
  OneAuthority recorded;
  CHECK_FALSE(refusal(recorded.store, decision_toml("good", "example.org") + decision_toml("bad", "com")).empty());
  CHECK_FALSE(recorded.store.decision("good").has_value());
  CHECK(recorded.store.last_log_sequence() == 1);
}
