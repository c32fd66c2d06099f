#include "resolver/serve/special.hpp"

#include <algorithm>
#include <array>
#include <bitset>
#include <cassert>
#include <cstring>
#include <string>
#include <unordered_map>

#include "resolver/serve/render.hpp"

namespace placard::serve {
namespace {

struct Row {
  const char* zone;
  SpecialKind kind;
};

constexpr Row kTable[] = {
    {"localhost.", SpecialKind::loopback},
    {"invalid.", SpecialKind::no_such_name},    // RFC 6761 6.4
    {"test.", SpecialKind::no_such_name},       // RFC 6761 6.2
    {"onion.", SpecialKind::no_such_name},      // RFC 7686
    {"alt.", SpecialKind::no_such_name},        // RFC 9476
    {"local.", SpecialKind::no_such_name},      // RFC 6762 22
    {"home.arpa.", SpecialKind::no_such_name},  // RFC 8375
    {"resolver.arpa.", SpecialKind::resolver},  // RFC 9462
    {"ipv4only.arpa.", SpecialKind::ipv4only},  // RFC 8880
    {"170.0.0.192.in-addr.arpa.", SpecialKind::ipv4only_reverse},
    {"171.0.0.192.in-addr.arpa.", SpecialKind::ipv4only_reverse},
    {"service.arpa.", SpecialKind::no_such_name},    // RFC 9665
    {"0.in-addr.arpa.", SpecialKind::no_such_name},  // RFC 6303 from here on
    {"10.in-addr.arpa.", SpecialKind::no_such_name},
    {"1.0.0.127.in-addr.arpa.", SpecialKind::pointer},
    {"127.in-addr.arpa.", SpecialKind::no_such_name},
    {"254.169.in-addr.arpa.", SpecialKind::no_such_name},
    {"2.0.192.in-addr.arpa.", SpecialKind::no_such_name},
    {"100.51.198.in-addr.arpa.", SpecialKind::no_such_name},
    {"113.0.203.in-addr.arpa.", SpecialKind::no_such_name},
    {"255.255.255.255.in-addr.arpa.", SpecialKind::no_such_name},
    {"168.192.in-addr.arpa.", SpecialKind::no_such_name},
    {"16.172.in-addr.arpa.", SpecialKind::no_such_name},
    {"17.172.in-addr.arpa.", SpecialKind::no_such_name},
    {"18.172.in-addr.arpa.", SpecialKind::no_such_name},
    {"19.172.in-addr.arpa.", SpecialKind::no_such_name},
    {"20.172.in-addr.arpa.", SpecialKind::no_such_name},
    {"21.172.in-addr.arpa.", SpecialKind::no_such_name},
    {"22.172.in-addr.arpa.", SpecialKind::no_such_name},
    {"23.172.in-addr.arpa.", SpecialKind::no_such_name},
    {"24.172.in-addr.arpa.", SpecialKind::no_such_name},
    {"25.172.in-addr.arpa.", SpecialKind::no_such_name},
    {"26.172.in-addr.arpa.", SpecialKind::no_such_name},
    {"27.172.in-addr.arpa.", SpecialKind::no_such_name},
    {"28.172.in-addr.arpa.", SpecialKind::no_such_name},
    {"29.172.in-addr.arpa.", SpecialKind::no_such_name},
    {"30.172.in-addr.arpa.", SpecialKind::no_such_name},
    {"31.172.in-addr.arpa.", SpecialKind::no_such_name},
    {"0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.ip6.arpa.", SpecialKind::no_such_name},
    {"1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.ip6.arpa.", SpecialKind::pointer},
    {"d.f.ip6.arpa.", SpecialKind::no_such_name},
    {"8.e.f.ip6.arpa.", SpecialKind::no_such_name},
    {"9.e.f.ip6.arpa.", SpecialKind::no_such_name},
    {"a.e.f.ip6.arpa.", SpecialKind::no_such_name},
    {"b.e.f.ip6.arpa.", SpecialKind::no_such_name},
    {"8.b.d.0.1.0.0.2.ip6.arpa.", SpecialKind::no_such_name},
};
constexpr std::uint32_t kTtl = 10'800;  // seconds, as the zones of RFC 6303 3 have it

/// The table with names in wire form; made once, at the first special name asked.
class Names {
 public:
  static const Names& all() {
    static const Names kAll;
    return kAll;
  }
  std::optional<SpecialName> find(wire::NameView name) const {
    const std::size_t labels = name.label_count();
    for (std::size_t count = std::min(labels, kMostLabels); count > 0; --count) {
      if (!label_counts_[count]) continue;
      if (const auto found = kinds_.find(wire::Name(name.suffix(count))); found != kinds_.end())
        return SpecialName{found->first.view(), found->second};
    }
    return std::nullopt;
  }

