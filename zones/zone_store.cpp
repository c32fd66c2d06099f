#include "zones/zone_store.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include <cassert>
#include <cstring>
#include <system_error>

namespace placard::zones {
namespace {

namespace fs = std::filesystem;
using wire::Bytes;
using wire::load32;
using wire::load64;
using wire::store32;
using wire::store64;

constexpr char kMagic[16] = {'p', 'l', 'a', 'c', 'a', 'r', 'd', ' ', 'z', 'o', 'n', 'e', ' ', 'v', '1', '\n'};
// magic, serial, file serial, flags, zero, generation (8), content size (8), its checksum (8), checksum of all this (8)
constexpr std::size_t kHead = sizeof kMagic + 16 + 32;
constexpr std::uint32_t kHasFileSerial = 1;
constexpr std::size_t kPiece = 1U << 20U;
constexpr std::uint64_t kMaxImage = std::uint64_t{16} << 30U;

std::vector<std::uint8_t> head_of(const ImageInfo& info, std::uint64_t size, std::uint64_t checksum) {
  std::vector<std::uint8_t> head(kHead);
  std::memcpy(head.data(), kMagic, sizeof kMagic);
  std::uint8_t* at = head.data() + sizeof kMagic;
  store32(at, info.serial);
  store32(at + 4, info.file_serial.value_or(0));
  store32(at + 8, info.file_serial ? kHasFileSerial : 0);
  store64(at + 16, info.generation);
  store64(at + 24, size);
  store64(at + 32, checksum);
  store64(at + 40, XXH3_64bits(head.data(), kHead - 8));
  return head;
}

struct StateDeleter {
  void operator()(XXH3_state_t* state) const { XXH3_freeState(state); }
};

/// Gathers records and writes them in pieces.
class ImageWriter {
 public:
  explicit ImageWriter(const DurableFile& file) : file_(file), state_(XXH3_createState()) {
    assert(state_);
    XXH3_64bits_reset(state_.get());
  }
  FileDone add(const RecordRef& record) {
    piece_.add(record);
    return piece_.octets().size() < kPiece ? FileDone() : write();
  }
  FileDone write() {
    const Bytes octets = piece_.octets();
    XXH3_64bits_update(state_.get(), octets.data(), octets.size());
    auto written = file_.write_at(kHead + size_, octets);
    size_ += octets.size();
    piece_.clear();
    return written;
  }
  FileDone finish(const ImageInfo& info) {
    if (auto written = write(); !written) return written;
    return file_.write_at(0, head_of(info, size_, XXH3_64bits_digest(state_.get())));
  }

