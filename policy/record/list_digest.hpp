// The digest of a list's rows, in order: what the log's entry about a change of the list holds. And the text of a row,
// which it is made of.
#pragma once

#include <array>
#include <charconv>
#include <string_view>

#include "policy/record/decision.hpp"
#include "policy/record/digest.hpp"

namespace placard::policy {

/// "1 net.example 2 1 17\n": trigger, key (in which no blank stands), match, form and line.
inline void append_row(std::string& text, Trigger trigger, std::string_view key, MatchKind match, std::int64_t form,
                       std::int64_t line) {
  text += static_cast<char>('0' + static_cast<int>(trigger));
  text += ' ';
  text.append(key);
  std::array<char, 64> rest;
  char* at = rest.data();
  for (const auto number : {static_cast<std::int64_t>(match), form, line}) {
    *at++ = ' ';
    at = std::to_chars(at, rest.data() + rest.size(), number).ptr;
  }
  *at++ = '\n';
  text.append(rest.data(), at);
}

class ListDigest : public RunningDigest {
 public:
  void add_row(Trigger trigger, std::string_view key, MatchKind match, std::int64_t form, std::int64_t line) {
    append_row(gathered_, trigger, key, match, form, line);
    add({});
  }
  /// "1 {…}\n": a form that is new with the change, behind the rows.
  void add_form(std::int64_t number, std::string_view content) {
    add(std::to_string(number));
    add(" ");
    add(content);
    add("\n");
  }
};

}  // namespace placard::policy
