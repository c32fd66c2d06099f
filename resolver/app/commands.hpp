// The command line: `placard serve`, `decide`, `why` and the rest. main() does nothing else than call run_command.
//
// Commands that change the record or ask about the server are requests to the running server (client.hpp), or are
// performed here with the store's lock when none runs; those that read the record read its file. Output is a table for
// people or, with --json, one JSON object; errors are lines on standard error.
#pragma once

namespace placard::app {

/// The exit status: 0 done, 1 an error that was told in one line on standard error, 2 wrong usage.
int run_command(int argc, char** argv);

}  // namespace placard::app
