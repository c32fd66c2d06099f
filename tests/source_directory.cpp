// Where the source lies, compiled in: the one object that knows a path of the machine it was built on.
#include "tests/source_directory.hpp"

std::string placard::source_directory() {
  return PLACARD_SOURCE_DIR;
}
