#include "policy/lists/list_reader.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "policy/lists/line_parser.hpp"

namespace placard::policy {
namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

constexpr std::array<std::string_view, 7> kFormatWords = {"domains", "hosts", "adblock", "dnsmasq",
                                                          "rpz",     "csv",   "jsonl"};

std::unique_ptr<LineParser> make_parser(const ListSyntax& syntax) {
  switch (syntax.format) {
    case ListFormat::domains:
      return make_domains_parser(syntax);
    case ListFormat::hosts:
      return make_hosts_parser(syntax);
    case ListFormat::adblock:
      return make_adblock_parser(syntax);
    case ListFormat::dnsmasq:
      return make_dnsmasq_parser(syntax);
    case ListFormat::rpz:
      return make_rpz_parser(syntax);
    case ListFormat::csv:
      return make_csv_parser(syntax);
    case ListFormat::jsonl:
      return make_jsonl_parser(syntax);
  }
  return nullptr;
}

}  // namespace

std::string_view to_text(ListFormat format) {
  return kFormatWords[static_cast<std::size_t>(format)];
}

std::optional<ListFormat> list_format_from_text(std::string_view text) {
  const auto at = std::ranges::find(kFormatWords, text);
  if (at == kFormatWords.end()) return std::nullopt;
  return static_cast<ListFormat>(at - kFormatWords.begin());
}

std::expected<void, std::string> check_syntax(const ListSyntax& syntax) {
  const auto refuse = [](std::string reason) { return std::unexpected(std::move(reason)); };
  const auto has_column = [&](std::string_view column) {
    return std::ranges::find(syntax.columns, column) != syntax.columns.end();
  };
  using enum ListFormat;
  const bool is_csv = syntax.format == csv;
  const bool says_match = syntax.format == adblock || syntax.format == dnsmasq || syntax.format == rpz ||
                          syntax.format == jsonl || (is_csv && has_column("match"));
  if (says_match && syntax.match) return refuse("match: this format says itself what each rule matches");
  if (!says_match && !syntax.match && syntax.format != hosts)
    return refuse("match: say exact, subdomains or both; the list does not");
  if (is_csv != !syntax.columns.empty())
    return refuse(is_csv ? "columns: say what each column of the CSV is, such as [\"-\", \"name\"]"
                         : "columns: only a CSV has columns");
  for (const auto& column : syntax.columns) {
    static constexpr std::array<std::string_view, 5> kKnown = {"name", "match", "action", "ttl", "-"};
    if (std::ranges::find(kKnown, column) == kKnown.end())
      return refuse("columns: \"" + column + "\" is none of name, match, action, ttl, -");
    if (column != "-" && std::ranges::count(syntax.columns, column) > 1)
      return refuse("columns: \"" + column + "\" stands twice");
  }
  if (is_csv && !has_column("name")) return refuse("columns: none of them is the name");
  if (is_csv && (syntax.delimiter == '"' || syntax.delimiter == '\n' || syntax.delimiter == '|'))
    return refuse("delimiter: can't be that character");
  if (syntax.encoding != "utf-8" && syntax.encoding != "windows-1251")
    return refuse("encoding: utf-8 and windows-1251 are known");
  if (syntax.encoding != "utf-8" && !is_csv) return refuse("encoding: only a CSV may have another one than utf-8");
  if (syntax.redirects && syntax.format != hosts && syntax.format != dnsmasq)
    return refuse("redirects: only for hosts and dnsmasq");
  if (!syntax.zone.empty() && syntax.format != rpz) return refuse("zone: only for rpz");
  if (syntax.action == Action::local_data || syntax.action == Action::cname)
    return refuse("action: a list has no data for it");
  return {};
}

struct ListReader::State {
  explicit State(const ListSyntax& used) : syntax(used), sink(syntax), parser(make_parser(syntax)) {}

  void take(std::string_view line) {
    ++number;
    ++sink.report.lines;
    if (number == 1 && line.starts_with(kByteOrderMark)) line.remove_prefix(kByteOrderMark.size());
    if (line.ends_with('\r')) line.remove_suffix(1);
    sink.begin_line(number, line);
    if (line.size() > kMaxLineSize)
      sink.reject(Rejection::line_too_long);
    else
      parser->parse(line, sink);
  }

  void feed(std::string_view octets) {
    sink.report.octets += octets.size();
    while (!octets.empty()) {
      const auto end = octets.find('\n');
      const auto piece = octets.substr(0, end);
      if (!cut.empty() || end == octets.npos) {
        // One octet more than a line may have is kept, to see that it was too long.
        cut.append(piece.substr(0, kMaxLineSize + 2 - std::min(cut.size(), kMaxLineSize + 2)));
        if (end == octets.npos) return;
        take(cut);
        cut.clear();
      } else {
        take(piece);
      }
      octets.remove_prefix(end + 1);
    }
  }

  const ListSyntax syntax;
  ListSink sink;
  std::unique_ptr<LineParser> parser;
  std::string cut;  // the start of a line whose end has not come
  std::uint32_t number = 0;
};

std::expected<ListReader, std::string> ListReader::open(const ListSyntax& syntax) {
  if (auto checked = check_syntax(syntax); !checked) return std::unexpected(std::move(checked.error()));
  return ListReader(std::make_unique<State>(syntax));
}

ListReader::ListReader(std::unique_ptr<State> state) : state_(std::move(state)) {}
ListReader::ListReader(ListReader&&) noexcept = default;
ListReader::~ListReader() = default;

void ListReader::feed(std::string_view octets) {
  state_->feed(octets);
}
std::size_t ListReader::lines() const {
  return state_->sink.report.lines;
}
std::size_t ListReader::rules() const {
  return state_->sink.rules.size();
}

ReadList ListReader::finish() {
  auto& sink = state_->sink;
  if (!state_->cut.empty()) state_->take(state_->cut);
  state_->parser->finish(sink);
  sink.rules.seal([&](const DroppedRule& dropped) {
    auto& tally = dropped.why == DroppedRule::Why::duplicate ? sink.report.duplicates : sink.report.contradictions;
    tally.add(dropped.line, dropped.key, "see line " + std::to_string(dropped.kept_line));
  });
  sink.report.rules = sink.rules.size();
  ReadList list{std::move(sink.rules), std::move(sink.report)};
  state_.reset();
  return list;
}

}  // namespace placard::policy
