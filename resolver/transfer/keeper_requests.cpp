// What workers hand over: who asks, whether they may, and the transfers that they get.
#include "resolver/transfer/keeper.hpp"
#include "resolver/transfer/unix_time.hpp"
#include "zones/serial.hpp"
#include "zones/transfer_out.hpp"

namespace placard::transfer {
namespace {

constexpr std::size_t kChunk = 64U << 10U;  // octets of a transfer that are handed to a worker at once

}  // namespace

/// Header and question with an rcode, signed where the question was.
void ZoneKeeper::answer_code(const wire::MessageView& message, const ZoneRequest& request, wire::Rcode rcode,
                             std::optional<zones::TsigSigner> signer) {
  std::vector<std::uint8_t> buffer(2048);
  wire::MessageWriter writer(buffer, buffer.size());
  const auto& asked = message.header();
  writer.header({.id = asked.id,
                 .qr = true,
                 .aa = asked.opcode == wire::Opcode::notify,
                 .rd = asked.rd,
                 .opcode = asked.opcode,
                 .rcode = static_cast<std::uint8_t>(rcode)});
  if (message.count(wire::Section::question) == 1)
    writer.question(message.question_name(), message.question_type(), message.question_class());
  if (message.edns()) writer.edns(1232, false, rcode);
  std::size_t size = writer.finish()->size();
  if (signer) size = signer->sign(buffer, size, unix_time()).value_or(size);
  buffer.resize(size);
  Reply::Messages one;
  one.push_back(std::move(buffer));
  request.reply->send(std::move(one), true, [](bool) {});
}

void ZoneKeeper::on_request(ZoneRequest request) {
  const auto message = wire::parse_message(request.message);
  if (!message || message->count(wire::Section::question) != 1) return;  // the worker has looked at it
  if (message->question_class() != wire::RecordClass::in)
    return answer_code(*message, request, wire::Rcode::notauth, {});
  switch (message->header().opcode) {
    case wire::Opcode::notify:
      return on_notify(*message, request);
    case wire::Opcode::update:
      return on_update(*message, request);
    case wire::Opcode::query:
      return on_transfer(*message, request);
    default:
      return answer_code(*message, request, wire::Rcode::notimp, {});
  }
}

// ---------------------------------------------------------------- transfers out

void ZoneKeeper::on_transfer(const wire::MessageView& message, ZoneRequest& request) {
  auto check = zones::check_request(message, *keys_, unix_time());
  const auto refuse = [&](wire::Rcode rcode) {
    ++counted_.transfers_out_refused;
    answer_code(message, request, rcode, std::move(check.answer));
  };
  if (check.verdict == zones::TsigVerdict::malformed) return refuse(wire::Rcode::formerr);
  if (check.verdict == zones::TsigVerdict::rejected) return refuse(wire::Rcode::notauth);
  const auto kept = find(message.question().name, request.listener);
  if (!kept) return refuse(wire::Rcode::notauth);
  if (!kept->plan.transfer.allows(request.client, check.key.get())) return refuse(wire::Rcode::refused);
  if (!kept->is_available()) return refuse(wire::Rcode::servfail);
  const bool incremental = message.question_type() == wire::RecordType::ixfr;
  if (!incremental && !request.stream) return refuse(wire::Rcode::formerr);  // RFC 5936 4.2
  std::optional<std::uint32_t> have;
  if (incremental) {
    const auto serial = zones::serial_of_ixfr(message);
    if (!serial) return refuse(wire::Rcode::formerr);
    have = *serial;
  }
  auto& of_client = sessions_of_[request.client];
  if (sessions_ >= options_.sessions || of_client >= options_.sessions_per_client) {
    if (of_client == 0) sessions_of_.erase(request.client);
    return refuse(wire::Rcode::refused);
  }
  ++sessions_;
  ++of_client;
  tasks_.spawn(send_transfer(kept, std::move(request), have, std::move(check.answer)));
}

net::Task<void> ZoneKeeper::send_transfer(Kept kept, ZoneRequest request, std::optional<std::uint32_t> have,
                                          std::optional<zones::TsigSigner> signer) {
  const auto client = request.client;
  const auto zone = kept->zone;
  const auto listing = kept->listing;
  std::unique_ptr<zones::RecordSource> source;
  if (have && (!zones::is_newer(zone->serial(), *have) || !request.stream)) {
    source = zones::soa_of(zone);
  } else if (have) {
    using Chain = std::optional<std::vector<zones::SharedChangeSet>>;
    auto chain = std::make_shared<Chain>();
    const std::uint64_t most = kept->memory_size();  // more than the whole zone says: then the whole zone
    std::function<void()> work = [store = kept->store, chain, serial = *have, most] {
      const std::lock_guard lock(store->mutex);
      if (!store->store.is_open()) return;
      const auto octets = store->store.journal().chain_octets(serial);
      if (!octets || *octets > most) return;
      if (auto read = store->store.journal().chain_from(serial)) *chain = std::move(*read);
    };
    auto reading = job(std::move(work));
    co_await reading;
    // The journal may have grown beyond the version that is served; that one's differences end there.
    if (*chain) {
      while (!(*chain)->empty() && (*chain)->back()->to != zone->serial()) (*chain)->pop_back();
      if (!(*chain)->empty()) source = zones::ixfr_of(zone, std::move(**chain));
    }
  }
  if (!source) source = listing ? zones::axfr_of(listing) : zones::axfr_of(zone);
  auto sending = send_stream(std::move(request), std::move(source), std::move(signer));
  const bool sent = co_await sending;
  ++(sent ? counted_.transfers_out : counted_.transfers_out_broken);
  if (sent) ++kept->transfers_out;
  --sessions_;
  if (--sessions_of_[client] == 0) sessions_of_.erase(client);
}

namespace {

/// What a worker says when the client has taken a chunk; the task that waits may be gone by then.
struct Taken {
  net::Completion<bool>* waiter = nullptr;  // the loop's thread only
  std::optional<bool> early;
};

class WaitTaken {
 public:
  WaitTaken(net::Loop& loop, std::shared_ptr<Taken> taken, net::Milliseconds patience)
      : taken_(std::move(taken)), timer_(loop, [this] { finish(false); }) {
    taken_->waiter = &done;
    if (taken_->early)
      finish(*taken_->early);
    else
      timer_.start(patience);
  }
  ~WaitTaken() { taken_->waiter = nullptr; }
  WaitTaken(const WaitTaken&) = delete;
  WaitTaken& operator=(const WaitTaken&) = delete;
  net::Completion<bool> done;

