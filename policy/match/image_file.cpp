#include "policy/match/image_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <cstring>
#include <new>
#include <system_error>
#include <utility>

namespace placard::policy {

namespace {

// The kernel copies a piece without a pause. Of a large page it would take milliseconds where a machine's memory is
// lent to it, and who shares the processor would wait.
constexpr std::size_t kBufferSize = std::size_t{1} << 16;
constexpr std::int64_t kWriteBack = std::int64_t{1} << 20;  // so much at a time goes to the disk, not all at the end
constexpr std::int64_t kWindow = std::int64_t{32} << 20;    // of the file, a multiple of a large page

/// Shared, and in large pages where the file system has them: a lookup is far from the one before.
void* map_shared(int file, std::size_t size, std::int64_t offset = 0) {
  void* data = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, file, offset);
  if (data != MAP_FAILED) (void)::madvise(data, size, MADV_HUGEPAGE);
  return data;
}

std::uint8_t* allocate(std::size_t size) {
  return static_cast<std::uint8_t*>(::operator new(size, std::align_val_t{kImageAlignment}));
}

}  // namespace

Image::Image(std::uint8_t* data, std::size_t size, bool mapped)
    : data_(data), size_(size), mapped_(mapped), view_(wire::Bytes(data, size)) {}

Image::~Image() {
  if (mapped_)
    ::munmap(data_, size_);
  else
    ::operator delete(data_, std::align_val_t{kImageAlignment});
}

std::shared_ptr<const Image> Image::copy(wire::Bytes octets) {
  auto* data = allocate(octets.size());
  std::memcpy(data, octets.data(), octets.size());
  assert(check_image({data, octets.size()}));
  return std::shared_ptr<const Image>(new Image(data, octets.size(), false));
}

std::expected<std::shared_ptr<const Image>, std::string> Image::map(const std::filesystem::path& path) {
  const auto refuse = [&](const std::string& reason) {
    return std::unexpected(fmt::format("{}: {}", path.string(), reason));
  };
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return refuse(std::strerror(errno));
  struct stat status{};
  if (::fstat(file, &status) != 0 || !S_ISREG(status.st_mode) ||
      status.st_size < static_cast<off_t>(sizeof(ImageHeader))) {
    ::close(file);
    return refuse("policy index: shorter than its header");
  }
  const auto size = static_cast<std::size_t>(status.st_size);
  void* data = map_shared(file, size);
  const int error = errno;
  ::close(file);
  if (data == MAP_FAILED) return refuse(std::strerror(error));
  if (const auto checked = check_image({static_cast<const std::uint8_t*>(data), size}); !checked) {
    ::munmap(data, size);
    return refuse(checked.error());
  }
  return std::shared_ptr<const Image>(new Image(static_cast<std::uint8_t*>(data), size, true));
}

void Image::fault_in() const {
  if (mapped_) (void)::madvise(data_, size_, MADV_POPULATE_READ);
}

void MemorySink::put_header(const ImageHeader& header) {
  assert(octets_.size() >= sizeof header);
  std::memcpy(octets_.data(), &header, sizeof header);
}

std::uint64_t MemorySink::put_aside(wire::Bytes octets) {
  const auto position = aside_.size();
  aside_.insert(aside_.end(), octets.begin(), octets.end());
  return position;
}

void MemorySink::take_back(std::uint64_t position, std::span<std::uint8_t> octets) {
  assert(position <= aside_.size() && octets.size() <= aside_.size() - position);
  std::copy_n(aside_.begin() + static_cast<std::ptrdiff_t>(position), octets.size(), octets.begin());
}

FileSink::FileSink(std::filesystem::path path, const std::string& partial)
    : path_(std::move(path)), partial_(path_.string() + partial) {
  file_ = ::open(partial_.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (file_ < 0) fail("can't be made");
  buffer_.reserve(kBufferSize);
}

FileSink::~FileSink() {
  if (aside_ >= 0) ::close(aside_);
  if (file_ < 0) return;
  ::close(file_);
  ::unlink(partial_.c_str());
}

void FileSink::fail(const char* what) const {
  throw std::system_error(errno, std::generic_category(), fmt::format("{}: {}", partial_.string(), what));
}

void FileSink::write_all(int file, wire::Bytes octets, std::int64_t offset) {
  while (!octets.empty()) {
    const auto done = ::pwrite(file, octets.data(), octets.size(), offset);
    if (done < 0 && errno == EINTR) continue;
    if (done <= 0) fail("can't be written");
    octets = octets.subspan(static_cast<std::size_t>(done));
    offset += done;
  }
}

void FileSink::flush() {
  write_all(file_, buffer_, written_);
  written_ += static_cast<std::int64_t>(buffer_.size());
  buffer_.clear();
  if (written_ - sent_ < kWriteBack) return;
  (void)::sync_file_range(file_, sent_, written_ - sent_, SYNC_FILE_RANGE_WRITE);
  sent_ = written_;
}

void FileSink::append(wire::Bytes octets) {
  while (!octets.empty()) {
    const auto piece = octets.first(std::min(octets.size(), kBufferSize - buffer_.size()));
    buffer_.insert(buffer_.end(), piece.begin(), piece.end());
    octets = octets.subspan(piece.size());
    if (buffer_.size() == kBufferSize) flush();
  }
}

void FileSink::put_header(const ImageHeader& header) {
  flush();
  write_all(file_, {reinterpret_cast<const std::uint8_t*>(&header), sizeof header}, 0);
}

std::uint64_t FileSink::put_aside(wire::Bytes octets) {
  if (aside_ < 0) {
    const auto path = partial_.string() + ".aside";
    aside_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (aside_ < 0 || ::unlink(path.c_str()) != 0) fail("what is put aside can't be made");
  }
  const auto position = put_aside_;
  write_all(aside_, octets, position);
  put_aside_ += static_cast<std::int64_t>(octets.size());
  return static_cast<std::uint64_t>(position);
}

void FileSink::take_back(std::uint64_t position, std::span<std::uint8_t> octets) {
  while (!octets.empty()) {
    const auto done = ::pread(aside_, octets.data(), octets.size(), static_cast<off_t>(position));
    if (done < 0 && errno == EINTR) continue;
    if (done <= 0) fail("what was put aside can't be read");
    position += static_cast<std::uint64_t>(done);
    octets = octets.subspan(static_cast<std::size_t>(done));
  }
}

void FileSink::sync() {
  flush();
  if (::fsync(file_) != 0) fail("can't be synced");
  if (!std::exchange(settled_, true)) settle();
}

/// The kernel keeps a file in pages as large as the pieces that were written. Here it forgets them, and reads large
/// ones.
void FileSink::settle() const {
  if (::posix_fadvise(file_, 0, 0, POSIX_FADV_DONTNEED) != 0) return;
  for (std::int64_t at = 0; at < written_; at += kWindow) {  // at a time, for memory that is mapped counts as ours
    const auto size = static_cast<std::size_t>(std::min(kWindow, written_ - at));
    void* data = map_shared(file_, size, at);
    if (data == MAP_FAILED) return;
    (void)::madvise(data, size, MADV_POPULATE_READ);
    ::munmap(data, size);
  }
}

void FileSink::commit() {
  sync();
  if (::rename(partial_.c_str(), path_.c_str()) != 0) fail("can't be renamed");
  ::close(file_);
  file_ = -1;
  const auto folder = path_.has_parent_path() ? path_.parent_path() : std::filesystem::path(".");
  if (const int directory = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); directory >= 0) {
    (void)::fsync(directory);  // the file itself is safe; at worst the old one is found again
    ::close(directory);
  }
}

}  // namespace placard::policy
