// Entries of a master file (RFC 1035 5.1): lines joined over parentheses, comments taken off, quotes respected.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

namespace placard::zones {

class EntryReader {
 public:
  explicit EntryReader(std::string_view text) : text_(text) {}

  /// The next entry that is not blank, on one line, parentheses and comments replaced by blanks; a leading blank
  /// stays (it means the owner before). Empty: the end. Valid until the next call. The error is a phrase.
  std::expected<std::string_view, std::string> next();
  std::uint32_t line() const { return entry_line_; }  ///< where that entry, or the error, starts; from 1

 private:
  std::expected<void, std::string> join();

  std::string_view text_;
  std::size_t at_ = 0;
  std::uint32_t line_ = 1, entry_line_ = 1;
  std::string entry_;
};

}  // namespace placard::zones
