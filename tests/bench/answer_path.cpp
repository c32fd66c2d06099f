// The answer path by itself, for counting instructions: packets of one workload go through a Pipeline, again and again,
// without sockets. `valgrind --tool=callgrind` counts the same number for the same program each time, whatever else the
// machine does; tests/bench/instructions.py runs this with two numbers of rounds and divides the difference.
//
//   answer_path WORKLOAD ROUNDS     prints the octets of an answer, so that a workload that went wrong shows
#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <functional>
#include <map>

#include "resolver/net/udp.hpp"
#include "resolver/recurse/servers.hpp"
#include "resolver/serve/query.hpp"
#include "tests/resolver/serve/fake_world.hpp"
#include "zones/load.hpp"

namespace placard {
namespace {

constexpr int kNames = 512;  // distinct names of a workload: more than a branch predictor or one cache line remembers
static_assert(kNames % net::kUdpGroup == 0);
constexpr int kRules = 20'000;

using Packet = std::vector<std::uint8_t>;
using wire::RecordType;

struct Shape {
  RecordType type = RecordType::a;
  bool edns = true, dnssec_ok = false, mixed_case = false, cookie = false;
  const char* client = "127.0.0.1";
};

Packet question(const std::string& name, const Shape& shape) {
  Packet packet(512);
  wire::MessageWriter writer(packet, packet.size());
  wire::Header header;
  header.id = 4711;
  header.rd = true;
  writer.header(header);
  std::string text = name;
  if (shape.mixed_case)
    for (std::size_t i = 0; i < text.size(); i += 3) text[i] = static_cast<char>(std::toupper(text[i]));
  writer.question(*wire::Name::from_text(text), shape.type, wire::RecordClass::in);
  const std::array<std::uint8_t, 8> cookie{1, 2, 3, 4, 5, 6, 7, 8};
  const wire::MessageWriter::EdnsOption option{10, cookie};
  if (shape.edns)
    writer.edns(1232, shape.dnssec_ok, wire::Rcode::noerror, {&option, shape.cookie ? std::size_t{1} : 0});
  packet.resize(writer.finish()->size());
  return packet;
}

/// A server with 20,000 rules, a zone of its own and a forwarder that knows the other names.
class Server {
 public:
  explicit Server(const char* client) : client_(*net::Address::from_text(client)) {
    std::string zone = "$TTL 300\n@ SOA ns hostmaster 1 3600 600 864000 300\n@ NS ns\nns A 192.0.2.53\n";
    for (int i = 0; i < kNames; ++i) {
      zone += "host" + std::to_string(i) + " A 192.0.2.1\n";
      world_.add("www" + std::to_string(i) + ".cached.example. A 192.0.2.80");
    }
    auto loaded = zones::parse_zone(zone, *wire::Name::from_text("own.test."));
    if (!loaded) throw std::runtime_error(zones::to_text(loaded.error()));
    std::vector<std::shared_ptr<const zones::Zone>> zones{std::make_shared<zones::Zone>(*std::move(loaded))};
    auto snapshot = std::make_shared<serve::Snapshot>();
    snapshot->everywhere = std::make_shared<zones::ZoneSet>(std::move(zones));
    snapshot->options.recursion_clients.add(*policy::prefix_from_text("127.0.0.0/8"));
    snapshot->options.recursion_clients.add(*policy::prefix_from_text("fd00::/8"));
    snapshot->options.notice_addresses.push_back(*net::Address::from_text("192.0.2.1"));
    snapshot->index = policy::Index::compile(rules(), 1);
    pipeline_.set_snapshot(std::move(snapshot));
    pipeline_.read_clock();
  }
  ~Server() { pipeline_.cancel_all(); }

  /// As from a socket: a group is announced before it is answered. Octets of all answers.
  std::size_t answer(std::span<const Packet> group) {
    world_.milliseconds += group.size();  // no limit is met
    pipeline_.read_clock();
    std::array<wire::Bytes, net::kUdpGroup> announced;
    std::ranges::copy(group, announced.begin());
    pipeline_.expect({announced.data(), group.size()}, 0);
    std::size_t octets = 0;
    for (const auto& packet : group) {
      serve::ReturnPath path;
      octets += pipeline_.on_question(packet, 0, client_, false, path, reply_);
    }
    return octets;
  }

