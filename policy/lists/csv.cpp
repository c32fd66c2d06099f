// CSV (RFC 4180) with columns that were declared, in UTF-8 or windows-1251.
//
// A quoted field may hold delimiters, doubled quotes and line ends. A cell of names may hold several, parted by "|" or
// blanks, as registers do; words (match, action) are those of the decision files. Only cells with octets beyond ASCII
// are converted, by iconv.
#include <iconv.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <memory>
#include <vector>

#include "policy/lists/line_parser.hpp"
#include "policy/record/utf8.hpp"

namespace placard::policy {
namespace {

/// From a declared encoding to UTF-8, through libc's iconv.
class Converter {
 public:
  explicit Converter(const std::string& encoding)
      : handle_(encoding == "utf-8" ? nullptr : ::iconv_open("UTF-8", encoding.c_str())) {}
  ~Converter() {
    if (is_open()) ::iconv_close(handle_);
  }
  Converter(const Converter&) = delete;
  Converter& operator=(const Converter&) = delete;

  /// False when the text isn't what it was declared to be.
  bool convert(std::string& text) const {
    const bool ascii = std::ranges::all_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x80; });
    if (ascii) return true;
    if (handle_ == nullptr) return !first_broken_octet(text);
    if (!is_open()) return false;
    std::string out(text.size() * 4, '\0');
    char *from = text.data(), *to = out.data();
    std::size_t left = text.size(), room = out.size();
    ::iconv(handle_, nullptr, nullptr, nullptr, nullptr);
    if (::iconv(handle_, &from, &left, &to, &room) == static_cast<std::size_t>(-1)) return false;
    out.resize(out.size() - room);
    text = std::move(out);
    return true;
  }

 private:
  bool is_open() const { return handle_ != nullptr && handle_ != reinterpret_cast<iconv_t>(-1); }
  iconv_t handle_;
};

class CsvParser final : public LineParser {
 public:
  explicit CsvParser(const ListSyntax& syntax)
      : match_(syntax.match.value_or(MatchKind::both)), action_(syntax.action), converter_(syntax.encoding) {
    const auto place = [&](std::string_view column) {
      return static_cast<std::size_t>(std::ranges::find(syntax.columns, column) - syntax.columns.begin());
    };
    name_ = place("name");
    words_ = {place("match"), place("action"), place("ttl")};
    columns_ = syntax.columns.size();
  }

  void parse(std::string_view line, ListSink& sink) override {
    if (row_.empty() && sink.line() <= sink.syntax.skip_lines) return sink.ignore();
    if (row_.empty() && trimmed(line).empty()) return sink.ignore();
    if (row_.empty()) first_line_ = sink.line();
    // A quote that is open goes on in the next line.
    if (!row_.empty()) row_ += '\n';
    row_ += line;
    open_ = ends_open(line, sink.syntax.delimiter);
    if (open_ && row_.size() <= kLongestRow) return;
    parse_row(sink);
    row_.clear();
    open_ = false;
  }

  void finish(ListSink& sink) override {
    if (row_.empty()) return;
    sink.begin_line(first_line_, row_);
    sink.reject(Rejection::syntax, "a quote that never ends");
  }

 private:
  static constexpr std::size_t kLongestRow = std::size_t{64} * 1024;

  /// Whether a quoted field is open behind the line. A quote inside of a field that did not begin with one is a letter.
  bool ends_open(std::string_view line, char delimiter) const {
    bool open = open_, field_begins = !open_;
    for (std::size_t i = 0; i < line.size(); ++i) {
      if (open && line[i] == '"')
        (i + 1 < line.size() && line[i + 1] == '"') ? void(++i) : void(open = false);
      else if (!open && line[i] == '"' && field_begins)
        open = true;
      field_begins = !open && line[i] == delimiter;
    }
    return open;
  }

  void parse_row(ListSink& sink) {
    sink.begin_line(first_line_, row_);
    if (!split(sink.syntax.delimiter)) return sink.reject(Rejection::syntax, "quotes inside of a field");
    if (cells_.size() < columns_)
      return sink.reject(Rejection::syntax, std::to_string(cells_.size()) + " columns of " + std::to_string(columns_));
    auto match = match_;
    auto action = action_;
    auto ttl = sink.syntax.ttl;
    if (!read_words(match, action, ttl)) return sink.reject(Rejection::unknown_word);
    auto& names = cells_[name_];
    if (!converter_.convert(names)) return sink.reject(Rejection::encoding);
    bool any = false;
    for (std::size_t at = 0; at < names.size();) {
      const auto begin = names.find_first_not_of("| \t\n", at);
      if (begin == names.npos) break;
      const auto end = std::min(names.find_first_of("| \t\n", begin), names.size());
      const auto name = std::string_view(names).substr(begin, end - begin);
      any = true;
      at = end;
      if (ttl == sink.syntax.ttl)
        sink.add_name(name, match, action);
      else
        sink.add_name(name, RuleForm{.match = match, .action = action, .ttl = ttl, .records = {}, .target = {}});
    }
    if (!any) sink.ignore();  // a row about something else than a name, such as a register's addresses
  }

  bool read_words(MatchKind& match, Action& action, std::optional<std::uint32_t>& ttl) {
    if (words_[0] < columns_) {
      const auto word = match_kind_from_text(trimmed(cells_[words_[0]]));
      if (!word) return false;
      match = *word;
    }
    if (words_[1] < columns_) {
      const auto word = action_from_text(trimmed(cells_[words_[1]]));
      if (!word || *word == Action::local_data || *word == Action::cname) return false;
      action = *word;
    }
    if (words_[2] < columns_) {
      const auto text = trimmed(cells_[words_[2]]);
      std::uint32_t seconds = 0;
      const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
      if (error != std::errc() || end != text.data() + text.size()) return false;
      ttl = seconds;
    }
    return true;
  }

  bool split(char delimiter) {
    cells_.clear();
    std::string_view rest = row_;
    for (;;) {
      std::string cell;
      if (rest.starts_with('"')) {
        rest.remove_prefix(1);
        for (;;) {
          const auto quote = rest.find('"');
          if (quote == rest.npos) return false;
          cell += rest.substr(0, quote);
          rest.remove_prefix(quote + 1);
          if (!rest.starts_with('"')) break;
          cell += '"';
          rest.remove_prefix(1);
        }
        if (!rest.empty() && rest.front() != delimiter) return false;
      } else {
        const auto end = std::min(rest.find(delimiter), rest.size());
        cell = rest.substr(0, end);
        rest.remove_prefix(end);
      }
      cells_.push_back(std::move(cell));
      if (rest.empty()) return true;
      rest.remove_prefix(1);
    }
  }

  const MatchKind match_;
  const Action action_;
  Converter converter_;
  std::size_t name_ = 0, columns_ = 0;
  std::array<std::size_t, 3> words_{};  // places of match, action, ttl
  std::string row_;                     // from its first line on
  bool open_ = false;                   // a quote of it
  std::uint32_t first_line_ = 0;
  std::vector<std::string> cells_;
};

}  // namespace

std::unique_ptr<LineParser> make_csv_parser(const ListSyntax& syntax) {
  return std::make_unique<CsvParser>(syntax);
}

}  // namespace placard::policy
