// Decision files: what is read, and how what is wrong is told.
#include "policy/record/written_name.hpp"
#include "tests/policy/record/examples.hpp"

using namespace placard::policy;
using Catch::Contains;
namespace wire = placard::wire;

namespace {

std::vector<std::string> problems_of(std::string_view toml) {
  std::vector<std::string> texts;
  const auto batch = parse_decision_file(toml, "policy/x.toml", kNow);
  if (batch) return texts;
  for (const auto& problem : batch.error().problems) texts.push_back(to_text(problem));
  return texts;
}

std::string problem_of(std::string_view toml) {
  const auto problems = problems_of(toml);
  return problems.empty() ? "" : problems.front();
}

constexpr std::string_view kEverything = R"(
[[authority]]
id = "tribunal"
kind = "court"
name = { en = "Tribunal", fr = "Tribunal judiciaire" }
jurisdiction = "FR"
contact = "mailto:greffe@tribunal.example"
external = true

[[decision]]
id = "tribunal-2027-1"
type = "court_order"
authority = "tribunal"
applicant = "A publisher"
reference = "RG 27/00001"
legal_basis = "Art. L. 336-2"
statement_of_reasons = { en = "Reasons", fr = "Motifs" }
redress = { en = "Appeal", fr = "Appel" }
document_url = "https://tribunal.example/1"
document_sha256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
territorial_scope = ["FR", "FR-GP"]
received_at = 2027-01-10T09:00:00+01:00
comply_by = "2027-01-13"
effective_from = 2027-01-14
review_at = 2027-06-01
expires_at = 2028-01-14T00:00:00Z
disclosure = "public"
demonstration = true
state = "shadow"

[[decision.rule]]
name = "bücher.example.org"
match = "subdomains"
action = "local-data"
ttl = 30
records = ["A 192.0.2.1", "TXT \"see example.org\""]

[[decision.rule]]
trigger = "qname"
name = "mirror.example.org."
match = "exact"
action = "cname"
target = "notice.example.net"

[[event]]
id = "e1"
name = "mirror.example.org"
occurred_at = 2027-01-01
actor = "A host"
act = "refused"
statement = "It refused."
source = "Press"
)";

}  // namespace

TEST_CASE("every field of a decision file is read") {
  const auto batch = batch_of(kEverything);
  REQUIRE(batch.authorities.size() == 1);
  const auto& authority = batch.authorities[0].authority;
  CHECK(authority.kind == AuthorityKind::court);
  CHECK(authority.name.at("fr") == "Tribunal judiciaire");
  CHECK(authority.external);
  REQUIRE(batch.decisions.size() == 1);
  const auto& authored = batch.decisions[0];
  const auto& decision = authored.decision;
  CHECK(authored.effective_from_given);
  CHECK_FALSE(authored.expires_after.has_value());
  CHECK(decision.type == DecisionType::court_order);
  CHECK(decision.reference == "RG 27/00001");
  CHECK(decision.territorial_scope == std::vector<std::string>{"FR", "FR-GP"});
  CHECK(to_text(*decision.received_at) == "2027-01-10T08:00:00Z");
  CHECK(to_text(*decision.comply_by) == "2027-01-13T00:00:00Z");
  CHECK(to_text(decision.effective_from) == "2027-01-14T00:00:00Z");
  CHECK(to_text(decision.expires_at) == "2028-01-14T00:00:00Z");
  CHECK(decision.demonstration);
  CHECK(decision.initial_state == DecisionState::shadow);
  REQUIRE(decision.rules.size() == 2);
  CHECK(stored_name(decision.rules[0].name) == "xn--bcher-kva.example.org");
  CHECK(decision.rules[0].match == MatchKind::subdomains);
  CHECK(decision.rules[0].ttl == 30U);
  REQUIRE(decision.rules[0].records.size() == 2);
  CHECK(decision.rules[0].records[0].rdata == std::vector<std::uint8_t>{192, 0, 2, 1});
  CHECK(decision.rules[0].records[1].type == wire::RecordType::txt);
  CHECK(decision.rules[1].action == Action::cname);
  CHECK(stored_name(decision.rules[1].target) == "notice.example.net");
  REQUIRE(batch.events.size() == 1);
  CHECK(batch.events[0].event.act == "refused");
}

