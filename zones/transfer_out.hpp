// Zone transfers as we send them (AXFR, RFC 5936; IXFR, RFC 1995): a stream of messages that is asked for one by one.
//
// A RecordSource gives the records in the order they go out: a whole zone, a chain of differences, or what another
// floor makes of its own data. TransferOut packs as many as fit into each message, compressed, and signs each. Nothing
// is prepared ahead, so a slow reader costs no memory; what is sent lives on through the source's shared ownership,
// although the zone served may be a newer one by then.
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "zones/change_set.hpp"
#include "zones/tsig.hpp"
#include "zones/wire/writer.hpp"
#include "zones/zone.hpp"

namespace placard::zones {

/// Records in the order of a transfer, the SOAs that frame it included.
class RecordSource {
 public:
  virtual ~RecordSource() = default;
  /// The next one; nothing at the end. Valid until the next call.
  virtual std::optional<RecordRef> next() = 0;
};

/// SOA, every other record, SOA.
std::unique_ptr<RecordSource> axfr_of(std::shared_ptr<const Zone> zone);
/// SOA, the differences, SOA. REQUIRES: each begins where the one before it ends; the last ends in the zone's serial.
std::unique_ptr<RecordSource> ixfr_of(std::shared_ptr<const Zone> zone, std::vector<SharedChangeSet> chain);
/// The SOA alone: "you have all there is", or over UDP "come back over TCP" (RFC 1995 2, 4).
std::unique_ptr<RecordSource> soa_of(std::shared_ptr<const Zone> zone);

/// The serial that an IXFR question says its sender has: of the SOA in its authority section. The error is a phrase,
/// for FORMERR.
std::expected<std::uint32_t, std::string_view> serial_of_ixfr(const wire::MessageView& question);

class TransferOut {
 public:
  /// Aimed at; a record that needs more gets a message of up to 65,535 octets. What lies beyond 16 KiB no name can be
  /// compressed to.
  static constexpr std::size_t kMessageSize = 16'384;

  /// `question` is answered; only what is needed of it is copied.
  TransferOut(const wire::MessageView& question, std::unique_ptr<RecordSource> records,
              std::optional<TsigSigner> signer);

  /// The next message into `buffer`, of 65,535 octets at least: its size; 0 at the end. Nothing when a record fits into
  /// no message at all: the stream must be broken off. `now`: seconds since the epoch.
  std::optional<std::size_t> next(std::span<std::uint8_t> buffer, std::uint64_t now);
  std::size_t messages() const { return messages_; }
  std::size_t records() const { return sent_; }

 private:
  std::optional<std::size_t> write(std::span<std::uint8_t> buffer, std::size_t limit);

  wire::Question question_;
  std::uint16_t id_;
  bool recursion_desired_, edns_;
  std::unique_ptr<RecordSource> records_;
  std::optional<TsigSigner> signer_;
  std::optional<RecordRef> waiting_;  // did not fit into the message before
  bool ended_ = false;
  std::size_t messages_ = 0, sent_ = 0;
};

}  // namespace placard::zones
