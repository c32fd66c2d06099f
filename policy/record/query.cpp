// The read-only door: a rehearsal on empty views, then the real run under an authoriser and three bounds.
#include "policy/record/query.hpp"

#include <fmt/format.h>
#include <sqlite3.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <chrono>
#include <memory>

#include "policy/record/linear_functions.hpp"
#include "policy/record/sqlite.hpp"

namespace placard::policy {
namespace {

using StatementHandle = std::unique_ptr<sqlite3_stmt, decltype([](sqlite3_stmt* s) { sqlite3_finalize(s); })>;

// One step may be a function over 1 MiB of text. None takes longer than that length, times a pattern of 100 octets.
constexpr int kStepsBetweenChecks = 20;
constexpr std::size_t kLongestSql = 64 * 1024;

// What an expression may call, between blanks. Left out: whatever touches files, extensions, the connection or its
// internals, and json_patch, which compares every key with every other within one step.
constexpr std::string_view kFunctions =
    " -> ->> abs acos acosh asin asinh atan atan2 atanh avg ceil ceiling char coalesce cos cosh count cume_dist "
    "date datetime degrees dense_rank exp first_value floor format glob group_concat hex ifnull iif instr json "
    "json_array json_array_length json_extract json_group_array json_group_object json_object "
    "json_quote json_type json_valid julianday lag last_value lead length like likelihood likely ln log log10 "
    "log2 lower ltrim max min mod nth_value ntile nullif percent_rank pi pow power printf quote radians random "
    "rank replace round row_number rtrim sign sin sinh sqrt strftime substr substring sum tan tanh time total "
    "trim trunc typeof unicode unixepoch unlikely upper zeroblob ";

// The tables of SQLite's own making that are fine: they read their argument and nothing else.
constexpr auto kOwnTables = std::to_array<std::string_view>({"json_each", "json_tree"});

bool contains(auto const& sorted, std::string_view word) {
  return std::ranges::binary_search(sorted, word);
}

std::string lower_text(std::string_view text) {
  std::string result(text);
  for (char& c : result) c = static_cast<char>(wire::lower(static_cast<std::uint8_t>(c)));
  return result;
}

/// What the authoriser refused, for the message: SQLite itself says no more than "not authorized".
struct Door {
  std::vector<std::string> closed_tables;  // sorted; of SQLite's own making
  std::string refused;
};

std::string describe(int action, std::string_view name) {
  switch (action) {
    case SQLITE_READ:
      return fmt::format("the table {}", name);
    case SQLITE_FUNCTION:
      return fmt::format("the function {}()", name);
    case SQLITE_PRAGMA:
      return fmt::format("PRAGMA {}", name);
    case SQLITE_ATTACH:
      return "ATTACH";
    case SQLITE_DETACH:
      return "DETACH";
    case SQLITE_TRANSACTION:
    case SQLITE_SAVEPOINT:
      return "a transaction";
    case SQLITE_INSERT:
      return "INSERT";
    case SQLITE_UPDATE:
      return "UPDATE";
    case SQLITE_DELETE:
      return "DELETE";
    default:
      return "changing anything";
  }
}

extern "C" int authorise(void* context, int action, const char* first, const char* second, const char*, const char*) {
  auto& door = *static_cast<Door*>(context);
  const auto text = [](const char* c) { return std::string_view(c == nullptr ? "" : c); };
  bool allowed = false;
  std::string name(text(first));
  switch (action) {
    case SQLITE_SELECT:
    case SQLITE_RECURSIVE:
      allowed = true;
      break;
    case SQLITE_FUNCTION:
      name = lower_text(text(second));
      allowed = name.find(' ') == std::string::npos && kFunctions.find(" " + name + " ") != std::string_view::npos;
      break;
    case SQLITE_READ: {
      // In the rehearsal, tables of the record do not exist; in the real run the text is known to name none.
      const auto lowered = lower_text(name);
      allowed =
          !lowered.starts_with("sqlite_") && !lowered.starts_with("pragma_") && !contains(door.closed_tables, lowered);
      break;
    }
    default:
      break;
  }
  if (allowed) return SQLITE_OK;
  if (door.refused.empty()) door.refused = describe(action, name);
  return SQLITE_DENY;
}

/// Every virtual table that is there without being created, but for the few that are fine.
std::vector<std::string> closed_tables(Connection& connection) {
  std::vector<std::string> names;
  for (Statement modules(connection, "SELECT name FROM pragma_module_list"); modules.step();) {
    auto name = lower_text(modules.text(0));
    if (!contains(kOwnTables, name)) names.push_back(std::move(name));
  }
  std::ranges::sort(names);
  return names;
}

/// Makes SQLite connect its own tables now: it does so by inner statements that the authoriser would refuse.
void connect_own_tables(Connection& connection) {
  for (const auto table : kOwnTables) Statement(connection, fmt::format("SELECT 1 FROM {}('[]')", table));
}

void set_limits(sqlite3* handle) {
  sqlite3_limit(handle, SQLITE_LIMIT_LENGTH, 1 << 20);
  sqlite3_limit(handle, SQLITE_LIMIT_SQL_LENGTH, static_cast<int>(kLongestSql));
  sqlite3_limit(handle, SQLITE_LIMIT_COLUMN, 200);
  sqlite3_limit(handle, SQLITE_LIMIT_EXPR_DEPTH, 200);
  sqlite3_limit(handle, SQLITE_LIMIT_COMPOUND_SELECT, 50);
  sqlite3_limit(handle, SQLITE_LIMIT_VDBE_OP, 250000);
  sqlite3_limit(handle, SQLITE_LIMIT_FUNCTION_ARG, 100);
  sqlite3_limit(handle, SQLITE_LIMIT_ATTACHED, 0);
  sqlite3_limit(handle, SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 100);
  sqlite3_limit(handle, SQLITE_LIMIT_VARIABLE_NUMBER, 0);
  sqlite3_limit(handle, SQLITE_LIMIT_TRIGGER_DEPTH, 0);
  sqlite3_limit(handle, SQLITE_LIMIT_WORKER_THREADS, 0);
}

struct PublicTable {
  std::string name;
  std::vector<std::string> columns;
};

std::vector<PublicTable> list_public_tables(Connection& connection) {
  std::vector<PublicTable> tables;
  Statement views(connection,
                  "SELECT name FROM sqlite_schema WHERE type = 'view' AND name GLOB 'public_*' ORDER BY name");
  while (views.step()) {
    PublicTable table{views.text(0), {}};
    Statement columns(connection, "SELECT name FROM pragma_table_info(?)");
    columns.with(table.name);
    while (columns.step()) table.columns.push_back(columns.text(0));
    tables.push_back(std::move(table));
  }
  return tables;
}

std::string error_text(sqlite3* handle, const Door& door, const std::vector<PublicTable>& tables) {
  if (!door.refused.empty()) {
    return fmt::format("{} is not possible here: a query reads the public_* tables and nothing else", door.refused);
  }
  std::string text = sqlite3_errmsg(handle);
  if (text.starts_with("no such table")) {
    text += "; there are:";
    for (const auto& table : tables) text += " " + table.name;
  }
  return text;
}

/// Compiles the one statement of `sql`; anything but blanks and comments behind it is a second one.
std::expected<StatementHandle, std::string> prepare_one(Connection& connection, std::string_view sql, Door& door,
                                                        const std::vector<PublicTable>& tables) {
  StatementHandle only;
  const char* rest = sql.data();
  const char* const end = sql.data() + sql.size();
  while (rest < end) {
    sqlite3_stmt* prepared = nullptr;
    const char* tail = nullptr;
    const int code = sqlite3_prepare_v2(connection.handle(), rest, static_cast<int>(end - rest), &prepared, &tail);
    StatementHandle statement(prepared);
    if (only && (prepared != nullptr || code != SQLITE_OK)) return std::unexpected("one statement at a time");
    if (code != SQLITE_OK) return std::unexpected(error_text(connection.handle(), door, tables));
    if (statement) only = std::move(statement);
    if (tail <= rest) break;
    rest = tail;
  }
  if (!only) return std::unexpected("there is no statement to run");
  if (sqlite3_stmt_isexplain(only.get()) != 0) return std::unexpected("EXPLAIN is not possible here");
  if (sqlite3_stmt_readonly(only.get()) == 0 || sqlite3_column_count(only.get()) == 0) {
    return std::unexpected("only SELECT is possible here");
  }
  return only;
}

/// Compiles the text where nothing but the public tables exists, all of them empty.
std::expected<void, std::string> rehearse(std::string_view sql, const std::vector<PublicTable>& tables) {
  Connection stage(":memory:", SQLITE_OPEN_READWRITE | SQLITE_OPEN_MEMORY);
  for (const auto& table : tables) {
    std::string columns, nulls;
    for (const auto& column : table.columns) {
      columns += fmt::format("{}\"{}\"", columns.empty() ? "" : ", ", column);
      nulls += nulls.empty() ? "NULL" : ", NULL";
    }
    stage.execute(fmt::format("CREATE VIEW {} ({}) AS SELECT {}", table.name, columns, nulls));
  }
  Door door{.closed_tables = closed_tables(stage), .refused = {}};
  connect_own_tables(stage);
  set_limits(stage.handle());
  sqlite3_set_authorizer(stage.handle(), authorise, &door);
  auto prepared = prepare_one(stage, sql, door, tables);
  if (!prepared) return std::unexpected(std::move(prepared.error()));
  return {};
}

/// Bounds of the work. The steady clock measures this call and dates nothing.
struct Budget {
  std::chrono::steady_clock::time_point deadline;
  sqlite3_int64 memory = 0;
  const char* spent = nullptr;
};

extern "C" int check_budget(void* context) {
  auto& budget = *static_cast<Budget*>(context);
  if (std::chrono::steady_clock::now() >= budget.deadline)
    budget.spent = "time";
  else if (sqlite3_memory_used() > budget.memory)
    budget.spent = "memory";
  return budget.spent != nullptr;
}

Value value_of(sqlite3_stmt* statement, int column) {
  const auto size = [&] { return static_cast<std::size_t>(sqlite3_column_bytes(statement, column)); };
  switch (sqlite3_column_type(statement, column)) {
    case SQLITE_INTEGER:
      return sqlite3_column_int64(statement, column);
    case SQLITE_FLOAT:
      return sqlite3_column_double(statement, column);
    case SQLITE_TEXT: {
      const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(statement, column));
      return std::string(text, size());
    }
    case SQLITE_BLOB: {
      const auto* octets = static_cast<const std::uint8_t*>(sqlite3_column_blob(statement, column));
      return octets == nullptr ? std::vector<std::uint8_t>() : std::vector<std::uint8_t>(octets, octets + size());
    }
    default:
      return std::monostate{};
  }
}

std::size_t size_of(const Value& value) {
  if (const auto* text = std::get_if<std::string>(&value)) return text->size() + sizeof(Value);
  if (const auto* octets = std::get_if<std::vector<std::uint8_t>>(&value)) return octets->size() + sizeof(Value);
  return sizeof(Value);
}

Row row_of(sqlite3_stmt* statement) {
  Row row;
  const int count = sqlite3_column_count(statement);
  row.reserve(static_cast<std::size_t>(count));
  for (int column = 0; column < count; ++column) row.push_back(value_of(statement, column));
  return row;
}

std::vector<std::string> columns_of(sqlite3_stmt* statement) {
  std::vector<std::string> columns;
  for (int column = 0; column < sqlite3_column_count(statement); ++column) {
    columns.emplace_back(sqlite3_column_name(statement, column));
  }
  return columns;
}

Connection reader(const std::filesystem::path& path) {
  Connection connection(path,
                        SQLITE_OPEN_READWRITE);  // for the bookkeeping of the write-ahead log; bound by the next line
  connection.execute("PRAGMA query_only = ON");
  return connection;
}

}  // namespace

