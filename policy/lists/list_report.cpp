#include "policy/lists/list_report.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "policy/record/utf8.hpp"

namespace placard::policy {
namespace {

struct Words {
  std::string_view machine, people;
};

constexpr std::array<Words, kRejections> kRejectionWords = {{
    {"encoding", "not in the encoding that was declared"},
    {"line-too-long", "longer than a line may be"},
    {"syntax", "not a line of this format"},
    {"not-a-name", "no host name"},
    {"bad-idn", "no name by IDNA 2008"},
    {"address", "an address where a name belongs"},
    {"port", "has a port, which DNS does not know"},
    {"path", "is about part of a site, which DNS does not know"},
    {"bad-prefix", "no address prefix"},
    {"bad-record", "no record of its type"},
    {"outside-zone", "not below the policy zone"},
    {"unknown-word", "a word that this format does not have"},
    {"cosmetic", "hides parts of pages, which DNS does not see"},
    {"modifier", "only for some requests, which DNS does not see"},
    {"pattern", "a pattern rather than a name"},
    {"redirect", "leads to another address, and redirects were not allowed"},
    {"meaningless-type", "a record type that no policy can have"},
    {"directive", "configures something else"},
    {"list-full", "more rules than a list can have"},
    {"root", "the root: every name there is"},
    {"top-level", "a top-level domain"},
    {"public-suffix", "a public suffix: names of many owners are below it"},
    {"protected", "a name that this server protects"},
    {"wide-prefix", "more addresses than a rule may hold"},
    {"mandate", "more than the authority's mandate allows"},
}};

constexpr std::array<Words, kNormalisations> kNormalisationWords = {{
    {"idn", "written in its own script"},
    {"url", "written as a URL"},
    {"trailing-dot", "written with the last dot"},
    {"wildcard", "written as a wildcard"},
    {"prefix", "bits behind the prefix, or not in its shortest form"},
}};

}  // namespace

std::string_view to_text(Rejection reason) {
  return kRejectionWords[static_cast<std::size_t>(reason)].machine;
}
std::string_view in_words(Rejection reason) {
  return kRejectionWords[static_cast<std::size_t>(reason)].people;
}
std::string_view to_text(Normalisation kind) {
  return kNormalisationWords[static_cast<std::size_t>(kind)].machine;
}
std::string_view in_words(Normalisation kind) {
  return kNormalisationWords[static_cast<std::size_t>(kind)].people;
}

std::string sample_text(std::string_view line) {
  const bool cut = line.size() > kMaxSampleText;
  std::string text(line.substr(0, kMaxSampleText));
  if (cut) {
    while (!text.empty() && (static_cast<unsigned char>(text.back()) & 0xC0) == 0x80) text.pop_back();
    if (!text.empty() && static_cast<unsigned char>(text.back()) >= 0x80) text.pop_back();
  }
  while (const auto broken = first_broken_octet(text)) text[*broken] = '?';
  for (char& c : text)
    if (static_cast<unsigned char>(c) < ' ' || c == 0x7F) c = c == '\t' ? ' ' : '?';
  if (first_forbidden_character(text))
    for (char& c : text)
      if (static_cast<unsigned char>(c) >= 0x80) c = '?';
  return cut ? text + "..." : text;
}

void ListTally::add(std::uint32_t line, std::string_view text, std::string_view detail) {
  // Parsers come line by line; guards look in the order of keys.
  if (++count > kMaxSamples && line >= samples.back().line) return;
  const auto at = std::ranges::upper_bound(samples, line, {}, &ListSample::line);
  samples.insert(at, {line, sample_text(text), std::string(detail)});
  if (samples.size() > kMaxSamples) samples.pop_back();
}

std::size_t ListReport::rejected_count() const {
  std::size_t count = 0;
  for (const auto& tally : rejected) count += tally.count;
  return count;
}

std::size_t ListReport::broken_count() const {
  std::size_t count = 0;
  for (std::size_t i = 0; i < kRejections; ++i)
    if (is_broken(static_cast<Rejection>(i))) count += rejected[i].count;
  return count;
}

std::string ListReport::counts_as_json() const {
  const auto object = [](const auto& tallies, auto first) {
    std::string text;
    for (std::size_t i = 0; i < tallies.size(); ++i) {
      if (tallies[i].count == 0) continue;
      text += fmt::format("{}\"{}\":{}", text.empty() ? "" : ",", to_text(static_cast<decltype(first)>(i)),
                          tallies[i].count);
    }
    return "{" + text + "}";
  };
  return fmt::format(
      R"({{"accepted":{},"contradictions":{},"duplicates":{},"ignored":{},"lines":{},"normalised":{},"rejected":{},)"
      R"("rules":{}}})",
      accepted, contradictions.count, duplicates.count, ignored, lines, object(normalised, Normalisation{}),
      object(rejected, Rejection{}), rules);
}

std::expected<void, std::string> check_limits(const ListReport& report, std::optional<std::size_t> previous,
                                              const ListLimits& limits) {
  const auto refuse = [](std::string reason) { return std::unexpected(std::move(reason)); };
  if (report.rejected[static_cast<std::size_t>(Rejection::list_full)].count > 0)
    return refuse("more rules than a list can have");
  if (limits.rules > 0 && report.rules > limits.rules)
    return refuse(fmt::format("{} rules; at most {} are allowed", report.rules, limits.rules));
  if (report.rules == 0 && previous.value_or(1) > 0 && !limits.may_be_empty) return refuse("no rule is left of it");
  const auto told = report.accepted + report.rejected_count();
  if (const auto broken = report.broken_count(); limits.rejects > 0 && broken * 100 > told * limits.rejects)
    return refuse(fmt::format("{} of {} lines are broken; at most {} % are allowed", broken, told, limits.rejects));
  if (!previous) return {};
  const auto more = report.rules > *previous ? report.rules - *previous : 0;
  if (limits.growth > 0 && more > kSmallChange && more * 100 > *previous * limits.growth)
    return refuse(
        fmt::format("it grew from {} to {} rules; at most {} % are allowed", *previous, report.rules, limits.growth));
  const auto fewer = *previous > report.rules ? *previous - report.rules : 0;
  if (limits.shrink > 0 && fewer > kSmallChange && fewer * 100 > *previous * limits.shrink)
    return refuse(
        fmt::format("it shrank from {} to {} rules; at most {} % are allowed", *previous, report.rules, limits.shrink));
  return {};
}

}  // namespace placard::policy
