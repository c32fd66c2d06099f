#include "resolver/recurse/upstream_random.hpp"

#include <gnutls/crypto.h>

#include <cassert>

namespace placard::recurse {

std::uint64_t Random::next64() {
  if (used_ == block_.size()) {
    const int status = gnutls_rnd(GNUTLS_RND_NONCE, block_.data(), sizeof block_);
    assert(status == 0);  // a resolver without random numbers must not go on
    static_cast<void>(status);
    used_ = 0;
  }
  const std::uint64_t value = block_[used_];
  block_[used_++] = 0;  // what was handed out is not kept
  return value;
}

std::uint32_t Random::below(std::uint32_t bound) {
  assert(bound > 0);
  // The remainder of 64 bits by 32 is biased by less than 2^-32.
  return static_cast<std::uint32_t>(next64() % bound);
}

}  // namespace placard::recurse
