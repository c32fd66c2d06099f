// Forwarding: questions at or below a configured zone go to servers that resolve for us (RD=1), the fastest healthy one
// first. A chain of aliases that the forwarder completed is believed as it is; an open one is followed by resolve().
#include "resolver/recurse/engine.hpp"

namespace placard::recurse {

const Forward* Resolver::State::forward_for(wire::NameView name) const {
  const Forward* deepest = nullptr;
  for (const auto& forward : options.forwards) {
    if (!name.is_subdomain_of(forward.zone)) continue;
    if (!deepest || forward.zone.view().label_count() > deepest->zone.view().label_count()) deepest = &forward;
  }
  return deepest;
}

net::Task<Fetched> Resolver::State::forward(Flight& flight, const Forward& to) {
  wire::Question question;
  question.name = flight.key.name;
  question.type = flight.key.type;
  Delegation at;
  at.configured = &to;
  flight.doing = "forwarding";
  note(flight, "{} {}: forwarding for {}", question.name, question.type, to.zone);
  std::optional<Fetched> bogus;
  while (true) {
    auto asking = ask(flight, at, question);
    Outcome outcome = co_await asking;
    if (!outcome.reply) co_return bogus ? *std::move(bogus) : failure(std::move(outcome));
    bool retry = false;
    auto concluding = conclude(flight, to.zone, question, std::move(*outcome.reply), retry);
    Fetched fetched = co_await concluding;
    if (!retry) co_return fetched;
    bogus = std::move(fetched);
  }
}

}  // namespace placard::recurse
