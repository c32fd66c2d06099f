#include "zones/wire/dnssec_signing.hpp"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/obj_mac.h>
#include <openssl/rand.h>

#include <cassert>

#include "zones/wire/dnssec_openssl.hpp"

namespace placard::wire {
namespace {

constexpr std::size_t kPointSize = 65;       // octets, uncompressed: 4, x, y (SEC 1, 2.3.3)
constexpr std::size_t kMaxEncodedPair = 80;  // octets of r and s in ASN.1
constexpr std::uint8_t kDnssecProtocol = 3;  // RFC 4034 2.1.2

struct Pair {
  KeyPointer key;
  std::vector<std::uint8_t> public_key;
};

std::optional<Pair> curve_pair(Bytes secret) {
  const Group group(EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1));
  const BigNumber number(BN_bin2bn(secret.data(), static_cast<int>(secret.size()), nullptr));
  if (!group || !number) return std::nullopt;
  if (BN_is_zero(number.get()) || BN_cmp(number.get(), EC_GROUP_get0_order(group.get())) >= 0) return std::nullopt;
  const Point point(EC_POINT_new(group.get()));
  std::vector<std::uint8_t> octets(kPointSize);
  if (!point || EC_POINT_mul(group.get(), point.get(), number.get(), nullptr, nullptr, nullptr) != 1 ||
      EC_POINT_point2oct(group.get(), point.get(), POINT_CONVERSION_UNCOMPRESSED, octets.data(), octets.size(),
                         nullptr) != kPointSize)
    return std::nullopt;
  const ParameterBuilder builder(OSSL_PARAM_BLD_new());
  if (!builder || OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, "P-256", 0) <= 0 ||
      OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_PRIV_KEY, number.get()) <= 0 ||
      OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, octets.data(), octets.size()) <= 0)
    return std::nullopt;
  const Parameters parameters(OSSL_PARAM_BLD_to_param(builder.get()));
  const KeyContext context(EVP_PKEY_CTX_new_from_name(nullptr, "EC", nullptr));
  EVP_PKEY* key = nullptr;
  if (!parameters || !context || EVP_PKEY_fromdata_init(context.get()) <= 0 ||
      EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_KEYPAIR, parameters.get()) <= 0)
    return std::nullopt;
  octets.erase(octets.begin());  // RFC 6605 4: x and y alone
  return Pair{KeyPointer(key), std::move(octets)};
}

std::optional<Pair> edwards_pair(Bytes secret) {
  KeyPointer key(EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, secret.data(), secret.size()));
  std::vector<std::uint8_t> octets(kSecretSize);
  std::size_t size = octets.size();
  if (!key || EVP_PKEY_get_raw_public_key(key.get(), octets.data(), &size) != 1 || size != octets.size())
    return std::nullopt;
  return Pair{std::move(key), std::move(octets)};
}

/// ASN.1 becomes r and s side by side.
std::vector<std::uint8_t> decode_signature(Bytes encoded) {
  const unsigned char* at = encoded.data();
  const Signature pair(d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(encoded.size())));
  std::vector<std::uint8_t> out(kSignatureSize);
  constexpr int kHalf = kSignatureSize / 2;
  if (!pair || BN_bn2binpad(ECDSA_SIG_get0_r(pair.get()), out.data(), kHalf) != kHalf ||
      BN_bn2binpad(ECDSA_SIG_get0_s(pair.get()), out.data() + kHalf, kHalf) != kHalf)
    return {};
  return out;
}

std::shared_ptr<const std::vector<std::uint8_t>> guarded(Bytes secret) {
  return {new std::vector<std::uint8_t>(secret.begin(), secret.end()), [](std::vector<std::uint8_t>* octets) {
            OPENSSL_cleanse(octets->data(), octets->size());
            delete octets;
          }};
}

}  // namespace

std::optional<PrivateKey> PrivateKey::from_secret(Algorithm algorithm, Bytes secret) {
  if (!can_sign_with(algorithm) || secret.size() != kSecretSize) return std::nullopt;
  auto pair = algorithm == Algorithm::ed25519 ? edwards_pair(secret) : curve_pair(secret);
  if (!pair) {
    ERR_clear_error();
    return std::nullopt;
  }
  return PrivateKey(algorithm, std::shared_ptr<EVP_PKEY>(std::move(pair->key)), guarded(secret),
                    std::make_shared<const std::vector<std::uint8_t>>(std::move(pair->public_key)));
}

/// Any 32 random octets are an Ed25519 key, and all but one in 2^32 a key of P-256 (FIPS 186-5 A.2.2).
std::optional<PrivateKey> PrivateKey::generate(Algorithm algorithm) {
  assert(can_sign_with(algorithm));
  constexpr int kTries = 8;
  std::uint8_t secret[kSecretSize];
  std::optional<PrivateKey> key;
  for (int i = 0; i < kTries && !key; ++i)
    if (RAND_priv_bytes(secret, sizeof secret) == 1) key = from_secret(algorithm, secret);
  OPENSSL_cleanse(secret, sizeof secret);
  ERR_clear_error();
  return key;
}

std::vector<std::uint8_t> PrivateKey::sign(Bytes data) const {
  const bool edwards = algorithm_ == Algorithm::ed25519;
  const DigestContext context(EVP_MD_CTX_new());
  std::vector<std::uint8_t> out(kMaxEncodedPair);
  std::size_t size = out.size();
  if (!context ||
      EVP_DigestSignInit(context.get(), nullptr, edwards ? nullptr : EVP_sha256(), nullptr,
                         static_cast<EVP_PKEY*>(key_.get())) <= 0 ||
      EVP_DigestSign(context.get(), out.data(), &size, data.data(), data.size()) <= 0) {
    ERR_clear_error();
    return {};
  }
  out.resize(size);
  return edwards ? out : decode_signature(out);
}

std::vector<std::uint8_t> make_dnskey_rdata(const PrivateKey& key, bool secure_entry_point) {
  std::vector<std::uint8_t> rdata = {1, static_cast<std::uint8_t>(secure_entry_point ? 1 : 0), kDnssecProtocol,
                                     static_cast<std::uint8_t>(key.algorithm())};
  rdata.insert(rdata.end(), key.public_key().begin(), key.public_key().end());
  return rdata;
}

std::vector<std::uint8_t> make_ds_rdata(NameView owner, Bytes dnskey_rdata) {
  const std::uint16_t tag = key_tag(dnskey_rdata);
  std::vector<std::uint8_t> rdata = {static_cast<std::uint8_t>(tag >> 8U), static_cast<std::uint8_t>(tag),
                                     dnskey_rdata[3], static_cast<std::uint8_t>(Digest::sha256)};
  const auto digest = ds_digest(Digest::sha256, owner, dnskey_rdata);
  rdata.insert(rdata.end(), digest.begin(), digest.end());
  return rdata;
}

}  // namespace placard::wire
