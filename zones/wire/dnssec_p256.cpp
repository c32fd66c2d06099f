// ECDSA over P-256 with SHA-256 (RFC 6605; FIPS 186-5 6.4.2), algorithm 13: most of what a validator verifies today,
// and much of it with few keys: those of large top-level domains, and of operators that sign all their zones with one.
//
// The arithmetic is OpenSSL's. Its interface for all algorithms encodes, fetches and copies for each verification what
// is the same for each, so this file uses the one of elliptic curves beneath it. A key that verifies often gets a table
// of its multiples, which OpenSSL makes and uses as it does for the curve's own generator; the two multiplications of a
// verification then cost the same. All of that interface is deprecated in OpenSSL 3, not removed: should it go,
// P-256 can be verified as P-384 is (dnssec_crypto.cpp), without tables. All that is verified is public: nothing
// here need take constant time.
#include <openssl/err.h>
#include <openssl/obj_mac.h>
#include <openssl/sha.h>

#include <algorithm>
#include <array>
#include <atomic>

#include "zones/wire/dnssec.hpp"
#include "zones/wire/dnssec_openssl.hpp"

namespace placard::wire {
namespace {

constexpr std::size_t kCoordinate = 32;  // octets; also of one half of a signature (RFC 6605 4)

using CurveKey = std::unique_ptr<EC_KEY, Freed<EC_KEY_free>>;

/// A signature as it travels: r and s side by side.
Signature split(Bytes octets) {
  if (octets.size() != 2 * kCoordinate) return nullptr;
  Signature pair(ECDSA_SIG_new());
  BigNumber r(BN_bin2bn(octets.data(), kCoordinate, nullptr));
  BigNumber s(BN_bin2bn(octets.data() + kCoordinate, kCoordinate, nullptr));
  if (!pair || !r || !s || ECDSA_SIG_set0(pair.get(), r.get(), s.get()) != 1) return nullptr;
  (void)r.release();  // they are the pair's now
  (void)s.release();
  return pair;
}

/// From 1 to n - 1.
bool in_range(const BIGNUM* number, const BIGNUM* n) {
  return BN_is_zero(number) == 0 && BN_is_negative(number) == 0 && BN_cmp(number, n) < 0;
}

/// The curve with the key for its generator, for which OpenSSL keeps the multiples.
Group make_curve_of(const EC_KEY* key) {
  const EC_GROUP* const p256 = EC_KEY_get0_group(key);
  Group curve(EC_GROUP_dup(p256));
  const bool good = curve &&
                    EC_GROUP_set_generator(curve.get(), EC_KEY_get0_public_key(key), EC_GROUP_get0_order(p256),
                                           EC_GROUP_get0_cofactor(p256)) == 1 &&
                    EC_GROUP_precompute_mult(curve.get(), nullptr) == 1;
  return good ? std::move(curve) : nullptr;
}

/// FIPS 186-5 6.4.2 in its own letters: R = u1 G + u2 Q, with u1 = e / s and u2 = r / s; good when r = x(R) mod n.
bool verify_with_table(const EC_GROUP* p256, const EC_GROUP* curve_of_key, const ECDSA_SIG* signature, Bytes digest) {
  const BIGNUM* const n = EC_GROUP_get0_order(p256);
  const BIGNUM *r = nullptr, *s = nullptr;
  ECDSA_SIG_get0(signature, &r, &s);
  if (!in_range(r, n) || !in_range(s, n)) return false;
  const Scratch scratch(BN_CTX_new());
  const BigNumber e(BN_bin2bn(digest.data(), static_cast<int>(digest.size()), nullptr)), inverse(BN_new()),
      u1(BN_new()), u2(BN_new()), x(BN_new());
  const Point sum(EC_POINT_new(p256)), second(EC_POINT_new(curve_of_key));
  if (!scratch || !e || !inverse || !u1 || !u2 || !x || !sum || !second) return false;
  BN_CTX* const with = scratch.get();
  return BN_mod_inverse(inverse.get(), s, n, with) != nullptr &&                             //
         BN_mod_mul(u1.get(), e.get(), inverse.get(), n, with) == 1 &&                       //
         BN_mod_mul(u2.get(), r, inverse.get(), n, with) == 1 &&                             //
         EC_POINT_mul(p256, sum.get(), u1.get(), nullptr, nullptr, with) == 1 &&             //
         EC_POINT_mul(curve_of_key, second.get(), u2.get(), nullptr, nullptr, with) == 1 &&  //
         EC_POINT_add(p256, sum.get(), sum.get(), second.get(), with) == 1 &&                //
         EC_POINT_is_at_infinity(p256, sum.get()) == 0 &&                                    //
         EC_POINT_get_affine_coordinates(p256, sum.get(), x.get(), nullptr, with) == 1 &&    //
         BN_nnmod(x.get(), x.get(), n, with) == 1 && BN_cmp(x.get(), r) == 0;
}

class P256Verifier final : public Verifier {
 public:
  explicit P256Verifier(CurveKey key) : key_(std::move(key)) {}

  bool verify(Bytes data, Bytes signature) const override {
    uses_.fetch_add(1, std::memory_order_relaxed);
    const Signature pair = split(signature);
    if (!pair) return false;
    std::array<std::uint8_t, SHA256_DIGEST_LENGTH> digest{};
    SHA256(data.data(), data.size(), digest.data());
    const auto curve = table_.load();
    const bool good = curve ? verify_with_table(EC_KEY_get0_group(key_.get()), curve.get(), pair.get(), digest)
                            : ECDSA_do_verify(digest.data(), digest.size(), pair.get(), key_.get()) == 1;
    if (!good) ERR_clear_error();
    return good;
  }
  std::uint32_t uses() const override { return uses_.load(std::memory_order_relaxed); }
  void set_uses(std::uint32_t uses) const override { uses_.store(uses, std::memory_order_relaxed); }
  bool has_table() const override { return table_.load() != nullptr; }
  void make_table() const override {
    table_.store(std::shared_ptr<const EC_GROUP>(make_curve_of(key_.get())));
    ERR_clear_error();
  }
  void drop_table() const override { table_.store(nullptr); }

 private:
  const CurveKey key_;
  mutable std::atomic<std::uint32_t> uses_ = 0;
  mutable std::atomic<std::shared_ptr<const EC_GROUP>> table_;  // null: none
};

}  // namespace

std::shared_ptr<const Verifier> make_p256_verifier(Bytes octets) {
  if (octets.size() != 2 * kCoordinate) return nullptr;
  std::array<std::uint8_t, 1 + 2 * kCoordinate> point = {4};  // uncompressed (SEC 1, 2.3.3)
  std::ranges::copy(octets, point.begin() + 1);
  CurveKey key(EC_KEY_new_by_curve_name(NID_X9_62_prime256v1));
  // Refuses what is no point of the curve, whose order is prime: each of its points is a key.
  if (!key || EC_KEY_oct2key(key.get(), point.data(), point.size(), nullptr) != 1) {
    ERR_clear_error();
    return nullptr;
  }
  return std::make_shared<const P256Verifier>(std::move(key));
}

}  // namespace placard::wire
