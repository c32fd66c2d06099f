// Reading a list: octets in, as they come from a file or the network; a sealed RuleList and a report out.
//
// Lines are looked at where they lie; only the one that a piece cuts in two is copied. Bounded: octets of a line, rules
// of a list, samples of a report. No list is an error: what it is worth, the report and check_limits() say.
#pragma once

#include <expected>
#include <memory>
#include <string>
#include <string_view>

#include "policy/lists/list_report.hpp"
#include "policy/lists/list_syntax.hpp"
#include "policy/record/rule_list.hpp"

namespace placard::policy {

inline constexpr std::size_t kMaxLineSize = std::size_t{64} * 1024;  ///< octets, without its end

struct ReadList {
  RuleList rules;  ///< sealed
  ListReport report;
};

class ListReader {
 public:
  /// The error is check_syntax()'s.
  static std::expected<ListReader, std::string> open(const ListSyntax& syntax);
  ListReader(ListReader&&) noexcept;
  ~ListReader();

  void feed(std::string_view octets);
  std::size_t lines() const;  ///< so far
  std::size_t rules() const;  ///< so far
  /// Ends the reader. Takes a while with many rules: they are sorted here.
  ReadList finish();

 private:
  struct State;
  explicit ListReader(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace placard::policy
