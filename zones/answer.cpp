// The answer path, one function a case, in the order of RFC 1034 4.3.2.
//
// resolve() looks at one name: below a cut it refers, below a DNAME it rewrites, at a name of the zone it answers from
// the node, else from the wildcard, else there is no such name. A CNAME or DNAME leads back to resolve() with another
// name. Sections must be written in order, so what belongs into authority and additional is noted until the chain of
// names has ended.
#include "zones/answer.hpp"

#include <cassert>
#include <optional>

#include "zones/additional.hpp"
#include "zones/denial.hpp"
#include "zones/set_writer.hpp"
#include "zones/short_list.hpp"

namespace placard::zones {
namespace {

using wire::Name;
using wire::NameView;
using wire::Rcode;
using wire::RecordType;
using wire::Section;

constexpr std::size_t kMaxChain = 16;  // CNAMEs and DNAMEs followed for one question

/// The name in the rdata of a CNAME or DNAME, which the zone has checked.
NameView target_of(const StoredSet& set) {
  const auto target = wire::parse_uncompressed_name(*set.rdatas().begin(), 0);
  assert(target);
  return *target;
}

class Answering {
 public:
  Answering(const Zone& zone, const wire::Question& question, const AnswerOptions& options,
            wire::MessageWriter& message)
      : type_(question.type), options_(options), writer_(message) {
    enter(zone);
  }

  AnswerResult run(NameView name) {
    while (const auto next = resolve(name)) name = *next;
    if (!result_.truncated) write_authority();
    if (!result_.truncated && !additional_.write(writer_)) result_.truncated = true;
    return result_;
  }

 private:
  // Each returns the name to go on with, or nothing when the chain has ended.
  using Next = std::optional<NameView>;

  void enter(const Zone& zone);
  Next resolve(NameView name);
  Next below_cut(const Node& cut, const Node& node, NameView name);
  Next from_node(const Node& node, NameView owner);
  Next from_wildcard(const Node& encloser, const Node& star, NameView name);
  Next alias(const StoredSet& cname, NameView owner);
  Next tree_alias(const Node& node, NameView name);
  Next follow(NameView target);
  bool has_data(const Node& node) const;
  const StoredSet* alias_of(const Node& node) const;
  void positive(const StoredSet& set, NameView owner);
  void any(const Node& node, NameView owner);
  void signatures_only(const Node& node, NameView owner);
  void delegation(const Node& cut);
  void no_data(const Node& node);
  void no_such_name(const Node& encloser, NameView name);

  void write_authority();
  void write_referral();
  void write_own_servers();
  bool put(Section section, NameView owner, const StoredSet& set, std::uint32_t ttl);
  bool put(Section section, NameView owner, const StoredSet& set) { return put(section, owner, set, set.ttl()); }

  const RecordType type_;
  const AnswerOptions& options_;
  const Zone* zone_ = nullptr;  // where the chain of aliases has come to
  bool dnssec_ = false;         // signatures and proofs are wanted, and there are some
  SetWriter writer_;
  AnswerResult result_{.authoritative = true};

