// Catch2's main, compiled once for all test programs.
#define CATCH_CONFIG_MAIN
#include <catch2/catch.hpp>

#include "tests/source_directory.hpp"

std::string placard::source_directory() {
  return PLACARD_SOURCE_DIR;
}
