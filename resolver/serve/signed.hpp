// Answers to questions that were signed (TSIG, RFC 8945 5.3): signed with the same key, or saying why not.
#pragma once

#include <span>

#include "resolver/serve/question.hpp"

namespace placard::serve {

/// Appends the signature; the new size. REQUIRES: question.signer, and its room left by question.limit.
std::size_t sign_answer(const ClientQuestion& question, std::span<std::uint8_t> reply, std::size_t size);

}  // namespace placard::serve
