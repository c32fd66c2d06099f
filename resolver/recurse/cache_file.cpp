#include "resolver/recurse/cache_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>
#include <xxhash.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "resolver/net/socket.hpp"
#include "zones/wire/octets.hpp"

namespace placard::recurse {
namespace {

constexpr std::array<std::uint8_t, 8> kMagic{'P', 'L', 'A', 'C', 'A', 'R', 'D', 'C'};
constexpr std::uint32_t kVersion = 2;
constexpr std::uint32_t kValidated = 1;  // a flag: a server that validates wrote it
constexpr std::size_t kHeaderSize = 8 + 4 + 4 + 8, kBlockHeaderSize = 4 + 4 + 8;
constexpr std::size_t kBlockSize = 256U << 10U;   // octets, about: a block ends with the entry that fills it
constexpr std::size_t kMaxEntrySize = 4U << 20U;  // octets; a larger entry is not written
constexpr std::size_t kMaxBlockSize = kBlockSize + kMaxEntrySize;
constexpr std::size_t kMaxRdatas = 512, kMaxSets = 64, kMaxGlue = 1'024;  // of one entry; more is no entry of ours

// Writing
// --------------------------------------------------------------------------------------------------------------

void put8(std::vector<std::uint8_t>& out, std::uint8_t value) {
  out.push_back(value);
}
void put16(std::vector<std::uint8_t>& out, std::size_t value) {
  out.push_back(static_cast<std::uint8_t>(value >> 8U));
  out.push_back(static_cast<std::uint8_t>(value));
}
void put32(std::vector<std::uint8_t>& out, std::uint32_t value) {
  put16(out, value >> 16U);
  put16(out, value & 0xffffU);
}
void put64(std::vector<std::uint8_t>& out, std::uint64_t value) {
  put32(out, static_cast<std::uint32_t>(value >> 32U));
  put32(out, static_cast<std::uint32_t>(value));
}
void put(std::vector<std::uint8_t>& out, wire::Bytes octets) {
  out.insert(out.end(), octets.begin(), octets.end());
}

void put_list(std::vector<std::uint8_t>& out, const wire::RdataList& list) {
  put16(out, list.size());
  for (const auto rdata : list) {
    put16(out, rdata.size());
    put(out, rdata);
  }
}

void put_set(std::vector<std::uint8_t>& out, const wire::RecordSet& set) {
  put(out, set.owner.view().bytes());
  put16(out, static_cast<std::uint16_t>(set.type));
  put32(out, set.ttl);
  put_list(out, set.rdatas);
  put_list(out, set.signatures);
}

// Reading
// --------------------------------------------------------------------------------------------------------------

/// A cursor with a sticky error.
class Taker {
 public:
  explicit Taker(wire::Bytes octets) : rest_(octets) {}
  bool good() const { return good_; }
  wire::Bytes rest() const { return rest_; }

  wire::Bytes take(std::size_t size) {
    good_ = good_ && size <= rest_.size();
    if (!good_) return {};
    const auto taken = rest_.first(size);
    rest_ = rest_.subspan(size);
    return taken;
  }
  std::uint8_t take8() {
    const auto octets = take(1);
    return good_ ? octets[0] : std::uint8_t{0};
  }
  std::uint16_t take16() {
    const auto octets = take(2);
    return good_ ? wire::load16(octets.data()) : std::uint16_t{0};
  }
  std::uint32_t take32() {
    const auto octets = take(4);
    return good_ ? wire::load32(octets.data()) : 0U;
  }
  std::uint64_t take64() {
    const std::uint64_t high = take32();
    return high << 32U | take32();
  }
  wire::Name name() {
    const auto name = wire::parse_uncompressed_name(rest_, 0);
    good_ = good_ && name.has_value();
    if (!good_) return {};
    take(name->size());
    return wire::Name(*name);
  }
  /// At most `limit`; more is an error.
  std::size_t count(std::size_t limit) {
    const std::size_t count = take16();
    good_ = good_ && count <= limit;
    return good_ ? count : 0;
  }
  wire::RdataList list(wire::RecordType type) {
    wire::RdataList list;
    for (std::size_t left = count(kMaxRdatas); left > 0 && good_; --left) {
      const auto rdata = take(take16());
      good_ = good_ && wire::is_sound_rdata(type, rdata) && list.add(rdata);
    }
    return list;
  }
  wire::RecordSet set() {
    wire::RecordSet set;
    set.owner = name();
    set.type = static_cast<wire::RecordType>(take16());
    set.ttl = take32();
    set.rdatas = list(set.type);
    set.signatures = list(wire::RecordType::rrsig);
    for (const auto rrsig : set.signatures) good_ = good_ && wire::covered_type(rrsig) == set.type;
    return set;
  }
  Glue glue() {
    Glue glue;
    glue.server = take16();
    const std::size_t size = take8();
    good_ = good_ && (size == 4 || size == 16);
    const auto octets = take(size);
    if (good_) glue.address = net::Address::from_bytes(octets);
    return glue;
  }

