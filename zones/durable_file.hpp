// Files that survive a crash: written whole beside the old one and renamed over it, or appended to and flushed.
//
// Errors are phrases with the path. Blocking: not for a worker's thread.
#pragma once

#include <cstdint>
#include <expected>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "zones/wire/name.hpp"

namespace placard::zones {

using FileDone = std::expected<void, std::string>;

/// An open file. Closes itself.
class DurableFile {
 public:
  DurableFile() = default;
  DurableFile(DurableFile&& other) noexcept;
  DurableFile& operator=(DurableFile&& other) noexcept;
  ~DurableFile();

  /// For reading and writing; made with mode 0600 when it is not there.
  static std::expected<DurableFile, std::string> open(const std::filesystem::path& path);
  std::expected<std::uint64_t, std::string> size() const;
  FileDone write_at(std::uint64_t offset, wire::Bytes bytes) const;
  /// Fewer octets than wanted where the file ends.
  std::expected<std::vector<std::uint8_t>, std::string> read_at(std::uint64_t offset, std::size_t size) const;
  FileDone cut(std::uint64_t size) const;
  FileDone flush() const;  ///< to the disk

 private:
  friend FileDone replace_file(const std::filesystem::path&, const std::function<FileDone(const DurableFile&)>&);
  std::string problem(const char* what) const;
  int fd_ = -1;
  std::filesystem::path path_;
};

/// Whoever opens `path` finds the old file or the whole new one, at whatever moment the machine stops. `write` fills
/// it; where that fails, nothing has changed.
FileDone replace_file(const std::filesystem::path& path, const std::function<FileDone(const DurableFile&)>& write);

}  // namespace placard::zones
