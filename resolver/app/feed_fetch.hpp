// One fetch of a list over HTTP or HTTPS (libcurl) into a file: blocking, bounded in time and size.
//
// What did not change is not sent again: the server's ETag and Last-Modified of the last good fetch go back to it as
// If-None-Match and If-Modified-Since (RFC 9110 13.1). Certificates are checked. Proxies of the environment are not
// used.
#pragma once

#include <atomic>
#include <expected>
#include <filesystem>
#include <string>

#include "resolver/app/feed_option.hpp"

namespace placard::app {

inline constexpr long kMaxRedirects = 5;
inline constexpr long kConnectSeconds = 20;  ///< for a connection, TLS included

/// What a server said of a list, to be held against what it says next time.
struct FetchMark {
  std::string etag, last_modified;  ///< as they came; may be empty
};

struct Fetched {
  bool changed = false;  ///< false: `to` was not written
  FetchMark mark;
};

/// Fetches feed.url into the file `to`, on the disk when this returns. Anything but 200 and 304, a body that is cut
/// short or larger than feed.max_size, a redirection to another scheme than http and https, or from https to http, is
/// an error. Ends early when `stopping` becomes true. REQUIRES: curl_global_init().
std::expected<Fetched, std::string> fetch_list(const FeedOption& feed, const FetchMark& mark,
                                               const std::filesystem::path& to, const std::atomic<bool>& stopping);

}  // namespace placard::app
