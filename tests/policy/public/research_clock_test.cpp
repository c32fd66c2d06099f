// `why` under a clock that the record contradicts: what it judged by is told.
#include "policy/public/research.hpp"
#include "tests/policy/record/examples.hpp"

using namespace placard::policy;
using Catch::Contains;

TEST_CASE("why names the time it judged by where the clock says another") {
  TemporaryFolder folder;
  auto store = open_store(folder);
  take_in(store, authority_toml() + decision_toml("d1", "example.org"));
  WhyRequest request;
  request.name = name_of("example.org");
  const auto wrong = to_text(explain_answer(store, request, nullptr, 1000).value(), 100);
  CHECK_THAT(wrong, Contains("is blocked by the decision d1") && Contains("The clock says 1970-01-01T00:16:40Z") &&
                        Contains("judged by 2027-01-15T08:00:00Z"));
  CHECK_THAT(to_json(explain_answer(store, request, nullptr, 1000).value()),
             Contains("\"clock\":\"1970-01-01T00:16:40Z\"") && Contains("\"at\":\"2027-01-15T08:00:00Z\""));
  CHECK_THAT(to_text(explain_answer(store, request, nullptr, kNow + 5).value(), 100), !Contains("The clock says"));
}
