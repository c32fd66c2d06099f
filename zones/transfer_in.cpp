#include "zones/transfer_in.hpp"

#include <algorithm>
#include <cassert>

#include "zones/serial.hpp"

namespace placard::zones {

using wire::MessageView;
using wire::RecordType;
using wire::RecordView;
using wire::Section;

namespace {

std::unexpected<TransferError> failure(TransferFailure kind, std::string reason) {
  return std::unexpected(TransferError{kind, std::move(reason)});
}

std::unexpected<TransferError> misordered(std::string reason) {
  return failure(TransferFailure::misordered, std::move(reason));
}

}  // namespace

std::string_view to_text(TransferFailure kind) {
  switch (kind) {
    case TransferFailure::refused:
      return "refused";
    case TransferFailure::broken:
      return "broken";
    case TransferFailure::unsigned_:
      return "unsigned";
    case TransferFailure::misordered:
      return "misordered";
    case TransferFailure::too_large:
      return "too_large";
  }
  return "";
}

TransferIn::TransferIn(wire::NameView origin, std::optional<std::uint32_t> have, std::uint16_t question_id,
                       std::optional<TsigVerifier> verifier, TransferLimits limits)
    : origin_(origin), have_(have), id_(question_id), verifier_(std::move(verifier)), limits_(limits) {}

std::expected<TransferIn::Progress, TransferError> TransferIn::take(wire::Bytes octets, std::uint64_t now) {
  assert(state_ != State::done);
  ++messages_;
  octets_ += octets.size();
  if (messages_ > limits_.messages || octets_ > limits_.octets) {
    return failure(TransferFailure::too_large, "more than " + std::to_string(limits_.octets) + " octets or " +
                                                   std::to_string(limits_.messages) + " messages");
  }
  const auto message = wire::parse_message(octets);
  if (!message) return failure(TransferFailure::broken, std::string(wire::to_text(message.error())));
  if (auto checked = check_message(*message, now); !checked) return std::unexpected(std::move(checked.error()));
  for (const RecordView record : message->records(Section::answer)) {
    if (state_ == State::done) return misordered("records behind the last SOA");
    if (++records_ > limits_.records) {
      return failure(TransferFailure::too_large, "more than " + std::to_string(limits_.records) + " records");
    }
    if (auto taken = take_record(record); !taken) return std::unexpected(std::move(taken.error()));
  }
  return end_of_message();
}

TransferIn::Step TransferIn::check_message(const MessageView& message, std::uint64_t now) {
  const auto& header = message.header();
  if (!header.qr || header.opcode != wire::Opcode::query || header.id != id_) {
    return failure(TransferFailure::broken, "a message that is no answer to the question");
  }
  // First who says it: what an unsigned message claims is not even worth a name in the log.
  if (verifier_) {
    if (auto verified = verifier_->check(message, now); !verified) {
      const bool refused = message.rcode() != wire::Rcode::noerror;
      return failure(refused ? TransferFailure::refused : TransferFailure::unsigned_,
                     (refused ? to_text(message.rcode()) + ", " : "") + verified.error());
    }
  }
  if (message.rcode() != wire::Rcode::noerror) {
    return failure(TransferFailure::refused, "the server says " + to_text(message.rcode()));
  }
  if (header.tc) return failure(TransferFailure::broken, "a truncated message");
  if (message.count(Section::question) > 1) return failure(TransferFailure::broken, "more than one question");
  if (message.count(Section::question) == 1) {
    const auto wanted = have_ ? RecordType::ixfr : RecordType::axfr;
    if (!(message.question_name() == origin_) || message.question_type() != wanted ||
        message.question_class() != wire::RecordClass::in) {
      return failure(TransferFailure::broken, "the answer to another question");
    }
  }
  return {};
}

TransferIn::Step TransferIn::take_record(const RecordView& record) {
  if (record.record_class() != wire::RecordClass::in) {
    return failure(TransferFailure::broken, "a record of class " + to_text(record.record_class()));
  }
  if (record.type() == RecordType::soa) return take_soa(record);
  switch (state_) {
    case State::begin:
      return misordered("it does not begin with a SOA");
    case State::second:
      // No SOA follows the first: a whole zone, as an answer to IXFR too (RFC 1995 4).
      state_ = State::full;
      out_.full = true;
      out_.records = std::move(soa_);
      [[fallthrough]];
    case State::full:
      return keep(out_.records, record);
    case State::removing:
      return keep(out_.changes.back().removed, record);
    case State::adding:
      return keep(out_.changes.back().added, record);
    case State::done:
      break;
  }
  return misordered("records behind the last SOA");
}

TransferIn::Step TransferIn::take_soa(const RecordView& record) {
  std::vector<std::uint8_t> rdata;
  record.expand_rdata(rdata);
  const auto soa = wire::parse_soa(rdata);
  if (!soa) return failure(TransferFailure::broken, "a broken SOA");
  if (!(record.owner() == origin_)) return misordered("a SOA of " + record.owner().to_text());
  const bool last = rdata == first_soa_;
  switch (state_) {
    case State::begin:
      first_soa_ = std::move(rdata);
      out_.serial = soa->serial;
      if (auto kept = keep(soa_, record); !kept) return kept;
      return first_soa(soa->serial);
    case State::second:
      if (!have_ || soa->serial == out_.serial) return misordered("two SOAs and nothing between them");
      return begin_difference(record, soa->serial);
    case State::full:
      if (!last) return misordered("it ends with another SOA than it began with");
      state_ = State::done;
      return {};
    case State::removing: {
      ChangeSet& changes = out_.changes.back();
      if (!is_newer(soa->serial, changes.from)) return misordered("a difference to a serial that is not newer");
      changes.to = soa->serial;
      state_ = State::adding;
      return keep(changes.added, record);
    }
    case State::adding:
      at_serial_ = out_.changes.back().to;
      if (at_serial_ == out_.serial) {
        if (!last) return misordered("it ends with another SOA than it began with");
        state_ = State::done;
        return {};
      }
      return begin_difference(record, soa->serial);
    case State::done:
      break;
  }
  return misordered("records behind the last SOA");
}

/// Whether a SOA alone is an answer is known at the end of its message.
TransferIn::Step TransferIn::first_soa(std::uint32_t serial) {
  if (have_) at_serial_ = *have_;
  if (have_ && (serial == *have_ || !is_newer(serial, *have_))) {
    out_.up_to_date = true;
    state_ = State::done;
    return {};
  }
  state_ = State::second;
  return {};
}

TransferIn::Step TransferIn::begin_difference(const RecordView& record, std::uint32_t serial) {
  if (serial != at_serial_) {
    return misordered("a difference from serial " + std::to_string(serial) + " where " + std::to_string(at_serial_) +
                      " was reached");
  }
  soa_.clear();
  auto& changes = out_.changes.emplace_back();
  changes.from = serial;
  state_ = State::removing;
  return keep(changes.removed, record);
}

TransferIn::Step TransferIn::keep(RecordList& list, const RecordView& record) {
  if (is_meta(record.type())) return failure(TransferFailure::broken, "a record of type " + to_text(record.type()));
  if (!record.owner().view().is_subdomain_of(origin_)) {
    return failure(TransferFailure::broken, record.owner().to_text() + " is outside of the zone");
  }
  const auto before = list.octets().size();
  if (!list.add(record)) return failure(TransferFailure::broken, "rdata of more than 65,535 octets");
  unpacked_ += list.octets().size() - before;
  if (unpacked_ > limits_.unpacked) {
    return failure(TransferFailure::too_large,
                   "records of more than " + std::to_string(limits_.unpacked) + " octets, once their names are whole");
  }
  return {};
}

std::expected<TransferIn::Progress, TransferError> TransferIn::end_of_message() {
  if (messages_ == 1 && state_ == State::begin) return failure(TransferFailure::broken, "an empty answer");
  if (state_ == State::second && have_ && messages_ == 1 && records_ == 1) {
    out_.wants_full = true;
    state_ = State::done;
  }
  if (state_ != State::done) return Progress::more;
  if (verifier_ && !verifier_->complete()) {
    return failure(TransferFailure::unsigned_, "the last message is not signed");
  }
  return Progress::done;
}

}  // namespace placard::zones
