// From entries to records: directives, owners, TTLs; then to the builder, which checks the zone as a whole.
#include "zones/load.hpp"

#include <algorithm>
#include <fstream>
#include <optional>
#include <system_error>

#include "zones/entry_reader.hpp"
#include "zones/generate.hpp"
#include "zones/wire/ldns_adapter.hpp"
#include "zones/wire/presentation.hpp"
#include "zones/zonemd.hpp"

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

/// Directives are upper case, and read in any.
bool is_directive(std::string_view text, std::string_view name) {
  return std::ranges::equal(text, name, {},
                            [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; });
}

/// What is wrong with an entry, and which part of it; empty: all of it.
using Complaint = wire::TextError;
using Taken = std::expected<void, Complaint>;

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
  /// Records are told apart by the count of all lines read: from `first` on they are lines of `file` from `line` on.
  struct Stretch {
    std::uint32_t first;
    std::size_t file;
    std::uint32_t line;
  };

  Taken directive(std::string_view entry, State& state);
  Taken generate(std::string_view arguments, State& state);
  Taken record(std::string_view entry, State& state);
  std::expected<void, LoadError> include(std::string_view arguments, const State& state, const EntryReader& reader,
                                         int depth);
  Taken set_ttl(const wire::RecordFields& fields, std::uint32_t& ttl);

  void begin_stretch(std::size_t file, std::uint32_t line);
  void note_line(std::uint32_t line) { line_ = stretches_.back().first + line - stretches_.back().line; }
  LoadError at(EntryReader::Place place, std::string reason) const {
    return {files_[stretches_.back().file], place.line, place.column, std::move(reason)};
  }
  LoadError at(ZoneProblem problem) const;

  ZoneBuilder builder_;
  fs::path folder_;                 // empty: $INCLUDE is refused
  std::vector<std::string> files_;  // all that were read
  std::vector<Stretch> stretches_;  // by rising `first`
  std::uint32_t line_ = 0;          // of the entry being read, in the count of all
  std::optional<std::uint32_t> default_ttl_, last_ttl_;
  std::uint64_t generated_ = 0;      // records made by $GENERATE
  std::vector<std::uint8_t> rdata_;  // of the record being read
  std::vector<LoadError> left_out_;  // records outside of the zone
};

std::expected<void, LoadError> Loader::read(std::string_view text, std::string file, const Name& origin, int depth) {
  files_.push_back(std::move(file));
  begin_stretch(files_.size() - 1, 1);
  State state{origin, std::nullopt};
  EntryReader reader(text);
  for (;;) {
    const auto entry = reader.next();
    if (!entry) return std::unexpected(at(reader.place(), entry.error()));
    if (entry->empty()) return {};
    note_line(reader.place().line);
    if (entry->front() != '$') {
      if (auto done = record(*entry, state); !done)
        return std::unexpected(at(reader.place_of(done.error().where), std::move(done.error().reason)));
      continue;
    }
    std::string_view arguments = *entry;
    if (is_directive(wire::take_field(arguments), "$INCLUDE")) {
      if (auto included = include(arguments, state, reader, depth); !included) return included;
    } else if (auto done = directive(*entry, state); !done) {
      return std::unexpected(at(reader.place_of(done.error().where), std::move(done.error().reason)));
    }
  }
}

/// The lines of another file, or those behind an $INCLUDE, are counted on from the last one read.
void Loader::begin_stretch(std::size_t file, std::uint32_t line) {
  stretches_.push_back({line_ + 1, file, line});
}

