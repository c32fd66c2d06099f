#include "zones/zone_store.hpp"

#include <fcntl.h>
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

FileDone save_image(const fs::path& path, const Zone& zone, const ImageInfo& info) {
  return replace_file(path, [&](const DurableFile& file) -> FileDone {
    ImageWriter writer(file);
    for (const Node& node : zone.nodes()) {
      for (const StoredSet& set : node.sets()) {
        for (const Bytes rdata : set.rdatas())
          if (auto added = writer.add({node.name(), set.type(), set.ttl(), rdata}); !added) return added;
        for (const Bytes rdata : set.signatures())
          if (auto added = writer.add({node.name(), wire::RecordType::rrsig, set.ttl(), rdata}); !added) return added;
      }
    }
    ImageInfo written = info;
    written.serial = zone.serial();
    return writer.finish(written);
  });
}

std::expected<std::optional<LoadedImage>, std::string> load_image(const fs::path& path, wire::NameView origin) {
  std::error_code error;
  if (!fs::exists(path, error)) return std::nullopt;
  const auto damaged = [&](std::string_view how) {
    return std::unexpected(path.string() + ": damaged: " + std::string(how));
  };
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
  ZoneBuilder builder(origin);
  const RecordList::Iterator end(content.data() + content.size());
  for (RecordList::Iterator record(content.data()); record != end; ++record) {
    const RecordRef one = *record;
    if (auto added = builder.add(one.owner, one.type, one.ttl, one.rdata); !added) return damaged(added.error());
  }
  octets->clear();
  octets->shrink_to_fit();  // the builder has its own copy
  auto zone = builder.build();
  if (!zone) return damaged(zone.error().reason);
  if (zone->serial() != info.serial) return damaged("another serial than it says");
  return LoadedImage{info, *std::move(zone)};
}

std::string file_name_of(wire::NameView origin) {
  if (origin.is_root()) return "root";
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
  return safe.substr(safe.size() - 150) + "%" + std::to_string(origin.hash());
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
  std::string note;
  auto journal = Journal::open(journal_path_, origin_, &note);
  if (!note.empty()) notes.push_back(std::move(note));
  if (!journal) return std::unexpected(std::move(journal.error()));
  journal_ = *std::move(journal);
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

  if (journal_->generation() != kept_->generation) {
    (void)begin_line();  // of a line that the image has left
    return found;
  }
  const auto chain = journal_->chain_from(kept_->serial);
  const auto without = [&](const std::string& why) {
    found.notes.push_back(journal_path_.string() + ": " + why + "; the image alone is used");
    (void)begin_line();
  };
  if (!chain) {
    without(chain.error());
  } else if (*chain && !(*chain)->empty()) {
    ZoneEditor editor(found.zone);
    for (const auto& changes : **chain) {
      if (auto applied = editor.apply(*changes); !applied) {
        without(applied.error());
        return found;
      }
    }
    auto zone = editor.build();
    if (zone)
      found.zone = std::make_shared<const Zone>(*std::move(zone));
    else
      without(zone.error());
  } else if (!*chain && !journal_->entries().empty()) {
    (void)begin_line();  // it ends before the image
  }
  return found;
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

FileDone ZoneStore::save(const Zone& zone, ImageInfo info) {
  info.serial = zone.serial();
  if (auto saved = save_image(image_, zone, info); !saved) return saved;
  kept_ = info;
  return {};
}

FileDone ZoneStore::commit(const Zone& zone, const ChangeSet& changes) {
  assert(journal_);
  // Where the change is much of the journal's share, or nothing it could follow is kept, an image is the shorter way.
  if (!kept_ || changes.octets() > limits_.journal / 4)
    return commit(zone, kept_ ? kept_->file_serial : std::nullopt, &changes);
  if (auto added = add(changes); !added) return added;
  if (journal_->octets() <= limits_.journal) return {};
  // Full: from now on the image is this version, and the older half of the journal is let go.
  if (auto saved = save(zone, *kept_); !saved) return saved;
  return journal_->drop_old(limits_.journal / 2, zone.serial());
}

FileDone ZoneStore::commit(const Zone& zone, std::optional<std::uint32_t> file_serial, const ChangeSet* changes) {
  assert(journal_);
  const bool continues = changes != nullptr && changes->octets() <= limits_.journal / 4;
  ImageInfo info{zone.serial(), file_serial, journal_->generation()};
  if (!continues) ++info.generation;
  if (auto saved = save(zone, info); !saved) return saved;
  // The image counts already: what goes wrong from here on costs secondaries a whole transfer, nothing more.
  if (!continues) return begin_line();
  if (auto added = add(*changes); !added) return added;
  return journal_->octets() > limits_.journal ? journal_->drop_old(limits_.journal / 2) : FileDone();
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

FileDone ZoneStore::remove() {
  journal_.reset();
  kept_.reset();
  std::error_code error;
  for (const auto& path : {image_, journal_path_}) {
    fs::remove(path, error);
    if (error) return std::unexpected(path.string() + ": cannot be removed: " + error.message());
  }
  return {};
}

}  // namespace placard::zones