 private:
  static policy::CompileInput rules() {
    policy::IndexedDecision decision;
    decision.number = 1;
    decision.id = "bench";
    decision.authority = "operator";
    for (int i = 0; i < kRules; ++i) {
      policy::Rule rule;
      rule.id = i + 1;
      rule.name = *wire::Name::from_text("bad" + std::to_string(i) + ".blocked.example.");
      decision.rules.push_back(rule);
    }
    policy::CompileInput input;
    input.decisions.push_back(std::move(decision));
    return input;
  }
  static recurse::ResolverOptions forwarding() {
    recurse::ResolverOptions options;
    options.forwards.push_back({{}, {*net::Endpoint::from_text("192.0.2.53", 53)}, false});
    options.random_case = false;
    return options;
  }

  tests::FakeWorld world_;
  serve::WorkerCounters counters_;
  recurse::Resolver resolver_{forwarding(), world_, std::make_shared<recurse::Cache>(recurse::CacheLimits{}),
                              std::make_shared<recurse::ServerTable>()};
  serve::Pipeline pipeline_{serve::PipelineLimits{16 << 20, 100, 10},
                            {*net::Endpoint::from_text("127.0.0.1", 53)},
                            resolver_,
                            world_,
                            counters_,
                            7};
  net::Address client_;
  Packet reply_ = Packet(4096);
};

struct Workload {
  const char* prefix;
  const char* suffix;
  Shape shape;
};

const std::map<std::string, Workload> kWorkloads = {
    {"authoritative", {"host", ".own.test.", {}}},
    {"authoritative-nxdomain", {"none", ".own.test.", {}}},
    {"cached", {"www", ".cached.example.", {}}},
    {"cached-plain", {"www", ".cached.example.", {.edns = false}}},
    {"cached-cookie", {"www", ".cached.example.", {.cookie = true}}},
    {"cached-ipv6", {"www", ".cached.example.", {.client = "fd00::1"}}},
    {"cached-do", {"www", ".cached.example.", {.dnssec_ok = true}}},
    {"cached-mixed-case", {"www", ".cached.example.", {.mixed_case = true}}},
    {"cached-nodata", {"www", ".cached.example.", {.type = RecordType::aaaa}}},
    {"cached-nxdomain", {"none", ".cached.example.", {}}},
    {"blocked", {"bad", ".blocked.example.", {}}},
    {"blocked-aaaa", {"bad", ".blocked.example.", {.type = RecordType::https}}},
    {"blocked-below", {"www.bad", ".blocked.example.", {}}},
};

int run(const std::string& name, int rounds) {
  const auto found = kWorkloads.find(name);
  if (found == kWorkloads.end()) {
    for (const auto& [known, workload] : kWorkloads) std::puts(known.c_str());
    return name == "list" ? 0 : 2;
  }
  Server server(found->second.shape.client);
  std::vector<Packet> packets;
  for (int i = 0; i < kNames; ++i)
    packets.push_back(question(found->second.prefix + std::to_string(i) + found->second.suffix, found->second.shape));
  const auto answer_all = [&] {
    std::size_t octets = 0;
    for (std::size_t i = 0; i < packets.size(); i += net::kUdpGroup)
      octets += server.answer(std::span(packets).subspan(i, net::kUdpGroup));
    return octets;
  };
  std::size_t octets = 0;
  answer_all();  // resolved once
  for (int round = 0; round < rounds; ++round) octets += answer_all();
  std::printf("%zu\n", octets / static_cast<std::size_t>(std::max(1, rounds)) / kNames);
  return octets > 0 || rounds == 0 ? 0 : 1;
}

}  // namespace
}  // namespace placard

int main(int count, char** words) {
  int rounds = 0;
  if (count == 3) std::from_chars(words[2], words[2] + std::string_view(words[2]).size(), rounds);
  return placard::run(count > 1 ? words[1] : "", rounds);
}
