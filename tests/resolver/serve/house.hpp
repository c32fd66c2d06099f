// A pipeline in a world without sockets, and how tests ask it: packets in, packets out.
#pragma once

#include <catch2/catch.hpp>

#include "policy/match/views.hpp"
#include "resolver/recurse/servers.hpp"
#include "resolver/serve/query.hpp"
#include "tests/names.hpp"
#include "tests/resolver/serve/fake_world.hpp"

namespace placard::tests {

using wire::RecordType;

/// Remembers what was sent to it.
class FakeStream final : public net::StreamConnection {
 public:
  std::vector<std::vector<std::uint8_t>> sent;
  int forgotten = 0;
  const net::Endpoint& remote() const override { return endpoint_; }
  const net::Endpoint& local() const override { return endpoint_; }
  net::Milliseconds idle_timeout() const override { return 2'500; }
  void send(wire::Bytes answer) override { sent.emplace_back(answer.begin(), answer.end()); }
  void forget_one() override { ++forgotten; }
  void send_part(wire::Bytes message) override { sent.emplace_back(message.begin(), message.end()); }
  void when_drained(std::function<void(bool)> drained) override { drained(true); }
  void abort() override {}

 private:
  net::Endpoint endpoint_;
};

struct Asked {
  const char* owner;
  RecordType type = RecordType::a;
  const char* client = "127.0.0.1";
  bool edns = true, dnssec_ok = false, recursion_desired = true, stream = true;
  std::uint16_t udp_size = 1232;
  std::vector<std::pair<wire::OptionCode, std::vector<std::uint8_t>>> options = {};
};

class House {
 public:
  FakeWorld world;
  policy::CompileInput input;
  serve::Snapshot snapshot;
  std::shared_ptr<FakeStream> stream = std::make_shared<FakeStream>();
  std::shared_ptr<recurse::Cache> cache = std::make_shared<recurse::Cache>(recurse::CacheLimits{});

  explicit House(std::size_t in_flight = 100) {
    world.add("www.example.org. A 192.0.2.80");
    world.add("alias.example.org. CNAME www.blocked.example.");
    world.add("www.blocked.example. A 192.0.2.66");
    world.add("garden.example.org. A 192.0.2.99");
    snapshot.options.recursion_clients.add(*policy::prefix_from_text("127.0.0.0/8"));
    for (const char* notice : {"192.0.2.1", "2001:db8::1"})
      snapshot.options.notice_addresses.push_back(*net::Address::from_text(notice));
    recurse::ResolverOptions options;
    options.forwards.push_back({name("."), {*net::Endpoint::from_text("192.0.2.53", 53)}, false});
    options.random_case = false;
    resolver_.emplace(options, world, cache, std::make_shared<recurse::ServerTable>());
    pipeline_.emplace(serve::PipelineLimits{1 << 20, in_flight, 10},
                      std::vector{*net::Endpoint::from_text("127.0.0.1", 53)}, *resolver_, world, counters, 7);
    pipeline_->set_known_servers(
        [this](wire::NameView about, std::int64_t now) { return recurse::known_servers(*cache, {}, about, now); });
  }
  ~House() { pipeline_->cancel_all(); }

  policy::IndexedDecision& block(const char* id, const char* blocked,
                                 policy::Action action = policy::Action::sinkhole) {
    policy::IndexedDecision decision;
    decision.number = static_cast<std::int64_t>(input.decisions.size()) + 1;
    decision.id = id;
    decision.authority = "operator";
    policy::Rule rule;
    rule.id = decision.number;
    rule.name = name(blocked);
    rule.action = action;
    decision.rules.push_back(rule);
    return input.decisions.emplace_back(decision);
  }
  void publish() {
    snapshot.index = policy::Index::compile(input, ++generation_);
    pipeline_->set_snapshot(std::make_shared<serve::Snapshot>(snapshot));
  }

  /// The answer's octets; empty when there was none at once or later.
  std::vector<std::uint8_t> ask(const Asked& asked) {
    pipeline_->read_clock();
    std::vector<std::uint8_t> packet(512), reply(65535);
    wire::MessageWriter writer(packet, packet.size());
    wire::Header header;
    header.id = 4711;
    header.rd = asked.recursion_desired;
    header.ad = true;
    writer.header(header);
    writer.question(name(asked.owner), asked.type, wire::RecordClass::in);
    std::vector<wire::MessageWriter::EdnsOption> options;
    for (const auto& [code, data] : asked.options) options.push_back({static_cast<std::uint16_t>(code), data});
    if (asked.edns) writer.edns(asked.udp_size, asked.dnssec_ok, wire::Rcode::noerror, options);
    const auto question = *writer.finish();
    serve::ReturnPath path;
    path.stream = stream;  // what comes later lands there, whatever it was asked over
    stream->sent.clear();
    const auto size =
        pipeline_->on_question(question, 0, *net::Address::from_text(asked.client), asked.stream, path, reply);
    if (size == 0) return stream->sent.empty() ? std::vector<std::uint8_t>() : stream->sent.front();
    reply.resize(size);
    return reply;
  }
  std::vector<std::uint8_t> packet(std::vector<std::uint8_t> bytes, const serve::ReturnPath& path = {}) {
    std::vector<std::uint8_t> reply(65535);
    reply.resize(pipeline_->on_question(bytes, 0, *net::Address::from_text("127.0.0.1"), false, path, reply));
    return reply;
  }
  serve::Pipeline& pipeline() { return *pipeline_; }
  serve::WorkerCounters counters;

 private:
  std::optional<recurse::Resolver> resolver_;
  std::optional<serve::Pipeline> pipeline_;
  std::uint64_t generation_ = 0;
};

/// "owner TYPE rdata" of each record of a section.
inline std::vector<std::string> texts(const std::vector<std::uint8_t>& answer, wire::Section section) {
  std::vector<std::string> found;
  const auto message = wire::parse_message(answer);
  REQUIRE(message);
  for (const auto& record : message->records(section)) {
    if (record.type() == RecordType::opt) continue;
    std::vector<std::uint8_t> rdata;
    record.expand_rdata(rdata);
    found.push_back(record.owner().to_text() + " " + wire::to_text(record.type()) + " " +
                    wire::rdata_to_text(record.type(), rdata));
  }
  return found;
}
inline wire::Rcode rcode(const std::vector<std::uint8_t>& answer) {
  return wire::parse_message(answer)->rcode();
}
inline std::vector<wire::ExtendedError> errors(const std::vector<std::uint8_t>& answer) {
  const auto message = wire::parse_message(answer);
  REQUIRE(message);
  return message->edns() ? message->edns()->extended_errors() : std::vector<wire::ExtendedError>();
}
using Lines = std::vector<std::string>;

inline std::uint64_t limited(House& house, serve::Limit limit) {
  return house.counters.limited[static_cast<std::size_t>(limit)].get();
}
inline policy::Prefix prefix(const char* text) {
  return *policy::prefix_from_text(text);
}

}  // namespace placard::tests
