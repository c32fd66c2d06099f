#include "zones/durable_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <utility>

namespace placard::zones {
namespace {

int open_retrying(const std::filesystem::path& path, int flags) {
  int fd = -1;
  do fd = ::open(path.c_str(), flags | O_CLOEXEC, 0600);
  while (fd < 0 && errno == EINTR);
  return fd;
}

std::string problem_with(const std::filesystem::path& path, const char* what) {
  return path.string() + ": cannot be " + what + ": " + std::error_code(errno, std::generic_category()).message();
}

}  // namespace

DurableFile::DurableFile(DurableFile&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), path_(std::move(other.path_)) {}

DurableFile& DurableFile::operator=(DurableFile&& other) noexcept {
  std::swap(fd_, other.fd_);
  std::swap(path_, other.path_);
  return *this;
}

DurableFile::~DurableFile() {
  if (fd_ >= 0) ::close(fd_);
}

std::string DurableFile::problem(const char* what) const {
  return problem_with(path_, what);
}

std::expected<DurableFile, std::string> DurableFile::open(const std::filesystem::path& path) {
  DurableFile file;
  file.path_ = path;
  file.fd_ = open_retrying(path, O_RDWR | O_CREAT);
  if (file.fd_ < 0) return std::unexpected(file.problem("opened"));
  return file;
}

std::expected<std::uint64_t, std::string> DurableFile::size() const {
  struct stat status{};
  if (::fstat(fd_, &status) != 0) return std::unexpected(problem("read"));
  return static_cast<std::uint64_t>(status.st_size);
}

FileDone DurableFile::write_at(std::uint64_t offset, wire::Bytes bytes) const {
  while (!bytes.empty()) {
    const ssize_t done = ::pwrite(fd_, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (done < 0 && errno == EINTR) continue;
    if (done <= 0) return std::unexpected(problem("written"));
    offset += static_cast<std::uint64_t>(done);
    bytes = bytes.subspan(static_cast<std::size_t>(done));
  }
  return {};
}

std::expected<std::vector<std::uint8_t>, std::string> DurableFile::read_at(std::uint64_t offset,
                                                                           std::size_t size) const {
  std::vector<std::uint8_t> out(size);
  std::size_t at = 0;
  while (at < size) {
    const ssize_t got = ::pread(fd_, out.data() + at, size - at, static_cast<off_t>(offset + at));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return std::unexpected(problem("read"));
    if (got == 0) break;
    at += static_cast<std::size_t>(got);
  }
  out.resize(at);
  return out;
}

FileDone DurableFile::cut(std::uint64_t size) const {
  if (::ftruncate(fd_, static_cast<off_t>(size)) != 0) return std::unexpected(problem("cut"));
  return {};
}

FileDone DurableFile::flush() const {
  if (::fdatasync(fd_) != 0) return std::unexpected(problem("written"));
  return {};
}

FileDone replace_file(const std::filesystem::path& path, const std::function<FileDone(const DurableFile&)>& write) {
  auto beside = path;
  beside += ".new";
  const auto give_up = [&](std::string reason) -> FileDone {
    ::unlink(beside.c_str());
    return std::unexpected(std::move(reason));
  };
  DurableFile file;
  file.path_ = beside;
  file.fd_ = open_retrying(beside, O_RDWR | O_CREAT | O_TRUNC);
  if (file.fd_ < 0) return std::unexpected(file.problem("opened"));
  if (auto written = write(file); !written) return give_up(std::move(written.error()));
  if (auto flushed = file.flush(); !flushed) return give_up(std::move(flushed.error()));
  if (::rename(beside.c_str(), path.c_str()) != 0) return give_up(problem_with(path, "replaced"));
  const auto folder = path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
  const int fd = open_retrying(folder, O_RDONLY | O_DIRECTORY);
  if (fd >= 0) {
    ::fsync(fd);  // a rename that is lost leaves the old file: whole as well
    ::close(fd);
  }
  return {};
}

}  // namespace placard::zones
