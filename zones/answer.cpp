// The answer path, one function a case, in the order of RFC 1034 4.3.2.
//
// resolve() looks at one name: below a cut it refers, below a DNAME it rewrites, at a name of the zone it answers from
// the node, else from the wildcard, else there is no such name. A CNAME or DNAME leads back to resolve() with another
// name. Sections must be written in order, so what belongs into authority and additional is noted until the chain of
// names has ended.
#include "zones/answer.hpp"

#include <algorithm>
#include <array>
#include <cassert>
#include <optional>

namespace placard::zones {
namespace {

using wire::Name;
using wire::NameView;
using wire::Rcode;
using wire::RecordType;
using wire::Section;

constexpr std::size_t kMaxChain = 16;       // CNAMEs and DNAMEs followed for one question
constexpr std::size_t kMaxAdditional = 16;  // sets whose targets are looked at; then targets that get addresses

/// A row of at most N, in place; what is more is left out.
template <typename T, std::size_t N>
class ShortList {
 public:
  bool add(T value) {
    if (size_ < N) items_[size_++] = value;
    return size_ < N;
  }
  bool add_once(T value) { return std::find(begin(), end(), value) == end() && (add(value), true); }
  const T* begin() const { return items_.data(); }
  const T* end() const { return items_.data() + size_; }
  std::size_t size() const { return size_; }

 private:
  std::array<T, N> items_;
  std::size_t size_ = 0;
};

class Answering {
 public:
  Answering(const Zone& zone, const wire::Question& question, bool dnssec_ok, wire::MessageWriter& writer)
      : zone_(zone), type_(question.type), dnssec_(dnssec_ok && zone.is_signed()), writer_(writer) {}

  AnswerResult run(NameView name) {
    while (const auto next = resolve(name)) name = *next;
    write_authority();
    write_additional();
    return result_;
  }

 private:
  // Each returns the name to go on with, or nothing when the chain has ended.
  using Next = std::optional<NameView>;

  Next resolve(NameView name);
  Next from_node(const Node& node, NameView owner);
  Next wildcard(const Node& star, NameView name);
  Next alias(const StoredSet& cname, NameView owner);
  Next tree_alias(const Node& node, NameView name);
  void positive(const StoredSet& set, NameView owner);
  void any(const Node& node, NameView owner);
  void signatures_only(const Node& node, NameView owner);
  void delegation(const Node& cut);
  void no_data(const Node& node);
  void no_such_name(const Node& encloser, NameView name);
  Next follow(NameView target);

  void prove(NameView name);
  void write_authority();
  void write_soa();
  void write_referral();
  void write_additional();
  void write_addresses_of(const StoredSet& set, bool referral);
  bool put(Section section, NameView owner, const StoredSet& set, std::uint32_t ttl);
  bool put_required(Section section, NameView owner, const StoredSet& set, std::uint32_t ttl);
  bool put_required(Section section, NameView owner, const StoredSet& set) {
    return put_required(section, owner, set, set.ttl());
  }

  const Zone& zone_;
  const RecordType type_;
  const bool dnssec_;
  wire::MessageWriter& writer_;
  AnswerResult result_{.authoritative = true};

