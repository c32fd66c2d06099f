// Decision files: TOML that people write, read into a batch for intake.
//
//   [[authority]]        id, kind, name, jurisdiction, contact, public_key, external
//   [[decision]]         id, type, authority, applicant, reference, legal_basis, statement_of_reasons, redress,
//                        document_url, document_sha256, territorial_scope, received_at, comply_by, review_at,
//                        effective_from, expires_at or expires_after, supersedes, reverses, disclosure, demonstration,
//                        state
//   [[decision.rule]]    trigger, match, name, prefix, action, ttl, records, target
//   [[event]]            id, name, occurred_at, actor, act, statement, source
//
// Texts for readers are tables by language ({ en = "…", fr = "…" }) or, for English alone, a string. Times are TOML
// dates or strings; names are A-labels or U-labels. Unknown keys and wrong types are errors with line and column; up to
// kMaxProblems are told at once. What a decision may say is judged by the guards, in intake.
#pragma once

#include <expected>
#include <filesystem>
#include <string_view>

#include "policy/record/authored.hpp"

namespace placard::policy {

inline constexpr std::size_t kMaxDecisionFileSize = std::size_t{4} << 20;  ///< octets

/// `file` is the name for messages. `now` resolves expires_after and an effective_from that is not given.
std::expected<AuthoredBatch, IntakeError> parse_decision_file(std::string_view text, std::string_view file, Time now);

std::expected<AuthoredBatch, IntakeError> load_decision_file(const std::filesystem::path& path, Time now);

}  // namespace placard::policy
