// P-256 signatures: with and without a table, and OpenSSL's interface for all algorithms, agree on good ones, damaged
// ones, and those that only a liar makes.
#include <openssl/err.h>
#include <openssl/obj_mac.h>
#include <openssl/sha.h>

#include <catch2/catch.hpp>

#include "zones/wire/dnssec_openssl.hpp"
#include "zones/wire/dnssec_signing.hpp"

namespace placard::wire {
namespace {

using Octets = std::vector<std::uint8_t>;

constexpr std::size_t kHalf = kSignatureSize / 2;
const Octets kMessage = {'w', 'h', 'o', ' ', 'd', 'e', 'c', 'i', 'd', 'e', 'd'};

BigNumber order() {
  const Group p256(EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1));
  return BigNumber(BN_dup(EC_GROUP_get0_order(p256.get())));
}

Octets side_by_side(const BIGNUM* r, const BIGNUM* s) {
  Octets both(kSignatureSize);
  REQUIRE(BN_bn2binpad(r, both.data(), kHalf) == kHalf);
  REQUIRE(BN_bn2binpad(s, both.data() + kHalf, kHalf) == kHalf);
  return both;
}

PublicKey public_key(const PrivateKey& key) {
  const Octets rdata = make_dnskey_rdata(key, false);
  return *PublicKey::make(*parse_dnskey(rdata));
}

/// By EVP, which the code under test does not use.
bool reference(const PrivateKey& key, Bytes data, Bytes signature) {
  if (signature.size() != kSignatureSize) return false;
  Octets point = {4};
  point.insert(point.end(), key.public_key().begin(), key.public_key().end());
  const ParameterBuilder builder(OSSL_PARAM_BLD_new());
  OSSL_PARAM_BLD_push_utf8_string(builder.get(), "group", "P-256", 0);
  OSSL_PARAM_BLD_push_octet_string(builder.get(), "pub", point.data(), point.size());
  const Parameters parameters(OSSL_PARAM_BLD_to_param(builder.get()));
  const KeyContext context(EVP_PKEY_CTX_new_from_name(nullptr, "EC", nullptr));
  EVP_PKEY* made = nullptr;
  REQUIRE(EVP_PKEY_fromdata_init(context.get()) == 1);
  REQUIRE(EVP_PKEY_fromdata(context.get(), &made, EVP_PKEY_PUBLIC_KEY, parameters.get()) == 1);
  const KeyPointer owned(made);
  const Signature pair(ECDSA_SIG_new());
  ECDSA_SIG_set0(pair.get(), BN_bin2bn(signature.data(), kHalf, nullptr),
                 BN_bin2bn(signature.data() + kHalf, kHalf, nullptr));
  unsigned char* encoded = nullptr;
  const int length = i2d_ECDSA_SIG(pair.get(), &encoded);
  const DigestContext digest(EVP_MD_CTX_new());
  const bool good =
      length > 0 && EVP_DigestVerifyInit(digest.get(), nullptr, EVP_sha256(), nullptr, made) == 1 &&
      EVP_DigestVerify(digest.get(), encoded, static_cast<std::size_t>(length), data.data(), data.size()) == 1;
  OPENSSL_free(encoded);
  ERR_clear_error();
  return good;
}

struct Pair {
  PrivateKey secret;
  PublicKey plain, tabled;
};
Pair make_pair(const PrivateKey& secret) {
  Pair pair{secret, public_key(secret), public_key(secret)};
  pair.tabled.make_table();
  REQUIRE(pair.tabled.has_table());
  REQUIRE_FALSE(pair.plain.has_table());
  return pair;
}
Pair any_pair() {
  return make_pair(*PrivateKey::generate(Algorithm::ecdsap256sha256));
}

/// What all three say.
bool verdict(const Pair& pair, Bytes data, Bytes signature) {
  const bool expected = reference(pair.secret, data, signature);
  CHECK(pair.plain.verify(data, signature) == expected);
  CHECK(pair.tabled.verify(data, signature) == expected);
  return expected;
}

TEST_CASE("a signature verifies with and without a table; a damaged one does not, whatever octet it is") {
  const Pair pair = any_pair();
  for (std::uint8_t i = 0; i < 50; ++i) {
    const Octets data(i, i);
    CHECK(verdict(pair, data, pair.secret.sign(data)));
  }
  const Octets good = pair.secret.sign(kMessage);
  for (std::size_t i = 0; i < good.size(); ++i) {
    Octets damaged = good;
    damaged[i] = static_cast<std::uint8_t>(damaged[i] ^ (1U << (i % 8)));
    CHECK_FALSE(verdict(pair, kMessage, damaged));
  }
  Octets other = kMessage;
  other.back() ^= 1;
  CHECK_FALSE(verdict(pair, other, good));
  CHECK_FALSE(verdict(any_pair(), kMessage, good));
  CHECK_FALSE(verdict(pair, kMessage, Bytes(good).first(good.size() - 1)));
  CHECK_FALSE(verdict(pair, kMessage, {}));
}

TEST_CASE("numbers out of range are no signature, and n - s is as good as s") {
  const Pair pair = any_pair();
  const Octets good = pair.secret.sign(kMessage);
  const BigNumber n = order(), r(BN_bin2bn(good.data(), kHalf, nullptr)),
                  s(BN_bin2bn(good.data() + kHalf, kHalf, nullptr)), zero(BN_new()), mirrored(BN_new());
  BN_sub(mirrored.get(), n.get(), s.get());
  CHECK(verdict(pair, kMessage, side_by_side(r.get(), mirrored.get())));
  for (const BIGNUM* bad : {zero.get(), n.get()}) {
    CHECK_FALSE(verdict(pair, kMessage, side_by_side(bad, s.get())));
    CHECK_FALSE(verdict(pair, kMessage, side_by_side(r.get(), bad)));
    CHECK_FALSE(verdict(pair, kMessage, side_by_side(bad, bad)));
  }
  const Octets ones(kSignatureSize, 0xFF);  // above n, both
  CHECK_FALSE(verdict(pair, kMessage, ones));
}

TEST_CASE("sums that end at infinity, or add a point to itself, are judged alike") {
  for (const std::uint8_t small : Octets{1, 2, 3}) {  // 1: the key is the curve's own generator
    Octets secret(kSecretSize);
    secret.back() = small;
    const Pair pair = make_pair(*PrivateKey::from_secret(Algorithm::ecdsap256sha256, secret));
    CHECK(verdict(pair, kMessage, pair.secret.sign(kMessage)));
    std::array<std::uint8_t, SHA256_DIGEST_LENGTH> digest{};
    SHA256(kMessage.data(), kMessage.size(), digest.data());
    const BigNumber n = order(), d(BN_new()), e(BN_bin2bn(digest.data(), digest.size(), nullptr)), r(BN_new()),
                    minus_r(BN_new()), inverse(BN_new()), one(BN_dup(BN_value_one()));
    const Scratch scratch(BN_CTX_new());
    BN_set_word(d.get(), small);
    BN_mod_inverse(inverse.get(), d.get(), n.get(), scratch.get());
    BN_mod_mul(r.get(), e.get(), inverse.get(), n.get(), scratch.get());  // e G = r Q: the sum doubles it
    BN_sub(minus_r.get(), n.get(), r.get());                              // e G = -(r Q): there is none
    CHECK_FALSE(verdict(pair, kMessage, side_by_side(r.get(), one.get())));
    CHECK_FALSE(verdict(pair, kMessage, side_by_side(minus_r.get(), one.get())));
  }
}

TEST_CASE("points beside the curve, and coordinates beyond its field, are no keys") {
  const PrivateKey key = *PrivateKey::generate(Algorithm::ecdsap256sha256);
  Octets rdata = make_dnskey_rdata(key, false);
  REQUIRE(PublicKey::make(*parse_dnskey(rdata)));
  rdata.back() ^= 1;
  CHECK_FALSE(PublicKey::make(*parse_dnskey(rdata)));
  std::fill(rdata.begin() + 4, rdata.end(), std::uint8_t{0xFF});
  CHECK_FALSE(PublicKey::make(*parse_dnskey(rdata)));
  std::fill(rdata.begin() + 4, rdata.end(), std::uint8_t{0});
  CHECK_FALSE(PublicKey::make(*parse_dnskey(rdata)));
  rdata.pop_back();
  CHECK_FALSE(PublicKey::make(*parse_dnskey(rdata)));
}

TEST_CASE("copies of a key share its uses and its table") {
  const PrivateKey secret = *PrivateKey::generate(Algorithm::ecdsap256sha256);
  const PublicKey key = public_key(secret), copy = key;
  CHECK(copy == key);
  CHECK_FALSE(public_key(secret) == key);
  const Octets good = secret.sign(kMessage);
  for (int i = 0; i < 3; ++i) CHECK(copy.verify(kMessage, good));
  CHECK(key.uses() == 3);
  key.set_uses(1);
  CHECK(copy.uses() == 1);
  copy.make_table();
  CHECK(key.has_table());
  key.drop_table();
  CHECK_FALSE(copy.has_table());
  CHECK(copy.verify(kMessage, good));
}

}  // namespace
}  // namespace placard::wire
