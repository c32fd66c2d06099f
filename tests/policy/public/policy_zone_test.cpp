// What is decided for a view as a policy zone: its records, and that who follows it decides as we do.
#include "policy/public/policy_zone.hpp"

#include <catch2/catch.hpp>
#include <random>

#include "policy/lists/rpz.hpp"
#include "policy/record/written_name.hpp"
#include "tests/policy/match/match_fixture.hpp"
#include "zones/wire/ldns_adapter.hpp"

namespace placard::policy {

using namespace test;
using wire::RecordType;
using Lines = std::vector<std::string>;

namespace {

PolicyZoneRequest request_of() {
  PolicyZoneRequest request;
  request.origin = name("rpz.");
  request.serial = 7;
  request.ttl = 30;
  request.sinkhole = {{RecordType::a, {192, 0, 2, 1}}};
  return request;
}

/// "owner TYPE rdata" without the apex, owners without the origin.
Lines lines_of(const zones::ZoneListing& listing) {
  Lines lines;
  for (const auto& block : listing.blocks())
    for (const zones::RecordRef record : *block) {
      const auto owner = record.owner.to_text();
      const auto kept = owner.size() - listing.origin().to_text().size() - 1;
      lines.push_back(owner.substr(0, kept) + " " + std::string(wire::to_text(record.type)) + " " +
                      wire::rdata_to_text(record.type, record.rdata));
    }
  std::sort(lines.begin(), lines.end());
  return lines;
}

Lines written(const Index& index, const PolicyZoneRequest& request = request_of()) {
  const auto zone = write_policy_zone(index, request);
  CHECK(zone.listing.serial() == request.serial);
  return lines_of(zone.listing);
}

View view_of(std::vector<std::string> sources) {
  View view;
  view.name = "default";
  view.sources = std::move(sources);
  return view;
}

SourcePolicy zone_like(std::string source) {
  SourcePolicy policy;
  policy.source = std::move(source);
  policy.zone_wildcards = true;
  return policy;
}

/// A follower: an index of what the zone says.
std::shared_ptr<const Index> followed(const zones::ZoneListing& listing, bool zone_wildcards = false) {
  RuleList list;
  for (const auto& block : listing.blocks())
    for (const zones::RecordRef record : *block) {
      const auto read = read_rpz_record(record.owner, listing.origin(), record.type, record.ttl, record.rdata);
      REQUIRE(read.kind == RpzReading::Kind::rule);
      REQUIRE(!read.normalised);
      list.add(read.key, list.form_number(read.form), 0);
    }
  list.seal();
  std::vector<Rule> rules;
  RuleList::Cursor cursor(list);
  for (ListedRule each; cursor.next(each);) {
    auto rule = rule_of(list.form(each.form));
    rule.id = static_cast<std::int64_t>(rules.size()) + 1;
    if (rule.trigger == Trigger::qname || rule.trigger == Trigger::nsdname)
      rule.name = *name_from_key(each.key);
    else
      rule.prefix = each.key;
    rules.push_back(std::move(rule));
  }
  CompileInput input;
  input.decisions = {decision(1, "followed", std::move(rules))};
  if (zone_wildcards) input.policies = {zone_like("followed")};
  return Index::compile(input, 1);
}

}  // namespace

TEST_CASE("every action and trigger has its words in a policy zone") {
  auto local = rule("local.example.", MatchKind::exact, Action::local_data);
  local.records = {{RecordType::a, {10, 0, 0, 1}}, {RecordType::txt, {2, 'h', 'i'}}};
  auto garden = rule("garden.example.", MatchKind::exact, Action::cname);
  garden.target = name("*.garden.example.");
  auto server = rule("ns.example.", MatchKind::exact, Action::nxdomain);
  server.trigger = Trigger::nsdname;
  const auto index = compile({decision(
      1, "operator",
      {rule("both.example."), rule("none.example.", MatchKind::exact, Action::nxdomain),
       rule("empty.example.", MatchKind::subdomains, Action::nodata),
       rule("let.example.", MatchKind::exact, Action::passthru), rule("gone.example.", MatchKind::exact, Action::drop),
       rule("tcp.example.", MatchKind::exact, Action::truncate), rule("no.example.", MatchKind::exact, Action::refused),
       local, garden, server, address_rule("192.0.2.0/24"),
       address_rule("2001:db8::/32", Trigger::client_ip, Action::drop),
       address_rule("192.0.2.53/32", Trigger::nsip, Action::nodata)})});
  const auto zone = write_policy_zone(*index, request_of());
  CHECK(lines_of(zone.listing) == Lines{"*.both.example A 192.0.2.1", "*.empty.example CNAME *.",
                                        "24.0.2.0.192.rpz-ip CNAME .", "32.53.2.0.192.rpz-nsip CNAME *.",
                                        "32.zz.db8.2001.rpz-client-ip CNAME rpz-drop.", "both.example A 192.0.2.1",
                                        "garden.example CNAME *.garden.example.", "gone.example CNAME rpz-drop.",
                                        "let.example CNAME rpz-passthru.", "local.example A 10.0.0.1",
                                        "local.example TXT \"hi\"", "no.example CNAME .", "none.example CNAME .",
                                        "ns.example.rpz-nsdname CNAME .", "tcp.example CNAME rpz-tcp-only."});
  CHECK(zone.doubts.all().refused == 1);
  CHECK(doubts_about(zone.doubts.all()) == Lines{"1 rule: \"refused\" is written as NXDOMAIN, RPZ has no word for it"});
  CHECK(zone.listing.at(name("tcp.example.rpz."))[0].ttl == 30);
}

TEST_CASE("what the view says of a name is written, not what each rule says") {
  View view = view_of({"first", "second"});
  auto shadow = decision(3, "first", {rule("shadow.example.")});
  shadow.state = DecisionState::shadow;
  auto later = decision(4, "first", {rule("later.example.", MatchKind::exact, Action::nxdomain)});
  later.valid_from = 100;
  const auto index = compile({decision(1, "first", {rule("a.example.", MatchKind::both, Action::passthru)}),
                              decision(2, "second", {rule("www.a.example.", MatchKind::both, Action::nxdomain)}),
                              shadow, later, decision(5, "third", {rule("unheard.example.")})},
                             {view});
  CHECK(written(*index) == Lines{"*.a.example CNAME rpz-passthru.", "*.www.a.example CNAME rpz-passthru.",
                                 "a.example CNAME rpz-passthru.", "www.a.example CNAME rpz-passthru."});
  auto request = request_of();
  request.now = 100;
  CHECK(written(*index, request).size() == 5);
}

TEST_CASE("names between two rules carry what covers them, for wildcards do not reach below names that exist") {
  const auto index = compile({decision(1, "operator",
                                       {rule("example.", MatchKind::subdomains, Action::nxdomain),
                                        rule("a.b.c.example.", MatchKind::exact, Action::passthru)})});
  CHECK(written(*index) == Lines{"*.a.b.c.example CNAME .", "*.b.c.example CNAME .", "*.c.example CNAME .",
                                 "*.example CNAME .", "a.b.c.example CNAME rpz-passthru.", "b.c.example CNAME .",
                                 "c.example CNAME ."});
}

TEST_CASE("where rules in shadow hide others of their list and say nothing, a passthru keeps the wildcard away") {
  CompileInput input;
  input.decisions = {decision(1, "operator", {rule("example.", MatchKind::both, Action::nxdomain)}),
                     decision(2, "operator",
                              {rule("a.example.", MatchKind::exact), rule("a.example.", MatchKind::subdomains),
                               rule("b.example.", MatchKind::exact), rule("elsewhere.", MatchKind::exact),
                               rule("elsewhere.", MatchKind::subdomains)})};
  input.decisions[1].state = DecisionState::shadow;
  input.policies = {zone_like("operator")};
  const auto index = Index::compile(input, 1);
  CHECK(winner(*index, "a.example.").empty());
  CHECK(winner(*index, "x.a.example.").empty());
  CHECK(winner(*index, "x.b.example.").empty());
  CHECK(written(*index) ==
        Lines{"*.example CNAME .", "a.example CNAME rpz-passthru.", "b.example CNAME .", "example CNAME ."});
}

TEST_CASE("what may not be told is as if it were not there") {
  const auto index = compile({decision(1, "operator",
                                       {rule("seen.example.", MatchKind::exact, Action::nxdomain),
                                        rule("both.example.", MatchKind::exact, Action::nodata)}),
                              decision(2, "operator", {rule("sealed.example."), rule("both.example.")})});
  auto request = request_of();
  request.told = std::make_shared<DecisionIds>(DecisionIds{"d1"});
  CHECK(written(*index, request) == Lines{"both.example CNAME *.", "seen.example CNAME ."});
}

TEST_CASE("what may not be told hides nothing of its list, and leaves no trace") {
  CompileInput input;
  input.decisions = {
      decision(1, "operator", {rule("example.", MatchKind::both, Action::nxdomain)}),
      decision(2, "operator",
               {rule("sealed.example.", MatchKind::exact), rule("a.b.example.", MatchKind::subdomains)})};
  input.policies = {zone_like("operator")};
  auto request = request_of();
  request.told = std::make_shared<DecisionIds>(DecisionIds{"d1"});
  CHECK(written(*Index::compile(input, 1), request) == Lines{"*.example CNAME .", "example CNAME ."});
}

TEST_CASE("what RPZ would misread, and what is too long, is left out and counted") {
  auto word = rule("word.example.", MatchKind::exact, Action::cname);
  word.target = name("rpz-drop.");
  auto mixed = rule("mixed.example.", MatchKind::exact, Action::local_data);
  mixed.records = {{RecordType::cname, {1, 'x', 0}}, {RecordType::a, {10, 0, 0, 1}}, {RecordType::ns, {0}}};
  const std::string label(60, 'x');
  const auto index =
      compile({decision(1, "operator",
                        {word, mixed, rule("8.0.0.0.10.rpz-ip.", MatchKind::exact, Action::nxdomain),
                         rule(label + "." + label + "." + label + "." + label + ".longest.", MatchKind::exact)})});
  auto request = request_of();
  request.origin = name("a.longer.name.of.a.policy.zone.rpz.");
  const auto zone = write_policy_zone(*index, request);
  CHECK(zone.doubts.all().inexpressible == 3);
  CHECK(zone.doubts.all().too_long == 1);
  CHECK(lines_of(zone.listing) == Lines{"mixed.example A 10.0.0.1"});
}

TEST_CASE("who follows the zone decides as we do") {
  std::mt19937 random(20261123);
  const auto some = [&](std::uint32_t below) { return static_cast<std::uint32_t>(random() % below); };
  const auto any_name = [&] {
    std::string text;
    for (auto labels = 1 + some(4); labels > 0; --labels)
      text += std::string(1, static_cast<char>('a' + some(3))) + ".";
    return text;
  };
  const auto any_address = [&] { return "10.0." + std::to_string(some(4)) + "." + std::to_string(some(256)); };
  for (int round = 0; round < 40; ++round) {
    const bool zone_wildcards = round >= 20;  // on both sides
    std::vector<IndexedDecision> decisions;
    for (std::int64_t number = 1; number <= 8; ++number) {
      std::vector<Rule> rules;
      for (int count = 0; count < 6; ++count) {
        auto made =
            rule(any_name(), static_cast<MatchKind>(some(3)), static_cast<Action>(some(7)), number * 10 + count);
        if (some(4) == 0) made.trigger = Trigger::nsdname;
        rules.push_back(made);
        const auto length = 20 + some(13);
        const Prefix whole = *prefix_from_text(any_address());
        Prefix cut{masked_address(whole.address, 96 + length), static_cast<std::uint8_t>(96 + length), true};
        rules.push_back(address_rule(cut.to_text(), some(2) == 0 ? Trigger::client_ip : Trigger::nsip,
                                     static_cast<Action>(some(7)), number * 100 + count));
      }
      decisions.push_back(decision(number, number % 2 == 0 ? "first" : "second", rules));
      if (zone_wildcards && number % 4 == 2) decisions.back().state = DecisionState::shadow;
    }
    CompileInput input;
    input.decisions = decisions;
    input.views = {view_of({"first", "second"})};
    if (zone_wildcards) input.policies = {zone_like("first")};
    const auto index = Index::compile(input, 1);
    const auto zone = write_policy_zone(*index, request_of());
    const auto other = followed(zone.listing, zone_wildcards);
    const auto said = [&](const std::optional<Match>& match, bool ours) -> std::string {
      // Where one rule of a zone hides another and says nothing itself, only a passthru keeps wildcards away.
      if (!match) return zone_wildcards ? "passthru" : "nothing";
      if (ours && match->action == Action::refused) return "nxdomain";
      if (ours && match->action == Action::sinkhole) return "local-data";
      return std::string(to_text(match->action));
    };
    for (int question = 0; question < 300; ++question) {
      const auto asked = name(any_name());
      CHECK(said(index->match_name(asked, 0, 0), true) == said(other->match_name(asked, 0, 0), false));
      CHECK(said(index->match_server(asked, 0, 0), true) == said(other->match_server(asked, 0, 0), false));
      const auto address = prefix_from_text(any_address())->address;
      for (const auto trigger : {Trigger::client_ip, Trigger::nsip})
        CHECK(said(index->match_address(trigger, address, 0, 0), true) ==
              said(other->match_address(trigger, address, 0, 0), false));
    }
  }
}

}  // namespace placard::policy
