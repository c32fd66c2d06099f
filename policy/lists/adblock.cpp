// Adblock lists, the part of them that DNS can do: "||name^" blocks a name and all below it, "@@||name^" lets it
// through.
//
// Rules about parts of pages or sites, patterns and rules with modifiers are counted and left out: reading
// "||example.com^$third-party" as "block example.com" would block what nobody asked for. The modifiers that mean "all
// of it"
// ($all, $document, $doc) are taken.
#include <algorithm>
#include <array>

#include "policy/lists/line_parser.hpp"

namespace placard::policy {
namespace {

constexpr std::array<std::string_view, 6> kCosmetic = {"##", "#@#", "#?#", "#$#", "#%#", "$$"};

class AdblockParser final : public LineParser {
 public:
  explicit AdblockParser(const ListSyntax& syntax) : action_(syntax.action) {}

  void parse(std::string_view line, ListSink& sink) override {
    auto rule = trimmed(line);
    if (rule.empty() || rule.front() == '!' || (rule.front() == '[' && rule.back() == ']')) return sink.ignore();
    const bool anchored = rule.starts_with("||") || rule.starts_with("@@||");
    if (!anchored) {
      for (const auto mark : kCosmetic)
        if (rule.find(mark) != rule.npos) return sink.reject(Rejection::cosmetic);
      if (rule.front() == '#') return sink.ignore();
      return sink.reject(Rejection::pattern);
    }
    const bool exception = rule.front() == '@';
    rule.remove_prefix(exception ? 4 : 2);
    const auto end = rule.find_first_of("^/$*|");
    const auto name = rule.substr(0, end);
    auto rest = end == rule.npos ? std::string_view() : rule.substr(end);
    if (rest.starts_with('*')) return sink.reject(Rejection::pattern);
    if (rest.starts_with('/')) return sink.reject(Rejection::path);
    if (!rest.starts_with('^')) return sink.reject(Rejection::pattern, "no ^ behind the name: it matches longer names");
    rest.remove_prefix(1);
    if (rest.starts_with('|')) rest.remove_prefix(1);
    if (rest.starts_with('$')) {
      if (!means_all(rest.substr(1))) return sink.reject(Rejection::modifier);
    } else if (!rest.empty()) {
      return sink.reject(Rejection::path);
    }
    if (name.find("://") != name.npos || name.starts_with('.')) return sink.reject(Rejection::pattern);
    sink.add_name(name, MatchKind::both, exception ? Action::passthru : action_);
  }

 private:
  static bool means_all(std::string_view modifiers) {
    while (!modifiers.empty()) {
      const auto end = std::min(modifiers.find(','), modifiers.size());
      const auto one = modifiers.substr(0, end);
      if (one != "all" && one != "document" && one != "doc") return false;
      modifiers.remove_prefix(std::min(end + 1, modifiers.size()));
    }
    return true;
  }

  const Action action_;
};

}  // namespace

std::unique_ptr<LineParser> make_adblock_parser(const ListSyntax& syntax) {
  return std::make_unique<AdblockParser>(syntax);
}

}  // namespace placard::policy
