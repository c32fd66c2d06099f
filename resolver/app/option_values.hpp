// One value of an option as text: what it must look like for its kind, and how it is converted.
#pragma once

#include <expected>
#include <string>

#include "resolver/app/options.hpp"

namespace placard::app {

using Checked = std::expected<void, std::string>;

/// Whether `value` lies between the option's low and high.
Checked check_range(const Option& option, std::int64_t value);
/// Checks one text of a list, or the text of a scalar, and puts what it says into `value`.
Checked add_text(const Option& option, const std::string& text, OptionValue& value);

}  // namespace placard::app
