// Private keys that zones are signed with: ECDSA P-256 with SHA-256 (RFC 6605) and Ed25519 (RFC 8080).
//
// Both are 32 octets of secret, of which the public key is made. The arithmetic is OpenSSL's; the randomness of new
// keys and of ECDSA's nonces is its, too. No clock and no files: zones/zone_keys keeps them.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "zones/wire/dnssec.hpp"

namespace placard::wire {

inline constexpr std::size_t kSecretSize = 32;     ///< octets of either kind of key
inline constexpr std::size_t kSignatureSize = 64;  ///< octets of a signature by either (RFC 6605 4, RFC 8080 4)

/// Cheap to copy; safe to use in several threads at once.
class PrivateKey {
 public:
  static bool can_sign_with(Algorithm algorithm) {
    return algorithm == Algorithm::ecdsap256sha256 || algorithm == Algorithm::ed25519;
  }
  /// REQUIRES: can_sign_with(algorithm). Nothing where the system has no randomness.
  static std::optional<PrivateKey> generate(Algorithm algorithm);
  /// Nothing for other algorithms, and for octets that are no key.
  static std::optional<PrivateKey> from_secret(Algorithm algorithm, Bytes secret);

  Algorithm algorithm() const { return algorithm_; }
  const std::vector<std::uint8_t>& secret() const { return *secret_; }      ///< to be kept from everybody
  const std::vector<std::uint8_t>& public_key() const { return *public_; }  ///< as a DNSKEY has it
  /// kSignatureSize octets; empty where OpenSSL fails.
  std::vector<std::uint8_t> sign(Bytes data) const;

 private:
  using Octets = std::shared_ptr<const std::vector<std::uint8_t>>;
  PrivateKey(Algorithm algorithm, std::shared_ptr<void> key, Octets secret, Octets public_key)
      : algorithm_(algorithm), key_(std::move(key)), secret_(std::move(secret)), public_(std::move(public_key)) {}
  Algorithm algorithm_;
  std::shared_ptr<void> key_;  // EVP_PKEY
  Octets secret_;              // wiped when the last copy goes
  Octets public_;
};

/// A DNSKEY's rdata (RFC 4034 2.1): a zone key; `secure_entry_point`: flag SEP.
std::vector<std::uint8_t> make_dnskey_rdata(const PrivateKey& key, bool secure_entry_point);
/// A DS's rdata with SHA-256, of a DNSKEY of `owner`; a CDS's is the same.
std::vector<std::uint8_t> make_ds_rdata(NameView owner, Bytes dnskey_rdata);

}  // namespace placard::wire
