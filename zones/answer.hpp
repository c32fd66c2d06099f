// Answering from a zone with authority: RFC 1034 4.3.2 step 3, with RFC 2308, 4035 3.1, 4592, 6604, 6672, 8482, 9471.
//
// Positive answers carry no authority section. ANY and RRSIG are answered with one set. CNAMEs and DNAMEs are
// followed inside the zone, each set once, so that loops end as NSD ends them. Proofs are NSEC's; a zone signed with
// NSEC3 is served without proofs of what is not there, until zones/sign brings them.
#pragma once

#include "zones/wire/message.hpp"
#include "zones/wire/writer.hpp"
#include "zones/zone.hpp"

namespace placard::zones {

struct AnswerResult {
  wire::Rcode rcode = wire::Rcode::noerror;
  bool authoritative = false;  ///< AA
  bool truncated = false;      ///< TC: part of the answer, the authority or the glue did not fit
};

/// Writes answer, authority and additional sections behind the question; header and EDNS are the caller's. The
/// writer is never left full. Allocates nothing.
/// REQUIRES: the question's name is at or below the zone's origin; header and question are written.
AnswerResult answer(const Zone& zone, const wire::Question& question, bool dnssec_ok, wire::MessageWriter& writer);

}  // namespace placard::zones
