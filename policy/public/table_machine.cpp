// Documents and tables for programs: JSON, JSON lines (RFC 8259) and CSV (RFC 4180).
#include <fmt/format.h>

#include <cassert>
#include <cmath>

#include "policy/public/table.hpp"
#include "policy/public/unicode.hpp"

namespace placard::policy {

namespace {

std::string json_cell(const Cell& cell) {
  struct Visitor {
    std::string operator()(std::monostate) const { return "null"; }
    std::string operator()(bool value) const { return value ? "true" : "false"; }
    std::string operator()(std::int64_t value) const { return fmt::to_string(value); }
    std::string operator()(double value) const { return std::isfinite(value) ? fmt::to_string(value) : "null"; }
    std::string operator()(const std::string& value) const { return json_string(value); }
  };
  return std::visit(Visitor{}, cell);
}

std::string json_row(const std::vector<Column>& columns, const std::vector<Cell>& row) {
  assert(row.size() == columns.size());
  std::string out = "{";
  for (std::size_t c = 0; c < columns.size(); ++c) {
    if (c > 0) out += ',';
    out += json_string(columns[c].key) + ':' + json_cell(row[c]);
  }
  return out + '}';
}

std::string json_fields(const std::vector<Field>& fields) {
  std::string out;
  for (const auto& field : fields) {
    if (field.key.empty()) continue;
    if (!out.empty()) out += ',';
    out += json_string(field.key) + ':' + json_cell(field.value);
  }
  return out;
}

std::string csv_text(std::string_view text) {
  if (text.find_first_of(",\"\r\n") == std::string_view::npos) return std::string(text);
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"') out += '"';
    out += c;
  }
  return out + '"';
}

std::string csv_cell(const Cell& cell) {
  if (std::holds_alternative<std::monostate>(cell)) return {};
  if (const auto* text = std::get_if<std::string>(&cell)) return csv_text(*text);
  return json_cell(cell);
}

}  // namespace

std::string json_string(std::string_view text) {
  std::string out = "\"";
  while (!text.empty()) {
    const char32_t character = next_character(text);
    if (character == U'"' || character == U'\\') {
      out += '\\';
      out += static_cast<char>(character);
    } else if (character == U'\n') {
      out += "\\n";
    } else if (character < 0x20 || (character >= 0x7F && character < 0xA0)) {
      out += fmt::format("\\u{:04x}", static_cast<unsigned>(character));
    } else {
      append_utf8(out, character);
    }
  }
  return out + '"';
}

std::string to_json(const Document& document) {
  std::string out = "{";
  const auto add = [&](const std::string& text) {
    if (text.empty()) return;
    if (out.size() > 1) out += ',';
    out += text;
  };
  struct Visitor {
    std::string operator()(const Note&) const { return {}; }
    std::string operator()(const Fields& fields) const {
      const auto inner = json_fields(fields.fields);
      return fields.key.empty() ? inner : json_string(fields.key) + ":{" + inner + '}';
    }
    std::string operator()(const Table& table) const {
      std::string rows;
      for (const auto& row : table.rows) rows += (rows.empty() ? "" : ",") + json_row(table.columns, row);
      return json_string(table.key) + ":[" + rows + ']';
    }
  };
  for (const auto& part : document.parts) add(std::visit(Visitor{}, part));
  return out + "}\n";
}

std::string json_line(const std::vector<Column>& columns, const std::vector<Cell>& row) {
  return json_row(columns, row) + '\n';
}

std::string to_json_lines(const Table& table) {
  std::string out;
  for (const auto& row : table.rows) out += json_line(table.columns, row);
  return out;
}

std::string csv_line(const std::vector<Cell>& row) {
  std::string out;
  for (std::size_t c = 0; c < row.size(); ++c) out += (c > 0 ? "," : "") + csv_cell(row[c]);
  return out + "\r\n";
}

std::string to_csv(const Table& table) {
  std::vector<Cell> header;
  for (const auto& column : table.columns) header.emplace_back(column.key);
  std::string out = csv_line(header);
  for (const auto& row : table.rows) {
    assert(row.size() == table.columns.size());
    out += csv_line(row);
  }
  return out;
}

}  // namespace placard::policy
