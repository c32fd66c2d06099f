// Opening, locking, checking and copying the store. Writing is in store_write.cpp, reading in store_read.cpp.
#include "policy/record/store.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sqlite3.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "policy/record/rows.hpp"
#include "policy/record/schema.hpp"

namespace placard::policy {
namespace {

/// Takes PATH.lock for this process, or says who has it. The file stays: removing it would let two hold "the" lock.
int take_writer_lock(const std::filesystem::path& path) {
  const std::string name = path.string() + ".lock";
  const int file = ::open(name.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (file < 0) {
    throw StoreError(StoreError::Kind::other, fmt::format("{}: {}", name, std::strerror(errno)));
  }
  char holder[24] = {};
  if (::flock(file, LOCK_EX | LOCK_NB) != 0) {
    const auto size = ::pread(file, holder, sizeof holder - 1, 0);
    ::close(file);
    throw StoreError(StoreError::Kind::locked,
                     fmt::format("{}: another process{} writes to it; only one may at a time", path.string(),
                                 size > 0 ? fmt::format(" ({})", holder) : std::string()));
  }
  const std::string self = std::to_string(::getpid());
  // Only a help for the message above: that it could not be written takes nothing from the lock.
  if (::ftruncate(file, 0) != 0 || ::pwrite(file, self.data(), self.size(), 0) < 0) (void)::lseek(file, 0, SEEK_SET);
  return file;
}

void create_private_file(const std::filesystem::path& path) {
  const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (file < 0) {
    throw StoreError(StoreError::Kind::other,
                     fmt::format("{}: can't be made: {}", path.string(), std::strerror(errno)));
  }
  ::close(file);
}

}  // namespace

Store Store::open(const std::filesystem::path& path, Mode mode, Time now) {
  const bool writing = mode == Mode::read_write;
  const int lock = writing ? take_writer_lock(path) : -1;
  try {
    if (writing) create_private_file(path);
    if (std::filesystem::is_directory(path)) {
      throw StoreError(StoreError::Kind::not_a_store, path.string() + ": is a folder, not a policy store");
    }
    // A reader opens for writing too: it takes part in the write-ahead log's bookkeeping, and query_only binds it.
    auto connection = std::make_unique<Connection>(path, SQLITE_OPEN_READWRITE);
    const auto migrations = known_migrations();
    const auto version = schema_version(*connection);
    if (writing) {
      // Before the first write: a foreign file stays as it is.
      if (version <= migrations.back().version) connection->integer("PRAGMA journal_mode = WAL");
      connection->execute("PRAGMA synchronous = FULL");
      migrate(*connection, migrations, now);
    } else {
      if (version == 0) {
        throw StoreError(StoreError::Kind::not_a_store,
                         path.string() + ": the store is empty: nothing was recorded yet");
      }
      if (version < migrations.back().version) {
        throw StoreError(StoreError::Kind::other, fmt::format("{}: an older version of the store ({}); open it for "
                                                              "writing once, which migrates it",
                                                              path.string(), version));
      }
      migrate(*connection, migrations, now);  // refuses a newer one; there is nothing else to do
      connection->execute("PRAGMA query_only = ON");
    }
    return Store(path, std::move(connection), lock);
  } catch (...) {
    if (lock >= 0) ::close(lock);
    throw;
  }
}

Store::Store(std::filesystem::path path, std::unique_ptr<Connection> connection, int lock)
    : path_(std::move(path)), connection_(std::move(connection)), lock_(lock) {}

Store::Store(Store&& other) noexcept
    : path_(std::move(other.path_)), connection_(std::move(other.connection_)), lock_(std::exchange(other.lock_, -1)) {}

Store& Store::operator=(Store&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(connection_, other.connection_);
  std::swap(lock_, other.lock_);
  return *this;
}

Store::~Store() {
  connection_.reset();  // the lock goes last: the next writer finds everything checkpointed
  if (lock_ >= 0) ::close(lock_);
}

std::int64_t Store::last_log_sequence() {
  return connection_->integer("SELECT coalesce(max(sequence), 0) FROM log");
}

Time Store::last_recorded_at() {
  return connection_->integer("SELECT recorded_at FROM log ORDER BY sequence DESC LIMIT 1");
}

Time Store::check_clock(Time now) {
  const auto last = last_recorded_at();
  if (now < last - kClockTolerance) {
    throw StoreError(StoreError::Kind::clock,
                     fmt::format("the clock says {}, but the last entry of the log is from {}: nothing was recorded; "
                                 "set the clock right and try again",
                                 to_text(now), to_text(last)));
  }
  return std::max(now, last);
}

void Store::backup(const std::filesystem::path& target) const {
  Connection source(path_, SQLITE_OPEN_READWRITE);
  source.execute("PRAGMA query_only = ON");
  copy_store(source, target);
}

void Store::limit_pages(std::int64_t pages) {
  connection_->integer(fmt::format("PRAGMA max_page_count = {}", pages));
}

namespace {

/// What the tables hold for a log row, in the form its content has; nothing when they hold no such thing.
std::optional<std::string> content_in_tables(Connection& connection, const LogRow& row) {
  if (row.kind == "authority") {
    const auto authority = read_authority(connection, row.subject);
    if (authority) return canonical(*authority);
  } else if (row.kind == "decision") {
    const auto decision = read_decision(connection, row.subject);
    if (decision && decision->number == row.sequence && decision->recorded_at == row.recorded_at) {
      return canonical(decision->authored, Form::resolved);
    }
  } else if (row.kind == "event") {
    const auto event = read_event(connection, row.subject);
    if (event && event->sequence == row.sequence) return canonical(event->event);
  } else if (row.kind == "transition") {
    const auto transition = read_transition(connection, row.sequence);
    if (transition && transition->decision_id == row.subject && transition->recorded_at == row.recorded_at &&
        transition->author == row.author) {
      return canonical(*transition);
    }
  } else if (row.kind == "disclosure") {
    Statement rows(connection, "SELECT reason FROM disclosure WHERE decision_id = ? AND sequence = ?");
    if (rows.with(row.subject, row.sequence).step()) return canonical_reason(rows.text(0));
  } else if (row.kind == "views") {
    return canonical(read_views(connection, row.sequence));
  }
  return std::nullopt;
}

/// The first transition of a decision has no entry of its own.
bool first_transition_holds(Connection& connection, const LogRow& row) {
  const auto decision = read_decision(connection, row.subject);
  const auto first = read_transition(connection, row.sequence);
  return decision && first && first->decision_id == row.subject && first->author == row.author &&
         first->recorded_at == row.recorded_at && first->state == decision->decision().initial_state &&
         first->valid_from == decision->decision().effective_from;
}

/// Rows that no entry of the log speaks of.
std::int64_t rows_without_entry(Connection& connection) {
  return connection.integer(
      "SELECT (SELECT count(*) FROM authority WHERE (sequence, authority_id, 'authority') NOT IN"
      "         (SELECT sequence, subject, kind FROM log))"
      "     + (SELECT count(*) FROM decision WHERE (sequence, decision_id, 'decision') NOT IN"
      "         (SELECT sequence, subject, kind FROM log))"
      "     + (SELECT count(*) FROM event WHERE (sequence, event_id, 'event') NOT IN"
      "         (SELECT sequence, subject, kind FROM log))"
      "     + (SELECT count(*) FROM disclosure WHERE (sequence, decision_id, 'disclosure') NOT IN"
      "         (SELECT sequence, subject, kind FROM log))"
      "     + (SELECT count(*) FROM transition WHERE (sequence, decision_id) NOT IN"
      "         (SELECT sequence, subject FROM log WHERE kind IN ('decision', 'transition')))"
      "     + (SELECT count(*) FROM view WHERE sequence NOT IN (SELECT sequence FROM log WHERE kind = 'views'))");
}

}  // namespace

LogCheck Store::verify_log() const {
  Connection connection(path_, SQLITE_OPEN_READWRITE);
  connection.execute("PRAGMA query_only = ON");
  Transaction stand(connection, Transaction::Kind::read);
  LogCheck check;
  const auto report = [&check](std::string problem) {
    if (check.problems.size() < kMaxProblems) check.problems.push_back(std::move(problem));
  };
  std::string previous;
  Statement rows(connection,
                 "SELECT sequence, recorded_at, kind, subject, author, author_salt, entry, withheld, hash"
                 " FROM log ORDER BY sequence");
  while (rows.step()) {
    const auto row = log_row_of(rows);
    if (row.sequence != ++check.entries) {
      report(fmt::format("entry {} follows entry {}: something is missing", row.sequence, check.entries - 1));
      check.entries = row.sequence;
    }
    if (const auto problem = check_log_row(row, previous)) {
      report(fmt::format("entry {}: {}", row.sequence, *problem));
    } else if (content_in_tables(connection, row) != content_of(row) ||
               (row.kind == "decision" && !first_transition_holds(connection, row))) {
      report(fmt::format("entry {}: the tables say something else about {} '{}' than the log", row.sequence, row.kind,
                         row.subject));
    }
    previous = as_text(row.hash);
  }
  if (const auto count = rows_without_entry(connection); count > 0) {
    report(fmt::format("{} rows stand in the tables that no entry of the log speaks of", count));
  }
  check.head = to_hex(previous);
  return check;
}

}  // namespace placard::policy
