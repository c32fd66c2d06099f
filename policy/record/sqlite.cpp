// The thin layer over SQLite's C interface, and the translation of its result codes for people.
#include "policy/record/sqlite.hpp"

#include <fmt/format.h>
#include <sqlite3.h>

#include <cassert>

namespace placard::policy {

namespace {

constexpr int kBusyMilliseconds = 5000;

struct Failure {
  StoreError::Kind kind;
  std::string_view advice;
};

Failure failure_of(int code) {
  switch (code & 0xff) {
    case SQLITE_FULL:
      return {StoreError::Kind::disk_full, "disk full: nothing was recorded; free some space and try again"};
    case SQLITE_IOERR:
      return {StoreError::Kind::disk_full, "disk full or failing: nothing was recorded; check the disk and try again"};
    case SQLITE_NOTADB:
      return {StoreError::Kind::not_a_store, "this is no policy store"};
    case SQLITE_CORRUPT:
      return {StoreError::Kind::not_a_store, "the file is damaged; restore a backup"};
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return {StoreError::Kind::locked, "another process keeps it locked"};
    case SQLITE_READONLY:
      return {StoreError::Kind::other, "it can only be read: check the permissions of the file and its folder"};
    case SQLITE_CANTOPEN:
      return {StoreError::Kind::other, "it can't be opened: check that the folder exists and its permissions"};
    default:
      return {StoreError::Kind::other, "SQLite refuses"};
  }
}

}  // namespace

Connection::Connection(const std::filesystem::path& path, int flags) : path_(path) {
  sqlite3* opened = nullptr;
  const int code = sqlite3_open_v2(path.c_str(), &opened, flags | SQLITE_OPEN_EXRESCODE | SQLITE_OPEN_NOMUTEX, nullptr);
  handle_.reset(opened);
  if (code != SQLITE_OK) fail(code);
  sqlite3_busy_timeout(opened, kBusyMilliseconds);
  sqlite3_db_config(opened, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_db_config(opened, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  sqlite3_db_config(opened, SQLITE_DBCONFIG_ENABLE_FKEY, 1, nullptr);
  sqlite3_db_config(opened, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0, nullptr);
  execute("PRAGMA recursive_triggers = ON; PRAGMA temp_store = MEMORY");
}

void Connection::Close::operator()(sqlite3* handle) const {
  sqlite3_close_v2(handle);
}

void Connection::fail(int code) const {
  const auto [kind, advice] = failure_of(code);
  const char* detail = handle_ ? sqlite3_errmsg(handle_.get()) : sqlite3_errstr(code);
  throw StoreError(kind, fmt::format("{}: {} ({})", path_.string(), advice, detail));
}

void Connection::execute(const std::string& sql) {
  const int code = sqlite3_exec(handle_.get(), sql.c_str(), nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) fail(code);
}

std::int64_t Connection::integer(std::string_view sql) {
  Statement statement(*this, sql);
  return statement.step() ? statement.integer(0) : 0;
}

Statement::Statement(Connection& connection, std::string_view sql) : connection_(&connection) {
  sqlite3_stmt* prepared = nullptr;
  const int code =
      sqlite3_prepare_v2(connection.handle(), sql.data(), static_cast<int>(sql.size()), &prepared, nullptr);
  statement_.reset(prepared);
  if (code != SQLITE_OK) connection.fail(code);
}

void Statement::Finalize::operator()(sqlite3_stmt* statement) const {
  sqlite3_finalize(statement);
}

Statement& Statement::bind(int index, std::int64_t value) {
  const int code = sqlite3_bind_int64(statement_.get(), index, value);
  assert(code == SQLITE_OK);
  return *this;
}

Statement& Statement::bind(int index, std::string_view text) {
  // A view may have no address, which SQLite would take for NULL.
  const int code = sqlite3_bind_text64(statement_.get(), index, text.empty() ? "" : text.data(), text.size(),
                                       SQLITE_TRANSIENT, SQLITE_UTF8);
  if (code != SQLITE_OK) connection_->fail(code);
  return *this;
}

Statement& Statement::bind_borrowed(int index, std::string_view text) {
  const int code = sqlite3_bind_text64(statement_.get(), index, text.empty() ? "" : text.data(), text.size(),
                                       SQLITE_STATIC, SQLITE_UTF8);
  if (code != SQLITE_OK) connection_->fail(code);
  return *this;
}

Statement& Statement::bind(int index, wire::Bytes blob) {
  static constexpr std::uint8_t kNothing[1] = {0};
  const int code = sqlite3_bind_blob64(statement_.get(), index, blob.empty() ? kNothing : blob.data(), blob.size(),
                                       SQLITE_TRANSIENT);
  if (code != SQLITE_OK) connection_->fail(code);
  return *this;
}

Statement& Statement::bind(int index, std::optional<std::int64_t> value) {
  if (value) return bind(index, *value);
  sqlite3_bind_null(statement_.get(), index);
  return *this;
}

bool Statement::step() {
  const int code = sqlite3_step(statement_.get());
  if (code == SQLITE_ROW) return true;
  if (code != SQLITE_DONE) connection_->fail(code);
  return false;
}

void Statement::run() {
  while (step()) continue;
  sqlite3_reset(statement_.get());
}

void Statement::reset() {
  sqlite3_reset(statement_.get());
}

std::int64_t Statement::integer(int column) const {
  return sqlite3_column_int64(statement_.get(), column);
}

std::optional<std::int64_t> Statement::optional_integer(int column) const {
  if (is_null(column)) return std::nullopt;
  return integer(column);
}

bool Statement::is_null(int column) const {
  return sqlite3_column_type(statement_.get(), column) == SQLITE_NULL;
}

std::string Statement::text(int column) const {
  return std::string(blob(column));
}

std::string_view Statement::blob(int column) const {
  const void* octets = sqlite3_column_blob(statement_.get(), column);
  const auto size = static_cast<std::size_t>(sqlite3_column_bytes(statement_.get(), column));
  return octets == nullptr ? std::string_view() : std::string_view(static_cast<const char*>(octets), size);
}

Transaction::Transaction(Connection& connection, Kind kind) : connection_(connection) {
  if (kind == Kind::read && sqlite3_get_autocommit(connection.handle()) == 0) {
    open_ = false;
    return;
  }
  connection_.execute(kind == Kind::write ? "BEGIN IMMEDIATE" : "BEGIN");
}

Transaction::~Transaction() {
  // A failed statement may have rolled back already; then there is nothing left to do.
  if (open_) sqlite3_exec(connection_.handle(), "ROLLBACK", nullptr, nullptr, nullptr);
}

void Transaction::commit() {
  connection_.execute("COMMIT");
  open_ = false;
}

}  // namespace placard::policy
