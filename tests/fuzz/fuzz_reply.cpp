// Judging arbitrary replies: whatever the bytes, what is believed lies inside the zone that was asked.
//
// Input: one octet for the zone (how many labels of the question's name), one for the asker (forwarder or not), then
// the message, whose own question is taken for ours, so that the fuzzer gets past the first check.
#include <cassert>
#include <cstddef>
#include <cstdint>

#include "resolver/recurse/reply.hpp"

using namespace placard;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const wire::Bytes bytes(data + 2, size - 2);
  const auto message = wire::parse_reply(bytes);
  if (!message) return 0;
  wire::Question question;
  if (message->count(wire::Section::question) > 0) question = message->question();
  const std::size_t labels = question.name.view().label_count();
  const bool forwarder = (data[1] & 1U) != 0;
  const wire::Name zone(question.name.view().suffix(data[0] % (labels + 1)));
  recurse::Asked asked{question, zone, forwarder};
  const recurse::PrivateAddresses everything{{policy::Prefix{}}, {}};  // of IPv6 too: the one that holds them all
  if ((data[1] & 2U) != 0) asked.private_addresses = &everything;
  const recurse::Reply reply = recurse::judge(*message, asked);

  if (!recurse::believable(reply.kind)) {
    assert(!reply.why.empty() && reply.answer.empty() && reply.glue.empty());
    return 0;
  }
  for (const auto& set : reply.answer) {
    assert(set.owner.view().is_subdomain_of(zone));
    assert(!set.rdatas.empty());
    for (const auto rdata : set.rdatas) assert(!asked.private_addresses || !everything.forbids(set.type, rdata));
  }
  for (const auto& set : reply.proof) assert(forwarder || set.owner.view().is_subdomain_of(zone));
  assert(reply.proof.size() <= recurse::kMaxProofSets);
  assert(reply.answer.size() <= 2 * (asked.max_chain + 2) || question.type == wire::RecordType::any);
  if (reply.soa) {
    assert(forwarder || reply.soa->owner.view().is_subdomain_of(zone));
    assert(reply.next.view().is_subdomain_of(reply.soa->owner));
  }
  if (reply.kind == recurse::ReplyKind::referral) {
    assert(!forwarder);
    assert(reply.ns.owner.view().label_count() > zone.view().label_count());
    assert(question.name.view().is_subdomain_of(reply.ns.owner));
    assert(reply.ns.rdatas.size() <= recurse::kMaxDelegationServers);
    for (const auto& glue : reply.glue) assert(glue.server < reply.ns.rdatas.size());
  }
  return 0;
}
