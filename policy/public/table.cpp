// Layout of documents as text: width of characters, wrapping, columns. The forms for programs are in table_machine.cpp.
#include "policy/public/table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <numeric>

#include "policy/public/unicode.hpp"

namespace placard::policy {

namespace {

constexpr std::size_t kGap = 2;         // spaces between columns
constexpr std::size_t kNarrowest = 12;  // a column is not wrapped to less than this, nor than its longest word,
constexpr std::size_t kLongWord = 24;   // unless that is longer than this
constexpr std::size_t kLeastWidth = 40;

std::string shown(const Cell& cell) {
  struct Visitor {
    std::string operator()(std::monostate) const { return "-"; }
    std::string operator()(bool value) const { return value ? "yes" : "no"; }
    std::string operator()(std::int64_t value) const { return fmt::to_string(value); }
    std::string operator()(double value) const { return fmt::to_string(value); }
    std::string operator()(const std::string& value) const { return value.empty() ? "-" : value; }
  };
  return std::visit(Visitor{}, cell);
}

bool is_number(const Cell& cell) {
  return std::holds_alternative<std::int64_t>(cell) || std::holds_alternative<double>(cell);
}

std::size_t widest(const std::vector<std::string>& lines) {
  std::size_t width = 0;
  for (const auto& line : lines) width = std::max(width, display_width(line));
  return width;
}

void trim_end(std::string& line) {
  line.erase(line.find_last_not_of(' ') + 1);
}

using CellLines = std::vector<std::string>;

// One row of cells, each wrapped to its column.
void append_row(std::string& out, const std::vector<CellLines>& cells, const std::vector<std::size_t>& widths,
                const std::vector<bool>& right) {
  std::size_t height = 0;
  for (const auto& cell : cells) height = std::max(height, cell.size());
  for (std::size_t line_number = 0; line_number < height; ++line_number) {
    std::string line;
    for (std::size_t c = 0; c < cells.size(); ++c) {
      const std::string text = line_number < cells[c].size() ? cells[c][line_number] : std::string();
      const std::size_t padding = widths[c] - std::min(widths[c], display_width(text));
      line += right[c] ? std::string(padding, ' ') + text : text + std::string(padding, ' ');
      line.append(kGap, ' ');
    }
    trim_end(line);
    out += line + '\n';
  }
}

// What a column asks for: as wide as its widest line, but it can do with less.
struct Wish {
  std::size_t natural = 0, least = 0;
};

Wish wish_of(const std::vector<std::string>& cells) {
  Wish wish;
  std::size_t longest_word = 0;
  for (const auto& text : cells) {
    wish.natural = std::max(wish.natural, widest(wrap_text(text, 0)));
    for (std::size_t start = 0; start < text.size();) {
      const auto end = std::min(text.find_first_of(" \n", start), text.size());
      longest_word = std::max(longest_word, display_width(std::string_view(text).substr(start, end - start)));
      start = end + 1;
    }
  }
  wish.least = std::min(wish.natural, std::max(kNarrowest, std::min(longest_word, kLongWord)));
  return wish;
}

// The widths of columns within `width`: the widest that can are narrowed first, one step at a time. Empty when they
// don't fit.
std::vector<std::size_t> fit(const std::vector<Wish>& wishes, std::size_t width) {
  std::vector<std::size_t> widths;
  for (const auto& wish : wishes) widths.push_back(wish.natural);
  if (width == 0 || widths.empty()) return widths;
  std::size_t least = kGap * (widths.size() - 1);
  for (const auto& wish : wishes) least += wish.least;
  if (least > width) return {};
  for (std::size_t& each : widths) each = std::min(each, width);  // bounds the steps below
  std::size_t sum = std::accumulate(widths.begin(), widths.end(), kGap * (widths.size() - 1));
  for (; sum > width; --sum) {
    std::size_t widest_column = widths.size();
    for (std::size_t c = 0; c < widths.size(); ++c) {
      const bool wider = widest_column == widths.size() || widths[c] > widths[widest_column];
      if (widths[c] > wishes[c].least && wider) widest_column = c;
    }
    --widths[widest_column];
  }
  return widths;
}

std::string fields_to_text(const std::vector<Field>& fields, std::size_t width, std::size_t indent) {
  std::size_t label_width = 0;
  for (const auto& field : fields) label_width = std::max(label_width, display_width(field.label));
  const std::size_t start = indent + label_width + kGap;
  std::string out;
  for (const auto& field : fields) {
    if (field.label.empty()) continue;
    const auto lines =
        wrap_text(shown(field.value), width == 0 ? 0 : std::max(width - std::min(width, start), kNarrowest));
    std::string head = std::string(indent, ' ') + field.label;
    for (const auto& text : lines) {
      std::string line = head + std::string(start - std::min(start, display_width(head)), ' ') + text;
      trim_end(line);
      out += line + '\n';
      head.clear();
    }
  }
  return out;
}

std::string rows_as_fields(const Table& table, std::size_t width) {
  std::string out;
  for (const auto& row : table.rows) {
    if (!out.empty()) out += '\n';
    std::vector<Field> fields;
    for (std::size_t c = 0; c < table.columns.size(); ++c)
      fields.push_back({table.columns[c].key, table.columns[c].label, row[c]});
    out += fields_to_text(fields, width, 0);
  }
  return out;
}

std::string table_to_text(const Table& table, std::size_t width) {
  if (table.rows.empty()) {
    std::string out;
    for (const auto& line : wrap_text(table.when_empty, width)) out += line + '\n';
    return out;
  }
  std::vector<std::size_t> seen;  // columns that people are shown
  for (std::size_t c = 0; c < table.columns.size(); ++c) {
    if (!table.columns[c].label.empty()) seen.push_back(c);
  }
  const std::size_t count = seen.size();
  std::vector<Wish> natural;
  std::vector<bool> right(count, true);
  for (std::size_t c = 0; c < count; ++c) {
    std::vector<std::string> cells = {table.columns[seen[c]].label};
    for (const auto& row : table.rows) {
      assert(row.size() == table.columns.size());
      const auto& cell = row[seen[c]];
      cells.push_back(shown(cell));
      if (!is_number(cell) && !std::holds_alternative<std::monostate>(cell)) right[c] = false;
    }
    natural.push_back(wish_of(cells));
  }
  const auto widths = fit(natural, width);
  if (widths.empty()) return rows_as_fields(table, width);
  std::string out;
  std::vector<CellLines> heads, rules;
  for (std::size_t c = 0; c < count; ++c) {
    heads.push_back(wrap_text(table.columns[seen[c]].label, widths[c]));
    std::string rule;
    for (std::size_t i = 0; i < widths[c]; ++i) rule += "─";
    rules.push_back({rule});
  }
  append_row(out, heads, widths, right);
  append_row(out, rules, widths, std::vector<bool>(count, false));
  for (const auto& row : table.rows) {
    std::vector<CellLines> cells;
    for (std::size_t c = 0; c < count; ++c) cells.push_back(wrap_text(shown(row[seen[c]]), widths[c]));
    append_row(out, cells, widths, right);
  }
  return out;
}

}  // namespace

std::size_t display_width(std::string_view text) {
  std::size_t width = 0;
  while (!text.empty()) width += width_of(next_character(text));
  return width;
}

std::vector<std::string> wrap_text(std::string_view text, std::size_t width) {
  const std::size_t limit = width == 0 ? static_cast<std::size_t>(-1) : width;
  std::vector<std::string> lines;
  std::string line, word;
  std::size_t line_width = 0, word_width = 0;
  const auto end_line = [&] {
    trim_end(line);
    lines.push_back(std::exchange(line, {}));
    line_width = 0;
  };
  const auto end_word = [&] {
    if (line_width + word_width > limit && line_width > 0) end_line();
    line += std::exchange(word, {});
    line_width += std::exchange(word_width, 0);
  };
  while (!text.empty()) {
    const char32_t character = visible_character(next_character(text));
    if (character == U'\n') {
      end_word();
      end_line();
    } else if (character == U' ') {
      end_word();
      if (line_width < limit) {
        line += ' ';
        ++line_width;
      }
    } else if (character != 0) {
      const std::size_t size = width_of(character);
      if (word_width + size > limit) end_word();
      append_utf8(word, character);
      word_width += size;
    }
  }
  end_word();
  end_line();
  return lines;
}

std::string to_text(const Document& document, std::size_t given_width) {
  const std::size_t width = given_width == 0 ? 0 : std::max(given_width, kLeastWidth);
  std::string out;
  const auto open = [&](const std::string& title) {
    if (!out.empty()) out += '\n';
    if (!title.empty()) {
      for (const auto& line : wrap_text(title, width)) out += line + '\n';
    }
  };
  struct Visitor {
    const decltype(open)& begin;
    std::string& out;
    std::size_t width;
    void operator()(const Note& note) const { begin(note.text); }
    void operator()(const Fields& fields) const {
      const auto text = fields_to_text(fields.fields, width, fields.title.empty() ? 0 : 2);
      if (text.empty()) return;
      begin(fields.title);
      out += text;
    }
    void operator()(const Table& table) const {
      if (table.rows.empty() && table.when_empty.empty()) return;
      begin(table.title);
      out += table_to_text(table, width);
    }
  };
  for (const auto& part : document.parts) std::visit(Visitor{open, out, width}, part);
  return out;
}

}  // namespace placard::policy
