// From entries to records: directives, owners, TTLs; then to the builder, which checks the zone as a whole.
#include "zones/load.hpp"

#include <algorithm>
#include <fstream>
#include <optional>
#include <system_error>

#include "zones/entry_reader.hpp"
#include "zones/wire/ldns_adapter.hpp"
#include "zones/wire/presentation.hpp"

namespace placard::zones {
namespace {

namespace fs = std::filesystem;
using wire::Name;
using wire::RecordType;

constexpr int kMaxIncludeDepth = 8;
constexpr std::size_t kMaxFiles = 256;  // read for one zone, includes repeated
constexpr std::uintmax_t kMaxFileSize = std::uintmax_t{4} << 30;

std::expected<std::string, std::string> read_file(const fs::path& path) {
  std::error_code error;
  if (!fs::is_regular_file(path, error)) {
    return std::unexpected(error ? error.message() : fs::exists(path, error) ? "not a regular file" : "no such file");
  }
  const auto size = fs::file_size(path, error);
  if (error) return std::unexpected(error.message());
  if (size > kMaxFileSize) return std::unexpected("larger than 4 GiB");
  std::ifstream file(path, std::ios::binary);
  if (!file) return std::unexpected("cannot be opened");
  std::string text(size, '\0');
  file.read(text.data(), static_cast<std::streamsize>(size));
  if (file.bad() || static_cast<std::uintmax_t>(file.gcount()) != size) return std::unexpected("cannot be read");
  return text;
}

/// `name` from the folder, or from below it; symbolic links followed before that is judged.
std::expected<fs::path, std::string> inside(const fs::path& folder, const std::string& name) {
  std::error_code error;
  const fs::path path = fs::canonical(folder / name, error);
  if (error) return std::unexpected(name + ": " + error.message());
  const auto [end, at] = std::mismatch(folder.begin(), folder.end(), path.begin(), path.end());
  if (end != folder.end()) return std::unexpected(name + " is outside of the zone's folder");
  return path;
}

class Loader {
 public:
  Loader(wire::NameView origin, fs::path folder) : builder_(origin), folder_(std::move(folder)) {}

  std::expected<void, LoadError> read(std::string_view text, std::string file, const Name& origin, int depth);
  std::expected<Zone, LoadError> finish(std::vector<LoadError>* warnings);

 private:
  /// What a file starts with, and $INCLUDE gives back (RFC 1035 5.1).
  struct State {
    Name origin;
    std::optional<Name> owner;
  };
  using Done = std::expected<void, std::string>;

  Done directive(std::string_view entry, State& state);
  Done record(std::string_view entry, State& state);
  std::expected<void, LoadError> include(std::string_view arguments, const State& state, int depth);
  std::expected<std::uint32_t, std::string> ttl_of(const wire::RecordFields& fields, wire::Bytes rdata);
  LoadError error(std::uint32_t line, std::string reason) const { return {files_[file_], line, std::move(reason)}; }
  LoadError error(ZoneProblem problem) const;

