// A zone's own files: its last whole image and the journal of what has changed since. What a secondary has
// transferred, and what dynamic update has made of a zone, live here and survive a restart or a crash at any moment.
//
//   NAME.zone     an image: header, then the records of one version, checksummed; replaced whole
//   NAME.journal  see journal.hpp
// The zone is the image with the journal's entries from its serial on. Every commit is on the disk when it returns.
// Blocking: runs on the thread of whoever works on the zone, one at a time.
#pragma once

#include <cstdint>
#include <expected>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "zones/journal.hpp"
#include "zones/zone.hpp"
#include "zones/zone_listing.hpp"

namespace placard::zones {

/// What an image says about itself.
struct ImageInfo {
  std::uint32_t serial = 0;
  std::optional<std::uint32_t> file_serial;  ///< of the master file that this grew from
  std::uint64_t generation = 0;              ///< of the journal that continues it
};
/// Of `info`, the serial is the zone's.
FileDone save_image(const std::filesystem::path& path, const Zone& zone, const ImageInfo& info);
struct LoadedImage {
  ImageInfo info;
  Zone zone;
};
FileDone save_image(const std::filesystem::path& path, const ZoneListing& listing, const ImageInfo& info);
/// The error is a phrase with the path; nothing: there is no such file.
std::expected<std::optional<LoadedImage>, std::string> load_image(const std::filesystem::path& path,
                                                                  wire::NameView origin);

/// "example.org", safe as the name of a file; "%root" for the root; a hash where it would be too long.
std::string file_name_of(wire::NameView origin);

class ZoneStore {
 public:
  struct Limits {
    std::uint64_t journal = 64U << 20U;  ///< octets
  };

  ZoneStore(std::filesystem::path folder, wire::NameView origin, Limits limits);

  struct Found {
    std::shared_ptr<const Zone> zone;          ///< null: nothing kept
    std::optional<std::uint32_t> file_serial;  ///< as in ImageInfo
    std::int64_t confirmed_at = 0;             ///< when the image was last said to be good: confirm()
    std::vector<std::string> notes;            ///< what was damaged and left out
  };
  /// What is there. Damaged files are left out with a note, and replaced by the next commit.
  Found load();
  /// The same for a zone that is kept as a listing.
  struct FoundListing {
    std::shared_ptr<const ZoneListing> listing;  ///< null: nothing kept
    std::vector<std::string> notes;
  };
  FoundListing load_listing();
  /// The journal alone, for a zone whose versions come from elsewhere (a master file): it is kept when it ends at
  /// `serial`, else begun anew.
  FileDone open_journal(std::uint32_t serial, std::vector<std::string>& notes);

  // Where the files could not be opened, a commit is an error. After an error the next one is a new beginning, for what
  // stands on the disk may be the version that was refused.
  /// `zone` came of the one kept before by `changes`.
  FileDone commit(const Zone& zone, const ChangeSet& changes);
  FileDone commit(const ZoneListing& listing, const ChangeSet& changes);
  /// `zone` is a new beginning. `changes`, where given, leads to it, for secondaries only.
  FileDone commit(const Zone& zone, std::optional<std::uint32_t> file_serial, const ChangeSet* changes);
  FileDone commit(const ZoneListing& listing, std::optional<std::uint32_t> file_serial, const ChangeSet* changes);
  /// `changes` only, for a zone that is kept elsewhere.
  FileDone note(const ChangeSet& changes);
  /// The primary has said that this is still its newest.
  void confirm(std::int64_t now);
  void close();       ///< nothing is written from now on: the zone is no longer ours
  FileDone remove();  ///< both files, and closes

  /// REQUIRES load() or open_journal().
  const Journal& journal() const { return *journal_; }
  bool is_open() const { return journal_.has_value(); }
  bool has_journal() const;                             ///< there is a file
  bool has_image() const { return kept_.has_value(); }  ///< one that was loaded or committed
  std::optional<std::uint32_t> file_serial() const { return kept_ ? kept_->file_serial : std::nullopt; }

 private:
  FileDone open(std::vector<std::string>& notes);
  FileDone add(const ChangeSet& changes);
  template <class Version>
  FileDone continue_with(const Version& version, const ChangeSet& changes);
  template <class Version>
  FileDone begin_with(const Version& version, std::optional<std::uint32_t> file_serial, const ChangeSet* changes);
  template <class Version>
  FileDone save(const Version& version, ImageInfo info);
  template <class Version, class Apply>
  void follow_journal(std::shared_ptr<const Version>& version, std::vector<std::string>& notes, const Apply& apply);
  bool is_kept(std::uint32_t serial) const;
  FileDone noted(FileDone done);
  FileDone begin_line() { return journal_->clear(kept_ ? kept_->generation : journal_->generation() + 1); }

  std::filesystem::path image_, journal_path_;
  wire::Name origin_;
  Limits limits_;
  std::optional<Journal> journal_;
  std::optional<ImageInfo> kept_;
  bool in_step_ = true;  // image and journal are what they were last said to be
  bool closed_ = false;
};

}  // namespace placard::zones
