// Plays every scenario of tests/scenarios/policy against a whole pipeline: fake servers behind it, rules in it.
#include <filesystem>

#include "policy/lists/rpz.hpp"
#include "policy/record/written_name.hpp"
#include "tests/resolver/recurse/scenario_servers.hpp"
#include "tests/resolver/serve/house.hpp"
#include "tests/source_directory.hpp"

namespace placard {
namespace {

using tests::FakeStream;

/// The rules of a scenario: one decision for each list, lists in order.
policy::CompileInput compiled_input(const recurse::Scenario& scenario) {
  policy::CompileInput input;
  policy::View view;
  view.name = "default";
  for (const auto& [list, record] : scenario.rules) {
    const auto source = "list:" + list;
    if (std::ranges::find(view.sources, source) == view.sources.end()) {
      view.sources.push_back(source);
      auto& decision = input.decisions.emplace_back();
      decision.number = static_cast<std::int64_t>(input.decisions.size());
      decision.id = decision.list = list;
      decision.authority = "operator";
    }
    const auto reading = policy::read_rpz_record(record.owner, {}, record.type, record.ttl, record.rdata);
    INFO(record.owner.to_text());
    REQUIRE(reading.kind == policy::RpzReading::Kind::rule);
    auto rule = policy::rule_of(reading.form);
    const bool named = rule.trigger == policy::Trigger::qname || rule.trigger == policy::Trigger::nsdname;
    if (named)
      rule.name = *policy::name_from_key(reading.key);
    else
      rule.prefix = reading.key;
    std::ranges::find(input.decisions, list, &policy::IndexedDecision::list)->rules.push_back(std::move(rule));
  }
  if (!view.sources.empty()) input.views.push_back(std::move(view));
  return input;
}

class PolicyBench {
 public:
  PolicyBench(const recurse::Scenario& scenario, const recurse::FakeNetwork::World& world)
      : network(world),
        cache_(std::make_shared<recurse::Cache>(scenario.cache)),
        resolver_(scenario.options, network, cache_, std::make_shared<recurse::ServerTable>()),
        pipeline_(serve::PipelineLimits{1 << 20, 100, 10}, {*net::Endpoint::from_text("127.0.0.1", 53)}, resolver_,
                  network, counters_, 7) {
    serve::Snapshot snapshot;
    snapshot.options.recursion_clients.add(*policy::prefix_from_text("0.0.0.0/0"));
    snapshot.options.policy_after_recursion = scenario.after_recursion;
    snapshot.options.judge_redirects = scenario.judge_redirects;
    snapshot.index = policy::Index::compile(compiled_input(scenario), 1);
    pipeline_.set_known_servers([this, forwards = scenario.options.forwards](wire::NameView about, std::int64_t now) {
      return recurse::known_servers(*cache_, forwards, about, now);
    });
    pipeline_.set_snapshot(std::make_shared<serve::Snapshot>(std::move(snapshot)));
  }
  ~PolicyBench() { pipeline_.cancel_all(); }

  /// The answer over TCP or UDP; empty: none ever.
  std::vector<std::uint8_t> ask(const wire::Question& question, const std::string& client, bool stream) {
    pipeline_.read_clock();
    std::vector<std::uint8_t> packet(512), reply(wire::kMaxMessageSize);
    wire::MessageWriter writer(packet, packet.size());
    wire::Header header;
    header.id = 4711;
    header.rd = true;
    writer.header(header);
    writer.question(question.name, question.type, question.record_class);
    const auto asked = *writer.finish();
    const auto connection = std::make_shared<FakeStream>();
    serve::ReturnPath path;
    path.stream = connection;  // what comes later lands there, whatever it was asked over
    const auto size = pipeline_.on_question(asked, 0, *net::Address::from_text(client), stream, path, reply);
    if (size > 0) return {reply.begin(), reply.begin() + static_cast<std::ptrdiff_t>(size)};
    while (connection->sent.empty() && connection->forgotten == 0 && network.step()) {
    }
    return connection->sent.empty() ? std::vector<std::uint8_t>() : connection->sent.front();
  }

  recurse::FakeNetwork network;

 private:
  std::shared_ptr<recurse::Cache> cache_;
  recurse::Resolver resolver_;
  serve::WorkerCounters counters_;
  serve::Pipeline pipeline_;
};

std::string answer_lines(const wire::MessageView& message) {
  std::vector<wire::Record> records;
  for (const auto& record : message.records(wire::Section::answer)) {
    std::vector<std::uint8_t> rdata;
    record.expand_rdata(rdata);
    records.push_back({wire::Name(record.owner()), record.type(), record.record_class(), record.ttl(), rdata});
  }
  std::string text;
  for (const auto& line : recurse::lines(records, false)) text += line + "\n";
  return text;
}

void check(const recurse::ScenarioEntry& expected, const std::vector<std::uint8_t>& answer) {
  if (expected.matches("dropped")) {
    CHECK(answer.empty());
    return;
  }
  REQUIRE_FALSE(answer.empty());
  const auto message = wire::parse_message(answer);
  REQUIRE(message);
  CHECK(wire::to_text(static_cast<wire::Rcode>(message->header().rcode)) == wire::to_text(expected.rcode));
  CHECK(message->header().tc == expected.has("TC"));
  std::string wanted;
  for (const auto& line : recurse::lines(expected.answer, false)) wanted += line + "\n";
  CHECK(answer_lines(*message) == wanted);
}

void play(const recurse::Scenario& scenario) {
  auto world = std::make_shared<recurse::ScriptedWorld>(scenario);
  PolicyBench bench(scenario, [world](const recurse::Outgoing& asked) { return (*world)(asked); });
  std::vector<std::uint8_t> answer;
  std::size_t counted_from = 0;
  for (const auto& step : scenario.steps) {
    INFO("step " << step.number << " " << step.action);
    world->step = step.number;
    if (step.action == "QUERY") {
      const auto from = std::ranges::find(step.words, "FROM");
      const std::string client = from != step.words.end() && from + 1 != step.words.end() ? from[1] : "127.0.0.1";
      answer = bench.ask(step.entry.question, client, step.entry.matches("TCP"));
    } else if (step.action == "CHECK_ANSWER") {
      check(step.entry, answer);
    } else if (step.action == "COUNT") {
      counted_from = bench.network.log.size();
    } else if (step.action == "CHECK_ASKED") {  // ADDRESS least most: since the last count
      const auto address = *net::Address::from_text(step.words.at(0));
      const auto count = static_cast<std::size_t>(
          std::count_if(bench.network.log.begin() + static_cast<std::ptrdiff_t>(counted_from), bench.network.log.end(),
                        [&](const recurse::Outgoing& one) { return one.server.address == address; }));
      CHECK(count >= std::stoul(step.words.at(1)));
      CHECK(count <= std::stoul(step.words.at(2)));
    } else if (step.action == "TIME_PASSES") {
      bench.network.advance(1000 * std::stoull(step.words.at(1)));
    } else {
      FAIL("unknown step " << step.action);
    }
  }
}

}  // namespace

TEST_CASE("scenarios of policy") {
  std::set<std::string> paths;
  for (const auto& file : std::filesystem::directory_iterator(source_directory() + "/tests/scenarios/policy"))
    if (file.path().extension() == ".rpl") paths.insert(file.path().string());
  REQUIRE(paths.size() >= 6);
  for (const auto& path : paths) {
    DYNAMIC_SECTION(std::filesystem::path(path).stem().string()) {
      const auto scenario = recurse::load_scenario(path);
      INFO(scenario.title);
      play(scenario);
    }
  }
}

}  // namespace placard
