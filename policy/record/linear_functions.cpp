// Searching is glibc's memmem (two-way: linear); trimming looks its characters up in a set.
#include "policy/record/linear_functions.hpp"

#include <sqlite3.h>
#include <string.h>

#include <algorithm>
#include <cassert>
#include <cstdint>
#include <set>
#include <string>
#include <string_view>

namespace placard::policy {
namespace {

bool is_null(sqlite3_value* value) {
  return sqlite3_value_type(value) == SQLITE_NULL;
}

std::string_view text_of(sqlite3_value* value) {
  const auto* octets = reinterpret_cast<const char*>(sqlite3_value_text(value));
  return octets == nullptr ? std::string_view()
                           : std::string_view(octets, static_cast<std::size_t>(sqlite3_value_bytes(value)));
}

std::string_view blob_of(sqlite3_value* value) {
  const auto* octets = static_cast<const char*>(sqlite3_value_blob(value));
  return octets == nullptr ? std::string_view()
                           : std::string_view(octets, static_cast<std::size_t>(sqlite3_value_bytes(value)));
}

std::size_t find_linear(std::string_view text, std::string_view wanted, std::size_t from) {
  const auto rest = text.substr(from);
  const void* found = ::memmem(rest.data(), rest.size(), wanted.data(), wanted.size());
  if (found == nullptr) return std::string_view::npos;
  return static_cast<std::size_t>(static_cast<const char*>(found) - text.data());
}

bool continues_character(char octet) {
  return (static_cast<unsigned char>(octet) & 0xC0) == 0x80;
}

/// As SQLite counts: an octet from 0xC0 up takes those that continue it along.
std::size_t size_of_character(std::string_view text) {
  std::size_t size = 1;
  if (static_cast<unsigned char>(text.front()) >= 0xC0) {
    while (size < text.size() && continues_character(text[size])) ++size;
  }
  return size;
}

void set_text(sqlite3_context* context, std::string_view text) {
  sqlite3_result_text64(context, text.empty() ? "" : text.data(), text.size(), SQLITE_TRANSIENT, SQLITE_UTF8);
}

/// Octets count from 1 when both are blobs, characters else.
void instr(sqlite3_context* context, int, sqlite3_value** values) {
  if (is_null(values[0]) || is_null(values[1])) return;
  const bool blobs = sqlite3_value_type(values[0]) == SQLITE_BLOB && sqlite3_value_type(values[1]) == SQLITE_BLOB;
  const auto text = blobs ? blob_of(values[0]) : text_of(values[0]);
  const auto wanted = blobs ? blob_of(values[1]) : text_of(values[1]);
  if (wanted.empty()) return sqlite3_result_int64(context, 1);
  const auto at = find_linear(text, wanted, 0);
  if (at == std::string_view::npos) return sqlite3_result_int64(context, 0);
  std::int64_t count = 1;
  for (const char octet : text.substr(0, at)) count += blobs || !continues_character(octet);
  sqlite3_result_int64(context, count);
}

void replace(sqlite3_context* context, int, sqlite3_value** values) {
  if (is_null(values[0]) || is_null(values[1]) || is_null(values[2])) return;
  const auto text = text_of(values[0]), wanted = text_of(values[1]), other = text_of(values[2]);
  if (wanted.empty()) return set_text(context, text);
  const auto limit =
      static_cast<std::size_t>(sqlite3_limit(sqlite3_context_db_handle(context), SQLITE_LIMIT_LENGTH, -1));
  std::string result;
  std::size_t from = 0;
  while (true) {
    const auto at = find_linear(text, wanted, from);
    result += text.substr(from, at == std::string_view::npos ? at : at - from);
    if (at == std::string_view::npos) break;
    result += other;
    from = at + wanted.size();
    if (result.size() > limit) return sqlite3_result_error_toobig(context);
  }
  set_text(context, result);
}

enum Side : std::uintptr_t { kLeft = 1, kRight = 2 };

void trim(sqlite3_context* context, int count, sqlite3_value** values) {
  if (is_null(values[0]) || (count == 2 && is_null(values[1]))) return;
  auto text = text_of(values[0]);
  std::set<std::string_view> unwanted;
  std::size_t longest = 1;
  for (auto rest = count == 2 ? text_of(values[1]) : std::string_view(" "); !rest.empty();) {
    const auto size = size_of_character(rest);
    unwanted.insert(rest.substr(0, size));
    longest = std::max(longest, size);
    rest.remove_prefix(size);
  }
  const auto sides = reinterpret_cast<std::uintptr_t>(sqlite3_user_data(context));
  while ((sides & kLeft) != 0 && !text.empty() && unwanted.contains(text.substr(0, size_of_character(text))))
    text.remove_prefix(size_of_character(text));
  while ((sides & kRight) != 0 && !text.empty()) {
    std::size_t size = 1;
    while (size < text.size() && size < longest && continues_character(text[text.size() - size])) ++size;
    if (!unwanted.contains(text.substr(text.size() - size))) break;
    text.remove_suffix(size);
  }
  set_text(context, text);
}

}  // namespace

void use_linear_functions(sqlite3* connection) {
  constexpr int kFlags = SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_INNOCUOUS;
  const auto add = [connection](const char* name, int arguments, auto function, std::uintptr_t data = 0) {
    const int code = sqlite3_create_function_v2(connection, name, arguments, kFlags, reinterpret_cast<void*>(data),
                                                function, nullptr, nullptr, nullptr);
    assert(code == SQLITE_OK);
  };
  add("instr", 2, instr);
  add("replace", 3, replace);
  for (const int arguments : {1, 2}) {
    add("trim", arguments, trim, kLeft | kRight);
    add("ltrim", arguments, trim, kLeft);
    add("rtrim", arguments, trim, kRight);
  }
}

}  // namespace placard::policy
