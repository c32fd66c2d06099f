// The documented example configuration and the manual page, written from the option table.
//
// The example's prose lines begin with "# ", its defaults with "#": taking that one character away gives a file that
// says the same as no file at all (repeated sections excepted: those show an example).
#include <fmt/format.h>

#include "resolver/app/options.hpp"

namespace placard::app {
namespace {

/// `text` in lines of at most `width` octets, each behind `lead`.
std::string wrapped(std::string_view text, std::string_view lead, std::size_t width) {
  std::string out;
  while (!text.empty()) {
    auto end = text.size();
    if (end > width) {
      end = text.rfind(' ', width);
      if (end == text.npos) end = std::min(text.find(' '), text.size());
    }
    out += fmt::format("{}{}\n", lead, text.substr(0, end));
    text.remove_prefix(end);
    while (text.starts_with(' ')) text.remove_prefix(1);
  }
  return out;
}

std::string with_binary_unit(std::int64_t octets) {
  static constexpr std::pair<const char*, int> kUnits[] = {{"GiB", 30}, {"MiB", 20}, {"KiB", 10}};
  for (const auto& [unit, shift] : kUnits)
    if (octets >= std::int64_t{1} << shift) return fmt::format("{}{}", octets >> shift, unit);
  return fmt::format("{}B", octets);
}

std::string range_of(const Option& option) {
  if (option.kind == OptionKind::size)
    return fmt::format("{} to {}", with_binary_unit(option.low), with_binary_unit(option.high));
  if (option.kind == OptionKind::integer)
    return fmt::format("{} to {}{}{}", option.low, option.high, option.unit.empty() ? "" : " ", option.unit);
  return std::string(to_text(option.kind));
}

std::string roff(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\\')
      out += "\\e";
    else if (c == '-')
      out += "\\-";
    else
      out += c;
  }
  if (out.starts_with('.') || out.starts_with('\'')) out.insert(0, "\\&");
  return out;
}

}  // namespace

std::string example_configuration() {
  std::string out =
      "# placard.toml: every option with its default. Lines that begin with \"#\" and a letter or bracket are "
      "options,\n"
      "# lines with \"# \" explain. (reload): a SIGHUP or `placard control reload` applies a change; others need a "
      "restart.\n";
  for (const auto& section : option_sections()) {
    out += "\n" + wrapped(section.help, "# ", 110);
    out += section.repeated ? fmt::format("#[[{}]]\n", section.name) : fmt::format("[{}]\n", section.name);
    for (const auto& option : option_table()) {
      if (option.section != section.name) continue;
      out += wrapped(fmt::format("{} ({}{})", option.help, range_of(option), option.reloadable ? "; reload" : ""), "# ",
                     110);
      out += fmt::format("#{} = {}\n", option.key, option.default_toml);
    }
  }
  return out;
}

std::string manual_page() {
  std::string out =
      ".TH PLACARD.TOML 5 \"\" placard \"File formats\"\n.SH NAME\nplacard.toml \\- configuration of the DNS service "
      "placard\n"
      ".SH DESCRIPTION\nA TOML file. It is looked for at \\fB\\-\\-config\\fR, at $PLACARD_CONFIG, as ./placard.toml, "
      "and in the state directory.\n"
      "Unknown keys and values of a wrong type or range are errors, each told with its line.\n"
      "Options marked \\(lqreload\\(rq change with SIGHUP or \\fBplacard control reload\\fR; the others need a "
      "restart.\n.SH OPTIONS\n";
  for (const auto& section : option_sections()) {
    out += fmt::format(".SS {}{}{}\n{}\n", section.repeated ? "[[" : "[", section.name, section.repeated ? "]]" : "]",
                       roff(section.help));
    for (const auto& option : option_table()) {
      if (option.section != section.name) continue;
      out += fmt::format(".TP\n.B {}\n{}\n.br\n{}: {}. {}: {}.{}\n", option.key, roff(option.help), "Value",
                         roff(range_of(option)), section.repeated ? "Example" : "Default", roff(option.default_toml),
                         option.reloadable ? " Reload." : "");
    }
  }
  return out;
}

}  // namespace placard::app
