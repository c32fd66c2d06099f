#include "policy/record/override.hpp"

#include <fmt/format.h>
#include <gnutls/abstract.h>
#include <gnutls/gnutls.h>

#include <set>

namespace placard::policy {
namespace {

constexpr std::string_view kScheme = "ed25519:";
constexpr std::size_t kKeySize = 32, kSignatureSize = 64;

gnutls_datum_t datum_of(std::string_view octets) {
  return {reinterpret_cast<unsigned char*>(const_cast<char*>(octets.data())), static_cast<unsigned>(octets.size())};
}

/// The octets behind "ed25519:", when there are as many as there must be.
std::optional<std::string> octets_of(std::string_view text, std::size_t size) {
  if (!text.starts_with(kScheme)) return std::nullopt;
  const auto encoded = datum_of(text.substr(kScheme.size()));
  gnutls_datum_t decoded{};
  if (encoded.size == 0 || gnutls_base64_decode2(&encoded, &decoded) != 0) return std::nullopt;
  std::string octets(reinterpret_cast<const char*>(decoded.data), decoded.size);
  gnutls_free(decoded.data);
  return octets.size() == size ? std::optional(std::move(octets)) : std::nullopt;
}

}  // namespace

std::string override_text(std::string_view decision_id, const GuardOverride& one) {
  return fmt::format("placard override\n{}\n{}\n{}\n", decision_id, one.about, one.reason);
}

bool is_signing_key(std::string_view key) {
  return octets_of(key, kKeySize).has_value();
}

bool is_signed_by(std::string_view key, std::string_view signature, std::string_view text) {
  const auto point = octets_of(key, kKeySize), signed_octets = octets_of(signature, kSignatureSize);
  if (!point || !signed_octets) return false;
  gnutls_pubkey_t public_key = nullptr;
  if (gnutls_pubkey_init(&public_key) != 0) return false;
  const auto x = datum_of(*point), data = datum_of(text), proof = datum_of(*signed_octets);
  const bool good = gnutls_pubkey_import_ecc_raw(public_key, GNUTLS_ECC_CURVE_ED25519, &x, nullptr) == 0 &&
                    gnutls_pubkey_verify_data2(public_key, GNUTLS_SIGN_EDDSA_ED25519, 0, &data, &proof) == 0;
  gnutls_pubkey_deinit(public_key);
  return good;
}

std::optional<std::string> override_problem(std::string_view decision_id, const GuardOverride& one,
                                            const std::function<std::optional<Authority>(std::string_view)>& find) {
  if (one.reason.empty()) return "an override needs a reason";
  const auto text = override_text(decision_id, one);
  std::set<std::string> keys;
  for (const auto& signature : one.signatures) {
    const auto authority = find(signature.authority);
    if (!authority) return fmt::format("there is no authority '{}' that could sign", signature.authority.substr(0, 64));
    if (!is_signing_key(authority->public_key))
      return fmt::format("authority '{}' has no key to sign with", signature.authority);
    if (!is_signed_by(authority->public_key, signature.value, text))
      return fmt::format("the signature of '{}' is not one of this override", signature.authority);
    keys.insert(authority->public_key);
  }
  if (keys.size() < 2) return "an override is signed by two authorities with different keys";
  return std::nullopt;
}

}  // namespace placard::policy
