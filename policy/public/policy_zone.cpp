#include "policy/public/policy_zone.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_set>

#include "policy/lists/rpz.hpp"
#include "policy/record/written_name.hpp"

namespace placard::policy {
namespace {

using wire::RecordType;

constexpr std::uint32_t kRefresh = 300, kRetry = 60, kExpire = 604'800;  // seconds: who missed a NOTIFY asks soon

class Writer {
 public:
  Writer(const Index& index, const PolicyZoneRequest& request)
      : index_(index), request_(request), builder_(request.origin) {}

  std::expected<PolicyZone, std::string> write() {
    apex();
    index_.each_key([&](wire::Bytes key, unsigned triggers) {
      for (const auto trigger : {Trigger::qname, Trigger::nsdname})
        if (has(triggers, trigger)) name(trigger, wire::NameView::from_valid(key));
      for (const auto trigger : {Trigger::client_ip, Trigger::response_ip, Trigger::nsip})
        if (has(triggers, trigger)) prefix(trigger, key);
    });
    between(Trigger::qname);
    between(Trigger::nsdname);
    auto zone = builder_.build();
    if (!zone) return std::unexpected(zone.error().reason);
    return PolicyZone{*std::move(zone), owners_, refused_, too_long_, inexpressible_};
  }

 private:
  static bool has(unsigned triggers, Trigger trigger) { return (triggers >> static_cast<unsigned>(trigger) & 1U) != 0; }
  struct Names {
    std::unordered_set<wire::Name, wire::NameHash> keys, parents;
  };
  Names& names_of(Trigger trigger) { return trigger == Trigger::qname ? asked_ : servers_; }

  void apex() {
    const auto nobody = *wire::Name::from_text("localhost.");
    const wire::Soa soa{
        nobody, *wire::Name::from_text("nobody.invalid."), request_.serial, kRefresh, kRetry, kExpire, request_.ttl};
    (void)builder_.add(request_.origin, RecordType::soa, request_.ttl, wire::make_soa_rdata(soa));
    (void)builder_.add(request_.origin, RecordType::ns, request_.ttl, nobody.view().bytes());
  }

  bool may_be_told(const Match& match) const {
    return !request_.may_be_told || request_.may_be_told(match.decision_id);
  }
  /// What the view says of that name; with what may not be told as if it were not there.
  std::optional<Match> winner(Trigger trigger, wire::NameView of) const {
    const auto match = trigger == Trigger::qname ? index_.match_name(of, request_.view, request_.now)
                                                 : index_.match_server(of, request_.view, request_.now);
    if (!match || may_be_told(*match)) return match;
    for (const auto& each : index_.explain_name(of, request_.view, request_.now, trigger))
      if (!each.shadow && may_be_told(each)) return each;
    return std::nullopt;
  }

  void name(Trigger trigger, wire::NameView key) {
    auto& names = names_of(trigger);
    names.keys.insert(wire::Name(key));
    if (key.label_count() > 1) names.parents.insert(wire::Name(key.parent()));
    owner(trigger, key);
    below(trigger, key);
  }
  /// False: no rule.
  bool owner(Trigger trigger, wire::NameView of) {
    const auto match = winner(trigger, of);
    if (match) add(trigger, stored_key(wire::Name(of)), MatchKind::exact, *match);
    return match.has_value();
  }
  bool below(Trigger trigger, wire::NameView of) {
    static constexpr std::uint8_t kAny[] = {'*'};  // no rule's name has this label
    const auto child = wire::Name::prepend(kAny, of);
    const auto match = child ? winner(trigger, *child) : std::nullopt;
    if (match) add(trigger, stored_key(wire::Name(of)), MatchKind::subdomains, *match);
    return match.has_value();
  }
  /// Names that exist in the zone for the sake of longer ones, where a rule above covers them.
  void between(Trigger trigger) {
    auto& [keys, parents] = names_of(trigger);
    std::unordered_set<wire::Name, wire::NameHash> done;
    for (const auto& parent : parents) {
      for (wire::Name at = parent; !at.view().is_root(); at = wire::Name(at.view().parent())) {
        if (keys.contains(at) || !done.insert(at).second || !below(trigger, at)) break;
        owner(trigger, at);
      }
    }
  }

