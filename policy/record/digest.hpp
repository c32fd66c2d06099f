// SHA-256 through GnuTLS, of a text at once and of one that comes piece by piece.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace placard::policy {

using Digest = std::array<std::uint8_t, 32>;

Digest sha256(std::string_view first, std::string_view second = {});
std::string to_hex(std::string_view octets);
/// The octets of an array as text, for the functions above.
template <std::size_t size>
std::string_view as_text(const std::array<std::uint8_t, size>& octets) {
  return {reinterpret_cast<const char*>(octets.data()), size};
}

class RunningDigest {
 public:
  RunningDigest();
  ~RunningDigest();
  RunningDigest(const RunningDigest&) = delete;
  RunningDigest& operator=(const RunningDigest&) = delete;

  /// Small pieces are gathered: they may be as small as they come.
  void add(std::string_view text) {
    gathered_.append(text);
    if (gathered_.size() > kPiece) flush();
  }
  Digest finish();  ///< once, at the end

 protected:
  std::string gathered_;  // not yet digested

 private:
  static constexpr std::size_t kPiece = 60'000;
  void flush();
  void* hash_ = nullptr;  // gnutls_hash_hd_t; null behind finish()
};

}  // namespace placard::policy
