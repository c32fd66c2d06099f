// SQLite as the store uses it: a connection, a statement, a transaction that rolls itself back.
//
// Internal to policy/record: nothing above may know which database holds the record. Every failure of SQLite becomes a
// StoreError that names the file and the reason. A statement is prepared for one use: writes are rare here.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "policy/record/store_error.hpp"
#include "zones/wire/name.hpp"

struct sqlite3;
struct sqlite3_stmt;

namespace placard::policy {

class Connection;

class Statement {
 public:
  /// Throws StoreError when `sql` does not compile.
  Statement(Connection& connection, std::string_view sql);

  Statement& bind(int index, std::int64_t value);
  Statement& bind(int index, std::string_view text);
  Statement& bind(int index, wire::Bytes blob);
  /// Without a copy: the text stays as it is until the statement has run.
  Statement& bind_borrowed(int index, std::string_view text);
  Statement& bind(int index, std::optional<std::int64_t> value);  ///< NULL when there is none
  /// Binds all in order, from 1.
  template <typename... Values>
  Statement& with(const Values&... values) {
    int index = 0;
    (bind(++index, values), ...);
    return *this;
  }

  bool step();  ///< true: a row is there
  void run();   ///< steps to the end, then can be bound again
  void reset();

  std::int64_t integer(int column) const;
  std::optional<std::int64_t> optional_integer(int column) const;
  std::string text(int column) const;
  std::string_view blob(int column) const;  ///< octets; valid until the next step
  bool is_null(int column) const;

 private:
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const;
  };
  Connection* connection_;
  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
};

class Connection {
 public:
  /// Opens (with SQLITE_OPEN_* flags) and sets what every connection has: busy timeout, foreign keys, recursive
  /// triggers, temporary data in memory, no trust in the schema's own SQL, defensive mode. One thread at a time uses
  /// it: SQLite does not lock it.
  Connection(const std::filesystem::path& path, int flags);

  /// Runs any number of statements that give no rows.
  void execute(const std::string& sql);
  std::int64_t integer(std::string_view sql);  ///< first column of the first row; 0 when there is no row
  sqlite3* handle() const { return handle_.get(); }
  const std::filesystem::path& path() const { return path_; }
  /// Throws the StoreError for SQLite's result code `code`.
  [[noreturn]] void fail(int code) const;

 private:
  struct Close {
    void operator()(sqlite3* handle) const;
  };
  std::filesystem::path path_;
  std::unique_ptr<sqlite3, Close> handle_;
};

/// BEGIN IMMEDIATE (or a read transaction: one stand of the file for all its reads, part of the one around it if there
/// is one); rolled back unless committed.
class Transaction {
 public:
  enum class Kind { write, read };
  explicit Transaction(Connection& connection, Kind kind = Kind::write);
  ~Transaction();
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  void commit();

 private:
  Connection& connection_;
  bool open_ = true;
};

}  // namespace placard::policy
