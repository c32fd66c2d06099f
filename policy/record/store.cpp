// Opening, locking and copying the store. Writing is in store_write.cpp, reading in store_read.cpp, its clock in
// store_clock.cpp, the check of the whole in store_verify.cpp.
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

constexpr int kCheckpointPages = 16'384;  // 64 MiB of write-ahead log

}  // namespace

Store Store::open(const std::filesystem::path& path, Mode mode, Time now, const ClockBounds& bounds) {
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
      // Most is copied back by ListRecording, which does so while nobody waits for it.
      connection->execute(fmt::format("PRAGMA wal_autocheckpoint = {}", kCheckpointPages));
      connection->execute("PRAGMA journal_size_limit = 67108864");
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
    Store opened(path, std::move(connection), lock);
    opened.set_clock_bounds(bounds);
    return opened;
  } catch (...) {
    if (lock >= 0) ::close(lock);
    throw;
  }
}

Store::Store(std::filesystem::path path, std::unique_ptr<Connection> connection, int lock)
    : path_(std::move(path)), connection_(std::move(connection)), lock_(lock) {}

Store::Store(Store&& other) noexcept
    : path_(std::move(other.path_)),
      connection_(std::move(other.connection_)),
      lock_(std::exchange(other.lock_, -1)),
      bounds_(other.bounds_) {}

Store& Store::operator=(Store&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(connection_, other.connection_);
  std::swap(lock_, other.lock_);
  std::swap(bounds_, other.bounds_);
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

void Store::backup(const std::filesystem::path& target) const {
  Connection source(path_, SQLITE_OPEN_READWRITE);
  source.execute("PRAGMA query_only = ON");
  copy_store(source, target);
}

void Store::limit_pages(std::int64_t pages) {
  connection_->integer(fmt::format("PRAGMA max_page_count = {}", pages));
}

}  // namespace placard::policy
