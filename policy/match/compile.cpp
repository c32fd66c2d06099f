#include "policy/match/compile.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

#include "policy/match/image_builder.hpp"
#include "policy/record/written_name.hpp"

namespace placard::policy {

namespace {

constexpr std::size_t kProgressStep = 100'000;  // rules

bool is_named(Trigger trigger) {
  return trigger == Trigger::qname || trigger == Trigger::nsdname;
}

/// The rules of one trigger of one list under one decision, in the order of their keys.
struct ListStream {
  std::optional<ListCursor> cursor;           // of the store, or
  std::optional<RuleList::Cursor> in_memory;  // of a list that is being recorded
  Trigger trigger;
  std::uint32_t decision;                            // of the builder
  const std::vector<RuleForm>* forms;                // of the list
  std::vector<std::optional<std::uint32_t>> rows{};  // of the builder, by form
  StoredListRule rule{};
  bool has_rule = false;

  void step() {
    if (cursor) {
      has_rule = cursor->next(rule);
      return;
    }
    ListedRule listed;
    has_rule = in_memory->next(listed);
    rule.trigger = trigger;
    rule.key = listed.key;
    rule.form = listed.form;
  }
};

/// One rule of a decision's own, ready to be placed.
struct OwnRule {
  std::string key;  // stored_key, or the canonical prefix
  std::uint32_t row;
};

class Compile {
 public:
  Compile(Store& store, ImageSink& sink, Time now, const ImageOptions& options,
          const std::function<void(std::size_t)>& progress, const UpcomingList* upcoming)
      : store_(store), now_(now), builder_(sink, options), progress_(progress), upcoming_(upcoming) {}

  ImageHeader run() {
    for (const auto& record : store_.decisions_in_force(now_)) add_decision(record);
    std::ranges::stable_sort(own_names_, {}, &OwnRule::key);
    for (auto& stream : streams_) stream.step();
    write_names();
    write_prefixes();
    return builder_.finish([this] {
      if (progress_) progress_(written_);
    });
  }

 private:
  void add_decision(const DecisionRecord& record) {
    auto decision = indexed(record, INT64_MAX, now_);
    if (!decision) return;
    const auto& own = record.decision();
    if (!own.rules.empty()) {
      if (const auto number = builder_.add_decision(*decision)) {
        for (const auto& rule : own.rules) {
          auto& to = is_named(rule.trigger) ? own_names_ : own_prefixes_;
          to.push_back(
              {is_named(rule.trigger) ? stored_key(rule.name) : rule.prefix, builder_.add_rule(*number, rule)});
        }
      }
    }
    const bool is_upcoming = upcoming_ != nullptr && own.list == upcoming_->id;
    const auto list = own.list.empty() || is_upcoming ? std::nullopt : store_.list_stand(own.list);
    if (!list && !is_upcoming) return;
    decision->list = own.list;
    const auto number = builder_.add_decision(*decision);
    if (!number) return;
    if (is_upcoming) {
      add_upcoming(*number);
      return;
    }
    auto& forms = forms_[list->number];
    if (forms.empty()) forms = store_.list_forms(list->number);
    for (const auto trigger :
         {Trigger::client_ip, Trigger::qname, Trigger::response_ip, Trigger::nsdname, Trigger::nsip}) {
      streams_.push_back({store_.list_rules(list->number, trigger), {}, trigger, *number, &forms});
      streams_.back().rows.resize(forms.size());
    }
  }

  void add_upcoming(std::uint32_t decision) {
    const auto& rules = upcoming_->rules;
    auto& forms = upcoming_forms_;
    if (forms.empty())
      for (std::size_t i = 0; i < rules.form_count(); ++i) forms.push_back(rules.form(static_cast<std::uint32_t>(i)));
    for (const auto trigger :
         {Trigger::client_ip, Trigger::qname, Trigger::response_ip, Trigger::nsdname, Trigger::nsip}) {
      streams_.push_back({{}, RuleList::Cursor(rules, trigger), trigger, decision, &forms});
      streams_.back().rows.resize(forms.size());
    }
  }

  /// The row of the stream's rule, made when its form comes up for the first time.
  std::uint32_t row_of(ListStream& stream) {
    auto& row = stream.rows.at(stream.rule.form);
    if (!row) row = builder_.add_rule(stream.decision, rule_of(stream.forms->at(stream.rule.form)));
    return *row;
  }

  void written(std::size_t rules) {
    const auto before = written_ / kProgressStep;
    written_ += rules;
    if (progress_ && written_ / kProgressStep != before) progress_(written_);
  }