 private:
  static constexpr std::size_t kMostLabels = 34;

  Names() {
    for (const auto& row : kTable) add(row.zone, row.kind);
    for (int octet = 64; octet < 128; ++octet)  // 100.64.0.0/10, RFC 7793
      add((std::to_string(octet) + ".100.in-addr.arpa.").c_str(), SpecialKind::no_such_name);
  }
  void add(const char* zone, SpecialKind kind) {
    const auto name = *wire::Name::from_text(zone);
    label_counts_.set(name.view().label_count());
    kinds_.emplace(name, kind);
  }
  std::unordered_map<wire::Name, SpecialKind, wire::NameHash> kinds_;
  std::bitset<kMostLabels + 1> label_counts_;  // in use
};

void write_soa(wire::MessageWriter& writer, wire::Section section, wire::NameView zone) {
  // RFC 6303 3: MNAME is the zone, RNAME "nobody.invalid."
  static const wire::Name kNobody = *wire::Name::from_text("nobody.invalid.");
  std::array<std::uint8_t, 2 * wire::kMaxNameSize + 20> rdata;
  auto* at = std::copy(zone.bytes().begin(), zone.bytes().end(), rdata.data());
  const auto nobody = kNobody.view().bytes();
  at = std::copy(nobody.begin(), nobody.end(), at);
  for (const std::uint32_t field : {1U, 3600U, 1200U, 604'800U, kTtl})
    for (int shift = 24; shift >= 0; shift -= 8) *at++ = static_cast<std::uint8_t>(field >> shift);
  writer.record(section, zone, wire::RecordType::soa, wire::RecordClass::in, kTtl,
                {rdata.data(), static_cast<std::size_t>(at - rdata.data())});
}

}  // namespace

bool may_be_special(wire::NameView name) {
  const auto end = name.bytes();
  // With its length octet, the label is told from the end of a longer one.
  const auto ends_in = [&](std::string_view label) {
    return end.size() > label.size() &&
           std::memcmp(&end[end.size() - 1 - label.size()], label.data(), label.size()) == 0;
  };
  switch (end.size() < 2 ? 0 : end[end.size() - 2]) {
    case 'a':
      return ends_in(
          "\x04"
          "arpa");
    case 't':
      return ends_in(
                 "\x04"
                 "test") ||
             ends_in(
                 "\x03"
                 "alt") ||
             ends_in(
                 "\x09"
                 "localhost");
    case 'd':
      return ends_in(
          "\x07"
          "invalid");
    case 'n':
      return ends_in(
          "\x05"
          "onion");
    case 'l':
      return ends_in(
          "\x05"
          "local");
    default:
      return false;
  }
}

std::optional<SpecialName> find_special(wire::NameView name) {
  const wire::Name lowered = wire::Name(name).lowered();
  return may_be_special(lowered) ? Names::all().find(lowered) : std::nullopt;
}

namespace {

constexpr std::array<std::uint8_t, 4> kLoopback4 = {127, 0, 0, 1};
constexpr std::array<std::uint8_t, 16> kLoopback6 = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
constexpr std::array<std::array<std::uint8_t, 4>, 2> kIpv4Only = {{{192, 0, 0, 170}, {192, 0, 0, 171}}};

/// The records of a special name, if there are any for this question.
void write_special(wire::MessageWriter& writer, const SpecialName& special, const ClientQuestion& question,
                   const SpecialFacts& facts) {
  static const wire::Name kLocalhost = *wire::Name::from_text("localhost.");
  static const wire::Name kIpv4OnlyName = *wire::Name::from_text("ipv4only.arpa.");
  const auto owner = question.question.name.view();
  const auto type = question.question.type;
  const bool at_apex = owner == special.zone;
  const auto put = [&](wire::Bytes rdata) {
    writer.record(wire::Section::answer, owner, type, wire::RecordClass::in, kTtl, rdata);
  };
  using wire::RecordType;
  if (at_apex && type == RecordType::soa) write_soa(writer, wire::Section::answer, special.zone);
  if (at_apex && type == RecordType::ns) put(special.zone.bytes());  // RFC 6303 3: itself
  switch (special.kind) {
    case SpecialKind::loopback:
      if (type == RecordType::a) put(kLoopback4);
      if (type == RecordType::aaaa) put(kLoopback6);
      break;
    case SpecialKind::pointer:
      if (at_apex && type == RecordType::ptr) put(kLocalhost.view().bytes());
      break;
    case SpecialKind::ipv4only_reverse:
      if (at_apex && type == RecordType::ptr) put(kIpv4OnlyName.view().bytes());
      break;
    case SpecialKind::resolver:
      if (at_apex && type == RecordType::resinfo && !facts.resolver_info.empty()) put(facts.resolver_info);
      break;
    case SpecialKind::ipv4only:
      if (at_apex && type == RecordType::a)
        for (const auto& address : kIpv4Only) put(address);
      if (at_apex && type == RecordType::aaaa && facts.dns64 != nullptr)
        for (const auto& prefix : facts.dns64->prefixes)
          for (const auto& address : kIpv4Only) put(embed(prefix, address));
      break;
    case SpecialKind::empty:
    case SpecialKind::no_such_name:
      break;
  }
}

}  // namespace

std::size_t render_special(const SpecialName& special, const ClientQuestion& question, const SpecialFacts& facts,
                           std::span<std::uint8_t> reply) {
  const bool exists = question.question.name.view() == special.zone || special.kind == SpecialKind::loopback ||
                      special.kind == SpecialKind::empty || special.kind == SpecialKind::resolver;
  const auto rcode = exists ? wire::Rcode::noerror : wire::Rcode::nxdomain;
  wire::MessageWriter writer(reply, std::min(question.limit, reply.size()), opt_size(question, {}));
  auto header = answer_header(question, rcode);
  header.aa = true;
  writer.header(header);
  writer.question(question.question.name, question.question.type, question.question.record_class);
  const auto before = writer.size();
  write_special(writer, special, question, facts);
  if (writer.size() == before) write_soa(writer, wire::Section::authority, special.zone);
  return finish_answer(writer, question, rcode, {});
}

std::size_t render_chaos(const ClientQuestion& question, std::string_view identity, std::string_view version,
                         std::span<std::uint8_t> reply) {
  static const wire::Name kIdentities[] = {*wire::Name::from_text("id.server."),
                                           *wire::Name::from_text("hostname.bind.")};
  static const wire::Name kVersions[] = {*wire::Name::from_text("version.server."),
                                         *wire::Name::from_text("version.bind.")};
  const auto is_one_of = [&](const auto& names) {
    return std::ranges::any_of(names, [&](const wire::Name& one) { return one == question.question.name; });
  };
  std::string_view text;
  if (is_one_of(kIdentities)) text = identity;
  if (is_one_of(kVersions)) text = version;
  text = text.substr(0, 255);
  const auto type = question.question.type;
  if (text.empty() || (type != wire::RecordType::txt && type != wire::RecordType::any)) {
    const wire::ExtendedError error{wire::EdeCode::prohibited, {}};
    return render_rcode(question, wire::Rcode::refused, {&error, 1}, reply);
  }
  wire::MessageWriter writer(reply, std::min(question.limit, reply.size()), opt_size(question, {}));
  auto header = answer_header(question, wire::Rcode::noerror);
  header.aa = true;
  writer.header(header);
  writer.question(question.question.name, type, question.question.record_class);
  std::array<std::uint8_t, 256> rdata;
  rdata[0] = static_cast<std::uint8_t>(text.size());
  std::ranges::copy(text, rdata.begin() + 1);
  writer.record(wire::Section::answer, question.question.name, wire::RecordType::txt, wire::RecordClass::ch, 0,
                {rdata.data(), text.size() + 1});
  return finish_answer(writer, question, wire::Rcode::noerror, {});
}

}  // namespace placard::serve
