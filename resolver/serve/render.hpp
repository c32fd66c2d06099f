// Writing answers to clients: header and flags, OPT with extended errors, truncation, and stored answers patched to
// fit.
//
// Every function writes a whole answer into `reply` and returns its size; none allocates.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "resolver/recurse/resolver.hpp"
#include "resolver/serve/question.hpp"
#include "resolver/serve/stored_answer.hpp"
#include "zones/wire/writer.hpp"

namespace placard::serve {

inline constexpr std::size_t kMaxErrors = 4;       ///< extended errors in one answer
inline constexpr std::size_t kMaxErrorText = 160;  ///< octets of EXTRA-TEXT

/// Octets that the OPT of an answer to `question` takes at most, to be reserved from the writer.
std::size_t opt_size(const ClientQuestion& question, std::span<const wire::ExtendedError> errors);

/// The header of an answer: QR, the question's opcode, id, RD and CD; RA as access control has it.
wire::Header answer_header(const ClientQuestion& question, wire::Rcode rcode);

/// Closes an answer: OPT when the question had one, with the errors; TC when something did not fit. Returns the size.
std::size_t finish_answer(wire::MessageWriter& writer, const ClientQuestion& question, wire::Rcode rcode,
                          std::span<const wire::ExtendedError> errors);

/// Question, rcode and errors, nothing else.
std::size_t render_rcode(const ClientQuestion& question, wire::Rcode rcode, std::span<const wire::ExtendedError> errors,
                         std::span<std::uint8_t> reply);
/// An empty answer with TC: ask again over TCP.
std::size_t render_truncated(const ClientQuestion& question, wire::Rcode rcode,
                             std::span<const wire::ExtendedError> errors, std::span<std::uint8_t> reply);

/// Never fails: an answer that would pass 65,535 octets becomes SERVFAIL.
StoredAnswer store_answer(const recurse::Resolved& resolved, const wire::Question& question, bool dnssec_ok,
                          std::int64_t now);

/// Counts the TTLs of a copy of that answer down to `now`.
void age_ttls(const StoredAnswer& answer, std::int64_t now, std::span<std::uint8_t> copy);

/// The stored answer as this client takes it: id, flags, case of the question, TTLs aged, cut to its limit.
std::size_t render_stored(const StoredAnswer& answer, const ClientQuestion& question, std::int64_t now,
                          std::span<std::uint8_t> reply);

}  // namespace placard::serve
