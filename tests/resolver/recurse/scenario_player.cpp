// Plays every scenario of tests/scenarios against a Resolver, on a fake network with a fake clock.
#include <catch2/catch.hpp>

#include <algorithm>
#include <filesystem>
#include <set>

#include "tests/resolver/recurse/fake_network.hpp"
#include "tests/resolver/recurse/scenario.hpp"
#include "tests/resolver/recurse/scenario_servers.hpp"
#include "tests/source_directory.hpp"

namespace placard::recurse {
namespace {

void add_lines(Lines& all, const CacheEntry& entry, std::uint32_t ttl) {
  for (const auto rdata : entry.set.rdatas)
    all.insert(lowered(wire::record_to_text(entry.set.owner, entry.set.type, entry.set.record_class, ttl, rdata)));
}

std::string joined(const Lines& all) {
  std::string text;
  for (const auto& line : all) text += line + "\n";
  return text;
}

void check_answer(const ScenarioEntry& expected, const Resolved& got, std::int64_t now) {
  const bool all = expected.matches("all"), ttl = expected.matches("ttl");
  const auto ttl_of = [&](const CacheEntry& entry) {
    return !ttl ? 0U : got.stale ? got.stale_ttl : entry.ttl_at(now);
  };
  if (all || expected.matches("rcode")) CHECK(wire::to_text(got.rcode) == wire::to_text(expected.rcode));
  if (all || expected.matches("answer")) {
    Lines answer;
    for (const auto& entry : got.answer) add_lines(answer, *entry, ttl_of(*entry));
    CHECK(joined(answer) == joined(lines(expected.answer, ttl)));
  }
  if (all || expected.matches("authority")) {
    Lines authority;
    if (got.negative) add_lines(authority, *got.negative, ttl_of(*got.negative));
    CHECK(joined(authority) == joined(lines(expected.authority, ttl)));
  }
  for (const auto& field : expected.match) {
    if (!field.starts_with("ede=")) continue;
    const auto code = static_cast<wire::EdeCode>(std::stoi(field.substr(4)));
    CHECK(std::ranges::any_of(got.errors, [&](const wire::ExtendedError& error) { return error.code == code; }));
  }
  if (all || expected.matches("ad")) CHECK(got.authenticated == expected.has("AD"));
  if (expected.matches("stale")) CHECK(got.stale);
  if (expected.matches("fresh")) CHECK_FALSE(got.stale);
  if (got.rcode == wire::Rcode::servfail) CHECK_FALSE(got.errors.empty());  // every failure says why
}

void play(const Scenario& scenario) {
  auto world = std::make_shared<ScriptedWorld>(scenario);
  Bench bench([world](const Outgoing& asked) { return (*world)(asked); }, scenario.options, scenario.cache);
  std::vector<std::unique_ptr<Bench::Client>> waiting;
  std::size_t counted_from = 0;
  const auto finish_all = [&] {
    for (const auto& client : waiting) bench.finish(*client);
  };
  const auto finish_flights = [&] {  // what goes on without a client
    while (!bench.resolver.in_flight().empty() && bench.network.step()) {
    }
  };
  for (const auto& step : scenario.steps) {
    INFO("step " << step.number << " " << step.action);
    world->step = step.number;
    if (step.action == "QUERY") {
      waiting.push_back(bench.ask(step.entry.question, std::ranges::find(step.words, "TRACED") != step.words.end()));
    } else if (step.action == "CHECK_ANSWER") {
      REQUIRE_FALSE(waiting.empty());
      const auto client = std::move(waiting.front());
      waiting.erase(waiting.begin());
      bench.finish(*client);
      REQUIRE(client->done);
      CHECK(client->ended - client->started <= scenario.options.bounds.deadline);
      std::string told;
      for (const auto& error : client->resolved.errors)
        told += std::to_string(static_cast<int>(error.code)) + " " + error.extra_text + "\n";
      if (client->trace) {
        for (const auto& line : client->trace->steps) told += std::to_string(line.at) + " " + line.text + "\n";
      }
      INFO(told);
      check_answer(step.entry, client->resolved, bench.network.wall_seconds());
      if (const auto within = step.entry.value(step.entry.match, "within"); !within.empty())
        CHECK(client->ended - client->started <= std::stoull(within));
    } else if (step.action == "CHECK_ASKED") {  // ADDRESS least most: since the last count
      finish_all();
      const auto address = net::Address::from_text(step.words.at(0));
      REQUIRE(address);
      std::size_t count = 0;
      std::string told;
      for (std::size_t i = counted_from; i < bench.network.log.size(); ++i) {
        const auto& one = bench.network.log[i];
        told +=
            one.server.to_text() + " " + one.question.name.to_text() + " " + wire::to_text(one.question.type) + "\n";
        if (one.server.address == *address) ++count;
      }
      INFO(told);
      CHECK(count >= std::stoul(step.words.at(1)));
      CHECK(count <= std::stoul(step.words.at(2)));
    } else if (step.action == "COUNT") {
      finish_all();
      counted_from = bench.network.log.size();
    } else if (step.action == "TIME_PASSES") {
      finish_all();
      bench.network.advance(1000 * std::stoull(step.words.at(1)));
    } else if (step.action == "TRAFFIC") {
      finish_all();
      finish_flights();
    } else {
      FAIL("unknown step " << step.action);
    }
  }
  finish_flights();
  CHECK(bench.resolver.in_flight().empty());
}

}  // namespace

TEST_CASE("scenarios") {
  std::set<std::string> paths;
  for (const auto& file : std::filesystem::directory_iterator(source_directory() + "/tests/scenarios")) {
    if (file.path().extension() == ".rpl") paths.insert(file.path().string());
  }
  REQUIRE(paths.size() >= 30);
  for (const auto& path : paths) {
    DYNAMIC_SECTION(std::filesystem::path(path).stem().string()) {
      const Scenario scenario = load_scenario(path);
      INFO(scenario.title);
      play(scenario);
    }
  }
}

}  // namespace placard::recurse
