// Random numbers that an attacker can't foresee, cheap enough for every question: GnuTLS's generator (ChaCha20, seeded
// and reseeded by the system), asked for a block at a time.
#pragma once

#include <array>
#include <cstdint>

namespace placard::recurse {

class Random {
 public:
  std::uint64_t next64();
  std::uint16_t next16() { return static_cast<std::uint16_t>(next64()); }
  std::uint32_t below(std::uint32_t bound);  ///< 0 .. bound-1, each as likely; REQUIRES bound > 0

 private:
  std::array<std::uint64_t, 64> block_;
  std::size_t used_ = 64;
};

}  // namespace placard::recurse
