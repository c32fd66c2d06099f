#include "resolver/serve/special.hpp"

#include <algorithm>
#include <array>
#include <cassert>
#include <string>
#include <vector>

#include "resolver/serve/render.hpp"

namespace placard::serve {
namespace {

struct Row {
  const char* zone;
  SpecialKind kind;
};

constexpr Row kTable[] = {
    {"localhost.", SpecialKind::loopback},
    {"invalid.", SpecialKind::no_such_name},         // RFC 6761 6.4
    {"test.", SpecialKind::no_such_name},            // RFC 6761 6.2
    {"onion.", SpecialKind::no_such_name},           // RFC 7686
    {"alt.", SpecialKind::no_such_name},             // RFC 9476
    {"local.", SpecialKind::no_such_name},           // RFC 6762 22
    {"home.arpa.", SpecialKind::no_such_name},       // RFC 8375
    {"resolver.arpa.", SpecialKind::empty},          // RFC 9462
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

struct Entry {
  wire::Name zone;
  SpecialKind kind;
};

/// The table with names in wire form; made once, at the first special name asked.
const std::vector<Entry>& entries() {
  static const std::vector<Entry> kEntries = [] {
    std::vector<Entry> made;
    for (const auto& row : kTable) made.push_back({*wire::Name::from_text(row.zone), row.kind});
    return made;
  }();
  return kEntries;
}

void write_soa(wire::MessageWriter& writer, wire::NameView zone) {
  // RFC 6303 3: MNAME is the zone, RNAME "nobody.invalid."
  static const wire::Name kNobody = *wire::Name::from_text("nobody.invalid.");
  std::array<std::uint8_t, 2 * wire::kMaxNameSize + 20> rdata;
  auto* at = std::copy(zone.bytes().begin(), zone.bytes().end(), rdata.data());
  const auto nobody = kNobody.view().bytes();
  at = std::copy(nobody.begin(), nobody.end(), at);
  for (const std::uint32_t field : {1U, 3600U, 1200U, 604'800U, kTtl})
    for (int shift = 24; shift >= 0; shift -= 8) *at++ = static_cast<std::uint8_t>(field >> shift);
  writer.record(wire::Section::authority, zone, wire::RecordType::soa, wire::RecordClass::in, kTtl,
                {rdata.data(), static_cast<std::size_t>(at - rdata.data())});
}

}  // namespace

std::optional<SpecialName> find_special(wire::NameView name) {
  // Every special name ends in a top-level label of this handful; most questions leave here.
  if (name.is_root()) return std::nullopt;
  const auto top = name.suffix(1).first_label();
  const auto is = [&](std::string_view label) {
    return top.size() == label.size() && std::equal(top.begin(), top.end(), label.begin(), [](std::uint8_t a, char b) {
             return wire::lower(a) == static_cast<std::uint8_t>(b);
           });
  };
  if (!is("arpa") && !is("localhost") && !is("invalid") && !is("test") && !is("onion") && !is("alt") && !is("local"))
    return std::nullopt;
  for (const auto& entry : entries())
    if (name.is_subdomain_of(entry.zone)) return SpecialName{entry.zone.view(), entry.kind};
  return std::nullopt;
}

std::size_t render_special(const SpecialName& special, const ClientQuestion& question, std::span<std::uint8_t> reply) {
  static constexpr std::array<std::uint8_t, 4> kLoopback4 = {127, 0, 0, 1};
  static constexpr std::array<std::uint8_t, 16> kLoopback6 = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
  static const wire::Name kLocalhost = *wire::Name::from_text("localhost.");
  const bool at_apex = question.question.name.view() == special.zone;
  const bool exists = at_apex || special.kind == SpecialKind::loopback || special.kind == SpecialKind::empty;
  const auto rcode = exists ? wire::Rcode::noerror : wire::Rcode::nxdomain;
  wire::MessageWriter writer(reply, std::min(question.limit, reply.size()), opt_size(question, {}));
  auto header = answer_header(question, rcode);
  header.aa = true;
  writer.header(header);
  writer.question(question.question.name, question.question.type, question.question.record_class);
  const auto owner = question.question.name.view();
  if (special.kind == SpecialKind::loopback && question.question.type == wire::RecordType::a)
    writer.record(wire::Section::answer, owner, wire::RecordType::a, wire::RecordClass::in, kTtl, kLoopback4);
  else if (special.kind == SpecialKind::loopback && question.question.type == wire::RecordType::aaaa)
    writer.record(wire::Section::answer, owner, wire::RecordType::aaaa, wire::RecordClass::in, kTtl, kLoopback6);
  else if (special.kind == SpecialKind::pointer && at_apex && question.question.type == wire::RecordType::ptr)
    writer.record(wire::Section::answer, owner, wire::RecordType::ptr, wire::RecordClass::in, kTtl,
                  kLocalhost.view().bytes());
  else
    write_soa(writer, special.zone);
  return finish_answer(writer, question, rcode, {});
}

std::size_t render_chaos(const ClientQuestion& question, const std::string& identity, std::span<std::uint8_t> reply) {
  static const wire::Name kIdServer = *wire::Name::from_text("id.server.");
  if (identity.empty() || identity.size() > 255 || question.question.type != wire::RecordType::txt ||
      question.question.name.view() != kIdServer.view())
    return render_rcode(question, wire::Rcode::refused, {}, reply);
  wire::MessageWriter writer(reply, std::min(question.limit, reply.size()), opt_size(question, {}));
  writer.header(answer_header(question, wire::Rcode::noerror));
  writer.question(question.question.name, question.question.type, question.question.record_class);
  std::array<std::uint8_t, 256> rdata;
  rdata[0] = static_cast<std::uint8_t>(identity.size());
  std::copy(identity.begin(), identity.end(), rdata.begin() + 1);
  writer.record(wire::Section::answer, question.question.name, wire::RecordType::txt, wire::RecordClass::ch, 0,
                {rdata.data(), identity.size() + 1});
  return finish_answer(writer, question, wire::Rcode::noerror, {});
}

}  // namespace placard::serve
