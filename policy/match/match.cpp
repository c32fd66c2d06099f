#include "policy/match/match.hpp"

#include <algorithm>

namespace placard::policy {

namespace {

/// True when a rule that `a` met counts before one that `b` met, at one link of a chain.
bool met_before(const Met& a, const Met& b) {
  if (a.match.rank != b.match.rank) return a.match.rank < b.match.rank;
  if (a.match.trigger != b.match.trigger) return a.match.trigger < b.match.trigger;
  if (a.match.trigger == Trigger::nsdname && a.name_server && b.name_server) {
    const auto order = canonical_order(*a.name_server, *b.name_server);
    if (order != 0) return order > 0;
  }
  if (a.match.precision != b.match.precision) return a.match.precision > b.match.precision;
  if (a.match.prefix && b.match.prefix && a.match.prefix->address != b.match.prefix->address)
    return a.match.prefix->address < b.match.prefix->address;
  return precedes(a.match, b.match);
}

/// What is done with each rule that is met: the best is kept, or all are.
class Visit {
 public:
  Visit(const Index& index, const Asker& asker, ShadowMatches* shadows, bool all)
      : index_(index), asker_(asker), shadows_(shadows), all_(all) {}

  void name(const wire::Suffixes& name, std::size_t link) {
    if (!index_.has(Trigger::qname, asker_.view)) return;
    if (all_)
      add(index_.explain_name(name.whole(), asker_.view, asker_.now), {{}, link});
    else
      add(index_.match_name(name, asker_.view, asker_.now, shadows_), {{}, link});
  }
  void server(const NameServer& server, std::size_t link) {
    if (server.name.view().is_root()) return;  // "NS ." says that there is none
    if (all_)
      add(index_.explain_name(server.name, asker_.view, asker_.now, Trigger::nsdname), {{}, link, {}, server.name});
    else
      add(index_.match_server(server.name, asker_.view, asker_.now, shadows_), {{}, link, {}, server.name});
  }
  void address(Trigger trigger, std::span<const std::uint8_t> octets, const Met& at) {
    if (all_)
      add(index_.explain_address(trigger, octets, asker_.view, asker_.now), at);
    else
      add(index_.match_address(trigger, octets, asker_.view, asker_.now, shadows_), at);
  }

  /// All that one link of the chain may meet but its name.
  void link(const ChainLink& link, std::size_t number, const NameServersOf& name_servers) {
    if (index_.has(Trigger::response_ip, asker_.view))
      for (const auto& each : link.addresses) address(Trigger::response_ip, each, {{}, number, each, {}});
    const bool by_name = index_.has(Trigger::nsdname, asker_.view), by_address = index_.has(Trigger::nsip, asker_.view);
    if ((!by_name && !by_address) || !name_servers || is_settled()) return;
    for (const auto& each : name_servers(link.name, by_address)) {
      if (by_name) server(each, number);
      if (!by_address) continue;
      for (const auto& of : each.addresses) address(Trigger::nsip, of, {{}, number, of, each.name});
    }
  }

  std::optional<Met> best;
  std::vector<Met> met;

 private:
  /// No rule about name servers can come before the best.
  bool is_settled() const {
    if (all_ || !best) return false;
    const auto first =
        std::min(index_.first_rank(Trigger::nsdname, asker_.view), index_.first_rank(Trigger::nsip, asker_.view));
    return best->match.rank < first || (best->match.rank == first && best->match.trigger < Trigger::nsdname);
  }
  void add(std::optional<Match>&& match, Met at) {
    if (!match) return;
    at.match = *match;
    if (!best || met_before(at, *best)) best = std::move(at);
  }
  void add(const std::vector<Match>& matches, Met at) {
    for (const auto& match : matches) {
      at.match = match;
      met.push_back(at);
    }
  }

  const Index& index_;
  const Asker& asker_;
  ShadowMatches* shadows_;
  bool all_;
};

}  // namespace

QuestionVerdict match_question(const Index& index, const Asker& asker, const wire::Suffixes& name,
                               ShadowMatches* shadows) {
  QuestionVerdict verdict;
  Visit visit(index, asker, shadows, false);
  if (index.has(Trigger::client_ip, asker.view)) visit.address(Trigger::client_ip, asker.client, {});
  visit.name(name, 0);
  if (visit.best) verdict.match = visit.best->match;
  const auto first =
      std::min({index.first_rank(Trigger::response_ip, asker.view), index.first_rank(Trigger::nsdname, asker.view),
                index.first_rank(Trigger::nsip, asker.view)});
  verdict.is_final = verdict.match ? asker.names_outrank || verdict.match->rank <= first : first == UINT16_MAX;
  return verdict;
}

std::optional<Met> match_answer(const Index& index, const Asker& asker, const QuestionVerdict& asked,
                                std::span<const ChainLink> chain, const NameServersOf& name_servers,
                                ShadowMatches* shadows) {
  for (std::size_t link = 0; link < chain.size(); ++link) {
    Visit visit(index, asker, shadows, false);
    if (link > 0)
      visit.name(wire::Suffixes(chain[link].name, index.seed(), index.most_labels()), link);
    else if (asked.match)
      visit.best = Met{*asked.match};
    const bool decided = visit.best && (asker.names_outrank || (link == 0 && asked.is_final));
    if (!decided) visit.link(chain[link], link, name_servers);
    if (visit.best) return visit.best;
  }
  return std::nullopt;
}

std::vector<Met> explain_answer_rules(const Index& index, const Asker& asker, std::span<const ChainLink> chain,
                                      const NameServersOf& name_servers) {
  std::vector<Met> all;
  for (std::size_t link = 0; link < chain.size(); ++link) {
    Visit visit(index, asker, nullptr, true);
    if (link == 0) visit.address(Trigger::client_ip, asker.client, {});
    visit.name(wire::Suffixes(chain[link].name, index.seed(), index.most_labels()), link);
    visit.link(chain[link], link, name_servers);
    std::stable_sort(visit.met.begin(), visit.met.end(), met_before);
    if (asker.names_outrank)
      std::stable_partition(visit.met.begin(), visit.met.end(),
                            [](const Met& met) { return met.match.trigger <= Trigger::qname; });
    all.insert(all.end(), visit.met.begin(), visit.met.end());
  }
  const auto winner = std::find_if(all.begin(), all.end(), [](const Met& met) { return !met.match.shadow; });
  if (winner != all.end()) std::rotate(all.begin(), winner, winner + 1);
  return all;
}

std::optional<wire::Name> expanded_target(wire::NameView target, wire::NameView met) {
  if (!target.is_wildcard()) return wire::Name(target);
  auto expanded = wire::Name::concatenate(met, met.label_count(), target.parent());
  if (!expanded) return std::nullopt;
  return *expanded;
}

}  // namespace placard::policy
