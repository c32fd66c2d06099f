// Reading placard.toml by the table: every key is looked up, its value checked and converted, its setter called.
//
// Defaults go the same way as what the file says (a default that would not parse fails the tests). All problems of
// a file are collected before any is reported.
#include "resolver/app/options.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "policy/record/toml.hpp"
#include "resolver/app/option_values.hpp"
#include "resolver/app/suggest.hpp"
#include "resolver/serve/dns64.hpp"

namespace placard::app {
namespace {

bool is_list(OptionKind kind) {
  using enum OptionKind;
  return kind == names || kind == texts || kind == endpoints || kind == addresses || kind == prefixes ||
         kind == jurisdictions;
}

struct Place {
  std::uint32_t line = 0, column = 0;
};
Place place_of(const toml::source_region& source) {
  return {source.begin.line, source.begin.column};
}

class Reader {
 public:
  explicit Reader(std::string file) : file_(std::move(file)) {}

  Options options;
  std::vector<OptionProblem> problems;
  std::map<std::string_view, std::vector<Place>> places;  ///< where each entry of a repeated section begins

  void defaults() {
    for (const auto& option : option_table()) {
      if (section_of(option.section)->repeated) continue;
      const auto parsed = policy::parse_toml(fmt::format("value = {}", option.default_toml));
      read_value(option, *parsed->get("value"));
    }
  }

  void read(const toml::table& root) {
    for (const auto& [key, node] : root) {
      const auto* section = section_of(key.str());
      if (!section) {
        unknown(key, "", node.is_table() || node.is_array_of_tables() ? "section" : "key");
      } else if (section->repeated) {
        read_repeated(*section, node);
      } else if (const auto* table = node.as_table()) {
        read_table(*section, *table, key.source());
      } else {
        problem(node.source(), std::string(key.str()), fmt::format("is a section: write [{}]", section->name));
      }
    }
  }

  void problem(const toml::source_region& source, std::string key, std::string reason) {
    const auto place = place_of(source);
    problems.push_back({file_, place.line, place.column, std::move(key), std::move(reason)});
  }

 private:
  static const OptionSection* section_of(std::string_view name) {
    const auto sections = option_sections();
    const auto found = std::ranges::find(sections, name, &OptionSection::name);
    return found == sections.end() ? nullptr : &*found;
  }

  void read_repeated(const OptionSection& section, const toml::node& node) {
    const auto* array = node.as_array();
    if (!array || (!array->empty() && !node.is_array_of_tables())) {
      problem(node.source(), std::string(section.name),
              fmt::format("may stand several times: write [[{}]]", section.name));
      return;
    }
    for (const auto& entry : *array) {
      section.begin(options);
      places[section.name].push_back(place_of(entry.source()));
      const auto place = fmt::format("{}:{}", file_, places[section.name].back().line);
      if (section.name == "zone") options.reloadable.zones.back().place = place;
      if (section.name == "key") options.reloadable.keys.back().place = place;
      if (section.name == "feed") options.reloadable.feeds.back().place = place;
      read_table(section, *entry.as_table(), entry.source());
    }
  }

  void read_table(const OptionSection& section, const toml::table& table, const toml::source_region& source) {
    for (const auto& [key, node] : table) {
      const auto* option = option_of(section.name, key.str());
      if (option)
        read_value(*option, node);
      else
        unknown(key, section.name, "key");
    }
    if (!section.repeated) return;
    for (const auto& option : option_table())
      if (option.section == section.name && option.required && !table.contains(option.key))
        problem(source, option.full_key(), "is missing");
  }

  static const Option* option_of(std::string_view section, std::string_view key) {
    for (const auto& option : option_table())
      if (option.section == section && option.key == key) return &option;
    return nullptr;
  }

  void read_value(const Option& option, const toml::node& node) {
    OptionValue value;
    if (auto read = convert(option, node, value); !read) {
      problem(read.error().first, option.full_key(), read.error().second);
      return;
    }
    remember(option, value);
    option.set(options, value);
  }

  using At = std::pair<toml::source_region, std::string>;

