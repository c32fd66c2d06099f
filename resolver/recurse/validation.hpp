// Validation as a resolver has it configured, and what it learns while it works. The arithmetic is resolver/validate's;
// validate.cpp judges replies, trust.cpp walks the chain of trust.
#pragma once

#include <memory>

#include "resolver/validate/aggressive.hpp"
#include "resolver/validate/anchors.hpp"
#include "resolver/validate/check.hpp"

namespace placard::recurse {

/// Bounds of validation; the attack each is for stands in README.md of this floor.
struct ValidationBounds {
  validate::Means reply{48, 4'000};       ///< for one reply: signatures verified, SHA-1 runs of NSEC3
  validate::Means question{160, 16'000};  ///< for one client's question
  std::uint32_t per_second = 20'000;      ///< verifications of one worker
  std::uint32_t jobs = 1'000;             ///< replies of one worker being checked or waiting for it
  std::uint32_t retries = 2;              ///< other servers asked after a bogus reply
  std::uint32_t signers = 8;              ///< zones that signed something in one reply
  std::uint32_t bogus_ttl = 60;           ///< seconds that a bogus answer is remembered as a failure
  std::size_t zones = 4'096;              ///< zones whose keys are kept ready for use, in each worker
  std::size_t key_tables = 16;            ///< keys with a table of their own in each worker: 148 KiB each
};

struct ValidationOptions {
  std::shared_ptr<const validate::Anchors> anchors;  ///< null or empty: nothing is validated
  validate::Rules rules;
  bool aggressive = true;  ///< RFC 8198
  ValidationBounds bounds;
};

struct ValidationCounters {
  std::uint64_t secure = 0, insecure = 0, bogus = 0;            ///< replies
  std::uint64_t synthesised = 0;                                ///< answers from known proofs
  std::uint64_t verifications = 0, hash_runs = 0, refused = 0;  ///< refused: by per_second or jobs
};

}  // namespace placard::recurse