TEST_CASE("a length of time ends relative to the loading, a missing beginning is the loading") {
  const auto batch = batch_of(decision_toml("d", "example.org"));
  CHECK_FALSE(batch.decisions[0].effective_from_given);
  CHECK(batch.decisions[0].decision.effective_from == kNow);
  CHECK(batch.decisions[0].decision.expires_at == kNow + 30 * kDay);
  CHECK(batch.decisions[0].expires_after == 30 * kDay);
}

TEST_CASE("a problem names file, line, column and field") {
  const auto text = problem_of(
      "[[decision]]\nid = \"d\"\ntype = \"court_order\"\nauthority = \"court\"\nlegal_basis = \"x\"\n"
      "statement_of_reasons = \"x\"\nredress = \"x\"\nexpires_at = \"tomorrow\"\n"
      "[[decision.rule]]\nname = \"example.org\"\nmatch = \"both\"\n");
  CHECK_THAT(text, Catch::StartsWith("policy/x.toml:8:14: decision.expires_at: 'tomorrow' is not a time"));
}

TEST_CASE("unknown keys are errors with the nearest known one") {
  CHECK_THAT(problem_of(decision_toml("d", "example.org", "legal_bases = \"x\"")),
             Contains("decision.legal_bases") && Contains("did you mean 'legal_basis'"));
  CHECK_THAT(problem_of(decision_toml("d", "example.org", "decision_type = \"x\"")), Contains("did you mean 'type'"));
  CHECK_THAT(problem_of("[[decisions]]\nid = \"d\"\n"), Contains("did you mean 'decision'"));
  CHECK_THAT(problem_of(decision_toml("d", "example.org") + "colour = \"red\"\n"),
             Contains("decision.rule.colour: there is no such key"));
}

TEST_CASE("missing fields and wrong types are told, up to twenty at once") {
  const auto problems = problems_of("[[decision]]\nid = 5\nterritorial_scope = \"NZ\"\ndemonstration = \"yes\"\n");
  const auto has = [&](std::string_view part) {
    return std::any_of(problems.begin(), problems.end(),
                       [&](const auto& p) { return p.find(part) != std::string::npos; });
  };
  CHECK(has("decision.id: must be a text"));
  CHECK(has("decision.type: missing: one of court_order"));
  CHECK(has("decision.authority: missing"));
  CHECK(has("decision.legal_basis: missing"));
  CHECK(has("decision.statement_of_reasons: missing"));
  CHECK(has("decision.redress: missing"));
  CHECK(has("decision.territorial_scope: must be a list"));
  CHECK(has("decision.demonstration: must be true or false"));
  CHECK(has("decision.rule: missing"));
  std::string many;
  for (int i = 0; i < 30; ++i) many += "[[event]]\n";
  CHECK(problems_of(many).size() == kMaxProblems);
}

TEST_CASE("a decision has exactly one end") {
  CHECK_THAT(problem_of(decision_toml("d", "example.org", "", "")), Contains("decision.expires_at: missing"));
  CHECK_THAT(problem_of(decision_toml("d", "example.org", "expires_at = 2028-01-01")),
             Contains("a decision has one end"));
  CHECK_THAT(problem_of(decision_toml("d", "example.org", "", "expires_after = \"soon\"")),
             Contains("not a length of time"));
  CHECK_THAT(problem_of(decision_toml("d", "example.org", "", "expires_at = 2028-01-01T00:00:00")), Contains("offset"));
}

