#include "resolver/app/decision_input.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "policy/public/unicode.hpp"
#include "policy/record/decision_file.hpp"

namespace placard::app {

std::string place_of_broken_utf8(std::string_view text) {
  std::size_t line = 1, column = 1;
  while (!text.empty()) {
    const auto before = text.size();
    const auto character = policy::next_character(text);
    // U+FFFD may well be written: then it takes three octets. A broken one takes one.
    if (character == U'\uFFFD' && before - text.size() == 1) return fmt::format(":{}:{}", line, column);
    ++column;
    if (character == U'\n') ++line, column = 1;
  }
  return "";
}

std::expected<std::vector<DecisionFile>, std::string> read_decision_files(const std::vector<std::string>& paths) {
  std::vector<DecisionFile> files;
  for (const auto& path : paths) {
    std::error_code error;
    if (std::filesystem::is_directory(path, error)) return std::unexpected(path + ": is a folder");
    errno = 0;
    std::ifstream in(path, std::ios::binary);
    if (!in) return std::unexpected(fmt::format("{}: cannot be read: {}", path, std::strerror(errno)));
    std::string text(policy::kMaxDecisionFileSize + 1, '\0');
    in.read(text.data(), static_cast<std::streamsize>(text.size()));
    if (in.bad()) return std::unexpected(path + ": cannot be read");
    text.resize(static_cast<std::size_t>(in.gcount()));
    if (text.size() > policy::kMaxDecisionFileSize)
      return std::unexpected(fmt::format("{}: larger than {} MiB", path, policy::kMaxDecisionFileSize >> 20U));
    if (const auto place = place_of_broken_utf8(text); !place.empty())
      return std::unexpected(fmt::format("{}{}: not UTF-8", path, place));
    files.push_back({path, std::move(text)});
  }
  return files;
}

}  // namespace placard::app
