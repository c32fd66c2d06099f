// The servers of a scenario as a fake network asks them, and its records as lines that can be compared.
#pragma once

#include <algorithm>
#include <cctype>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "tests/resolver/recurse/fake_network.hpp"
#include "tests/resolver/recurse/scenario.hpp"

namespace placard::recurse {

/// The servers of a scenario.
class ScriptedWorld {
 public:
  explicit ScriptedWorld(const Scenario& scenario) : scenario_(scenario) {}
  int step = 0;

  std::optional<FakeNetwork::Answer> operator()(const Outgoing& asked) {
    bool known = false;
    for (const auto& range : scenario_.ranges) {
      if (std::ranges::find(range.addresses, asked.server.address) == range.addresses.end()) continue;
      if (step < range.first || step > range.last) continue;
      known = true;
      for (const auto& entry : range.entries) {
        if (fits(entry, asked)) return reply(entry, asked);
      }
    }
    if (!known) return std::nullopt;
    ScenarioEntry refused;
    refused.flags = {"QR"};
    refused.rcode = wire::Rcode::refused;
    refused.adjust = {"copy_query"};
    return reply(refused, asked);
  }

 private:
  static bool fits(const ScenarioEntry& entry, const Outgoing& asked) {
    const auto& question = asked.question;
    if (entry.matches("qname") && !(entry.question.name == question.name)) return false;
    if (entry.matches("qtype") && entry.question.type != question.type) return false;
    if (entry.matches("subdomain") && !question.name.view().is_subdomain_of(entry.question.name)) return false;
    if (entry.matches("TCP") && asked.transport != Transport::tcp) return false;
    if (entry.matches("UDP") && asked.transport != Transport::udp) return false;
    if (entry.matches("edns") && !asked.edns) return false;
    if (entry.matches("noedns") && asked.edns) return false;
    if (entry.matches("RD") && !asked.recursion_desired) return false;
    if (entry.matches("noRD") && asked.recursion_desired) return false;
    return true;
  }

  static std::optional<FakeNetwork::Answer> reply(const ScenarioEntry& entry, const Outgoing& asked) {
    if (entry.adjusts("do_not_answer")) return std::nullopt;
    FakeNetwork::Answer answer;
    if (const auto delay = entry.value(entry.adjust, "delay"); !delay.empty()) answer.delay = std::stoull(delay);
    if (entry.adjusts("unreachable")) {
      answer.result = std::unexpected(NetworkError::unreachable);
      return answer;
    }
    if (entry.adjusts("no_case") && asked.random_case) {  // what the real network makes of a reply in another case
      answer.result = std::unexpected(NetworkError::other_case);
      return answer;
    }
    answer.result = bytes(entry, asked,
                          asked.transport == Transport::tcp ? wire::kMaxMessageSize
                          : asked.edns                      ? asked.udp_size
                                                            : 512U,
                          false);
    if (answer.result->empty()) answer.result = bytes(entry, asked, 512, true);
    return answer;
  }

  /// Empty when it does not fit.
  static std::vector<std::uint8_t> bytes(const ScenarioEntry& entry, const Outgoing& asked, std::size_t limit,
                                         bool cut) {
    std::vector<std::uint8_t> buffer(wire::kMaxMessageSize);
    wire::MessageWriter writer(buffer, limit);
    wire::Header header;
    header.qr = entry.has("QR");
    header.aa = entry.has("AA");
    header.tc = entry.has("TC") || cut;
    header.ra = entry.has("RA");
    header.rcode = static_cast<std::uint8_t>(static_cast<unsigned>(entry.rcode) & 0xfU);
    writer.header(header);
    wire::Question question =
        entry.adjusts("copy_query") || entry.question.name == asked.question.name ? asked.question : entry.question;
    if (!entry.adjusts("copy_query")) question.type = entry.question.type;
    auto name = std::vector<std::uint8_t>(question.name.view().bytes().begin(), question.name.view().bytes().end());
    if (asked.random_case) {
      for (std::size_t i = 0; i < name.size(); i += 2)
        name[i] = static_cast<std::uint8_t>(name[i] > 63 ? std::toupper(name[i]) : name[i]);
    }
    if (!entry.adjusts("no_question"))
      writer.question(wire::NameView::from_valid(name), question.type, question.record_class);
    const auto put = [&](wire::Section section, const std::vector<wire::Record>& records) {
      for (const auto& record : records) {
        wire::Name owner = record.owner;
        if (entry.adjusts("copy_query") && section == wire::Section::answer && record.type != wire::RecordType::dname &&
            record.owner == entry.question.name)
          owner = asked.question.name;
        auto rdata = record.rdata;
        if (entry.adjusts("cut_last") && &record == &entry.answer.back()) rdata.pop_back();
        writer.record(section, owner, record.type, record.record_class, record.ttl, rdata);
      }
    };
    if (!cut && !entry.has("TC")) {
      put(wire::Section::answer, entry.answer);
      put(wire::Section::authority, entry.authority);
      put(wire::Section::additional, entry.additional);
    }
    std::vector<wire::MessageWriter::EdnsOption> options;
    const auto agent = wire::Name::from_text(entry.value(entry.adjust, "report_to"));
    if (agent && !agent->view().is_root())
      options.push_back({static_cast<std::uint16_t>(wire::OptionCode::report_channel), agent->view().bytes()});
    if (asked.edns && !entry.adjusts("no_opt")) writer.edns(1232, true, entry.rcode, options);
    const auto written = writer.finish();
    return written ? std::vector<std::uint8_t>(written->begin(), written->end()) : std::vector<std::uint8_t>{};
  }

  const Scenario& scenario_;
};

inline std::string lowered(std::string text) {
  std::ranges::transform(text, text.begin(),
                         [](unsigned char octet) { return static_cast<char>(std::tolower(octet)); });
  return text;
}

using Lines = std::multiset<std::string>;

inline Lines lines(const std::vector<wire::Record>& records, bool ttl) {
  Lines all;
  for (const auto& record : records)
    all.insert(lowered(
        wire::record_to_text(record.owner, record.type, record.record_class, ttl ? record.ttl : 0, record.rdata)));
  return all;
}

}  // namespace placard::recurse
