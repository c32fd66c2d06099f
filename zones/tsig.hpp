// Transaction signatures (TSIG, RFC 8945): who sent a message and that nobody changed it, by a secret both ends share.
//
// Three values for the three parts one can play: check_request() says who signed a question and gives the TsigSigner
// for its answer, of one message or of a stream; a TsigSigner made of a key alone signs a question; a TsigVerifier
// checks what comes back. A message that is signed wrongly is not looked at further. Every message of a stream is
// signed by us; of others' streams up to 99 in a row may be unsigned, but not the first and not the last.
// HMAC is GnuTLS's; MD5 is not offered. Signatures are compared in constant time; a truncated one (RFC 8945 5.2.2.1) is
// checked and then refused as BADTRUNC: whoever shares a key with us sends all of it.
// Secrets never leave a TsigKey, and there is no way to print them.
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "zones/wire/message.hpp"

namespace placard::zones {

enum class TsigAlgorithm : std::uint8_t { hmac_sha1, hmac_sha224, hmac_sha256, hmac_sha384, hmac_sha512 };
std::string_view to_text(TsigAlgorithm algorithm);                             ///< "hmac-sha256"
std::optional<TsigAlgorithm> tsig_algorithm_from_text(std::string_view text);  ///< any case
std::size_t mac_size(TsigAlgorithm algorithm);                                 ///< octets

class TsigKey {
 public:
  /// The name's case does not matter.
  TsigKey(wire::NameView name, TsigAlgorithm algorithm, std::vector<std::uint8_t> secret);
  ~TsigKey();  ///< overwrites the secret
  TsigKey(const TsigKey&) = delete;
  TsigKey& operator=(const TsigKey&) = delete;

  const wire::Name& name() const { return name_; }  ///< in lower case
  TsigAlgorithm algorithm() const { return algorithm_; }
  const wire::Name& algorithm_name() const { return algorithm_name_; }
  std::size_t record_size() const;  ///< octets of a TSIG record with this key, at most
  bool same_as(const TsigKey& other) const;

 private:
  friend class TsigHmac;
  wire::Name name_, algorithm_name_;
  TsigAlgorithm algorithm_;
  std::vector<std::uint8_t> secret_;
};
using SharedTsigKey = std::shared_ptr<const TsigKey>;

/// A secret as configurations write it (base64, blanks allowed). The error is a phrase that does not quote it.
std::expected<std::vector<std::uint8_t>, std::string> tsig_secret_from_text(std::string_view text);

/// Keys by name.
class TsigKeyring {
 public:
  void add(SharedTsigKey key) { keys_.insert_or_assign(key->name(), std::move(key)); }
  SharedTsigKey find(const wire::Name& name) const;  ///< null: none
  bool empty() const { return keys_.empty(); }

 private:
  std::unordered_map<wire::Name, SharedTsigKey, wire::NameHash> keys_;
};

/// The field of that name; the last four are IANA's "TSIG errors", which share RCODE's numbers.
enum class TsigError : std::uint16_t { none = 0, badsig = 16, badkey = 17, badtime = 18, badtrunc = 22 };
std::string to_text(TsigError error);

/// The TSIG record of a message. Borrowed: `mac` and `other` live as long as the message.
struct TsigRecord {
  wire::Name key_name, algorithm_name;  ///< in lower case
  std::uint64_t time_signed = 0;        ///< seconds since the epoch
  std::uint16_t fudge = 0;              ///< seconds
  wire::Bytes mac;
  std::uint16_t original_id = 0;
  std::uint16_t error = 0;
  wire::Bytes other;
  std::size_t offset = 0;  ///< where the record begins in the message
};
/// nullopt: the message has none. The error, a phrase, is for FORMERR: one that is broken or not the last record.
std::expected<std::optional<TsigRecord>, std::string_view> find_tsig(const wire::MessageView& message);

inline constexpr std::uint16_t kTsigFudge = 300;      ///< seconds two clocks may differ
inline constexpr unsigned kMaxUnsignedMessages = 99;  ///< in a row, within a stream (RFC 8945 5.3.1)

struct TsigCheck;

/// Signs what we send: one question, or the answer or answers to one.
class TsigSigner {
 public:
  explicit TsigSigner(SharedTsigKey key);  ///< for a question

  /// Appends the TSIG record to the `size` octets of a message in `buffer`; the new size. Nothing where it does not
  /// fit, within `buffer` or 65,535 octets. `now`: seconds since the epoch.
  std::optional<std::size_t> sign(std::span<std::uint8_t> buffer, std::size_t size, std::uint64_t now);
  std::size_t record_size() const;                               ///< octets that sign() appends, at most
  const std::vector<std::uint8_t>& mac() const { return mac_; }  ///< of what was signed last
  const SharedTsigKey& key() const { return key_; }              ///< null: an error about an unknown key is all it says

 private:
  friend TsigCheck check_request(const wire::MessageView&, const TsigKeyring&, std::uint64_t);
  TsigSigner() = default;

  SharedTsigKey key_;
  wire::Name key_name_, algorithm_name_;  // what is written when key_ is null
  std::vector<std::uint8_t> mac_;         // of the question; then of the message before
  bool answers_ = false;                  // mac_ goes in front
  bool later_ = false;                    // not the first of a stream: timers only
  TsigError error_ = TsigError::none;
  std::uint64_t request_time_ = 0;
  std::uint16_t request_fudge_ = kTsigFudge;
};

enum class TsigVerdict : std::uint8_t {
  unsigned_,  ///< no TSIG: whoever it may be
  good,       ///< the holder of the key, just now
  rejected,   ///< NOTAUTH, and `answer` says why in its own TSIG
  malformed,  ///< FORMERR
};

/// What a question's signature says.
struct TsigCheck {
  TsigVerdict verdict = TsigVerdict::unsigned_;
  TsigError error = TsigError::none;
  SharedTsigKey key;                 ///< set when good
  std::optional<TsigSigner> answer;  ///< signs what is sent back; set when good or rejected
  std::size_t unsigned_size = 0;     ///< octets of the message without its TSIG record
};
TsigCheck check_request(const wire::MessageView& request, const TsigKeyring& keys, std::uint64_t now);

/// Checks the answer, or the stream of answers, to a question signed with `question`.
class TsigVerifier {
 public:
  /// `question` has signed it.
  explicit TsigVerifier(const TsigSigner& question);
  ~TsigVerifier();
  TsigVerifier(TsigVerifier&&) noexcept;
  TsigVerifier& operator=(TsigVerifier&&) noexcept;

  /// The next message. The error is a phrase for the log: "BADKEY: the server does not know the key k.".
  std::expected<void, std::string> check(const wire::MessageView& answer, std::uint64_t now);
  /// True when nothing that check() took waits for a signature: wanted before the stream is believed.
  bool complete() const { return unsigned_ == 0 && !first_; }

 private:
  SharedTsigKey key_;
  std::unique_ptr<class TsigHmac> hmac_;  // over the previous MAC and what has come since
  bool first_ = true;
  unsigned unsigned_ = 0;
};

}  // namespace placard::zones
