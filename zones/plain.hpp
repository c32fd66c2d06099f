// Answers that a zone gives to most questions, found without writing anything: a set without names in its rdata, or
// that there is nothing and no proof is wanted of it. What else there is (aliases, delegations, wildcards, sets that
// bring others along, proofs) is answer()'s business (zones/answer.hpp), which says the same about these.
#pragma once

#include <optional>

#include "zones/zone.hpp"

namespace placard::zones {

struct PlainAnswer {
  const StoredSet* set = nullptr;  ///< the answer, its owner is the name asked; null: the SOA says that there is none
  bool signatures = false;         ///< go behind the set
  bool exists = true;              ///< the name does
};

/// Nothing: ask answer(). `name`: in lower case, at or below the zone's origin.
std::optional<PlainAnswer> plain_answer(const Zone& zone, wire::NameView name, wire::RecordType type, bool dnssec_ok);

}  // namespace placard::zones
