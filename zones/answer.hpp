// Answering from a zone with authority: RFC 1034 4.3.2 step 3, with RFC 2308, 4035 3.1, 4592, 5155 7.2, 6604, 6672,
// 8482, 9460, 9471.
//
// CNAMEs and DNAMEs are followed in all zones that are given, each set once for a name, so that loops end as NSD ends
// them.
#pragma once

#include "zones/wire/message.hpp"
#include "zones/wire/writer.hpp"
#include "zones/zone.hpp"

namespace placard::zones {

struct AnswerOptions {
  bool dnssec_ok = false;          ///< DO: signatures and proofs are wanted
  bool minimal = true;             ///< positive answers carry no NS set in authority
  bool minimal_any = true;         ///< ANY and RRSIG are answered with one set (RFC 8482)
  const ZoneSet* zones = nullptr;  ///< aliases are followed into these, too; null: only where they stay in the zone
};

struct AnswerResult {
  wire::Rcode rcode = wire::Rcode::noerror;
  bool authoritative = false;  ///< AA
  bool truncated = false;      ///< TC: part of the answer, the authority or the glue did not fit
  bool leaves = false;         ///< the last alias leads to a name that these zones have no data of
};

/// Writes answer, authority and additional sections behind the question; header and EDNS are the caller's. The
/// writer is never left full. Allocates nothing.
/// REQUIRES: the question's name is at or below the zone's origin; header and question are written.
AnswerResult answer(const Zone& zone, const wire::Question& question, const AnswerOptions& options,
                    wire::MessageWriter& writer);

}  // namespace placard::zones
