// DNSSEC's records and the arithmetic on them: DNSKEY, DS and RRSIG fields, key tags, digests, and whether one
// signature over one record set was made with one key (RFC 4034, 6605, 6840, 8080).
//
// With OpenSSL's libcrypto, called from dnssec*.cpp and nsec3.cpp only. What a result means - which keys are trusted,
// what is too old, how much work is allowed - is for resolver/validate to say. No clock, no state; safe in any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "zones/wire/record_set.hpp"

namespace placard::wire {

/// IANA's registry of DNSSEC algorithm numbers: those we can verify with.
enum class Algorithm : std::uint8_t {
  rsasha1 = 5,
  rsasha1_nsec3 = 7,
  rsasha256 = 8,
  rsasha512 = 10,
  ecdsap256sha256 = 13,
  ecdsap384sha384 = 14,
  ed25519 = 15,
  ed448 = 16,
};
bool is_known(Algorithm algorithm);
std::string to_text(Algorithm algorithm);  ///< "ECDSAP256SHA256", or the number

enum class Digest : std::uint8_t { sha1 = 1, sha256 = 2, sha384 = 4 };
bool is_known(Digest digest);
std::string to_text(Digest digest);  ///< "SHA-256", or the number

/// A DNSKEY's rdata (RFC 4034 2.1). Borrowed.
struct DnskeyView {
  std::uint16_t flags = 0;
  std::uint8_t protocol = 0;
  Algorithm algorithm{};
  Bytes key;

  bool is_zone_key() const { return (flags & 0x0100U) != 0; }
  bool is_revoked() const { return (flags & 0x0080U) != 0; }  ///< RFC 5011 2.1
  bool is_sep() const { return (flags & 0x0001U) != 0; }      ///< secure entry point: a key-signing key
};
std::optional<DnskeyView> parse_dnskey(Bytes rdata);
/// RFC 4034 appendix B, of a DNSKEY's whole rdata.
std::uint16_t key_tag(Bytes dnskey_rdata);

/// A DS's rdata (RFC 4034 5.1). Borrowed.
struct DsView {
  std::uint16_t key_tag = 0;
  Algorithm algorithm{};
  Digest digest_type{};
  Bytes digest;
};
std::optional<DsView> parse_ds(Bytes rdata);
/// The digest of a key of `owner`; empty for a digest we don't know.
std::vector<std::uint8_t> ds_digest(Digest type, NameView owner, Bytes dnskey_rdata);
/// Whether the DS means this key: tag, algorithm and digest.
bool ds_matches(const DsView& ds, NameView owner, Bytes dnskey_rdata);

/// An RRSIG's rdata (RFC 4034 3.1). Borrowed.
struct RrsigView {
  RecordType covered{};
  Algorithm algorithm{};
  std::uint8_t labels = 0;
  std::uint32_t original_ttl = 0;
  std::uint32_t expiration = 0, inception = 0;  ///< seconds, serial numbers (RFC 1982)
  std::uint16_t key_tag = 0;
  NameView signer;
  Bytes signature;
  Bytes fields;  ///< all before the signer's name
};
std::optional<RrsigView> parse_rrsig(Bytes rdata);

/// Labels that the Labels field of a signature of `owner` counts: neither the root's nor a leading "*".
std::size_t signed_labels(NameView owner);

/// What verifies with one key: of one algorithm's family, in one file each. Safe to use in several threads at once.
class Verifier {
 public:
  virtual ~Verifier() = default;
  virtual bool verify(Bytes data, Bytes signature) const = 0;
  /// Verifications so far, where a table would make them cheaper; else always 0.
  virtual std::uint32_t uses() const { return 0; }
  virtual void set_uses(std::uint32_t) const {}
  virtual bool has_table() const { return false; }
  virtual void make_table() const {}
  virtual void drop_table() const {}
};

/// A public key ready for use. Cheap to copy; copies share what is known of the key. Safe to use in several threads.
class PublicKey {
 public:
  /// Nothing for an algorithm we don't know, and for a key that is malformed or of a size not to be used: RSA moduli
  /// of 512 (RSASHA512: 1,024) to 4,096 bits with exponents of at most 64 bits.
  static std::optional<PublicKey> make(const DnskeyView& dnskey);
  bool verify(Bytes data, Bytes signature) const { return verifier_->verify(data, signature); }
  Algorithm algorithm() const { return algorithm_; }

  /// A P-256 key that verifies often gets a table of its multiples (dnssec_p256.cpp): half the time each, for 151,552
  /// octets and the time of some 350 verifications. Who owns many keys says which get one.
  std::uint32_t uses() const { return verifier_->uses(); }  ///< so far; always 0 for keys that no table helps
  void set_uses(std::uint32_t uses) const { verifier_->set_uses(uses); }  ///< so that what is long ago weighs less
  bool has_table() const { return verifier_->has_table(); }
  void make_table() const { verifier_->make_table(); }
  void drop_table() const { verifier_->drop_table(); }
  bool operator==(const PublicKey& other) const { return verifier_ == other.verifier_; }  ///< a copy of it

 private:
  PublicKey(Algorithm algorithm, std::shared_ptr<const Verifier> verifier)
      : algorithm_(algorithm), verifier_(std::move(verifier)) {}
  Algorithm algorithm_;
  std::shared_ptr<const Verifier> verifier_;
};

/// Null: no point of the curve. `octets`: x and y, 32 each (RFC 6605 4).
std::shared_ptr<const Verifier> make_p256_verifier(Bytes octets);

/// What a signature signs: its own fields, then the set in canonical form and order (RFC 4034 3.1.8.1, 6; 6840 5.1),
/// under the wildcard's name where the set came from one. Nothing when the labels don't fit the owner.
std::optional<std::vector<std::uint8_t>> signed_octets(const RrsigView& rrsig, const RecordSet& set);

/// One verification: the unit that budgets count. Times and names are the caller's to judge.
bool verify_signature(const PublicKey& key, const RrsigView& rrsig, const RecordSet& set);

}  // namespace placard::wire
