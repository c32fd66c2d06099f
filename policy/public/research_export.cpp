// `placard export` and `placard query`: tables of the record as they stand, for people's own tools.
#include <fmt/format.h>

#include <cassert>

#include "policy/public/research.hpp"
#include "policy/public/research_words.hpp"

namespace placard::policy {

namespace {

constexpr std::string_view kPublic = "public_";

Cell to_cell(const Value& value) {
  struct Visitor {
    Cell operator()(std::monostate) const { return {}; }
    Cell operator()(std::int64_t number) const { return number; }
    Cell operator()(double number) const { return number; }
    Cell operator()(const std::string& text) const { return text; }
    Cell operator()(const std::vector<std::uint8_t>& octets) const {
      return to_hex({reinterpret_cast<const char*>(octets.data()), octets.size()});
    }
  };
  return std::visit(Visitor{}, value);
}

std::vector<Cell> to_cells(const Row& row) {
  std::vector<Cell> cells;
  for (const auto& value : row) cells.push_back(to_cell(value));
  return cells;
}

// Columns with keys that differ: SQL lets two have one name, JSON does not.
std::vector<Column> to_columns(const std::vector<std::string>& names) {
  std::vector<Column> columns;
  for (const auto& name : names) {
    std::string key = name;
    const auto taken = [&] {
      for (const auto& column : columns) {
        if (column.key == key) return true;
      }
      return false;
    };
    for (int number = 2; taken(); ++number) key = fmt::format("{}_{}", name, number);
    columns.push_back({key, name});
  }
  return columns;
}

}  // namespace

Document show_result(const QueryResult& result) {
  Table table{"rows", "", to_columns(result.columns), {}, "No rows."};
  for (const auto& row : result.rows) table.rows.push_back(to_cells(row));
  Document document;
  document.parts.push_back(std::move(table));
  document.parts.push_back(Fields{
      "", "", {{"row_count", "", static_cast<std::int64_t>(result.rows.size())}, {"truncated", "", result.truncated}}});
  if (result.truncated)
    document.parts.push_back(Note{fmt::format("Only the first {} rows are shown.", result.rows.size())});
  return document;
}

std::vector<ExportFile> export_files(const Store& store) {
  std::vector<ExportFile> files;
  for (const auto& table : public_tables(store.path())) {
    assert(table.starts_with(kPublic));
    const auto name = table.substr(kPublic.size());
    files.push_back({name + ".jsonl", table, false});
    files.push_back({name + ".csv", table, true});
  }
  return files;
}

std::int64_t write_export(const Store& store, const ExportFile& file,
                          const std::function<bool(std::string_view)>& write) {
  std::vector<Column> columns;
  std::int64_t rows = 0;
  bool going = true;
  read_public_table(
      store.path(), file.table,
      [&](const std::vector<std::string>& names) {
        columns = to_columns(names);
        if (file.csv) going = write(to_csv({file.table, "", columns, {}, ""}));  // no rows yet: the header line
      },
      [&](const Row& row) {
        if (!going) return false;
        const auto cells = to_cells(row);
        going = write(file.csv ? csv_line(cells) : json_line(columns, cells));
        rows += going ? 1 : 0;
        return going;
      });
  return rows;
}

std::expected<Document, std::string> export_summary(const Store& store, const std::vector<ExportFile>& files,
                                                    const std::vector<std::int64_t>& rows, Time now) {
  assert(files.size() == rows.size());
  const auto counts = store.query(
      "SELECT (SELECT count(*) FROM public_log), (SELECT hash FROM public_log ORDER BY sequence DESC LIMIT 1),"
      " (SELECT count(*) FROM public_log WHERE kind = 'decision') - (SELECT count(*) FROM public_decision)");
  if (!counts) return std::unexpected(counts.error());
  const auto& row = counts->rows.at(0);
  Document document;
  document.parts.push_back(
      Fields{"",
             "",
             {{"exported_at", "Exported", to_text(now)},
              {"log_entries", "Log entries", to_cell(row.at(0))},
              {"log_head", "Hash of the last", to_cell(row.at(1))},
              {"withheld_decisions", "Decisions left out (sealed or delayed)", to_cell(row.at(2))}}});
  Table table{"files", "", {{"file", "File"}, {"rows", "Rows"}}, {}, ""};
  for (std::size_t i = 0; i < files.size(); ++i) table.rows.push_back({files[i].name, rows[i]});
  document.parts.push_back(std::move(table));
  return document;
}

}  // namespace placard::policy
