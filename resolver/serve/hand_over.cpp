// What leaves the answer path: messages about whole zones, which the zone desk answers on its own thread; and the
// signatures of questions that stay.
#include "resolver/serve/limits.hpp"
#include "resolver/serve/query.hpp"
#include "resolver/serve/signed.hpp"
#include "resolver/transfer/unix_time.hpp"

namespace placard::serve {
namespace {

/// The way back over this worker's loop.
class WorkerReply final : public transfer::Reply {
 public:
  WorkerReply(net::Loop& loop, const ReturnPath& path) : loop_(loop), path_(path) {}
  ~WorkerReply() override {
    if (ended_) return;
    loop_.post([stream = path_.stream] {
      if (const auto open = stream.lock()) open->forget_one();
    });
  }

  void send(Messages messages, bool last, std::function<void(bool)> taken) override {
    ended_ |= last;
    loop_.post([path = path_, messages = std::move(messages), last, taken = std::move(taken)] {
      if (path.udp != nullptr) {
        for (const auto& message : messages) path.udp->send(path.peer, message);
        return taken(true);
      }
      const auto stream = path.stream.lock();
      if (!stream) return taken(false);
      for (std::size_t i = 0; i < messages.size(); ++i) {
        if (last && i + 1 == messages.size())
          stream->send(messages[i]);
        else
          stream->send_part(messages[i]);
      }
      if (last && messages.size() == 1) return taken(true);  // nobody goes on behind it
      stream->when_drained(taken);
    });
  }
  void withdraw() { ended_ = true; }  ///< the worker answers itself
  void abort() override {
    ended_ = true;
    loop_.post([stream = path_.stream] {
      if (const auto open = stream.lock()) open->abort();
    });
  }

 private:
  net::Loop& loop_;
  ReturnPath path_;
  bool ended_ = false;
};

}  // namespace

Pipeline::Step Pipeline::hand_over(wire::Bytes packet, const ClientQuestion& question, const ReturnPath& path,
                                   std::span<std::uint8_t> reply) {
  const auto refuse = [&](wire::Rcode rcode) {
    wire::MessageWriter writer(reply, std::min(question.limit, reply.size()));
    writer.header(answer_header(question, rcode));
    return finish_answer(writer, question, rcode, {});
  };
  if (desk_ == nullptr) return refuse(wire::Rcode::refused);
  // What the desk says never comes by meter(), and who forges addresses must not fill its queue. To strangers it says
  // no, so each counts as an error; senders of NOTIFY and UPDATE send again what was dropped.
  const bool verified = question.verified || snapshot_->options.limits.exempt.contains(question.client);
  if (!verified && !is_within_rate(question, ResponseClass::error)) return limit(Limit::response_rate, path);
  transfer::ZoneRequest request;
  request.message.assign(packet.begin(), packet.end());
  request.client = question.client;
  request.listener = listeners_[question.listener];
  request.stream = question.stream;
  const auto way_back = std::make_shared<WorkerReply>(*loop_, path);
  request.reply = way_back;
  if (desk_->take(std::move(request))) return 0;
  way_back->withdraw();
  return question.stream ? refuse(wire::Rcode::servfail) : drop(path);
}

/// Who signs gets a signed answer; who signs wrongly gets NOTAUTH and nothing else (RFC 8945 5.2).
Pipeline::Step Pipeline::check_signature(const wire::MessageView& message, ClientQuestion& question,
                                         std::span<std::uint8_t> reply) {
  static const zones::TsigKeyring kNoKeys;
  auto check = zones::check_request(message, snapshot_->keys ? *snapshot_->keys : kNoKeys, transfer::unix_time());
  if (check.verdict == zones::TsigVerdict::malformed) {
    counters_.malformed.add();
    return render_rcode(question, wire::Rcode::formerr, {}, reply);
  }
  if (check.answer) {
    question.signer = std::make_shared<zones::TsigSigner>(*std::move(check.answer));
    question.limit -= question.signer->record_size();
  }
  if (check.verdict == zones::TsigVerdict::good) question.verified = true;
  if (check.verdict == zones::TsigVerdict::rejected) return render_rcode(question, wire::Rcode::notauth, {}, reply);
  return std::nullopt;
}

std::size_t sign_answer(const ClientQuestion& question, std::span<std::uint8_t> reply, std::size_t size) {
  return question.signer->sign(reply, size, transfer::unix_time()).value_or(size);
}

}  // namespace placard::serve
