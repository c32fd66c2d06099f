// Where the project's source lies, for tests that read files of it. The one place that knows the path is
// source_directory.cpp, so that the other objects are the same wherever the source is.
#pragma once

#include <string>

namespace placard {
std::string source_directory();  ///< absolute, no slash at its end
}  // namespace placard
