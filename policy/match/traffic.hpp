// What was asked lately, as far as a preview may know it: for each hour the registrable domains that at least ten
// clients asked for, how many questions and about how many clients. Nothing of a client stays.
//
// Three steps. A worker copies each question's name and a salted hash of the client's address into a buffer of a fixed
// size (TrafficBuffer): no allocation, no lock; what finds no room is counted and not looked at. Elsewhere, a second
// later, names become registrable domains (libpsl) in a table of at most kMaxDomains (TrafficSketch), where clients are
// known by their hashes up to kExactClients of them and by an estimate beyond (HyperLogLog, 256 registers: a standard
// error of 6.5%). At the end of the hour what fewer than kLeastClients asked for is thrown away with the hashes and the
// salt, so that nobody can hold them against addresses any more; the rest is an HourOfTraffic, and may be written down.
//
// A client is an IPv4 address or an IPv6 network of 64 bits. When the table is full the less asked half goes; what a
// domain may have lost by that is told (`uncertain`). No I/O and no clock here.
#pragma once

#include <array>
#include <cstdint>
#include <expected>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "policy/record/decision.hpp"

namespace placard::policy {

inline constexpr std::size_t kTrafficBuffer = std::size_t{1} << 20;  ///< octets, some 30,000 questions
inline constexpr std::size_t kMaxTrafficDomains = 32'768;            ///< of one hour, while it lasts
inline constexpr std::size_t kMaxShownDomains = 4'096;               ///< of one hour, the most asked ones
inline constexpr std::size_t kTrafficHours = 24;                     ///< that are kept
inline constexpr std::uint32_t kLeastClients = 10;                   ///< that a domain must have to be shown

/// The questions that one worker answered since the buffer was last emptied. One thread at a time.
class TrafficBuffer {
 public:
  explicit TrafficBuffer(std::uint64_t salt);
  /// `client`: 4 or 16 octets.
  void add(wire::NameView name, std::span<const std::uint8_t> client);
  void empty(std::uint64_t salt);

  std::uint64_t questions() const { return questions_; }
  /// each(name, hash of the client) of those there was room for.
  template <typename Each>
  void visit(const Each& each) const {
    for (std::size_t at = 0; at < used_;) {
      const auto [hash, size] = head_at(at);
      each(wire::NameView::from_valid({octets_.get() + at + kHead, size}), hash);
      at += kHead + size;
    }
  }

 private:
  static constexpr std::size_t kHead = 9;  // hash, size of the name
  std::pair<std::uint64_t, std::size_t> head_at(std::size_t at) const;

  std::unique_ptr<std::uint8_t[]> octets_;
  std::size_t used_ = 0;
  std::uint64_t salt_, questions_ = 0;
};

/// How many clients there were, from their hashes.
class ClientCount {
 public:
  static constexpr std::size_t kExactClients = 16, kRegisters = 256;
  void add(std::uint64_t hash);
  std::uint32_t estimate() const;  ///< exact up to kExactClients

 private:
  void note(std::uint64_t hash);
  std::array<std::uint64_t, kExactClients> exact_{};
  std::uint8_t count_ = 0;
  std::unique_ptr<std::array<std::uint8_t, kRegisters>> registers_;  // beyond
};

struct DomainTraffic {
  std::string domain;           ///< registrable, as stored_name() has it
  std::uint64_t questions = 0;  ///< that were looked at
  std::uint32_t clients = 0;    ///< about; at least kLeastClients
  friend bool operator==(const DomainTraffic&, const DomainTraffic&) = default;
};

struct HourOfTraffic {
  Time hour = 0;                       ///< its first second
  std::uint64_t questions = 0;         ///< of all clients, for all names
  std::uint64_t looked_at = 0;         ///< of these
  std::uint64_t uncertain = 0;         ///< so many questions any domain may have had more
  std::vector<DomainTraffic> domains;  ///< the most asked first, at most kMaxShownDomains
  friend bool operator==(const HourOfTraffic&, const HourOfTraffic&) = default;
};

class TrafficSketch {
 public:
  explicit TrafficSketch(std::size_t most_domains = kMaxTrafficDomains) : most_domains_(most_domains) {}
  void take(const TrafficBuffer& buffer);
  std::size_t domains() const { return domains_.size(); }
  /// What may be shown; all is forgotten.
  HourOfTraffic finish(Time hour);

 private:
  struct Seen {
    std::uint64_t questions = 0;
    ClientCount clients;
  };
  void make_room();

  std::size_t most_domains_;
  std::unordered_map<std::string, Seen> domains_;
  std::uint64_t questions_ = 0, looked_at_ = 0, uncertain_ = 0;
};

/// The file of the hours: adds `fresh` to those of `text` (the same hour becomes one: questions add up, the larger
/// number of clients stands), without those that ended kTrafficHours before it. A text that is no such file is nothing.
std::string traffic_file(std::string_view text, const HourOfTraffic& fresh);
/// The hours that a file holds, the latest first; an error where it is none.
std::expected<std::vector<HourOfTraffic>, std::string> read_traffic(std::string_view text);

/// What of that traffic rules would have met.
class TrafficProbe {
 public:
  explicit TrafficProbe(const std::vector<HourOfTraffic>& hours);
  /// A rule about names asked, that is no passthru; `key` as stored_key() has it.
  void look(std::string_view key, MatchKind match);

  struct Met {
    std::uint64_t questions = 0;  ///< for domains that a rule covers whole
    std::uint64_t at_most = 0;    ///< and for those of which it covers a part, all of their questions
    std::vector<std::pair<DomainTraffic, bool>> domains;  ///< the most asked first; true: covered whole
  };
  Met met() const;

 private:
  enum class Reach : std::uint8_t { none, part, whole };
  struct Domain {
    std::string key;
    DomainTraffic traffic;
    Reach reach = Reach::none;
  };
  std::vector<Domain> domains_;  // by key
};

}  // namespace placard::policy
