#include "zones/update.hpp"

#include <algorithm>

#include "zones/serial.hpp"
#include "zones/wire/octets.hpp"

namespace placard::zones {
namespace {

using wire::Name;
using wire::RecordClass;
using wire::RecordType;
using wire::RecordView;
using wire::Section;
using Rcode = wire::Rcode;

/// The last one a message may want of us: prerequisites compare sets, which costs their product.
constexpr std::size_t kMaxRecords = 5'000;

struct Wanted {
  Name owner;
  RecordType type{};
  RecordClass record_class{};
  std::uint32_t ttl = 0;
  std::vector<std::uint8_t> rdata;
};

Wanted read(const RecordView& record) {
  Wanted wanted{record.owner(), record.type(), record.record_class(), record.ttl(), {}};
  record.expand_rdata(wanted.rdata);
  return wanted;
}

/// May stand beside a CNAME (RFC 2181 10.1, RFC 4034 2.5, 3).
bool goes_with_alias(RecordType type) {
  return type == RecordType::rrsig || type == RecordType::nsec;
}

/// One signature at the apex would make the zone one that others have signed, and no update could take it away; a proof
/// that stands alone proves what is wrong. So nobody adds them by hand, as in Knot DNS.
bool is_signers_work(RecordType type) {
  return goes_with_alias(type) || type == RecordType::nsec3;
}

class Update {
 public:
  Update(const wire::MessageView& request, ZoneEditor& editor)
      : request_(request), editor_(editor), origin_(request.question_name()) {}

  Rcode run() {
    if (request_.count(Section::answer) + request_.count(Section::authority) > kMaxRecords) return Rcode::refused;
    if (const auto code = check_prerequisites(); code != Rcode::noerror) return code;
    if (const auto code = prescan(); code != Rcode::noerror) return code;
    for (const Wanted& wanted : changes_) change(wanted);
    return Rcode::noerror;
  }

 private:
  bool outside(const Name& owner) const { return !owner.view().is_subdomain_of(origin_); }
  bool at_apex(const Wanted& wanted) const { return wanted.owner.view() == origin_.view(); }

  /// RFC 2136 3.2.
  Rcode check_prerequisites() {
    std::vector<Wanted> sets;  // records of class IN: whole sets that must be there
    for (const RecordView record : request_.records(Section::answer)) {
      Wanted wanted = read(record);
      if (wanted.ttl != 0) return Rcode::formerr;
      if (outside(wanted.owner)) return Rcode::notzone;
      if (wanted.record_class == RecordClass::in) {
        if (is_meta(wanted.type)) return Rcode::formerr;
        sets.push_back(std::move(wanted));
        continue;
      }
      if (!wanted.rdata.empty()) return Rcode::formerr;
      const bool any = wanted.type == RecordType::any;
      if (!any && is_meta(wanted.type)) return Rcode::formerr;
      const bool there = any ? editor_.exists(wanted.owner) : editor_.at(wanted.owner, wanted.type) != nullptr;
      if (wanted.record_class == RecordClass::any) {
        if (!there) return any ? Rcode::nxdomain : Rcode::nxrrset;
      } else if (wanted.record_class == RecordClass::none) {
        if (there) return any ? Rcode::yxdomain : Rcode::yxrrset;
      } else {
        return Rcode::formerr;
      }
    }
    return check_sets(std::move(sets));
  }

  /// Each set that is named must be there exactly so, TTLs aside (RFC 2136 2.4.2).
  Rcode check_sets(std::vector<Wanted> sets) {
    const auto in_order = [](const Wanted& a, const Wanted& b) {
      const auto order = canonical_order(a.owner, b.owner);
      return order != 0 ? order < 0 : a.type < b.type;
    };
    std::ranges::stable_sort(sets, in_order);
    for (auto first = sets.begin(); first != sets.end();) {
      auto last = first;
      while (last != sets.end() && !in_order(*first, *last)) ++last;
      const auto* there = editor_.at(first->owner, first->type);
      if (there == nullptr) return Rcode::nxrrset;
      const auto wanted = [&](const ZoneEditor::Rdata& rdata) {
        return std::any_of(first, last,
                           [&](const Wanted& one) { return is_same_rdata(first->type, rdata.octets, one.rdata); });
      };
      const auto known = [&](const Wanted& one) {
        return std::ranges::any_of(*there, [&](const ZoneEditor::Rdata& rdata) {
          return is_same_rdata(first->type, rdata.octets, one.rdata);
        });
      };
      if (!std::ranges::all_of(*there, wanted) || !std::all_of(first, last, known)) return Rcode::nxrrset;
      first = last;
    }
    return Rcode::noerror;
  }