  static std::expected<void, At> convert(const Option& option, const toml::node& node, OptionValue& value) {
    auto wrong = [&](const toml::node& at, std::string reason) {
      return std::unexpected(At{at.source(), std::move(reason)});
    };
    const auto wanted = fmt::format("must be {}", to_text(option.kind));
    if (is_list(option.kind)) {
      const auto* array = node.as_array();
      if (!array) return wrong(node, wanted);
      if (array->size() > kMaxListed) return wrong(node, fmt::format("more than {} entries", kMaxListed));
      if (option.required && array->empty()) return wrong(node, "must not be empty");
      for (const auto& entry : *array) {
        const auto* text = entry.as_string();
        if (!text) return wrong(entry, wanted);
        if (auto added = add_text(option, text->get(), value); !added) return wrong(entry, added.error());
        value.texts.push_back(text->get());
      }
      return {};
    }
    if (option.kind == OptionKind::boolean) {
      const auto* boolean = node.as_boolean();
      if (!boolean) return wrong(node, wanted);
      value.boolean = boolean->get();
      return {};
    }
    if (const auto* integer = node.as_integer();
        integer && (option.kind == OptionKind::integer || option.kind == OptionKind::size)) {
      value.integer = integer->get();
      if (auto ranged = check_range(option, value.integer); !ranged) return wrong(node, ranged.error());
      return {};
    }
    const auto* text = node.as_string();
    if (!text || option.kind == OptionKind::integer) return wrong(node, wanted);
    if (auto added = add_text(option, text->get(), value); !added) return wrong(node, added.error());
    value.text = text->get();
    return {};
  }

  /// For comparing what is fixed. Entries of repeated sections join under one key.
  void remember(const Option& option, const OptionValue& value) {
    if (option.reloadable) return;
    const auto text =
        fmt::format("{} {} \"{}\" [{}]", value.boolean, value.integer, value.text, fmt::join(value.texts, ", "));
    auto& known = options.fixed_values[option.full_key()];
    if (section_of(option.section)->repeated)
      known += text + ";";
    else
      known = text;
  }

  void unknown(const toml::key& key, std::string_view section, std::string_view what) {
    std::vector<std::string> known;
    for (const auto& option : option_table()) {
      if (option.section == section)
        known.emplace_back(option.key);
      else if (option.key == key.str() || section.empty())
        known.push_back(option.full_key());
    }
    if (section.empty())
      for (const auto& entry : option_sections()) known.emplace_back(entry.name);
    const auto full = section.empty() ? std::string(key.str()) : fmt::format("{}.{}", section, key.str());
    auto guess = closest(key.str(), known);
    // A key of that very name in another section is a better guess than a similar one in this.
    for (const auto& option : option_table())
      if (option.key == key.str()) {
        guess = option.full_key();
        break;
      }
    problem(key.source(), full,
            fmt::format("unknown {}{}", what, guess.empty() ? "" : fmt::format("; did you mean \"{}\"?", guess)));
  }