 private:
  wire::Bytes rest_;
  bool good_ = true;
};

bool is_sound_delegation(const Cached& cached) {
  const CacheEntry& entry = *cached.entry;
  const auto names_server = [](wire::Bytes rdata) { return wire::rdata_name(wire::RecordType::ns, rdata).has_value(); };
  return cached.type == wire::RecordType::ns && entry.set.type == wire::RecordType::ns &&
         entry.set.owner == cached.name && !entry.set.rdatas.empty() &&
         std::ranges::all_of(entry.set.rdatas, names_server) &&
         std::ranges::all_of(entry.glue, [&](const Glue& glue) { return glue.server < entry.set.rdatas.size(); });
}

/// The negative's SOA: none, or one, of a zone that has the name.
bool is_sound_denial(const Cached& cached) {
  const wire::RecordSet& soa = cached.entry->set;
  return soa.rdatas.empty() || (soa.type == wire::RecordType::soa && soa.rdatas.size() == 1 &&
                                wire::parse_soa(*soa.rdatas.begin()) && cached.name.view().is_subdomain_of(soa.owner));
}

bool is_sound(const Cached& cached) {
  const CacheEntry& entry = *cached.entry;
  switch (entry.kind) {
    case CacheKind::records:
      return entry.credibility <= Credibility::answer_aa && !wire::is_meta(cached.type) &&
             entry.set.type == cached.type && entry.set.owner == cached.name && !entry.set.rdatas.empty();
    case CacheKind::nodata:
      return !wire::is_meta(cached.type) && is_sound_denial(cached);
    case CacheKind::nxdomain:
      return cached.type == wire::RecordType::any && is_sound_denial(cached);
    case CacheKind::delegation:
      return is_sound_delegation(cached);
    case CacheKind::failure:
    case CacheKind::no_cut:
      break;
  }
  return false;
}

std::string system_error(std::string_view what) {
  return fmt::format("{}: {}", what, std::strerror(errno));
}

bool write_all(int fd, wire::Bytes octets) {
  while (!octets.empty()) {
    const ssize_t written = ::write(fd, octets.data(), octets.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    octets = octets.subspan(static_cast<std::size_t>(written));
  }
  return true;
}

std::uint64_t checksum(wire::Bytes octets) {
  return XXH3_64bits(octets.data(), octets.size());
}

/// Gathers entries and writes them block by block.
class Writer {
 public:
  explicit Writer(int fd) : fd_(fd) {}

  bool header(std::int64_t now, bool validated) {
    std::vector<std::uint8_t> header;
    put(header, kMagic);
    put32(header, kVersion);
    put32(header, validated ? kValidated : 0);
    put64(header, static_cast<std::uint64_t>(now));
    return write_all(fd_, header);
  }
  bool add(const Cached& cached) {
    const std::size_t before = block_.size();
    put_cached(block_, cached);
    if (block_.size() - before > kMaxEntrySize) {
      block_.resize(before);
      return true;
    }
    ++in_block_;
    ++entries_;
    return block_.size() < kBlockSize || end_block();
  }
  bool end() {
    if (in_block_ > 0 && !end_block()) return false;
    std::vector<std::uint8_t> end;
    put32(end, 0);
    put32(end, static_cast<std::uint32_t>(entries_));
    put64(end, 0);
    return write_all(fd_, end);
  }
  std::size_t entries() const { return entries_; }

 private:
  bool end_block() {
    std::vector<std::uint8_t> header;
    put32(header, static_cast<std::uint32_t>(block_.size()));
    put32(header, in_block_);
    put64(header, checksum(block_));
    const bool written = write_all(fd_, header) && write_all(fd_, block_);
    block_.clear();
    in_block_ = 0;
    return written;
  }

  int fd_;
  std::vector<std::uint8_t> block_;
  std::uint32_t in_block_ = 0;
  std::size_t entries_ = 0;
};

}  // namespace

void put_cached(std::vector<std::uint8_t>& out, const Cached& cached) {
  const CacheEntry& entry = *cached.entry;
  put8(out, static_cast<std::uint8_t>(entry.kind));
  put8(out, static_cast<std::uint8_t>(entry.credibility));
  put8(out, cached.proven ? 1 : 0);
  put8(out, static_cast<std::uint8_t>(entry.security));
  put8(out, entry.unsigned_cut ? 1 : 0);
  put(out, cached.name.view().bytes());
  put16(out, static_cast<std::uint16_t>(cached.type));
  put64(out, static_cast<std::uint64_t>(entry.stored_at));
  put64(out, static_cast<std::uint64_t>(entry.expires_at));
  put_set(out, entry.set);
  put16(out, entry.proof.size());
  for (const auto& set : entry.proof) put_set(out, set);
  put16(out, entry.glue.size());
  for (const auto& glue : entry.glue) {
    put16(out, glue.server);
    put8(out, static_cast<std::uint8_t>(glue.address.bytes().size()));
    put(out, glue.address.bytes());
  }
}

std::optional<Cached> take_cached(wire::Bytes& octets) {
  Taker taker(octets);
  Cached cached;
  auto entry = std::make_shared<CacheEntry>();
  const auto kind = taker.take8(), credibility = taker.take8(), proven = taker.take8();
  const auto security = taker.take8(), unsigned_cut = taker.take8();
  if (kind > static_cast<std::uint8_t>(CacheKind::delegation) ||
      credibility > static_cast<std::uint8_t>(Credibility::answer_aa) || proven > 1 ||
      security > static_cast<std::uint8_t>(validate::Security::secure) || unsigned_cut > 1)
    return std::nullopt;
  entry->kind = static_cast<CacheKind>(kind);
  entry->credibility = static_cast<Credibility>(credibility);
  entry->security = static_cast<validate::Security>(security);
  entry->unsigned_cut = unsigned_cut == 1;
  cached.proven = proven == 1;
  cached.name = taker.name();
  cached.type = static_cast<wire::RecordType>(taker.take16());
  entry->stored_at = static_cast<std::int64_t>(taker.take64());
  entry->expires_at = static_cast<std::int64_t>(taker.take64());
  entry->set = taker.set();
  for (std::size_t left = taker.count(kMaxSets); left > 0 && taker.good(); --left) entry->proof.push_back(taker.set());
  for (std::size_t left = taker.count(kMaxGlue); left > 0 && taker.good(); --left) entry->glue.push_back(taker.glue());
  if (!taker.good()) return std::nullopt;
  octets = taker.rest();
  entry->proof.shrink_to_fit();
  entry->glue.shrink_to_fit();
  cached.entry = std::move(entry);
  return cached;
}

bool is_plausible(const Cached& cached, std::int64_t now, std::uint32_t max_ttl) {
  const CacheEntry& entry = *cached.entry;
  return is_sound(cached) && entry.stored_at >= 0 && entry.stored_at <= now && entry.expires_at > entry.stored_at &&
         entry.expires_at - entry.stored_at <= max_ttl && entry.fresh(now);
}

std::expected<bool, std::string> read_cache_blocks(const ReadOctets& read,
                                                   const std::function<void(wire::Bytes)>& each) {
  std::array<std::uint8_t, kHeaderSize> header;
  if (!read(header) || !std::ranges::equal(kMagic, wire::Bytes(header).first(kMagic.size())))
    return std::unexpected("it is no cache file");
  const auto version = wire::load32(header.data() + kMagic.size());
  if (version != kVersion)
    return std::unexpected(fmt::format("it has version {}; this program reads version {}", version, kVersion));
  const auto flags = wire::load32(header.data() + kMagic.size() + 4);
  if (flags > kValidated) return std::unexpected("it is damaged: unknown flags");
  const bool validated = flags == kValidated;
  std::vector<std::uint8_t> block;
  std::uint32_t entries = 0;
  for (;;) {
    std::array<std::uint8_t, kBlockHeaderSize> start;
    if (!read(start)) return std::unexpected("it is cut short");
    Taker taker(start);
    const std::size_t size = taker.take32();
    const std::uint32_t count = taker.take32();
    const std::uint64_t sum = taker.take64();
    if (size == 0) {
      if (count != entries || sum != 0) return std::unexpected("its number of entries is wrong");
      std::array<std::uint8_t, 1> more;
      if (read(more)) return std::unexpected("something stands behind its end");
      return validated;
    }
    if (size > kMaxBlockSize) return std::unexpected("it is damaged: a block is too large");
    block.resize(size);
    if (!read(block)) return std::unexpected("it is cut short");
    if (checksum(block) != sum) return std::unexpected("it is damaged: a checksum is wrong");
    entries += count;
    each(block);
  }
}

std::expected<CacheFileCounts, std::string> save_cache(const Cache& cache, const std::filesystem::path& path,
                                                       std::int64_t now) {
  const std::string beside = path.string() + ".new";
  // Its own file each time: nobody else's link or pipe is followed.
  ::unlink(beside.c_str());
  net::Descriptor fd(::open(beside.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd.valid()) return std::unexpected(system_error(beside));
  Writer writer(fd.get());
  bool written = writer.header(now, cache.limits().validated);
  for (std::size_t shard = 0; shard < cache.shards() && written; ++shard) {
    for (const auto& cached : cache.contents(shard)) {
      if (cached.entry->fresh(now) && is_sound(cached)) written = written && writer.add(cached);
    }
  }
  written = written && writer.end() && ::fsync(fd.get()) == 0;
  if (!written || ::rename(beside.c_str(), path.c_str()) != 0) {
    auto reason = system_error(beside);
    ::unlink(beside.c_str());
    return std::unexpected(std::move(reason));
  }
  return CacheFileCounts{writer.entries(), 0};
}

std::expected<CacheFileCounts, std::string> load_cache(Cache& cache, const std::filesystem::path& path,
                                                       std::int64_t now, std::uint32_t max_ttl) {
  net::Descriptor fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd.valid()) return std::unexpected(std::strerror(errno));
  const ReadOctets read = [&](std::span<std::uint8_t> into) {
    while (!into.empty()) {
      const ssize_t got = ::read(fd.get(), into.data(), into.size());
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) return false;
      into = into.subspan(static_cast<std::size_t>(got));
    }
    return true;
  };
  // Once to know that it is whole, once to believe it.
  const auto whole = read_cache_blocks(read, [](wire::Bytes) {});
  if (!whole) return std::unexpected(whole.error());
  // What nobody validated must not stand where validated answers do.
  if (cache.limits().validated && !*whole) return std::unexpected("it was written without DNSSEC validation");
  if (::lseek(fd.get(), 0, SEEK_SET) != 0) return std::unexpected(std::strerror(errno));
  CacheFileCounts counts;
  auto loaded = read_cache_blocks(read, [&](wire::Bytes block) {
    while (!block.empty()) {
      const auto cached = take_cached(block);
      if (cached && is_plausible(*cached, now, max_ttl)) {
        cache.restore(*cached, now);
        ++counts.entries;
      } else {
        ++counts.left_out;
      }
      if (!cached) return;
    }
  });
  if (!loaded) return std::unexpected(loaded.error());
  return counts;
}

}  // namespace placard::recurse
