// TSIG: both ends of an exchange, every error of RFC 8945, and streams.
#include "tests/names.hpp"
#include "zones/tsig.hpp"

#include <array>
#include <catch2/catch.hpp>

#include "zones/wire/octets.hpp"
#include "zones/wire/writer.hpp"

using namespace placard;
using namespace placard::zones;

namespace {

constexpr std::uint64_t kSignedAt = 1'800'000'000;

using placard::tests::name;

SharedTsigKey key(std::string_view of = "k.example", TsigAlgorithm algorithm = TsigAlgorithm::hmac_sha256,
                  std::uint8_t secret = 7) {
  return std::make_shared<TsigKey>(name(of), algorithm, std::vector<std::uint8_t>(32, secret));
}

struct Packet {
  std::array<std::uint8_t, 65535> octets;
  std::size_t size = 0;
  wire::Bytes bytes() const { return {octets.data(), size}; }
  wire::MessageView view() const { return *wire::parse_message(bytes()); }
  void sign(TsigSigner& signer, std::uint64_t now = kSignedAt) { size = *signer.sign(octets, size, now); }
};

Packet message(bool answer, std::uint16_t id = 99, bool records = true) {
  Packet packet;
  wire::MessageWriter writer(packet.octets, packet.octets.size());
  writer.header({.id = id, .qr = answer});
  writer.question(name("example.org"), wire::RecordType::a, wire::RecordClass::in);
  const std::uint8_t address[] = {192, 0, 2, 1};
  if (answer && records)
    writer.record(wire::Section::answer, name("example.org"), wire::RecordType::a, wire::RecordClass::in, 60, address);
  packet.size = writer.finish()->size();
  return packet;
}

TsigKeyring ring(const SharedTsigKey& one) {
  TsigKeyring keys;
  keys.add(one);
  return keys;
}

}  // namespace

TEST_CASE("a signed question and its signed answer, with each algorithm") {
  const auto algorithm = GENERATE(TsigAlgorithm::hmac_sha1, TsigAlgorithm::hmac_sha224, TsigAlgorithm::hmac_sha256,
                                  TsigAlgorithm::hmac_sha384, TsigAlgorithm::hmac_sha512);
  CHECK(tsig_algorithm_from_text(to_text(algorithm)) == algorithm);
  const auto shared = key("K.Example", algorithm);
  TsigSigner asking(shared);
  Packet question = message(false);
  const std::size_t bare = question.size;
  question.sign(asking);
  CHECK(question.size - bare <= asking.record_size());

  auto check = check_request(question.view(), ring(shared), kSignedAt + 5);
  REQUIRE(check.verdict == TsigVerdict::good);
  CHECK(check.key == shared);
  CHECK(check.unsigned_size == bare);

  Packet answer = message(true);
  answer.sign(*check.answer);
  TsigVerifier verifier(asking);
  CHECK_FALSE(verifier.complete());
  REQUIRE(verifier.check(answer.view(), kSignedAt));
  CHECK(verifier.complete());
}

TEST_CASE("a question that somebody forwarded under another id is still signed") {
  const auto shared = key();
  TsigSigner asking(shared);
  Packet question = message(false);
  question.sign(asking);
  question.octets[0] ^= 0x55;
  CHECK(check_request(question.view(), ring(shared), kSignedAt).verdict == TsigVerdict::good);
}

TEST_CASE("no signature is no signature") {
  const Packet question = message(false);
  const auto check = check_request(question.view(), ring(key()), kSignedAt);
  CHECK(check.verdict == TsigVerdict::unsigned_);
  CHECK_FALSE(check.answer);
  CHECK(check.unsigned_size == question.size);
}