 private:
  void finish(bool taken) {
    if (!done.completed()) done.complete(taken);
  }
  std::shared_ptr<Taken> taken_;
  net::Timer timer_;
};

}  // namespace

/// Chunk by chunk; the next when the client has taken the one before. False: broken off.
net::Task<bool> ZoneKeeper::send_stream(ZoneRequest request, std::unique_ptr<zones::RecordSource> source,
                                        std::optional<zones::TsigSigner> signer) {
  const auto message = wire::parse_message(request.message);
  zones::TransferOut out(*message, std::move(source), std::move(signer));
  std::vector<std::uint8_t> buffer(wire::kMaxMessageSize);
  std::optional<std::vector<std::uint8_t>> ahead;  // so that the last is known to be the last
  for (bool last = false; !last;) {
    Reply::Messages chunk;
    std::size_t octets = 0;
    while (octets < kChunk && !last) {
      const auto size = out.next(buffer, unix_time());
      if (!size) {
        request.reply->abort();
        co_return false;
      }
      if (ahead) {
        octets += ahead->size();
        chunk.push_back(*std::move(ahead));
        ahead.reset();
      }
      if (*size == 0)
        last = true;
      else
        ahead.emplace(buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(*size));
    }
    auto taken = std::make_shared<Taken>();
    request.reply->send(std::move(chunk), last, [this, taken](bool alive) {
      loop_.post([taken, alive] {
        taken->early = alive;
        if (taken->waiter != nullptr && !taken->waiter->completed()) taken->waiter->complete(alive);
      });
    });
    WaitTaken wait(loop_, taken, options_.stall);
    if (!co_await wait.done) {
      request.reply->abort();
      co_return false;
    }
  }
  co_return true;
}

}  // namespace placard::transfer
