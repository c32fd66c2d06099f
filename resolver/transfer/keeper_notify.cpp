// NOTIFY (RFC 1996): telling secondaries that there is something new, and being told so.
#include <ctime>

#include "resolver/transfer/client.hpp"
#include "resolver/transfer/keeper.hpp"
#include "zones/serial.hpp"
#include "zones/wire/writer.hpp"

namespace placard::transfer {
namespace {

constexpr int kTries = 6;
constexpr net::Milliseconds kNotifyWait = 1'000;
constexpr net::Milliseconds kFirstWait = 1'000;  // between tries, doubled with each: half a minute in all
constexpr net::Milliseconds kWaitSlice = 250;    // a newer version does not wait for what an older one has waited for

Message make_notify(const zones::Zone& zone, std::uint16_t id, const zones::SharedTsigKey& key,
                    std::optional<zones::TsigVerifier>& verifier) {
  Message message(4096);
  wire::MessageWriter writer(message, message.size());
  writer.header({.id = id, .aa = true, .opcode = wire::Opcode::notify});
  writer.question(zone.origin(), wire::RecordType::soa, wire::RecordClass::in);
  writer.record(wire::Section::answer, zone.origin(), wire::RecordType::soa, wire::RecordClass::in, zone.soa().ttl(),
                *zone.soa().rdatas().begin());
  std::size_t size = writer.finish()->size();
  if (key) {
    zones::TsigSigner signer(key);
    size = *signer.sign(message, size, static_cast<std::uint64_t>(std::time(nullptr)));
    verifier.emplace(signer);
  }
  message.resize(size);
  return message;
}

bool is_answer(const Message& octets, std::optional<zones::TsigVerifier>& verifier) {
  const auto message = wire::parse_message(octets);
  if (!message || !message->header().qr || message->header().opcode != wire::Opcode::notify) return false;
  return !verifier || verifier->check(*message, static_cast<std::uint64_t>(std::time(nullptr))).has_value();
}

}  // namespace

void ZoneKeeper::notify_all(const Kept& kept) {
  if (!kept->is_available()) return;
  for (const auto& target : kept->plan.notify) {
    auto& state = kept->notifies[target];
    state.wanted = kept->zone->serial();
    if (std::exchange(state.running, true)) continue;
    tasks_.spawn(notify_one(kept, target));
  }
}

/// Until it answers, has been asked often enough, or the zone is gone. A newer version starts the count anew.
net::Task<void> ZoneKeeper::notify_one(Kept kept, net::Endpoint target) {
  auto taking = notifies_.take();
  const auto place = co_await taking;
  net::Milliseconds wait = kFirstWait;
  std::uint32_t told = 0;
  for (int tries = 0; !kept->gone && kept->is_available(); ++tries) {
    const std::uint32_t wanted = kept->notifies[target].wanted;
    if (wanted != told) {
      tries = 0;
      wait = kFirstWait;
    }
    if (tries == kTries) {
      ++counted_.notifies_out_unanswered;
      break;
    }
    told = wanted;
    const auto key = kept->plan.notify_key ? keys_->find(kept->plan.notify_key->lowered()) : nullptr;
    std::optional<zones::TsigVerifier> verifier;
    auto message = make_notify(*kept->zone, random_id(), key, verifier);
    ++counted_.notifies_out;
    auto asking = ask_udp(loop_, target, std::move(message), kNotifyWait);
    const auto answer = co_await asking;
    if (answer && is_answer(*answer, verifier)) {
      if (kept->notifies[target].wanted == told) break;
      continue;
    }
    for (net::Milliseconds waited = 0; waited < wait && kept->notifies[target].wanted == told; waited += kWaitSlice) {
      auto pausing = net::sleep(loop_, kWaitSlice);
      co_await pausing;
    }
    wait *= 2;
  }
  kept->notifies[target].running = false;
}

/// Somebody says that a primary of ours has something new.
void ZoneKeeper::on_notify(const wire::MessageView& message, ZoneRequest& request) {
  auto check = zones::check_request(message, *keys_, static_cast<std::uint64_t>(std::time(nullptr)));
  if (check.verdict == zones::TsigVerdict::malformed) return answer_code(message, request, wire::Rcode::formerr, {});
  if (check.verdict == zones::TsigVerdict::rejected) {
    ++counted_.notifies_in_refused;
    return answer_code(message, request, wire::Rcode::notauth, std::move(check.answer));
  }
  const auto kept = find(message.question().name, request.listener);
  if (!kept || message.question_type() != wire::RecordType::soa)
    return answer_code(message, request, wire::Rcode::notauth, std::move(check.answer));
  const auto& plan = kept->plan;
  const bool from_primary = std::ranges::any_of(
      plan.primaries, [&](const net::Endpoint& primary) { return primary.address == request.client; });
  const bool by_key = check.key && plan.primary_key && check.key->name() == plan.primary_key->lowered();
  if (!plan.is_secondary() || !(from_primary || by_key || plan.notify_from.allows(request.client, check.key.get()))) {
    ++counted_.notifies_in_refused;
    return answer_code(message, request, wire::Rcode::refused, std::move(check.answer));
  }
  ++counted_.notifies_in;
  bool is_news = true;
  for (const wire::RecordView record : message.records(wire::Section::answer)) {
    std::vector<std::uint8_t> rdata;
    record.expand_rdata(rdata);
    // A hint only (RFC 1996 3.11), as it is when it says that there is something newer.
    if (record.type() == wire::RecordType::soa && kept->is_available())
      if (const auto soa = wire::parse_soa(rdata)) is_news = zones::is_newer(soa->serial, kept->zone->serial());
  }
  if (is_news) {
    kept->wants_refresh = true;
    wake(kept);
  }
  answer_code(message, request, wire::Rcode::noerror, std::move(check.answer));
}

}  // namespace placard::transfer
