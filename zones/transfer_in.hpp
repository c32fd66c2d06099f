// Zone transfers as they come (AXFR, RFC 5936; IXFR, RFC 1995): messages in, in the end a whole answer or an error.
//
// A state machine that does no I/O. Nothing of it may be used before it says `done`: who runs it throws it away when
// the stream breaks off, runs too long or is wrong, and nothing has changed then. It believes nobody: each message is
// checked for its id, question, signature and place in the sequence, owners must lie in the zone, serials must rise
// without a gap, and octets, records and messages are bounded.
// What it gives says nothing yet about the zone it would make: ZoneEditor and ZoneBuilder judge that.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <vector>

#include "zones/change_set.hpp"
#include "zones/tsig.hpp"

namespace placard::zones {

struct TransferLimits {
  std::size_t octets = std::size_t{2} << 30U;  ///< of messages
  std::size_t records = 100'000'000;
  std::size_t messages = 10'000'000;
  std::size_t unpacked = std::size_t{4} << 30U;  ///< octets of records, their names whole: a pointer can stand for 255
};

enum class TransferFailure : std::uint8_t {
  refused,     ///< an rcode: whoever is asked does not give it
  broken,      ///< no DNS, or no answer to the question
  unsigned_,   ///< the signature is missing or wrong
  misordered,  ///< not the sequence that a transfer is; differences that contradict each other
  too_large,   ///< beyond a limit
};
std::string_view to_text(TransferFailure failure);

struct TransferError {
  TransferFailure kind{};
  std::string reason;
};

/// What a finished transfer brought.
struct Transferred {
  bool up_to_date = false;  ///< an IXFR that says: nothing newer
  bool wants_full = false;  ///< an IXFR of one SOA, newer than ours: the differences are not to be had
  bool full = false;        ///< `records` is the whole zone, its SOA first and once
  RecordList records;
  std::vector<ChangeSet> changes;  ///< else: from the serial we had to `serial`, in order
  std::uint32_t serial = 0;        ///< the sender's
};

class TransferIn {
 public:
  /// An AXFR of `origin`, or with `have` (the serial that was sent) an IXFR. `question_id`: of the question.
  TransferIn(wire::NameView origin, std::optional<std::uint32_t> have, std::uint16_t question_id,
             std::optional<TsigVerifier> verifier, TransferLimits limits = {});

  enum class Progress : std::uint8_t { more, done };
  /// The next message of the stream, once each. After an error or `done`: no more. `now`: seconds since the epoch.
  std::expected<Progress, TransferError> take(wire::Bytes message, std::uint64_t now);
  /// REQUIRES: done; once.
  Transferred result() { return std::move(out_); }

  std::size_t messages() const { return messages_; }
  std::size_t octets() const { return octets_; }
  std::size_t records() const { return records_; }

 private:
  enum class State : std::uint8_t { begin, second, full, removing, adding, done };
  using Step = std::expected<void, TransferError>;

  Step check_message(const wire::MessageView& message, std::uint64_t now);
  Step take_record(const wire::RecordView& record);
  Step take_soa(const wire::RecordView& record);
  Step first_soa(std::uint32_t serial);
  Step begin_difference(const wire::RecordView& record, std::uint32_t serial);
  Step keep(RecordList& list, const wire::RecordView& record);
  std::expected<Progress, TransferError> end_of_message();

  wire::Name origin_;
  std::optional<std::uint32_t> have_;
  std::uint16_t id_;
  std::optional<TsigVerifier> verifier_;
  TransferLimits limits_;
  State state_ = State::begin;
  std::vector<std::uint8_t> first_soa_;  // rdata of the SOA that frames the transfer
  std::uint32_t at_serial_ = 0;          // up to which the differences have come
  RecordList soa_;                       // that SOA, until it is known what it is part of
  Transferred out_;
  std::size_t messages_ = 0, octets_ = 0, records_ = 0, unpacked_ = 0;
};

}  // namespace placard::zones
