// The cache as a file: what a stop writes and a start reads, so that a restart is warm; and what people dump and load.
//
// The file has a version, and a checksum for each block of entries. A file that is of another version, cut short or
// damaged is refused whole, before any of it is believed. Checksums find accidents, not malice: each entry is parsed
// as octets of a stranger, and one that does not hold together (a name, rdata, a time that cannot be) is left out.
//
//   header   "PLACARDC", version (32 bits), flags (32), when it was written (64 bits, seconds)
//   block    size of its entries in octets (32), how many there are (32), XXH3 of those octets (64), the entries
//   end      a block of size 0, with the number of all entries
// An entry keeps what validation made of it: the file is believed as the server's other state is. One that a server
// without validation wrote is refused by one that validates. Numbers are big-endian. Failures (RFC 9520) and what only
// spares a question are not kept.
#pragma once

#include <cstdint>
#include <expected>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "resolver/recurse/cache.hpp"

namespace placard::recurse {

struct CacheFileCounts {
  std::size_t entries = 0;
  std::size_t left_out = 0;  ///< when loading: expired, or not sound
};

/// Writes beside `path` and renames, so that a whole file stands there at any time. Reads the cache shard by shard.
std::expected<CacheFileCounts, std::string> save_cache(const Cache& cache, const std::filesystem::path& path,
                                                       std::int64_t now);
/// Adds what the file holds to the cache, where it has nothing newer. The reason says what is wrong, not where the
/// file is. `max_ttl`: no entry lives longer.
std::expected<CacheFileCounts, std::string> load_cache(Cache& cache, const std::filesystem::path& path,
                                                       std::int64_t now, std::uint32_t max_ttl);

/// Fills the span, or says that there is not so much.
using ReadOctets = std::function<bool(std::span<std::uint8_t>)>;
/// One pass over a file: its blocks go to `each`, once their checksum was found right. True: a server that validates
/// wrote it.
std::expected<bool, std::string> read_cache_blocks(const ReadOctets& read,
                                                   const std::function<void(wire::Bytes)>& each);

void put_cached(std::vector<std::uint8_t>& out, const Cached& cached);
/// Reads the entry at the start of `octets` and moves them on. Nothing: the octets do not hold one; what follows cannot
/// be read either.
std::optional<Cached> take_cached(wire::Bytes& octets);
/// Whether an entry is one that the cache could have made at `now` or before.
bool is_plausible(const Cached& cached, std::int64_t now, std::uint32_t max_ttl);

}  // namespace placard::recurse
