// Where an image lies: in memory of our own, or in a file that is mapped.
//
// A file is written beside the one it replaces, synced and renamed, so that a reader finds the old one or the new one,
// never a part; who has the old one mapped keeps it until they let go. Nobody may cut such a file short in its place:
// reading behind the new end of a mapped file ends the program.
#pragma once

#include <cstdint>
#include <expected>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "policy/match/image.hpp"

namespace placard::policy {

/// An image that may be read for as long as this lives.
class Image {
 public:
  /// Maps the file read-only and checks header and section table; the error says why it can't be used.
  static std::expected<std::shared_ptr<const Image>, std::string> map(const std::filesystem::path& path);
  /// A copy in memory. REQUIRES check_image(octets), but for its alignment.
  static std::shared_ptr<const Image> copy(wire::Bytes octets);
  ~Image();
  Image(const Image&) = delete;
  Image& operator=(const Image&) = delete;

  /// Has the kernel enter all of it into the process's page tables, so that whoever looks something up first does not
  /// wait for that. Takes a while; where the kernel can't (before Linux 5.14), nothing changes.
  void fault_in() const;

  const ImageView& view() const { return view_; }
  bool is_mapped() const { return mapped_; }

 private:
  Image(std::uint8_t* data, std::size_t size, bool mapped);
  std::uint8_t* data_;
  std::size_t size_;
  bool mapped_;
  ImageView view_;
};

/// What a builder writes to, from front to back; the header, for which it leaves room, comes last.
class ImageSink {
 public:
  virtual ~ImageSink() = default;
  virtual void append(wire::Bytes octets) = 0;
  virtual void put_header(const ImageHeader& header) = 0;
  /// What is no part of the image and is needed later: where it lies, for take_back().
  virtual std::uint64_t put_aside(wire::Bytes octets) = 0;
  virtual void take_back(std::uint64_t position, std::span<std::uint8_t> octets) = 0;
};

class MemorySink final : public ImageSink {
 public:
  void append(wire::Bytes octets) override { octets_.insert(octets_.end(), octets.begin(), octets.end()); }
  void put_header(const ImageHeader& header) override;
  std::uint64_t put_aside(wire::Bytes octets) override;
  void take_back(std::uint64_t position, std::span<std::uint8_t> octets) override;
  wire::Bytes octets() const { return octets_; }

 private:
  std::vector<std::uint8_t> octets_, aside_;
};

/// Writes PATH + `partial`; commit() makes it PATH. What is not committed is removed, as is what is put aside, in a
/// file beside it that has no name. Throws std::system_error.
class FileSink final : public ImageSink {
 public:
  explicit FileSink(std::filesystem::path path, const std::string& partial = ".partial");
  ~FileSink() override;
  void append(wire::Bytes octets) override;
  void put_header(const ImageHeader& header) override;
  std::uint64_t put_aside(wire::Bytes octets) override;
  void take_back(std::uint64_t position, std::span<std::uint8_t> octets) override;
  /// Syncs what is there so far, so that commit() has little left to do. Behind it only the header may change.
  void sync();
  /// Syncs the file, renames it, syncs the folder.
  void commit();

 private:
  [[noreturn]] void fail(const char* what) const;
  void write_all(int file, wire::Bytes octets, std::int64_t offset);
  void flush();
  void settle() const;

  std::filesystem::path path_, partial_;
  int file_ = -1, aside_ = -1;
  std::int64_t written_ = 0, put_aside_ = 0;
  std::int64_t sent_ = 0;  // of what was written, what the disk was given
  bool settled_ = false;
  std::vector<std::uint8_t> buffer_;
};

}  // namespace placard::policy
