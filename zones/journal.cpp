#include "zones/journal.hpp"

#include <xxhash.h>

#include <algorithm>
#include <cassert>
#include <system_error>

namespace placard::zones {
namespace {

using wire::Bytes;
using wire::load32;
using wire::load64;
using wire::store32;
using wire::store64;

constexpr std::uint8_t kFileMagic[16] = {'p', 'l', 'a', 'c', 'a', 'r', 'd', ' ',
                                         'j', 'o', 'u', 'r', 'n', 'a', 'l', '1'};
constexpr std::size_t kGenerationAt = sizeof kFileMagic;
constexpr std::uint32_t kEntryMagic = 0x504a4531;
constexpr std::size_t kFrameSize = 16;  // magic, size, checksum
constexpr std::size_t kBodyFixed = 16;  // from, to, sizes

std::uint64_t checksum(Bytes bytes) {
  return XXH3_64bits(bytes.data(), bytes.size());
}

std::vector<std::uint8_t> file_head(wire::NameView origin, std::uint64_t generation) {
  std::vector<std::uint8_t> head(std::begin(kFileMagic), std::end(kFileMagic));
  head.resize(kGenerationAt + 8);
  store64(head.data() + kGenerationAt, generation);
  head.push_back(static_cast<std::uint8_t>(origin.size()));
  const wire::Name lowered = wire::Name(origin).lowered();
  head.insert(head.end(), lowered.view().bytes().begin(), lowered.view().bytes().end());
  return head;
}

}  // namespace

std::vector<std::uint8_t> to_octets(const ChangeSet& changes) {
  std::vector<std::uint8_t> body(kBodyFixed);
  store32(body.data(), changes.from);
  store32(body.data() + 4, changes.to);
  store32(body.data() + 8, static_cast<std::uint32_t>(changes.removed.octets().size()));
  store32(body.data() + 12, static_cast<std::uint32_t>(changes.added.octets().size()));
  for (const Bytes octets : {changes.removed.octets(), changes.added.octets()})
    body.insert(body.end(), octets.begin(), octets.end());
  return body;
}

std::expected<ChangeSet, std::string_view> parse_change_set(Bytes body) {
  if (body.size() < kBodyFixed) return std::unexpected("an entry cut short");
  const std::size_t removed_size = load32(body.data() + 8);
  const std::size_t added_size = load32(body.data() + 12);
  if (body.size() - kBodyFixed != removed_size + added_size) return std::unexpected("an entry of another size");
  auto removed = RecordList::parse(body.subspan(kBodyFixed, removed_size));
  if (!removed) return std::unexpected(removed.error());
  auto added = RecordList::parse(body.subspan(kBodyFixed + removed_size));
  if (!added) return std::unexpected(added.error());
  return ChangeSet{load32(body.data()), load32(body.data() + 4), *std::move(removed), *std::move(added)};
}

std::expected<Journal, std::string> Journal::open(const std::filesystem::path& path, wire::NameView origin,
                                                  std::string* note) {
  Journal journal;
  journal.path_ = path;
  journal.origin_ = wire::Name(origin);
  auto file = DurableFile::open(path);
  if (!file) return std::unexpected(std::move(file.error()));
  journal.file_ = *std::move(file);
  const auto size = journal.file_.size();
  if (!size) return std::unexpected(size.error());
  const auto say = [&](std::string text) {
    if (note != nullptr) *note = path.string() + ": " + std::move(text);
  };

  auto head = file_head(origin, 0);
  const auto found = journal.file_.read_at(0, head.size());
  if (!found) return std::unexpected(found.error());
  if (found->size() == head.size()) {
    journal.generation_ = load64(found->data() + kGenerationAt);
    head = file_head(origin, journal.generation_);
  }
  if (*found != head) {
    if (*size > 0) say("no journal of this zone; begun anew");
    journal.generation_ = 0;
    if (auto begun = journal.begin_file(); !begun) return std::unexpected(std::move(begun.error()));
    return journal;
  }
  journal.end_ = head.size();
  // Entry by entry: the checksum says whether one was written to its end.
  while (journal.end_ < *size) {
    const auto frame = journal.file_.read_at(journal.end_, kFrameSize);
    if (!frame) return std::unexpected(frame.error());
    if (frame->size() < kFrameSize || load32(frame->data()) != kEntryMagic) break;
    const std::uint32_t body_size = load32(frame->data() + 4);
    if (body_size < kBodyFixed || body_size > *size - journal.end_ - kFrameSize) break;
    const auto body = journal.file_.read_at(journal.end_ + kFrameSize, body_size);
    if (!body) return std::unexpected(body.error());
    if (body->size() != body_size || checksum(*body) != load64(frame->data() + 8)) break;
    const Entry entry{load32(body->data()), load32(body->data() + 4), journal.end_ + kFrameSize, body_size};
    if (!journal.entries_.empty() && journal.entries_.back().to != entry.from) break;
    journal.entries_.push_back(entry);
    journal.end_ = entry.offset + body_size;
  }
  if (journal.end_ < *size) {
    say(std::to_string(*size - journal.end_) + " octets behind the last whole entry were cut off");
    if (auto cut = journal.file_.cut(journal.end_); !cut) return std::unexpected(std::move(cut.error()));
    if (auto flushed = journal.file_.flush(); !flushed) return std::unexpected(std::move(flushed.error()));
  }
  return journal;
}

FileDone Journal::begin_file() {
  const auto head = file_head(origin_, generation_);
  if (auto replaced = replace_file(path_, [&](const DurableFile& file) { return file.write_at(0, head); }); !replaced)
    return replaced;
  auto file = DurableFile::open(path_);
  if (!file) return std::unexpected(std::move(file.error()));
  file_ = *std::move(file);
  entries_.clear();
  end_ = head.size();
  return {};
}

FileDone Journal::append(const ChangeSet& changes) {
  assert(entries_.empty() || entries_.back().to == changes.from);
  const auto body = to_octets(changes);
  if (body.size() > UINT32_MAX) return std::unexpected(path_.string() + ": a change of more than 4 GiB");
  std::vector<std::uint8_t> octets(kFrameSize);
  store32(octets.data(), kEntryMagic);
  store32(octets.data() + 4, static_cast<std::uint32_t>(body.size()));
  store64(octets.data() + 8, checksum(body));
  octets.insert(octets.end(), body.begin(), body.end());
  auto done = file_.write_at(end_, octets);
  if (done) done = file_.flush();
  if (!done) {
    (void)file_.cut(end_);  // else the next open() cuts it, or the next append() writes over it
    return done;
  }
  entries_.push_back({changes.from, changes.to, end_ + kFrameSize, static_cast<std::uint32_t>(body.size())});
  end_ += octets.size();
  return {};
}

/// The newest entry that begins there: serials go round.
std::optional<std::size_t> Journal::find(std::uint32_t from) const {
  for (std::size_t i = entries_.size(); i-- > 0;)
    if (entries_[i].from == from) return i;
  return std::nullopt;
}

std::optional<std::uint64_t> Journal::chain_octets(std::uint32_t serial) const {
  if (ends_at(serial)) return 0;
  const auto first = find(serial);
  if (!first) return std::nullopt;
  return end_ - entries_[*first].offset;
}

std::expected<ChangeSet, std::string> Journal::read(const Entry& entry) const {
  const auto frame = file_.read_at(entry.offset - kFrameSize, kFrameSize + entry.size);
  if (!frame) return std::unexpected(frame.error());
  const Bytes body = frame->size() == kFrameSize + entry.size ? Bytes(*frame).subspan(kFrameSize) : Bytes();
  if (body.empty() || checksum(body) != load64(frame->data() + 8))
    return std::unexpected(path_.string() + ": damaged at octet " + std::to_string(entry.offset));
  auto changes = parse_change_set(body);
  if (!changes) return std::unexpected(path_.string() + ": " + std::string(changes.error()));
  return *std::move(changes);
}

std::expected<std::optional<std::vector<SharedChangeSet>>, std::string> Journal::chain_from(
    std::uint32_t serial) const {
  std::vector<SharedChangeSet> chain;
  if (ends_at(serial)) return chain;
  const auto first = find(serial);
  if (!first) return std::nullopt;
  for (std::size_t i = *first; i < entries_.size(); ++i) {
    auto changes = read(entries_[i]);
    if (!changes) return std::unexpected(std::move(changes.error()));
    chain.push_back(std::make_shared<const ChangeSet>(*std::move(changes)));
  }
  return chain;
}

FileDone Journal::drop_old(std::uint64_t octets, std::optional<std::uint32_t> keep) {
  std::size_t first = 0;
  const auto size_from = [&](std::size_t i) {
    return i == entries_.size() ? 0 : end_ - (entries_[i].offset - kFrameSize);
  };
  while (first < entries_.size() && size_from(first) > octets && !(keep && entries_[first].from == *keep)) ++first;
  if (first == 0) return {};
  if (first == entries_.size()) return begin_file();
  const auto head = file_head(origin_, generation_);
  const std::uint64_t from = entries_[first].offset - kFrameSize;
  const auto copy = [&](const DurableFile& file) -> FileDone {
    if (auto begun = file.write_at(0, head); !begun) return begun;
    constexpr std::size_t kPiece = 1U << 20U;
    for (std::uint64_t at = from; at < end_;) {
      const auto piece = file_.read_at(at, std::min<std::uint64_t>(kPiece, end_ - at));
      if (!piece) return std::unexpected(piece.error());
      if (piece->empty()) return std::unexpected(path_.string() + ": ends too early");
      if (auto written = file.write_at(at - from + head.size(), *piece); !written) return written;
      at += piece->size();
    }
    return {};
  };
  if (auto replaced = replace_file(path_, copy); !replaced) return replaced;
  auto file = DurableFile::open(path_);
  if (!file) return std::unexpected(std::move(file.error()));
  file_ = *std::move(file);
  entries_.erase(entries_.begin(), entries_.begin() + static_cast<std::ptrdiff_t>(first));
  for (Entry& entry : entries_) entry.offset = entry.offset - from + head.size();
  end_ = end_ - from + head.size();
  return {};
}

FileDone Journal::clear(std::uint64_t generation) {
  generation_ = generation;
  return begin_file();
}

}  // namespace placard::zones