std::expected<QueryResult, std::string> query_store(const std::filesystem::path& path, std::string_view sql,
                                                    const QueryLimits& limits) {
  if (sql.size() > kLongestSql) return std::unexpected("the statement is longer than 64 KiB");
  if (sql.find('\0') != std::string_view::npos) return std::unexpected("the statement has a NUL character in it");
  auto connection = reader(path);
  const auto tables = list_public_tables(connection);
  if (auto rehearsed = rehearse(sql, tables); !rehearsed) return std::unexpected(std::move(rehearsed.error()));

  Door door{.closed_tables = closed_tables(connection), .refused = {}};
  Budget budget{.deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(limits.milliseconds),
                .memory = sqlite3_memory_used() + static_cast<sqlite3_int64>(limits.memory)};
  connect_own_tables(connection);
  use_linear_functions(connection.handle());
  set_limits(connection.handle());
  sqlite3_progress_handler(connection.handle(), kStepsBetweenChecks, check_budget, &budget);
  sqlite3_set_authorizer(connection.handle(), authorise, &door);
  auto prepared = prepare_one(connection, sql, door, tables);
  if (!prepared) return std::unexpected(std::move(prepared.error()));
  sqlite3_stmt* statement = prepared->get();

  QueryResult result{.columns = columns_of(statement), .rows = {}};
  std::size_t bytes = 0;
  int code = SQLITE_ROW;
  while ((code = sqlite3_step(statement)) == SQLITE_ROW) {
    auto row = row_of(statement);
    for (const auto& value : row) bytes += size_of(value);
    if (result.rows.size() == limits.rows || bytes > limits.bytes) {
      result.truncated = true;
      return result;
    }
    result.rows.push_back(std::move(row));
  }
  if (code == SQLITE_DONE) return result;
  if (budget.spent == nullptr) return std::unexpected(error_text(connection.handle(), door, tables));
  if (std::string_view(budget.spent) == "time") {
    return std::unexpected(fmt::format("stopped after {} ms: ask for less", limits.milliseconds));
  }
  return std::unexpected(fmt::format("stopped: it needs more than {} MiB of memory", limits.memory >> 20));
}

