// Server cookies against the examples of RFC 9018, and what a pipeline does with them.
#include "resolver/serve/cookies.hpp"
#include "tests/resolver/serve/house.hpp"

namespace placard {

using namespace tests;

namespace {

std::vector<std::uint8_t> octets(std::string_view hex) {
  std::vector<std::uint8_t> out;
  for (std::size_t i = 0; i < hex.size(); i += 2)
    out.push_back(static_cast<std::uint8_t>(std::stoul(std::string(hex.substr(i, 2)), nullptr, 16)));
  return out;
}
serve::CookieSecrets secrets(const char* text) {
  return serve::parse_cookie_secrets(text).value();
}
serve::CookieCheck check(const char* cookie, const char* client, const serve::CookieSecrets& secrets,
                         std::int64_t now) {
  return serve::check_cookie(octets(cookie), *net::Address::from_text(client), secrets, now);
}
std::vector<std::uint8_t> made(const serve::CookieCheck& check) {
  return {check.answer.begin(), check.answer.end()};
}
std::vector<std::uint8_t> option_of(const std::vector<std::uint8_t>& answer, wire::OptionCode code) {
  const auto message = wire::parse_message(answer);
  REQUIRE(message);
  REQUIRE(message->edns());
  const auto data = message->edns()->option(static_cast<std::uint16_t>(code));
  return data ? std::vector<std::uint8_t>(data->begin(), data->end()) : std::vector<std::uint8_t>();
}

const char* const kSecret = "e5e973e5a6b2a43f48e7dc849e37bfcf";

}  // namespace

TEST_CASE("the examples of RFC 9018, appendix A") {
  using State = serve::CookieState;
  const auto learning = check("2464c4abcf10c957", "198.51.100.100", secrets(kSecret), 1559731985);
  CHECK(learning.state == State::unproven);
  CHECK(made(learning) == octets("2464c4abcf10c957010000005cf79f111f8130c3eee29480"));

  const auto renewed =
      check("2464c4abcf10c957010000005cf79f111f8130c3eee29480", "198.51.100.100", secrets(kSecret), 1559734385);
  CHECK(renewed.state == State::good);
  CHECK(made(renewed) == octets("2464c4abcf10c957010000005cf7a871d4a564a1442aca77"));

  // Reserved octets that are not zero count for the hash and are not repeated.
  const char* const strange = "fc93fc62807ddb8601abcdef5cf78f71a314227b6679ebf5";
  CHECK(check(strange, "203.0.113.203", secrets(kSecret), 1559727985).state == State::good);
  CHECK(made(check(strange, "203.0.113.203", secrets(kSecret), 1559734700)) ==
        octets("fc93fc62807ddb86010000005cf7a9acf73a7810aca2381e"));

  const auto rolled =
      check("22681ab97d52c298010000005cf7c57926556bd0934c72f8", "2001:db8:220:1:59de:d0f4:8769:82b8",
            secrets("445536bcd2513298075a5d379663c962\ndd3bdf9344b678b185a6f5cb60fca715\n"), 1559741961);
  CHECK(rolled.state == State::good);
  CHECK(made(rolled) == octets("22681ab97d52c298010000005cf7c609a6bb79d16625507a"));
}

TEST_CASE("cookies that are not good: another client's, another secret's, too old, from the future, of other lengths") {
  using State = serve::CookieState;
  const char* const good = "2464c4abcf10c957010000005cf79f111f8130c3eee29480";
  const auto state = [&](const char* cookie, const char* client, const char* secret, std::int64_t now) {
    return check(cookie, client, secrets(secret), now).state;
  };
  CHECK(state(good, "198.51.100.100", kSecret, 1559731985) == State::good);
  CHECK(state(good, "198.51.100.101", kSecret, 1559731985) == State::unproven);
  CHECK(state(good, "198.51.100.100", "445536bcd2513298075a5d379663c962", 1559731985) == State::unproven);
  CHECK(state(good, "198.51.100.100", kSecret, 1559731985 + 3600) == State::good);
  CHECK(state(good, "198.51.100.100", kSecret, 1559731985 + 3601) == State::unproven);
  CHECK(state(good, "198.51.100.100", kSecret, 1559731985 - 300) == State::good);
  CHECK(state(good, "198.51.100.100", kSecret, 1559731985 - 301) == State::unproven);
  CHECK(state("2464c4abcf10c9570200000000000000000000000000000000", "198.51.100.100", kSecret, 0) == State::unproven);
  for (const char* length : {"", "01", "2464c4abcf10c9", "2464c4abcf10c95701", "2464c4abcf10c95701020304050607"})
    CHECK(state(length, "198.51.100.100", kSecret, 0) == State::malformed);
  CHECK(state(std::string(80, '0').c_str(), "198.51.100.100", kSecret, 0) == State::unproven);
  CHECK(state(std::string(82, '0').c_str(), "198.51.100.100", kSecret, 0) == State::malformed);
}

TEST_CASE("a file of secrets is read, and its errors name the line but not the secret") {
  CHECK(secrets("# ours\n\nE5E973e5a6b2a43f48e7dc849e37bfcf\r\n445536bcd2513298075a5d379663c962").size() == 2);
  const auto bad = serve::parse_cookie_secrets("e5e973e5a6b2a43f48e7dc849e37bfcf\nabcd\n");
  REQUIRE_FALSE(bad);
  CHECK_THAT(bad.error(), Catch::StartsWith("line 2: ") && !Catch::Contains("abcd"));
  CHECK_FALSE(serve::parse_cookie_secrets(""));
  CHECK_FALSE(serve::parse_cookie_secrets("# none\n"));
  CHECK_FALSE(serve::parse_cookie_secrets("g5e973e5a6b2a43f48e7dc849e37bfcf"));
  std::string many;
  for (int i = 0; i < 4; ++i) many += std::string(kSecret) + "\n";
  CHECK_FALSE(serve::parse_cookie_secrets(many));
}

TEST_CASE("an answer carries the server's cookie, the server's id and the keepalive time to who asks for them") {
  House house;
  house.snapshot.options.cookie_secrets = secrets(kSecret);
  house.snapshot.options.nsid = {'n', 's', '1'};
  house.publish();
  using Code = wire::OptionCode;
  const auto client_part = octets("2464c4abcf10c957");
  const auto first = house.ask({.owner = "www.example.org.",
                                .options = {{Code::cookie, client_part},
                                            {Code::nsid, {}},
                                            {Code::tcp_keepalive, {}},
                                            {Code::client_subnet, {0, 1, 24, 0, 192, 0, 2}},
                                            {static_cast<Code>(65'001), {1, 2, 3}}}});
  CHECK(texts(first, wire::Section::answer) == Lines{"www.example.org. A 192.0.2.80"});  // it waited for a resolution
  const auto cookie = option_of(first, Code::cookie);
  REQUIRE(cookie.size() == 24);
  CHECK(std::equal(client_part.begin(), client_part.end(), cookie.begin()));
  CHECK(option_of(first, Code::nsid) == std::vector<std::uint8_t>{'n', 's', '1'});
  CHECK(option_of(first, Code::tcp_keepalive) == std::vector<std::uint8_t>{0, 25});  // tenths of a second
  CHECK(option_of(first, Code::client_subnet).empty());
  CHECK(option_of(first, static_cast<Code>(65'001)).empty());
  const auto hit = house.ask({.owner = "www.example.org.", .stream = false, .options = {{Code::cookie, cookie}}});
  CHECK(option_of(hit, Code::cookie) == cookie);
  CHECK(option_of(house.ask({.owner = "www.example.org.", .stream = false, .options = {{Code::tcp_keepalive, {}}}}),
                  Code::tcp_keepalive)
            .empty());
  CHECK(rcode(house.ask({.owner = "www.example.org.", .options = {{Code::cookie, {1, 2, 3}}}})) ==
        wire::Rcode::formerr);
  CHECK(house.counters.bad_cookies.get() == 0);
  auto forged = cookie;
  forged.back() ^= 1;
  CHECK(rcode(house.ask({.owner = "www.example.org.", .options = {{Code::cookie, forged}}})) == wire::Rcode::noerror);
  CHECK(house.counters.bad_cookies.get() == 1);
}

TEST_CASE("a packet without a question but with a cookie learns the server's") {
  House house;
  house.snapshot.options.cookie_secrets = secrets(kSecret);
  house.publish();
  std::vector<std::uint8_t> packet(64);
  wire::MessageWriter writer(packet, packet.size());
  writer.header({});
  const auto client_part = octets("2464c4abcf10c957");
  const wire::MessageWriter::EdnsOption cookie{10, client_part};
  writer.edns(1232, false, wire::Rcode::noerror, {&cookie, 1});
  packet.resize(writer.finish()->size());
  const auto answer = house.packet(packet);
  CHECK(rcode(answer) == wire::Rcode::noerror);
  CHECK(option_of(answer, wire::OptionCode::cookie).size() == 24);
}

TEST_CASE("where cookies are required, BADCOOKIE brings one, and nobody is asked until it comes back") {
  House house;
  house.snapshot.options.cookie_secrets = secrets(kSecret);
  house.snapshot.options.cookies_required = true;
  house.publish();
  using Code = wire::OptionCode;
  Asked asked{.owner = "www.example.org.", .stream = false, .options = {{Code::cookie, octets("2464c4abcf10c957")}}};
  const auto bad = house.ask(asked);
  CHECK(rcode(bad) == wire::Rcode::badcookie);
  CHECK(house.counters.answers[23].get() == 1);
  asked.options.clear();
  CHECK(wire::parse_message(house.ask(asked))->header().tc);
  CHECK(house.world.asked == 0);
  asked.options = {{Code::cookie, option_of(bad, Code::cookie)}};
  house.ask(asked);
  CHECK(house.world.asked == 1);
  asked.options.clear();
  asked.stream = true;
  CHECK(texts(house.ask(asked), wire::Section::answer).size() == 1);
}

}  // namespace placard
