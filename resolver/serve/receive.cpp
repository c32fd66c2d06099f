// Step 1 of a question's life: from a packet to a ClientQuestion, or to what is said to packets that are none.
//
// Each opcode has its line in receive(). A packet is judged by RFC 1035 4.1, RFC 6891 (one OPT, version 0, unknown
// options ignored) and RFC 7873 5.4 (no question, but a cookie). Client subnet (RFC 7871) is an unknown option here: it
// is neither echoed nor sent on.
#include <algorithm>
#include <array>

#include "resolver/serve/query.hpp"

namespace placard::serve {
namespace {

/// Answer and authority of a question are empty; an IXFR says there which version it has (RFC 1995 3).
bool has_strange_sections(const wire::MessageView& message) {
  const bool ixfr = message.count(wire::Section::question) == 1 && message.question_type() == wire::RecordType::ixfr;
  return message.count(wire::Section::answer) > 0 || (message.count(wire::Section::authority) > 0 && !ixfr);
}

/// Header and OPT alone.
std::size_t render_without_question(const ClientQuestion& question, wire::Rcode rcode, std::span<std::uint8_t> reply) {
  wire::MessageWriter writer(reply, std::min(question.limit, reply.size()));
  writer.header(answer_header(question, rcode));
  return finish_answer(writer, question, rcode, {});
}

}  // namespace

Pipeline::Step Pipeline::receive(wire::Bytes packet, ClientQuestion& question, const ReturnPath& path,
                                 std::span<std::uint8_t> reply) {
  const auto header = wire::parse_header(packet);
  if (!header || header->qr) return drop(path);
  question.access = snapshot_->options.recursion_clients.find(question.client);
  if (question.access == Access::drop) return limit(Limit::access_dropped, path);
  question.id = header->id;
  question.opcode = header->opcode;
  question.recursion_desired = header->rd;
  question.checking_disabled = header->cd;
  question.wants_authenticated = header->ad;
  question.verified = question.stream;
  question.udp_size = snapshot_->options.udp_size;
  question.limit = question.stream ? wire::kMaxMessageSize : 512;
  switch (header->opcode) {
    case wire::Opcode::query:
      return receive_query(packet, question, path, reply);
    case wire::Opcode::notify:
    case wire::Opcode::update: {
      const auto message = wire::parse_message(packet);
      if (message && message->count(wire::Section::question) == 1) return hand_over(packet, question, path, reply);
      counters_.malformed.add();
      return render_without_question(question, wire::Rcode::formerr, reply);
    }
    default:
      return render_without_question(question, wire::Rcode::notimp, reply);
  }
}

Pipeline::Step Pipeline::receive_query(wire::Bytes packet, ClientQuestion& question, const ReturnPath& path,
                                       std::span<std::uint8_t> reply) {
  const auto malformed = [&] {
    counters_.malformed.add();
    return render_without_question(question, wire::Rcode::formerr, reply);
  };
  const auto message = wire::parse_message(packet);
  if (!message || has_strange_sections(*message)) return malformed();
  const auto& edns = message->edns();
  if (edns && !receive_edns(*edns, path, question)) return malformed();
  const auto questions = message->count(wire::Section::question);
  if (questions == 0 && question.has_cookie) return render_without_question(question, wire::Rcode::noerror, reply);
  if (questions != 1) return malformed();
  question.question = message->question();
  question.parsed = true;
  if (question.high_rcode == wire::Rcode::badvers) return render_rcode(question, wire::Rcode::badvers, {}, reply);
  const auto type = question.question.type;
  if (wire::is_meta(type) && type != wire::RecordType::any) {
    const bool transfer = type == wire::RecordType::axfr || type == wire::RecordType::ixfr;
    return transfer ? hand_over(packet, question, path, reply) : render_rcode(question, wire::Rcode::notimp, {}, reply);
  }
  const std::size_t opt = question.edns ? 1 : 0;
  return message->count(wire::Section::additional) > opt ? check_signature(*message, question, reply) : std::nullopt;
}

/// False where an option makes the question malformed. A version that is not ours gets BADVERS, with nothing of its
/// options looked at (RFC 6891 6.1.3).
bool Pipeline::receive_edns(const wire::EdnsView& edns, const ReturnPath& path, ClientQuestion& question) {
  question.edns = true;
  question.dnssec_ok = edns.dnssec_ok;
  question.wants_authenticated |= edns.dnssec_ok;
  if (!question.stream)
    question.limit = std::clamp<std::size_t>(edns.udp_size, 512, std::max<std::size_t>(512, question.udp_size));
  if (edns.version != 0) {
    question.high_rcode = wire::Rcode::badvers;
    return true;
  }
  if (edns.options.empty()) return true;
  const auto& options = snapshot_->options;
  const auto option = [&](wire::OptionCode code) { return edns.option(static_cast<std::uint16_t>(code)); };
  if (const auto cookie = option(wire::OptionCode::cookie); cookie && !options.cookie_secrets.empty()) {
    const auto check = check_cookie(*cookie, question.client, options.cookie_secrets, now_);
    if (check.state == CookieState::malformed) return false;
    question.has_cookie = true;
    question.add_answer_option(wire::OptionCode::cookie, check.answer);
    if (check.state == CookieState::good)
      question.verified = true;
    else if (cookie->size() > kClientCookieSize)
      counters_.bad_cookies.add();
  }
  if (!options.nsid.empty() && option(wire::OptionCode::nsid))
    question.add_answer_option(wire::OptionCode::nsid, options.nsid);
  const auto stream = question.stream ? path.stream.lock() : nullptr;
  if (stream && option(wire::OptionCode::tcp_keepalive)) {
    const auto tenths = std::min<net::Milliseconds>(stream->idle_timeout() / 100, UINT16_MAX);
    const std::array<std::uint8_t, 2> data = {static_cast<std::uint8_t>(tenths >> 8U),
                                              static_cast<std::uint8_t>(tenths)};
    question.add_answer_option(wire::OptionCode::tcp_keepalive, data);  // RFC 7828 3.3.2
  }
  return true;
}

}  // namespace placard::serve
