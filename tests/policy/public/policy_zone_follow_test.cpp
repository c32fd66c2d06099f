// A policy zone that follows the index is, after any change, the one that would be written anew.
#include <algorithm>
#include <catch2/catch.hpp>
#include <random>

#include "policy/match/image_builder.hpp"
#include "policy/public/policy_zone.hpp"
#include "tests/policy/match/match_fixture.hpp"
#include "zones/wire/ldns_adapter.hpp"

namespace placard::policy {

using namespace test;

namespace {

/// Decisions as they come, change and end: some in the base, and what changed since in the overlay.
class World {
 public:
  explicit World(std::uint32_t seed) : random_(seed) {
    if (below(2) == 0) {
      SourcePolicy zone_like;
      zone_like.source = "list:daily";
      zone_like.zone_wildcards = true;
      policies_.push_back(zone_like);
    }
    view_.name = "default";
    view_.sources = {"first", "list:daily", "*"};
    for (int i = 0; i < 12; ++i) decide();
    compile();
  }

  void change() {
    fresh_ = false;
    switch (below(9)) {
      case 0:
      case 1:
        return decide();
      case 2:
        any().valid_to = now_ + below(3);
        return;
      case 3: {  // suspended for a while, then in force or in shadow
        auto& decision = any();
        decision.valid_to = now_ + 1;
        decision.later = {{now_ + 2 + below(3), now_ + 10, below(2) ? DecisionState::active : DecisionState::shadow}};
        return;
      }
      case 4:
      case 5: {
        auto& decision = any();
        if (decision.list.empty()) return decide();
        if (!decision.rules.empty() && below(2) == 0)
          decision.rules.erase(decision.rules.begin() + below(static_cast<int>(decision.rules.size())));
        else
          add_rule(decision);
        return;
      }
      case 6:
        told_->insert(any().id);
        return;
      case 7:
        now_ += 1 + below(3);
        return;
      default:
        compile();
    }
  }

  std::shared_ptr<const Index> index() const { return index_of(image_, base_, decisions_); }

  /// The one that there would be without what may not be told.
  std::shared_ptr<const Index> index_of_told() const {
    const auto told = [this](std::vector<IndexedDecision> all) {
      std::erase_if(all, [this](const IndexedDecision& decision) { return !told_->contains(decision.id); });
      return all;
    };
    const auto base = told(base_);
    return index_of(image_of(base, {}, false), base, told(decisions_));
  }

  PolicyZoneRequest request(std::uint32_t serial, bool all) const {
    PolicyZoneRequest request;
    request.origin = name("rpz.");
    request.serial = serial;
    request.ttl = 30;
    request.now = now_;
    request.sinkhole = {{wire::RecordType::a, {192, 0, 2, 1}}};
    if (!all) request.told = std::make_shared<DecisionIds>(*told_);
    return request;
  }

 private:
  std::shared_ptr<const Index> index_of(std::shared_ptr<const Image> image, const std::vector<IndexedDecision>& base,
                                        const std::vector<IndexedDecision>& decisions) const {
    std::vector<IndexedDecision> since;
    for (const auto& decision : decisions) {
      const auto old = std::ranges::find(base, decision.number, &IndexedDecision::number);
      auto restated = decision;
      if (old != base.end()) {
        restated.rules.clear();
        for (const auto& rule : decision.rules)
          if (!holds(*old, rule)) restated.rules.push_back(rule);
        for (const auto& rule : old->rules)
          if (!holds(decision, rule)) restated.removed.push_back(rule);
      }
      since.push_back(std::move(restated));
    }
    auto overlay = fresh_ ? nullptr : image_of(since, {.seed = image->view().header().seed}, true);
    return Index::assemble(std::move(image), std::move(overlay), {view_}, policies_, 1);
  }

  int below(int limit) { return static_cast<int>(random_() % static_cast<std::uint32_t>(limit)); }
  IndexedDecision& any() { return decisions_[static_cast<std::size_t>(below(static_cast<int>(decisions_.size())))]; }
  static bool same_key(const Rule& a, const Rule& b) {
    return a.trigger == b.trigger && a.match == b.match && a.name == b.name && a.prefix == b.prefix;
  }
  static bool holds(const IndexedDecision& decision, const Rule& rule) {
    return std::ranges::any_of(decision.rules, [&](const Rule& each) { return same_key(each, rule); });
  }

  void add_rule(IndexedDecision& decision) {
    Rule made;
    if (below(4) == 0) {
      static constexpr Trigger kTriggers[] = {Trigger::client_ip, Trigger::response_ip, Trigger::nsip};
      const int bits = 8 * (1 + below(3));
      made = address_rule("10." + std::to_string(bits > 8 ? below(2) : 0) + "." +
                              std::to_string(bits > 16 ? below(3) : 0) + ".0/" + std::to_string(bits),
                          kTriggers[below(3)], static_cast<Action>(below(7)));
    } else {
      std::string text;
      static constexpr const char* kLabels[] = {"a", "b", "a-b", "c", "rpz-ip", "x!", "z"};
      for (int labels = below(4); labels >= 0; --labels) text += std::string(kLabels[below(7)]) + ".";
      if (below(40) == 0) text = ".";
      made = rule(text, static_cast<MatchKind>(below(3)), static_cast<Action>(below(7)));
      if (below(5) == 0) made.trigger = Trigger::nsdname;
    }
    if (decision.list.empty()) made.id = ++last_rule_;
    if (!holds(decision, made)) decision.rules.push_back(std::move(made));
  }

