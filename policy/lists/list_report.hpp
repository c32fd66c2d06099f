// What became of a list: how many lines were taken, put right or rejected, for what reason, and which came first.
//
// Counting is for all, samples are for the first few of each reason, with their lines. What a sample shows of a line is
// printable and short, whatever the list holds. Nothing here stops a list: limits are held against it by
// check_limits().
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace placard::policy {

/// Why a line gave no rule. Up to `unknown_word` the line is broken; from `cosmetic` on it is right in its format but
/// nothing that DNS can do; from `root` on a guard took the rule out.
enum class Rejection : std::uint8_t {
  encoding,          // not UTF-8 or what was declared
  line_too_long,     // more than kMaxLineSize
  syntax,            // not a line of this format
  not_a_name,        // empty labels, too long, characters that no host name has
  bad_idn,           // not IDNA 2008
  address,           // an address where a name belongs
  port,              // DNS knows no ports
  path,              // part of a site
  bad_prefix,        // not an address prefix
  bad_record,        // rdata that does not parse
  outside_zone,      // an owner that is not below the policy zone
  unknown_word,      // an action, match or trigger that does not exist
  cosmetic,          // hides parts of pages
  modifier,          // only for some kinds of requests
  pattern,           // wildcards inside a name, regular expressions
  redirect,          // leads to another address, which was not allowed
  meaningless_type,  // a record type that no policy can have
  directive,         // configures something else
  list_full,         // more rules than a list can have
  root,              // every name there is
  top_level,         // a top-level domain
  public_suffix,     // names of many owners are below it
  protected_name,    // this server protects it
  wide_prefix,       // more addresses than a rule may hold
  mandate,           // more than the authority may do
};
inline constexpr std::size_t kRejections = static_cast<std::size_t>(Rejection::mandate) + 1;
/// "public-suffix": for machines; and the same in words.
std::string_view to_text(Rejection reason);
std::string_view in_words(Rejection reason);
/// Broken lines are what says that a list is not what it should be.
constexpr bool is_broken(Rejection reason) {
  return reason < Rejection::cosmetic;
}

/// What was put right in a line that was taken.
enum class Normalisation : std::uint8_t { idn, url, trailing_dot, wildcard, prefix };
inline constexpr std::size_t kNormalisations = static_cast<std::size_t>(Normalisation::prefix) + 1;
std::string_view to_text(Normalisation kind);
std::string_view in_words(Normalisation kind);

struct ListSample {
  std::uint32_t line = 0;
  std::string text;    ///< of the line, at most kMaxSampleText octets of printable UTF-8
  std::string detail;  ///< more than the reason says; may be empty
};
inline constexpr std::size_t kMaxSamples = 5;
inline constexpr std::size_t kMaxSampleText = 100;

/// A line as a sample may show it: control characters and broken UTF-8 become "?", the end "...".
std::string sample_text(std::string_view line);

struct ListTally {
  std::size_t count = 0;
  std::vector<ListSample> samples;  ///< the first kMaxSamples
  void add(std::uint32_t line, std::string_view text, std::string_view detail);
};

struct ListReport {
  std::size_t octets = 0, lines = 0;
  std::size_t ignored = 0;   ///< blank lines, comments, headers, the zone's own records
  std::size_t accepted = 0;  ///< rules read, repeated ones included
  std::size_t rules = 0;     ///< that are left in the end
  ListTally duplicates, contradictions;
  std::array<ListTally, kNormalisations> normalised;
  std::array<ListTally, kRejections> rejected;

  void reject(Rejection reason, std::uint32_t line, std::string_view text, std::string_view detail = {}) {
    rejected[static_cast<std::size_t>(reason)].add(line, text, detail);
  }
  void normalise(Normalisation kind, std::uint32_t line, std::string_view text) {
    normalised[static_cast<std::size_t>(kind)].add(line, text, {});
  }
  std::size_t rejected_count() const;
  std::size_t broken_count() const;
  /// {"accepted":…,"normalised":{…},"rejected":{…}}: counts alone, for the record.
  std::string counts_as_json() const;
};

/// What a list may be; 0 switches a limit off.
struct ListLimits {
  std::uint32_t rejects = 5;                ///< percent of lines that are broken
  std::uint32_t growth = 100, shrink = 30;  ///< percent of the last good list
  std::size_t rules = 20'000'000;
  bool may_be_empty = false;  ///< a list without a rule is one: what it comes from can't be half a file
};
/// Growth and shrinkage of fewer rules than this are never too much.
inline constexpr std::size_t kSmallChange = 100;

/// `previous`: rules of the last good list; nothing when there is none. The error says which limit and both numbers.
std::expected<void, std::string> check_limits(const ListReport& report, std::optional<std::size_t> previous,
                                              const ListLimits& limits);

}  // namespace placard::policy
