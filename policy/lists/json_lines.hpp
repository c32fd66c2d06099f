// JSON lines, our own form of a list: one rule a line, with all that a rule has.
//
//   {"name":"kiwifarms.net","match":"both","action":"sinkhole"}
//   {"name":"example.org","match":"exact","action":"local-data","ttl":60,"records":["A 192.0.2.1"]}
//   {"trigger":"response-ip","prefix":"192.0.2.0/24","action":"nxdomain"}
//   {"name":"example.net","match":"subdomains","action":"cname","target":"*.garden.example"}
// Written as write_json_line() does, reading gives the same rule back. An unknown member is an error: it might be the
// one that matters.
#pragma once

#include <string>

#include "policy/record/rule_list.hpp"

namespace placard::policy {

/// One line without its end.
std::string json_line_of(const ListedRule& rule, const RuleForm& form);

}  // namespace placard::policy