  /// RFC 2136 3.4.1.
  Rcode prescan() {
    for (const RecordView record : request_.records(Section::authority)) {
      Wanted wanted = read(record);
      if (outside(wanted.owner)) return Rcode::notzone;
      switch (wanted.record_class) {
        case RecordClass::in:
          if (is_meta(wanted.type) || !wire::is_sound_rdata(wanted.type, wanted.rdata)) return Rcode::formerr;
          if (wanted.type == RecordType::soa && !wire::parse_soa(wanted.rdata)) return Rcode::formerr;
          if (is_signers_work(wanted.type)) return Rcode::refused;
          break;
        case RecordClass::any:
          if (wanted.ttl != 0 || !wanted.rdata.empty()) return Rcode::formerr;
          if (wanted.type != RecordType::any && is_meta(wanted.type)) return Rcode::formerr;
          break;
        case RecordClass::none:
          if (wanted.ttl != 0 || is_meta(wanted.type)) return Rcode::formerr;
          break;
        default:
          return Rcode::formerr;
      }
      changes_.push_back(std::move(wanted));
    }
    return Rcode::noerror;
  }

  /// RFC 2136 3.4.2. What would break the zone is left out in silence, as it says.
  void change(const Wanted& wanted) {
    switch (wanted.record_class) {
      case RecordClass::in:
        return add(wanted);
      case RecordClass::any:
        return wanted.type == RecordType::any ? remove_name(wanted) : remove_set(wanted);
      default:
        return remove(wanted);
    }
  }

  void add(const Wanted& wanted) {
    const RecordRef record{wanted.owner, wanted.type, wanted.ttl, wanted.rdata};
    if (wanted.type == RecordType::soa) {
      const auto soa = wire::parse_soa(wanted.rdata);
      if (at_apex(wanted) && is_newer(soa->serial, editor_.soa().serial)) {
        editor_.remove_set(wanted.owner, RecordType::soa);
        editor_.add(record);
      }
      return;
    }
    const auto* sets = editor_.at(wanted.owner);
    const bool alias = sets != nullptr && sets->contains(RecordType::cname);
    if (wanted.type == RecordType::cname) {
      const bool other = sets != nullptr && std::ranges::any_of(*sets, [](const auto& entry) {
                           return entry.first != RecordType::cname && !goes_with_alias(entry.first);
                         });
      if (other) return;
    } else if (alias) {
      return;
    }
    // One of each at a name: the new one takes the place of the old.
    if (wanted.type == RecordType::cname || wanted.type == RecordType::dname)
      editor_.remove_set(wanted.owner, wanted.type);
    editor_.add(record);
  }

  void remove_name(const Wanted& wanted) {
    const auto* sets = editor_.at(wanted.owner);
    if (sets == nullptr) return;
    std::vector<RecordType> types;
    for (const auto& [type, rdatas] : *sets)
      if (!at_apex(wanted) || (type != RecordType::soa && type != RecordType::ns)) types.push_back(type);
    for (const RecordType type : types) editor_.remove_set(wanted.owner, type);
  }

  void remove_set(const Wanted& wanted) {
    if (at_apex(wanted) && (wanted.type == RecordType::soa || wanted.type == RecordType::ns)) return;
    editor_.remove_set(wanted.owner, wanted.type);
  }

  void remove(const Wanted& wanted) {
    if (wanted.type == RecordType::soa) return;
    if (at_apex(wanted) && wanted.type == RecordType::ns) {
      const auto* set = editor_.at(wanted.owner, RecordType::ns);
      if (set != nullptr && set->size() == 1) return;  // the last one stays
    }
    editor_.remove({wanted.owner, wanted.type, 0, wanted.rdata});
  }

  const wire::MessageView& request_;
  ZoneEditor& editor_;
  Name origin_;
  std::vector<Wanted> changes_;
};

}  // namespace

Rcode apply_update(const wire::MessageView& request, ZoneEditor& editor) {
  return Update(request, editor).run();
}

bool finish_updates(ZoneEditor& editor, const Zone& before) {
  auto soa = editor.soa();
  if (soa.serial == before.serial()) {
    if (!editor.changed()) return false;
    soa.serial = next_serial(before.serial());
    editor.set_soa(soa);
  }
  // The digest of another version: secondaries that look at it would refuse this one (RFC 8976 2.2.1, 4).
  const Name apex(before.origin());
  if (const auto* digests = editor.at(apex, RecordType::zonemd))
    if (std::ranges::none_of(*digests, [&](const ZoneEditor::Rdata& rdata) {
          return rdata.octets.size() >= 4 && wire::load32(rdata.octets.data()) == soa.serial;
        }))
      editor.remove_set(apex, RecordType::zonemd);
  return true;
}

}  // namespace placard::zones
