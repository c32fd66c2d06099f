#include "resolver/app/list_import.hpp"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "policy/record/intake.hpp"
#include "policy/record/ledger.hpp"
#include "policy/record/list_intake.hpp"
#include "policy/record/written_name.hpp"
#include "resolver/app/list_turns.hpp"

namespace placard::app {
namespace {

constexpr std::size_t kPiece = std::size_t{1} << 20;  // octets read at a time
constexpr std::size_t kShownRules = 10;               // of what comes and goes
constexpr std::size_t kReportWidth = 120;             // columns
constexpr std::int64_t kFeedDuration = 365 * 86'400;  // seconds: half of it before its end a decision is renewed

/// What a list would do to the one in force.
struct Difference {
  std::size_t added = 0, removed = 0, changed = 0, unchanged = 0;
  std::vector<std::pair<std::string_view, std::string>> shown;  // "added" or "removed" and the name
  std::string digest;                                           // of the new list's rules, where it is wanted

  void show(std::string_view sign, std::string_view key, policy::Trigger trigger) {
    const auto same = std::ranges::count_if(shown, [sign](const auto& one) { return one.first == sign; });
    if (same < static_cast<std::ptrdiff_t>(kShownRules)) shown.emplace_back(sign, policy::shown_key(key, trigger));
  }
};

using RuleKey = std::tuple<policy::Trigger, std::string_view, policy::MatchKind>;

/// What the rules are, for a token: keys in order, each with the place of its form among all forms.
class RulesDigest {
 public:
  explicit RulesDigest(const std::vector<std::string>& forms) : places_(forms.size()) {
    auto sorted = forms;
    std::ranges::sort(sorted);
    for (const auto& form : sorted) digest_.add(form + "\n");
    for (std::size_t i = 0; i < forms.size(); ++i)
      places_[i] = fmt::format("\t{}\n", std::ranges::lower_bound(sorted, forms[i]) - sorted.begin());
  }
  void add(const policy::ListedRule& rule) {
    digest_.add(rule.key);
    digest_.add(places_[rule.form]);
  }
  std::string finish() { return policy::to_hex(policy::as_text(digest_.finish())); }

