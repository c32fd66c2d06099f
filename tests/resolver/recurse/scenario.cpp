#include "tests/resolver/recurse/scenario_signing.hpp"

#include <algorithm>
#include <fstream>
#include <sstream>
#include <stdexcept>

namespace placard::recurse {
namespace {

std::vector<std::string> split(const std::string& line) {
  std::istringstream in(line);
  std::vector<std::string> words;
  for (std::string word; in >> word;) words.push_back(word);
  return words;
}

class Loader {
 public:
  explicit Loader(const std::string& path) : path_(path), file_(path) {
    if (!file_) fail("cannot be opened");
  }

  Scenario load() {
    read_config();
    ScenarioEntry* entry = nullptr;
    std::string section;
    for (std::vector<std::string> words; next(words);) {
      const auto& key = words[0];
      if (key == "SCENARIO_END") return sign();
      if (key == "SCENARIO_BEGIN") {
        for (std::size_t i = 1; i < words.size(); ++i) scenario_.title += (i > 1 ? " " : "") + words[i];
      } else if (key == "RANGE_BEGIN") {
        scenario_.ranges.push_back({std::stoi(words.at(1)), std::stoi(words.at(2)), {}, {}});
        in_range_ = true;
      } else if (key == "RANGE_END") {
        in_range_ = false;
      } else if (key == "ADDRESS") {
        scenario_.ranges.back().addresses.push_back(address(words.at(1)));
      } else if (key == "STEP") {
        scenario_.steps.push_back({std::stoi(words.at(1)), words.at(2), {words.begin() + 3, words.end()}, {}});
      } else if (key == "ENTRY_BEGIN") {
        entry = in_range_ ? &scenario_.ranges.back().entries.emplace_back() : &scenario_.steps.back().entry;
        section.clear();
      } else if (key == "ENTRY_END") {
        entry = nullptr;
      } else if (!entry) {
        fail("unexpected '" + key + "'");
      } else if (key == "MATCH" || key == "ADJUST" || key == "REPLY") {
        auto& into = key == "MATCH" ? entry->match : key == "ADJUST" ? entry->adjust : entry->flags;
        into.insert(into.end(), words.begin() + 1, words.end());
        if (key == "REPLY") take_rcode(*entry);
      } else if (key == "SECTION") {
        section = words.at(1);
      } else {
        take_record(*entry, section, words);
      }
    }
    fail("no SCENARIO_END");
  }

 private:
  [[noreturn]] void fail(const std::string& why) const {
    throw std::runtime_error(path_ + ":" + std::to_string(line_number_) + ": " + why);
  }

  bool next(std::vector<std::string>& words) {
    while (std::getline(file_, line_)) {
      ++line_number_;
      line_.erase(std::min(line_.find(';'), line_.size()));
      if (!line_.empty() && line_[0] == '#') continue;
      words = split(line_);
      if (!words.empty()) return true;
    }
    return false;
  }

  net::Address address(const std::string& text) const {
    const auto parsed = net::Address::from_text(text);
    if (!parsed) fail(parsed.error());
    return *parsed;
  }
  policy::Prefix prefix(const std::string& text) const {
    const auto parsed = policy::prefix_from_text(text);
    if (!parsed) fail(parsed.error());
    return *parsed;
  }
  wire::Name name(const std::string& text) const {
    const auto parsed = wire::Name::from_text(text);
    if (!parsed) fail("bad name " + text);
    return *parsed;
  }

  Scenario sign() {
    if (signer_.empty()) return std::move(scenario_);
    for (auto& range : scenario_.ranges)
      for (auto& entry : range.entries) signer_.sign(entry);
    scenario_.options.validation.anchors = signer_.anchors();
    return std::move(scenario_);
  }

