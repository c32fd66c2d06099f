// Documents of the command line: what a command found, once as a value, to be printed for people or as JSON.
//
// A Document is a row of parts: notes, named fields, tables. The text form is aligned by what a terminal shows (wide
// and combining characters counted), wrapped to a width; the JSON form is one object, keyed by the parts' keys, fit for
// a program. Cells are untrusted: no control character, broken UTF-8 or direction override reaches a terminal.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace placard::policy {

/// One value; monostate is "nothing" (null in JSON, "-" for people).
using Cell = std::variant<std::monostate, bool, std::int64_t, double, std::string>;
/// Of a count, which is never so large that it would turn negative.
inline std::int64_t as_cell(std::uint64_t count) {
  return static_cast<std::int64_t>(count);
}

struct Column {
  std::string key;    ///< in JSON and CSV
  std::string label;  ///< for people; empty: they are not shown it
};

struct Table {
  std::string key;    ///< in the document's object: an array of objects; not empty
  std::string title;  ///< for people; may be empty
  std::vector<Column> columns;
  std::vector<std::vector<Cell>> rows;  ///< each as long as columns
  std::string when_empty;               ///< what people read when there is no row
};

struct Field {
  std::string key, label;  ///< an empty label: in JSON only; an empty key: for people only
  Cell value;
};

struct Fields {
  std::string key;    ///< an object in the document's; empty: the fields stand in the document's object itself
  std::string title;  ///< for people; may be empty
  std::vector<Field> fields;
};

/// A paragraph for people; JSON leaves it out.
struct Note {
  std::string text;
};

struct Document {
  std::vector<std::variant<Note, Fields, Table>> parts;
};

/// For people, in lines of at most `width` columns (0: as long as they come; below 40 counts as 40). A table that does
/// not fit even when its columns are wrapped is shown one row below the other, a field a line. Ends with a newline.
std::string to_text(const Document& document, std::size_t width);
/// One object, one line, ended by a newline.
std::string to_json(const Document& document);

/// RFC 4180, a header line first, lines ended by CRLF; cells with a comma, quote or line break are quoted.
std::string to_csv(const Table& table);
/// One object a row and line.
std::string to_json_lines(const Table& table);
/// One line of the two, for tables that are too long to be held. REQUIRES: as many cells as columns.
std::string csv_line(const std::vector<Cell>& row);
std::string json_line(const std::vector<Column>& columns, const std::vector<Cell>& row);

/// `text` in quotes, escaped; broken UTF-8 becomes U+FFFD.
std::string json_string(std::string_view text);
/// Terminal columns of UTF-8 text without control characters.
std::size_t display_width(std::string_view text);
/// Lines of at most `width` columns (0: no limit), broken at spaces and at line breaks, words longer than that inside.
/// What a terminal would obey is made visible or dropped.
std::vector<std::string> wrap_text(std::string_view text, std::size_t width);

}  // namespace placard::policy