  void write_names() {
    std::vector<ListStream*> streams;
    for (auto& stream : streams_)
      if (stream.has_rule && is_named(stream.rule.trigger)) streams.push_back(&stream);
    std::vector<std::uint32_t> rows;
    std::string key;
    std::size_t own = 0;
    while (own < own_names_.size() || !streams.empty()) {
      const ListStream* first = nullptr;
      for (const auto* stream : streams)
        if (first == nullptr || stream->rule.key < first->rule.key) first = stream;
      const bool own_first =
          own < own_names_.size() && (first == nullptr || std::string_view(own_names_[own].key) <= first->rule.key);
      key = own_first ? std::string_view(own_names_[own].key) : first->rule.key;
      rows.clear();
      for (; own < own_names_.size() && own_names_[own].key == key; ++own) rows.push_back(own_names_[own].row);
      bool ended = false;
      for (auto* stream : streams) {
        for (; stream->has_rule && stream->rule.key == key; stream->step()) rows.push_back(row_of(*stream));
        ended |= !stream->has_rule;
      }
      if (ended) std::erase_if(streams, [](const ListStream* stream) { return !stream->has_rule; });
      const auto name = name_from_key(key);
      if (!name)
        throw StoreError(StoreError::Kind::not_a_store, fmt::format("the store holds the broken key '{}'", key));
      builder_.add_name(*name, rows);
      written(rows.size());
    }
  }

  void write_prefixes() {
    std::map<std::string, std::vector<std::uint32_t>> by_prefix;
    for (const auto& rule : own_prefixes_) by_prefix[rule.key].push_back(rule.row);
    for (auto& stream : streams_)
      for (; stream.has_rule; stream.step()) by_prefix[std::string(stream.rule.key)].push_back(row_of(stream));
    for (const auto& [text, rows] : by_prefix) {
      const auto prefix = prefix_from_text(text);
      if (!prefix)
        throw StoreError(StoreError::Kind::not_a_store,
                         fmt::format("the store holds a broken prefix: {}", prefix.error()));
      builder_.add_prefix(*prefix, rows);
      written(rows.size());
    }
  }

