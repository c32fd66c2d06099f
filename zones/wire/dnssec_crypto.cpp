// Keys, signatures and digests through OpenSSL 3. Every failure of the library is "does not verify": what comes in is
// from strangers, and OpenSSL's queue of errors is emptied so that it does not grow.
#include <openssl/core_names.h>
#include <openssl/err.h>

#include <algorithm>

#include "zones/wire/dnssec.hpp"
#include "zones/wire/dnssec_openssl.hpp"
#include "zones/wire/octets.hpp"

namespace placard::wire {
namespace {

constexpr std::size_t kMinModulus = 64, kMinModulus512 = 128, kMaxModulus = 512;  // octets
constexpr std::size_t kMaxExponent = 8;                                           // octets
constexpr std::size_t kEd25519Size = 32, kEd448Size = 57;                         // octets of a key (RFC 8080 3)

constexpr std::size_t kP384Size = 48;  // octets of one coordinate, and of one half of a signature (RFC 6605 4)

KeyPointer make_key(const char* type, OSSL_PARAM_BLD* builder) {
  const Parameters parameters(OSSL_PARAM_BLD_to_param(builder));
  const KeyContext context(EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr));
  EVP_PKEY* key = nullptr;
  if (!parameters || !context || EVP_PKEY_fromdata_init(context.get()) <= 0 ||
      EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, parameters.get()) <= 0)
    return nullptr;
  return KeyPointer(key);
}

/// RFC 3110 2: the exponent's length in one octet, or in two behind a zero.
KeyPointer rsa_key(Bytes octets, Algorithm algorithm) {
  if (octets.size() < 3) return nullptr;
  std::size_t exponent_size = octets[0], at = 1;
  if (exponent_size == 0) {
    exponent_size = load16(octets.data() + 1);
    at = 3;
  }
  if (exponent_size == 0 || exponent_size > kMaxExponent || octets.size() <= at + exponent_size) return nullptr;
  const Bytes exponent = octets.subspan(at, exponent_size);
  const Bytes modulus = octets.subspan(at + exponent_size);
  const std::size_t least = algorithm == Algorithm::rsasha512 ? kMinModulus512 : kMinModulus;
  if (modulus.size() < least || modulus.size() > kMaxModulus) return nullptr;
  const BigNumber n(BN_bin2bn(modulus.data(), static_cast<int>(modulus.size()), nullptr));
  const BigNumber e(BN_bin2bn(exponent.data(), static_cast<int>(exponent.size()), nullptr));
  const ParameterBuilder builder(OSSL_PARAM_BLD_new());
  if (!n || !e || !builder || OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, n.get()) <= 0 ||
      OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, e.get()) <= 0)
    return nullptr;
  return make_key("RSA", builder.get());
}

KeyPointer p384_key(Bytes octets) {
  if (octets.size() != 2 * kP384Size) return nullptr;
  std::vector<std::uint8_t> point = {4};  // uncompressed (SEC 1, 2.3.3)
  point.insert(point.end(), octets.begin(), octets.end());
  const ParameterBuilder builder(OSSL_PARAM_BLD_new());
  if (!builder || OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, "P-384", 0) <= 0 ||
      OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size()) <= 0)
    return nullptr;
  return make_key("EC", builder.get());
}

KeyPointer edwards_key(Bytes octets, int type, std::size_t size) {
  if (octets.size() != size) return nullptr;
  return KeyPointer(EVP_PKEY_new_raw_public_key(type, nullptr, octets.data(), octets.size()));
}

/// r and s side by side become ASN.1.
std::vector<std::uint8_t> encode_signature(Bytes signature) {
  if (signature.size() != 2 * kP384Size) return {};
  const Signature pair(ECDSA_SIG_new());
  BigNumber r(BN_bin2bn(signature.data(), kP384Size, nullptr));
  BigNumber s(BN_bin2bn(signature.data() + kP384Size, kP384Size, nullptr));
  if (!pair || !r || !s || ECDSA_SIG_set0(pair.get(), r.get(), s.get()) != 1) return {};
  (void)r.release();  // they are the pair's now
  (void)s.release();
  unsigned char* encoded = nullptr;
  const int length = i2d_ECDSA_SIG(pair.get(), &encoded);
  if (length <= 0) return {};
  std::vector<std::uint8_t> out(encoded, encoded + length);
  OPENSSL_free(encoded);
  return out;
}