std::vector<std::string> public_tables(const std::filesystem::path& path) {
  auto connection = reader(path);
  std::vector<std::string> names;
  for (auto& table : list_public_tables(connection)) names.push_back(std::move(table.name));
  return names;
}

void read_public_table(const std::filesystem::path& path, std::string_view table,
                       const std::function<void(const std::vector<std::string>&)>& columns,
                       const std::function<bool(const Row&)>& row) {
  auto connection = reader(path);
  const auto tables = list_public_tables(connection);
  const auto known = std::ranges::find(tables, table, &PublicTable::name);
  assert(known != tables.end());
  columns(known->columns);
  sqlite3_stmt* raw = nullptr;
  const bool ordered = std::ranges::find(known->columns, "sequence") != known->columns.end();
  const auto sql = fmt::format("SELECT * FROM {}{}", known->name, ordered ? " ORDER BY sequence" : "");
  int code = sqlite3_prepare_v2(connection.handle(), sql.c_str(), -1, &raw, nullptr);
  const StatementHandle statement(raw);
  if (code != SQLITE_OK) connection.fail(code);
  while ((code = sqlite3_step(raw)) == SQLITE_ROW) {
    if (!row(row_of(raw))) return;
  }
  if (code != SQLITE_DONE) connection.fail(code);
}

}  // namespace placard::policy
