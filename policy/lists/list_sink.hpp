// Where parsers put what they read: names become keys, keys become rules, everything else is counted.
//
// The way of a plain host name costs a pass over its letters; whatever is more than letters, digits, hyphens and dots
// takes the slow way, where it is put right (IDNA 2008, URLs without a path, last dots, wildcards) or rejected with the
// reason that fits. Internal to policy/lists.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "policy/lists/list_report.hpp"
#include "policy/lists/list_syntax.hpp"
#include "policy/record/rule_list.hpp"

namespace placard::policy {

/// The key of a plain host name in a buffer of its own.
class HostKey {
 public:
  /// False when `text` is not plain: not 1 to 253 octets of a-z A-Z 0-9 - _ in labels of 1 to 63, or with an A-label
  /// (xn--), or with a last label of digits only, which no top-level domain is.
  bool assign(std::string_view text);
  std::string_view view() const { return {buffer_.data(), size_}; }

 private:
  std::array<char, 256> buffer_;
  std::size_t size_ = 0;
};

class ListSink {
 public:
  explicit ListSink(const ListSyntax& syntax);

  /// The line that is told of from now on; borrowed until the next.
  void begin_line(std::uint32_t number, std::string_view text) { line_ = number, text_ = text; }
  std::uint32_t line() const { return line_; }
  void ignore() { ++report.ignored; }
  void reject(Rejection reason, std::string_view detail = {}) { report.reject(reason, line_, text_, detail); }
  void normalise(Normalisation kind) { report.normalise(kind, line_, text_); }

  /// A name as written in the list; true when it became a rule.
  bool add_name(std::string_view written, MatchKind match, Action action);
  bool add_name(std::string_view written, const RuleForm& form);
  /// The same of a plain host name (HostKey); false when it is none: then nothing was done.
  bool take_host(std::string_view written, MatchKind match, Action action) {
    if (!host_.assign(written)) return false;
    add_key(host_.view(), plain_form(match, action));
    return true;
  }
  /// A key that is known to be good.
  bool add_key(std::string_view key, std::uint32_t form);
  /// The form of a rule for a name with nothing special.
  std::uint32_t plain_form(MatchKind match, Action action);

  const ListSyntax& syntax;
  RuleList rules;
  ListReport report;

 private:
  /// The key of `written`, or nothing after it was rejected. `is_wildcard`: it was written as one.
  std::optional<std::string_view> key_of(std::string_view written, bool& is_wildcard);
  std::optional<std::string_view> slow_key_of(std::string_view written, bool& is_wildcard);

  std::uint32_t line_ = 0;
  std::string_view text_;
  HostKey host_;
  std::string slow_key_;
  std::array<std::array<std::optional<std::uint32_t>, 9>, 3> plain_forms_;
};

std::string_view trimmed(std::string_view text);  ///< of blanks and tabs

}  // namespace placard::policy
