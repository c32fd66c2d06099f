// What the store throws when its file, its disk or the clock fails it: never because of what someone wrote.
#pragma once

#include <stdexcept>
#include <string>

namespace placard::policy {

/// Thrown at the edge to SQLite and the file system. what() is one line for a person: which file, what, and what to do.
/// The transaction that met it was rolled back; the store can be used again when the cause is gone.
class StoreError : public std::runtime_error {
 public:
  enum class Kind {
    not_a_store,    ///< the file is something else, or damaged
    newer_version,  ///< written by a newer program
    locked,         ///< another process is the writer, or holds SQLite's lock for too long
    disk_full,      ///< no space, or a write failed
    clock,          ///< `now` lies before the last entry of the log
    exists,         ///< a backup would overwrite a file
    other,
  };
  StoreError(Kind kind, const std::string& message) : std::runtime_error(message), kind_(kind) {}
  Kind kind() const { return kind_; }

 private:
  Kind kind_;
};

}  // namespace placard::policy