std::expected<void, LoadError> Loader::include(std::string_view arguments, const State& state,
                                               const EntryReader& reader, int depth) {
  const auto place = reader.place();
  const auto fail = [&](std::string reason) { return std::unexpected(at(place, "$INCLUDE" + std::move(reason))); };
  std::string name(wire::take_field(arguments));
  if (name.size() >= 2 && name.front() == '"' && name.back() == '"') name = name.substr(1, name.size() - 2);
  const std::string_view origin_text = wire::take_field(arguments);
  if (name.empty() || !arguments.empty()) return fail(" wants a file, and perhaps an origin");
  if (folder_.empty()) return fail(" is not allowed here");
  if (depth == kMaxIncludeDepth) return fail(" nested more than 8 deep");
  if (files_.size() == kMaxFiles) return fail(": more than 256 files");
  Name origin = state.origin;
  if (!origin_text.empty()) {
    const auto parsed = wire::name_from_text(origin_text, state.origin);
    if (!parsed) return fail(": origin: " + std::string(to_text(parsed.error())));
    origin = *parsed;
  }
  const auto path = inside(folder_, name);
  if (!path) return fail(": " + path.error());
  const auto text = read_file(*path);
  if (!text) return fail(": " + name + ": " + text.error());
  const std::size_t file = stretches_.back().file;
  if (auto done = read(*text, path->string(), origin, depth + 1); !done) return done;
  begin_stretch(file, place.line + 1);
  return {};
}

Taken Loader::directive(std::string_view entry, State& state) {
  const auto fail = [](std::string reason, std::string_view where) {
    return std::unexpected(Complaint{std::move(reason), where});
  };
  const std::string_view name = wire::take_field(entry);
  if (is_directive(name, "$GENERATE")) return generate(entry, state);
  const bool ttl = is_directive(name, "$TTL");
  if (!ttl && !is_directive(name, "$ORIGIN")) return fail("unknown directive " + std::string(name), name);
  const std::string_view argument = wire::take_field(entry);
  if (argument.empty() || !entry.empty()) return fail(std::string(name) + " wants one argument", name);
  if (ttl) {
    default_ttl_ = wire::ttl_from_text(argument);
    if (!default_ttl_) return fail("$TTL: '" + std::string(argument) + "' is not a TTL", argument);
    return {};
  }
  const auto origin = wire::name_from_text(argument, state.origin);
  if (!origin) return fail("$ORIGIN: " + std::string(to_text(origin.error())), argument);
  state.origin = *origin;
  return {};
}

/// RANGE OWNER [TTL] [CLASS] TYPE RDATA, once for each value of the range. A record behind it that names no owner has
/// that of the one before it.
Taken Loader::generate(std::string_view arguments, State& state) {
  const auto fail = [&](std::string reason, std::string_view where) {
    return std::unexpected(Complaint{"$GENERATE: " + std::move(reason), where});
  };
  const std::string_view range_text = wire::take_field(arguments);
  const auto range = parse_generate_range(range_text);
  if (!range) return fail(range.error(), range_text);
  const auto fields = wire::split_record(arguments);
  if (!fields) return fail(fields.error().reason, fields.error().where);
  if (fields->owner.empty()) return fail("no owner", arguments);
  generated_ += range->count();
  if (generated_ > kMaxGenerated) return fail("more than " + std::to_string(kMaxGenerated) + " records", range_text);
  const std::string rdata = template_rdata(fields->type, fields->rdata);
  const std::string_view middle(
      fields->owner.data() + fields->owner.size(),
      static_cast<std::size_t>(fields->rdata.data() - (fields->owner.data() + fields->owner.size())));
  const auto owner_before = state.owner;
  std::string line;
  for (std::uint64_t value = range->start; value <= range->stop; value += range->step) {
    line.clear();
    auto made = expand_generate(fields->owner, static_cast<std::uint32_t>(value), line);
    line += middle;
    if (made) made = expand_generate(rdata, static_cast<std::uint32_t>(value), line);
    if (!made) return fail(made.error(), arguments);
    if (auto done = record(line, state); !done)
      return fail("at " + std::to_string(value) + ": " + done.error().reason, arguments);
  }
  state.owner = owner_before;
  return {};
}

