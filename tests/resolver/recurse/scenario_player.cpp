// Plays every scenario of tests/scenarios against a Resolver, on a fake network with a fake clock.
#include <catch2/catch.hpp>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <set>

#include "tests/resolver/recurse/fake_network.hpp"
#include "tests/resolver/recurse/scenario.hpp"
#include "tests/source_directory.hpp"

namespace placard::recurse {
namespace {

/// The servers of a scenario.
class ScriptedWorld {
 public:
  explicit ScriptedWorld(const Scenario& scenario) : scenario_(scenario) {}
  int step = 0;

  std::optional<FakeNetwork::Answer> operator()(const Outgoing& asked) {
    bool known = false;
    for (const auto& range : scenario_.ranges) {
      if (std::ranges::find(range.addresses, asked.server.address) == range.addresses.end()) continue;
      if (step < range.first || step > range.last) continue;
      known = true;
      for (const auto& entry : range.entries) {
        if (fits(entry, asked)) return reply(entry, asked);
      }
    }
    if (!known) return std::nullopt;
    ScenarioEntry refused;
    refused.flags = {"QR"};
    refused.rcode = wire::Rcode::refused;
    refused.adjust = {"copy_query"};
    return reply(refused, asked);
  }

 private:
  static bool fits(const ScenarioEntry& entry, const Outgoing& asked) {
    const auto& question = asked.question;
    if (entry.matches("qname") && !(entry.question.name == question.name)) return false;
    if (entry.matches("qtype") && entry.question.type != question.type) return false;
    if (entry.matches("subdomain") && !question.name.view().is_subdomain_of(entry.question.name)) return false;
    if (entry.matches("TCP") && asked.transport != Transport::tcp) return false;
    if (entry.matches("UDP") && asked.transport != Transport::udp) return false;
    if (entry.matches("edns") && !asked.edns) return false;
    if (entry.matches("noedns") && asked.edns) return false;
    if (entry.matches("RD") && !asked.recursion_desired) return false;
    if (entry.matches("noRD") && asked.recursion_desired) return false;
    return true;
  }

  static std::optional<FakeNetwork::Answer> reply(const ScenarioEntry& entry, const Outgoing& asked) {
    if (entry.adjusts("do_not_answer")) return std::nullopt;
    FakeNetwork::Answer answer;
    if (const auto delay = entry.value(entry.adjust, "delay"); !delay.empty()) answer.delay = std::stoull(delay);
    if (entry.adjusts("unreachable")) {
      answer.result = std::unexpected(NetworkError::unreachable);
      return answer;
    }
    if (entry.adjusts("no_case") && asked.random_case) {  // what the real network makes of a reply in another case
      answer.result = std::unexpected(NetworkError::other_case);
      return answer;
    }
    answer.result = bytes(entry, asked,
                          asked.transport == Transport::tcp ? wire::kMaxMessageSize
                          : asked.edns                      ? asked.udp_size
                                                            : 512U,
                          false);
    if (answer.result->empty()) answer.result = bytes(entry, asked, 512, true);
    return answer;
  }

  /// Empty when it does not fit.
  static std::vector<std::uint8_t> bytes(const ScenarioEntry& entry, const Outgoing& asked, std::size_t limit,
                                         bool cut) {
    std::vector<std::uint8_t> buffer(wire::kMaxMessageSize);
    wire::MessageWriter writer(buffer, limit);
    wire::Header header;
    header.qr = entry.has("QR");
    header.aa = entry.has("AA");
    header.tc = entry.has("TC") || cut;
    header.ra = entry.has("RA");
    header.rcode = static_cast<std::uint8_t>(static_cast<unsigned>(entry.rcode) & 0xfU);
    writer.header(header);
    wire::Question question =
        entry.adjusts("copy_query") || entry.question.name == asked.question.name ? asked.question : entry.question;
    if (!entry.adjusts("copy_query")) question.type = entry.question.type;
    auto name = std::vector<std::uint8_t>(question.name.view().bytes().begin(), question.name.view().bytes().end());
    if (asked.random_case) {
      for (std::size_t i = 0; i < name.size(); i += 2)
        name[i] = static_cast<std::uint8_t>(name[i] > 63 ? std::toupper(name[i]) : name[i]);
    }
    if (!entry.adjusts("no_question"))
      writer.question(wire::NameView::from_valid(name), question.type, question.record_class);
    const auto put = [&](wire::Section section, const std::vector<wire::Record>& records) {
      for (const auto& record : records) {
        wire::Name owner = record.owner;
        if (entry.adjusts("copy_query") && section == wire::Section::answer && record.type != wire::RecordType::dname &&
            record.owner == entry.question.name)
          owner = asked.question.name;
        auto rdata = record.rdata;
        if (entry.adjusts("cut_last") && &record == &entry.answer.back()) rdata.pop_back();
        writer.record(section, owner, record.type, record.record_class, record.ttl, rdata);
      }
    };
    if (!cut && !entry.has("TC")) {
      put(wire::Section::answer, entry.answer);
      put(wire::Section::authority, entry.authority);
      put(wire::Section::additional, entry.additional);
    }
    std::vector<wire::MessageWriter::EdnsOption> options;
    const auto agent = wire::Name::from_text(entry.value(entry.adjust, "report_to"));
    if (agent && !agent->view().is_root())
      options.push_back({static_cast<std::uint16_t>(wire::OptionCode::report_channel), agent->view().bytes()});
    if (asked.edns && !entry.adjusts("no_opt")) writer.edns(1232, true, entry.rcode, options);
    const auto written = writer.finish();
    return written ? std::vector<std::uint8_t>(written->begin(), written->end()) : std::vector<std::uint8_t>{};
  }

  const Scenario& scenario_;
};

std::string lowered(std::string text) {
  std::ranges::transform(text, text.begin(),
                         [](unsigned char octet) { return static_cast<char>(std::tolower(octet)); });
  return text;
}

using Lines = std::multiset<std::string>;

Lines lines(const std::vector<wire::Record>& records, bool ttl) {
  Lines all;
  for (const auto& record : records)
    all.insert(lowered(
        wire::record_to_text(record.owner, record.type, record.record_class, ttl ? record.ttl : 0, record.rdata)));
  return all;
}

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
