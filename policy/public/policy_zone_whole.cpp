// A policy zone written whole: every key of the index in canonical order, so that the zone comes out in its own, and
// names that lie between two keys are met on the way from one to the next. Nothing is looked up twice and no set of
// names is kept: beside the zone itself it takes 40 octets a key.
#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include "policy/public/policy_words.hpp"

namespace placard::policy {
namespace {

/// What a name is sorted by before its labels are looked at: its last labels' octets, each one more than it is, so that
/// a label's end (0) comes before all that could go on there. What does not fit into an octet so ends it.
std::uint64_t beginning_of(wire::NameView name) {
  std::uint64_t beginning = 0;
  int octets = 0;
  const auto put = [&](unsigned octet) {
    beginning = beginning << 8U | octet;
    ++octets;
  };
  for (std::size_t labels = 1, all = name.label_count(); labels <= all && octets < 8; ++labels) {
    for (const auto octet : name.suffix(labels).first_label()) {
      if (octets == 8) break;
      put(std::min(octet + 1U, 255U));
      if (octet < 254) continue;
      while (octets < 8) put(0);
    }
    if (octets < 8) put(0);
  }
  while (octets < 8) put(0);
  return beginning;
}

/// Names of an image, where they stand there.
class SortedNames {
 public:
  void add(wire::NameView name) { names_.emplace_back(beginning_of(name), name); }
  /// In canonical order, each once.
  std::vector<wire::NameView> take() {
    std::sort(names_.begin(), names_.end(), [](const auto& a, const auto& b) {
      return a.first != b.first ? a.first < b.first : canonical_order(a.second, b.second) < 0;
    });
    std::vector<wire::NameView> all;
    all.reserve(names_.size());
    for (const auto& [beginning, name] : names_)
      if (all.empty() || !(all.back() == name)) all.push_back(name);
    names_ = {};
    return all;
  }

 private:
  std::vector<std::pair<std::uint64_t, wire::NameView>> names_;
};

std::size_t common_labels(wire::NameView a, wire::NameView b) {
  std::size_t common = std::min(a.label_count(), b.label_count());
  while (!(a.suffix(common) == b.suffix(common))) --common;
  return common;
}

class Writer {
 public:
  Writer(const Index& index, const PolicyZoneRequest& request)
      : index_(index),
        words_(index, request),
        emit_([this](const zones::RecordRef& record) { builder_.add(record); }) {}

  WholePolicyZone write() {
    words_.each_key([this](wire::Bytes key, unsigned triggers) { gather(key, triggers); });
    // The triggers' own parts of the zone lie among the names, by their labels.
    struct Part {
      std::string_view label;
      Trigger trigger;
    };
    static constexpr Part kParts[] = {{"rpz-client-ip", Trigger::client_ip},
                                      {"rpz-ip", Trigger::response_ip},
                                      {"rpz-nsdname", Trigger::nsdname},
                                      {"rpz-nsip", Trigger::nsip}};
    auto part = std::begin(kParts);
    const auto write_part = [&] {
      if (part->trigger == Trigger::nsdname)
        names(Trigger::nsdname, [](auto) {});
      else
        prefixes(part->trigger);
      ++part;
    };
    names(Trigger::qname, [&](wire::NameView name) {
      if (part == std::end(kParts) || name.is_root()) return;
      const auto top = name.suffix(1).first_label();
      const std::string_view label(reinterpret_cast<const char*>(top.data()), top.size());
      while (part != std::end(kParts) && part->label < label) write_part();
    });
    while (part != std::end(kParts)) write_part();
    return {zones::ZoneListing(words_.apex(), std::move(builder_)), std::move(doubts_)};
  }

 private:
  void gather(wire::Bytes key, unsigned triggers) {
    if (has_trigger(triggers, Trigger::qname)) asked_.add(wire::NameView::from_valid(key));
    if (has_trigger(triggers, Trigger::nsdname)) servers_.add(wire::NameView::from_valid(key));
    for (const auto trigger : {Trigger::client_ip, Trigger::response_ip, Trigger::nsip})
      if (has_trigger(triggers, trigger))
        if (const auto prefix = prefix_of_key(key)) prefixes_[trigger].push_back(*prefix);
  }

  template <class Before>
  void names(Trigger trigger, const Before& before) {
    wire::NameView last;
    for (const auto name : (trigger == Trigger::qname ? asked_ : servers_).take()) {
      before(name);
      const std::size_t labels = name.label_count();
      for (std::size_t depth = common_labels(last, name) + 1; depth < labels; ++depth)
        one(trigger, name.suffix(depth), false);
      one(trigger, name, true);
      last = name;
    }
  }
  void one(Trigger trigger, wire::NameView name, bool is_key) {
    const auto doubts = words_.name(trigger, name, is_key, emit_);
    if (doubts.any()) doubts_.set(trigger, name.bytes(), doubts);
  }

  void prefixes(Trigger trigger) {
    std::map<wire::Name, zones::RecordList, zones::CanonicalOrder> sorted;
    for (const auto& prefix : prefixes_[trigger]) {
      const auto owner = words_.owner(trigger, prefix);
      zones::RecordList records;
      const auto doubts = words_.prefix(trigger, prefix, [&](const zones::RecordRef& record) { records.add(record); });
      if (doubts.any()) doubts_.set(trigger, prefix_key(prefix.address, prefix.length), doubts);
      if (owner) sorted[*owner] = std::move(records);  // one that stands in both images is the same
    }
    for (const auto& [owner, records] : sorted)
      for (const zones::RecordRef record : records) builder_.add(record);
  }

  const Index& index_;
  PolicyWords words_;
  SortedNames asked_, servers_;
  std::map<Trigger, std::vector<Prefix>> prefixes_;
  zones::ZoneListing::Builder builder_;
  DoubtfulNames doubts_;
  const PolicyWords::Emit emit_;
};

}  // namespace

WholePolicyZone write_policy_zone(const Index& index, const PolicyZoneRequest& request) {
  return Writer(index, request).write();
}

}  // namespace placard::policy