  enum class Ending : std::uint8_t { alias, positive, negative, referral };
  Ending ending_ = Ending::alias;  // what the chain came to; alias: out of the zone, round in a circle, or too far
  bool has_own_servers_ = false;   // the apex's NS set stands in the answer
  const Node* referral_ = nullptr;
  Denial denial_;
  Additional additional_;
  ShortList<NameView, kMaxChain> passed_;                 // names that were aliases: met again, it is a circle
  ShortList<const StoredSet*, kMaxChain> tree_aliases_;   // DNAME sets in the answer
  std::optional<std::array<Name, kMaxChain>> rewritten_;  // by DNAMEs; made only when one is met
};

void Answering::enter(const Zone& zone) {
  zone_ = &zone;
  dnssec_ = options_.dnssec_ok && zone.is_signed();
  writer_.with_signatures(dnssec_);
  denial_.enter(zone, dnssec_);
  additional_.enter(zone);
}

Answering::Next Answering::resolve(NameView name) {
  const Node& node = zone_->closest_encloser(name);
  if (const Node* cut = zone_->cut_of(node)) return below_cut(*cut, node, name);
  if (node.name().size() == name.size()) return from_node(node, node.name());
  if (node.find(RecordType::dname) != nullptr) return tree_alias(node, name);
  if (const Node* star = zone_->wildcard_below(node)) return from_wildcard(node, *star, name);
  no_such_name(node, name);
  return std::nullopt;
}

/// At or below a delegation, or below a DNAME.
Answering::Next Answering::below_cut(const Node& cut, const Node& node, NameView name) {
  const bool delegated = &cut != &zone_->apex() && cut.find(RecordType::ns) != nullptr;
  if (!delegated) return tree_alias(cut, name);
  // The parent is asked for DS, and answers for it (RFC 4035 3.1.4.1).
  const bool at_cut = &cut == &node && node.name().size() == name.size();
  if (at_cut && type_ == RecordType::ds) return from_node(node, node.name());
  delegation(cut);
  return std::nullopt;
}

/// The name exists, or is made by a wildcard: then `owner` is not the node's own name.
Answering::Next Answering::from_node(const Node& node, NameView owner) {
  if (type_ == RecordType::any && !node.is_empty()) {
    any(node, owner);
  } else if (type_ == RecordType::rrsig) {
    signatures_only(node, owner);
  } else if (const StoredSet* set = node.find(type_)) {
    positive(*set, owner);
  } else if (const StoredSet* cname = alias_of(node)) {
    return alias(*cname, owner);
  } else {
    no_data(node);
  }
  return std::nullopt;
}

/// RFC 4592 3.3. A delegation at the wildcard itself has no defined meaning (RFC 4592 4.2): only its other data is
/// used.
Answering::Next Answering::from_wildcard(const Node& encloser, const Node& star, NameView name) {
  if (has_data(star)) {
    denial_.made_by_wildcard(encloser, name);
    return from_node(star, name);
  }
  ending_ = Ending::negative;
  denial_.wildcard_no_data(encloser, star, name);
  return std::nullopt;
}

/// Whether the node has something to say to this question.
bool Answering::has_data(const Node& node) const {
  if (type_ == RecordType::any) return !node.is_empty();
  if (type_ == RecordType::rrsig) {
    return std::ranges::any_of(node.sets(), [](const StoredSet& set) { return !set.signatures().empty(); });
  }
  return node.find(type_) != nullptr || alias_of(node) != nullptr;
}

/// The CNAME to be followed. NSEC stands beside a CNAME, so the question is about this name (RFC 4034 2.5).
const StoredSet* Answering::alias_of(const Node& node) const {
  return type_ == RecordType::nsec ? nullptr : node.find(RecordType::cname);
}

Answering::Next Answering::alias(const StoredSet& cname, NameView owner) {
  if (!passed_.add_once(owner)) return std::nullopt;
  if (!put(Section::answer, owner, cname)) return std::nullopt;
  return follow(target_of(cname));
}

/// RFC 6672 3.2: the DNAME, once, and a CNAME made for this name.
Answering::Next Answering::tree_alias(const Node& node, NameView name) {
  if (!passed_.add_once(name)) return std::nullopt;
  const StoredSet& dname = *node.find(RecordType::dname);
  if (tree_aliases_.add_once(&dname) && !put(Section::answer, node.name(), dname)) return std::nullopt;
  const auto made = Name::concatenate(name, name.label_count() - node.name().label_count(), target_of(dname));
  if (!made) {
    result_.rcode = Rcode::yxdomain;
    return std::nullopt;
  }
  if (!rewritten_) rewritten_.emplace();
  Name& kept = (*rewritten_)[passed_.size() - 1] = *made;
  if (!writer_.put_record(Section::answer, name, RecordType::cname, dname.ttl(), kept.view().bytes())) {
    result_.truncated = true;
    return std::nullopt;
  }
  if (type_ == RecordType::cname) return std::nullopt;  // it is what was asked for
  // A DNAME that leads into its own tree only makes the name longer: once is enough, as NSD has it.
  if (kept.view().is_subdomain_of(node.name())) return std::nullopt;
  return follow(kept);
}

/// Back to step 2 of RFC 1034 4.3.2: the nearest zone of ours, which may be another one.
Answering::Next Answering::follow(NameView target) {
  if (passed_.full()) return std::nullopt;
  if (options_.zones != nullptr) {
    const Zone* nearest = options_.zones->find(target, type_);
    if (nearest == nullptr) {
      result_.leaves = true;
      return std::nullopt;
    }
    if (nearest != zone_) enter(*nearest);
  } else if (!target.is_subdomain_of(zone_->origin())) {
    result_.leaves = true;
    return std::nullopt;
  }
  return target;
}

void Answering::positive(const StoredSet& set, NameView owner) {
  ending_ = Ending::positive;
  if (!put(Section::answer, owner, set)) return;
  additional_.note(set, owner);
  if (set.type() == RecordType::ns && owner == zone_->origin()) has_own_servers_ = true;
}

/// RFC 8482 4.1: one set, the CNAME where there is one. Or all.
void Answering::any(const Node& node, NameView owner) {
  if (options_.minimal_any) {
    const StoredSet* cname = node.find(RecordType::cname);
    return positive(cname != nullptr ? *cname : node.sets().front(), owner);
  }
  for (const StoredSet& set : node.sets()) {
    positive(set, owner);
    if (result_.truncated) return;
  }
}

/// Those of one set: RRSIG is asked to be sent much for little, as ANY is. Or all.
void Answering::signatures_only(const Node& node, NameView owner) {
  for (const StoredSet& set : node.sets()) {
    if (set.signatures().empty()) continue;
    ending_ = Ending::positive;
    if (!writer_.put_signatures_only(Section::answer, owner, set)) result_.truncated = true;
    if (options_.minimal_any || result_.truncated) return;
  }
  if (ending_ != Ending::positive) no_data(node);
}

/// Not ours below the cut: AA is clear, unless names of ours led here (RFC 1034 4.3.1: it speaks of the first).
void Answering::delegation(const Node& cut) {
  result_.leaves = passed_.size() > 0;
  result_.authoritative = passed_.size() > 0;
  ending_ = Ending::referral;
  referral_ = &cut;
}

void Answering::no_data(const Node& node) {
  ending_ = Ending::negative;
  denial_.no_data(node);
}

void Answering::no_such_name(const Node& encloser, NameView name) {
  result_.rcode = Rcode::nxdomain;
  ending_ = Ending::negative;
  denial_.no_name(encloser, name);
}

/// RFC 2308 2.1 and 2.2: the SOA with a negative answer, and the proofs; the NS set with a referral.
void Answering::write_authority() {
  if (ending_ == Ending::negative && !put(Section::authority, zone_->origin(), zone_->soa(), zone_->negative_ttl()))
    return;
  if (ending_ == Ending::referral) write_referral();
  writer_.with_signatures(options_.dnssec_ok);  // proofs may be of a zone on the way
  for (const Denial::Proof& proof : denial_) {
    if (result_.truncated || !put(Section::authority, proof.node->name(), *proof.set)) return;
  }
  writer_.with_signatures(dnssec_);
  // Not with what validators ask for: those answers are large, and their askers know the servers. NSD has it so, too.
  const bool key = type_ == RecordType::ds || type_ == RecordType::dnskey;
  const bool wanted = !options_.minimal && !has_own_servers_ && !key;
  if (ending_ == Ending::positive && wanted) write_own_servers();
}

/// RFC 4035 3.1.4: the NS set, unsigned here; then the DS, or the proof that there is none.
void Answering::write_referral() {
  additional_.note_referral(*referral_);
  if (!put(Section::authority, referral_->name(), *referral_->find(RecordType::ns)) || !dnssec_) return;
  if (const StoredSet* ds = referral_->find(RecordType::ds)) {
    put(Section::authority, referral_->name(), *ds);
  } else {
    denial_.unsigned_delegation(*referral_);
  }
}

/// What does not fit is left out: nobody needs it.
void Answering::write_own_servers() {
  const StoredSet& ns = *zone_->apex().find(RecordType::ns);
  if (writer_.put(Section::authority, zone_->origin(), ns)) additional_.note(ns, zone_->origin());
}

/// A set without which the answer is not whole.
bool Answering::put(Section section, NameView owner, const StoredSet& set, std::uint32_t ttl) {
  if (!writer_.put(section, owner, set, ttl)) result_.truncated = true;
  return !result_.truncated;
}

}  // namespace

AnswerResult answer(const Zone& zone, const wire::Question& question, const AnswerOptions& options,
                    wire::MessageWriter& writer) {
  return Answering(zone, question, options, writer).run(question.name);
}

}  // namespace placard::zones
