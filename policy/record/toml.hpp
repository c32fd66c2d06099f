// toml++ as the whole program uses it, and a parse that never stops the program.
//
// One mode everywhere: its modes share function names, and the linker would mix them. So every file that reads TOML
// includes this header and not toml++ itself. Version 3.3 asserts on some texts that are not TOML ("[[[") instead of
// returning an error; here such an assertion is an exception, and parse_toml turns it into the error it should be.
#pragma once

#include <cstddef>
#include <expected>
#include <string>
#include <string_view>

namespace placard::policy {

struct TomlAssertion {};
[[noreturn]] inline void refuse_toml() { throw TomlAssertion{}; }

}  // namespace placard::policy

#define TOML_EXCEPTIONS 0
#define TOML_ENABLE_FORMATTERS 0
#define TOML_ASSERT(condition) ((condition) ? static_cast<void>(0) : ::placard::policy::refuse_toml())
#include <toml++/toml.h>

namespace placard::policy {

/// Where and why a text is not TOML. Line and column count from 1.
struct TomlError {
  std::size_t line = 0;
  std::size_t column = 0;
  std::string message;
};

inline bool toml_gives_up(std::string_view text) {
  try {
    return (void)toml::parse(text), false;
  } catch (const TomlAssertion&) {
    return true;
  }
}

/// The first line at whose end toml++ gives up: it reads from the front, so all longer texts make it give up too.
inline std::size_t line_of_giving_up(std::string_view text) {
  std::size_t first = 0, last = text.size();  // gives up within text[0, last), not within text[0, first)
  while (first < last) {
    const auto middle = first + (last - first) / 2;
    if (toml_gives_up(text.substr(0, middle))) {
      last = middle;
    } else {
      first = middle + 1;
    }
  }
  std::size_t line = 1;
  for (const char c : text.substr(0, last > 0 ? last - 1 : 0)) line += c == '\n';
  return line;
}

inline std::expected<toml::table, TomlError> parse_toml(std::string_view text) {
  try {
    auto parsed = toml::parse(text);
    if (parsed) return std::move(parsed).table();
    const auto& error = parsed.error();
    return std::unexpected(
        TomlError{error.source().begin.line, error.source().begin.column, std::string(error.description())});
  } catch (const TomlAssertion&) {
    return std::unexpected(TomlError{line_of_giving_up(text), 1, "a key or a table header is malformed"});
  }
}

}  // namespace placard::policy
