// instr, replace and trim in a time that grows with their arguments' length, not with the product of the two.
//
// SQLite looks at the clock between the steps of its machine, never within one, and its own functions of these names
// compare every place with every other: two arguments of 500 KB each keep one step busy for minutes. What they answer
// is the same.
#pragma once

struct sqlite3;

namespace placard::policy {

/// Puts them in the place of SQLite's own on this connection.
void use_linear_functions(sqlite3* connection);

}  // namespace placard::policy