  static constexpr std::size_t kMaxListed = 10'000;
  std::string file_;
};

/// What no single option can see.
void check_together(Reader& reader) {
  auto bad_at = [&](const Place& place, std::string key, std::string reason) {
    reader.problems.push_back({reader.options.file, place.line, place.column, std::move(key), std::move(reason)});
  };
  auto bad = [&](std::string key, std::string reason) { bad_at({}, std::move(key), std::move(reason)); };
  const auto& fixed = reader.options.fixed;
  const auto& now = reader.options.reloadable;
  if (reader.options.all_listeners().empty()) bad("server.listen", "no address to listen at");
  if (fixed.min_ttl > fixed.max_ttl) bad("cache.min_ttl", "is above cache.max_ttl");
  for (const auto& prefix : now.dns64.prefixes)
    if (const auto good = serve::check_dns64_prefix(prefix); !good) bad("dns64.prefixes", good.error());
  if (!now.info_url.empty() && !now.info_url.starts_with("https://")) bad("server.info_url", "is no https: address");
  if (!fixed.ipv4 && !fixed.ipv6) bad("recursion.ipv4", "with recursion.ipv6 off as well, no server could be asked");
  for (const auto& negative : now.negative_anchors)
    if (const auto anchor = negative_anchor_from_text(negative); !anchor)
      bad("dnssec.negative_anchors", anchor.error());
  if (now.policy_order != "name-first" && now.policy_order != "names-outrank" && now.policy_order != "after-recursion")
    bad("policy.order", fmt::format("\"{}\" is none of name-first, names-outrank, after-recursion", now.policy_order));
  if (now.signed_names != "answer" && now.signed_names != "nxdomain" && now.signed_names != "refuse")
    bad("policy.signed", fmt::format("\"{}\" is none of answer, nxdomain, refuse", now.signed_names));
  if (fixed.dnssec.nsec3_insecure > fixed.dnssec.nsec3_bogus)
    bad("dnssec.nsec3_insecure", "is above dnssec.nsec3_bogus");
  std::set<std::string> views;
  for (std::size_t i = 0; i < now.views.size(); ++i)
    if (const auto& name = now.views[i].name; !views.insert(name).second)
      bad_at(reader.places["view"].at(i), "view.name", fmt::format("\"{}\" stands there twice", name));
  if (views.size() > 63) bad("view", "more than 63 views");
  std::set<std::string> feeds;
  for (std::size_t i = 0; i < now.feeds.size(); ++i) {
    if (!feeds.insert(now.feeds[i].id).second)
      bad_at(reader.places["feed"].at(i), "feed.id", fmt::format("\"{}\" stands there twice", now.feeds[i].id));
  }
  std::set<std::string> prefixes;
  for (std::size_t i = 0; i < now.views.size(); ++i)
    for (const auto& client : now.views[i].clients)
      if (!prefixes.insert(client).second)
        bad_at(reader.places["view"].at(i), "view.clients", fmt::format("\"{}\" stands there twice", client));
  std::set<std::string> keys;
  for (std::size_t i = 0; i < now.keys.size(); ++i)
    if (const auto name = now.keys[i].name.lowered().to_text(); !keys.insert(name).second)
      bad_at(reader.places["key"].at(i), "key.name", fmt::format("\"{}\" stands there twice", name));
  std::set<std::pair<std::string, std::string>> zones;
  for (std::size_t i = 0; i < now.zones.size(); ++i) {
    const auto& zone = now.zones[i];
    const auto apex = zone.name.lowered().to_text();
    auto where = zone.listen;
    if (where.empty()) where.emplace_back();
    for (const auto& endpoint : where)
      if (!zones.insert({apex, zone.listen.empty() ? "" : endpoint.to_text()}).second)
        bad_at(reader.places["zone"].at(i), "zone.name",
               fmt::format("\"{}\" stands there twice for the same listener", apex));
  }
}

std::string beside(const std::filesystem::path& folder, const std::string& path) {
  if (path.empty() || path.front() == '/') return path;
  return (folder / path).lexically_normal().string();
}

void resolve_paths(Options& options) {
  const auto folder = std::filesystem::path(options.file).parent_path();
  auto& fixed = options.fixed;
  fixed.root_hints = beside(folder, fixed.root_hints);
  fixed.dnssec.trust_anchors_file = beside(folder, fixed.dnssec.trust_anchors_file);
  for (auto& zone : options.reloadable.zones) {
    zone.file = beside(folder, zone.file);
    zone.key_folder = beside(folder, zone.key_folder);
  }
  for (auto& feed : options.reloadable.feeds) {
    feed.path = beside(folder, feed.path);
    feed.ca_file = beside(folder, feed.ca_file);
  }
  options.reloadable.cookies.secret_file = beside(folder, options.reloadable.cookies.secret_file);
  for (auto& key : options.reloadable.keys) key.secret_file = beside(folder, key.secret_file);
  fixed.state_is_default = fixed.state_directory.empty();
  fixed.state_directory =
      fixed.state_directory.empty() ? default_state_directory() : beside(folder, fixed.state_directory);
  fixed.store = beside(fixed.state_directory, fixed.store);
  fixed.cache_save = beside(fixed.state_directory, fixed.cache_save);
  fixed.dnssec.state_file = beside(fixed.state_directory, fixed.dnssec.state_file);
  fixed.control_socket = beside(fixed.state_directory, fixed.control_socket);
}

std::expected<void, std::string> load_cookie_secrets(CookieOptions& cookies) {
  if (!cookies.enabled || cookies.secret_file.empty()) return {};
  std::ifstream in(cookies.secret_file, std::ios::binary);
  std::string text(4096, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(in.gcount()));
  if (text.empty()) return std::unexpected(fmt::format("{} cannot be read, or is empty", cookies.secret_file));
  auto secrets = serve::parse_cookie_secrets(text);
  if (!secrets) return std::unexpected(fmt::format("{}: {}", cookies.secret_file, secrets.error()));
  cookies.secrets = *std::move(secrets);
  return {};
}

}  // namespace

std::string to_text(const OptionProblem& problem) {
  const auto file = problem.file.empty() ? std::string("configuration") : problem.file;
  if (problem.line == 0) return fmt::format("{}: {}: {}", file, problem.key, problem.reason);
  if (problem.key.empty()) return fmt::format("{}:{}:{}: {}", file, problem.line, problem.column, problem.reason);
  return fmt::format("{}:{}:{}: {}: {}", file, problem.line, problem.column, problem.key, problem.reason);
}

std::vector<net::Endpoint> Options::all_listeners() const {
  auto all = fixed.listen;
  for (const auto& zone : reloadable.zones)
    for (const auto& endpoint : zone.listen)
      if (std::ranges::find(all, endpoint) == all.end()) all.push_back(endpoint);
  return all;
}

std::expected<Options, std::vector<OptionProblem>> parse_options(std::string_view text, const std::string& file) {
  Reader reader(file);
  reader.options.file = file;
  reader.defaults();
  if (const auto parsed = policy::parse_toml(text)) {
    reader.read(*parsed);
  } else {
    const auto& error = parsed.error();
    reader.problems.push_back({file, error.line, error.column, "", error.message});
  }
  if (reader.problems.empty()) check_together(reader);
  if (!reader.problems.empty()) {
    std::ranges::stable_sort(reader.problems, {}, [](const auto& one) { return std::pair(one.line, one.column); });
    return std::unexpected(std::move(reader.problems));
  }
  resolve_paths(reader.options);
  auto& now = reader.options.reloadable;
  now.views = views_with_feeds(std::move(now.views), now.feeds);
  if (auto loaded = load_cookie_secrets(reader.options.reloadable.cookies); !loaded)
    return std::unexpected(std::vector{OptionProblem{file, 0, 0, "cookies.secret_file", loaded.error()}});
  return std::move(reader.options);
}

std::expected<Options, std::vector<OptionProblem>> load_options(const std::string& path) {
  if (path.empty()) return parse_options("", "");
  std::error_code error;
  std::ifstream in(path, std::ios::binary);
  if (!in || std::filesystem::is_directory(path, error))
    return std::unexpected(std::vector{OptionProblem{path, 0, 0, "configuration", "cannot be read"}});
  std::stringstream text;
  text << in.rdbuf();
  return parse_options(text.str(), path);
}

std::vector<std::string> fixed_changes(const Options& running, const Options& next) {
  std::vector<std::string> changed;
  for (const auto& option : option_table()) {
    if (option.reloadable) continue;
    auto value = [&](const Options& options) {
      const auto found = options.fixed_values.find(option.full_key());
      return found == options.fixed_values.end() ? std::string() : found->second;
    };
    if (value(running) != value(next)) changed.push_back(option.full_key());
  }
  const auto bound = running.all_listeners();
  const bool zone_listener_is_new = std::ranges::any_of(next.reloadable.zones, [&](const ZoneOption& zone) {
    return std::ranges::any_of(zone.listen,
                               [&](const auto& at) { return std::ranges::find(bound, at) == bound.end(); });
  });
  if (zone_listener_is_new) changed.emplace_back("zone.listen");
  return changed;
}

std::string default_state_directory() {
  auto variable = [](const char* name) {
    const char* value = std::getenv(name);
    return std::string(value ? value : "");
  };
  if (auto directory = variable("STATE_DIRECTORY"); !directory.empty()) return directory.substr(0, directory.find(':'));
  if (auto directory = variable("XDG_STATE_HOME"); directory.starts_with('/')) return directory + "/placard";
  if (auto home = variable("HOME"); home.starts_with('/')) return home + "/.local/state/placard";
  return "/var/lib/placard";
}

std::string find_configuration() {
  if (const char* named = std::getenv("PLACARD_CONFIG"); named && *named) return named;
  for (const auto& path : {std::string("placard.toml"), default_state_directory() + "/placard.toml"})
    if (::access(path.c_str(), F_OK) == 0) return path;
  return "";
}

}  // namespace placard::app