  ZoneBuilder builder_;
  fs::path folder_;                                            // empty: $INCLUDE is refused
  std::vector<std::string> files_;                             // all that were read
  std::size_t file_ = 0;                                       // the one being read
  std::vector<std::pair<std::size_t, std::uint32_t>> places_;  // file and line of each record
  std::optional<std::uint32_t> default_ttl_, last_ttl_;
  std::uint32_t line_ = 0;
};

std::expected<void, LoadError> Loader::read(std::string_view text, std::string file, const Name& origin, int depth) {
  const std::size_t including = file_;
  file_ = files_.size();
  files_.push_back(std::move(file));
  State state{origin, std::nullopt};
  EntryReader reader(text);
  for (;;) {
    const auto entry = reader.next();
    line_ = reader.line();
    if (!entry) return std::unexpected(error(line_, entry.error()));
    if (entry->empty()) break;
    std::string_view rest = *entry;
    if (rest.front() == '$' && wire::take_field(rest) == "$INCLUDE") {
      if (auto included = include(rest, state, depth); !included) return included;
      continue;
    }
    const auto done = entry->front() == '$' ? directive(*entry, state) : record(*entry, state);
    if (!done) return std::unexpected(error(line_, done.error()));
  }
  file_ = including;
  return {};
}

std::expected<void, LoadError> Loader::include(std::string_view arguments, const State& state, int depth) {
  const std::uint32_t line = line_;
  std::string name(wire::take_field(arguments));
  if (name.size() >= 2 && name.front() == '"' && name.back() == '"') name = name.substr(1, name.size() - 2);
  const std::string_view origin_text = wire::take_field(arguments);
  if (name.empty() || !arguments.empty())
    return std::unexpected(error(line, "$INCLUDE wants a file, and perhaps an origin"));
  if (folder_.empty()) return std::unexpected(error(line, "$INCLUDE is not allowed here"));
  if (depth == kMaxIncludeDepth) return std::unexpected(error(line, "$INCLUDE nested more than 8 deep"));
  if (files_.size() == kMaxFiles) return std::unexpected(error(line, "more than 256 files"));
  Name origin = state.origin;
  if (!origin_text.empty()) {
    const auto parsed = wire::name_from_text(origin_text, state.origin);
    if (!parsed) return std::unexpected(error(line, "$INCLUDE: origin: " + std::string(to_text(parsed.error()))));
    origin = *parsed;
  }
  const auto path = inside(folder_, name);
  if (!path) return std::unexpected(error(line, "$INCLUDE: " + path.error()));
  const auto text = read_file(*path);
  if (!text) return std::unexpected(error(line, "$INCLUDE: " + name + ": " + text.error()));
  return read(*text, path->string(), origin, depth + 1);
}

Loader::Done Loader::directive(std::string_view entry, State& state) {
  const std::string_view name = wire::take_field(entry);
  const std::string_view argument = wire::take_field(entry);
  if (name == "$GENERATE") return std::unexpected("$GENERATE is not supported");
  if (name != "$ORIGIN" && name != "$TTL") return std::unexpected("unknown directive " + std::string(name));
  if (argument.empty() || !entry.empty()) return std::unexpected(std::string(name) + " wants one argument");
  if (name == "$TTL") {
    default_ttl_ = wire::ttl_from_text(argument);
    if (!default_ttl_) return std::unexpected("$TTL: '" + std::string(argument) + "' is not a TTL");
    return {};
  }
  const auto origin = wire::name_from_text(argument, state.origin);
  if (!origin) return std::unexpected("$ORIGIN: " + std::string(to_text(origin.error())));
  state.origin = *origin;
  return {};
}

Loader::Done Loader::record(std::string_view entry, State& state) {
  const auto fields = wire::split_record(entry);
  if (!fields) return std::unexpected(fields.error());
  if (!fields->owner.empty()) {
    const auto owner = wire::name_from_text(fields->owner, state.origin);
    if (!owner)
      return std::unexpected("owner '" + std::string(fields->owner) + "': " + std::string(to_text(owner.error())));
    state.owner = *owner;
  }
  if (!state.owner) return std::unexpected("a record without an owner, and none before it");
  if (fields->record_class.value_or(wire::RecordClass::in) != wire::RecordClass::in) {
    return std::unexpected("class " + to_text(*fields->record_class) + ": only IN is served");
  }
  const auto rdata = wire::rdata_from_text(fields->type, fields->rdata, state.origin);
  if (!rdata) return std::unexpected(to_text(fields->type) + ": " + rdata.error());
  const auto ttl = ttl_of(*fields, *rdata);
  if (!ttl) return std::unexpected(ttl.error());
  places_.emplace_back(file_, line_);
  return builder_.add(*state.owner, fields->type, *ttl, *rdata, static_cast<std::uint32_t>(places_.size()));
}

/// Its own, else $TTL's, else the one before (RFC 1035 5.1); for a SOA without any, its minimum, as BIND does.
std::expected<std::uint32_t, std::string> Loader::ttl_of(const wire::RecordFields& fields, wire::Bytes rdata) {
  if (fields.ttl) last_ttl_ = fields.ttl;
  auto ttl = fields.ttl ? fields.ttl : default_ttl_ ? default_ttl_ : last_ttl_;
  if (!ttl && fields.type == RecordType::soa) {
    if (const auto soa = wire::parse_soa(rdata)) ttl = last_ttl_ = std::min(soa->minimum, 0x7fffffffU);
  }
  if (!ttl) return std::unexpected("no TTL, and no $TTL before");
  return *ttl;
}

LoadError Loader::error(ZoneProblem problem) const {
  if (problem.place == 0) return {files_.front(), 0, std::move(problem.reason)};
  const auto [file, line] = places_[problem.place - 1];
  return {files_[file], line, std::move(problem.reason)};
}

std::expected<Zone, LoadError> Loader::finish(std::vector<LoadError>* warnings) {
  std::vector<ZoneProblem> doubts;
  auto zone = builder_.build(warnings != nullptr ? &doubts : nullptr);
  if (!zone) return std::unexpected(error(std::move(zone.error())));
  for (ZoneProblem& doubt : doubts) warnings->push_back(error(std::move(doubt)));
  return std::move(*zone);
}

}  // namespace

std::string to_text(const LoadError& error) {
  return error.file + (error.line == 0 ? "" : ":" + std::to_string(error.line)) + ": " + error.reason;
}

std::expected<Zone, LoadError> load_zone(const fs::path& path, wire::NameView origin,
                                         std::vector<LoadError>* warnings) {
  const auto text = read_file(path);
  if (!text) return std::unexpected(LoadError{path.string(), 0, text.error()});
  std::error_code error;
  const fs::path folder = fs::canonical(path, error).parent_path();
  if (error) return std::unexpected(LoadError{path.string(), 0, error.message()});
  Loader loader(origin, folder);
  if (auto read = loader.read(*text, path.string(), Name(origin), 0); !read)
    return std::unexpected(std::move(read.error()));
  return loader.finish(warnings);
}

std::expected<Zone, LoadError> parse_zone(std::string_view text, wire::NameView origin, std::string file,
                                          std::vector<LoadError>* warnings) {
  Loader loader(origin, {});
  if (auto read = loader.read(text, std::move(file), Name(origin), 0); !read)
    return std::unexpected(std::move(read.error()));
  return loader.finish(warnings);
}

}  // namespace placard::zones
