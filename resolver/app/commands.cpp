#include "resolver/app/commands.hpp"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <csignal>
#include <filesystem>
#include <iostream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "resolver/app/check.hpp"
#include "resolver/app/client.hpp"
#include "resolver/app/clock.hpp"
#include "resolver/app/decision_input.hpp"
#include "resolver/app/import_command.hpp"
#include "resolver/app/options.hpp"
#include "resolver/app/serve.hpp"
#include "resolver/app/version.hpp"
#include "resolver/app/zone_check.hpp"

namespace placard::app {
namespace {

using nlohmann::json;

/// What every command may be told.
struct Common {
  std::string config;
  bool as_json = false;
};

/// Columns of the terminal at standard output; 80 when it is none.
std::size_t terminal_width() {
  winsize size{};
  return ::isatty(STDOUT_FILENO) && ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col >= 40 ? size.ws_col
                                                                                                        : 80;
}

/// Several problems stand on several lines; each is a whole sentence of its own. What they quote may be anything.
void complain(const std::string& reason) {
  std::istringstream lines(reason);
  for (std::string line; std::getline(lines, line);)
    for (const auto& harmless : policy::wrap_text(line, 0)) std::cerr << "placard: " << harmless << '\n';
}

/// A broken sequence of UTF-8 becomes U+FFFD.
std::string dumped(const json& value) {
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

/// Must be typed with something in it: an empty variable of a script is not "now" or "nobody".
std::string not_empty(const std::string& text) {
  return text.empty() ? "must not be empty" : "";
}

json described(const Option& option) {
  return {{"option", option.full_key()}, {"kind", to_text(option.kind)}, {"default", option.default_toml},
          {"unit", option.unit},         {"reload", option.reloadable},  {"help", option.help}};
}

/// One subcommand: its arguments live here until CLI11 has parsed, then `run` is called.
class CommandLine {
 public:
  CommandLine() : app_("Placard: a DNS service that can be held to account.", "placard") {
    app_.require_subcommand(1);
    app_.failure_message(CLI::FailureMessage::simple);
    app_.set_version_flag("--version", version_text());
    server_commands();
    record_commands();
    research_commands();
    control_commands();
  }

  int run(int argc, char** argv) {
    try {
      app_.parse(argc, argv);
    } catch (const CLI::Success& success) {
      return app_.exit(success);  // --help, --version
    } catch (const CLI::ParseError& error) {
      common_.as_json =
          std::any_of(argv, argv + argc, [](const char* word) { return std::string_view(word) == "--json"; });
      failed(error.what());
      std::cerr << "Run placard --help, or placard COMMAND --help, for what is known.\n";
      return 2;
    }
    try {
      return action_();
    } catch (const std::exception& error) {
      return failed(error.what());
    }
  }

 private:
  CLI::App* command(CLI::App& parent, const std::string& name, const std::string& help, std::function<int()> action) {
    auto* sub = parent.add_subcommand(name, help);
    sub->add_option("--config", common_.config, "The configuration file");
    sub->add_flag("--json", common_.as_json, "Print JSON");
    sub->callback([this, action = std::move(action)] { action_ = action; });
    return sub;
  }

  Rendering rendering() const { return {common_.as_json, terminal_width()}; }

  /// For people on standard error, with --json for programs on standard output too.
  int failed(const std::string& reason) const {
    complain(reason);
    if (common_.as_json) std::cout << dumped({{"error", reason}}) << std::endl;
    return 1;
  }

  int print(const Output& output) const {
    if (!output) return failed(output.error());
    std::cout << *output << std::flush;
    if (std::cout) return 0;
    complain("standard output: cannot be written to");
    return 1;
  }

  std::optional<Options> read_options() const {
    auto options = load_options(common_.config.empty() ? find_configuration() : common_.config);
    if (options) return *std::move(options);
    std::string all;
    for (const auto& problem : options.error()) all += (all.empty() ? "" : "\n") + to_text(problem);
    failed(all);
    return std::nullopt;
  }

  /// To the server, or here when none runs. Typed octets that are no UTF-8 are replaced; files have none (see
  /// decision_input.hpp).
  int request(const json& what) {
    const auto options = read_options();
    return options ? print(perform(*options, dumped(what), rendering())) : 1;
  }

  int decide_files() {
    const auto files = read_decision_files(files_);
    if (!files) return failed(files.error());
    json list = json::array();
    for (const auto& file : *files) list.push_back({{"name", file.name}, {"text", file.text}});
    return request({{"operation", "decide"}, {"files", std::move(list)}, {"clock_is_right", clock_is_right_}});
  }

  int check() const {
    const auto path = common_.config.empty() ? find_configuration() : common_.config;
    const auto options = load_options(path);
    CheckResult result;
    if (options)
      result = check_configuration(*options);
    else
      for (const auto& problem : options.error()) result.problems.push_back(to_text(problem));
    const bool good = result.problems.empty();
    for (const auto& problem : result.problems) complain(problem);
    for (const auto& warning : result.warnings) complain("warning: " + warning);
    const auto written = print(common_.as_json ? dumped({{"good", good},
                                                         {"configuration", path},
                                                         {"problems", result.problems},
                                                         {"warnings", result.warnings}}) +
                                                     "\n"
                               : good ? (path.empty() ? "built-in defaults" : path) + ": good\n"
                                      : std::string());
    return good ? written : 1;
  }

  /// Problems and warnings on standard error, where each stands; what the zone is on standard output.
  int check_zone() {
    const auto origin = name_.empty() ? origin_of_file(file_) : typed_name(name_);
    if (!origin) return failed(name_.empty() ? file_ + ": say the zone's name with --origin" : name_ + ": not a name");
    const auto checked = check_zone_file(file_, *origin, system_time());
    for (const auto& warning : checked.warnings) complain("warning: " + zones::to_text(warning));
    const bool good = !checked.problem && (!strict_ || checked.warnings.empty());
    if (checked.problem) complain(zones::to_text(*checked.problem));
    if (common_.as_json) {
      json all = checked.problem ? json::object() : json::parse(policy::to_json(checked.summary));
      all["good"] = good;
      all["file"] = file_;
      if (checked.problem) all["problem"] = place_of(*checked.problem);
      all["warnings"] = json::array();
      for (const auto& warning : checked.warnings) all["warnings"].push_back(place_of(warning));
      const int printed = print(dumped(all) + "\n");
      return good ? printed : 1;
    }
    if (checked.problem) return 1;
    const int printed = print(policy::to_text(checked.summary, terminal_width()));
    return good ? printed : 1;
  }

  static std::optional<wire::Name> typed_name(const std::string& text) {
    const auto name = wire::Name::from_text(text);
    return name ? std::optional(*name) : std::nullopt;
  }

  static json place_of(const zones::LoadError& error) {
    return {{"file", error.file}, {"line", error.line}, {"column", error.column}, {"reason", error.reason}};
  }

  int print_options() const {
    if (!common_.as_json) return print(man_ ? manual_page() : example_configuration());
    json all = json::array();
    for (const auto& option : option_table()) all.push_back(described(option));
    return print(dumped({{"options", std::move(all)}}) + "\n");
  }

  /// On the record, read-only.
  int ask(const std::function<Done(policy::Store&)>& question) {
    const auto options = read_options();
    return options ? print(read_record(*options, rendering(), question)) : 1;
  }

  int export_record() {
    if (!output_.empty())
      return ask([&](policy::Store& store) { return export_to_folder(store, format_, output_, system_time()); });
    const auto options = read_options();
    if (!options) return 1;
    const auto store = policy::Store::open(options->fixed.store, policy::Store::Mode::read_only, system_time());
    const auto written = export_to_output(store, format_, table_);
    return written ? 0 : failed(written.error());
  }

  void server_commands() {
    command(app_, "serve", "Run the server in the foreground", [this] {
      const auto options = read_options();
      return options ? serve(*options) : 1;
    });
    command(app_, "check", "Validate the configuration, the zones and root hints it names, and the record's log",
            [this] { return check(); });
    auto* zone = app_.add_subcommand("zone", "Look at master files");
    zone->require_subcommand(1);
    auto* check_file =
        command(*zone, "check", "Read a master file as the server would, and say what is wrong or doubtful",
                [this] { return check_zone(); });
    check_file->add_option("FILE", file_, "The master file")->required();
    check_file->add_option("--origin", name_, "The zone's name; else that of the file without .zone, .db or .signed");
    check_file->add_flag("--strict", strict_, "Fail for warnings too");
    auto* options =
        command(app_, "options", "Print the documented example configuration", [this] { return print_options(); });
    options->add_flag("--man", man_, "Print the manual page placard.toml(5) instead");
    command(app_, "version", "Print the version", [this] {
      return print(common_.as_json ? dumped({{"version", kVersion}, {"built", policy::to_text(build_time())}}) + "\n"
                                   : version_text() + "\n");
    });
  }

  void record_commands() {
    auto* decide =
        command(app_, "decide", "Record decisions written as TOML files; the server answers by them when this returns",
                [this] { return decide_files(); });
    decide->add_option("FILE", files_, "Decision files")->required();
    decide->add_flag("--clock-is-right", clock_is_right_,
                     "Record although the clock is years ahead of all that is known");
    auto* lift = command(app_, "lift", "End a decision now", [this] {
      return request({{"operation", "lift"}, {"id", id_}, {"reason", reason_}, {"clock_is_right", clock_is_right_}});
    });
    lift->add_option("ID", id_, "The decision")->required();
    lift->add_option("--reason", reason_, "Why it ends; public")->required();
    lift->add_flag("--clock-is-right", clock_is_right_, "As of decide");
    import_command();
    auto* disclose = command(app_, "disclose", "Make a delayed or sealed decision public for good", [this] {
      return request(
          {{"operation", "disclose"}, {"id", id_}, {"reason", reason_}, {"clock_is_right", clock_is_right_}});
    });
    disclose->add_option("ID", id_, "The decision")->required();
    disclose->add_option("--reason", reason_, "Why now; public")->required();
    disclose->add_flag("--clock-is-right", clock_is_right_, "As of decide");
    auto* preview = command(app_, "preview", "Say what a decision would do if it came into force", [this] {
      const auto options = read_options();
      return options ? print(read_record(
                           *options, rendering(),
                           [&](policy::Store& store) { return app::preview(store, *options, id_, system_time()); }))
                     : 1;
    });
    preview->add_option("ID", id_, "The decision")->required();
    state_command("activate", "Bring a decision that is proposed, in shadow or suspended into force");
    state_command("shadow", "Have a decision matched and counted, without changing any answer");
    auto* backup = command(app_, "backup", "Copy the whole record, while the server runs or not",
                           [this] { return ask([this](policy::Store& store) { return app::backup(store, file_); }); });
    backup->add_option("FILE", file_, "The copy; must not exist yet")->required();
  }

  void import_command() {
    auto* import = command(app_, "import", "Take a list in from a file, under a decision or a standing mandate",
                           [this] { return import_file(); });
    import->add_option("FILE", file_, "The list; the server reads it")->required()->check(CLI::ExistingFile);
    auto text = [&](const char* option, const char* key, const char* help) {
      return import->add_option_function<std::string>(
          option, [this, key](const std::string& value) { import_[key] = value; }, help);
    };
    auto number = [&](const char* option, const char* key, const char* help) {
      import->add_option_function<std::uint32_t>(
          option, [this, key](const std::uint32_t& value) { import_[key] = value; }, help);
    };
    text("--format", "format", "domains, hosts, adblock, dnsmasq, rpz, csv or jsonl")->required();
    auto* decision = text("--decision", "decision", "The decision that names the list");
    text("--authority", "mandate", "Or an authority with a standing mandate")->excludes(decision);
    text("--list", "list", "The id of a list that comes under a mandate")->excludes(decision);
    text("--match", "match", "exact, subdomains or both, where the format does not say it");
    text("--action", "action", "What happens to its names, where the format does not say it: sinkhole, nxdomain ...");
    number("--ttl", "ttl", "Seconds, where the format does not say it");
    import->add_flag_callback(
        "--redirects", [this] { import_["redirects"] = true; },
        "hosts, dnsmasq: take addresses of others as local data");
    text("--zone", "zone", "rpz: the policy zone's name, where the file does not say it");
    import
        ->add_option_function<std::vector<std::string>>(
            "--columns", [this](const std::vector<std::string>& value) { import_["columns"] = value; },
            "csv: what each column is: name, match, action, ttl or -")
        ->delimiter(',');
    text("--delimiter", "delimiter", "csv: the character between columns; a comma if none is named");
    number("--skip-lines", "skip_lines", "csv: headings");
    text("--encoding", "encoding", "csv: utf-8 or windows-1251");
    number("--max-rejects", "max_rejects", "Refuse the whole when more percent of its lines are broken; 0: never");
    number("--max-growth", "max_growth", "The same of more percent of growth");
    number("--max-shrink", "max_shrink", "The same of more percent of shrinkage");
    text("--preview", "token", "The token of the preview that was seen");
    import->add_flag_callback(
        "--dry-run", [this] { import_["dry_run"] = true; }, "Say what would change, and the token");
    import->add_flag("--clock-is-right", clock_is_right_, "As of decide");
  }

  int import_file() {
    const auto options = read_options();
    if (!options) return 1;
    import_["operation"] = "import";
    import_["file"] = std::filesystem::absolute(file_).string();
    import_["clock_is_right"] = clock_is_right_;
    return print(import_with_progress(*options, dumped(import_), rendering()));
  }

  void state_command(const std::string& name, const std::string& help) {
    auto* state = command(app_, name, help, [this, name] {
      return request({{"operation", name},
                      {"id", id_},
                      {"reason", reason_},
                      {"token", token_},
                      {"clock_is_right", clock_is_right_}});
    });
    state->add_option("ID", id_, "The decision")->required();
    state->add_option("--reason", reason_, "Why; public")->required();
    if (name == "activate")
      state->add_option("--preview", token_, "The token of the preview that was seen")->check(not_empty);
    state->add_flag("--clock-is-right", clock_is_right_, "As of decide");
  }

  void research_commands() {
    auto* why = command(app_, "why", "Say why a name is answered as it is, and who decided that", [this] {
      return request({{"operation", "why"}, {"name", name_}, {"client", client_}, {"at", at_}});
    });
    why->add_option("NAME", name_, "The domain name")->required();
    why->add_option("--client", client_, "As a client of this address would be answered")->check(not_empty);
    why->add_option("--at", at_, "As it was at this moment (2026-11-22T10:00:00Z)")->check(not_empty);
    auto* history =
        command(app_, "history", "Say what was decided and done about a name, on both axes of time", [this] {
          return ask([this](policy::Store& store) { return app::history(store, {name_, valid_at_, known_at_}); });
        });
    history->add_option("NAME", name_, "The domain name")->required();
    history->add_option("--valid-at", valid_at_, "Only what held on this day or at this moment")->check(not_empty);
    history->add_option("--known-at", known_at_, "As the record stood on this day or at this moment")->check(not_empty);
    auto* query = command(app_, "query", "Ask the public record in SQL; reading only", [this] {
      return ask([this](policy::Store& store) {
        return app::query(store.path(), sql_, static_cast<std::size_t>(rows_), seconds_);
      });
    });
    query->add_option("SQL", sql_, "One SELECT over the public_* views")->required();
    query->add_option("--rows", rows_, "At most so many rows")->check(CLI::Range(1, 1'000'000))->capture_default_str();
    query->add_option("--seconds", seconds_, "At most so long")->check(CLI::Range(1, 600))->capture_default_str();
    auto* exported =
        command(app_, "export", "Write everything public as JSON lines or CSV", [this] { return export_record(); });
    exported->add_option("--format", format_, "jsonl or csv")
        ->check(CLI::IsMember({"jsonl", "csv"}))
        ->capture_default_str();
    exported->add_option("--output", output_,
                         "A folder, one file for each table; standard output for jsonl if none is named");
    exported->add_option("--table", table_, "Only this table, such as decision, to standard output")
        ->excludes("--output");
  }

  void control_commands() {
    auto* trace = command(app_, "trace", "Resolve a name in the running server and show each step",
                          [this] { return request({{"operation", "trace"}, {"name", name_}, {"type", type_}}); });
    trace->add_option("NAME", name_, "The domain name")->required();
    trace->add_option("TYPE", type_, "The record type")->capture_default_str();
    auto* control = app_.add_subcommand("control", "Ask or tell the running server");
    control->require_subcommand(1);
    for (const auto& [name, help] : std::initializer_list<std::pair<const char*, const char*>>{
             {"status", "Addresses, store, rules, counters"},
             {"dump", "What is in flight, step by step"},
             {"reload", "Read the configuration again, as SIGHUP does"},
             {"stop", "End the server"}})
      command(*control, name, help,
              [this, operation = std::string(name)] { return request({{"operation", operation}}); });
    auto* flush = command(*control, "flush", "Forget what is cached of a name and everything below it", [this] {
      if (name_.empty() == !all_) throw std::runtime_error("flush wants a name, or --all");
      return request({{"operation", "flush"}, {"name", name_}, {"all", all_}});
    });
    auto* zone = control->add_subcommand("zone", "Look after own zones");
    zone->require_subcommand(1);
    for (const auto& [verb, help] : std::initializer_list<std::pair<const char*, const char*>>{
             {"list", "Every zone with its serial and state"},
             {"status", "All about one zone: its version, timers, transfers, last error"},
             {"reload", "Read its master file again"},
             {"refresh", "Ask its primaries now whether there is something newer"},
             {"retransfer", "Take all of it anew from a primary, whatever its serial"},
             {"keys", "The keys it is signed with, what each waits for, and the DS for the parent"},
             {"roll-zsk", "Roll over the key that signs its records, before its time"},
             {"roll-ksk", "Roll over the key that the parent's DS names; then give the parent the new DS"},
             {"ds-seen", "The parent has the newest key's DS: the older keys may go"}}) {
      auto* one = command(*zone, verb, help, [this, order = std::string(verb)] {
        return request({{"operation", "zone"}, {"verb", order}, {"name", name_}});
      });
      if (std::string_view(verb) != "list") one->add_option("NAME", name_, "The zone")->required();
    }
    flush->add_option("NAME", name_, "The domain name");
    flush->add_flag("--all", all_, "Everything");
    cache_commands(*control);
  }

  void cache_commands(CLI::App& control) {
    auto* cache = control.add_subcommand("cache", "Look at the record cache, or change what is in it");
    cache->require_subcommand(1);
    const auto ask = [this](const char* what) {
      return request({{"operation", "cache"},
                      {"what", what},
                      {"name", name_},
                      {"subtree", subtree_},
                      {"type", cached_type_},
                      {"file", file_.empty() ? "" : std::filesystem::absolute(file_).string()}});
    };
    auto* show = command(*cache, "show", "What is cached of a name", [ask] { return ask("show"); });
    show->add_option("NAME", name_, "The domain name")->required();
    show->add_flag("--subtree", subtree_, "And of everything below it");
    auto* dump = command(*cache, "dump", "Write the cache into a file, or show it", [ask] { return ask("dump"); });
    dump->add_option("FILE", file_, "Written by the server, for `load`");
    auto* load = command(*cache, "load", "Add what a dump holds and is not over yet", [ask] { return ask("load"); });
    load->add_option("FILE", file_, "What `dump` wrote, read by the server")->required();
    auto* flush = command(*cache, "flush", "Forget what is cached of a name", [ask] { return ask("flush"); });
    flush->add_option("NAME", name_, "The domain name")->required();
    auto* type = flush->add_option("--type", cached_type_, "Records of this type only, and that there are none");
    flush->add_flag("--subtree", subtree_, "And of everything below it")->excludes(type);
  }

  CLI::App app_;
  Common common_;
  std::function<int()> action_;
  std::vector<std::string> files_;
  std::string id_, reason_, token_, file_, name_, client_, at_, valid_at_, known_at_, sql_,
      format_ = "jsonl", output_, table_, type_ = "A", cached_type_;
  std::int64_t rows_ = 1000, seconds_ = 10;
  json import_ = json::object();
  bool man_ = false, all_ = false, subtree_ = false, strict_ = false, clock_is_right_ = false;
};

}  // namespace

int run_command(int argc, char** argv) {
  // Writing to a closed pipe or beyond a file size limit is an error of that write, which is told, not our end.
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);
  CommandLine line;
  return line.run(argc, argv);
}

}  // namespace placard::app
