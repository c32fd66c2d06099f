// A name as tests write it.
#pragma once

#include <string_view>

#include "zones/wire/name.hpp"

namespace placard::tests {

/// REQUIRES that it can be one.
inline wire::Name name(std::string_view text) {
  return wire::Name::from_text(text).value();
}

}  // namespace placard::tests
