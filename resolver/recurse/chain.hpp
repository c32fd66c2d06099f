// The chain of aliases inside one reply: from the question's name through the CNAME and DNAME sets of its answer
// section, whatever their order, to the records that were asked for, or to where this reply has no more to say.
//
// Takes only what it passes. Its length is bounded; a circle, a name beyond the asker's reach and the bound end it in
// the open, for the caller to go on (resolver.cpp), who counts the links of all replies together.
#pragma once

#include "resolver/recurse/reply.hpp"

namespace placard::recurse {

enum class ChainEnd : std::uint8_t {
  found,     ///< reply.answer ends in the asked records
  nothing,   ///< nothing in the section about reply.next
  beyond,    ///< reply.next is somebody else's business, was passed before, or lies behind max_chain links
  too_long,  ///< a DNAME makes a name that is too long (RFC 6672 2.2)
};

/// Moves what it passes from `sets` (the believable ones of the answer section) to reply.answer, and sets reply.next.
ChainEnd follow_chain(std::vector<wire::RecordSet> sets, const Asked& asked, Reply& reply);

}  // namespace placard::recurse
