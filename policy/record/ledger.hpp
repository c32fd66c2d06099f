// The log: what an entry says, as canonical JSON, and the chain of SHA-256 that makes a rewrite visible.
//
// Canonical: keys in the order of their octets, no white space, UTF-8 unescaped, integers only (the subset in which
// this agrees with RFC 8785). An entry reads
//   {"author_sha256":…,"content":{…},"kind":"decision","recorded_at":…,"sequence":…,"subject":"…"}
// and its hash is SHA-256(hash of the entry before, nothing for the first; the entry). Whoever typed the command is
// personal data: the entry has SHA-256(salt, author) only. An entry about a delayed or sealed decision has
// "withheld_sha256" in place of content and subject: the digest of a JSON text, with a salt, that the store keeps and
// gives out with the disclosure. So the chain of public entries can be checked by anyone at any time.
// A list or a large changeset will be one entry with the digest of its rows; the Merkle tree is built on top of this.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "policy/record/authored.hpp"
#include "policy/record/digest.hpp"

namespace placard::policy {

using Salt = std::array<std::uint8_t, 16>;

Salt random_salt();

/// How a decision is written down: `as_written` leaves out what loading resolved (the beginning and the end where the
/// file gives none or a length of time) and so is the same for the same file on any day; `resolved` has both.
enum class Form { as_written, resolved };

std::string canonical(const Authority& authority);
std::string canonical(const Mandate& mandate);
std::string canonical(const std::vector<GuardOverride>& overrides);
/// REQUIRES: texts that the two above made. Throw std::exception otherwise.
Mandate mandate_of(const std::string& canonical_mandate);
std::vector<GuardOverride> overrides_of(const std::string& canonical_overrides);
std::string canonical(const AuthoredDecision& decision, Form form);
std::string canonical(const Event& event);
std::string canonical(const std::vector<View>& views);
std::string canonical(const std::vector<std::string>& words);  ///< a JSON array
std::vector<std::string> words_of(const std::string& canonical_words);

struct Transition {
  std::string decision_id;
  DecisionState state = DecisionState::active;
  Time valid_from = 0;
  Time recorded_at = 0;
  std::string author;
  std::string reason;
  std::int64_t sequence = 0;  ///< of the log
};
std::string canonical(const Transition& transition);  ///< without author, recorded_at and sequence: the entry has them

/// {"reason":…}
std::string canonical_reason(std::string_view reason);

/// The first field in which two canonical objects differ, such as "legal_basis"; nothing when they are the same.
std::optional<std::string> first_difference(const std::string& canonical_a, const std::string& canonical_b);

/// What goes into one row of the table log.
struct LogRow {
  std::int64_t sequence = 0;
  Time recorded_at = 0;
  std::string kind;
  std::string subject;
  std::string author;
  Salt author_salt{};
  std::string entry;
  std::optional<std::string> withheld;
  Digest hash{};
};

/// REQUIRES: `content` is canonical JSON.
LogRow make_log_row(std::int64_t sequence, Time recorded_at, std::string_view kind, std::string_view subject,
                    std::string_view author, std::string_view content, bool withhold, std::string_view previous_hash);

/// What is wrong with a row, given the hash of the one before; nothing when all its digests hold.
std::optional<std::string> check_log_row(const LogRow& row, std::string_view previous_hash);

/// The canonical content of a row that check_log_row passed, withheld or not.
std::string content_of(const LogRow& row);

}  // namespace placard::policy