Taken Loader::record(std::string_view entry, State& state) {
  const auto fail = [](std::string reason, std::string_view where) {
    return std::unexpected(Complaint{std::move(reason), where});
  };
  const auto fields = wire::split_record(entry);
  if (!fields) return std::unexpected(fields.error());
  if (!fields->owner.empty()) {
    const auto owner = wire::name_from_text(fields->owner, state.origin);
    if (!owner)
      return fail("owner '" + std::string(fields->owner) + "': " + std::string(to_text(owner.error())), fields->owner);
    state.owner = *owner;
  }
  if (!state.owner) return fail("a record without an owner, and none before it", entry);
  if (fields->record_class.value_or(wire::RecordClass::in) != wire::RecordClass::in)
    return fail("class " + to_text(*fields->record_class) + ": only IN is served", entry);
  if (auto rdata = wire::read_rdata(fields->type, fields->rdata, state.origin, rdata_); !rdata)
    return fail(to_text(fields->type) + ": " + rdata.error().reason, rdata.error().where);
  std::uint32_t ttl = 0;
  if (auto set = set_ttl(*fields, ttl); !set) return set;
  if (!state.owner->view().is_subdomain_of(builder_.origin())) {
    const Stretch& here = stretches_.back();
    left_out_.push_back({files_[here.file], here.line + line_ - here.first, 0,
                         state.owner->to_text() + " is outside of the zone and left out"});
    return {};
  }
  if (auto added = builder_.add(*state.owner, fields->type, ttl, rdata_, line_); !added)
    return fail(std::move(added.error()), entry);
  return {};
}

/// Its own, else $TTL's, else the one before (RFC 1035 5.1); for a SOA without any, its minimum, as BIND does.
Taken Loader::set_ttl(const wire::RecordFields& fields, std::uint32_t& ttl) {
  if (fields.ttl) last_ttl_ = fields.ttl;
  auto found = fields.ttl ? fields.ttl : default_ttl_ ? default_ttl_ : last_ttl_;
  if (!found && fields.type == RecordType::soa) {
    if (const auto soa = wire::parse_soa(rdata_)) found = last_ttl_ = std::min(soa->minimum, 0x7fffffffU);
  }
  if (!found) return std::unexpected(Complaint{"no TTL, and no $TTL before", {}});
  ttl = *found;
  return {};
}

LoadError Loader::at(ZoneProblem problem) const {
  if (problem.place == 0) return {files_.front(), 0, 0, std::move(problem.reason)};
  const Stretch& found = *std::prev(std::ranges::upper_bound(stretches_, problem.place, {}, &Stretch::first));
  return {files_[found.file], found.line + problem.place - found.first, 0, std::move(problem.reason)};
}

std::expected<Zone, LoadError> Loader::finish(std::vector<LoadError>* warnings) {
  std::vector<ZoneProblem> doubts;
  auto zone = builder_.build(warnings != nullptr ? &doubts : nullptr);
  if (!zone) return std::unexpected(at(std::move(zone.error())));
  const auto digest = check_zonemd(*zone);
  if (digest.verdict == ZonemdCheck::Verdict::bad) return std::unexpected(at(ZoneProblem{0, digest.reason}));
  if (warnings != nullptr) {
    if (digest.verdict == ZonemdCheck::Verdict::unknown) doubts.push_back({0, digest.reason});
    std::ranges::move(left_out_, std::back_inserter(*warnings));
    for (ZoneProblem& doubt : doubts) warnings->push_back(at(std::move(doubt)));
  }
  return std::move(*zone);
}

}  // namespace

std::string to_text(const LoadError& error) {
  std::string text = error.file;
  if (error.line != 0) text += ":" + std::to_string(error.line);
  if (error.column != 0) text += ":" + std::to_string(error.column);
  return text + ": " + error.reason;
}

std::expected<Zone, LoadError> load_zone(const fs::path& path, wire::NameView origin,
                                         std::vector<LoadError>* warnings) {
  const auto text = read_file(path);
  if (!text) return std::unexpected(LoadError{path.string(), 0, 0, text.error()});
  std::error_code error;
  const fs::path folder = fs::canonical(path, error).parent_path();
  if (error) return std::unexpected(LoadError{path.string(), 0, 0, error.message()});
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
