// All five triggers over whole answers, held against a slow reading of the precedence in match.hpp.
#include <catch2/catch.hpp>

#include <algorithm>
#include <random>

#include "policy/match/match.hpp"
#include "tests/policy/match/match_fixture.hpp"

namespace placard::policy::test {

namespace {

MappedAddress ipv4(int last) {
  return *mapped_address(
      std::array<std::uint8_t, 4>{10, 0, static_cast<std::uint8_t>(last / 16), static_cast<std::uint8_t>(last % 16)});
}

struct Link {
  wire::Name name;
  std::vector<MappedAddress> addresses;
  std::vector<NameServer> servers;
};

/// One rule that something of the answer met.
struct Candidate {
  std::size_t link, zone;
  Trigger trigger;
  wire::Name server;        // for nsdname
  int precision;            // labels or bits
  MappedAddress network{};  // for addresses
  const Rule* rule;

  bool before(const Candidate& other) const {
    if (link != other.link) return link < other.link;
    if (zone != other.zone) return zone < other.zone;
    if (trigger != other.trigger) return trigger < other.trigger;
    if (trigger == Trigger::nsdname && !(server == other.server)) return canonical_order(server, other.server) > 0;
    if (precision != other.precision) return precision > other.precision;
    return network < other.network;
  }
};

bool covers(const Rule& rule, const wire::Name& name) {
  if (name == rule.name) return rule.match != MatchKind::subdomains;
  return name.view().is_subdomain_of(rule.name) && rule.match != MatchKind::exact;
}

void add_address(std::vector<Candidate>& found, std::size_t link, std::size_t zone, const Rule& rule,
                 const MappedAddress& address) {
  const auto prefix = *prefix_from_text(rule.prefix);
  if (prefix.contains(address)) found.push_back({link, zone, rule.trigger, {}, prefix.length, prefix.address, &rule});
}

std::vector<Candidate> slow(const std::vector<IndexedDecision>& zones, const MappedAddress& client,
                            const std::vector<Link>& chain) {
  std::vector<Candidate> found;
  for (std::size_t zone = 0; zone < zones.size(); ++zone) {
    for (const auto& rule : zones[zone].rules) {
      for (std::size_t link = 0; link < chain.size(); ++link) {
        const auto& at = chain[link];
        const int labels = static_cast<int>(rule.name.view().label_count());
        switch (rule.trigger) {
          case Trigger::client_ip:
            if (link == 0) add_address(found, link, zone, rule, client);
            break;
          case Trigger::qname:
            if (covers(rule, at.name)) found.push_back({link, zone, rule.trigger, {}, labels, {}, &rule});
            break;
          case Trigger::response_ip:
            for (const auto& address : at.addresses) add_address(found, link, zone, rule, address);
            break;
          case Trigger::nsdname:
            for (const auto& server : at.servers)
              if (covers(rule, server.name))
                found.push_back({link, zone, rule.trigger, server.name, labels, {}, &rule});
            break;
          case Trigger::nsip:
            for (const auto& server : at.servers)
              for (const auto& address : server.addresses) add_address(found, link, zone, rule, address);
            break;
        }
      }
    }
  }
  return found;
}

}  // namespace

TEST_CASE("thousands of answers: the rule that decides is the one of the slow way") {
  std::mt19937 random(3);
  const auto below = [&](std::size_t limit) { return static_cast<int>(random() % limit); };
  const auto any_name = [&] {
    std::string text;
    for (int labels = 1 + below(3); labels > 0; --labels) text += std::string(1, "abc"[below(3)]) + ".";
    return name(text);
  };
  int hits = 0, misses = 0, finals = 0;
  for (int round = 0; round < 150; ++round) {
    std::vector<IndexedDecision> zones;
    std::int64_t id = 0;
    View view{"v", {"0.0.0.0/0"}, {}, {}};
    for (int zone = 0; zone < 4; ++zone) {
      auto made = decision(zone + 1, "z" + std::to_string(zone), {});
      view.sources.push_back(made.authority);
      for (int rules = below(7); rules > 0; --rules) {
        const auto trigger = static_cast<Trigger>(below(5));
        const bool named = trigger == Trigger::qname || trigger == Trigger::nsdname;
        Rule added;
        if (named) {
          added = rule("x", static_cast<MatchKind>(below(3)), Action::nxdomain, ++id);
          added.name = any_name();
          added.trigger = trigger;
        } else {
          const int length = 22 + below(11);
          const auto network = masked_address(ipv4(below(64)), static_cast<std::size_t>(length) + 96);
          added = address_rule(Prefix{network, static_cast<std::uint8_t>(length + 96), true}.to_text(), trigger,
                               Action::nxdomain, ++id);
        }
        const bool known = std::any_of(made.rules.begin(), made.rules.end(), [&](const Rule& each) {
          return each.trigger == trigger && each.prefix == added.prefix && each.name == added.name;
        });
        if (!known) made.rules.push_back(added);
      }
      zones.push_back(made);
    }
    const auto index = compile(zones, {view});
    for (int question = 0; question < 60; ++question) {
      const auto client = ipv4(below(64));
      std::vector<Link> chain;
      for (int links = 1 + below(3); links > 0; --links) {
        Link link{any_name(), {}, {}};
        if (links == 1)
          for (int count = below(3); count > 0; --count) link.addresses.push_back(ipv4(below(64)));
        for (int count = below(3); count > 0; --count) {
          NameServer server{any_name(), {}};
          for (int addresses = below(3); addresses > 0; --addresses) server.addresses.push_back(ipv4(below(64)));
          link.servers.push_back(server);
        }
        chain.push_back(link);
      }
      const auto expected = slow(zones, client, chain);
      const auto best =
          std::min_element(expected.begin(), expected.end(), [](const auto& a, const auto& b) { return a.before(b); });

      std::vector<ChainLink> links;
      for (const auto& link : chain) links.push_back({link.name, link.addresses});
      const auto servers = [&](wire::NameView of, bool) -> std::vector<NameServer> {
        for (const auto& link : chain)  // names of a chain may repeat here: the first one's servers then stand for both
          if (of.bytes().data() == link.name.view().bytes().data()) return link.servers;
        return {};
      };
      const Asker asker{0, 0, client};
      const wire::Suffixes suffixes(chain[0].name, index->seed());
      const auto asked = match_question(*index, asker, suffixes);
      const auto met = match_answer(*index, asker, asked, links, servers);
      REQUIRE(met.has_value() == (best != expected.end()));
      ++(met ? hits : misses);
      if (met) {
        REQUIRE(met->match.rank == 2 * best->zone);
        REQUIRE(met->match.trigger == best->trigger);
        REQUIRE(met->match.precision == best->precision);
        REQUIRE(met->link == best->link);
        REQUIRE(met->match.rule_id == best->rule->id);
      }
      if (asked.match && asked.is_final) {
        ++finals;
        REQUIRE(met->match.rule_id == asked.match->rule_id);
      }
      const auto all = explain_answer_rules(*index, asker, links, servers);
      REQUIRE(all.size() == expected.size());
      if (met) REQUIRE(all[0].match.rule_id == met->match.rule_id);
    }
  }
  CHECK(hits > 1500);
  CHECK(misses > 300);
  CHECK(finals > 300);
}

TEST_CASE(
    "where names outrank, a later source's rule about a name comes before an earlier one's about what comes back") {
  auto address_rule = rule("unused.test");
  address_rule.trigger = Trigger::response_ip;
  address_rule.name = {};
  address_rule.prefix = "192.0.2.0/24";
  View view;
  view.name = "default";
  view.sources = {"first", "second"};
  const auto index = compile({decision(1, "first", {address_rule}), decision(2, "second", {rule("a.test")})}, {view});
  const auto client = ipv4(7);
  const auto a = name("a.test"), b = name("b.test");
  const std::vector<MappedAddress> addresses{*mapped_address(std::array<std::uint8_t, 4>{192, 0, 2, 1})};
  const std::vector<ChainLink> chain{{b, {}}, {a, addresses}};
  const std::vector<ChainLink> other{{b, addresses}};
  for (const bool outrank : {false, true}) {
    const Asker asker{0, 0, client, outrank};
    const auto expected = outrank ? Trigger::qname : Trigger::response_ip;
    CHECK(match_question(*index, asker, wire::Suffixes(a, index->seed())).is_final == outrank);
    CHECK(match_answer(*index, asker, {}, chain, {})->match.trigger == expected);
    CHECK(explain_answer_rules(*index, asker, chain, {}).front().match.trigger == expected);
    CHECK(match_answer(*index, asker, {}, other, {})->match.trigger == Trigger::response_ip);
  }
}

TEST_CASE("name servers are asked for only where a rule could be about them") {
  auto server_rule = rule("ns.test");
  server_rule.trigger = Trigger::nsdname;
  const auto with = compile({decision(1, "op", {rule("a.test"), server_rule})});
  const auto without = compile({decision(1, "op", {rule("a.test")})});
  int asked = 0;
  const NameServersOf count = [&](wire::NameView, bool with_addresses) {
    CHECK_FALSE(with_addresses);
    ++asked;
    return std::vector<NameServer>{{name("ns.test"), {}}};
  };
  const auto b = name("b.test"), a = name("a.test");
  const ChainLink link[] = {{b, {}}}, blocked[] = {{a, {}}};
  const Asker asker{};
  CHECK_FALSE(match_answer(*without, asker, {}, link, count));
  CHECK(asked == 0);
  CHECK(match_answer(*with, asker, {.match = {}, .is_final = false}, link, count)->match.trigger == Trigger::nsdname);
  CHECK(asked == 1);
  const auto verdict = match_question(*with, asker, wire::Suffixes(a, with->seed()));
  CHECK(verdict.is_final);
  CHECK(match_answer(*with, asker, verdict, blocked, count)->match.trigger == Trigger::qname);
  CHECK(asked == 1);
}

TEST_CASE("what an operator makes of a source's rules") {
  CompileInput input;
  auto list = decision(1, "feed", {rule("a.test", MatchKind::both, Action::nxdomain)});
  list.list = "daily";
  auto own = decision(2, "feed", {rule("b.test", MatchKind::both, Action::passthru)});
  own.rules[0].ttl = 900;
  input.decisions = {list, own};
  input.policies = {{.source = "list:daily", .kind = SourcePolicy::Kind::disabled, .max_ttl = {}},
                    {.source = "feed",
                     .kind = SourcePolicy::Kind::action,
                     .action = Action::cname,
                     .target = name("*.garden.test"),
                     .max_ttl = 60}};
  const auto index = Index::compile(input, 1);
  CHECK_FALSE(index->match_name(name("a.test"), 0, 0));
  CHECK(index->explain_name(name("a.test"), 0, 0).at(0).shadow);
  ShadowMatches shadows;
  (void)index->match_name(wire::Suffixes(name("a.test"), index->seed()), 0, 0, &shadows);
  CHECK(shadows.count == 1);
  const auto match = index->match_name(name("b.test"), 0, 0);
  REQUIRE(match);
  CHECK(match->action == Action::cname);
  CHECK(match->overridden);
  CHECK(match->ttl == 60U);
  CHECK(*expanded_target(index->target_of(*match), name("b.test")) == name("b.test.garden.test"));
}

TEST_CASE("a target with a wildcard takes the name that was met, unless that is too long") {
  CHECK(*expanded_target(name("garden.test"), name("a.test")) == name("garden.test"));
  const std::string label(63, 'x');
  const auto target = name("*." + label + ".test"), met = name(label + "." + label + "." + label + ".test");
  CHECK_FALSE(expanded_target(target, met));
}

TEST_CASE("a view whose clients chose it says so, but for orders") {
  auto order = decision(2, "court", {rule("b.test")});
  order.type = DecisionType::court_order;
  const auto index = compile({decision(1, "op", {rule("a.test")}), order}, {{.name = "v",
                                                                             .clients = {"10.0.0.0/8"},
                                                                             .jurisdictions = {},
                                                                             .sources = {},
                                                                             .listeners = {},
                                                                             .keys = {},
                                                                             .opted_in = true}});
  CHECK(index->match_name(name("a.test"), 0, 0)->extended_error == wire::EdeCode::filtered);
  CHECK(index->match_name(name("b.test"), 0, 0)->extended_error == wire::EdeCode::censored);
  CHECK(index->match_name(name("a.test"), 1, 0)->extended_error == wire::EdeCode::blocked);
}

}  // namespace placard::policy::test