  Store& store_;
  Time now_;
  ImageBuilder builder_;
  const std::function<void(std::size_t)>& progress_;
  const UpcomingList* upcoming_;
  std::vector<RuleForm> upcoming_forms_;
  std::vector<OwnRule> own_names_, own_prefixes_;
  std::vector<ListStream> streams_;
  std::map<std::int64_t, std::vector<RuleForm>> forms_;
  std::size_t written_ = 0;
};

/// Puts the rule's name or prefix in; false when the key is broken.
bool set_key(Rule& rule, std::string_view key) {
  if (!is_named(rule.trigger)) {
    rule.prefix = key;
    return prefix_from_text(key).has_value();
  }
  const auto name = name_from_key(key);
  if (name) rule.name = *name;
  return name.has_value();
}

/// A list's share of an overlay: what changed behind entry `since`, or all of it when it is new since then.
void add_list(Store& store, IndexedDecision& decision, std::int64_t since, bool whole) {
  const auto stand = store.list_stand(decision.list);
  if (!stand) return;
  const auto forms = store.list_forms(stand->number);
  const auto add = [&](const StoredListRule& stored) {
    Rule rule;
    if (stored.form != 0) rule = rule_of(forms.at(stored.form));
    rule.trigger = stored.trigger;
    rule.match = stored.match;
    if (set_key(rule, stored.key)) (stored.form != 0 ? decision.rules : decision.removed).push_back(std::move(rule));
  };
  if (!whole) {
    store.visit_list_differences(stand->number, since, add);
    return;
  }
  auto cursor = store.list_rules(stand->number);
  for (StoredListRule rule; cursor.next(rule);) add(rule);
}

}  // namespace

std::vector<Stretch> stretches_of(const DecisionRecord& record, std::int64_t last_sequence) {
  std::vector<Stretch> stretches;
  const auto& decision = record.decision();
  Time end = decision.expires_at;
  for (auto at = record.transitions.rbegin(); at != record.transitions.rend(); ++at) {
    if (at->sequence > last_sequence) continue;
    const bool matched = at->state == DecisionState::active || at->state == DecisionState::shadow;
    const Time begin = std::max(at->valid_from, decision.effective_from);
    if (matched && begin < end) stretches.push_back({begin, end, at->state});
    end = std::min(end, at->valid_from);
  }
  std::reverse(stretches.begin(), stretches.end());
  return stretches;
}

std::optional<IndexedDecision> indexed(const DecisionRecord& record, std::int64_t last_sequence, Time now) {
  auto stretches = stretches_of(record, last_sequence);
  std::erase_if(stretches, [now](const Stretch& stretch) { return stretch.valid_to <= now; });
  if (stretches.empty()) return std::nullopt;
  const auto& decision = record.decision();
  IndexedDecision made;
  made.number = record.number;
  made.id = decision.id;
  made.type = decision.type;
  made.authority = decision.authority;
  made.external_authority = record.authority.external;
  made.territorial_scope = decision.territorial_scope;
  made.valid_from = stretches.front().valid_from;
  made.valid_to = stretches.front().valid_to;
  made.state = stretches.front().state;
  made.later.assign(stretches.begin() + 1, stretches.end());
  return made;
}

ImageHeader write_index(Store& store, ImageSink& sink, Time now, const std::function<void(std::size_t)>& progress,
                        const IndexTuning& tuning, const UpcomingList* upcoming) {
  const auto stand = store.hold_stand();
  ImageOptions options;
  options.log_sequence = store.last_log_sequence();
  options.log_hash = store.log_hash(options.log_sequence).value_or(Digest{});
  options.made_at = now;
  options.seed = tuning.seed;
  return Compile(store, sink, now, options, progress, upcoming).run();
}

void include_entry(ImageHeader& header, Store& store, std::int64_t sequence) {
  if (sequence == header.log_sequence + 1)
    header.log_sequence = sequence;
  else
    header.ahead = sequence;
  header.log_hash = store.log_hash(sequence).value();
  header.checksum = header_checksum(header);
}

std::shared_ptr<const Index> compile_index(Store& store, std::vector<View> views, std::vector<SourcePolicy> policies,
                                           Time now, std::uint64_t generation) {
  MemorySink sink;
  write_index(store, sink, now);
  return Index::assemble(Image::copy(sink.octets()), nullptr, std::move(views), std::move(policies), generation);
}

std::expected<void, std::string> is_image_of(Store& store, const Image& image, Time now) {
  const auto& header = image.view().header();
  const auto hash = header.newest() == 0 ? Digest{} : store.log_hash(header.newest()).value_or(Digest{1});
  if (hash != header.log_hash) {
    return std::unexpected(
        fmt::format("policy index: it was made from another record (its entry {} is not this log's)", header.newest()));
  }
  if (header.made_at > now + kClockTolerance) {
    return std::unexpected("policy index: it was made when the clock was ahead, and lacks what had ended by then");
  }
  return {};
}

std::expected<std::shared_ptr<const Image>, std::string> load_overlay(Store& store, const Image& base) {
  const auto stand = store.hold_stand();
  const auto& header = base.view().header();
  const auto since = header.log_sequence;
  const auto last = store.last_log_sequence();
  if (last == since) return nullptr;
  const auto too_much = [](std::size_t rules) {
    return std::unexpected(fmt::format("{} rules have changed since the index was compiled", rules));
  };
  std::map<std::string, std::size_t> changed;  // lists: how many rules
  std::size_t rules = 0;
  std::string ahead;  // a list whose change at header.ahead is in the base
  for (const auto& change : store.list_changes_since(since)) {
    if (change.sequence == header.ahead) {
      ahead = change.list;
      continue;
    }
    changed[change.list] += static_cast<std::size_t>(change.added + change.removed);
  }
  auto records = store.decisions_since(since);
  // A list that changed is met under every decision that names it, also those that did not change.
  if (!changed.empty()) {
    for (auto& record : store.decisions_with_lists()) {
      if (changed.contains(record.decision().list) &&
          std::ranges::none_of(records, [&](const auto& each) { return each.number == record.number; })) {
        records.push_back(std::move(record));
      }
    }
  }
  std::vector<IndexedDecision> decisions;
  for (const auto& record : records) {
    auto decision = indexed(record);
    const auto in_base = [&](std::string_view list) {
      return find_decision(base.view(), record.number, list).has_value();
    };
    if (!decision) {  // in force no more: the overlay says so
      decision.emplace();
      decision->number = record.number;
      decision->state = DecisionState::lifted;
    }
    const auto& list = record.decision().list;
    if (!list.empty()) {
      const auto at = changed.find(list);
      const bool whole = !in_base(list);
      if (whole) {
        const auto size = store.list_stand(list);
        rules += size ? static_cast<std::size_t>(size->rules) : 0;
      } else if (at != changed.end()) {
        rules += at->second;
      }
      if (rules > kMaxOverlayRules) return too_much(rules);
      auto of_list = *decision;
      of_list.list = list;
      add_list(store, of_list, list == ahead ? header.ahead : since, whole);
      decisions.push_back(std::move(of_list));
    }
    if (!in_base({})) decision->rules = record.decision().rules;
    rules += decision->rules.size();
    if (rules > kMaxOverlayRules) return too_much(rules);
    decisions.push_back(*std::move(decision));
  }
  ImageOptions options;
  options.log_sequence = last;
  options.log_hash = store.log_hash(last).value_or(Digest{});
  options.seed = header.seed;
  return image_of(decisions, options, true);
}

}  // namespace placard::policy
