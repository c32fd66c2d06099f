// Entries of a master file (RFC 1035 5.1): lines joined over parentheses, comments taken off, quotes respected.
//
// An entry on one line, which is nearly every one, is where it stands in the text; only parentheses make a copy. Of
// anything inside an entry the reader can say where it stood.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

namespace placard::zones {

class EntryReader {
 public:
  struct Place {
    std::uint32_t line = 0, column = 0;  ///< from 1
  };

  /// A byte order mark at the start is passed over.
  explicit EntryReader(std::string_view text);

  /// The next entry that is not blank, on one line, parentheses and comments replaced by blanks; a leading blank
  /// stays (it means the owner before). Empty: the end. Valid until the next call. The error is a phrase.
  std::expected<std::string_view, std::string> next();
  /// Where that entry starts, or where it was broken off by the error.
  Place place() const { return place_; }
  /// Where this stood, a part of the last entry; elsewhere: the entry's own place.
  Place place_of(std::string_view part) const;

 private:
  enum class Line : std::uint8_t { whole, joined, broken };
  Line take_line(std::string_view& entry);
  Line join(std::size_t start);
  Line fail(std::string reason, std::size_t at);
  Place place_at(std::size_t offset) const;

  std::string_view text_;
  std::size_t at_ = 0;          // where the next line starts
  std::uint32_t line_ = 1;      // its number
  std::size_t line_start_ = 0;  // of the line that `line_` numbers
  Place place_;
  std::string error_;
  std::string_view entry_;  // the last one
  // The joined entry: its text, and at which offset of it each line goes on.
  struct Joint {
    std::size_t offset;
    std::uint32_t line;
  };
  std::string joined_;
  std::vector<Joint> joints_;
};

}  // namespace placard::zones
