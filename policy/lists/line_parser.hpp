// What each format implements: one line at a time into the sink. Internal to policy/lists.
#pragma once

#include <memory>
#include <string_view>

#include "policy/lists/list_sink.hpp"

namespace placard::policy {

class LineParser {
 public:
  virtual ~LineParser() = default;
  /// A line without its end; the sink knows its number. Never throws on what is in it.
  virtual void parse(std::string_view line, ListSink& sink) = 0;
  /// The list is over: what is still held back.
  virtual void finish(ListSink&) {}
};

std::unique_ptr<LineParser> make_domains_parser(const ListSyntax& syntax);
std::unique_ptr<LineParser> make_hosts_parser(const ListSyntax& syntax);
std::unique_ptr<LineParser> make_adblock_parser(const ListSyntax& syntax);
std::unique_ptr<LineParser> make_dnsmasq_parser(const ListSyntax& syntax);
std::unique_ptr<LineParser> make_rpz_parser(const ListSyntax& syntax);
std::unique_ptr<LineParser> make_csv_parser(const ListSyntax& syntax);
std::unique_ptr<LineParser> make_jsonl_parser(const ListSyntax& syntax);

}  // namespace placard::policy
