#include "resolver/serve/stored_answer.hpp"

#include <algorithm>
#include <array>
#include <catch2/catch.hpp>
#include <utility>

namespace placard::serve {
namespace {

TEST_CASE("a stored answer keeps what it was given, and so does a copy of it") {
  const std::array<std::uint8_t, 7> message{1, 2, 3, 4, 5, 6, 7};
  const std::array<std::uint16_t, 3> offsets{2, 4, 60'000};
  StoredAnswer answer(message, offsets);
  answer.rcode = static_cast<wire::Rcode>(4'095);
  answer.has_chain = true;
  answer.set_times(1'000, 1'060, 1'054);
  answer.set_errors({{wire::EdeCode::other, "why"}});
  const StoredAnswer copy(answer);
  const StoredAnswer moved(std::move(answer));
  for (const auto* each : {&copy, &moved}) {
    CHECK(std::ranges::equal(each->message(), message));
    CHECK(std::ranges::equal(each->ttl_offsets(), offsets));
    CHECK(static_cast<int>(each->rcode) == 4'095);
    CHECK(each->has_chain);
    CHECK_FALSE(each->bogus);
    CHECK(each->stored_at() == 1'000);
    CHECK(each->expires_at() == 1'060);
    CHECK_FALSE(each->is_due(1'053));
    CHECK(each->is_due(1'054));
    REQUIRE(each->errors().size() == 1);
    CHECK(each->errors()[0].extra_text == "why");
    CHECK(each->servers() == nullptr);
    CHECK(each->memory() >= sizeof(StoredAnswer) + message.size() + sizeof offsets);
  }
}

TEST_CASE("a stored answer that has no time for a refresh is never due, nor is one that is being refreshed") {
  StoredAnswer answer;
  CHECK(answer.message().empty());
  CHECK(answer.errors().empty());
  answer.set_times(1'000, 2'000);
  CHECK_FALSE(answer.is_due(1'000'000'000));
  answer.set_times(1'000, 2'000, 1'500);
  CHECK(answer.is_due(1'500));
  answer.refresh_began();
  CHECK_FALSE(answer.is_due(1'500));
}

}  // namespace
}  // namespace placard::serve
