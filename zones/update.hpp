// Dynamic update (RFC 2136): what a request wants and forbids, carried out on a ZoneEditor.
//
// All of a request's conditions are checked before its first change, so it is done whole or not at all. Who may ask for
// it (RFC 3007) is decided before, by whoever has the configuration; raising the serial, storing and publishing come
// after, for many requests at once.
#pragma once

#include "zones/change_set.hpp"
#include "zones/wire/message.hpp"

namespace placard::zones {

/// NOERROR: done, or nothing was to be done. Anything else: the editor is as before. RRSIG, NSEC and NSEC3 are not
/// added: REFUSED.
/// REQUIRES: opcode UPDATE, one question, which names the editor's zone.
wire::Rcode apply_update(const wire::MessageView& request, ZoneEditor& editor);

/// Raises the serial where something has changed since `before` and no update has raised it; a ZONEMD of another serial
/// goes. True: there is a new version.
bool finish_updates(ZoneEditor& editor, const Zone& before);

}  // namespace placard::zones
