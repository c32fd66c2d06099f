// Reports and the limits that are held against them.
#include <catch2/catch.hpp>

#include "policy/lists/list_report.hpp"
#include "policy/lists/rpz.hpp"
#include "tests/policy/lists/lists_fixture.hpp"

using namespace placard;
using namespace placard::policy;

namespace {

ListReport report_of(std::size_t rules, std::size_t broken = 0) {
  ListReport report;
  report.accepted = report.rules = rules;
  for (std::size_t i = 0; i < broken; ++i) report.reject(Rejection::syntax, 1, "x");
  return report;
}

}  // namespace

TEST_CASE("a list is refused whole when too much of it is broken, or it grew or shrank too much") {
  const ListLimits limits{.rejects = 5, .growth = 100, .shrink = 30, .rules = 50'000};
  CHECK(check_limits(report_of(1000, 50), {}, limits));
  CHECK_FALSE(check_limits(report_of(1000, 60), {}, limits));
  CHECK(check_limits(report_of(2000), 1000, limits));
  CHECK_FALSE(check_limits(report_of(2101), 1000, limits));
  CHECK(check_limits(report_of(700), 1000, limits));
  CHECK_FALSE(check_limits(report_of(600), 1000, limits));
  CHECK(check_limits(report_of(10), 50, limits));  // small lists may do as they like
  CHECK_FALSE(check_limits(report_of(0), 50, limits));
  CHECK(check_limits(report_of(0), 50, {.may_be_empty = true}));
  CHECK_FALSE(check_limits(report_of(0), 5'000, {.may_be_empty = true}));
  CHECK_FALSE(check_limits(report_of(50'001), 50'000, limits));
  CHECK(check_limits(report_of(50'001), 1000, {.rejects = 0, .growth = 0, .shrink = 0, .rules = 0}));
  CHECK(check_limits(report_of(600), 1000, limits).error().find("shrank from 1000 to 600") != std::string::npos);
}

TEST_CASE("what is right but not for DNS does not count as broken") {
  auto report = report_of(10);
  for (int i = 0; i < 1000; ++i) report.reject(Rejection::cosmetic, 1, "##.ad");
  CHECK(check_limits(report, {}, {}));
  CHECK(report.rejected_count() == 1000);
  CHECK(report.rejected[static_cast<std::size_t>(Rejection::cosmetic)].samples.size() == kMaxSamples);
}

TEST_CASE("samples are printable and short, whatever a list holds") {
  CHECK(sample_text("a\x1b[31m\x01\xff") == "a?[31m??");
  CHECK(sample_text(std::string(500, 'x')).size() == kMaxSampleText + 3);
  CHECK(sample_text("b\xC3\xBC"
                    "cher") ==
        "b\xC3\xBC"
        "cher");
  CHECK(sample_text("\xE2\x80\xAE"
                    "gpj") == "???gpj");  // a direction override
  std::string cut(kMaxSampleText - 1, 'x');
  CHECK(sample_text(cut + "\xC3\xBC") == cut + "...");
}

TEST_CASE("rules as policy zone records read back as the same rules") {
  const auto list = read_list({.format = ListFormat::rpz}, sample("policy.rpz"));
  const auto origin = *wire::Name::from_text("rpz.example");
  RuleList again;
  ListedRule rule;
  for (RuleList::Cursor cursor(list.rules); cursor.next(rule);) {
    const auto records = rpz_records_of(rule, list.rules.form(rule.form), origin, 60);
    CHECK_FALSE(records.empty());
    for (const auto& record : records) {
      const auto reading = read_rpz_record(record.owner, origin, record.type, record.ttl, record.rdata);
      REQUIRE(reading.kind == RpzReading::Kind::rule);
      CHECK_FALSE(reading.normalised);
      again.add(reading.key, again.form_number(reading.form), rule.line);
    }
  }
  again.seal();
  CHECK(lines_of(again) == lines_of(list.rules));
}