 private:
  std::vector<std::string> places_;
  policy::RunningDigest digest_;
};

/// Both in the same order: one walk over the two. The digest is that of all rules where it is asked for.
Difference difference_to(policy::Store& store, const std::string& list, const policy::RuleList& rules,
                         bool with_digest) {
  Difference out;
  std::vector<std::string> forms(rules.form_count());
  for (std::size_t i = 0; i < forms.size(); ++i)
    forms[i] = policy::canonical(rules.form(static_cast<std::uint32_t>(i)));
  RulesDigest digest(forms);
  policy::RuleList::Cursor cursor(rules);
  policy::ListedRule next;
  bool more = cursor.next(next);
  const auto place = [&] {
    const auto& form = rules.form(next.form);
    return RuleKey{form.trigger, next.key, form.match};
  };
  const auto advance = [&] {
    if (with_digest) digest.add(next);
    more = cursor.next(next);
  };
  const auto add = [&] {
    ++out.added;
    out.show("added", next.key, rules.form(next.form).trigger);
    advance();
  };
  std::map<std::uint32_t, std::string> old_forms;
  store.visit_list(list, [&](const policy::StoredListRule& old, const policy::RuleForm& form) {
    const auto [known, fresh] = old_forms.try_emplace(old.form);
    if (fresh) known->second = policy::canonical(form);
    const RuleKey old_key{old.trigger, old.key, old.match};
    while (more && place() < old_key) add();
    if (more && place() == old_key) {
      ++(forms[next.form] == known->second ? out.unchanged : out.changed);
      advance();
    } else {
      ++out.removed;
      out.show("removed", old.key, old.trigger);
    }
  });
  while (more && (with_digest || out.added < kShownRules)) add();
  if (more) out.added = rules.size() - out.changed - out.unchanged;
  out.digest = digest.finish();
  return out;
}

/// Rules that another decision has as well, by decision.
std::vector<std::pair<std::string, std::int64_t>> overlap_with(policy::Store& store, const policy::RuleList& rules,
                                                               const std::string& list, policy::Time now) {
  std::vector<std::pair<std::string, std::string>> others;  // key, decision
  for (const auto& stored : store.load_policy(now))
    for (const auto& rule : stored.decision.rules)
      if (rule.trigger == policy::Trigger::qname)
        others.emplace_back(policy::stored_key(rule.name), stored.decision.id);
  std::ranges::sort(others);
  std::map<std::string, std::int64_t> counts;
  policy::ListedRule rule;
  for (policy::RuleList::Cursor cursor(rules); !others.empty() && cursor.next(rule);) {
    if (rules.form(rule.form).trigger != policy::Trigger::qname) continue;
    const auto same =
        std::ranges::equal_range(others, rule.key, {}, [](const auto& one) -> std::string_view { return one.first; });
    for (const auto& [key, decision] : same) ++counts[decision];
  }
  // Other lists are in the same order: one walk over both.
  std::set<std::string> seen{list};
  for (const auto& record : store.decisions_with_lists()) {
    const auto& d = record.decision();
    if (d.expires_at <= now || !seen.insert(d.list).second) continue;
    policy::RuleList::Cursor cursor(rules);
    bool more = cursor.next(rule);
    std::int64_t count = 0;
    store.visit_list(d.list, [&](const policy::StoredListRule& other, const policy::RuleForm&) {
      const auto place = [&] { return std::pair(rules.form(rule.form).trigger, rule.key); };
      const auto wanted = std::pair(other.trigger, other.key);
      while (more && place() < wanted) more = cursor.next(rule);
      if (more && place() == wanted) ++count;
    });
    if (count > 0) counts[d.id] += count;
  }
  return {counts.begin(), counts.end()};
}

policy::Rejection rejection_of(policy::Guarded guarded) {
  using enum policy::Guarded;
  switch (guarded) {
    case root:
      return policy::Rejection::root;
    case top_level:
      return policy::Rejection::top_level;
    case public_suffix:
      return policy::Rejection::public_suffix;
    case protected_name:
      return policy::Rejection::protected_name;
    case wide_prefix:
      return policy::Rejection::wide_prefix;
    case no:
      break;
  }
  return policy::Rejection::mandate;
}

void show_tally(policy::Table& table, std::string_view what, std::string_view reason, std::string_view words,
                const policy::ListTally& tally) {
  if (tally.count == 0) return;
  std::string lines, first;
  for (const auto& sample : tally.samples) {
    lines += fmt::format("{}{}", lines.empty() ? "" : ", ", sample.line);
    if (first.empty()) first = sample.text + (sample.detail.empty() ? "" : " (" + sample.detail + ")");
  }
  table.rows.push_back({std::string(what), std::string(reason), std::string(words),
                        static_cast<std::int64_t>(tally.count), lines, first});
}

policy::Table report_table(const policy::ListReport& report) {
  policy::Table table{"lines",
                      "What became of the lines",
                      {{"what", "What"},
                       {"reason", "Reason"},
                       {"words", "In words"},
                       {"count", "Lines"},
                       {"first_lines", "First at"},
                       {"example", "Such as"}},
                      {},
                      "Every line was taken as it is."};
  for (std::size_t i = 0; i < policy::kNormalisations; ++i) {
    const auto kind = static_cast<policy::Normalisation>(i);
    show_tally(table, "normalised", policy::to_text(kind), policy::in_words(kind), report.normalised[i]);
  }
  show_tally(table, "dropped", "duplicate", "stands there twice", report.duplicates);
  show_tally(table, "dropped", "contradiction", "an earlier line says something else", report.contradictions);
  for (std::size_t i = 0; i < policy::kRejections; ++i) {
    const auto reason = static_cast<policy::Rejection>(i);
    show_tally(table, "rejected", policy::to_text(reason), policy::in_words(reason), report.rejected[i]);
  }
  return table;
}

/// What a list comes under: a recorded decision, or one that will be recorded with the list.
struct Standing {
  policy::ListTerms terms;
  policy::DecisionState state = policy::DecisionState::shadow;
  policy::AuthoredBatch fresh;  // empty when the decision is there
};

/// The authority of feeds that name none: the operator, for whom the configuration speaks.
policy::AuthoredAuthority operator_of_feeds(const Options& options) {
  const auto& now = options.reloadable;
  policy::AuthoredAuthority authored;
  auto& authority = authored.authority;
  authority.id = kOperatorFeeds;
  authority.name = {{"en", now.operator_name.empty() ? "The operator of this server" : now.operator_name}};
  authority.contact = now.operator_contact;
  authority.external = false;
  auto& mandate = authority.mandate.emplace();
  mandate.max_duration = kFeedDuration;
  mandate.legal_basis = "None: the operator of this server subscribes to this list of their own will.";
  mandate.statement_of_reasons = {{"en", "The name is on a list that the operator of this server subscribes to."}};
  mandate.redress = {{"en", now.operator_contact.empty()
                                ? "Write to the operator of this server."
                                : fmt::format("Write to the operator of this server: {}", now.operator_contact)}};
  return authored;
}

policy::AuthoredDecision decision_under(const policy::Authority& authority, const ImportRequest& request,
                                        policy::Time now) {
  const auto& mandate = *authority.mandate;
  policy::AuthoredDecision authored;
  auto& d = authored.decision;
  auto moment = policy::to_text(now);
  std::erase_if(moment, [](char c) { return c == '-' || c == ':'; });
  d.id = fmt::format("{}-{}", request.list, moment);
  d.type = mandate.types.empty() ? policy::DecisionType::voluntary : mandate.types.front();
  d.authority = authority.id;
  d.legal_basis = mandate.legal_basis;
  d.statement_of_reasons = mandate.statement_of_reasons;
  d.redress = mandate.redress;
  d.territorial_scope = mandate.jurisdictions;
  d.effective_from = now;
  d.expires_at = now + *mandate.max_duration;
  authored.expires_after = *mandate.max_duration;
  d.list = request.list;
  d.initial_state = request.state;
  return authored;
}

bool has_ended(const policy::DecisionRecord& record, policy::Time now) {
  const auto state = record.transitions.back().state;
  return state == policy::DecisionState::lifted || state == policy::DecisionState::annulled ||
         record.decision().expires_at <= now;
}

std::expected<Standing, std::string> standing_under_mandate(const Workplace& at, const ImportRequest& request,
                                                            policy::Time now) {
  Standing out;
  auto authority = at.store.authority(request.mandate);
  if (!authority && request.mandate == kOperatorFeeds) {
    out.fresh.authorities.push_back(operator_of_feeds(at.options));
    authority = out.fresh.authorities.back().authority;
  }
  if (!authority) return std::unexpected(fmt::format("there is no authority '{}'", request.mandate));
  if (!authority->mandate || !authority->mandate->is_standing())
    return std::unexpected(
        fmt::format("authority '{}' has no standing mandate (one with a legal_basis)", request.mandate));
  auto made = decision_under(*authority, request, now);
  for (const auto& id : at.store.decisions_of_list(request.list)) {
    const auto record = at.store.decision(id);
    const auto& d = record->decision();
    if (d.authority != request.mandate)
      return std::unexpected(fmt::format("'{}' is a list of authority '{}'", request.list, d.authority));
    if (has_ended(*record, now)) continue;
    // A decision that is about to end is followed by another while it still holds.
    const auto state = record->transitions.back().state;
    if (d.expires_at - now <= *authority->mandate->max_duration / 2 && state == policy::DecisionState::active) {
      made.decision.supersedes = id;
      made.decision.initial_state = state;
      break;
    }
    auto terms = policy::ListIntake::terms_under(at.store, id, now);
    if (!terms) return std::unexpected(terms.error());
    out.terms = *std::move(terms);
    out.state = state;
    return out;
  }
  out.terms = {.list = request.list, .decision = made.decision.id, .mandate = authority->mandate, .overridden = {}};
  out.state = made.decision.initial_state;
  out.fresh.decisions.push_back(std::move(made));
  return out;
}

std::expected<Standing, std::string> standing_of(const Workplace& at, const ImportRequest& request, policy::Time now) {
  if (request.decision.empty()) return standing_under_mandate(at, request, now);
  auto terms = policy::ListIntake::terms_under(at.store, request.decision, now);
  if (!terms) return std::unexpected(terms.error());
  if (!request.list.empty() && request.list != terms->list)
    return std::unexpected(fmt::format("decision '{}' has the list '{}'", request.decision, terms->list));
  return Standing{*std::move(terms), at.store.decision(request.decision)->transitions.back().state, {}};
}

/// Records a decision that is not there yet, and brings one out of shadow whose feed says so.
std::expected<void, std::string> bring_about(const Workplace& at, const ImportRequest& request,
                                             const Standing& standing, const std::string& author, policy::Time now) {
  if (!standing.fresh.decisions.empty()) {
    const auto outcome = policy::intake(at.store, standing.fresh, guards_of(at.options), author, now);
    if (!outcome) return std::unexpected(policy::to_text(outcome.error()));
  } else if (request.state == policy::DecisionState::active && standing.state == policy::DecisionState::shadow) {
    const auto done = at.store.transition(standing.terms.decision, policy::DecisionState::active,
                                          "The operator's configuration says so.", author, now);
    if (!done) return std::unexpected(done.error());
  }
  return {};
}

std::string token_of(const policy::ListTerms& terms, const std::optional<policy::ListStand>& stand,
                     const Difference& difference) {
  const auto text = fmt::format("placard preview\n{}\n{}\n{}\n{}\n", terms.list, terms.decision,
                                stand ? stand->sequence : 0, difference.digest);
  return policy::to_hex(policy::as_text(policy::sha256(text))).substr(0, 16);
}

policy::Document told(const ImportRequest& request, const policy::ListTerms& terms, const policy::ListReport& report,
                      const Difference& difference, const std::string& token) {
  policy::Document document;
  document.parts.emplace_back(report_table(report));
  policy::Table changes{
      "changes", "What changes (the first ones)", {{"change", "Change"}, {"name", "Name"}}, {}, "Nothing changes."};
  for (const auto& [sign, name] : difference.shown) changes.rows.push_back({std::string(sign), name});
  document.parts.emplace_back(std::move(changes));
  const auto number = [](std::size_t value) { return static_cast<std::int64_t>(value); };
  policy::Fields fields{"", "", {}};
  fields.fields = {{"list", "List", terms.list},
                   {"decision_id", "Decision", terms.decision},
                   {"file", "Source", request.file},
                   {"lines", "Lines", number(report.lines)},
                   {"accepted", "Accepted", number(report.accepted)},
                   {"rejected", "Rejected", number(report.rejected_count())},
                   {"rules", "Rules", number(report.rules)},
                   {"added", "Added", number(difference.added)},
                   {"removed", "Removed", number(difference.removed)},
                   {"changed", "Changed", number(difference.changed)},
                   {"unchanged", "Unchanged", number(difference.unchanged)}};
  if (!token.empty()) fields.fields.push_back({"preview", "Preview token", token});
  document.parts.emplace_back(std::move(fields));
  return document;
}

policy::Table overlap_table(policy::Store& store, const policy::RuleList& rules, const std::string& list,
                            policy::Time now) {
  policy::Table overlap{
      "overlap", "Names that other decisions have too", {{"decision_id", "Decision"}, {"rules", "Names"}}, {}, "None."};
  for (const auto& [id, count] : overlap_with(store, rules, list, now)) overlap.rows.push_back({id, count});
  return overlap;
}

/// What the log keeps of a list beside its rules.
std::string meta_of(const ImportRequest& request, const SourcedList& source, const policy::ListTerms& terms) {
  nlohmann::json meta{{"source", request.file},
                      {"sha256", source.sha256},
                      {"format", policy::to_text(request.syntax.format)},
                      {"decision", terms.decision},
                      {"counts", nlohmann::json::parse(source.list.report.counts_as_json())}};
  if (!terms.guards)
    meta["override"] = {
        {"about", "all guards"}, {"by", "operator"}, {"reason", "guards = \"off\" in the configuration"}};
  return meta.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

/// Why the list may not come in now; nothing when it may.
std::optional<std::string> objection(const ImportRequest& request, const Standing& standing,
                                     const Difference& difference, const std::string& token) {
  const auto size = difference.added + difference.removed + difference.changed;
  if (!request.token.empty() && request.token != token)
    return "the preview is stale: the list or the record has changed since; look at a new one";
  // What is in shadow changes no answer: that is looked at when it is activated.
  if (request.preview && request.token.empty() && size > kPreviewRules &&
      standing.state == policy::DecisionState::active)
    return fmt::format(
        "{} rules would change that are in force; above {} that wants a preview: run it with --dry-run, then with "
        "--preview TOKEN",
        size, kPreviewRules);
  return std::nullopt;
}

}  // namespace

std::expected<SourcedList, std::string> read_list_file(const ImportRequest& request, ImportProgress* progress) {
  const auto failed = [&](std::string_view why) { return std::unexpected(fmt::format("{}: {}", request.file, why)); };
  auto reader = policy::ListReader::open(request.syntax);
  if (!reader) return failed(reader.error());
  const auto& path = request.read_from.empty() ? request.file : request.read_from;
  std::error_code error;
  const auto status = std::filesystem::status(path, error);
  if (std::filesystem::is_directory(status)) return failed("is a folder");
  // Whoever reads a pipe or a device may wait for ever, and the stop of the server with it.
  if (std::filesystem::exists(status) && !std::filesystem::is_regular_file(status))
    return failed("is a pipe or a device; write what comes of it into a file");
  errno = 0;
  std::ifstream in(path, std::ios::binary);
  if (!in) return failed(fmt::format("cannot be read: {}", std::strerror(errno)));
  const auto size = std::filesystem::file_size(path, error);
  if (progress && !error) progress->total = size;
  policy::RunningDigest digest;
  std::string piece(kPiece, '\0');
  while (in.read(piece.data(), static_cast<std::streamsize>(piece.size())), in.gcount() > 0) {
    const std::string_view read(piece.data(), static_cast<std::size_t>(in.gcount()));
    digest.add(read);
    reader->feed(read);
    if (!progress) continue;
    progress->octets += read.size();
    progress->rules = reader->rules();
  }
  if (in.bad()) return failed("cannot be read to its end");
  return SourcedList{reader->finish(), policy::to_hex(policy::as_text(digest.finish()))};
}

std::expected<TakenIn, std::string> take_in_list(const SharedRecord& at, const ImportRequest& request,
                                                 SourcedList&& source, const std::string& author) {
  std::expected<Standing, std::string> standing;
  policy::Guards guards;
  at.turn([&](const Workplace& place) {
    standing = standing_of(place, request, at.now());
    guards = guards_of(place.options);
  });
  if (!standing) return std::unexpected(standing.error());
  auto& terms = standing->terms;
  terms.guards = request.guards;
  auto& [rules, report] = source.list;
  const auto tell = [&](const policy::GuardedRule& one) {
    report.reject(rejection_of(one.guarded), one.rule.line, policy::shown_key(one.rule.key, one.form.trigger), one.why);
  };
  const auto admitted = policy::ListIntake::admit(terms, rules, guards, tell, [&] {
    report.rules = rules.size();
    return meta_of(request, source, terms);
  });
  if (!admitted) return std::unexpected(fmt::format("{}: {}", request.file, admitted.error()));
  auto reading = policy::Store::open(at.file, policy::Store::Mode::read_only, at.now());
  const auto stand = reading.list_stand(terms.list);
  const auto previous = stand ? std::optional(static_cast<std::size_t>(stand->rules)) : std::nullopt;
  const auto limits = policy::check_limits(report, previous, request.limits);
  if (!limits && !request.dry_run)
    return std::unexpected(fmt::format("{}: refused whole: {}; the last good list stays\n{}", request.file,
                                       limits.error(),
                                       policy::to_text(policy::Document{{report_table(report)}}, kReportWidth)));
  Difference difference;
  std::string token;
  if (request.preview) {
    difference = difference_to(reading, terms.list, rules, request.dry_run || !request.token.empty());
    token = token_of(terms, stand, difference);
  }
  if (request.dry_run) {
    auto document = told(request, terms, report, difference, token);
    document.parts.emplace_back(overlap_table(reading, rules, terms.list, at.now()));
    document.parts.emplace_back(policy::Note{limits ? "Nothing was changed: this was a preview."
                                                    : fmt::format("It would be refused: {}.", limits.error())});
    return TakenIn{std::move(document), {}, rules.size()};
  }
  if (auto why = objection(request, *standing, difference, token)) return std::unexpected(*std::move(why));
  std::expected<void, std::string> begun;
  at.turn([&](const Workplace& place) {
    // What it comes under may have ended while the list was judged.
    if (const auto still = standing_of(place, request, at.now()); !still)
      begun = std::unexpected(still.error());
    else
      begun = bring_about(place, request, *standing, author, at.now());
  });
  if (!begun) return std::unexpected(begun.error());
  const auto recorded = record_in_turns(at, *admitted, author);
  if (!recorded) return std::unexpected(recorded.error());
  auto document = told(request, terms, report, difference, "");
  document.parts.emplace_back(policy::Note{
      recorded->sequence == 0 ? "Nothing was new: the list is as it was."
      : standing->state == policy::DecisionState::active || request.state == policy::DecisionState::active
          ? "Recorded, and in force."
          : fmt::format("Recorded; in shadow, so that no answer changes before: placard activate {}", terms.decision)});
  return TakenIn{std::move(document), *recorded, rules.size()};
}

}  // namespace placard::app
