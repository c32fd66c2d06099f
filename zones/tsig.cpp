// What is digested, in which order (RFC 8945 4.3), and the record that carries the result.
#include "zones/tsig.hpp"

#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <cstring>

#include "zones/wire/octets.hpp"

namespace placard::zones {
namespace {

using wire::Bytes;
using wire::Name;

constexpr std::size_t kMaxMac = 64;          // octets, of SHA-512
constexpr std::size_t kRecordFixed = 10;     // type, class, TTL, rdlength
constexpr std::size_t kRdataFixed = 16;      // time, fudge, MAC size, original id, error, other length
constexpr std::size_t kTimeSize = 6;         // of "other data" in BADTIME
constexpr std::size_t kLeastTruncated = 10;  // RFC 8945 5.2.2.1
constexpr std::uint64_t kMaxTime = (std::uint64_t{1} << 48U) - 1;

struct Known {
  TsigAlgorithm algorithm;
  std::string_view text;
  gnutls_mac_algorithm_t mac;
  std::size_t size;
};
constexpr std::array kAlgorithms = {
    Known{TsigAlgorithm::hmac_sha1, "hmac-sha1", GNUTLS_MAC_SHA1, 20},
    Known{TsigAlgorithm::hmac_sha224, "hmac-sha224", GNUTLS_MAC_SHA224, 28},
    Known{TsigAlgorithm::hmac_sha256, "hmac-sha256", GNUTLS_MAC_SHA256, 32},
    Known{TsigAlgorithm::hmac_sha384, "hmac-sha384", GNUTLS_MAC_SHA384, 48},
    Known{TsigAlgorithm::hmac_sha512, "hmac-sha512", GNUTLS_MAC_SHA512, 64},
};
const Known& known(TsigAlgorithm algorithm) {
  return kAlgorithms[static_cast<std::size_t>(algorithm)];
}

void store48(std::uint8_t* at, std::uint64_t value) {
  wire::store16(at, static_cast<std::uint16_t>(value >> 32U));
  wire::store32(at + 2, static_cast<std::uint32_t>(value));
}

std::uint64_t load48(const std::uint8_t* at) {
  return std::uint64_t{wire::load16(at)} << 32U | wire::load32(at + 2);
}

using Mac = std::array<std::uint8_t, kMaxMac>;

}  // namespace

/// One HMAC under way.
class TsigHmac {
 public:
  explicit TsigHmac(const TsigKey& key) : size_(known(key.algorithm_).size) {
    const int status = gnutls_hmac_init(&handle_, known(key.algorithm_).mac, key.secret_.data(), key.secret_.size());
    assert(status == 0);  // a digest that every GnuTLS has
  }
  ~TsigHmac() { gnutls_hmac_deinit(handle_, nullptr); }
  TsigHmac(const TsigHmac&) = delete;
  TsigHmac& operator=(const TsigHmac&) = delete;

  void add(Bytes bytes) {
    if (!bytes.empty()) gnutls_hmac(handle_, bytes.data(), bytes.size());
  }
  void add16(std::uint16_t value) {
    std::uint8_t octets[2];
    wire::store16(octets, value);
    add(octets);
  }
  void add_mac(Bytes mac) {
    add16(static_cast<std::uint16_t>(mac.size()));
    add(mac);
  }
  /// A message as it was before its TSIG record: of `size` octets, with the id it began with.
  void add_message(Bytes message, std::size_t size, std::uint16_t original_id, bool without_record) {
    std::array<std::uint8_t, wire::kHeaderSize> header;
    std::copy_n(message.begin(), header.size(), header.begin());
    wire::store16(header.data(), original_id);
    if (without_record) {
      wire::store16(header.data() + 10, static_cast<std::uint16_t>(wire::load16(header.data() + 10) - 1));
    }
    add(header);
    add(message.subspan(wire::kHeaderSize, size - wire::kHeaderSize));
  }
  void add_timers(std::uint64_t time, std::uint16_t fudge) {
    std::uint8_t octets[kTimeSize];
    store48(octets, time);
    add(octets);
    add16(fudge);
  }
  void add_variables(const Name& key, const Name& algorithm, std::uint64_t time, std::uint16_t fudge,
                     std::uint16_t error, Bytes other) {
    add(key.view().bytes());
    add16(static_cast<std::uint16_t>(wire::RecordClass::any));
    static constexpr std::uint8_t kNoTtl[4] = {};
    add(kNoTtl);
    add(algorithm.view().bytes());
    add_timers(time, fudge);
    add16(error);
    add16(static_cast<std::uint16_t>(other.size()));
    add(other);
  }
  /// The MAC; the object starts anew.
  Bytes finish(Mac& out) {
    gnutls_hmac_output(handle_, out.data());
    return Bytes(out).first(size_);
  }

