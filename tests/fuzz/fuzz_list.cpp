// Lists of every format from octets that nobody checked: the first octet chooses the format.
//
// What must hold: nothing stops the reader, pieces give what the whole gives, every key is that of a name, and what
// was read is read again the same from JSON lines and from a policy zone.
#include <cassert>
#include <cstdint>
#include <string>
#include <string_view>

#include "policy/lists/json_lines.hpp"
#include "policy/lists/list_reader.hpp"
#include "policy/lists/rpz.hpp"
#include "policy/record/prefix.hpp"
#include "policy/record/written_name.hpp"

using namespace placard;
using namespace placard::policy;

namespace {

ListSyntax syntax_of(std::uint8_t choice) {
  ListSyntax syntax;
  syntax.format = static_cast<ListFormat>(choice % 7);
  if (syntax.format == ListFormat::domains || syntax.format == ListFormat::csv)
    syntax.match = static_cast<MatchKind>(choice / 7 % 3);
  syntax.redirects = syntax.format == ListFormat::hosts || syntax.format == ListFormat::dnsmasq;
  if (syntax.format == ListFormat::csv) {
    syntax.columns = {"name", "-"};
    syntax.delimiter = ';';
    syntax.encoding = choice & 0x80 ? "windows-1251" : "utf-8";
  }
  return syntax;
}

ReadList read(const ListSyntax& syntax, std::string_view text, std::size_t piece) {
  auto reader = ListReader::open(syntax);
  assert(reader);
  while (!text.empty()) {
    reader->feed(text.substr(0, piece));
    text.remove_prefix(std::min(piece, text.size()));
  }
  return reader->finish();
}

std::string as_json_lines(const RuleList& rules) {
  std::string text;
  ListedRule rule;
  for (RuleList::Cursor cursor(rules); cursor.next(rule);) text += json_line_of(rule, rules.form(rule.form)) + "\n";
  return text;
}

void check_key(const ListedRule& rule, const RuleForm& form) {
  if (form.trigger == Trigger::qname || form.trigger == Trigger::nsdname) {
    const auto name = name_from_key(rule.key);
    assert(name && stored_key(*name) == rule.key);
  } else {
    const auto prefix = prefix_from_text(rule.key);
    assert(prefix && prefix->to_text() == rule.key);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const auto syntax = syntax_of(data[0]);
  const std::string_view text(reinterpret_cast<const char*>(data + 1), size - 1);
  const auto whole = read(syntax, text, text.size() + 1), cut = read(syntax, text, 5);
  assert(whole.report.counts_as_json() == cut.report.counts_as_json());
  const auto lines = as_json_lines(whole.rules);
  assert(lines == as_json_lines(cut.rules));
  ListSyntax native;
  native.format = ListFormat::jsonl;
  assert(as_json_lines(read(native, lines, 4096).rules) == lines);

  const auto origin = *wire::Name::from_text("rpz.example");
  ListedRule rule;
  for (RuleList::Cursor cursor(whole.rules); cursor.next(rule);) {
    const auto& form = whole.rules.form(rule.form);
    check_key(rule, form);
    for (const auto& record : rpz_records_of(rule, form, origin, 60)) {
      const auto reading = read_rpz_record(record.owner, origin, record.type, record.ttl, record.rdata);
      // A name that ends in a label of RPZ's own can't be said in RPZ.
      assert(reading.kind != RpzReading::Kind::own);
    }
  }
  return 0;
}
