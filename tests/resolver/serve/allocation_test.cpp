// What answers that need looking up only take from the heap, ask of the kernel, and write where other workers read:
// nothing. Every `new` of this test program is counted, except where a sanitizer has its own.
#ifndef PLACARD_SANITIZED

#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "tests/count_allocations.hpp"
#include "tests/resolver/serve/house.hpp"
#include "zones/load.hpp"

namespace placard {

using namespace tests;
using wire::RecordType;

namespace {

std::vector<std::uint8_t> packet_of(const char* owner, RecordType type, bool dnssec_ok, bool cookie) {
  std::vector<std::uint8_t> packet(512);
  wire::MessageWriter writer(packet, packet.size());
  wire::Header header;
  header.rd = true;
  writer.header(header);
  writer.question(name(owner), type, wire::RecordClass::in);
  const std::array<std::uint8_t, 8> data{1, 2, 3, 4, 5, 6, 7, 8};
  const wire::MessageWriter::EdnsOption option{static_cast<std::uint16_t>(wire::OptionCode::cookie), data};
  writer.edns(1232, dnssec_ok, wire::Rcode::noerror, {&option, cookie ? 1U : 0U});
  packet.resize(writer.finish()->size());
  return packet;
}

}  // namespace

TEST_CASE("answers from zones, policy and the answer cache allocate nothing, with the sketch of what is asked too") {
  const bool sketched = GENERATE(false, true);
  House house;
  house.block("a-decision-whose-name-is-longer-than-a-short-string", "blocked.example.");
  auto loaded = zones::parse_zone("$TTL 300\n@ SOA ns host 1 3600 600 864000 300\n@ NS ns\nns A 192.0.2.53\n",
                                  name("own.example."));
  REQUIRE(loaded);
  std::vector<std::shared_ptr<const zones::Zone>> zones{std::make_shared<zones::Zone>(*std::move(loaded))};
  house.snapshot.everywhere = std::make_shared<zones::ZoneSet>(std::move(zones));
  house.snapshot.options.cookie_secrets = {wire::SipHashKey{1, 2, 3}};
  house.publish();

  if (sketched) house.pipeline().swap_traffic(std::make_shared<policy::TrafficBuffer>(1));
  const auto client = *net::Address::from_text("127.0.0.1");
  std::vector<std::uint8_t> reply(4096);
  const serve::ReturnPath path;
  for (const char* owner : {"ns.own.example.", "none.own.example.", "blocked.example.", "www.blocked.example.",
                            "www.example.org.", "none.example.org."}) {
    for (const auto type : {RecordType::a, RecordType::aaaa, RecordType::https}) {
      for (const bool dnssec_ok : {false, true}) {
        for (const bool cookie : {false, true}) {
          INFO(owner << " " << wire::to_text(type) << (dnssec_ok ? " DO" : "") << (cookie ? " cookie" : ""));
          const auto packet = packet_of(owner, type, dnssec_ok, cookie);
          const std::array<wire::Bytes, 1> packets{packet};
          house.packet(packet);  // resolved, where it must be
          house.pipeline().read_clock();
          const std::size_t before = allocations;
          std::size_t octets = 0;
          for (int i = 0; i < 10; ++i) {
            house.pipeline().expect(packets, 0);
            octets += house.pipeline().on_question(packet, 0, client, false, path, reply);
          }
          const std::size_t after = allocations;
          CHECK(after == before);
          CHECK(octets > 10 * wire::kHeaderSize);
        }
      }
    }
  }
  if (const auto sketch = house.pipeline().swap_traffic(nullptr)) {
    std::size_t kept = 0;
    sketch->visit([&](wire::NameView, std::uint64_t) { ++kept; });
    CHECK(kept == sketch->questions());
    CHECK(kept > 4 * 3 * 2 * 2 * 10);  // of names that are not ours, each of them
  }
}

namespace {

/// One of several workers: what is its own.
struct WorkerHere {
  serve::WorkerCounters counters;
  recurse::Resolver resolver;
  serve::Pipeline pipeline;

  WorkerHere(FakeWorld& world, std::shared_ptr<const serve::Snapshot> snapshot, std::shared_ptr<recurse::Cache> cache,
             std::shared_ptr<recurse::ServerTable> servers)
      : resolver(forwarding(), world, std::move(cache), std::move(servers)),
        pipeline(serve::PipelineLimits{1 << 20, 100, 10}, {*net::Endpoint::from_text("127.0.0.1", 53)}, resolver, world,
                 counters, 7) {
    pipeline.set_snapshot(std::move(snapshot));
  }
  ~WorkerHere() { pipeline.cancel_all(); }