TEST_CASE("an unknown key, another algorithm: BADKEY, unsigned") {
  for (const auto& theirs : {key("other.example"), key("k.example", TsigAlgorithm::hmac_sha512)}) {
    TsigSigner asking(theirs);
    Packet question = message(false);
    question.sign(asking);
    auto check = check_request(question.view(), ring(key()), kSignedAt);
    REQUIRE(check.verdict == TsigVerdict::rejected);
    CHECK(check.error == TsigError::badkey);
    Packet answer = message(true, 99, false);
    answer.sign(*check.answer);
    const auto tsig = *find_tsig(answer.view());
    REQUIRE(tsig);
    CHECK(tsig->mac.empty());
    CHECK(tsig->error == 17);
    CHECK(tsig->key_name == theirs->name());
    TsigVerifier verifier(asking);
    const auto verified = verifier.check(answer.view(), kSignedAt);
    REQUIRE_FALSE(verified);
    CHECK(verified.error().starts_with("BADKEY"));
  }
}

TEST_CASE("another secret, a changed octet: BADSIG, unsigned") {
  TsigSigner asking(key("k.example", TsigAlgorithm::hmac_sha256, 8));
  Packet question = message(false);
  question.sign(asking);
  auto check = check_request(question.view(), ring(key()), kSignedAt);
  REQUIRE(check.verdict == TsigVerdict::rejected);
  CHECK(check.error == TsigError::badsig);
  Packet answer = message(true, 99, false);
  answer.sign(*check.answer);
  TsigVerifier verifier(asking);
  CHECK(verifier.check(answer.view(), kSignedAt).error().starts_with("BADSIG"));

  TsigSigner right(key());
  Packet changed = message(false);
  changed.sign(right);
  changed.octets[2] ^= 0x01;  // RD
  CHECK(check_request(changed.view(), ring(key()), kSignedAt).error == TsigError::badsig);
}

TEST_CASE("BADTIME is signed and carries the server's time") {
  const auto shared = key();
  TsigSigner asking(shared);
  Packet question = message(false);
  question.sign(asking, kSignedAt - 301);
  auto check = check_request(question.view(), ring(shared), kSignedAt);
  REQUIRE(check.verdict == TsigVerdict::rejected);
  CHECK(check.error == TsigError::badtime);
  Packet answer = message(true, 99, false);
  answer.sign(*check.answer);
  const auto tsig = *find_tsig(answer.view());
  REQUIRE(tsig);
  CHECK(tsig->mac.size() == 32);
  CHECK(tsig->other.size() == 6);
  CHECK(tsig->time_signed == kSignedAt - 301);
  TsigVerifier verifier(asking);
  CHECK(verifier.check(answer.view(), kSignedAt - 301).error().find("BADTIME") != std::string::npos);

  question = message(false);
  TsigSigner again(shared);
  question.sign(again, kSignedAt - 300);
  CHECK(check_request(question.view(), ring(shared), kSignedAt).verdict == TsigVerdict::good);
}

TEST_CASE("truncated signatures: BADTRUNC when right, FORMERR below the standard's least") {
  const auto shared = key();
  const auto cut_to = [&](std::size_t size, bool spoil) {
    TsigSigner asking(shared);
    Packet question = message(false);
    question.sign(asking);
    const auto tsig = *find_tsig(question.view());
    const std::size_t mac = static_cast<std::size_t>(tsig->mac.data() - question.octets.data());
    const std::size_t gone = 32 - size;
    std::copy(question.octets.begin() + static_cast<std::ptrdiff_t>(mac) + 32,
              question.octets.begin() + static_cast<std::ptrdiff_t>(question.size),
              question.octets.begin() + static_cast<std::ptrdiff_t>(mac + size));
    wire::store16(question.octets.data() + mac - 2, static_cast<std::uint16_t>(size));
    const std::size_t rdlength = tsig->offset + shared->name().view().size() + 8;
    wire::store16(question.octets.data() + rdlength,
                  static_cast<std::uint16_t>(wire::load16(question.octets.data() + rdlength) - gone));
    question.size -= gone;
    if (spoil) question.octets[mac] ^= 1;
    return check_request(question.view(), ring(shared), kSignedAt);
  };
  CHECK(cut_to(16, false).error == TsigError::badtrunc);
  CHECK(cut_to(16, true).error == TsigError::badsig);
  CHECK(cut_to(15, false).verdict == TsigVerdict::malformed);
  CHECK(cut_to(0, false).verdict == TsigVerdict::malformed);
}

