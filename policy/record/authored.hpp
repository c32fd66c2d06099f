// What someone wrote and wants recorded: authorities, decisions and events with the places they were written at.
//
// Plain values between decision_file (which reads them), intake (which judges them) and store (which keeps them).
// A decision remembers how its ends were written, so that "30 days from now" is the same decision when the same file
// is loaded again tomorrow.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "policy/record/decision.hpp"

namespace placard::policy {

/// A place in a file, counted from 1; 0 where there is none.
struct Position {
  std::size_t line = 0;
  std::size_t column = 0;
};

/// Where each field of one table stands, by its key; a text's languages as "redress.fr".
using FieldPositions = std::map<std::string, Position, std::less<>>;
/// The field's place; `otherwise` where it was not written. The end may be written as expires_after, a text of one
/// language under the whole field's key.
Position position_of(const FieldPositions& fields, std::string_view field, Position otherwise);

struct AuthoredAuthority {
  Authority authority;
  Position position;
  FieldPositions fields = {};
};

struct AuthoredDecision {
  Decision decision;                          ///< effective_from and expires_at are resolved, as of the loading's now
  bool effective_from_given = true;           ///< false: the file says nothing, so it began when it was loaded
  std::optional<std::int64_t> expires_after;  ///< seconds, when the file says `expires_after` rather than `expires_at`
  Position position;
  std::vector<Position> rule_positions;  ///< as many as decision.rules, or none
  FieldPositions fields = {};
  std::vector<FieldPositions> rule_fields = {};  ///< as many as decision.rules, or none
};

struct AuthoredEvent {
  Event event;
  Position position;
  FieldPositions fields = {};
};

struct AuthoredBatch {
  std::string file;  ///< for messages; empty when it comes from elsewhere
  std::vector<AuthoredAuthority> authorities;
  std::vector<AuthoredDecision> decisions;
  std::vector<AuthoredEvent> events;
};

/// One thing that is wrong with what was written, for a person to read.
struct Problem {
  std::string file;
  Position position;
  std::string field;    ///< "decision.expires_at", may be empty
  std::string message;  ///< the reason, without file and field
};
/// "policy/x.toml:12:5: decision.expires_at: the end lies before the beginning"
std::string to_text(const Problem& problem);

/// Why a batch was not recorded: nothing of it was.
struct IntakeError {
  std::vector<Problem> problems;  ///< at least one, at most kMaxProblems
};
inline constexpr std::size_t kMaxProblems = 20;
/// One problem a line, without a newline behind the last.
std::string to_text(const IntakeError& error);

}  // namespace placard::policy
