#include "policy/public/policy_words.hpp"

#include <algorithm>

#include "policy/record/written_name.hpp"
#include "zones/wire/record_set.hpp"

namespace placard::policy {
namespace {

using wire::RecordType;

constexpr std::uint32_t kRefresh = 300, kRetry = 60, kExpire = 604'800;  // seconds: who missed a NOTIFY asks soon
constexpr std::uint8_t kAny[] = {'*'};                                   // no rule's name has this label
constexpr std::string_view kServers = "rpz-nsdname";
constexpr std::string_view kSomeKey = "a";  // a name that no record's meaning depends on

wire::Bytes octets_of(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

bool is_starred(wire::NameView name) {
  return name.first_label().size() == 1 && name.first_label()[0] == '*';
}

/// Ends in a word for another trigger: "….rpz-ip".
bool ends_in_word(wire::NameView name) {
  if (name.is_root()) return false;
  while (!name.parent().is_root()) name = name.parent();
  static constexpr std::string_view kWords[] = {"rpz-client-ip", "rpz-ip", kServers, "rpz-nsip"};
  return std::ranges::any_of(
      kWords, [&](std::string_view word) { return std::ranges::equal(name.first_label(), octets_of(word)); });
}

bool comes_before(const RpzRecord& a, const RpzRecord& b) {
  return zones::order_of_records({a.owner, a.type, a.ttl, a.rdata}, {b.owner, b.type, b.ttl, b.rdata});
}

}  // namespace

std::optional<Prefix> prefix_of_key(wire::Bytes key) {
  if (key.size() != kPrefixKeySize || key[0] != kPrefixKeySize - 2 || key[1] > 128) return std::nullopt;
  Prefix prefix;
  prefix.length = key[1];
  std::copy_n(key.begin() + 2, prefix.address.size(), prefix.address.begin());
  prefix.ipv4 = prefix.length >= 96 && is_mapped_ipv4(prefix.address);
  return prefix;
}

PolicyWords::PolicyWords(const Index& index, const PolicyZoneRequest& request)
    : index_(index), request_(request), told_(request.filter()) {
  if (const auto servers = wire::Name::prepend(octets_of(kServers), request.origin)) servers_ = *servers;
}

void PolicyWords::each_key(const std::function<void(wire::Bytes key, unsigned triggers)>& visit) const {
  for (const auto* image : {&index_.base(), &index_.overlay()}) {
    if (!*image) continue;
    const auto& view = (*image)->view();
    std::vector<bool> told(view.decisions().size(), !told_);
    for (std::uint32_t row = 0; told_ && row < told.size(); ++row)
      if (const auto* decision = view.decision(row)) told[row] = told_(view.text(decision->id, decision->id_size));
    view.each_key([&](const KeyEntry& entry) {
      unsigned triggers = 0;
      for (std::size_t i = 0; i < entry.size(); ++i) {
        const auto* rule = view.rule(entry[i]);
        if (rule != nullptr && rule->decision < told.size() && told[rule->decision]) triggers |= 1U << rule->trigger;
      }
      if (triggers != 0) visit(entry.key(), triggers);
    });
  }
}

zones::RecordList PolicyWords::apex() const {
  const auto nobody = *wire::Name::from_text("localhost.");
  const wire::Soa soa{
      nobody, *wire::Name::from_text("nobody.invalid."), request_.serial, kRefresh, kRetry, kExpire, request_.ttl};
  zones::RecordList records;
  records.add(request_.origin, RecordType::soa, request_.ttl, wire::make_soa_rdata(soa));
  records.add(request_.origin, RecordType::ns, request_.ttl, nobody.view().bytes());
  return records;
}

/// What the view says of that name; with what may not be told as if it were not there.
std::optional<Match> PolicyWords::winner(Trigger trigger, wire::NameView of) const {
  if (told_) return index_.match_among(told_, trigger, of, request_.view, request_.now);
  return trigger == Trigger::qname ? index_.match_name(of, request_.view, request_.now)
                                   : index_.match_server(of, request_.view, request_.now);
}

PolicyZoneDoubts PolicyWords::name(Trigger trigger, wire::NameView of, bool is_key, const Emit& emit) {
  PolicyZoneDoubts doubts;
  const auto child = wire::Name::prepend(kAny, of);
  const auto below = child ? winner(trigger, *child) : std::nullopt;
  // Names that exist in the zone for the sake of longer ones: where a rule above covers them.
  if (!is_key && !below) return doubts;
  const auto match = winner(trigger, of);
  if (match) doubts.add(say(trigger, of, MatchKind::exact, *match, emit));
  if (!match && !below && !of.is_root()) let_through(trigger, of, emit);
  if (below) doubts.add(say(trigger, of, MatchKind::subdomains, *below, emit));
  return doubts;
}

/// A name whose rules hide those above it and say nothing themselves (in shadow, of a list with a zone's wildcards):
/// without a record of its own the wildcard above would reach it.
void PolicyWords::let_through(Trigger trigger, wire::NameView of, const Emit& emit) const {
  const auto beside = wire::Name::prepend(kAny, of.parent());
  const auto at = owner(trigger, of);
  if (!at || !beside || !winner(trigger, *beside)) return;
  RuleForm form;
  form.trigger = trigger;
  form.match = MatchKind::exact;
  form.action = Action::passthru;
  for (const auto& record : rpz_records_of({std::string(kSomeKey), 0, 0}, form, request_.origin, request_.ttl))
    emit({*at, record.type, record.ttl, record.rdata});
}

PolicyZoneDoubts PolicyWords::prefix(Trigger trigger, const Prefix& prefix, const Emit& emit) {
  for (const auto& match : index_.explain_address(trigger, prefix.address, request_.view, request_.now)) {
    const bool holds = match.prefix && match.prefix->length <= prefix.length;
    if (match.shadow || !holds || (told_ && !told_(match.decision_id))) continue;
    const auto words = words_of(trigger, prefix.to_text(), MatchKind::both, match);
    for (const auto& record : words.records) emit({record.owner, record.type, record.ttl, record.rdata});
    return words.doubts;
  }
  return {};
}

wire::NameView PolicyWords::below_of(Trigger trigger) const {
  return trigger == Trigger::nsdname ? servers_->view() : request_.origin.view();
}

std::optional<wire::Name> PolicyWords::owner(Trigger trigger, wire::NameView of) const {
  if (trigger == Trigger::nsdname ? !servers_ : ends_in_word(of)) return std::nullopt;
  if (of.is_root() || is_starred(of)) return std::nullopt;
  const auto made = wire::Name::concatenate(of, of.label_count(), below_of(trigger));
  return made ? std::optional(*made) : std::nullopt;
}

std::optional<wire::Name> PolicyWords::owner_below(Trigger trigger, wire::NameView of) const {
  if (trigger == Trigger::nsdname ? !servers_ : ends_in_word(of)) return std::nullopt;
  const auto child = wire::Name::prepend(kAny, of);
  const auto made = child ? wire::Name::concatenate(*child, of.label_count() + 1, below_of(trigger)) : child;
  return made ? std::optional(*made) : std::nullopt;
}

std::optional<wire::Name> PolicyWords::owner(Trigger trigger, const Prefix& prefix) const {
  RuleForm form;
  form.trigger = trigger;
  form.match = MatchKind::both;
  form.action = Action::nxdomain;
  const auto text = prefix.to_text();
  const auto records = rpz_records_of({text, 0, 0}, form, request_.origin, request_.ttl);
  return records.empty() ? std::nullopt : std::optional(records.front().owner);
}

PolicyZoneDoubts PolicyWords::say(Trigger trigger, wire::NameView of, MatchKind kind, const Match& match,
                                  const Emit& emit) {
  const auto say_alone = [&] {
    const auto words = words_of(trigger, stored_key(of), kind, match);
    for (const auto& record : words.records) emit({record.owner, record.type, record.ttl, record.rdata});
    return words.doubts;
  };
  if (of.is_root() || is_starred(of) || ends_in_word(of)) return say_alone();
  const std::uint64_t number =
      (std::uint64_t{match.layer} << 34U) | (std::uint64_t{match.rule} << 2U) | static_cast<std::uint64_t>(kind);
  auto& kept = kept_[(number ^ number >> 8U) % kept_.size()];
  if (kept.of != number) kept = {number, words_of(trigger, std::string(kSomeKey), kind, match)};
  if (kept.words.alone) return say_alone();
  const auto at = kind == MatchKind::exact ? owner(trigger, of) : owner_below(trigger, of);
  if (!at) return {0, 1, 0};
  for (const auto& record : kept.words.records) emit({*at, record.type, record.ttl, record.rdata});
  return kept.words.doubts;
}

PolicyWords::Words PolicyWords::words_of(Trigger trigger, const std::string& key, MatchKind kind,
                                         const Match& match) const {
  Words words;
  const auto form = form_of(trigger, kind, match);
  words.alone = form.action == Action::cname;
  words.doubts.refused = match.action == Action::refused ? 1 : 0;
  auto records = rpz_records_of({key, 0, 0}, form, request_.origin, request_.ttl);
  if (records.empty())
    ++(form.action == Action::local_data && form.records.empty() ? words.doubts.inexpressible : words.doubts.too_long);
  std::ranges::sort(records, comes_before);
  for (auto& record : records) {
    const auto read = read_rpz_record(record.owner, request_.origin, record.type, record.ttl, record.rdata);
    const bool means_it = read.kind == RpzReading::Kind::rule && read.form.trigger == trigger && read.key == key &&
                          read.form.match == kind && read.form.action == form.action && !wire::is_meta(record.type) &&
                          wire::is_sound_rdata(record.type, record.rdata);
    const auto is_same = [&](const RpzRecord& other) {
      return other.type == record.type && zones::is_same_rdata(record.type, other.rdata, record.rdata);
    };
    if (!means_it)
      words.doubts.inexpressible = 1;
    else if (std::ranges::none_of(words.records, is_same))
      words.records.push_back(std::move(record));
  }
  return words;
}

RuleForm PolicyWords::form_of(Trigger trigger, MatchKind kind, const Match& match) const {
  RuleForm form;
  form.trigger = trigger;
  form.match = kind;
  form.action = match.action;
  form.ttl = match.ttl;
  if (match.action == Action::refused) {
    form.action = Action::nxdomain;
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

}  // namespace placard::policy
