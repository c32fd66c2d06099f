// Recording a list while the server goes on: prepared ahead on one thread, written in short turns, its index made
// beside that on another thread. Only a turn of some ten thousand rows, and the last one, keep others from the record.
#pragma once

#include <expected>
#include <string>

#include "policy/record/list_recording.hpp"
#include "resolver/app/list_import.hpp"

namespace placard::app {

/// Records the list and brings it into force. The error says that what was recorded waits. Throws policy::StoreError.
std::expected<policy::ListOutcome, std::string> record_in_turns(const SharedRecord& at,
                                                                const policy::AdmittedList& admitted,
                                                                const std::string& author);

}  // namespace placard::app
