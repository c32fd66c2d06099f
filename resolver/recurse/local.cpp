// Zones of our own that recursion reads instead of asking their servers (RFC 8806): the root, or any other.
//
// What such a zone says is judged, validated and kept like what a server says; only the way to it is shorter. A zone
// that cannot be read is as if it were not there, and its servers are asked, unless it says that they must not be.
#include "resolver/recurse/engine.hpp"
#include "zones/answer.hpp"

namespace placard::recurse {

/// The zone at or above `name`, where nothing deeper is configured or known.
std::optional<Delegation> Resolver::State::local_delegation(wire::NameView name, const Flight& flight) const {
  if (!local_zones || flight.without_local) return std::nullopt;
  // A question about DS comes with the parent's name, so any type but DS finds the right zone.
  Delegation found;
  if (const auto* zone = local_zones->find(name, wire::RecordType::a)) found.local = wire::Name(zone->origin());
  if (local_zones->is_unavailable(name)) found.local = wire::Name(name);
  if (!found.local) return std::nullopt;
  const std::size_t labels = found.zone().label_count();
  const Forward* stub = forward_for(name);
  if (stub && stub->zone.view().label_count() > labels) return std::nullopt;
  const auto known = cache->find_delegation(name, network.wall_seconds() + flight.asker.ahead);
  if (known && known->set.owner.view().label_count() > labels) return std::nullopt;
  return found;
}

bool Resolver::State::has_local_below(const Flight& flight, wire::NameView zone) const {
  const bool parent_side = flight.key.type == wire::RecordType::ds && !flight.key.name.view().is_root();
  const auto local = local_delegation(parent_side ? flight.key.name.view().parent() : flight.key.name.view(), flight);
  return local && local->zone().label_count() > zone.label_count();
}

Outcome Resolver::State::ask_local(const Flight& flight, wire::NameView zone, const wire::Question& question) {
  Outcome outcome;
  const auto* found = local_zones ? local_zones->find(zone, wire::RecordType::a) : nullptr;
  if (local_zones && local_zones->is_unavailable(zone)) {
    note(flight, "the zone of our own has nothing to read, and its servers are not to be asked");
    outcome.out_of_means = true;
    outcome.errors.push_back({wire::EdeCode::not_ready, "the zone could not be loaded"});
    return outcome;
  }
  if (found == nullptr || !(found->origin() == zone)) return outcome;  // another snapshot came meanwhile
  std::vector<std::uint8_t> buffer(wire::kMaxMessageSize);
  wire::MessageWriter writer(buffer, buffer.size());
  wire::Header header;
  header.qr = true;
  writer.header(header);
  writer.question(question.name, question.type, question.record_class);
  zones::AnswerOptions wanted;
  wanted.dnssec_ok = true;
  wanted.minimal_any = false;
  const auto result = zones::answer(*found, question, wanted, writer);
  header.aa = result.authoritative;
  header.tc = result.truncated;
  header.rcode = static_cast<std::uint8_t>(result.rcode);
  writer.set_flags(header);
  const auto message = wire::parse_reply(*writer.finish());
  if (!message) return outcome;
  Asked asked{question, zone, false, options.bounds.chain};
  asked.beyond = [&](wire::NameView name) {
    return forward_for(name) != forward_for(question.name) || never_ask(name);
  };
  Reply reply = judge(*message, asked);
  note(flight, "read our own zone {} for {} {}: {}", zone, question.name, question.type,
       reply.why.empty() ? to_text(reply.kind) : reply.why);
  outcome.answered = true;
  if (believable(reply.kind)) outcome.reply = std::move(reply);
  return outcome;
}

}  // namespace placard::recurse
