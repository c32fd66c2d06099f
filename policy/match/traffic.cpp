#include "policy/match/traffic.hpp"

#include <fmt/format.h>
#include <libpsl.h>
#include <xxhash.h>

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstring>
#include <map>

#include "policy/record/name_guard.hpp"
#include "policy/record/prefix.hpp"
#include "policy/record/written_name.hpp"

namespace placard::policy {
namespace {

constexpr std::size_t kNetworkOctets = 8;  // of IPv6: a household's or a server's
constexpr Time kHour = 3600;
constexpr std::string_view kFirstLine = "placard traffic 1";

/// The name of which its holder has one registered: "example.co.uk" of "www.example.co.uk". Empty for public suffixes,
/// names below none, and names that are no host names.
std::string registrable_domain(wire::NameView name) {
  const auto text = stored_name(wire::Name(name).lowered());
  const char* found = psl_registrable_domain(psl_builtin(), text.c_str());
  if (found == nullptr || text.find('\\') != text.npos) return {};
  return found;
}

bool more_asked(const DomainTraffic& a, const DomainTraffic& b) {
  return a.questions != b.questions ? a.questions > b.questions : a.domain < b.domain;
}

}  // namespace

// ---------------------------------------------------------------- on the answer path

TrafficBuffer::TrafficBuffer(std::uint64_t salt)
    : octets_(std::make_unique_for_overwrite<std::uint8_t[]>(kTrafficBuffer)), salt_(salt) {}

void TrafficBuffer::add(wire::NameView name, std::span<const std::uint8_t> client) {
  ++questions_;
  const auto bytes = name.bytes();
  const auto address = mapped_address(client);
  if (!address || kTrafficBuffer - used_ < kHead + bytes.size()) return;
  const std::uint64_t hash =
      XXH3_64bits_withSeed(address->data(), is_mapped_ipv4(*address) ? address->size() : kNetworkOctets, salt_);
  auto* at = octets_.get() + used_;
  std::memcpy(at, &hash, sizeof hash);
  at[8] = static_cast<std::uint8_t>(bytes.size());
  std::memcpy(at + kHead, bytes.data(), bytes.size());
  used_ += kHead + bytes.size();
}

void TrafficBuffer::empty(std::uint64_t salt) {
  std::memset(octets_.get(), 0, used_);
  used_ = 0;
  questions_ = 0;
  salt_ = salt;
}

std::pair<std::uint64_t, std::size_t> TrafficBuffer::head_at(std::size_t at) const {
  std::uint64_t hash;
  std::memcpy(&hash, octets_.get() + at, sizeof hash);
  return {hash, octets_[at + 8]};
}

// ---------------------------------------------------------------- clients

void ClientCount::note(std::uint64_t hash) {
  const auto rank = static_cast<std::uint8_t>(std::countl_zero(hash << 8 | 0x80) + 1);
  auto& at = (*registers_)[hash >> 56];
  at = std::max(at, rank);
}

void ClientCount::add(std::uint64_t hash) {
  if (registers_) {
    note(hash);
    return;
  }
  const auto end = exact_.begin() + count_;
  if (std::find(exact_.begin(), end, hash) != end) return;
  if (count_ < kExactClients) {
    exact_[count_++] = hash;
    return;
  }
  registers_ = std::make_unique<std::array<std::uint8_t, kRegisters>>();
  for (const auto known : exact_) note(known);
  note(hash);
}

std::uint32_t ClientCount::estimate() const {
  if (!registers_) return count_;
  constexpr double kSize = kRegisters;
  constexpr double kAlpha = 0.7213 / (1 + 1.079 / kSize);  // Flajolet and others (2007), figure 3
  double sum = 0;
  std::size_t zeros = 0;
  for (const auto rank : *registers_) {
    sum += std::ldexp(1.0, -rank);
    zeros += rank == 0;
  }
  double estimate = kAlpha * kSize * kSize / sum;
  if (estimate <= 2.5 * kSize && zeros > 0) estimate = kSize * std::log(kSize / static_cast<double>(zeros));
  return std::max(static_cast<std::uint32_t>(std::lround(estimate)), static_cast<std::uint32_t>(kExactClients + 1));
}

// ---------------------------------------------------------------- an hour

void TrafficSketch::take(const TrafficBuffer& buffer) {
  questions_ += buffer.questions();
  buffer.visit([this](wire::NameView name, std::uint64_t client) {
    ++looked_at_;
    auto domain = registrable_domain(name);
    if (domain.empty()) return;
    if (domains_.size() >= most_domains_ && !domains_.contains(domain)) make_room();
    auto& seen = domains_[std::move(domain)];
    ++seen.questions;
    seen.clients.add(client);
  });
}

/// The less asked half goes, at least one.
void TrafficSketch::make_room() {
  std::vector<std::uint64_t> counts;
  counts.reserve(domains_.size());
  for (const auto& [domain, seen] : domains_) counts.push_back(seen.questions);
  const auto middle = counts.begin() + static_cast<std::ptrdiff_t>(counts.size() / 2);
  std::ranges::nth_element(counts, middle);
  const auto most = *middle;
  uncertain_ += most;
  std::erase_if(domains_, [most](const auto& each) { return each.second.questions <= most; });
}

HourOfTraffic TrafficSketch::finish(Time hour) {
  HourOfTraffic out;
  out.hour = hour;
  out.questions = questions_;
  out.looked_at = looked_at_;
  out.uncertain = uncertain_;
  for (const auto& [domain, seen] : domains_)
    if (const auto clients = seen.clients.estimate(); clients >= kLeastClients)
      out.domains.push_back({domain, seen.questions, clients});
  std::ranges::sort(out.domains, more_asked);
  if (out.domains.size() > kMaxShownDomains) out.domains.resize(kMaxShownDomains);
  domains_.clear();
  questions_ = looked_at_ = uncertain_ = 0;
  return out;
}

// ---------------------------------------------------------------- the file

namespace {

/// The words of a line that are separated by single spaces.
std::vector<std::string_view> words_of(std::string_view line) {
  std::vector<std::string_view> words;
  while (!line.empty()) {
    const auto word = line.substr(0, line.find(' '));
    words.push_back(word);
    line.remove_prefix(std::min(line.size(), word.size() + 1));
  }
  return words;
}

template <typename Number>
bool read_number(std::string_view text, Number& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size();
}

void merge(HourOfTraffic& into, const HourOfTraffic& more) {
  into.questions += more.questions;
  into.looked_at += more.looked_at;
  into.uncertain += more.uncertain;
  std::map<std::string, DomainTraffic> domains;
  for (const HourOfTraffic* hour : {static_cast<const HourOfTraffic*>(&into), &more}) {
    for (const auto& each : hour->domains) {
      auto& both = domains[each.domain];
      both.domain = each.domain;
      both.questions += each.questions;
      both.clients = std::max(both.clients, each.clients);
    }
  }
  into.domains.clear();
  for (auto& [name, both] : domains) into.domains.push_back(std::move(both));
  std::ranges::sort(into.domains, more_asked);
  if (into.domains.size() > kMaxShownDomains) into.domains.resize(kMaxShownDomains);
}

}  // namespace

std::expected<std::vector<HourOfTraffic>, std::string> read_traffic(std::string_view text) {
  std::vector<HourOfTraffic> hours;
  for (std::size_t number = 1; !text.empty(); ++number) {
    const auto line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    const auto wrong = [&] { return std::unexpected(fmt::format("line {} is none of a traffic file", number)); };
    if (number == 1) {
      if (line != kFirstLine) return wrong();
      continue;
    }
    const auto words = words_of(line);
    if (words.size() == 5 && words[0] == "hour") {
      auto& hour = hours.emplace_back();
      if (!read_number(words[1], hour.hour) || !read_number(words[2], hour.questions) ||
          !read_number(words[3], hour.looked_at) || !read_number(words[4], hour.uncertain) ||
          hours.size() > kTrafficHours)
        return wrong();
    } else if (words.size() == 4 && words[0] == "domain" && !hours.empty()) {
      auto& domain = hours.back().domains.emplace_back();
      domain.domain = words[1];
      if (!read_number(words[2], domain.questions) || !read_number(words[3], domain.clients) ||
          !wire::Name::from_text(domain.domain) || hours.back().domains.size() > kMaxShownDomains)
        return wrong();
    } else {
      return wrong();
    }
  }
  return hours;
}

std::string traffic_file(std::string_view text, const HourOfTraffic& fresh) {
  auto hours = read_traffic(text).value_or(std::vector<HourOfTraffic>());
  std::erase_if(hours, [&](const HourOfTraffic& each) {
    return each.hour + static_cast<Time>(kTrafficHours) * kHour <= fresh.hour || each.hour > fresh.hour;
  });
  const auto same = std::ranges::find(hours, fresh.hour, &HourOfTraffic::hour);
  if (same != hours.end())
    merge(*same, fresh);
  else
    hours.push_back(fresh);
  std::ranges::sort(hours, std::greater<>(), &HourOfTraffic::hour);
  if (hours.size() > kTrafficHours) hours.resize(kTrafficHours);
  std::string out = fmt::format("{}\n", kFirstLine);
  for (const auto& hour : hours) {
    out += fmt::format("hour {} {} {} {}\n", hour.hour, hour.questions, hour.looked_at, hour.uncertain);
    for (const auto& each : hour.domains)
      out += fmt::format("domain {} {} {}\n", each.domain, each.questions, each.clients);
  }
  return out;
}

// ---------------------------------------------------------------- what rules would have met

TrafficProbe::TrafficProbe(const std::vector<HourOfTraffic>& hours) {
  std::map<std::string, DomainTraffic> all;
  for (const auto& hour : hours) {
    for (const auto& each : hour.domains) {
      const auto name = wire::Name::from_text(each.domain);
      if (!name) continue;
      auto& sum = all[stored_key(*name)];
      sum.domain = each.domain;
      sum.questions += each.questions;
      sum.clients = std::max(sum.clients, each.clients);
    }
  }
  for (auto& [key, traffic] : all) domains_.push_back({key, std::move(traffic)});
}

void TrafficProbe::look(std::string_view key, MatchKind match) {
  const auto reach = [](Domain& domain, Reach how) { domain.reach = std::max(domain.reach, how); };
  const auto first = std::ranges::lower_bound(domains_, key, {}, &Domain::key);
  for (auto at = first; at != domains_.end() && at->key.starts_with(key); ++at) {
    const bool same = at->key.size() == key.size();
    if (same)
      reach(*at, match == MatchKind::both ? Reach::whole : Reach::part);
    else if (is_at_or_below(at->key, key) && match != MatchKind::exact)
      reach(*at, Reach::whole);
  }
  for (auto dot = key.rfind('.'); dot != key.npos && dot > 0; dot = key.rfind('.', dot - 1)) {
    const auto at = std::ranges::lower_bound(domains_, key.substr(0, dot), {}, &Domain::key);
    if (at != domains_.end() && at->key == key.substr(0, dot)) reach(*at, Reach::part);
  }
}

TrafficProbe::Met TrafficProbe::met() const {
  Met met;
  for (const auto& each : domains_) {
    if (each.reach == Reach::none) continue;
    const bool whole = each.reach == Reach::whole;
    met.at_most += each.traffic.questions;
    if (whole) met.questions += each.traffic.questions;
    met.domains.emplace_back(each.traffic, whole);
  }
  std::ranges::sort(met.domains, [](const auto& a, const auto& b) { return more_asked(a.first, b.first); });
  return met;
}

}  // namespace placard::policy