TEST_CASE("a rule says its match, and has what belongs to its trigger") {
  const std::string head =
      "[[decision]]\nid = \"d\"\ntype = \"court_order\"\nauthority = \"court\"\nlegal_basis = \"x\"\n"
      "statement_of_reasons = \"x\"\nredress = \"x\"\nexpires_after = \"1 day\"\n[[decision.rule]]\n";
  CHECK_THAT(problem_of(head + "name = \"example.org\"\n"), Contains("decision.rule.match: missing: one of exact"));
  CHECK_THAT(problem_of(head + "name = \"example.org\"\nmatch = \"all\"\n"), Contains("'all' is none of exact"));
  CHECK_THAT(problem_of(head + "trigger = \"client-ip\"\nprefix = \"192.0.2.1/24\"\n"), Contains("bits set behind"));
  CHECK_THAT(problem_of(head + "trigger = \"response-ip\"\nname = \"example.org\"\nprefix = \"192.0.2.0/24\"\n"),
             Contains("has a prefix, not a name"));
  CHECK_THAT(problem_of(head + "name = \"example.org\"\nprefix = \"192.0.2.0/24\"\nmatch = \"both\"\n"),
             Contains("has a name, not a prefix"));
  CHECK_THAT(problem_of(head + "name = \"https://example.org/\"\nmatch = \"both\"\n"), Contains("is a URL"));
  CHECK_THAT(problem_of(head + "name = \"example.org\"\nmatch = \"both\"\nttl = 100000\n"),
             Contains("from 0 to 86400"));
  CHECK_THAT(problem_of(head + "name = \"example.org\"\nmatch = \"both\"\naction = \"cname\"\n"),
             Contains("decision.rule.target: missing"));
  CHECK_THAT(
      problem_of(head +
                 "name = \"example.org\"\nmatch = \"both\"\naction = \"local-data\"\nrecords = [\"A banana\"]\n"),
      Contains("'A banana' is no record"));
  CHECK_THAT(
      problem_of(head + "name = \"example.org\"\nmatch = \"both\"\naction = \"local-data\"\nrecords = [\"ANY x\"]\n"),
      Contains("is no record"));
}

TEST_CASE("duplicates within a file are told with the first one's line") {
  CHECK_THAT(problem_of(decision_toml("d", "a.example") + decision_toml("d", "b.example")),
             Contains("decision.id: 'd' stands in line 1 already"));
}

TEST_CASE("what is not TOML, empty, or too large is refused") {
  CHECK_THAT(problem_of("[[decision]\nid"), Contains("policy/x.toml:1:") && Contains("not TOML"));
  CHECK_THAT(problem_of("# one\n\n[[[decision]]]\nid = \"d\"\n"), Catch::StartsWith("policy/x.toml:3:1: not TOML"));
  CHECK_THAT(problem_of("[="), Contains("not TOML"));
  CHECK_THAT(problem_of("id = é"), Contains("not TOML"));
  CHECK_THAT(problem_of(""), Contains("nothing to record"));
  CHECK_THAT(problem_of("decision = 3"), Contains("[[decision]]"));
  CHECK_THAT(problem_of(std::string(kMaxDecisionFileSize + 1, '#')), Contains("larger than 4 MiB"));
  CHECK(problem_of("id = \"\xff\"") == "policy/x.toml:1:7: not UTF-8");
  CHECK(problem_of("# é\n# \xc3\xa9\xc0\xaf") == "policy/x.toml:2:4: not UTF-8");     // overlong
  CHECK(problem_of("# \xed\xa0\x80") == "policy/x.toml:1:3: not UTF-8");              // a surrogate
  CHECK(problem_of("[[event]]\nid = \"\xe2\x82") == "policy/x.toml:2:7: not UTF-8");  // cut off
}

TEST_CASE("files are loaded from disk, or it is said why not") {
  TemporaryFolder folder;
  CHECK_THAT(to_text(load_decision_file(folder / "none.toml", kNow).error()), Contains("none.toml: can't be read"));
  CHECK_THAT(to_text(load_decision_file(folder.path(), kNow).error()), Contains("folder"));
  CHECK_THAT(to_text(load_decision_file("/dev/zero", kNow).error()), Contains("larger than 4 MiB"));
}
