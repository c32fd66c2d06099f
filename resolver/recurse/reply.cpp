#include "resolver/recurse/reply.hpp"

#include <algorithm>

#include "resolver/recurse/chain.hpp"

namespace placard::recurse {
namespace {

using wire::NameView;
using wire::RecordSet;
using wire::RecordType;

constexpr std::size_t kMaxAdopted = 8;  // signatures of one set taken from another section

Reply reject(ReplyKind kind, std::string_view why) {
  Reply reply;
  reply.kind = kind;
  reply.why = why;
  return reply;
}

bool well_formed(RecordType type, wire::Bytes rdata) {
  switch (type) {
    case RecordType::a:
      return rdata.size() == 4;
    case RecordType::aaaa:
      return rdata.size() == 16;
    case RecordType::ns:
    case RecordType::cname:
    case RecordType::dname:
      return wire::rdata_name(type, rdata).has_value();
    case RecordType::soa:
      return wire::parse_soa(rdata).has_value();
    default:
      return true;
  }
}

/// What of a section may not be believed record by record.
struct Scrubbed {
  bool broken = false;           ///< rdata of another shape than its type has
  bool private_address = false;  ///< an address that the name must not have
};

/// The section's sets of class IN in the zone, without records that are broken or lead to private addresses.
std::vector<RecordSet> believable_sets(const wire::MessageView& message, wire::Section section, const Asked& asked,
                                       NameView zone, Scrubbed& scrubbed) {
  auto sets = wire::record_sets(message, section);
  for (auto& set : sets) {
    const bool guarded = asked.private_addresses && !asked.private_addresses->may_have(set.owner);
    const auto good = [&](wire::Bytes rdata) {
      if (!well_formed(set.type, rdata)) return !(scrubbed.broken = true);
      if (guarded && asked.private_addresses->forbids(set.type, rdata)) return !(scrubbed.private_address = true);
      return true;
    };
    if (std::ranges::all_of(set.rdatas, good)) continue;
    wire::RdataList kept;
    for (const auto rdata : set.rdatas) {
      if (good(rdata)) kept.add(rdata);
    }
    set.rdatas = std::move(kept);
  }
  std::erase_if(sets, [&](const RecordSet& set) {
    return set.rdatas.empty() || set.record_class != wire::RecordClass::in || !set.owner.view().is_subdomain_of(zone);
  });
  return sets;
}

/// The TTL of the zone's own NS set, where the authority section has it.
std::optional<std::uint32_t> apex_ttl_of(const std::vector<RecordSet>& authority, NameView zone) {
  for (const auto& set : authority) {
    if (set.type == RecordType::ns && set.owner.view() == zone) return set.ttl;
  }
  return std::nullopt;
}

bool is_proof(RecordType type) {
  return type == RecordType::nsec || type == RecordType::nsec3;
}

void take_proof(std::vector<RecordSet>& authority, Reply& reply, bool with_ds) {
  for (auto& set : authority) {
    if (is_proof(set.type) || (with_ds && set.type == RecordType::ds && set.owner == reply.ns.owner))
      reply.proof.push_back(std::move(set));
    if (reply.proof.size() >= kMaxProofSets) return;
  }
}

/// The SOA that speaks for `name`: its owner at or above it. Out-of-zone ones are gone already.
void take_soa(const std::vector<RecordSet>& authority, NameView name, Reply& reply) {
  for (const auto& set : authority) {
    if (set.type != RecordType::soa || !name.is_subdomain_of(set.owner)) continue;
    reply.soa = set;
    return;
  }
}

void take_glue(const wire::MessageView& message, const Asked& asked, Reply& reply) {
  struct Server {
    wire::Name name;
    std::uint64_t hash;
    std::size_t taken = 0;
  };
  std::vector<Server> servers;
  for (const auto rdata : reply.ns.rdatas) {
    const wire::Name name = *wire::rdata_name(RecordType::ns, rdata);
    servers.push_back({name, name.view().hash(0)});
  }
  std::size_t looked_at = 0;
  for (const auto& record : message.records(wire::Section::additional)) {
    if (++looked_at > kMaxSectionRecords) break;
    const bool address = record.type() == RecordType::a || record.type() == RecordType::aaaa;
    if (!address || record.record_class() != wire::RecordClass::in || !well_formed(record.type(), record.rdata()))
      continue;
    const wire::Name owner = record.owner();
    if (!owner.view().is_subdomain_of(asked.zone)) continue;
    const std::uint64_t hash = owner.view().hash(0);
    for (std::size_t i = 0; i < servers.size(); ++i) {
      Server& server = servers[i];
      if (server.hash != hash || server.taken >= kMaxGluePerServer || !(server.name == owner)) continue;
      ++server.taken;
      reply.glue.push_back({static_cast<std::uint16_t>(i), net::Address::from_bytes(record.rdata())});
      reply.ns.ttl = std::min(reply.ns.ttl, record.ttl());  // the delegation is known as long as all of it is
    }
  }
}

/// The first of the name servers, and their addresses.
void take_servers(const wire::MessageView& message, const Asked& asked, const RecordSet& ns, Reply& reply) {
  wire::RdataList kept;
  for (const auto rdata : ns.rdatas) {
    if (kept.size() < kMaxDelegationServers) kept.add(rdata);
  }
  reply.ns = ns;
  reply.ns.rdatas = std::move(kept);
  take_glue(message, asked, reply);
}

/// In the authority section, of whatever zone.
bool has_any(const wire::MessageView& message, RecordType type) {
  for (const auto& record : message.records(wire::Section::authority)) {
    if (record.type() == type) return true;
  }
  return false;
}

/// Neither SOA nor NS: NODATA (RFC 2308 2.2), if nobody knows better; where it comes with proofs, they decide.
Reply judge_empty(std::vector<RecordSet>& authority, Reply reply) {
  take_proof(authority, reply, false);
  reply.kind = reply.proof.empty() ? ReplyKind::empty : ReplyKind::nodata;
  return reply;
}

/// NOERROR, and nothing for the question in the answer section: a referral, NODATA, or a server that is not one.
Reply judge_no_answer(const wire::MessageView& message, const Asked& asked, std::vector<RecordSet> authority,
                      Reply reply) {
  const NameView name = asked.question.name;
  take_soa(authority, name, reply);
  if (reply.soa) {
    reply.kind = ReplyKind::nodata;
    take_proof(authority, reply, false);
    return reply;
  }
  RecordSet* cut = nullptr;
  bool itself = false;
  for (auto& set : authority) {
    if (set.type != RecordType::ns || !name.is_subdomain_of(set.owner)) continue;
    if (set.owner.view() == asked.zone)
      itself = true;
    else if (!cut || set.owner.view().label_count() > cut->owner.view().label_count())
      cut = &set;
  }
  if (asked.forwarder) {
    if (cut || itself) return reject(ReplyKind::lame, "a referral from a forwarder: it does not resolve for us");
    return judge_empty(authority, std::move(reply));
  }
  if (cut && asked.question.type == RecordType::ds && cut->owner.view() == name) {
    reply.kind =
        ReplyKind::nodata;  // the parent knows the cut and no DS (a server older than RFC 4035 says so this way)
    return reply;
  }
  if (cut) {
    reply.kind = ReplyKind::referral;
    take_servers(message, asked, *cut, reply);
    take_proof(authority, reply, true);
    return reply;
  }
  if (itself && !reply.authoritative) return reject(ReplyKind::lame, "refers the zone to itself");
  if (itself) {
    reply.kind = ReplyKind::nodata;
    return reply;
  }
  if (has_any(message, RecordType::ns) || has_any(message, RecordType::soa))
    return reject(ReplyKind::lame, "refers upwards or sideways");
  return judge_empty(authority, std::move(reply));
}

std::optional<Reply> judge_header(const wire::MessageView& message, const Asked& asked) {
  const auto& header = message.header();
  if (!header.qr || header.opcode != wire::Opcode::query)
    return reject(ReplyKind::malformed, "not a reply to a question");
  const auto rcode = message.rcode();
  const bool one =
      message.count(wire::Section::question) == 1 && message.question_name() == asked.question.name.view() &&
      message.question_type() == asked.question.type && message.question_class() == asked.question.record_class;
  const bool none =
      message.count(wire::Section::question) == 0 && rcode != wire::Rcode::noerror && rcode != wire::Rcode::nxdomain;
  if (!one && !none) return reject(ReplyKind::malformed, "another question");
  if (header.tc) return reject(ReplyKind::truncated, "truncated");
  switch (rcode) {
    case wire::Rcode::noerror:
    case wire::Rcode::nxdomain:
    case wire::Rcode::yxdomain:
      return std::nullopt;
    case wire::Rcode::formerr:
      return reject(ReplyKind::no_edns, "FORMERR");
    case wire::Rcode::notimp:
      return reject(ReplyKind::no_edns, "NOTIMP");
    case wire::Rcode::badvers:
      return reject(ReplyKind::no_edns, "BADVERS");
    case wire::Rcode::servfail:
      return reject(ReplyKind::server_failure, "SERVFAIL");
    case wire::Rcode::refused:
      return reject(ReplyKind::refused, "REFUSED");
    case wire::Rcode::notauth:
      return reject(ReplyKind::refused, "NOTAUTH");
    default:
      return reject(ReplyKind::malformed, "an unexpected response code");
  }
}

/// A question for RRSIG: they are records of the answer then, not companions of what they cover.
RecordSet signatures_of(const wire::MessageView& message, NameView name) {
  RecordSet set;
  set.owner = wire::Name(name);
  set.type = RecordType::rrsig;
  set.ttl = ~0U;
  for (const auto& record : message.records(wire::Section::answer)) {
    if (record.type() != RecordType::rrsig || record.record_class() != wire::RecordClass::in ||
        !(record.owner().view() == name))
      continue;
    std::vector<std::uint8_t> rdata;
    record.expand_rdata(rdata);
    if (rdata.size() > wire::RdataList::kMaxSize) continue;
    set.rdatas.add(rdata);
    set.ttl = std::min(set.ttl, record.ttl());
  }
  return set;
}

/// Some servers put signatures of the answer into other sections. They are as good there.
void adopt_signatures(const wire::MessageView& message, std::vector<RecordSet>& answers) {
  if (std::ranges::none_of(answers, [](const RecordSet& set) { return set.signatures.empty(); })) return;
  for (const auto section : {wire::Section::authority, wire::Section::additional}) {
    std::size_t looked_at = 0;  // each is compared with each set, and thousands fit into a message
    for (const auto& record : message.records(section)) {
      if (++looked_at > kMaxSectionRecords) break;
      if (record.type() != RecordType::rrsig || record.record_class() != wire::RecordClass::in) continue;
      std::vector<std::uint8_t> rdata;
      record.expand_rdata(rdata);
      const auto covered = wire::covered_type(rdata);
      if (!covered) continue;
      const wire::Name owner = record.owner();
      for (auto& set : answers) {
        if (set.type == *covered && set.signatures.size() < kMaxAdopted && set.owner == owner)
          set.signatures.add(rdata);
      }
    }
  }
}

}  // namespace

Reply judge(const wire::MessageView& message, const Asked& asked) {
  if (auto rejected = judge_header(message, asked)) return *std::move(rejected);
  for (const auto section : {wire::Section::answer, wire::Section::authority}) {
    if (message.count(section) > kMaxSectionRecords) return reject(ReplyKind::malformed, "too many records");
  }
  const auto rcode = message.rcode();
  Reply reply;
  reply.authoritative = message.header().aa;

  Scrubbed scrubbed;
  auto answers = believable_sets(message, wire::Section::answer, asked, asked.zone, scrubbed);
  reply.private_address = scrubbed.private_address;
  if (asked.question.type == RecordType::rrsig) {
    std::erase_if(answers, [](const RecordSet& set) { return set.type == RecordType::rrsig; });
    if (auto set = signatures_of(message, asked.question.name); !set.rdatas.empty()) answers.push_back(std::move(set));
  }
  adopt_signatures(message, answers);
  // What denies comes from the zone that a forwarder found it in, which may begin above the one it has from us. A
  // denial is kept with the question only, and its proofs for those who check them.
  const NameView denying = asked.forwarder ? NameView{} : asked.zone;
  auto authority = believable_sets(message, wire::Section::authority, asked, denying, scrubbed);
  reply.apex_ttl = apex_ttl_of(authority, asked.zone);

  switch (follow_chain(std::move(answers), asked, reply)) {
    case ChainEnd::too_long:
      reply.kind = ReplyKind::yxdomain;
      return reply;
    case ChainEnd::beyond:
      reply.kind = ReplyKind::chain;
      take_proof(authority, reply, false);
      return reply;
    case ChainEnd::found:
      reply.kind = ReplyKind::answer;
      take_proof(authority, reply, false);  // of a wildcard's expansion
      if (asked.question.type == RecordType::ns && reply.answer.back().type == RecordType::ns) {
        take_servers(message, asked, reply.answer.back(), reply);  // priming wants the addresses too
      }
      return reply;
    case ChainEnd::nothing:
      break;
  }
  if (rcode == wire::Rcode::yxdomain) return reject(ReplyKind::malformed, "YXDOMAIN without a DNAME");

  if (!reply.answer.empty()) {
    // The code and the SOA speak of the end of the chain, if that is still this server's business.
    take_soa(authority, reply.next, reply);
    if (reply.next.view().is_subdomain_of(asked.zone) &&
        (reply.soa || (rcode == wire::Rcode::nxdomain && asked.forwarder))) {
      reply.kind = rcode == wire::Rcode::nxdomain ? ReplyKind::nxdomain : ReplyKind::nodata;
    } else {
      reply.kind = ReplyKind::chain;
    }
    take_proof(authority, reply, false);
    return reply;
  }
  if (rcode == wire::Rcode::nxdomain) {
    reply.kind = ReplyKind::nxdomain;
    take_soa(authority, asked.question.name, reply);
    if (!reply.soa && !asked.forwarder && has_any(message, RecordType::soa)) {
      return reject(ReplyKind::lame, "denies the name for another zone");
    }
    take_proof(authority, reply, false);
    return reply;
  }
  if (reply.private_address) {
    reply.kind = ReplyKind::nodata;
    reply.why = "nothing but private addresses";
    return reply;
  }
  if (scrubbed.broken && message.count(wire::Section::answer) > 0) {  // perhaps another server has whole ones
    reply.kind = ReplyKind::empty;
    reply.why = "nothing but broken records";
    return reply;
  }
  return judge_no_answer(message, asked, std::move(authority), std::move(reply));
}

std::string_view to_text(ReplyKind kind) {
  switch (kind) {
    case ReplyKind::answer:
      return "answer";
    case ReplyKind::chain:
      return "alias";
    case ReplyKind::nodata:
      return "no data";
    case ReplyKind::nxdomain:
      return "no such name";
    case ReplyKind::yxdomain:
      return "alias makes a name that is too long";
    case ReplyKind::referral:
      return "referral";
    case ReplyKind::empty:
      return "empty answer";
    case ReplyKind::truncated:
      return "truncated";
    case ReplyKind::no_edns:
      return "no EDNS";
    case ReplyKind::server_failure:
      return "server failure";
    case ReplyKind::refused:
      return "refused";
    case ReplyKind::lame:
      return "lame";
    case ReplyKind::malformed:
      return "malformed";
  }
  return "unknown";
}

}  // namespace placard::recurse
