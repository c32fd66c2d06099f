// What the parts of an answer cost by themselves (Google Benchmark): for comparing two versions on one quiet machine.
// The names and sizes are those of ordinary traffic; each loop goes through many names, so that no branch and no cache
// line is learnt by heart.
#include <benchmark/benchmark.h>

#include "policy/match/index.hpp"
#include "resolver/recurse/cache.hpp"
#include "resolver/serve/answers.hpp"
#include "zones/load.hpp"
#include "zones/wire/ldns_adapter.hpp"
#include "zones/wire/quick_question.hpp"
#include "zones/wire/writer.hpp"

namespace placard {
namespace {

constexpr int kMany = 4096;
constexpr std::int64_t kNow = 1'800'000'000;

wire::Name name(const std::string& text) {
  return *wire::Name::from_text(text);
}

std::vector<wire::Name> names(const std::string& suffix) {
  std::vector<wire::Name> made;
  for (int i = 0; i < kMany; ++i) made.push_back(name("www" + std::to_string(i) + suffix));
  return made;
}

std::vector<std::vector<std::uint8_t>> packets() {
  std::vector<std::vector<std::uint8_t>> made;
  for (const auto& owner : names(".shop.example.org.")) {
    std::vector<std::uint8_t> packet(512);
    wire::MessageWriter writer(packet, packet.size());
    writer.header({});
    writer.question(owner, wire::RecordType::a, wire::RecordClass::in);
    writer.edns(1232, false, wire::Rcode::noerror);
    packet.resize(writer.finish()->size());
    made.push_back(std::move(packet));
  }
  return made;
}

void quick_question(benchmark::State& state) {
  const auto all = packets();
  std::size_t next = 0;
  for (auto _ : state) {
    wire::QuickQuestion question;
    benchmark::DoNotOptimize(question.parse(all[next++ % kMany]));
    question.name.make_hashes(7, wire::kMaxLabels);
    benchmark::DoNotOptimize(question.name.hash[question.name.labels]);
  }
}
BENCHMARK(quick_question);

void parse_message(benchmark::State& state) {
  const auto all = packets();
  std::size_t next = 0;
  for (auto _ : state) benchmark::DoNotOptimize(wire::parse_message(all[next++ % kMany]));
}
BENCHMARK(parse_message);

void hash_of_name(benchmark::State& state) {
  const auto all = names(".shop.example.org.");
  std::size_t next = 0;
  for (auto _ : state) benchmark::DoNotOptimize(all[next++ % kMany].view().hash(7));
}
BENCHMARK(hash_of_name);

void policy_lookup(benchmark::State& state, const std::string& asked) {
  policy::IndexedDecision decision;
  decision.number = 1;
  decision.id = "bench";
  decision.authority = "operator";
  for (int i = 0; i < state.range(0); ++i) {
    policy::Rule rule;
    rule.name = name("bad" + std::to_string(i) + ".example.net.");
    decision.rules.push_back(rule);
  }
  policy::CompileInput input;
  input.decisions.push_back(std::move(decision));
  const auto index = policy::Index::compile(input, 1);
  std::vector<wire::Name> all;
  for (int i = 0; i < kMany; ++i) {
    const auto number = static_cast<std::int64_t>(i) * 7919 % state.range(0);
    all.push_back(name(asked + std::to_string(number) + ".example.net."));
  }
  std::size_t next = 0;
  for (auto _ : state) benchmark::DoNotOptimize(index->match_name(all[next++ % kMany], 0, kNow));
}
BENCHMARK_CAPTURE(policy_lookup, hit, "bad")->Arg(10'000)->Arg(1'000'000);
BENCHMARK_CAPTURE(policy_lookup, miss, "good")->Arg(10'000)->Arg(1'000'000);

wire::RecordSet address_set(const wire::Name& owner) {
  wire::RecordSet set;
  set.owner = owner;
  set.type = wire::RecordType::a;
  set.ttl = 300;
  const std::uint8_t address[4] = {192, 0, 2, 1};
  set.rdatas.add(address);
  return set;
}

void record_cache_lookup(benchmark::State& state) {
  recurse::Cache cache(recurse::CacheLimits{});
  const auto all = names(".shop.example.org.");
  for (const auto& owner : all) cache.store(address_set(owner), recurse::Credibility::answer_aa, kNow);
  std::size_t next = 0;
  for (auto _ : state) benchmark::DoNotOptimize(cache.find(all[next++ % kMany], wire::RecordType::a, kNow));
}
BENCHMARK(record_cache_lookup);

void answer_cache_and_rendering(benchmark::State& state) {
  serve::AnswerCache cache(64 << 20, 7);
  std::vector<serve::ClientQuestion> questions;
  for (const auto& owner : names(".shop.example.org.")) {
    serve::ClientQuestion question;
    question.question.name = owner;
    question.edns = true;
    question.limit = 1232;
    recurse::Resolved resolved;
    resolved.rcode = wire::Rcode::noerror;
    auto entry = std::make_shared<recurse::CacheEntry>();
    entry->set = address_set(owner);
    entry->expires_at = kNow + 300;
    resolved.answer.push_back(std::move(entry));
    cache.insert({owner, wire::RecordType::a}, serve::store_answer(resolved, question.question, false, kNow));
    questions.push_back(question);
  }
  std::vector<std::uint8_t> reply(4096);
  std::size_t next = 0;
  for (auto _ : state) {
    const auto& question = questions[next++ % kMany];
    if (const auto* answer = cache.find(question, kNow + 5))
      benchmark::DoNotOptimize(serve::render_stored(*answer, question, kNow + 5, reply));
  }
}
BENCHMARK(answer_cache_and_rendering);

void record_from_text(benchmark::State& state) {
  for (auto _ : state)
    benchmark::DoNotOptimize(wire::record_from_text("www.example.org. 300 IN MX 10 mail.example.org.", {}, 300));
}
BENCHMARK(record_from_text);

void load_zone(benchmark::State& state) {
  std::string text = "$TTL 300\n@ SOA ns hostmaster 1 3600 600 864000 300\n@ NS ns\nns A 192.0.2.53\n";
  for (int i = 0; i < kMany; ++i) text += "host" + std::to_string(i) + " A 192.0.2.1\n";
  for (auto _ : state) benchmark::DoNotOptimize(zones::parse_zone(text, name("example.org.")));
  state.SetItemsProcessed(state.iterations() * kMany);
}
BENCHMARK(load_zone);

}  // namespace
}  // namespace placard

BENCHMARK_MAIN();
