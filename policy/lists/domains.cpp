// Plain domain lists: one name a line, comments behind "#".
//
// A line may hold a URL with nothing but a host, a last dot, a name in its own script, or "*.name": put right and
// counted.
#include "policy/lists/line_parser.hpp"

namespace placard::policy {
namespace {

class DomainsParser final : public LineParser {
 public:
  explicit DomainsParser(const ListSyntax& syntax) : match_(*syntax.match), action_(syntax.action) {}

  void parse(std::string_view line, ListSink& sink) override {
    auto name = trimmed(line);
    if (sink.take_host(name, match_, action_)) return;  // as nearly every line
    if (name.empty() || name.front() == '#' || name.front() == '!') return sink.ignore();
    // A "#" inside of a URL is part of it: a comment has a blank before it.
    if (const auto comment = name.find(" #"); comment != name.npos) name = trimmed(name.substr(0, comment));
    if (const auto comment = name.find("\t#"); comment != name.npos) name = trimmed(name.substr(0, comment));
    if (name.find_first_of(" \t") != name.npos) return sink.reject(Rejection::syntax, "more than a name");
    sink.add_name(name, match_, action_);
  }

 private:
  const MatchKind match_;
  const Action action_;
};

}  // namespace

std::unique_ptr<LineParser> make_domains_parser(const ListSyntax& syntax) {
  return std::make_unique<DomainsParser>(syntax);
}

}  // namespace placard::policy
