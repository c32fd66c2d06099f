#include "resolver/app/feed_files.hpp"

#include <fmt/format.h>

#include <fstream>
#include <nlohmann/json.hpp>

namespace placard::app {

std::optional<KeptList> FeedFiles::kept(const FeedOption& feed) const {
  std::error_code error;
  if (feed.url.empty() || !std::filesystem::is_regular_file(list(feed), error)) return std::nullopt;
  std::ifstream in(mark(feed));
  const auto said = nlohmann::json::parse(in, nullptr, false);
  if (!said.is_object()) return std::nullopt;
  const auto text = [&](const char* key) {
    const auto at = said.find(key);
    return at != said.end() && at->is_string() ? at->get<std::string>() : std::string();
  };
  if (text("url") != feed.url) return std::nullopt;
  KeptList out{{text("etag"), text("last_modified")}, 0};
  if (const auto at = said.find("fetched_at"); at != said.end() && at->is_number_integer()) out.fetched_at = *at;
  return out;
}

std::expected<void, std::string> FeedFiles::prepare() const {
  std::error_code error;
  std::filesystem::create_directories(folder_, error);
  if (error) return std::unexpected(fmt::format("{}: {}", folder_.string(), error.message()));
  return {};
}

std::expected<void, std::string> FeedFiles::keep(const FeedOption& feed, const KeptList& what, bool fresh_too) const {
  const auto said = nlohmann::json{
      {"url", feed.url},
      {"etag", what.mark.etag},
      {"last_modified", what.mark.last_modified},
      {"fetched_at",
       what.fetched_at}}.dump(2, ' ', false, nlohmann::json::error_handler_t::replace);
  std::error_code error;
  // The mark last: one that is older than its list costs a fetch, one that is newer would keep an old list forever.
  if (fresh_too) {
    std::filesystem::remove(mark(feed), error);
    std::filesystem::rename(fresh(feed), list(feed), error);
  }
  if (!error) {
    const auto partial = mark(feed).string() + ".partial";
    std::ofstream(partial, std::ios::trunc) << said << '\n';
    std::filesystem::rename(partial, mark(feed), error);
  }
  if (error) return std::unexpected(fmt::format("{}: {}", list(feed).string(), error.message()));
  return {};
}

}  // namespace placard::app
