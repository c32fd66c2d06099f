// One question to the servers of one zone: the best one first, another one when it is silent, lame or confused, until
// someone says something that can be believed, or time, questions or servers have run out.
//
// Each server gets its say in several ways where it needs them: over TCP after TC, without EDNS after FORMERR, NOTIMP
// or BADVERS (and only then, as the flag day of 2019 has it), over TCP without 0x20 when its reply did not fit, and
// over UDP without 0x20 when only the case did not fit and TCP is no way.
#include <algorithm>

#include "resolver/recurse/engine.hpp"

namespace placard::recurse {
namespace {

constexpr std::size_t kMaxErrorTexts = 3;  // servers named in the extended errors of one failure
constexpr Milliseconds kPatience = 2'000;  // for the last try of the last server

Reply no_reply(std::string_view why) {
  Reply reply;
  reply.kind = ReplyKind::malformed;
  reply.why = why;
  return reply;
}

/// The reply's question has the case we sent (0x20); names that are compressed against it should not show that.
void restore_case(std::vector<std::uint8_t>& bytes, wire::NameView name) {
  const bool has_question = bytes.size() >= wire::kHeaderSize + name.size() && (bytes[4] != 0 || bytes[5] != 0);
  if (!has_question) return;
  const auto at = bytes.begin() + wire::kHeaderSize;
  const auto same = [](std::uint8_t a, std::uint8_t b) { return wire::lower(a) == wire::lower(b); };
  if (std::ranges::equal(name.bytes(), std::span(at, name.size()), same)) std::ranges::copy(name.bytes(), at);
}

std::string describe_reply(const Reply& reply) {
  if (!reply.why.empty()) return std::string(reply.why);
  if (reply.kind == ReplyKind::referral) return "referral to " + reply.ns.owner.to_text();
  if (reply.kind == ReplyKind::chain) return "alias to " + reply.next.to_text();
  return std::string(to_text(reply.kind));
}

/// What the server itself says about its failure (RFC 8914): the code, and not its text, which anybody may write.
std::string own_words(const wire::MessageView& message) {
  if (!message.edns()) return {};
  const auto errors = message.edns()->extended_errors();
  if (errors.empty()) return {};
  return fmt::format(" (its extended error {})", static_cast<unsigned>(errors.front().code));
}

void add_error(std::vector<wire::ExtendedError>& errors, std::string text) {
  if (errors.size() < kMaxErrorTexts) errors.push_back({wire::EdeCode::network_error, std::move(text)});
}

}  // namespace

net::Task<Outcome> Resolver::State::ask(Flight& flight, const Delegation& delegation, wire::Question question) {
  if (delegation.local) co_return ask_local(flight, delegation.zone(), question);
  Outcome outcome;
  Budget& budget = *flight.asker.budget;
  const ServerList::World world{options, *cache, *servers, network, flight.distrusted};
  ServerList list(world, delegation);
  ZoneShares::Place place(shares, delegation.zone());
  const std::size_t free = options.bounds.in_flight - std::min(flights.size(), options.bounds.in_flight);
  if (!place.granted(free, list.silent()) && !budget.trace) {
    outcome.overloaded = outcome.out_of_means = true;
    ++counters.zone_refusals;
    outcome.errors.push_back({list.silent() ? wire::EdeCode::no_reachable_authority : wire::EdeCode::other,
                              fmt::format("{} at {}", list.silent() ? "silent servers" : "too many questions",
                                          delegation.zone().to_text())});
    co_return outcome;
  }
  std::optional<Reply> empty;
  std::string_view limit;
  const Milliseconds deadline = deadline_of(flight, delegation);
  std::uint32_t attempts = 0, glueless = 0;
  while (!outcome.out_of_means) {
    if (network.now() >= deadline)
      limit = "no time left";
    else if (budget.questions == 0)
      limit = "too many questions to servers";
    if (!limit.empty()) break;

    Server* server = list.best();
    if (!server || list.only_bad_ones()) {
      const bool may =
          glueless < options.bounds.glueless && budget.glueless > 0 && flight.asker.depth < options.bounds.depth;
      const auto name = may ? list.next_glueless() : std::nullopt;
      if (name) {
        ++glueless;
        auto looking = look_up_address(flight, list, *name);
        co_await looking;
        continue;
      }
    }
    if (!server && list.add_parent_side()) continue;
    if (!server || attempts++ >= options.bounds.attempts) break;
    auto asking = ask_server(flight, delegation, question, list, *server, outcome);
    Reply reply = co_await asking;
    if (reply.kind == ReplyKind::empty) {
      empty = std::move(reply);  // perhaps another server has more to say
    } else if (believable(reply.kind)) {
      outcome.reply = std::move(reply);
      place.answered();
      co_return outcome;
    }
  }
  if (empty) {
    place.answered();
    outcome.reply = std::move(empty);
    co_return outcome;
  }
  if (!limit.empty()) outcome.out_of_means = true;
  wire::ExtendedError first{wire::EdeCode::no_reachable_authority, "at delegation " + delegation.zone().to_text()};
  if (list.empty()) first.extra_text = "no address of a name server of " + delegation.zone().to_text();
  if (!limit.empty() && outcome.answered) first = {wire::EdeCode::other, std::string(limit)};
  note(flight, "giving up on the servers of {}{}{}", delegation.zone(), limit.empty() ? "" : ": ", limit);
  outcome.errors.insert(outcome.errors.begin(), std::move(first));
  co_return outcome;
}

Milliseconds Resolver::State::deadline_of(const Flight& flight, const Delegation& delegation) {
  if (!delegation.configured || !delegation.configured->first) return flight.asker.deadline;
  return flight.started + (flight.asker.deadline - flight.started) / 2;
}

Outgoing Resolver::State::first_way(const Flight& flight, const Server& server, bool forwarder) const {
  Outgoing outgoing;
  outgoing.server = server.endpoint;
  outgoing.recursion_desired = forwarder;
  outgoing.checking_disabled = forwarder && (validating() || flight.asker.checking_disabled);  // RFC 6840 5.9
  outgoing.edns = server.facts.edns;
  outgoing.random_case = options.random_case && server.facts.random_case;
  outgoing.udp_size = options.udp_size;
  return outgoing;
}

void Resolver::State::note_error(NetworkError error, Server& server, Outcome& outcome) {
  if (error == NetworkError::overloaded) {
    outcome.overloaded = outcome.out_of_means = true;  // ours, not the server's fault
  } else if (error == NetworkError::server_busy) {
    server.exhausted = true;  // the others of its zone may have room; it has done nothing wrong
    outcome.overloaded = true;
  } else {
    if (error == NetworkError::timeout)
      ++counters.timeouts;
    else
      server.exhausted = true;
    servers->note_timeout(server.endpoint, network.now());
  }
  add_error(outcome.errors, fmt::format("{}: {}", server.endpoint.to_text(), to_text(error)));
}

/// One server's say, in as many ways as it needs. What is not believable comes back with its reason in `why`.
net::Task<Reply> Resolver::State::ask_server(Flight& flight, const Delegation& delegation,
                                             const wire::Question& question, ServerList& list, Server& server,
                                             Outcome& outcome) {
  Budget& budget = *flight.asker.budget;
  const Milliseconds deadline = deadline_of(flight, delegation);
  const bool forwarder = delegation.configured && !delegation.configured->stub;
  ++server.tries;
  const bool last_server = list.is_last(server);
  const bool last_try = server.tries >= options.bounds.tries_per_server + (last_server ? 1 : 0);
  if (last_try) server.exhausted = true;

  Outgoing outgoing = first_way(flight, server, forwarder);
  outgoing.question = question;
  Milliseconds patience = std::min(server.facts.timeout << (server.tries - 1), ServerTable::kMaxTimeout);
  if (last_try && last_server) patience = std::max(patience, kPatience);

  while (true) {
    const Milliseconds now = network.now();
    if (now >= deadline || budget.questions == 0) co_return no_reply("out of means");
    --budget.questions;
    ++flight.asked;
    ++counters.questions_sent;
    if (outgoing.transport == Transport::tcp) ++counters.tcp_questions;
    flight.last_server = server.endpoint;
    outgoing.timeout = std::min(outgoing.transport == Transport::tcp ? 2 * patience : patience, deadline - now);
    const auto step = [&](std::string_view what) {
      note(flight, "asked {}{} for {} {}, {} ms: {}", list.describe(server),
           outgoing.transport == Transport::tcp ? " over TCP" : "", question.name, question.type, network.now() - now,
           what);
    };

    auto exchanging = network.exchange(outgoing);
    auto result = co_await exchanging;
    if (!result) {
      if (traced(flight)) step(to_text(result.error()));
      if (result.error() == NetworkError::other_case && outgoing.random_case) {
        servers->note_no_random_case(server.endpoint, network.now());
        outgoing.random_case = false;
        continue;
      }
      if (result.error() == NetworkError::malformed && outgoing.transport == Transport::udp) {
        outgoing.transport = Transport::tcp;  // where nobody can forge it, any case is good
        outgoing.random_case = false;
        continue;
      }
      note_error(result.error(), server, outcome);
      co_return no_reply(to_text(result.error()));
    }

    outcome.answered = true;
    servers->note_answer(server.endpoint, result->rtt, network.now());
    if (result->other_case) servers->note_no_random_case(server.endpoint, network.now());
    restore_case(result->bytes, question.name);
    const auto message = wire::parse_reply(result->bytes);
    Asked asked{question, delegation.zone(), forwarder, options.bounds.chain};
    asked.beyond = [&](wire::NameView name) {
      return forward_for(name) != forward_for(question.name) || never_ask(name);
    };
    const bool internal = delegation.configured && !delegation.zone().is_root();
    if (!internal && !options.private_addresses.empty()) asked.private_addresses = &options.private_addresses;
    Reply reply = message ? judge(*message, asked) : no_reply("not a DNS message");
    if (message && !forwarder) note_report_agent(flight, *message);
    if (traced(flight)) {
      step(message ? fmt::format("{}: {}", describe_reply(reply), explain(*message, reply)) : describe_reply(reply));
      if (const auto believed = explain(reply); believable(reply.kind) && !believed.empty())
        note(flight, "  believed: {}", believed);
    }
    if (reply.kind == ReplyKind::truncated && outgoing.transport == Transport::udp) {
      outgoing.transport = Transport::tcp;
      continue;
    }
    if (reply.kind == ReplyKind::no_edns && outgoing.edns) {
      outgoing.edns = false;
      continue;
    }
    server.exhausted = true;
    const bool unsure = reply.kind == ReplyKind::empty && !reply.authoritative && !forwarder;
    if (reply.kind == ReplyKind::lame || reply.kind == ReplyKind::refused || unsure)
      servers->note_lame(server.endpoint, delegation.zone(), network.now());
    if (believable(reply.kind)) {
      if (!outgoing.edns && server.facts.edns) servers->note_no_edns(server.endpoint, network.now());
      if (!outgoing.random_case && options.random_case && server.facts.random_case)
        servers->note_no_random_case(server.endpoint, network.now());
    } else {
      add_error(outcome.errors,
                fmt::format("{}: {} for {} {}{}", server.endpoint.to_text(), describe_reply(reply),
                            question.name.to_text(), wire::to_text(question.type), message ? own_words(*message) : ""));
    }
    co_return reply;
  }
}

}  // namespace placard::recurse