  void read_config() {
    const wire::Name root_server = name("root.test.");
    const auto number = [](const std::string& text) { return static_cast<std::uint32_t>(std::stoul(text)); };
    auto& options = scenario_.options;
    for (std::vector<std::string> words; next(words);) {
      const auto& key = words[0];
      if (key == "CONFIG_END") return;
      const std::string value = words.size() > 1 ? words[1] : "";
      const bool on = value == "yes" || value == "on";
      if (key == "signed:")
        signer_.add(name(value));
      else if (key == "stub-addr:")
        options.root_hints.push_back({root_server, address(value)});
      else if (key == "forward:" || key == "stub:") {
        Forward forward{name(value), {}, key == "stub:", false};
        for (std::size_t i = 2; i < words.size(); ++i) {
          if (words[i] == "first")
            forward.first = true;
          else
            forward.servers.push_back({address(words[i]), 53});
        }
        options.forwards.push_back(forward);
      } else if (key == "never-ask:") {
        options.never_ask = [zone = name(value)](wire::NameView asked) { return asked.is_subdomain_of(zone); };
      } else if (key == "rule:") {
        std::string text;
        for (std::size_t i = 2; i < words.size(); ++i) text += words[i] + " ";
        auto record = wire::record_from_text(text, {}, 60);
        if (!record) fail("rule: " + record.error());
        scenario_.rules.push_back({value, *std::move(record)});
      } else if (key == "after-recursion:")
        scenario_.after_recursion = on;
      else if (key == "judge-redirects:")
        scenario_.judge_redirects = on;
      else if (key == "query-minimization:")
        options.qname_minimisation = on;
      else if (key == "do-ip4:")
        options.ipv4 = on;
      else if (key == "do-ip6:")
        options.ipv6 = on;
      else if (key == "query-localhost:")
        options.query_loopback = on;
      else if (key == "serve-stale:")
        options.serve_stale = on;
      else if (key == "stale-for:")
        options.stale_for = number(value);
      else if (key == "stale-after:")
        options.stale_after = number(value);
      else if (key == "prefetch:")
        options.prefetch = on;
      else if (key == "error-reporting:")
        options.error_reporting = on;
      else if (key == "never-query:")
        options.never_query.push_back(prefix(value));
      else if (key == "private-address:")
        options.private_addresses.prefixes.push_back(prefix(value));
      else if (key == "private-name:")
        options.private_addresses.allowed.push_back(name(value));
      else if (key == "max-ttl:")
        scenario_.cache.max_ttl = number(value);
      else if (key == "min-ttl:")
        scenario_.cache.min_ttl = number(value);
      else if (key == "max-negative-ttl:")
        scenario_.cache.max_negative_ttl = number(value);
      else
        fail("unknown configuration '" + key + "'");
    }
    fail("no CONFIG_END");
  }

  static void take_rcode(ScenarioEntry& entry) {
    for (const auto& flag : entry.flags) {
      for (std::uint16_t code = 0; code <= 23; ++code) {
        if (wire::to_text(static_cast<wire::Rcode>(code)) == flag) entry.rcode = static_cast<wire::Rcode>(code);
      }
    }
  }

  void take_record(ScenarioEntry& entry, const std::string& section, const std::vector<std::string>& words) {
    if (section == "QUESTION") {
      const auto type = wire::record_type_from_text(words.back());
      if (!type) fail("bad type " + words.back());
      entry.question.name = name(words[0]);
      entry.question.type = *type;
      return;
    }
    const auto record =
        words.back() == "@" ? made_record(words) : wire::record_from_text(line_, wire::NameView{}, 3600);
    if (!record) fail(record.error());
    if (section == "ANSWER")
      entry.answer.push_back(*record);
    else if (section == "AUTHORITY")
      entry.authority.push_back(*record);
    else if (section == "ADDITIONAL")
      entry.additional.push_back(*record);
    else
      fail("a record outside of a section");
  }

  /// "OWNER DS @", "OWNER DNSKEY @": of a zone that is signed.
  std::expected<wire::Record, std::string> made_record(const std::vector<std::string>& words) const {
    const auto type = wire::record_type_from_text(words.at(words.size() - 2));
    if (!type) return std::unexpected("bad type");
    return wire::Record{name(words[0]), *type, wire::RecordClass::in, 3600, signer_.rdata_of(name(words[0]), *type)};
  }

  ScenarioSigner signer_;
  std::string path_;
  std::ifstream file_;
  std::string line_;
  int line_number_ = 0;
  bool in_range_ = false;
  Scenario scenario_;
};

bool contains(const std::vector<std::string>& words, std::string_view word) {
  return std::ranges::find(words, word) != words.end();
}

}  // namespace

bool ScenarioEntry::has(std::string_view flag) const {
  return contains(flags, flag);
}
bool ScenarioEntry::matches(std::string_view field) const {
  return contains(match, field);
}
bool ScenarioEntry::adjusts(std::string_view field) const {
  return contains(adjust, field);
}

std::string ScenarioEntry::value(const std::vector<std::string>& words, std::string_view key) const {
  for (const auto& word : words) {
    if (word.size() > key.size() && word.starts_with(key) && word[key.size()] == '=')
      return word.substr(key.size() + 1);
  }
  return {};
}

Scenario load_scenario(const std::string& path) {
  return Loader(path).load();
}

}  // namespace placard::recurse