TEST_CASE("streams: each message is signed after the one before it") {
  const auto shared = key();
  TsigSigner asking(shared);
  Packet question = message(false);
  question.sign(asking);
  auto check = check_request(question.view(), ring(shared), kSignedAt);
  REQUIRE(check.answer);
  std::vector<Packet> stream;
  for (int i = 0; i < 4; ++i) {
    stream.push_back(message(true));
    stream.back().sign(*check.answer);
  }
  SECTION("in order") {
    TsigVerifier verifier(asking);
    for (const auto& one : stream) REQUIRE(verifier.check(one.view(), kSignedAt));
    CHECK(verifier.complete());
  }
  SECTION("one left out") {
    TsigVerifier verifier(asking);
    REQUIRE(verifier.check(stream[0].view(), kSignedAt));
    CHECK_FALSE(verifier.check(stream[2].view(), kSignedAt));
  }
  SECTION("one twice") {
    TsigVerifier verifier(asking);
    REQUIRE(verifier.check(stream[0].view(), kSignedAt));
    CHECK_FALSE(verifier.check(stream[0].view(), kSignedAt));
  }
}

TEST_CASE("streams of others: up to 99 unsigned messages in a row, never the first") {
  const auto shared = key();
  TsigSigner asking(shared);
  Packet question = message(false);
  question.sign(asking);
  TsigVerifier bare(asking);
  CHECK_FALSE(bare.check(message(true).view(), kSignedAt));

  auto check = check_request(question.view(), ring(shared), kSignedAt);
  Packet first = message(true);
  first.sign(*check.answer);
  TsigVerifier verifier(asking);
  REQUIRE(verifier.check(first.view(), kSignedAt));
  for (unsigned i = 0; i < kMaxUnsignedMessages; ++i) REQUIRE(verifier.check(message(true).view(), kSignedAt));
  CHECK_FALSE(verifier.complete());
  CHECK_FALSE(verifier.check(message(true).view(), kSignedAt));
}

TEST_CASE("a TSIG that is not the last record, or of another class, is malformed") {
  Packet packet;
  const auto write = [&](wire::RecordClass record_class, bool last) {
    wire::MessageWriter writer(packet.octets, packet.octets.size());
    writer.header({.id = 1});
    writer.question(name("example.org"), wire::RecordType::a, wire::RecordClass::in);
    const wire::Name algorithm = name("hmac-sha256");
    std::vector<std::uint8_t> rdata(algorithm.view().bytes().begin(), algorithm.view().bytes().end());
    rdata.resize(rdata.size() + 16);
    writer.record(wire::Section::additional, name("k.example"), wire::RecordType::tsig, record_class, 0, rdata);
    if (!last) writer.edns(1232, false, wire::Rcode::noerror);
    packet.size = writer.finish()->size();
    return check_request(packet.view(), ring(key()), kSignedAt).verdict;
  };
  CHECK(write(wire::RecordClass::any, false) == TsigVerdict::malformed);
  CHECK(write(wire::RecordClass::in, true) == TsigVerdict::malformed);
  CHECK(write(wire::RecordClass::any, true) == TsigVerdict::malformed);  // no MAC
}

TEST_CASE("secrets are base64") {
  CHECK(tsig_secret_from_text("AAEC Aw==\n") == std::vector<std::uint8_t>{0, 1, 2, 3});
  CHECK_FALSE(tsig_secret_from_text(""));
  CHECK_FALSE(tsig_secret_from_text("not*base64"));
}
