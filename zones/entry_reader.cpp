// One pass over the characters; the entry is gathered in a buffer that is used again.
#include "zones/entry_reader.hpp"

#include <algorithm>

namespace placard::zones {
namespace {

constexpr std::size_t kMaxEntrySize = 1 << 18;  // octets; the longest rdata in hexadecimal is half of it

}  // namespace

std::expected<std::string_view, std::string> EntryReader::next() {
  while (at_ < text_.size()) {
    entry_.clear();
    entry_line_ = line_;
    if (auto joined = join(); !joined) return std::unexpected(std::move(joined.error()));
    while (!entry_.empty() && (entry_.back() == ' ' || entry_.back() == '\t')) entry_.pop_back();
    if (!entry_.empty()) return std::string_view(entry_);
  }
  return std::string_view();
}

std::expected<void, std::string> EntryReader::join() {
  bool open = false, quoted = false;
  while (at_ < text_.size()) {
    const char c = text_[at_++];
    if (entry_.size() > kMaxEntrySize) return std::unexpected("an entry of more than 262144 octets");
    if (c == '\n') {
      if (quoted) return std::unexpected("a quoted string that does not end on its line");
      ++line_;
      if (!open) return {};
      entry_ += ' ';
    } else if (c == '\\') {
      if (at_ == text_.size() || text_[at_] == '\n' || text_[at_] == '\r') {
        return std::unexpected("\"\\\" at the end of a line");
      }
      entry_ += c;
      entry_ += text_[at_++];
    } else if (c == '"') {
      quoted = !quoted;
      entry_ += c;
    } else if (quoted) {
      entry_ += c;
    } else if (c == ';') {
      while (at_ < text_.size() && text_[at_] != '\n') ++at_;
    } else if (c == '(') {
      if (open) return std::unexpected("\"(\" inside of parentheses");
      open = true;
      entry_ += ' ';
    } else if (c == ')') {
      if (!open) return std::unexpected("\")\" without \"(\"");
      open = false;
      entry_ += ' ';
    } else {
      entry_ += c == '\r' ? ' ' : c;
    }
  }
  if (quoted) return std::unexpected("a quoted string that does not end on its line");
  if (open) return std::unexpected("\"(\" without \")\"");
  return {};
}

}  // namespace placard::zones