  /// Octets of all answers.
  std::size_t answer(std::span<const std::vector<std::uint8_t>> packets) {
    const serve::ReturnPath path;
    std::size_t octets = 0;
    pipeline.read_clock();
    for (const auto& packet : packets) {
      const std::array<wire::Bytes, 1> one{packet};
      pipeline.expect(one, 0);
      octets += pipeline.on_question(packet, 0, client, false, path, reply);
    }
    return octets;
  }

  net::Address client = *net::Address::from_text("127.0.0.1");
  std::vector<std::uint8_t> reply = std::vector<std::uint8_t>(4096);

 private:
  static recurse::ResolverOptions forwarding() {
    recurse::ResolverOptions options;
    options.forwards.push_back({name("."), {*net::Endpoint::from_text("192.0.2.53", 53)}, false});
    options.random_case = false;
    return options;
  }
};

/// Runs `work` in a process of its own, for which `shared` is read-only and system calls are forbidden; how that ended.
template <class Work>
int status_of(Arena& shared, const Work& work) {
  const pid_t child = ::fork();
  if (child == 0) {
    std::signal(SIGSEGV, SIG_DFL);  // not the test program's own story about it
    const bool ready = shared.make_read_only() && ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT) == 0;
    const bool good = ready && work();
    ::syscall(SYS_exit, good ? 0 : 1);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  return status;
}

}  // namespace

TEST_CASE("hits make no system call, so none that waits, and write nothing that workers share") {
  FakeWorld world;
  world.add("www.example.org. A 192.0.2.80");
  Arena shared;
  Arena::taking = &shared;
  auto snapshot = std::make_shared<serve::Snapshot>();
  policy::CompileInput input;
  policy::IndexedDecision decision;
  decision.number = 1;
  decision.id = "a-decision";
  decision.authority = "operator";
  policy::Rule rule;
  rule.id = 1;
  rule.name = name("blocked.example.");
  decision.rules.push_back(rule);
  input.decisions.push_back(decision);
  snapshot->index = policy::Index::compile(input, 1);
  auto loaded = zones::parse_zone("$TTL 300\n@ SOA ns host 1 3600 600 864000 300\n@ NS ns\nns A 192.0.2.53\n",
                                  name("own.example."));
  REQUIRE(loaded);
  snapshot->everywhere = std::make_shared<zones::ZoneSet>(
      std::vector<std::shared_ptr<const zones::Zone>>{std::make_shared<zones::Zone>(*std::move(loaded))});
  snapshot->options.recursion_clients.add(*policy::prefix_from_text("127.0.0.0/8"));
  snapshot->options.notice_addresses.push_back(*net::Address::from_text("192.0.2.1"));
  snapshot->options.cookie_secrets = {wire::SipHashKey{1, 2, 3}};
  auto cache = std::make_shared<recurse::Cache>(recurse::CacheLimits{});
  auto servers = std::make_shared<recurse::ServerTable>();

  std::vector<std::vector<std::uint8_t>> packets;
  for (const char* owner : {"ns.own.example.", "none.own.example.", "blocked.example.", "www.blocked.example.",
                            "www.example.org.", "none.example.org."})
    for (const auto type : {RecordType::a, RecordType::aaaa, RecordType::https})
      for (const bool cookie : {false, true}) packets.push_back(packet_of(owner, type, false, cookie));
  {
    WorkerHere other(world, snapshot, cache, servers);
    other.answer(packets);  // what it resolves lies in the record cache, for all
  }
  Arena::taking = nullptr;

  WorkerHere worker(world, snapshot, cache, servers);
  worker.answer(packets);  // into its own cache, out of the record cache
  const std::size_t octets = worker.answer(packets);
  const int asked = world.asked;
  CHECK(status_of(shared, [&] {
          bool same = true;
          for (int i = 0; i < 200; ++i) same = same && worker.answer(packets) == octets && world.asked == asked;
          return same;
        }) == 0);

  // Either would have been seen.
  const int counted = status_of(shared, [&] { return std::shared_ptr(snapshot).use_count() > 0; });
  CHECK((WIFSIGNALED(counted) && WTERMSIG(counted) == SIGSEGV));
  const int called = status_of(shared, [] { return ::syscall(SYS_futex, nullptr, 0, 0, nullptr, nullptr, 0) != 0; });
  CHECK((WIFSIGNALED(called) && WTERMSIG(called) == SIGKILL));
}

}  // namespace placard

#endif
