#include "resolver/app/feed_fetch.hpp"

#include <curl/curl.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <optional>

#include "policy/lists/list_report.hpp"
#include "resolver/app/version.hpp"
#include "zones/wire/ascii.hpp"

namespace placard::app {
namespace {

enum class Packing : std::uint8_t { any, none };

constexpr std::size_t kMaxHeader = 1024;  // octets of an ETag or a date that are worth keeping

struct EndCurl {
  void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};

/// Where the body goes, and what was seen on the way.
struct Transfer {
  int file = -1;
  std::uint64_t octets = 0, max_octets = 0;
  bool too_large = false;
  char last = '\n';        ///< of the body
  bool has_end = false;    ///< something says where the body ends: a length, chunks, HTTP/2
  bool is_packed = false;  ///< the library unpacks it, and takes a beginning for the whole
  int write_error = 0;     // errno
  FetchMark mark;
  const std::atomic<bool>& stopping;

  ~Transfer() {
    if (file >= 0) ::close(file);
  }
};

std::size_t take_body(char* data, std::size_t, std::size_t size, void* context) {
  auto& transfer = *static_cast<Transfer*>(context);
  transfer.octets += size;
  transfer.too_large = transfer.octets > transfer.max_octets;
  if (transfer.too_large) return 0;
  for (std::size_t done = 0; done < size;) {
    const auto written = ::write(transfer.file, data + done, size - done);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) {
      transfer.write_error = errno;
      return 0;
    }
    done += static_cast<std::size_t>(written);
  }
  if (size > 0) transfer.last = data[size - 1];
  return size;
}

/// "ETag: ..." in any case; each response of a redirection begins anew.
std::size_t take_header(char* data, std::size_t, std::size_t size, void* context) {
  auto& transfer = *static_cast<Transfer*>(context);
  auto& mark = transfer.mark;
  const std::string_view line(data, size);
  if (line.starts_with("HTTP/")) {
    mark = {};
    transfer.has_end = !line.starts_with("HTTP/1");
    transfer.is_packed = false;
  }
  const auto colon = line.find(':');
  if (colon == line.npos) return size;
  auto value = line.substr(colon + 1);
  while (!value.empty() && (value.front() == ' ' || value.front() == '\t')) value.remove_prefix(1);
  while (!value.empty() && static_cast<unsigned char>(value.back()) <= ' ') value.remove_suffix(1);
  if (value.size() > kMaxHeader) return size;
  const auto is = [&](std::string_view name) { return wire::equal_upper(line.substr(0, colon), name); };
  if (is("etag")) mark.etag = value;
  if (is("last-modified")) mark.last_modified = value;
  if (is("content-length") || is("transfer-encoding")) transfer.has_end = true;
  if (is("content-encoding")) transfer.is_packed = true;
  return size;
}

int look_around(void* context, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  return static_cast<Transfer*>(context)->stopping.load() ? 1 : 0;
}

void set_bounds(CURL* curl, const FeedOption& feed) {
  const bool secure = feed.url.starts_with("https:");
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl, CURLOPT_REDIR_PROTOCOLS_STR, secure ? "https" : "http,https");
  curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 1L);
  curl_easy_setopt(curl, CURLOPT_MAXREDIRS, kMaxRedirects);
  curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, std::min<long>(kConnectSeconds, feed.timeout));
  curl_easy_setopt(curl, CURLOPT_TIMEOUT, static_cast<long>(feed.timeout));
  curl_easy_setopt(curl, CURLOPT_PROXY, "");  // and none of the environment
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_FAILONERROR, 1L);  // what an error's page says is no list
  if (!feed.ca_file.empty()) curl_easy_setopt(curl, CURLOPT_CAINFO, feed.ca_file.c_str());
}

std::string reason_of(CURLcode code, const char* words, const Transfer& transfer, const FeedOption& feed) {
  if (transfer.too_large) return fmt::format("it has more than {} octets (max_size)", feed.max_size);
  if (transfer.write_error != 0) return fmt::format("it cannot be kept: {}", std::strerror(transfer.write_error));
  return policy::sample_text(words[0] != '\0' ? words : curl_easy_strerror(code));
}

/// Nothing: what came ends within a line, and may be the beginning of something longer.
std::expected<std::optional<Fetched>, std::string> fetch_once(const FeedOption& feed, const FetchMark& mark,
                                                              const std::filesystem::path& to, Packing packing,
                                                              const std::atomic<bool>& stopping) {
  Transfer transfer{.max_octets = feed.max_size, .mark = {}, .stopping = stopping};
  transfer.file = ::open(to.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (transfer.file < 0) return std::unexpected(fmt::format("{}: {}", to.string(), std::strerror(errno)));
  const std::unique_ptr<CURL, EndCurl> handle(curl_easy_init());
  if (!handle) return std::unexpected("no memory for a transfer");
  auto* curl = handle.get();
  char words[CURL_ERROR_SIZE] = {};
  set_bounds(curl, feed);
  // All that the library can unpack; max_size is of what comes out.
  if (packing == Packing::any) curl_easy_setopt(curl, CURLOPT_ACCEPT_ENCODING, "");
  const auto agent = fmt::format("placard/{}", kVersion);
  curl_easy_setopt(curl, CURLOPT_URL, feed.url.c_str());
  curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, words);
  curl_easy_setopt(curl, CURLOPT_USERAGENT, agent.c_str());
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &transfer);
  curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, take_header);
  curl_easy_setopt(curl, CURLOPT_HEADERDATA, &transfer);
  curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, look_around);
  curl_easy_setopt(curl, CURLOPT_XFERINFODATA, &transfer);
  curl_slist* lines = nullptr;
  if (!mark.etag.empty()) lines = curl_slist_append(lines, ("If-None-Match: " + mark.etag).c_str());
  if (!mark.last_modified.empty())
    lines = curl_slist_append(lines, ("If-Modified-Since: " + mark.last_modified).c_str());
  const std::unique_ptr<curl_slist, EndCurl> headers(lines);
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, lines);
  const auto code = curl_easy_perform(curl);
  if (code != CURLE_OK) return std::unexpected(reason_of(code, words, transfer, feed));
  long status = 0;
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
  if (status == 304 && lines != nullptr) return Fetched{false, mark};
  if (status != 200) return std::unexpected(fmt::format("the server says {}", status));
  if (transfer.last != '\n' && (transfer.is_packed || !transfer.has_end)) return std::nullopt;
  if (::fsync(transfer.file) != 0) return std::unexpected(fmt::format("{}: {}", to.string(), std::strerror(errno)));
  return Fetched{true, transfer.mark};
}

}  // namespace

std::expected<Fetched, std::string> fetch_list(const FeedOption& feed, const FetchMark& mark,
                                               const std::filesystem::path& to, const std::atomic<bool>& stopping) {
  for (const auto packing : {Packing::any, Packing::none}) {
    auto fetched = fetch_once(feed, mark, to, packing, stopping);
    if (!fetched) return std::unexpected(std::move(fetched.error()));
    if (*fetched) return **std::move(fetched);
  }
  return std::unexpected("it ends within a line, and nothing says that this is the end: it may have been cut short");
}

}  // namespace placard::app
