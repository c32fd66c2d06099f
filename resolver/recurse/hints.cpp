// Where everything starts: the root's servers, from the hints, and from the root itself once it has told (RFC 9609).
//
// Priming runs beside the questions, never before them, and may fail without harm: the hints stay as good as they were.
#include <algorithm>
#include <array>
#include <fstream>

#include "resolver/recurse/engine.hpp"
#include "zones/wire/ldns_adapter.hpp"

namespace placard::recurse {
namespace {

constexpr std::int64_t kPrimeAgain = 600;  // seconds, after it failed
constexpr std::uint32_t kPrimingQuestions = 8;
constexpr std::size_t kMaxHintsSize = 256 * 1024;  // octets of a hints file

struct RootServer {
  char letter;
  const char* ipv4;
  const char* ipv6;
};
/// https://www.internic.net/domain/named.root, as of 2024 (b's addresses are those of November 2023).
constexpr std::array<RootServer, 13> kRootServers = {{
    {'a', "198.41.0.4", "2001:503:ba3e::2:30"},
    {'b', "170.247.170.2", "2801:1b8:10::b"},
    {'c', "192.33.4.12", "2001:500:2::c"},
    {'d', "199.7.91.13", "2001:500:2d::d"},
    {'e', "192.203.230.10", "2001:500:a8::e"},
    {'f', "192.5.5.241", "2001:500:2f::f"},
    {'g', "192.112.36.4", "2001:500:12::d0d"},
    {'h', "198.97.190.53", "2001:500:1::53"},
    {'i', "192.36.148.17", "2001:7fe::53"},
    {'j', "192.58.128.30", "2001:503:c27::2:30"},
    {'k', "193.0.14.129", "2001:7fd::1"},
    {'l', "199.7.83.42", "2001:500:9f::42"},
    {'m', "202.12.27.33", "2001:dc3::35"},
}};

}  // namespace

/// The hints for now; the question that needed them sets off the priming.
Delegation Resolver::State::root() {
  const std::int64_t now = network.wall_seconds();
  if (!priming && now >= next_priming && !forward_for(wire::NameView{})) {
    priming = true;
    next_priming = now + kPrimeAgain;
    flights.start(prime());
  }
  Delegation delegation;
  delegation.entry = hints;
  return delegation;
}

net::Task<void> Resolver::State::prime() {
  Flight flight;  // of its own: nobody waits for it
  flight.asker.budget = std::make_shared<Budget>();
  flight.asker.budget->started = network.now();
  flight.asker.budget->questions = kPrimingQuestions;
  flight.asker.deadline = network.now() + options.bounds.deadline;
  flight.asker.flight = &flight;
  wire::Question question;
  question.type = wire::RecordType::ns;
  Delegation delegation;
  delegation.entry = hints;
  auto asking = ask(flight, delegation, question);
  Outcome outcome = co_await asking;
  priming = false;
  if (!outcome.reply || outcome.reply->kind != ReplyKind::answer) co_return;
  Reply& reply = *outcome.reply;
  std::vector<wire::Name> names;
  for (const auto rdata : reply.ns.rdatas)
    names.push_back(wire::rdata_name(wire::RecordType::ns, rdata).value_or(wire::Name{}));
  for (const auto& hint : options.root_hints) {  // what came without address, the hints may know
    const auto at = std::ranges::find(names, hint.name);
    if (at == names.end()) continue;
    const auto number = static_cast<std::uint16_t>(at - names.begin());
    if (std::ranges::none_of(reply.glue, [&](const Glue& glue) {
          return glue.server == number && glue.address.v6 == hint.address.v6;
        })) {
      reply.glue.push_back({number, hint.address});
    }
  }
  if (reply.glue.empty()) co_return;
  believe_referral(reply, nullptr);
}

std::vector<RootHint> iana_root_hints() {
  std::vector<RootHint> hints;
  for (const auto& server : kRootServers) {
    const auto name = wire::Name::from_text(fmt::format("{}.root-servers.net.", server.letter));
    for (const char* text : {server.ipv4, server.ipv6}) {
      const auto address = net::Address::from_text(text);
      if (name && address) hints.push_back({*name, *address});
    }
  }
  return hints;
}

std::expected<std::vector<RootHint>, std::string> load_root_hints(const std::string& path) {
  std::ifstream file(path);
  if (!file) return std::unexpected(path + ": cannot be opened");
  std::vector<RootHint> addresses;
  std::vector<wire::Name> servers;
  std::string line;
  std::size_t size = 0;
  for (std::size_t number = 1; std::getline(file, line); ++number) {
    size += line.size();
    if (size > kMaxHintsSize) return std::unexpected(path + ": too long for a hints file");
    line.erase(std::min(line.find(';'), line.size()));
    if (line.find_first_not_of(" \t\r") == std::string::npos || line[0] == '$') continue;
    const auto record = wire::record_from_text(line, wire::NameView{}, 3'600'000);
    if (!record) return std::unexpected(fmt::format("{}:{}: {}", path, number, record.error()));
    if (record->type == wire::RecordType::ns && record->owner.view().is_root()) {
      if (const auto name = wire::rdata_name(record->type, record->rdata)) servers.push_back(*name);
    } else if (record->type == wire::RecordType::a || record->type == wire::RecordType::aaaa) {
      addresses.push_back({record->owner, net::Address::from_bytes(record->rdata)});
    }
  }
  std::erase_if(addresses,
                [&](const RootHint& hint) { return std::ranges::find(servers, hint.name) == servers.end(); });
  if (addresses.empty()) return std::unexpected(path + ": no address of a root server in it");
  return addresses;
}

}  // namespace placard::recurse
