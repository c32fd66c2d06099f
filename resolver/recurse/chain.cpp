#include "resolver/recurse/chain.hpp"

#include <algorithm>

namespace placard::recurse {
namespace {

using wire::NameView;
using wire::RecordSet;
using wire::RecordType;

class ChainReader {
 public:
  ChainReader(std::vector<RecordSet> sets, const Asked& asked, Reply& reply)
      : sets_(std::move(sets)), asked_(asked), reply_(reply) {}

  ChainEnd follow() {
    reply_.next = asked_.question.name;
    for (std::size_t links = 0;; ++links) {
      const RecordSet* dname = dname_above(reply_.next);
      const bool made = dname && asked_.question.type == RecordType::cname;  // what signs a CNAME there is its DNAME
      if (!made && take_final()) return ChainEnd::found;
      RecordSet* cname = dname ? nullptr : cname_at(reply_.next);
      if (!dname && !cname) return ChainEnd::nothing;
      if (links == asked_.max_chain) return ChainEnd::beyond;
      if (dname && !take_dname(*dname)) return ChainEnd::too_long;
      if (dname && asked_.question.type == RecordType::cname) return ChainEnd::found;
      if (cname) take_cname(*cname);
      if (passed(reply_.next) || (asked_.beyond && asked_.beyond(reply_.next))) return ChainEnd::beyond;
    }
  }

 private:
  bool take_final() {
    bool any = false;
    for (auto& set : sets_) {
      const bool fits = set.type == asked_.question.type || asked_.question.type == RecordType::any;
      if (!fits || set.rdatas.empty() || !(set.owner == reply_.next)) continue;
      reply_.answer.push_back(std::move(set));
      set.rdatas = {};
      any = true;
    }
    return any;
  }
  const RecordSet* dname_above(NameView name) const {
    for (const auto& set : sets_) {
      if (set.type == RecordType::dname && !set.rdatas.empty() && name.is_subdomain_of(set.owner) &&
          !(set.owner.view() == name))
        return &set;
    }
    return nullptr;
  }
  RecordSet* cname_at(NameView name) {
    for (auto& set : sets_) {
      if (set.type == RecordType::cname && !set.rdatas.empty() && set.owner.view() == name) return &set;
    }
    return nullptr;
  }
  bool passed(NameView name) const {
    return std::ranges::any_of(
        reply_.answer, [&](const RecordSet& set) { return set.type == RecordType::cname && set.owner.view() == name; });
  }

  /// False when the name made is too long.
  bool take_dname(const RecordSet& dname) {
    const auto target = wire::rdata_name(RecordType::dname, *dname.rdatas.begin());
    const std::size_t prefix = reply_.next.view().label_count() - dname.owner.view().label_count();
    reply_.answer.push_back(dname);
    const auto made = wire::Name::concatenate(reply_.next, prefix, *target);
    if (!made) return false;
    RecordSet cname;
    cname.owner = reply_.next;
    cname.type = RecordType::cname;
    cname.ttl = dname.ttl;
    cname.rdatas.add(made->view().bytes());
    reply_.answer.push_back(std::move(cname));
    reply_.next = *made;
    return true;
  }
  void take_cname(RecordSet& set) {
    const auto target = wire::rdata_name(RecordType::cname, *set.rdatas.begin());
    if (set.rdatas.size() > 1) {  // RFC 1034 3.6.2: one only
      wire::RdataList first;
      first.add(*set.rdatas.begin());
      set.rdatas = std::move(first);
    }
    reply_.answer.push_back(std::move(set));
    set.rdatas = {};
    reply_.next = *target;
  }

  std::vector<RecordSet> sets_;
  const Asked& asked_;
  Reply& reply_;
};

}  // namespace

ChainEnd follow_chain(std::vector<RecordSet> sets, const Asked& asked, Reply& reply) {
  return ChainReader(std::move(sets), asked, reply).follow();
}

}  // namespace placard::recurse
