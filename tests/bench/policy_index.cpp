// The policy index by itself: what a rule costs in the store and in the file, how long an import, a start, a new rule
// and a lookup take.
//
//   policy_index RULES [FOLDER]     names of 20 characters on average, of one list; the folder is left as it was
//
// Times are of the processor (CPU) except where it says wall: others may use the machine.
#include <sys/resource.h>
#include <time.h>

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <random>
#include <thread>

#include "policy/lists/list_reader.hpp"
#include "policy/match/compile.hpp"
#include "policy/match/image_builder.hpp"
#include "policy/record/decision_file.hpp"
#include "policy/record/intake.hpp"
#include "policy/record/list_intake.hpp"
#include "policy/record/rule_list.hpp"
#include "policy/record/written_name.hpp"

namespace placard::policy {

namespace {

double seconds(clockid_t clock) {
  timespec time{};
  ::clock_gettime(clock, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}
double cpu() {
  return seconds(CLOCK_PROCESS_CPUTIME_ID);
}
double wall() {
  return seconds(CLOCK_MONOTONIC);
}

/// Octets of a line of /proc/self/smaps_rollup.
double memory_of(const std::string& word) {
  std::ifstream lines("/proc/self/smaps_rollup");
  for (std::string line; std::getline(lines, line);)
    if (line.starts_with(word + ":")) return std::strtod(line.c_str() + word.size() + 1, nullptr) * 1024;
  return 0;
}

/// The number's name, other than a list would have it in any order: 13 to 19 letters below one of a few domains.
std::string name_of_number(std::uint64_t number) {
  static constexpr const char* kEnds[] = {".com", ".net", ".org", ".info", ".co.nz"};
  std::mt19937_64 random(number);
  std::string name;
  const std::size_t letters = 12 + random() % 8;
  for (std::size_t i = 0; i < letters; ++i) name += static_cast<char>('a' + random() % 26);
  return name + kEnds[random() % 5];
}

// Questions that a server's worker reads at once, at most (net::kUdpGroup).
constexpr std::size_t kGroup = 16;

/// Nanoseconds of a lookup, hashes included: each by itself, or announced in groups as the server does it.
double lookups(const Index& index, std::size_t rules, bool hits, bool announced) {
  constexpr std::size_t kQuestions = 1 << 16;
  std::vector<wire::Name> names;
  std::mt19937_64 random(99);
  for (std::size_t i = 0; i < kQuestions; ++i) {
    const auto number = random() % std::max<std::size_t>(rules, 1);
    names.push_back(*wire::Name::from_text("www." + name_of_number(hits ? number : number + (std::uint64_t{1} << 40))));
  }
  const auto one_by_one = [&] {
    std::size_t met = 0;
    for (const auto& name : names) met += index.match_name(name, 0, 1).has_value();
    return met;
  };
  std::vector<wire::Suffixes> suffixes(kGroup);
  const auto in_groups = [&] {
    std::size_t met = 0;
    for (std::size_t first = 0; first < kQuestions; first += kGroup) {
      for (std::size_t i = 0; i < kGroup; ++i) {
        std::construct_at(&suffixes[i], names[first + i], index.seed(), index.most_labels());
        index.prefetch_heads(suffixes[i]);
      }
      for (const auto& each : suffixes) index.prefetch_keys(each);
      for (const auto& each : suffixes) index.prefetch_longer_keys(each);
      for (const auto& each : suffixes) met += index.match_name(each, 0, 1).has_value();
    }
    return met;
  };
  double best = 1e9;
  std::size_t met = 0;
  for (int round = 0; round < 5; ++round) {
    const auto start = cpu();
    met = announced ? in_groups() : one_by_one();
    best = std::min(best, cpu() - start);
  }
  if (met != (hits ? kQuestions : 0)) std::printf("  (%zu of %zu names were met)\n", met, kQuestions);
  return best / static_cast<double>(kQuestions) * 1e9;
}

void run(std::size_t rules, const std::filesystem::path& folder) {
  const auto file = folder / "bench.index";
  std::printf("%zu rules\n", rules);
  {
    const auto start = cpu();
    FileSink sink(file);
    ImageBuilder builder(sink, {});
    IndexedDecision decision;
    decision.number = 1;
    decision.id = "bench";
    decision.list = "bench";
    decision.authority = "feed";
    const auto head = builder.add_decision(decision);
    const auto making = cpu();
    std::size_t octets = 0;
    double names = 0;
    const std::uint32_t row[] = {builder.add_rule(*head, Rule{})};
    for (std::size_t i = 0; i < rules; ++i) {
      const auto before = cpu();
      const auto name = *wire::Name::from_text(name_of_number(i));
      octets += name.view().size();
      if (i % 64 == 0) names += (cpu() - before) * 64;
      builder.add_name(name, row);
    }
    builder.finish();
    sink.commit();
    const auto size = static_cast<double>(std::filesystem::file_size(file));
    std::printf("  file            %.2f octets a rule (names of %.2f octets in wire form)\n",
                size / static_cast<double>(rules), static_cast<double>(octets) / static_cast<double>(rules));
    std::printf("  build           %.2f s CPU, %.2f us a rule, names left out\n", cpu() - start - names,
                (cpu() - making - names) * 1e6 / static_cast<double>(rules));
  }
  const auto private_before = memory_of("Private_Dirty");
  const auto start = wall();
  auto image = Image::map(file);
  if (!image) throw std::runtime_error(image.error());
  const auto index = Index::assemble(*image, nullptr, {}, {}, 1);
  const auto first = *wire::Name::from_text(name_of_number(rules / 2));
  const bool blocked = index->match_name(first, 0, 1).has_value();
  std::printf("  start           %.3f ms wall to the first blocked answer (%s)\n", (wall() - start) * 1e3,
              blocked ? "met" : "MISSED");
  const auto verifying = wall();
  const auto whole = verify_image((*image)->view().bytes());
  std::printf("  verify          %.0f ms wall: %s\n", (wall() - verifying) * 1e3,
              whole ? "whole" : whole.error().c_str());
  (*image)->fault_in();
  for (const bool hits : {true, false})
    std::printf("  lookup, %s    %.0f ns by itself, %.0f ns announced in groups of %zu\n", hits ? "hit " : "miss",
                lookups(*index, rules, hits, false), lookups(*index, rules, hits, true), kGroup);
  std::printf("  private memory  %.2f octets a rule (%.0f KiB of tables)\n",
              (memory_of("Private_Dirty") - private_before) / static_cast<double>(rules),
              static_cast<double>(index->private_memory()) / 1024);
  const auto updating = wall();
  IndexedDecision fresh;
  fresh.number = 2;
  fresh.id = "fresh";
  fresh.authority = "op";
  Rule rule;
  rule.name = *wire::Name::from_text("fresh.example");
  fresh.rules.push_back(rule);
  ImageOptions options;
  options.seed = index->seed();
  const auto updated = Index::assemble(*image, image_of({&fresh, 1}, options, true), {}, {}, 2);
  const bool answers = updated->match_name(rule.name, 0, 1).has_value();
  std::printf("  one rule more   %.3f ms wall until an index with it is there (%s)\n", (wall() - updating) * 1e3,
              answers ? "met" : "MISSED");
  std::filesystem::remove(file);
}

/// As `placard import` does it: from the octets of a list to a synced store and index, guards on.
void run_import(std::size_t rules, const std::filesystem::path& folder) {
  const auto path = folder / "bench.db", file = folder / "bench.index";
  std::string text;
  for (std::size_t i = 0; i < rules; ++i) text += name_of_number(i) + "\n";
  const auto each = [rules](double time) { return time * 1e6 / static_cast<double>(rules); };
  {
    auto store = Store::open(path, Store::Mode::read_write, 1);
    const auto batch = parse_decision_file(
        "[[authority]]\nid = \"bench\"\nkind = \"operator\"\nname = \"Bench\"\n"
        "[[decision]]\nid = \"bench\"\ntype = \"voluntary\"\nauthority = \"bench\"\nlegal_basis = \"None\"\n"
        "statement_of_reasons = \"Bench\"\nredress = \"None\"\nexpires_after = \"30 days\"\nlist = \"bench\"\n",
        "bench.toml", 1);
    if (!batch || !intake(store, *batch, Guards{}, "bench", 1)) throw std::runtime_error("the decision is refused");
    const auto begun = wall();
    auto reader = ListReader::open({.match = MatchKind::both}).value();
    for (std::size_t at = 0; at < text.size(); at += std::size_t{1} << 20)
      reader.feed(std::string_view(text).substr(at, std::size_t{1} << 20));
    std::printf("  read            %.2f us wall a rule\n", each(wall() - begun));
    auto since = wall();
    auto list = reader.finish();
    std::printf("  sort            %.2f us\n", each(wall() - since));
    text = {};
    since = wall();
    const ListTerms terms{.list = "bench", .decision = {}, .mandate = {}, .overridden = {}};
    const auto admitted =
        ListIntake::admit(terms, list.rules, Guards{}, [](const GuardedRule&) {}, [] { return std::string("{}"); });
    std::printf("  guards          %.2f us\n", each(wall() - since));
    since = wall();
    double compiled = 0;
    std::thread compile([&] {
      auto reading = Store::open(path, Store::Mode::read_only, 1);
      FileSink sink(file);
      const UpcomingList upcoming{"bench", list.rules};
      write_index(reading, sink, 1, {}, {}, &upcoming);
      sink.commit();
      compiled = wall() - since;
    });
    store.record_list(admitted.value(), "bench", 1);
    std::printf("  record          %.2f us, synced\n", each(wall() - since));
    compile.join();
    std::printf("  index           %.2f us, beside it\n", each(compiled));
    const auto time = wall() - begun;
    std::printf("  import          %.0f names a second, %.1f s wall\n", static_cast<double>(rules) / time, time);
  }
  std::printf("  store           %.1f octets a rule\n",
              static_cast<double>(std::filesystem::file_size(path)) / static_cast<double>(rules));
  for (const char* end : {"", ".lock", "-wal", "-shm"}) std::filesystem::remove(path.string() + end);
  std::filesystem::remove(file);
}

}  // namespace
}  // namespace placard::policy

int main(int count, char** words) {
  const auto rules = count > 1 ? std::strtoull(words[1], nullptr, 10) : 10'000;
  const std::filesystem::path folder = count > 2 ? words[2] : std::filesystem::temp_directory_path().string();
  placard::policy::run(rules, folder);
  placard::policy::run_import(rules, folder);
}