  std::size_t hops_ = 0;
  bool negative_ = false;                             // the SOA goes into authority
  const Node* referral_ = nullptr;                    // the cut whose NS go into authority
  ShortList<const Node*, 2 * kMaxChain + 4> proofs_;  // whose NSEC go into authority
  ShortList<const StoredSet*, kMaxAdditional> with_targets_;
  ShortList<const Node*, kMaxAdditional> addressed_;
  // A CNAME or DNAME set and the name it was used for: met again, it is a loop.
  struct Use {
    const StoredSet* set;
    NameView owner;
  };
  ShortList<Use, kMaxChain> uses_;
  std::optional<std::array<Name, kMaxChain>> rewritten_;  // by DNAMEs; made only when one is met
};

Answering::Next Answering::resolve(NameView name) {
  const Node& node = zone_.closest_encloser(name);
  const bool exact = node.name().size() == name.size();
  if (const Node* cut = zone_.cut_of(node)) {
    const bool delegated = cut != &zone_.apex() && cut->find(RecordType::ns) != nullptr;
    if (!delegated) return tree_alias(*cut, name);
    // The parent is asked for DS, and answers for it (RFC 4035 3.1.4.1).
    if (exact && cut == &node && type_ == RecordType::ds) return from_node(node, node.name());
    delegation(*cut);
    return std::nullopt;
  }
  if (exact) return from_node(node, node.name());
  if (node.find(RecordType::dname) != nullptr) return tree_alias(node, name);
  if (const Node* star = zone_.wildcard_below(node)) return wildcard(*star, name);
  no_such_name(node, name);
  return std::nullopt;
}

/// The name exists, or is made by a wildcard: then `owner` is not the node's own name.
Answering::Next Answering::from_node(const Node& node, NameView owner) {
  if (type_ == RecordType::any) {
    any(node, owner);
  } else if (type_ == RecordType::rrsig) {
    signatures_only(node, owner);
  } else if (const StoredSet* set = node.find(type_)) {
    positive(*set, owner);
  } else if (const StoredSet* cname = node.find(RecordType::cname)) {
    return alias(*cname, owner);
  } else {
    no_data(node);
  }
  return std::nullopt;
}

/// RFC 4592 3.3, RFC 4035 3.1.3.3: with the proof that nothing closer exists.
Answering::Next Answering::wildcard(const Node& star, NameView name) {
  // A delegation at the wildcard itself has no defined meaning (RFC 4592 4.2): only its other data is used.
  prove(name);
  return from_node(star, name);
}

Answering::Next Answering::alias(const StoredSet& cname, NameView owner) {
  for (const Use& use : uses_) {
    if (use.set == &cname && use.owner == owner) return std::nullopt;
  }
  uses_.add({&cname, owner});
  if (!put_required(Section::answer, owner, cname)) return std::nullopt;
  const auto target = wire::parse_uncompressed_name(*cname.rdatas().begin(), 0);
  assert(target);
  return follow(*target);
}

/// RFC 6672 3.2: the DNAME, and a CNAME made for this name.
Answering::Next Answering::tree_alias(const Node& node, NameView name) {
  const StoredSet& dname = *node.find(RecordType::dname);
  for (const Use& use : uses_) {
    if (use.set == &dname) return std::nullopt;
  }
  uses_.add({&dname, node.name()});
  if (!put_required(Section::answer, node.name(), dname)) return std::nullopt;
  const auto target = wire::parse_uncompressed_name(*dname.rdatas().begin(), 0);
  assert(target);
  const auto made = Name::concatenate(name, name.label_count() - node.name().label_count(), *target);
  if (!made) {
    result_.rcode = Rcode::yxdomain;
    return std::nullopt;
  }
  if (!rewritten_) rewritten_.emplace();
  assert(hops_ < rewritten_->size());
  Name& kept = (*rewritten_)[hops_] = *made;
  const auto mark = writer_.mark();
  writer_.record(Section::answer, name, RecordType::cname, wire::RecordClass::in, dname.ttl(), kept.view().bytes());
  if (writer_.full()) {
    writer_.rollback(mark);
    result_.truncated = true;
    return std::nullopt;
  }
  if (type_ == RecordType::cname) return std::nullopt;  // it is what was asked for
  return follow(kept);
}

Answering::Next Answering::follow(NameView target) {
  if (++hops_ == kMaxChain || !target.is_subdomain_of(zone_.origin())) return std::nullopt;
  return target;
}

void Answering::positive(const StoredSet& set, NameView owner) {
  if (put_required(Section::answer, owner, set)) with_targets_.add(&set);
}

/// RFC 8482 4.1: one set, the CNAME where there is one.
void Answering::any(const Node& node, NameView owner) {
  if (node.is_empty()) return no_data(node);
  const StoredSet* cname = node.find(RecordType::cname);
  positive(cname != nullptr ? *cname : node.sets().front(), owner);
}

/// Those of one set: RRSIG is asked to be sent much for little, as ANY is.
void Answering::signatures_only(const Node& node, NameView owner) {
  for (const StoredSet& set : node.sets()) {
    if (set.signatures().empty()) continue;
    const auto mark = writer_.mark();
    for (const wire::Bytes rdata : set.signatures()) {
      writer_.record(Section::answer, owner, RecordType::rrsig, wire::RecordClass::in, set.ttl(), rdata);
    }
    if (writer_.full()) {
      writer_.rollback(mark);
      result_.truncated = true;
    }
    return;
  }
  no_data(node);
}

/// Not ours below the cut: AA is clear, unless names of ours led here (RFC 1034 4.3.1: it speaks of the first).
void Answering::delegation(const Node& cut) {
  result_.authoritative = hops_ > 0;
  referral_ = &cut;
}

/// RFC 2308 2.2; RFC 4035 3.1.3.1 and, at a wildcard, 3.1.3.4.
void Answering::no_data(const Node& node) {
  negative_ = true;
  // An empty non-terminal has no NSEC; the one before it shows that by what it names next.
  prove(node.name());
}

/// RFC 2308 2.1, RFC 4035 3.1.3.2: neither the name nor a wildcard that would make it.
void Answering::no_such_name(const Node& encloser, NameView name) {
  result_.rcode = Rcode::nxdomain;
  negative_ = true;
  prove(name);
  static constexpr std::uint8_t kStar[] = {'*'};
  const auto star = Name::prepend(kStar, encloser.name());
  if (star) prove(*star);
}

/// The NSEC that matches or covers the name goes into authority, once.
void Answering::prove(NameView name) {
  if (!dnssec_) return;
  if (const Node* node = zone_.nsec_at_or_before(name)) proofs_.add_once(node);
}

void Answering::write_authority() {
  if (result_.truncated) return;
  if (referral_ != nullptr) return write_referral();
  if (negative_) write_soa();
  for (const Node* node : proofs_) {
    if (!put_required(Section::authority, node->name(), *node->find(RecordType::nsec))) return;
  }
}

void Answering::write_soa() {
  put_required(Section::authority, zone_.origin(), zone_.soa(), zone_.negative_ttl());
}

/// RFC 4035 3.1.4: the NS set, unsigned here; then the DS, or the proof that there is none.
void Answering::write_referral() {
  const StoredSet& ns = *referral_->find(RecordType::ns);
  if (!put_required(Section::authority, referral_->name(), ns)) return;
  with_targets_.add(&ns);
  if (dnssec_) {
    const StoredSet* proof = referral_->find(RecordType::ds);
    if (proof == nullptr) proof = referral_->find(RecordType::nsec);
    if (proof != nullptr && !put_required(Section::authority, referral_->name(), *proof)) return;
  }
  for (const Node* node : proofs_) {
    if (!put_required(Section::authority, node->name(), *node->find(RecordType::nsec))) return;
  }
}

/// RFC 1034 4.3.2 step 6: addresses that the asker will want next. What does not fit is left out.
void Answering::write_additional() {
  if (result_.truncated) return;
  const bool referral = referral_ != nullptr;
  for (const StoredSet* set : with_targets_) write_addresses_of(*set, referral && set->type() == RecordType::ns);
}

void Answering::write_addresses_of(const StoredSet& set, bool referral) {
  std::size_t name_at = 0;
  switch (set.type()) {
    case RecordType::ns:
      break;
    case RecordType::mx:
      name_at = 2;
      break;
    case RecordType::srv:
      name_at = 6;
      break;
    default:
      return;
  }
  // Glue below the cut first: without it the referral leads nowhere, so it must fit (RFC 9471 3).
  for (const bool required : {true, false}) {
    for (const wire::Bytes rdata : set.rdatas()) {
      const auto target = wire::parse_uncompressed_name(rdata, name_at);
      assert(target);
      if ((referral && target->is_subdomain_of(referral_->name())) != required) continue;
      const Node* node = zone_.find(*target);
      if (node == nullptr) continue;
      if (zone_.cut_of(*node) != nullptr && set.type() != RecordType::ns) continue;  // not ours to tell
      if (!addressed_.add_once(node)) continue;
      for (const RecordType type : {RecordType::a, RecordType::aaaa}) {
        const StoredSet* addresses = node->find(type);
        if (addresses == nullptr) continue;
        if (put(Section::additional, node->name(), *addresses, addresses->ttl())) continue;
        if (required) result_.truncated = true;
        return;
      }
    }
  }
}

/// The whole set, with its signatures where they are wanted, or nothing of it.
bool Answering::put(Section section, NameView owner, const StoredSet& set, std::uint32_t ttl) {
  const auto mark = writer_.mark();
  for (const wire::Bytes rdata : set.rdatas()) {
    writer_.record(section, owner, set.type(), wire::RecordClass::in, ttl, rdata);
  }
  if (dnssec_) {
    for (const wire::Bytes rdata : set.signatures()) {
      writer_.record(section, owner, RecordType::rrsig, wire::RecordClass::in, ttl, rdata);
    }
  }
  if (!writer_.full()) return true;
  writer_.rollback(mark);
  return false;
}

bool Answering::put_required(Section section, NameView owner, const StoredSet& set, std::uint32_t ttl) {
  if (!put(section, owner, set, ttl)) result_.truncated = true;
  return !result_.truncated;
}

}  // namespace

AnswerResult answer(const Zone& zone, const wire::Question& question, bool dnssec_ok, wire::MessageWriter& writer) {
  return Answering(zone, question, dnssec_ok, writer).run(question.name);
}

}  // namespace placard::zones
