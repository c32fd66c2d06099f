// Overrides of guards: two people, each with a key of a registered authority, say that this one rule shall stand.
//
// An authority's key is "ed25519:" and the 32 octets of RFC 8032 in base64; so is a signature, of 64 octets. What is
// signed is override_text(): anybody can make it with a text editor and sign it with `openssl pkeyutl -sign -rawin`.
// The reason and both signatures are part of the decision, and so of the log.
#pragma once

#include <expected>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "policy/record/decision.hpp"

namespace placard::policy {

/// "placard override\n", then decision id, name (stored_name) or prefix, and reason, each on a line of its own with its
/// end.
std::string override_text(std::string_view decision_id, const GuardOverride& one);

/// True when `key` is an Ed25519 key as authorities have it.
bool is_signing_key(std::string_view key);

/// Whether `signature` is the key's for the text. False for broken keys and signatures too.
bool is_signed_by(std::string_view key, std::string_view signature, std::string_view text);

/// Nothing when the override holds: a reason, and valid signatures of two authorities with different keys. Else what is
/// missing. `find`: a recorded authority.
std::optional<std::string> override_problem(std::string_view decision_id, const GuardOverride& one,
                                            const std::function<std::optional<Authority>(std::string_view)>& find);

}  // namespace placard::policy