 private:
  const DurableFile& file_;
  std::unique_ptr<XXH3_state_t, StateDeleter> state_;
  RecordList piece_;
  std::uint64_t size_ = 0;
};

}  // namespace

namespace {

template <class Version, class Each>
FileDone write_image(const fs::path& path, const Version& version, ImageInfo info, const Each& each) {
  return replace_file(path, [&](const DurableFile& file) -> FileDone {
    ImageWriter writer(file);
    FileDone added;
    each([&](const RecordRef& record) {
      if (added) added = writer.add(record);
      return added.has_value();
    });
    if (!added) return added;
    info.serial = version.serial();
    return writer.finish(info);
  });
}

/// An image as it was read, its checksums and records checked.
struct ReadImage {
  ImageInfo info;
  std::vector<std::uint8_t> octets;
  RecordList::Iterator begin() const { return RecordList::Iterator(octets.data() + kHead); }
  RecordList::Iterator end() const { return RecordList::Iterator(octets.data() + octets.size()); }
};

std::string damage_of(const fs::path& path, std::string_view how) {
  return path.string() + ": damaged: " + std::string(how);
}

std::expected<std::optional<ReadImage>, std::string> read_image(const fs::path& path) {
  std::error_code error;
  if (!fs::exists(path, error)) return std::nullopt;
  const auto damaged = [&](std::string_view how) { return std::unexpected(damage_of(path, how)); };
  const auto file = DurableFile::open(path);
  if (!file) return std::unexpected(file.error());
  const auto size = file->size();
  if (!size) return std::unexpected(size.error());
  if (*size < kHead || *size > kMaxImage) return damaged("no zone image");
  auto octets = file->read_at(0, *size);
  if (!octets) return std::unexpected(octets.error());
  const std::uint8_t* at = octets->data() + sizeof kMagic;
  if (octets->size() != *size || std::memcmp(octets->data(), kMagic, sizeof kMagic) != 0 ||
      load64(at + 40) != XXH3_64bits(octets->data(), kHead - 8))
    return damaged("no zone image");
  const Bytes content = Bytes(*octets).subspan(kHead);
  if (content.size() != load64(at + 24) || XXH3_64bits(content.data(), content.size()) != load64(at + 32))
    return damaged("wrong checksum");
  if (const auto checked = RecordList::check(content); !checked) return damaged(checked.error());
  ImageInfo info;
  info.serial = load32(at);
  info.generation = load64(at + 16);
  if ((load32(at + 8) & kHasFileSerial) != 0) info.file_serial = load32(at + 4);
  return ReadImage{info, *std::move(octets)};
}

}  // namespace

FileDone save_image(const fs::path& path, const Zone& zone, const ImageInfo& info) {
  return write_image(path, zone, info, [&](const auto& use) {
    for (const Node& node : zone.nodes()) {
      for (const StoredSet& set : node.sets()) {
        for (const Bytes rdata : set.rdatas())
          if (!use(RecordRef{node.name(), set.type(), set.ttl(), rdata})) return;
        for (const Bytes rdata : set.signatures())
          if (!use(RecordRef{node.name(), wire::RecordType::rrsig, set.ttl(), rdata})) return;
      }
    }
  });
}

FileDone save_image(const fs::path& path, const ZoneListing& listing, const ImageInfo& info) {
  return write_image(path, listing, info, [&](const auto& use) {
    for (const RecordRef record : listing.apex_records())
      if (!use(record)) return;
    for (const auto& block : listing.blocks())
      for (const RecordRef record : *block)
        if (!use(record)) return;
  });
}

std::expected<std::optional<LoadedImage>, std::string> load_image(const fs::path& path, wire::NameView origin) {
  auto image = read_image(path);
  if (!image) return std::unexpected(std::move(image.error()));
  if (!*image) return std::nullopt;
  const auto damaged = [&](std::string_view how) { return std::unexpected(damage_of(path, how)); };
  const ImageInfo info = (*image)->info;
  ZoneBuilder builder(origin);
  for (const RecordRef one : **image)
    if (auto added = builder.add(one.owner, one.type, one.ttl, one.rdata); !added) return damaged(added.error());
  image->reset();  // the builder has its own copy
  auto zone = builder.build();
  if (!zone) return damaged(zone.error().reason);
  if (zone->serial() != info.serial) return damaged("another serial than it says");
  return LoadedImage{info, *std::move(zone)};
}

std::string file_name_of(wire::NameView origin) {
  if (origin.is_root()) return "%root";  // there may be a zone of that name
  std::string text = wire::Name(origin).lowered().to_text();
  text.pop_back();
  std::string safe;
  for (const char c : text) {
    if (c == '/' || c == '%' || c == '\\') {
      static constexpr char kHex[] = "0123456789abcdef";
      safe += '%';
      safe += kHex[static_cast<unsigned char>(c) >> 4U];
      safe += kHex[static_cast<unsigned char>(c) & 15U];
    } else {
      safe += c;
    }
  }
  constexpr std::size_t kMaxName = 200;  // octets; the file system allows 255, and suffixes follow
  if (safe.front() == '.') safe.insert(0, "%");
  if (safe.size() <= kMaxName) return safe;
  return fmt::format("{}%{}", std::string_view(safe).substr(safe.size() - 150), origin.hash());
}

ZoneStore::ZoneStore(fs::path folder, wire::NameView origin, Limits limits) : origin_(origin), limits_(limits) {
  const std::string name = file_name_of(origin);
  image_ = folder / (name + ".zone");
  journal_path_ = folder / (name + ".journal");
}

bool ZoneStore::has_journal() const {
  std::error_code error;
  return fs::exists(journal_path_, error);
}

FileDone ZoneStore::open(std::vector<std::string>& notes) {
  if (closed_) return std::unexpected(image_.string() + ": no longer a zone of ours");
  std::string note;
  auto journal = Journal::open(journal_path_, origin_, &note);
  if (!note.empty()) notes.push_back(std::move(note));
  if (!journal) return std::unexpected(std::move(journal.error()));
  journal_ = *std::move(journal);
  in_step_ = true;
  return {};
}

ZoneStore::Found ZoneStore::load() {
  Found found;
  if (auto opened = open(found.notes); !opened) {
    found.notes.push_back(std::move(opened.error()));
    return found;
  }
  auto image = load_image(image_, origin_);
  if (!image) {
    found.notes.push_back(std::move(image.error()));
    return found;
  }
  if (!*image) return found;
  kept_ = (*image)->info;
  found.file_serial = kept_->file_serial;
  found.zone = std::make_shared<const Zone>(std::move((*image)->zone));
  struct stat status{};
  if (::stat(image_.c_str(), &status) == 0) found.confirmed_at = status.st_mtime;

  follow_journal(found.zone, found.notes, [](const auto& zone, const auto& chain) -> std::expected<Zone, std::string> {
    ZoneEditor editor(zone);
    for (const auto& changes : chain)
      if (auto applied = editor.apply(*changes); !applied) return std::unexpected(std::move(applied.error()));
    return editor.build();
  });
  return found;
}

ZoneStore::FoundListing ZoneStore::load_listing() {
  FoundListing found;
  if (auto opened = open(found.notes); !opened) {
    found.notes.push_back(std::move(opened.error()));
    return found;
  }
  auto image = read_image(image_);
  if (image && !*image) return found;
  auto listing =
      image ? ZoneListing::from_records(origin_, (*image)->begin(), (*image)->end()) : std::unexpected(image.error());
  if (image && listing && listing->serial() != (*image)->info.serial)
    listing = std::unexpected("another serial than it says");
  if (!listing) {
    found.notes.push_back(image ? damage_of(image_, listing.error()) : listing.error());
    return found;
  }
  kept_ = (*image)->info;
  found.listing = std::make_shared<const ZoneListing>(*std::move(listing));
  follow_journal(found.listing, found.notes, [](const auto& from, const auto& chain) { return from->apply(chain); });
  return found;
}

/// What the journal has behind the image; where the two don't fit, it is begun anew.
template <class Version, class Apply>
void ZoneStore::follow_journal(std::shared_ptr<const Version>& version, std::vector<std::string>& notes,
                               const Apply& apply) {
  if (journal_->generation() != kept_->generation) {
    in_step_ = begin_line().has_value();  // of a line that the image has left
    return;
  }
  const auto chain = journal_->chain_from(kept_->serial);
  const auto without = [&](const std::string& why) {
    notes.push_back(journal_path_.string() + ": " + why + "; the image alone is used");
    in_step_ = begin_line().has_value();
  };
  if (!chain) {
    without(chain.error());
  } else if (*chain && !(*chain)->empty()) {
    auto followed = apply(version, **chain);
    if (followed)
      version = std::make_shared<const Version>(*std::move(followed));
    else
      without(followed.error());
  } else if (!*chain && !journal_->entries().empty()) {
    in_step_ = begin_line().has_value();  // it ends before the image
  }
}

FileDone ZoneStore::open_journal(std::uint32_t serial, std::vector<std::string>& notes) {
  if (auto opened = open(notes); !opened) return opened;
  return journal_->entries().empty() || journal_->ends_at(serial) ? FileDone() : begin_line();
}

FileDone ZoneStore::add(const ChangeSet& changes) {
  if (!journal_->entries().empty() && !journal_->ends_at(changes.from))
    if (auto begun = begin_line(); !begun) return begun;
  return journal_->append(changes);
}

template <class Version>
FileDone ZoneStore::save(const Version& version, ImageInfo info) {
  info.serial = version.serial();
  if (auto saved = save_image(image_, version, info); !saved) return saved;
  kept_ = info;
  return {};
}

/// The version of this serial is what image and journal come to, so that a change of it can follow.
bool ZoneStore::is_kept(std::uint32_t serial) const {
  if (!journal_ || !kept_ || !in_step_ || journal_->generation() != kept_->generation) return false;
  if (journal_->entries().empty()) return kept_->serial == serial;
  return journal_->ends_at(serial) && journal_->chain_octets(kept_->serial).has_value();
}

FileDone ZoneStore::noted(FileDone done) {
  in_step_ = done.has_value();
  return done;
}

template <class Version>
FileDone ZoneStore::continue_with(const Version& version, const ChangeSet& changes) {
  // Where the change is much of the journal's share, or nothing it could follow is kept, an image is the shorter way.
  if (!is_kept(changes.from) || changes.octets() > limits_.journal / 4)
    return begin_with(version, kept_ ? kept_->file_serial : std::nullopt, &changes);
  if (auto added = add(changes); !added) return added;
  if (journal_->octets() <= limits_.journal) return {};
  // Full: from now on the image is this version, and the older half of the journal is let go.
  if (auto saved = save(version, *kept_); !saved) return saved;
  return journal_->drop_old(limits_.journal / 2, version.serial());
}

template <class Version>
FileDone ZoneStore::begin_with(const Version& version, std::optional<std::uint32_t> file_serial,
                               const ChangeSet* changes) {
  if (!journal_) return std::unexpected(image_.string() + ": the files of this zone could not be opened");
  const bool continues = in_step_ && changes != nullptr && changes->octets() <= limits_.journal / 4;
  ImageInfo info{version.serial(), file_serial, journal_->generation()};
  if (!continues) ++info.generation;
  if (auto saved = save(version, info); !saved) return saved;
  // The image counts already: what goes wrong from here on costs secondaries a whole transfer, nothing more.
  if (!continues) return begin_line();
  if (auto added = add(*changes); !added) return added;
  return journal_->octets() > limits_.journal ? journal_->drop_old(limits_.journal / 2) : FileDone();
}

FileDone ZoneStore::commit(const Zone& zone, const ChangeSet& changes) {
  return noted(continue_with(zone, changes));
}
FileDone ZoneStore::commit(const ZoneListing& listing, const ChangeSet& changes) {
  return noted(continue_with(listing, changes));
}
FileDone ZoneStore::commit(const Zone& zone, std::optional<std::uint32_t> file_serial, const ChangeSet* changes) {
  return noted(begin_with(zone, file_serial, changes));
}
FileDone ZoneStore::commit(const ZoneListing& listing, std::optional<std::uint32_t> file_serial,
                           const ChangeSet* changes) {
  return noted(begin_with(listing, file_serial, changes));
}

FileDone ZoneStore::note(const ChangeSet& changes) {
  assert(journal_);
  if (changes.octets() > limits_.journal / 4) return begin_line();
  if (auto added = add(changes); !added) return added;
  return journal_->octets() > limits_.journal ? journal_->drop_old(limits_.journal / 2) : FileDone();
}

void ZoneStore::confirm(std::int64_t now) {
  const timespec at[2] = {{now, 0}, {now, 0}};
  ::utimensat(AT_FDCWD, image_.c_str(), at, 0);
}

void ZoneStore::close() {
  journal_.reset();
  kept_.reset();
  closed_ = true;
}

FileDone ZoneStore::remove() {
  close();
  std::error_code error;
  for (const auto& path : {image_, journal_path_}) {
    fs::remove(path, error);
    if (error) return std::unexpected(path.string() + ": cannot be removed: " + error.message());
  }
  return {};
}

}  // namespace placard::zones
