// `placard export`: every public table, row by row, so that memory stays bounded however long the record is.
#include <fmt/format.h>

#include <cstdio>
#include <fstream>

#include "policy/public/research.hpp"
#include "resolver/app/operations.hpp"

namespace placard::app {
namespace {

std::vector<policy::ExportFile> files_of(const policy::Store& store, const std::string& format) {
  auto files = policy::export_files(store);
  std::erase_if(files, [&](const policy::ExportFile& file) { return file.csv != (format == "csv"); });
  return files;
}

std::string name_of(const policy::ExportFile& file) {
  return file.name.substr(0, file.name.rfind('.'));
}

}  // namespace

Done export_to_folder(const policy::Store& store, const std::string& format, const std::filesystem::path& folder,
                      policy::Time now) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) return std::unexpected(fmt::format("{}: {}", folder.string(), error.message()));
  const auto files = files_of(store, format);
  std::vector<std::int64_t> rows;
  for (const auto& file : files) {
    // Written beside and renamed: a file of its name is whole.
    const auto path = folder / file.name, beside = folder / (file.name + ".new");
    std::ofstream out(beside, std::ios::binary | std::ios::trunc);
    rows.push_back(policy::write_export(store, file, [&](std::string_view octets) {
      out << octets;
      return out.good();
    }));
    out.close();
    if (!out) return std::unexpected(fmt::format("{}: cannot be written", beside.string()));
    std::filesystem::rename(beside, path, error);
    if (error) return std::unexpected(fmt::format("{}: {}", path.string(), error.message()));
  }
  return policy::export_summary(store, files, rows, now);
}

std::expected<void, std::string> export_to_output(const policy::Store& store, const std::string& format,
                                                  const std::string& table) {
  auto files = files_of(store, format);
  if (!table.empty()) std::erase_if(files, [&](const policy::ExportFile& file) { return name_of(file) != table; });
  if (files.empty()) return std::unexpected(fmt::format("there is no public table \"{}\"", table));
  if (files.size() > 1 && format == "csv")
    return std::unexpected("CSV has one file for each table: name a folder with --output, or one table with --table");
  for (const auto& file : files) {
    // Lines of several tables follow one another, so each says which one it is of.
    const auto lead = fmt::format("{{\"table\":\"{}\",", name_of(file));
    policy::write_export(store, file, [&](std::string_view octets) {
      if (format == "jsonl" && octets.starts_with('{')) {
        std::fwrite(lead.data(), 1, lead.size(), stdout);
        octets.remove_prefix(1);
      }
      return std::fwrite(octets.data(), 1, octets.size(), stdout) == octets.size();
    });
    if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0)
      return std::unexpected("standard output: cannot be written to");
  }
  return {};
}

}  // namespace placard::app
