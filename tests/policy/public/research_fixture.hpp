// A real store file with a record like the demonstration's, and what is in a research document.
#pragma once

#include <stdlib.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>
#include <map>

#include "policy/match/compile.hpp"
#include "policy/public/research.hpp"
#include "policy/record/intake.hpp"
#include "tests/names.hpp"

namespace placard::policy::test::research {

inline constexpr Time kStart = 1'760'000'000;  // 2025-10-09T08:53:20Z
inline constexpr Time kDay = 86'400;

class Folder {
 public:
  Folder() {
    char pattern[] = "/tmp/placard-research-XXXXXX";
    REQUIRE(mkdtemp(pattern) != nullptr);
    path_ = pattern;
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  std::filesystem::path operator/(const char* name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

using placard::tests::name;

inline Rule rule(std::string_view of, Action action, MatchKind match = MatchKind::both) {
  Rule made;
  made.name = name(of);
  made.action = action;
  made.match = match;
  return made;
}

inline Authority authority(std::string id, AuthorityKind kind, std::string shown, bool external) {
  return {.id = std::move(id),
          .kind = kind,
          .name = {{"en", std::move(shown)}},
          .jurisdiction = "NZ",
          .contact = "mailto:office@example.org",
          .public_key = {},
          .external = external};
}

inline AuthoredDecision decision(std::string id, std::string by, std::vector<Rule> rules, Time from, Time to) {
  AuthoredDecision made;
  auto& d = made.decision;
  d.id = std::move(id);
  d.authority = std::move(by);
  d.reference = "FILE-" + d.id;
  d.legal_basis = "Terms of service, 4";
  d.statement_of_reasons = {{"en", "Reasons of " + d.id + "."}};
  d.redress = {{"en", "Write to appeal@example.org."}};
  d.effective_from = from;
  d.expires_at = to;
  d.rules = std::move(rules);
  return made;
}

inline AuthoredEvent event(std::string id, std::string_view of, Time at, std::string actor, std::string act) {
  return {{.id = std::move(id),
           .name = name(of),
           .occurred_at = at,
           .actor = std::move(actor),
           .act = std::move(act),
           .statement = {{"en", "What was said."}},
           .source = "press"},
          {}};
}

// A record like the demonstration's: an operator's block everywhere, an order for New Zealand, one that is sealed.
struct Record {
  Folder folder;
  Store store = Store::open(folder / "policy.db", Store::Mode::read_write, kStart);

  Record() {
    store.record_views({{"default", {}, {}, {}}, {"nz", {"127.0.0.64/32"}, {"NZ"}, {"court", "*"}}}, "test", kStart);
    AuthoredBatch batch;
    batch.authorities = {{authority("operator", AuthorityKind::operator_, "The operator", false), {}},
                         {authority("court", AuthorityKind::court, "High Court", true), {}}};
    batch.events = {event("ev-1", "kiwifarms.net", kStart - 1000 * kDay, "Cloudflare", "refused"),
                    event("ev-2", "www.kiwifarms.net", kStart - 996 * kDay, "Cloudflare", "blocked")};
    write(batch, kStart);
    AuthoredBatch blocks;
    blocks.decisions = {
        decision("op-1", "operator", {rule("kiwifarms.net", Action::sinkhole)}, kStart + 100, kStart + 30 * kDay)};
    write(blocks, kStart + 10);
    AuthoredBatch order;
    order.decisions = {decision("court-1", "court",
                                {rule("kiwifarms.net", Action::nxdomain), rule("below.kiwifarms.net", Action::nodata)},
                                kStart + 200, kStart + 60 * kDay)};
    order.decisions[0].decision.type = DecisionType::court_order;
    order.decisions[0].decision.territorial_scope = {"NZ"};
    write(order, kStart + 20);
  }

  void write(const AuthoredBatch& batch, Time now) {
    const auto done = intake(store, batch, Guards{}, "test", now);
    INFO((done ? std::string() : to_text(done.error())));
    REQUIRE(done);
  }
  void publish(std::int64_t from, std::int64_t to, Time at) { store.record_enforcement("node-a", from, to, at); }
  std::shared_ptr<const Index> index(Time now) { return compile_index(store, store.views(), {}, now, 1); }
};

inline WhyRequest about(std::string_view of, std::vector<std::uint8_t> client = {127, 0, 0, 1}) {
  WhyRequest request;
  request.name = name(of);
  request.client = std::move(client);
  return request;
}

inline const std::vector<std::uint8_t> kNewZealand = {127, 0, 0, 64};

// The value of a field anywhere in the document, as JSON has it; "" when it is not there.
inline std::string field(const Document& document, const std::string& object, const std::string& key) {
  for (const auto& part : document.parts) {
    const auto* fields = std::get_if<Fields>(&part);
    if (!fields || fields->key != object) continue;
    for (const auto& each : fields->fields) {
      if (each.key != key) continue;
      if (const auto* text = std::get_if<std::string>(&each.value)) return *text;
      if (const auto* number = std::get_if<std::int64_t>(&each.value)) return std::to_string(*number);
      if (const auto* truth = std::get_if<bool>(&each.value)) return *truth ? "true" : "false";
    }
  }
  return {};
}

inline const Table& table(const Document& document, const std::string& key) {
  for (const auto& part : document.parts) {
    const auto* found = std::get_if<Table>(&part);
    if (found && found->key == key) return *found;
  }
  FAIL("no table " + key);
  throw 0;
}

inline std::string cell(const Table& in, std::size_t row, const std::string& key) {
  for (std::size_t c = 0; c < in.columns.size(); ++c) {
    if (in.columns[c].key != key) continue;
    const auto& value = in.rows.at(row).at(c);
    if (const auto* text = std::get_if<std::string>(&value)) return *text;
    if (const auto* number = std::get_if<std::int64_t>(&value)) return std::to_string(*number);
    return {};
  }
  FAIL("no column " + key);
  throw 0;
}

inline std::vector<std::string> column(const Table& in, const std::string& key) {
  std::vector<std::string> cells;
  for (std::size_t row = 0; row < in.rows.size(); ++row) cells.push_back(cell(in, row, key));
  return cells;
}

}  // namespace placard::policy::test::research
