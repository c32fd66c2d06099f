// Decision files on their way from the disk into a request.
//
// A request is JSON and so UTF-8: what isn't, is refused here with its place rather than recorded altered. What is
// read is bounded, whatever the path leads to.
#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "resolver/app/operations.hpp"

namespace placard::app {

/// The files' octets as they are; the error is "PATH: reason" or "PATH:LINE:COLUMN: not UTF-8".
std::expected<std::vector<DecisionFile>, std::string> read_decision_files(const std::vector<std::string>& paths);

/// ":LINE:COLUMN" of the first octet that is no part of UTF-8, counted in characters from 1; empty when there is none.
std::string place_of_broken_utf8(std::string_view text);

}  // namespace placard::app