  void prefix(Trigger trigger, wire::Bytes key) {
    if (key.size() != kPrefixKeySize) return;
    Prefix prefix;
    prefix.length = key[1];
    std::copy_n(key.begin() + 2, prefix.address.size(), prefix.address.begin());
    prefix.ipv4 = prefix.length >= 96 && is_mapped_ipv4(prefix.address);
    for (const auto& match : index_.explain_address(trigger, prefix.address, request_.view, request_.now)) {
      if (match.shadow || !match.prefix || match.prefix->length > prefix.length || !may_be_told(match)) continue;
      return add(trigger, prefix.to_text(), MatchKind::both, match);
    }
  }

  void add(Trigger trigger, const std::string& key, MatchKind kind, const Match& match) {
    auto form = form_of(trigger, kind, match);
    const auto records = rpz_records_of({key, 0, 0}, form, request_.origin, request_.ttl);
    if (records.empty()) {
      ++(form.action == Action::local_data && form.records.empty() ? inexpressible_ : too_long_);
      return;
    }
    bool written = false, left_out = false;
    for (const auto& record : records) {
      const auto read = read_rpz_record(record.owner, request_.origin, record.type, record.ttl, record.rdata);
      const bool means_it = read.kind == RpzReading::Kind::rule && read.form.trigger == trigger && read.key == key &&
                            read.form.match == kind && read.form.action == form.action;
      if (means_it && builder_.add(record.owner, record.type, record.ttl, record.rdata))
        written = true;
      else
        left_out = true;
    }
    owners_ += written ? 1 : 0;
    inexpressible_ += left_out ? 1 : 0;
  }

  RuleForm form_of(Trigger trigger, MatchKind kind, const Match& match) {
    RuleForm form;
    form.trigger = trigger;
    form.match = kind;
    form.action = match.action;
    form.ttl = match.ttl;
    if (match.action == Action::refused) {
      form.action = Action::nxdomain;
      ++refused_;
    } else if (match.action == Action::sinkhole) {
      form.action = request_.sinkhole.empty() ? Action::nodata : Action::local_data;
      form.records = request_.sinkhole;
    } else if (match.action == Action::local_data) {
      form.records = index_.records_of(match);
      // An alias has no company in a zone; one that stands alone is RPZ's redirect.
      std::erase_if(form.records, [&](const LocalRecord& record) {
        return record.type == RecordType::cname && form.records.size() > 1;
      });
      if (form.records.size() == 1 && form.records[0].type == RecordType::cname) {
        if (const auto target = wire::parse_uncompressed_name(form.records[0].rdata, 0)) {
          form.action = Action::cname;
          form.target = wire::Name(*target).lowered();
        }
      }
    } else if (match.action == Action::cname) {
      form.target = wire::Name(index_.target_of(match));
    }
    return form;
  }

  const Index& index_;
  const PolicyZoneRequest& request_;
  zones::ZoneBuilder builder_;
  Names asked_, servers_;
  std::uint64_t owners_ = 0, refused_ = 0, too_long_ = 0, inexpressible_ = 0;
};

}  // namespace

std::expected<PolicyZone, std::string> write_policy_zone(const Index& index, const PolicyZoneRequest& request) {
  return Writer(index, request).write();
}

std::vector<std::string> doubts_about(const PolicyZone& zone) {
  std::vector<std::string> lines;
  const auto say = [&](std::uint64_t count, std::string_view what) {
    if (count > 0) lines.push_back(fmt::format("{} {}: {}", count, count == 1 ? "rule" : "rules", what));
  };
  say(zone.refused, "\"refused\" is written as NXDOMAIN, RPZ has no word for it");
  say(zone.too_long, "left out, the name is too long below the zone's");
  say(zone.inexpressible, "left out, RPZ would read something else there");
  return lines;
}

}  // namespace placard::policy