const EVP_MD* hash_of(Algorithm algorithm) {
  using enum Algorithm;
  switch (algorithm) {
    case rsasha1:
    case rsasha1_nsec3:
      return EVP_sha1();
    case rsasha256:
      return EVP_sha256();
    case ecdsap384sha384:
      return EVP_sha384();
    case rsasha512:
      return EVP_sha512();
    default:
      return nullptr;  // Ed25519 and Ed448 hash inside; P-256 is not verified here
  }
}

const EVP_MD* hash_of(Digest digest) {
  switch (digest) {
    case Digest::sha1:
      return EVP_sha1();
    case Digest::sha256:
      return EVP_sha256();
    case Digest::sha384:
      return EVP_sha384();
  }
  return nullptr;
}

KeyPointer key_of(const DnskeyView& dnskey) {
  using enum Algorithm;
  switch (dnskey.algorithm) {
    case rsasha1:
    case rsasha1_nsec3:
    case rsasha256:
    case rsasha512:
      return rsa_key(dnskey.key, dnskey.algorithm);
    case ecdsap256sha256:
      return nullptr;  // has a file of its own
    case ecdsap384sha384:
      return p384_key(dnskey.key);
    case ed25519:
      return edwards_key(dnskey.key, EVP_PKEY_ED25519, kEd25519Size);
    case ed448:
      return edwards_key(dnskey.key, EVP_PKEY_ED448, kEd448Size);
  }
  return nullptr;
}

/// What OpenSSL's own interface for all algorithms verifies.
class EvpVerifier final : public Verifier {
 public:
  EvpVerifier(Algorithm algorithm, KeyPointer key) : algorithm_(algorithm), key_(std::move(key)) {}

  bool verify(Bytes data, Bytes signature) const override {
    std::vector<std::uint8_t> encoded;
    if (algorithm_ == Algorithm::ecdsap384sha384) {
      encoded = encode_signature(signature);
      if (encoded.empty()) return false;
      signature = encoded;
    }
    const DigestContext context(EVP_MD_CTX_new());
    const bool good =
        context && EVP_DigestVerifyInit(context.get(), nullptr, hash_of(algorithm_), nullptr, key_.get()) > 0 &&
        EVP_DigestVerify(context.get(), signature.data(), signature.size(), data.data(), data.size()) == 1;
    if (!good) ERR_clear_error();
    return good;
  }

 private:
  const Algorithm algorithm_;
  const KeyPointer key_;
};

}  // namespace

std::optional<PublicKey> PublicKey::make(const DnskeyView& dnskey) {
  std::shared_ptr<const Verifier> verifier;
  if (dnskey.algorithm == Algorithm::ecdsap256sha256) {
    verifier = make_p256_verifier(dnskey.key);
  } else if (KeyPointer key = key_of(dnskey)) {
    verifier = std::make_shared<const EvpVerifier>(dnskey.algorithm, std::move(key));
  }
  if (verifier) return PublicKey(dnskey.algorithm, std::move(verifier));
  ERR_clear_error();
  return std::nullopt;
}

std::vector<std::uint8_t> ds_digest(Digest type, NameView owner, Bytes dnskey_rdata) {
  const EVP_MD* const hash = hash_of(type);
  if (hash == nullptr) return {};
  std::vector<std::uint8_t> data(owner.size());
  std::ranges::transform(owner.bytes(), data.begin(), lower);
  data.insert(data.end(), dnskey_rdata.begin(), dnskey_rdata.end());
  std::vector<std::uint8_t> out(EVP_MAX_MD_SIZE);
  unsigned size = 0;
  if (EVP_Digest(data.data(), data.size(), out.data(), &size, hash, nullptr) != 1) return {};
  out.resize(size);
  return out;
}

}  // namespace placard::wire