  void decide() {
    auto made = test::decision(++last_decision_, below(2) ? "first" : "second", {});
    if (below(3) == 0) made.list = "daily";
    made.valid_from = below(3) == 0 ? now_ + below(4) : 0;
    if (below(6) == 0) made.state = DecisionState::shadow;
    for (int count = 1 + below(6); count > 0; --count) add_rule(made);
    if (below(3) != 0) told_->insert(made.id);
    decisions_.push_back(std::move(made));
  }

  void compile() {
    std::erase_if(decisions_, [&](const IndexedDecision& decision) {
      return decision.valid_to <= now_ && (decision.later.empty() || decision.later.back().valid_to <= now_);
    });
    if (decisions_.empty()) decide();
    base_ = decisions_;
    image_ = image_of(base_, {}, false);
    fresh_ = true;
  }

  std::mt19937 random_;
  Time now_ = 100;
  View view_;
  std::vector<SourcePolicy> policies_;
  std::vector<IndexedDecision> decisions_, base_;
  std::shared_ptr<const Image> image_;
  bool fresh_ = false;  // nothing changed since the base was compiled
  std::int64_t last_decision_ = 0, last_rule_ = 0;
  std::shared_ptr<DecisionIds> told_ = std::make_shared<DecisionIds>();
};

std::string text_of(const zones::ChangeSet& changes) {
  std::string text;
  for (const auto* list : {&changes.removed, &changes.added}) {
    for (const zones::RecordRef record : *list) {
      if (record.type == wire::RecordType::soa) continue;
      text += (list == &changes.added ? "+" : "-") + record.owner.to_text() + " " + wire::to_text(record.type) + " " +
              wire::rdata_to_text(record.type, record.rdata) + "\n";
    }
  }
  return text;
}

}  // namespace

TEST_CASE("thousands of changes: the zone that follows is the zone written anew") {
  std::size_t patched = 0, changed = 0;
  for (std::uint32_t round = 0; round < 40; ++round) {
    World world(round);
    const bool all = round % 2 == 0;
    PolicyZone zone;
    std::shared_ptr<const zones::ZoneListing> running;
    for (std::uint32_t serial = 1; serial <= 60; ++serial) {
      const auto index = world.index();
      const auto request = world.request(serial, all);
      auto update = zone.update(index, request, running);
      const auto anew = write_policy_zone(*index, request);
      INFO("round " << round << " serial " << serial);
      REQUIRE(update.listing);
      REQUIRE(text_of(difference(*update.listing, anew.listing)) == "");
      CHECK(update.whole == (serial == 1));
      if (!update.whole) {
        ++patched;
        if (!all) {
          const auto without = write_policy_zone(*world.index_of_told(), world.request(serial, true));
          REQUIRE(text_of(difference(without.listing, *update.listing)) == "");
        }
        CHECK((update.listing == running) == !update.changes.has_value());
        REQUIRE(zone.doubts().refused == anew.doubts.all().refused);
        REQUIRE(zone.doubts().too_long == anew.doubts.all().too_long);
        REQUIRE(zone.doubts().inexpressible == anew.doubts.all().inexpressible);
      }
      if (running && update.changes) {
        ++changed;
        REQUIRE(text_of(*update.changes) == text_of(difference(*running, anew.listing)));
        const auto chain = {std::make_shared<const zones::ChangeSet>(*update.changes)};
        const auto followed = running->apply(std::vector<zones::SharedChangeSet>(chain));
        REQUIRE(followed);
        REQUIRE(followed->serial() == serial);
        REQUIRE(text_of(difference(*followed, anew.listing)) == "");
      }
      running = update.listing;
      world.change();
    }
  }
  CHECK(patched > 2000);
  CHECK(changed > 800);
}

TEST_CASE("what is asked for in another way is written anew, and told as what differs") {
  World world(7);
  PolicyZone zone;
  const auto first = zone.update(world.index(), world.request(1, true), nullptr);
  CHECK(first.whole);
  CHECK_FALSE(first.changes);
  auto request = world.request(2, true);
  request.ttl = 31;
  const auto second = zone.update(world.index(), request, first.listing);
  CHECK(second.whole);
  REQUIRE(second.changes);
  CHECK(second.changes->added.size() == second.listing->record_count());
}

TEST_CASE("a policy zone lets go of an index that is not in force, and only of that") {
  World world(7);
  PolicyZone zone;
  auto index = world.index();
  const auto first = zone.update(index, world.request(1, true), nullptr);
  zone.let_go(*world.index());  // the same base
  const std::weak_ptr<const Index> made_of = index;
  index = nullptr;
  CHECK_FALSE(made_of.expired());
  World other(8);
  zone.let_go(*other.index());
  CHECK(made_of.expired());
  const auto second = zone.update(other.index(), other.request(2, true), first.listing);
  CHECK(second.whole);
  REQUIRE(second.changes);
  CHECK(text_of(difference(*second.listing, write_policy_zone(*other.index(), other.request(2, true)).listing)) == "");
}

}  // namespace placard::policy
