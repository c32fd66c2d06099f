// The journal of a zone: its changes on disk, one behind the other, for secondaries (IXFR) and for a restart.
//
// A file begins with its zone's name and a generation, which tells what it continues; each entry is (magic, size,
// checksum, body), the body (from, to, size of what went, size of what came, both as RecordLists). An entry counts from
// the moment append() returns: it is on the disk. What a crash left behind the last whole entry is cut off when the
// journal is opened. Each entry begins at the serial where the one before it ends. Only where entries stand is kept in
// memory, and the file's size is bounded by who calls drop_old().
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "zones/change_set.hpp"
#include "zones/durable_file.hpp"

namespace placard::zones {

class Journal {
 public:
  struct Entry {
    std::uint32_t from = 0, to = 0;  ///< serials
    std::uint64_t offset = 0;        ///< of its body
    std::uint32_t size = 0;          ///< octets of its body
  };

  /// A journal of another zone, or a file that is none, is begun anew; `note` says so, and what was cut off.
  static std::expected<Journal, std::string> open(const std::filesystem::path& path, wire::NameView origin,
                                                  std::string* note = nullptr);

  std::span<const Entry> entries() const { return entries_; }
  std::uint64_t octets() const { return end_; }  ///< of the file

  /// On the disk when it returns. REQUIRES: the journal is empty or ends at `changes.from`. After an error the journal
  /// is as before.
  FileDone append(const ChangeSet& changes);
  /// The changes that lead from a serial to the end of the journal. Nothing when it does not have them; an empty chain
  /// when it ends there. An error when the file cannot be read or has been damaged.
  std::expected<std::optional<std::vector<SharedChangeSet>>, std::string> chain_from(std::uint32_t serial) const;
  /// Octets of the bodies of that chain; nothing: it does not have them.
  std::optional<std::uint64_t> chain_octets(std::uint32_t serial) const;
  bool ends_at(std::uint32_t serial) const { return !entries_.empty() && entries_.back().to == serial; }

  /// One line of versions; a new line begins with another number, and with no entries.
  std::uint64_t generation() const { return generation_; }

  /// Lets go of the oldest entries until the file is at most `octets` large, but of none from serial `keep` on.
  FileDone drop_old(std::uint64_t octets, std::optional<std::uint32_t> keep = {});
  FileDone clear(std::uint64_t generation);

 private:
  Journal() = default;
  std::optional<std::size_t> find(std::uint32_t from) const;
  FileDone begin_file();
  std::expected<ChangeSet, std::string> read(const Entry& entry) const;

  std::filesystem::path path_;
  wire::Name origin_;
  DurableFile file_;
  std::vector<Entry> entries_;
  std::uint64_t end_ = 0;
  std::uint64_t generation_ = 0;
};

/// Body of an entry, from the disk: checked. The error is a phrase.
std::expected<ChangeSet, std::string_view> parse_change_set(wire::Bytes body);
std::vector<std::uint8_t> to_octets(const ChangeSet& changes);

}  // namespace placard::zones
