// `placard why`: from a client and a name to the answer, with everything that had a say in it.
#include <fmt/format.h>

#include <algorithm>
#include <cassert>

#include "policy/match/compile.hpp"
#include "policy/match/image.hpp"
#include "policy/match/views.hpp"
#include "policy/public/research.hpp"
#include "policy/public/research_words.hpp"
#include "policy/record/written_name.hpp"

namespace placard::policy {

namespace {

// The moment that is asked about: which log entries were answered by, at which second, and how we know.
struct Moment {
  Time at = 0;
  std::int64_t last_sequence = 0;
  std::optional<Time> published;  // when the snapshot of that moment was published
  std::string basis;
};

// Everything that is needed to explain one answer.
struct Chain {
  const WhyRequest& request;
  Time clock;  // what the caller's says; moment.at is what is judged by
  Moment moment;
  const Index& index;
  ViewNumber view_number;
  std::string view_reason;
  std::vector<Met> met;                             // the winner first, unless all are in shadow
  std::vector<std::optional<std::uint32_t>> lines;  // of their lists, where they are of one
  const std::vector<DecisionRecord>& records;

  const View& view() const { return index.views()[view_number]; }
  const Met* first() const { return met.empty() || met.front().match.shadow ? nullptr : &met.front(); }
  const Match* winner() const { return first() == nullptr ? nullptr : &first()->match; }
  const DecisionRecord* record_of(std::string_view id) const {
    const auto at =
        std::find_if(records.begin(), records.end(), [&](const auto& each) { return each.decision().id == id; });
    return at == records.end() ? nullptr : &*at;
  }
};

std::expected<Moment, std::string> find_moment(Store& store, const WhyRequest& request, const Index* current,
                                               Time now) {
  if (!request.at && current) {
    return Moment{now, current->log_sequence(), {}, "the snapshot that the server answers by now"};
  }
  if (!request.at) return Moment{now, store.last_log_sequence(), {}, "the record as it stands now"};
  if (*request.at > now) {
    return Moment{*request.at,
                  store.last_log_sequence(),
                  {},
                  "a moment to come: the record as it stands now, if nothing changes"};
  }
  const auto node = request.node.empty() ? std::string() : " AND node = " + sql_literal(request.node);
  const auto rows =
      rows_of(store, fmt::format("SELECT last_sequence, enforced_from FROM public_enforcement "
                                 "WHERE enforced_from <= {}{} ORDER BY enforced_from DESC, snapshot DESC LIMIT 1",
                                 sql_literal(to_text(*request.at)), node));
  if (rows.empty()) {
    return std::unexpected(
        fmt::format("no snapshot had been published by {}: nothing was enforced here then", to_text(*request.at)));
  }
  const auto published = time_from_text(std::get<std::string>(rows[0][1]));
  if (!published) return std::unexpected(published.error());
  return Moment{*request.at, std::get<std::int64_t>(rows[0][0]), *published,
                "the snapshot that was published last before it"};
}

// An index of the decisions about the name alone, as they stood at the moment.
std::shared_ptr<const Index> rebuild(const std::vector<DecisionRecord>& records, const std::vector<ListedAbout>& listed,
                                     std::vector<View> views, const Moment& moment) {
  CompileInput input;
  input.views = std::move(views);
  input.log_sequence = moment.last_sequence;
  for (const auto& record : records) {
    auto decision = indexed(record, moment.last_sequence);
    if (!decision) continue;
    if (const auto& list = record.decision().list; !list.empty()) {
      auto of_list = *decision;
      of_list.list = list;
      for (const auto& each : listed)
        if (each.list == list) of_list.rules.push_back(each.rule());
      input.decisions.push_back(std::move(of_list));
    }
    decision->rules = record.decision().rules;
    input.decisions.push_back(*std::move(decision));
  }
  return Index::compile(input, 0);
}

std::expected<std::pair<ViewNumber, std::string>, std::string> choose_view(const Index& index,
                                                                           const WhyRequest& request) {
  const auto views = index.views();
  if (!request.client.empty()) {
    if (request.client.size() != 4 && request.client.size() != 16)
      return std::unexpected("a client's address has 4 or 16 octets");
    const auto prefix = ClientViews(views).prefix_of(request.client);
    return std::pair(index.view_of(request.client),
                     prefix ? fmt::format("{} is the longest prefix that holds the client", prefix->to_text())
                            : std::string("no view's prefixes hold the client"));
  }
  const auto name = request.view.empty() ? std::string("default") : request.view;
  for (std::size_t v = 0; v < views.size(); ++v) {
    if (views[v].name == name) {
      return std::pair(static_cast<ViewNumber>(v),
                       std::string(request.view.empty() ? "no client was given" : "as asked for"));
    }
  }
  std::vector<std::string> names;
  for (const auto& view : views) names.push_back(view.name);
  return std::unexpected(fmt::format("there is no view \"{}\"; there are: {}", name, joined(names, "none")));
}

// What decided between the winner and a rule behind it, in the order of index.hpp and match.hpp.
std::string reason_behind(const Chain& chain, const Met& met) {
  const auto& match = met.match;
  if (match.shadow) return "in shadow: counted, changes no answer";
  if (&met == chain.first()) return "wins";
  const auto& won = chain.first()->match;
  if (met.link != chain.first()->link) return "it is met later in the chain of aliases";
  const auto* record = chain.record_of(match.decision_id);
  const auto* won_record = chain.record_of(won.decision_id);
  if (!record || !won_record) return "behind the winner";
  if (match.rank / 2 != won.rank / 2) return "its authority comes later in the view's sources";
  if (match.rank != won.rank) return "an order of a court or administration comes first";
  if (match.trigger != won.trigger)
    return fmt::format("{} comes before {}", to_text(won.trigger), to_text(match.trigger));
  if (match.precision != won.precision)
    return match.prefix ? fmt::format("its prefix is shorter")
                        : fmt::format("its name has fewer labels ({} to {})", match.precision, won.precision);
  if (record->number != won_record->number) return "an older decision";
  return "the same decision has a narrower or earlier rule";
}

std::string shown_address(const MappedAddress& address) {
  Prefix whole;
  whole.address = address;
  whole.length = 128;
  whole.ipv4 = is_mapped_ipv4(address);
  const auto text = whole.to_text();
  return text.substr(0, text.find('/'));
}

// The name of the answer that met the rule.
std::string met_name(const Chain& chain, const Met& met) {
  const auto& known = chain.request.known;
  return shown_name(met.link < known.size() ? known[met.link].name : chain.request.name);
}

// What of the question or of the cached answer met the rule.
std::string met_by(const Chain& chain, const Met& met) {
  const auto name = met_name(chain, met);
  switch (met.match.trigger) {
    case Trigger::client_ip:
      return "the client";
    case Trigger::qname:
      return met.link == 0 ? "the name asked" : fmt::format("the alias leads to {}", name);
    case Trigger::response_ip:
      return fmt::format("{} has the address {}", name, met.address ? shown_address(*met.address) : "");
    case Trigger::nsdname:
      return fmt::format("{} is served by {}", name, met.name_server ? shown_name(*met.name_server) : "");
    case Trigger::nsip:
      return fmt::format("{} is served by {} {}", name,
                         met.name_server && !met.name_server->view().is_root() ? shown_name(*met.name_server) : "",
                         met.address ? shown_address(*met.address) : "");
  }
  return {};
}

std::string answer_text(const Chain& chain, const Met& met) {
  const auto& index = chain.index;
  const auto& match = met.match;
  const auto owner = match.trigger == Trigger::qname ? shown_name(match.rule_name) : met_name(chain, met);
  switch (match.action) {
    case Action::sinkhole:
      return fmt::format("A and AAAA: the addresses of the notice page; other types: no data, with the SOA of {}",
                         owner);
    case Action::nxdomain:
      return fmt::format("NXDOMAIN, with the SOA of {}", owner);
    case Action::nodata:
      return fmt::format("no data, with the SOA of {}", owner);
    case Action::refused:
      return "REFUSED";
    case Action::drop:
      return "no answer at all";
    case Action::truncate:
      return "an empty answer with TC over UDP, so that the client comes back over TCP; resolved there";
    case Action::passthru:
      return "resolved as if there were no policy";
    case Action::local_data:
      return fmt::format("{} records of our own", index.records_of(match).size());
    case Action::cname:
      return fmt::format("an alias to {}", shown_name(index.target_of(match)));
  }
  return {};
}

bool changes_answer(Action action) {
  return action != Action::passthru && action != Action::truncate && action != Action::drop;
}

Fields answer_fields(const Chain& chain) {
  const auto* match = chain.winner();
  Fields fields{"answer", "Answer", {}};
  const auto add = [&](const char* key, const char* label, Cell value) {
    fields.fields.push_back({key, label, std::move(value)});
  };
  if (!match) {
    add("blocked", "", false);
    add("action", "", {});
    add("text", "The client is answered",
        std::string("resolved: no decision in force for this client matches the name"));
    return fields;
  }
  add("blocked", "", match->action != Action::passthru);
  add("action", "Action", std::string(to_text(match->action)));
  add("text", "The client is answered", answer_text(chain, *chain.first()));
  add("decision", "Decision", std::string(match->decision_id));
  add("rule", "Rule", match->rule_id);
  if (changes_answer(match->action)) {
    const auto code = static_cast<std::int64_t>(match->extended_error);
    add("ede_code", "", code);
    add("ede_purpose", "", std::string(wire::to_text(match->extended_error)));
    add("ede_extra_text", "", std::string(match->decision_id));
    add("", "Extended error",
        fmt::format("{} ({}), with the text \"{}\"", code, wire::to_text(match->extended_error), match->decision_id));
    add("ttl", "TTL, seconds", std::int64_t{match->ttl.value_or(chain.request.default_ttl)});
  }
  add("until", "Until", to_text(match->valid_to));
  return fields;
}

Table rule_table(const Chain& chain) {
  Table table{"rules",
              "Rules that match, in order of precedence",
              {{"decision", "Decision"},
               {"rule", ""},
               {"match", "Covers"},
               {"met_by", "Met by"},
               {"action", "Action"},
               {"list", "List"},
               {"line", "Line"},
               {"authority", "Decided by"},
               {"reference", "File number"},
               {"state", ""},
               {"verdict", "Verdict"}},
              {},
              "No rule in force for this client matches the name."};
  for (std::size_t i = 0; i < chain.met.size(); ++i) {
    const auto& match = chain.met[i].match;
    const auto* record = chain.record_of(match.decision_id);
    Rule rule;
    rule.trigger = match.trigger;
    rule.match = match.match;
    rule.name = wire::Name(match.rule_name);
    if (match.prefix) rule.prefix = match.prefix->to_text();
    table.rows.push_back({std::string(match.decision_id), match.rule_id, shown_rule(rule), met_by(chain, chain.met[i]),
                          std::string(to_text(match.action)), std::string(match.list),
                          chain.lines[i] ? Cell(static_cast<std::int64_t>(*chain.lines[i])) : Cell(),
                          record ? shown_authority(*record) : std::string(),
                          record && record->disclosed ? record->decision().reference : std::string(),
                          std::string(match.shadow ? "shadow" : "active"), reason_behind(chain, chain.met[i])});
  }
  return table;
}

std::string optional_time(const std::optional<Time>& time) {
  return time ? to_text(*time) : std::string();
}

Fields decision_fields(const Chain& chain, const DecisionRecord& record) {
  const auto& decision = record.decision();
  Fields fields{"decision", "The decision that wins", {}};
  const auto add = [&](const char* key, const char* label, std::string value, bool always = false) {
    if (always || !value.empty()) fields.fields.push_back({key, label, std::move(value)});
  };
  add("id", "Number", decision.id);
  add("type", "Kind", std::string(to_text(decision.type)));
  fields.fields.push_back({"disclosed", record.disclosed ? "" : "Disclosed", record.disclosed});
  if (decision.demonstration) fields.fields.push_back({"demonstration", "Demonstration", true});
  if (record.disclosed) {
    add("authority", "", decision.authority);
    add("authority_name", "Decided by", text_of(record.authority.name));
    add("applicant", "Asked for by", decision.applicant);
    add("reference", "File number", decision.reference);
    add("legal_basis", "Legal basis", decision.legal_basis);
    add("statement_of_reasons", "Reasons", text_of(decision.statement_of_reasons));
    add("document_url", "Document", decision.document_url);
    add("document_sha256", "SHA-256", decision.document_sha256);
  }
  add("territorial_scope", "Holds in", joined(decision.territorial_scope, "everywhere"));
  add("redress", "Appeal", text_of(decision.redress));
  add("effective_from", "Since", to_text(decision.effective_from));
  add("expires_at", "Until", to_text(decision.expires_at));
  add("review_at", "Review", optional_time(decision.review_at));
  add("recorded_at", "Recorded", to_text(record.recorded_at));
  for (const auto& period : record.enforced) {
    const bool here = chain.request.node.empty() || chain.request.node == period.node;
    if (here && period.enforced_from <= chain.moment.at && chain.moment.at < period.enforced_to) {
      add("enforced_from", "Answered by since", to_text(period.enforced_from));
      break;
    }
  }
  return fields;
}

// Why none of a decision's rules applied at the moment, to this view.
std::string reason_out(const Chain& chain, const DecisionRecord& record) {
  const auto& decision = record.decision();
  const auto& moment = chain.moment;
  if (record.number > moment.last_sequence)
    return fmt::format("not enforced yet: recorded at {}", to_text(record.recorded_at));
  const Transition* state = nullptr;
  for (const auto& each : record.transitions) {
    if (each.sequence <= moment.last_sequence && each.valid_from <= moment.at) state = &each;
  }
  if (!state || moment.at < decision.effective_from)
    return fmt::format("begins at {}", to_text(decision.effective_from));
  if (state->state != DecisionState::active && state->state != DecisionState::shadow) {
    const auto reason = record.disclosed && !state->reason.empty() ? ": " + state->reason : std::string();
    return fmt::format("{} since {}{}", to_text(state->state), to_text(state->valid_from), reason);
  }
  if (moment.at >= decision.expires_at) return fmt::format("expired at {}", to_text(decision.expires_at));
  if (!scope_applies(decision.territorial_scope, chain.view().jurisdictions)) {
    return fmt::format("holds in {} only; the view \"{}\" is in {}", joined(decision.territorial_scope, ""),
                       chain.view().name, joined(chain.view().jurisdictions, "no place of its own"));
  }
  if (rank_of_source(chain.view(), decision.authority, false) == kNoRank) {
    return fmt::format("its authority is none of the sources of the view \"{}\"", chain.view().name);
  }
  return "its rule does not cover this name";
}

Table other_table(const Chain& chain) {
  Table table{"not_applied",
              "Decisions about the name that do not apply",
              {{"decision", "Decision"}, {"authority", "Decided by"}, {"rules", "Rules"}, {"reason", "Why not"}},
              {},
              ""};
  for (const auto& record : chain.records) {
    const auto& id = record.decision().id;
    if (std::any_of(chain.met.begin(), chain.met.end(), [&](const Met& met) { return met.match.decision_id == id; }))
      continue;
    table.rows.push_back(
        {id, shown_authority(record), shown_rules(record.decision().rules), reason_out(chain, record)});
  }
  return table;
}

Document to_document(const Chain& chain) {
  const auto& request = chain.request;
  Document document;
  const auto* winner = chain.winner();
  const auto name = shown_name(request.name);
  const auto verdict = !winner ? fmt::format("{} is not blocked for this client.", name)
                       : winner->action == Action::passthru
                           ? fmt::format("{} is let through by the decision {}.", name, winner->decision_id)
                           : fmt::format("{} is blocked by the decision {}.", name, winner->decision_id);
  document.parts.push_back(Note{request.at ? fmt::format("At {}: {}", to_text(chain.moment.at), verdict) : verdict});
  Fields asked{"", "", {}};
  asked.fields = {{"name", "Name", name},
                  {"view", "View", chain.view().name},
                  {"view_reason", "because", chain.view_reason},
                  {"view_jurisdictions", "in", joined(chain.view().jurisdictions, "no place of its own")},
                  {"view_sources", "sources", joined(chain.view().sources, "*")},
                  {"at", "At", to_text(chain.moment.at)},
                  {"basis", "From", chain.moment.basis},
                  {"log_sequence", "Log entries up to", chain.moment.last_sequence}};
  if (!request.at && chain.clock != chain.moment.at)
    asked.fields.push_back({"clock", "Clock says", to_text(chain.clock)});
  if (chain.moment.published) asked.fields.push_back({"published", "Published", to_text(*chain.moment.published)});
  document.parts.push_back(asked);
  document.parts.push_back(answer_fields(chain));
  document.parts.push_back(rule_table(chain));
  if (winner) {
    if (const auto* record = chain.record_of(winner->decision_id))
      document.parts.push_back(decision_fields(chain, *record));
  }
  document.parts.push_back(other_table(chain));
  return document;
}

constexpr std::size_t kMaxSubjects = 64;  // names and addresses that are looked up in the record, of each

// What rules of a past moment may have been about: the client, and the names, addresses and name servers that the cache
// holds now.
Subjects subjects_of(const WhyRequest& request) {
  Subjects subjects;
  const auto name = [&](Trigger trigger, const wire::Name& one) {
    if (subjects.names.size() < kMaxSubjects) subjects.names.emplace_back(trigger, one);
  };
  const auto address = [&](Trigger trigger, const MappedAddress& one) {
    if (subjects.addresses.size() < kMaxSubjects) subjects.addresses.emplace_back(trigger, one);
  };
  name(Trigger::qname, request.name);
  if (const auto client = mapped_address(request.client)) address(Trigger::client_ip, *client);
  for (const auto& link : request.known) {
    if (!(link.name == request.name)) name(Trigger::qname, link.name);
    for (const auto& one : link.addresses) address(Trigger::response_ip, one);
    for (const auto& server : link.servers) {
      if (!server.name.view().is_root()) name(Trigger::nsdname, server.name);
      for (const auto& one : server.addresses) address(Trigger::nsip, one);
    }
  }
  return subjects;
}

// Decisions with rules about them: their own, or a list's.
std::vector<DecisionRecord> records_about(Store& store, const Subjects& subjects,
                                          const std::vector<ListedAbout>& listed) {
  auto records = store.decisions_about(subjects);
  if (listed.empty()) return records;
  for (const auto& with_list : store.decisions_with_lists()) {
    const bool meets = std::any_of(listed.begin(), listed.end(),
                                   [&](const ListedAbout& each) { return each.list == with_list.decision().list; });
    const bool known = std::any_of(records.begin(), records.end(),
                                   [&](const DecisionRecord& each) { return each.number == with_list.number; });
    if (!meets || known) continue;
    if (auto record = store.decision(with_list.decision().id)) records.push_back(*std::move(record));
  }
  return records;
}

/// All five triggers over what the cache knows now.
std::vector<Met> met_by_known(const Index& index, const WhyRequest& request, ViewNumber view, Time at) {
  std::vector<ChainLink> chain;
  for (const auto& link : request.known) chain.push_back({link.name, link.addresses});
  if (chain.empty()) chain.push_back({request.name, {}});
  const auto servers = [&](wire::NameView name, bool) {
    for (const auto& link : request.known)
      if (link.name.view() == name) return link.servers;
    return std::vector<NameServer>();
  };
  return explain_answer_rules(index, {view, at, request.client, request.names_outrank}, chain, servers);
}

/// Where the rule stands in its list: as of the moment where it was looked up for it, else as it was read last.
std::optional<std::uint32_t> line_of(Store& store, const Match& match, const std::vector<ListedAbout>& listed) {
  if (match.list.empty()) return std::nullopt;
  const auto key = match.prefix ? match.prefix->to_text() : stored_key(match.rule_name);
  for (const auto& each : listed)
    if (each.form.trigger == match.trigger && each.list == match.list && each.form.match == match.match &&
        each.key == key)
      return each.line;
  return store.list_line(match.list, match.trigger, key, match.match);
}

void add_record(Store& store, std::string_view id, std::vector<DecisionRecord>& records) {
  const bool known =
      std::any_of(records.begin(), records.end(), [&](const DecisionRecord& each) { return each.decision().id == id; });
  if (known) return;
  if (auto record = store.decision(id)) records.push_back(*std::move(record));
}

}  // namespace

std::expected<Document, std::string> explain_answer(Store& store, const WhyRequest& request, const Index* current,
                                                    Time clock) {
  const auto now = store.effective_now(clock);
  const auto moment = find_moment(store, request, current, now);
  if (!moment) return std::unexpected(moment.error());
  const bool live = current && !request.at;
  // What is in force now is in the index; of a past moment all is looked up.
  const auto subjects = live ? Subjects{{{Trigger::qname, request.name}}, {}} : subjects_of(request);
  const auto listed = store.lists_about(subjects, moment->last_sequence);
  auto records = records_about(store, subjects, listed);
  const auto views = store.views_at(moment->last_sequence);
  if (const auto checked = check_views(views); !live && !checked) return std::unexpected(checked.error());
  std::shared_ptr<const Index> rebuilt;
  if (!live) rebuilt = rebuild(records, listed, views, *moment);
  const Index& index = live ? *current : *rebuilt;
  const auto view = choose_view(index, request);
  if (!view) return std::unexpected(view.error());
  auto met = met_by_known(index, request, view->first, moment->at);
  std::vector<std::optional<std::uint32_t>> lines;
  for (const auto& each : met) {
    lines.push_back(line_of(store, each.match, listed));
    add_record(store, each.match.decision_id, records);
  }
  auto document = to_document(
      {request, clock, *moment, index, view->first, view->second, std::move(met), std::move(lines), records});
  if (request.at) {
    document.parts.push_back(
        Note{request.known.empty()
                 ? "Rules about aliases, addresses and name servers are left out: no server was asked what it holds."
                 : "Rules about aliases, addresses and name servers are those of that moment, held against what the "
                   "cache holds now."});
  }
  if (now != clock && !request.at) {
    document.parts.push_back(Note{
        fmt::format("The clock says {}, which the record contradicts: judged by {}.", to_text(clock), to_text(now))});
  }
  return document;
}

}  // namespace placard::policy
