#include "policy/record/digest.hpp"

#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>

#include <cassert>
#include <utility>

namespace placard::policy {

RunningDigest::RunningDigest() {
  gnutls_hash_hd_t hash = nullptr;
  const int code = gnutls_hash_init(&hash, GNUTLS_DIG_SHA256);
  assert(code == 0);
  hash_ = hash;
}

RunningDigest::~RunningDigest() {
  if (hash_ != nullptr) gnutls_hash_deinit(static_cast<gnutls_hash_hd_t>(hash_), nullptr);
}

void RunningDigest::flush() {
  const int code = gnutls_hash(static_cast<gnutls_hash_hd_t>(hash_), gathered_.data(), gathered_.size());
  assert(code == 0);
  gathered_.clear();
}

Digest RunningDigest::finish() {
  flush();
  Digest digest;
  gnutls_hash_deinit(static_cast<gnutls_hash_hd_t>(std::exchange(hash_, nullptr)), digest.data());
  return digest;
}

Digest sha256(std::string_view first, std::string_view second) {
  RunningDigest digest;
  digest.add(first);
  digest.add(second);
  return digest.finish();
}

std::string to_hex(std::string_view octets) {
  static constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  text.reserve(octets.size() * 2);
  for (char octet : octets) {
    text += kDigits[static_cast<unsigned char>(octet) >> 4];
    text += kDigits[static_cast<unsigned char>(octet) & 15];
  }
  return text;
}

}  // namespace placard::policy