 private:
  gnutls_hmac_hd_t handle_ = nullptr;
  std::size_t size_;
};

// ---------------------------------------------------------------- keys

std::string_view to_text(TsigAlgorithm algorithm) {
  return known(algorithm).text;
}

std::size_t mac_size(TsigAlgorithm algorithm) {
  return known(algorithm).size;
}

std::optional<TsigAlgorithm> tsig_algorithm_from_text(std::string_view text) {
  for (const Known& one : kAlgorithms) {
    if (std::ranges::equal(one.text, text, [](char a, char b) {
          return static_cast<std::uint8_t>(a) == wire::lower(static_cast<std::uint8_t>(b));
        }))
      return one.algorithm;
  }
  return std::nullopt;
}

TsigKey::TsigKey(wire::NameView name, TsigAlgorithm algorithm, std::vector<std::uint8_t> secret)
    : name_(Name(name).lowered()),
      algorithm_name_(*Name::from_text(to_text(algorithm))),
      algorithm_(algorithm),
      secret_(std::move(secret)) {}

TsigKey::~TsigKey() {
  gnutls_memset(secret_.data(), 0, secret_.size());
}

std::size_t TsigKey::record_size() const {
  return name_.view().size() + kRecordFixed + algorithm_name_.view().size() + kRdataFixed + mac_size(algorithm_) +
         kTimeSize;
}

bool TsigKey::same_as(const TsigKey& other) const {
  return name_ == other.name_ && algorithm_ == other.algorithm_ && secret_ == other.secret_;
}

std::expected<std::vector<std::uint8_t>, std::string> tsig_secret_from_text(std::string_view text) {
  std::string packed;
  for (const char c : text) {
    if (c != ' ' && c != '\t' && c != '\n' && c != '\r') packed += c;
  }
  if (packed.empty()) return std::unexpected("the secret is empty");
  gnutls_datum_t in{reinterpret_cast<unsigned char*>(packed.data()), static_cast<unsigned>(packed.size())};
  gnutls_datum_t out{};
  const int status = gnutls_base64_decode2(&in, &out);
  gnutls_memset(packed.data(), 0, packed.size());
  if (status != 0 || out.size == 0) {
    gnutls_free(out.data);
    return std::unexpected("the secret is no base64");
  }
  std::vector<std::uint8_t> secret(out.data, out.data + out.size);
  gnutls_memset(out.data, 0, out.size);
  gnutls_free(out.data);
  return secret;
}

SharedTsigKey TsigKeyring::find(const Name& name) const {
  const auto found = keys_.find(name);
  return found == keys_.end() ? nullptr : found->second;
}

std::string to_text(TsigError error) {
  switch (error) {
    case TsigError::none:
      return "no error";
    case TsigError::badsig:
      return "BADSIG";
    case TsigError::badkey:
      return "BADKEY";
    case TsigError::badtime:
      return "BADTIME";
    case TsigError::badtrunc:
      return "BADTRUNC";
  }
  return "error " + std::to_string(static_cast<unsigned>(error));
}

// ---------------------------------------------------------------- the record

std::expected<std::optional<TsigRecord>, std::string_view> find_tsig(const wire::MessageView& message) {
  const std::size_t count = message.count(wire::Section::additional);
  std::size_t number = 0;
  std::optional<wire::RecordView> found;
  const std::uint8_t* end = nullptr;  // behind the record before the one that was found
  for (const wire::RecordView record : message.records(wire::Section::additional)) {
    ++number;
    if (record.type() == wire::RecordType::tsig) {
      if (number != count) return std::unexpected("a TSIG that is not the last record");
      found = record;
    } else {
      end = record.rdata().data() + record.rdata().size();
    }
  }
  if (!found) return std::nullopt;
  if (found->record_class() != wire::RecordClass::any || found->ttl() != 0) {
    return std::unexpected("a TSIG of another class or TTL");
  }
  TsigRecord tsig;
  tsig.key_name = found->owner().lowered();
  const Bytes rdata = found->rdata();
  const auto algorithm = wire::parse_uncompressed_name(rdata, 0);
  if (!algorithm) return std::unexpected("a TSIG with a broken algorithm name");
  tsig.algorithm_name = Name(*algorithm).lowered();
  Bytes rest = rdata.subspan(algorithm->size());
  if (rest.size() < kRdataFixed) return std::unexpected("a TSIG cut short");
  tsig.time_signed = load48(rest.data());
  tsig.fudge = wire::load16(rest.data() + 6);
  const std::size_t size = wire::load16(rest.data() + 8);
  if (rest.size() < kRdataFixed + size) return std::unexpected("a TSIG cut short");
  tsig.mac = rest.subspan(10, size);
  rest = rest.subspan(10 + size);
  tsig.original_id = wire::load16(rest.data());
  tsig.error = wire::load16(rest.data() + 2);
  if (rest.size() - 6 != wire::load16(rest.data() + 4)) return std::unexpected("a TSIG with a wrong length");
  tsig.other = rest.subspan(6);

  // The record begins behind the one before it, in whichever section that stands.
  if (end == nullptr) {
    for (const auto section : {wire::Section::authority, wire::Section::answer}) {
      for (const wire::RecordView record : message.records(section))
        end = record.rdata().data() + record.rdata().size();
      if (end != nullptr) break;
    }
  }
  tsig.offset = end == nullptr ? message.question_end() : static_cast<std::size_t>(end - message.bytes().data());
  return tsig;
}

namespace {

/// Behind the message in `buffer`; the new size, or nothing where it does not fit.
std::optional<std::size_t> append_record(std::span<std::uint8_t> buffer, std::size_t size, const Name& key,
                                         const Name& algorithm, const TsigRecord& tsig) {
  const std::size_t rdata = algorithm.view().size() + kRdataFixed + tsig.mac.size() + tsig.other.size();
  const std::size_t whole = size + key.view().size() + kRecordFixed + rdata;
  if (whole > buffer.size() || whole > wire::kMaxMessageSize) return std::nullopt;
  std::uint8_t* at = buffer.data() + size;
  const auto put = [&](Bytes bytes) { at = std::copy(bytes.begin(), bytes.end(), at); };
  const auto put16 = [&](std::size_t value) {
    wire::store16(at, static_cast<std::uint16_t>(value));
    at += 2;
  };
  put(key.view().bytes());
  put16(static_cast<std::size_t>(wire::RecordType::tsig));
  put16(static_cast<std::size_t>(wire::RecordClass::any));
  put16(0);
  put16(0);
  put16(rdata);
  put(algorithm.view().bytes());
  store48(at, tsig.time_signed);
  at += kTimeSize;
  put16(tsig.fudge);
  put16(tsig.mac.size());
  put(tsig.mac);
  put16(tsig.original_id);
  put16(tsig.error);
  put16(tsig.other.size());
  put(tsig.other);
  assert(at == buffer.data() + whole);
  wire::store16(buffer.data() + 10, static_cast<std::uint16_t>(wire::load16(buffer.data() + 10) + 1));
  return whole;
}

}  // namespace

// ---------------------------------------------------------------- signing

TsigSigner::TsigSigner(SharedTsigKey key) : key_(std::move(key)) {
  assert(key_);
}

std::size_t TsigSigner::record_size() const {
  if (key_) return key_->record_size();
  return key_name_.view().size() + kRecordFixed + algorithm_name_.view().size() + kRdataFixed;
}

std::optional<std::size_t> TsigSigner::sign(std::span<std::uint8_t> buffer, std::size_t size, std::uint64_t now) {
  assert(size >= wire::kHeaderSize && size <= buffer.size());
  TsigRecord tsig;
  tsig.time_signed = now & kMaxTime;
  tsig.fudge = kTsigFudge;
  tsig.original_id = wire::load16(buffer.data());
  tsig.error = static_cast<std::uint16_t>(error_);
  if (error_ == TsigError::badkey || error_ == TsigError::badsig) {
    // Nothing is known that both could have signed with (RFC 8945 5.3.2).
    tsig.time_signed = request_time_;
    tsig.fudge = request_fudge_;
    return append_record(buffer, size, key_ ? key_->name() : key_name_, key_ ? key_->algorithm_name() : algorithm_name_,
                         tsig);
  }
  std::array<std::uint8_t, kTimeSize> server_time;
  if (error_ == TsigError::badtime) {
    store48(server_time.data(), now & kMaxTime);
    tsig.other = server_time;
    tsig.time_signed = request_time_;
    tsig.fudge = request_fudge_;
  }
  TsigHmac hmac(*key_);
  if (answers_ || later_) hmac.add_mac(mac_);
  hmac.add_message(buffer, size, tsig.original_id, false);
  if (later_)
    hmac.add_timers(tsig.time_signed, tsig.fudge);
  else
    hmac.add_variables(key_->name(), key_->algorithm_name(), tsig.time_signed, tsig.fudge, tsig.error, tsig.other);
  Mac mac;
  tsig.mac = hmac.finish(mac);
  const auto whole = append_record(buffer, size, key_->name(), key_->algorithm_name(), tsig);
  if (!whole) return std::nullopt;
  mac_.assign(tsig.mac.begin(), tsig.mac.end());
  later_ = true;
  return whole;
}

// ---------------------------------------------------------------- a question that came

TsigCheck check_request(const wire::MessageView& request, const TsigKeyring& keys, std::uint64_t now) {
  TsigCheck check;
  const auto found = find_tsig(request);
  if (!found) {
    check.verdict = TsigVerdict::malformed;
    return check;
  }
  check.unsigned_size = request.bytes().size();
  if (!*found) return check;
  const TsigRecord& tsig = **found;
  check.unsigned_size = tsig.offset;

  TsigSigner signer;
  signer.answers_ = true;
  signer.request_time_ = tsig.time_signed;
  signer.request_fudge_ = tsig.fudge;
  signer.key_name_ = tsig.key_name;
  signer.algorithm_name_ = tsig.algorithm_name;
  const auto reject = [&](TsigError error) {
    check.verdict = TsigVerdict::rejected;
    check.error = signer.error_ = error;
    check.answer = std::move(signer);
    return check;
  };
  SharedTsigKey key = keys.find(tsig.key_name);
  if (!key || !(key->algorithm_name() == tsig.algorithm_name)) return reject(TsigError::badkey);
  signer.key_ = key;
  const std::size_t whole = mac_size(key->algorithm());
  if (tsig.mac.size() > whole || tsig.mac.size() < std::max(kLeastTruncated, whole / 2)) {
    check.verdict = TsigVerdict::malformed;
    return check;
  }
  TsigHmac hmac(*key);
  hmac.add_message(request.bytes(), tsig.offset, tsig.original_id, true);
  hmac.add_variables(tsig.key_name, tsig.algorithm_name, tsig.time_signed, tsig.fudge, tsig.error, tsig.other);
  Mac mac;
  hmac.finish(mac);
  if (gnutls_memcmp(mac.data(), tsig.mac.data(), tsig.mac.size()) != 0) return reject(TsigError::badsig);
  signer.mac_.assign(tsig.mac.begin(), tsig.mac.end());
  const std::uint64_t apart = now > tsig.time_signed ? now - tsig.time_signed : tsig.time_signed - now;
  if (apart > tsig.fudge) return reject(TsigError::badtime);
  if (tsig.mac.size() < whole) return reject(TsigError::badtrunc);
  check.verdict = TsigVerdict::good;
  check.key = std::move(key);
  check.answer = std::move(signer);
  return check;
}

// ---------------------------------------------------------------- answers that came

TsigVerifier::TsigVerifier(const TsigSigner& question)
    : key_(question.key()), hmac_(std::make_unique<TsigHmac>(*question.key())) {
  assert(!question.mac().empty());
  hmac_->add_mac(question.mac());
}
TsigVerifier::~TsigVerifier() = default;
TsigVerifier::TsigVerifier(TsigVerifier&&) noexcept = default;
TsigVerifier& TsigVerifier::operator=(TsigVerifier&&) noexcept = default;

std::expected<void, std::string> TsigVerifier::check(const wire::MessageView& answer, std::uint64_t now) {
  const auto found = find_tsig(answer);
  if (!found) return std::unexpected(std::string(found.error()));
  if (!*found) {
    if (first_) return std::unexpected("the answer is not signed");
    if (++unsigned_ > kMaxUnsignedMessages) return std::unexpected("too many messages without a signature");
    hmac_->add(answer.bytes());
    return {};
  }
  const TsigRecord& tsig = **found;
  const std::string key_text = key_->name().to_text();
  const auto error = static_cast<TsigError>(tsig.error);
  if (error == TsigError::badkey) return std::unexpected("BADKEY: the server does not take the key " + key_text);
  if (error == TsigError::badsig)
    return std::unexpected("BADSIG: the server has another secret for the key " + key_text);
  if (!(tsig.key_name == key_->name()) || !(tsig.algorithm_name == key_->algorithm_name())) {
    return std::unexpected("signed with another key or algorithm than " + key_text);
  }
  if (tsig.mac.size() != mac_size(key_->algorithm())) return std::unexpected("a signature of another size");
  hmac_->add_message(answer.bytes(), tsig.offset, tsig.original_id, true);
  if (first_)
    hmac_->add_variables(tsig.key_name, tsig.algorithm_name, tsig.time_signed, tsig.fudge, tsig.error, tsig.other);
  else
    hmac_->add_timers(tsig.time_signed, tsig.fudge);
  Mac mac;
  hmac_->finish(mac);
  if (gnutls_memcmp(mac.data(), tsig.mac.data(), tsig.mac.size()) != 0) {
    return std::unexpected("the signature is wrong");
  }
  hmac_->add_mac(tsig.mac);
  first_ = false;
  unsigned_ = 0;
  if (error != TsigError::none) return std::unexpected("the server says " + to_text(error));
  const std::uint64_t apart = now > tsig.time_signed ? now - tsig.time_signed : tsig.time_signed - now;
  if (apart > tsig.fudge) return std::unexpected("signed at another time; are both clocks right?");
  return {};
}

}  // namespace placard::zones
