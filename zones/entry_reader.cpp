// One pass over the characters. What is special in a line is found by a table; between quotes only their end is.
#include "zones/entry_reader.hpp"

#include <algorithm>
#include <array>

namespace placard::zones {
namespace {

constexpr std::size_t kMaxEntrySize = 1 << 18;  // octets; the longest rdata in hexadecimal is half of it

constexpr auto kSpecial = [] {
  std::array<bool, 256> special{};
  for (const char c : std::string_view("\n\r\"\\;()")) special[static_cast<std::uint8_t>(c)] = true;
  return special;
}();

bool is_special(char c) {
  return kSpecial[static_cast<std::uint8_t>(c)];
}

std::string_view trimmed(std::string_view text) {
  const auto last = text.find_last_not_of(" \t");
  return last == std::string_view::npos ? std::string_view() : text.substr(0, last + 1);
}

}  // namespace

EntryReader::EntryReader(std::string_view text) : text_(text) {
  constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
  if (text_.starts_with(kByteOrderMark)) at_ = line_start_ = kByteOrderMark.size();
}

std::expected<std::string_view, std::string> EntryReader::next() {
  entry_ = {};
  while (at_ < text_.size()) {
    place_ = {line_, 1};
    std::string_view line;
    if (take_line(line) == Line::broken) return std::unexpected(std::move(error_));
    entry_ = trimmed(line);
    if (!entry_.empty()) return entry_;
  }
  return std::string_view();
}

/// One line where it stands, or from its first parenthesis on a copy.
EntryReader::Line EntryReader::take_line(std::string_view& entry) {
  const std::size_t start = line_start_ = at_;
  std::size_t at = start, end = std::string_view::npos;  // end: where the comment starts
  for (;;) {
    while (at < text_.size() && !is_special(text_[at])) ++at;
    if (at == text_.size() || text_[at] == '\n') break;
    if (text_[at] == '\r') {
      if (at + 1 < text_.size() && text_[at + 1] != '\n') break;  // join() makes a blank of it
      end = std::min(end, at++);
    } else if (text_[at] == ';') {
      end = std::min(end, at);
      at = std::min(text_.find('\n', at), text_.size());
    } else if (text_[at] == '"') {
      const std::size_t quote = at;
      for (++at; at < text_.size() && text_[at] != '"' && text_[at] != '\n'; ++at) {
        if (text_[at] == '\\' && at + 1 < text_.size() && text_[at + 1] != '\n') ++at;
      }
      if (at == text_.size() || text_[at] == '\n') return fail("a quoted string that does not end on its line", quote);
      ++at;
    } else if (text_[at] == '\\') {
      if (at + 1 >= text_.size() || text_[at + 1] == '\n' || text_[at + 1] == '\r') {
        return fail("\"\\\" at the end of a line", at);
      }
      at += 2;
    } else {
      break;  // a parenthesis
    }
  }
  if (at < text_.size() && text_[at] != '\n') {
    const Line joined = join(start);
    entry = joined_;
    return joined;
  }
  if (at - start > kMaxEntrySize) return fail("an entry of more than 262144 octets", start);
  entry = text_.substr(start, std::min(end, at) - start);
  at_ = std::min(at + 1, text_.size());
  ++line_;
  return Line::whole;
}

EntryReader::Line EntryReader::join(std::size_t start) {
  joined_.clear();
  joints_.assign(1, {0, line_});
  std::size_t open = std::string_view::npos, quoted = std::string_view::npos, at = start;
  while (at < text_.size()) {
    const char c = text_[at++];
    if (joined_.size() > kMaxEntrySize) return fail("an entry of more than 262144 octets", start);
    if (c == '\n') {
      if (quoted != std::string_view::npos) return fail("a quoted string that does not end on its line", quoted);
      ++line_;
      line_start_ = at;
      if (open == std::string_view::npos) break;
      joined_ += ' ';
      joints_.push_back({joined_.size(), line_});
    } else if (c == '\\') {
      if (at == text_.size() || text_[at] == '\n' || text_[at] == '\r')
        return fail("\"\\\" at the end of a line", at - 1);
      joined_ += c;
      joined_ += text_[at++];
    } else if (c == '"') {
      quoted = quoted == std::string_view::npos ? at - 1 : std::string_view::npos;
      joined_ += c;
    } else if (quoted != std::string_view::npos) {
      joined_ += c;
    } else if (c == ';') {
      at = std::min(text_.find('\n', at), text_.size());
    } else if (c == '(') {
      if (open != std::string_view::npos) return fail("\"(\" inside of parentheses", at - 1);
      open = at - 1;
      joined_ += ' ';
    } else if (c == ')') {
      if (open == std::string_view::npos) return fail("\")\" without \"(\"", at - 1);
      open = std::string_view::npos;
      joined_ += ' ';
    } else {
      joined_ += c == '\r' ? ' ' : c;
    }
  }
  if (quoted != std::string_view::npos) return fail("a quoted string that does not end on its line", quoted);
  if (open != std::string_view::npos) return fail("\"(\" without \")\"", open);
  at_ = at;
  return Line::joined;
}

EntryReader::Line EntryReader::fail(std::string reason, std::size_t at) {
  error_ = std::move(reason);
  place_ = place_at(at);
  at_ = text_.size();
  return Line::broken;
}

EntryReader::Place EntryReader::place_at(std::size_t offset) const {
  std::size_t start = line_start_;
  std::uint32_t line = line_;
  while (offset < start) {  // back to an earlier line of the entry
    --line;
    const auto before = start < 2 ? std::string_view::npos : text_.rfind('\n', start - 2);
    start = before == std::string_view::npos ? 0 : before + 1;
  }
  return {line, static_cast<std::uint32_t>(offset - start + 1)};
}

EntryReader::Place EntryReader::place_of(std::string_view part) const {
  const char* first = entry_.data();
  if (part.data() < first || part.data() > first + entry_.size()) return place_;
  const auto offset = static_cast<std::size_t>(part.data() - first);
  if (entry_.data() != joined_.data()) return {place_.line, static_cast<std::uint32_t>(offset + 1)};
  const auto behind = std::ranges::upper_bound(joints_, offset, {}, &Joint::offset);
  const Joint& joint = *std::prev(behind);
  return {joint.line, static_cast<std::uint32_t>(offset - joint.offset + 1)};
}

}  // namespace placard::zones
