#include "resolver/transfer/fetch.hpp"

#include "resolver/transfer/unix_time.hpp"
#include "zones/serial.hpp"
#include "zones/wire/writer.hpp"

namespace placard::transfer {
namespace {

using wire::RecordType;
using zones::TransferError;
using zones::TransferFailure;

template <class T>
using Result = std::expected<T, TransferError>;

constexpr std::uint16_t kAnswerSize = 1232;

struct Question {
  Message octets;
  std::uint16_t id = 0;
  std::optional<zones::TsigVerifier> verifier;
};

/// With `have`, the SOA that says so (RFC 1995 3).
Question make_question(const FetchRequest& request, RecordType type, std::optional<std::uint32_t> have, bool edns) {
  Question question;
  question.id = random_id();
  question.octets.resize(2048);
  wire::MessageWriter writer(question.octets, question.octets.size());
  writer.header({.id = question.id});
  writer.question(request.origin, type, wire::RecordClass::in);
  if (have) {
    const auto soa = wire::make_soa_rdata({{}, {}, *have, 0, 0, 0, 0});
    writer.record(wire::Section::authority, request.origin, RecordType::soa, wire::RecordClass::in, 0, soa);
  }
  if (edns) writer.edns(kAnswerSize, false, wire::Rcode::noerror);
  std::size_t size = writer.finish()->size();
  if (request.key) {
    zones::TsigSigner signer(request.key);
    size = *signer.sign(question.octets, size, unix_time());  // 2,048 octets have room for every name and key
    question.verifier.emplace(signer);
  }
  question.octets.resize(size);
  return question;
}

std::unexpected<TransferError> failed(TransferFailure kind, std::string reason) {
  return std::unexpected(TransferError{kind, std::move(reason)});
}

enum class SoaVerdict : std::uint8_t { good, truncated };
struct SoaAnswer {
  SoaVerdict verdict = SoaVerdict::good;
  std::uint32_t serial = 0;
};

Result<SoaAnswer> judge_soa(const FetchRequest& request, Question& question, const Message& octets) {
  const auto message = wire::parse_message(octets);
  if (!message || !message->header().qr || message->header().id != question.id)
    return failed(TransferFailure::broken, "an answer to the SOA question that is none");
  if (question.verifier)
    if (auto verified = question.verifier->check(*message, unix_time()); !verified)
      return failed(TransferFailure::unsigned_, verified.error());
  if (message->rcode() != wire::Rcode::noerror)
    return failed(TransferFailure::refused, "the server says " + wire::to_text(message->rcode()) + " to SOA");
  if (message->header().tc) return SoaAnswer{SoaVerdict::truncated, 0};
  for (const wire::RecordView record : message->records(wire::Section::answer)) {
    if (record.type() != RecordType::soa || !(record.owner() == request.origin)) continue;
    std::vector<std::uint8_t> rdata;
    record.expand_rdata(rdata);
    if (const auto soa = wire::parse_soa(rdata)) {
      // A server that has lost the zone, or never had it, must not hold us to what it remembers of it; whether it can
      // give what would be newer, the transfer tells.
      if (!message->header().aa && !(request.have && zones::is_newer(soa->serial, *request.have)))
        return failed(TransferFailure::refused, "the server has no authority");
      return SoaAnswer{SoaVerdict::good, soa->serial};
    }
  }
  return failed(TransferFailure::broken, "an answer without the zone's SOA");
}

net::Task<Result<std::uint32_t>> serial_over_tcp(net::Loop& loop, FetchRequest request) {
  TcpClient client(loop);
  auto connecting = client.connect(request.primary, request.times.connect);
  const auto connected = co_await connecting;
  if (!connected) co_return failed(TransferFailure::broken, connected.error());
  auto question = make_question(request, RecordType::soa, {}, true);
  if (const auto sent = client.send(question.octets); !sent) co_return failed(TransferFailure::broken, sent.error());
  auto receiving = client.receive(request.times.message);
  const auto octets = co_await receiving;
  if (!octets) co_return failed(TransferFailure::broken, octets.error());
  const auto answer = judge_soa(request, question, *octets);
  if (!answer) co_return std::unexpected(answer.error());
  if (answer->verdict == SoaVerdict::truncated) co_return failed(TransferFailure::broken, "truncated over TCP");
  co_return answer->serial;
}

/// One AXFR or IXFR on a connection of its own.
net::Task<Result<zones::Transferred>> transfer(net::Loop& loop, FetchRequest request,
                                               std::optional<std::uint32_t> have) {
  TcpClient client(loop);
  const net::Milliseconds started = loop.now();
  auto connecting = client.connect(request.primary, request.times.connect);
  const auto connected = co_await connecting;
  if (!connected) co_return failed(TransferFailure::broken, connected.error());
  auto question = make_question(request, have ? RecordType::ixfr : RecordType::axfr, have, false);
  if (const auto sent = client.send(question.octets); !sent) co_return failed(TransferFailure::broken, sent.error());
  zones::TransferIn in(request.origin, have, question.id, std::move(question.verifier), request.limits);
  for (;;) {
    auto receiving = client.receive(request.times.message);
    const auto octets = co_await receiving;
    if (!octets) co_return failed(TransferFailure::broken, octets.error());
    if (loop.now() - started > request.times.whole) co_return failed(TransferFailure::too_large, "it takes too long");
    const auto taken = in.take(*octets, unix_time());
    if (!taken) co_return std::unexpected(taken.error());
    if (*taken == zones::TransferIn::Progress::done) co_return in.result();
  }
}

}  // namespace

net::Task<Result<std::uint32_t>> fetch_serial(net::Loop& loop, FetchRequest request) {
  std::optional<TransferError> last;
  for (int i = 0; i < request.times.soa_tries; ++i) {
    auto question = make_question(request, RecordType::soa, {}, true);
    auto asking = ask_udp(loop, request.primary, question.octets, request.times.soa);
    const auto octets = co_await asking;
    if (!octets) {
      last = TransferError{TransferFailure::broken, octets.error()};
      continue;
    }
    const auto answer = judge_soa(request, question, *octets);
    if (!answer) co_return std::unexpected(answer.error());
    if (answer->verdict == SoaVerdict::good) co_return answer->serial;
    break;
  }
  auto over_tcp = serial_over_tcp(loop, request);
  const auto serial = co_await over_tcp;
  if (!serial && last && serial.error().kind == TransferFailure::broken) co_return std::unexpected(*last);
  co_return serial;
}

net::Task<Result<zones::Transferred>> fetch(net::Loop& loop, FetchRequest request) {
  if (request.have && request.ask_first) {
    auto asking = fetch_serial(loop, request);
    const auto serial = co_await asking;
    if (!serial) co_return std::unexpected(serial.error());
    if (!zones::is_newer(*serial, *request.have)) {
      zones::Transferred same;
      same.up_to_date = true;
      same.serial = *serial;
      co_return same;
    }
  }
  if (request.have && request.incremental) {
    auto incremental = transfer(loop, request, request.have);
    auto got = co_await incremental;
    if (got && !got->wants_full) co_return got;
    // A server that does not answer at all will not answer AXFR either.
    if (!got && got.error().kind == TransferFailure::unsigned_) co_return got;
  }
  auto whole = transfer(loop, request, {});
  co_return co_await whole;
}

net::Task<Result<zones::Transferred>> fetch_whole(net::Loop& loop, FetchRequest request) {
  auto whole = transfer(loop, std::move(request), {});
  co_return co_await whole;
}

}  // namespace placard::transfer
