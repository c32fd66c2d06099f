// Transfers: what TransferOut sends TransferIn takes, and nothing else; differences and the editor behind them.
#include <array>
#include <catch2/catch.hpp>

#include "tests/names.hpp"
#include "zones/load.hpp"
#include "zones/serial.hpp"
#include "zones/transfer_in.hpp"
#include "zones/transfer_out.hpp"

using namespace placard;
using namespace placard::zones;
using wire::RecordType;

namespace {

constexpr std::uint64_t kNow = 1'800'000'000;

using placard::tests::name;

std::shared_ptr<const Zone> zone_of(std::uint32_t serial, const std::string& more) {
  const std::string text = "$TTL 300\n@ SOA ns hostmaster " + std::to_string(serial) +
                           " 3600 600 86400 60\n@ NS ns\nns A 192.0.2.1\n" + more;
  auto zone = parse_zone(text, name("example.org"));
  INFO(text);
  if (!zone) FAIL(to_text(zone.error()));
  return std::make_shared<const Zone>(*std::move(zone));
}

std::vector<std::uint8_t> question(RecordType type, std::optional<std::uint32_t> serial, TsigSigner* signer = nullptr) {
  std::vector<std::uint8_t> buffer(65535);
  wire::MessageWriter writer(buffer, buffer.size());
  writer.header({.id = 4711});
  writer.question(name("example.org"), type, wire::RecordClass::in);
  if (serial) {
    const auto soa = wire::make_soa_rdata({name("ns"), name("h"), *serial, 0, 0, 0, 0});
    writer.record(wire::Section::authority, name("example.org"), RecordType::soa, wire::RecordClass::in, 0, soa);
  }
  std::size_t size = writer.finish()->size();
  if (signer != nullptr) size = *signer->sign(buffer, size, kNow);
  buffer.resize(size);
  return buffer;
}

using Stream = std::vector<std::vector<std::uint8_t>>;

Stream send(const std::vector<std::uint8_t>& asked, std::unique_ptr<RecordSource> source,
            std::optional<TsigSigner> signer = {}) {
  TransferOut out(*wire::parse_message(asked), std::move(source), std::move(signer));
  Stream stream;
  std::vector<std::uint8_t> buffer(65535);
  for (;;) {
    const auto size = out.next(buffer, kNow);
    REQUIRE(size);
    if (*size == 0) return stream;
    stream.emplace_back(buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(*size));
  }
}

std::expected<Transferred, TransferError> receive(const Stream& stream, std::optional<std::uint32_t> have,
                                                  std::optional<TsigVerifier> verifier = {},
                                                  TransferLimits limits = {}) {
  TransferIn in(name("example.org"), have, 4711, std::move(verifier), limits);
  for (std::size_t i = 0; i < stream.size(); ++i) {
    const auto taken = in.take(stream[i], kNow);
    if (!taken) return std::unexpected(taken.error());
    if (*taken == TransferIn::Progress::done) {
      CHECK(i + 1 == stream.size());
      return in.result();
    }
  }
  return std::unexpected(TransferError{TransferFailure::broken, "unfinished"});
}

Zone build(const RecordList& records) {
  ZoneBuilder builder(name("example.org"));
  for (const RecordRef record : records) REQUIRE(builder.add(record.owner, record.type, record.ttl, record.rdata));
  auto zone = builder.build();
  REQUIRE(zone);
  return *std::move(zone);
}

bool same(const Zone& a, const Zone& b) {
  const auto changes = difference(a, b);
  return a.serial() == b.serial() && changes.removed.size() == 1 && changes.added.size() == 1 &&
         std::ranges::equal((*changes.removed.begin()).rdata, (*changes.added.begin()).rdata);
}

/// A message of these records, as a primary that lies would write it.
std::vector<std::uint8_t> forged(const std::vector<std::pair<RecordType, std::uint32_t>>& records,
                                 wire::Header header = {.id = 4711, .qr = true, .aa = true}) {
  std::vector<std::uint8_t> buffer(65535);
  wire::MessageWriter writer(buffer, buffer.size());
  writer.header(header);
  for (const auto& [type, value] : records) {
    std::vector<std::uint8_t> rdata = {192, 0, 2, static_cast<std::uint8_t>(value)};
    if (type == RecordType::soa) rdata = wire::make_soa_rdata({name("ns"), name("h"), value, 0, 0, 0, 0});
    writer.record(wire::Section::answer, name("example.org"), type, wire::RecordClass::in, 60, rdata);
  }
  buffer.resize(writer.finish()->size());
  return buffer;
}

}  // namespace

TEST_CASE("serials go round (RFC 1982)") {
  CHECK(is_newer(2, 1));
  CHECK_FALSE(is_newer(1, 1));
  CHECK(is_newer(5, 0xfffffff0));
  CHECK_FALSE(is_newer(0xfffffff0, 5));
  CHECK_FALSE(is_newer(0x80000001, 1));
  CHECK(next_serial(0xffffffff) == 1);
}

TEST_CASE("AXFR: a whole zone over many messages, signed and not") {
  std::string many;
  for (int i = 0; i < 5000; ++i)
    many += "n" + std::to_string(i) + " 60 TXT \"" + std::string(static_cast<std::size_t>(i % 200), 'x') + "\"\n";
  const auto zone = zone_of(7, many);
  const auto shared = std::make_shared<TsigKey>(name("k"), TsigAlgorithm::hmac_sha256, std::vector<std::uint8_t>(32));
  TsigSigner asking(shared);
  const bool is_signed = GENERATE(false, true);
  const auto asked = question(RecordType::axfr, {}, is_signed ? &asking : nullptr);
  std::optional<TsigSigner> answering;
  std::optional<TsigVerifier> verifier;
  if (is_signed) {
    TsigKeyring keys;
    keys.add(shared);
    answering = check_request(*wire::parse_message(asked), keys, kNow).answer;
    verifier.emplace(asking);
  }
  const auto stream = send(asked, axfr_of(zone), answering);
  CHECK(stream.size() > 20);
  for (const auto& message : stream) CHECK(message.size() <= TransferOut::kMessageSize);
  const auto got = receive(stream, {}, std::move(verifier));
  REQUIRE(got);
  CHECK(got->full);
  CHECK(got->serial == 7);
  CHECK(got->records.size() == zone->record_count());
  CHECK(same(build(got->records), *zone));
}

TEST_CASE("a record larger than a message's usual size still goes out") {
  std::string text = "big TXT";
  for (int i = 0; i < 100; ++i) text += " \"" + std::string(250, 'y') + "\"";
  const auto zone = zone_of(1, text + "\n");
  const auto got = receive(send(question(RecordType::axfr, {}), axfr_of(zone)), {});
  REQUIRE(got);
  CHECK(same(build(got->records), *zone));
}

TEST_CASE("IXFR: differences lead from each version to the newest") {
  const auto v1 = zone_of(1, "a A 192.0.2.1\na A 192.0.2.2\nb TXT \"old\"\nc 60 MX 10 mail\n");
  const auto v2 = zone_of(2, "a A 192.0.2.2\nb TXT \"new\"\nc 90 MX 10 mail\nd.e.f AAAA ::1\n");
  const auto v3 = zone_of(3, "a A 192.0.2.2\n");
  const auto first = std::make_shared<const ChangeSet>(difference(*v1, *v2));
  const auto second = std::make_shared<const ChangeSet>(difference(*v2, *v3));
  CHECK(first->removed.size() == 4);  // the SOA, an address, a text, a TTL
  CHECK(first->added.size() == 4);

  const auto got = receive(send(question(RecordType::ixfr, 1), ixfr_of(v3, {first, second})), 1);
  REQUIRE(got);
  REQUIRE(got->changes.size() == 2);
  ZoneEditor editor(v1);
  for (const auto& changes : got->changes) REQUIRE(editor.apply(changes));
  const auto made = editor.build();
  REQUIRE(made);
  CHECK(same(*made, *v3));
  const auto net = editor.changes();
  CHECK(net.from == 1);
  CHECK(net.to == 3);
  ZoneEditor at_once(v1);
  REQUIRE(at_once.apply(net));
  CHECK(same(*at_once.build(), *v3));

  CHECK_FALSE(ZoneEditor(v2).apply(*first));  // from another serial
  const auto at_end = receive(send(question(RecordType::ixfr, 3), soa_of(v3)), 3);
  REQUIRE(at_end);
  CHECK(at_end->up_to_date);
  const auto behind = receive(send(question(RecordType::ixfr, 1), soa_of(v3)), 1);
  REQUIRE(behind);
  CHECK(behind->wants_full);
  const auto whole = receive(send(question(RecordType::ixfr, 1), axfr_of(v3)), 1);
  REQUIRE(whole);
  CHECK(whole->full);
  CHECK(same(build(whole->records), *v3));
  CHECK(serial_of_ixfr(*wire::parse_message(question(RecordType::ixfr, 42))) == 42);
  CHECK_FALSE(serial_of_ixfr(*wire::parse_message(question(RecordType::ixfr, {}))));
}

TEST_CASE("differences that contradict the zone change nothing") {
  const auto v1 = zone_of(1, "a A 192.0.2.1\n");
  const auto v2 = zone_of(2, "a A 192.0.2.2\n");
  ChangeSet changes = difference(*v1, *v2);
  const std::uint8_t address[] = {192, 0, 2, 99};
  SECTION("takes away what is not there") {
    changes.removed.add(name("a.example.org"), RecordType::a, 1, address);
  }
  SECTION("adds what is there") {
    changes.added.add(name("a.example.org"), RecordType::a, 300, address);
    changes.added.add(name("a.example.org"), RecordType::a, 300, address);
  }
  SECTION("another zone's name") {
    changes.added.add(name("example.com"), RecordType::a, 300, address);
  }
  SECTION("without the SOA") {
    changes.added = {};
    changes.added.add(name("a.example.org"), RecordType::a, 300, address);
  }
  ZoneEditor editor(v1);
  CHECK_FALSE(editor.apply(changes));
}

TEST_CASE("sequences that are no transfer are refused") {
  using enum RecordType;
  const auto full = [](std::vector<std::pair<RecordType, std::uint32_t>> records) {
    return receive({forged(records)}, {});
  };
  CHECK(full({{soa, 5}, {a, 1}, {soa, 5}}));
  CHECK(full({{a, 1}, {soa, 5}}).error().kind == TransferFailure::misordered);
  CHECK(full({{soa, 5}, {soa, 5}}).error().kind == TransferFailure::misordered);
  CHECK(full({{soa, 5}, {a, 1}, {soa, 6}}).error().kind == TransferFailure::misordered);
  CHECK(full({{soa, 5}, {a, 1}, {soa, 5}, {a, 1}}).error().kind == TransferFailure::misordered);
  CHECK(full({}).error().kind == TransferFailure::broken);
  CHECK(full({{soa, 5}, {a, 1}}).error().reason == "unfinished");

  const auto part = [](std::vector<std::pair<RecordType, std::uint32_t>> records) {
    return receive({forged(records)}, 3);
  };
  CHECK(part({{soa, 5}, {soa, 3}, {a, 1}, {soa, 4}, {a, 2}, {soa, 4}, {soa, 5}, {soa, 5}}));
  CHECK_FALSE(part({{soa, 5}, {soa, 2}, {soa, 5}, {soa, 5}}));            // not from ours
  CHECK_FALSE(part({{soa, 5}, {soa, 3}, {soa, 4}, {soa, 3}, {soa, 5}}));  // a gap
  CHECK_FALSE(part({{soa, 5}, {soa, 3}, {soa, 2}, {soa, 2}, {soa, 5}}));  // backwards
  CHECK_FALSE(part({{soa, 5}, {soa, 3}, {soa, 3}, {soa, 3}, {soa, 5}}));  // nowhere
  CHECK_FALSE(part({{soa, 5}, {soa, 3}, {soa, 5}, {soa, 6}}));            // does not end as it began
  CHECK(part({{soa, 3}})->up_to_date);
  CHECK(part({{soa, 2}})->up_to_date);
}

TEST_CASE("messages that are no answer are refused") {
  using enum RecordType;
  const std::vector<std::pair<RecordType, std::uint32_t>> records = {{soa, 5}, {a, 1}, {soa, 5}};
  CHECK_FALSE(receive({forged(records, {.id = 1, .qr = true})}, {}));
  CHECK_FALSE(receive({forged(records, {.id = 4711})}, {}));
  CHECK_FALSE(receive({forged(records, {.id = 4711, .qr = true, .tc = true})}, {}));
  CHECK(receive({forged({}, {.id = 4711, .qr = true, .rcode = 5})}, {}).error().kind == TransferFailure::refused);
  CHECK_FALSE(receive({std::vector<std::uint8_t>(20, 0xff)}, {}));
  // The answer to a question about something else.
  CHECK_FALSE(receive(send(question(ixfr, 1), soa_of(zone_of(2, ""))), {}));
}

TEST_CASE("endless transfers end at the limits") {
  using enum RecordType;
  TransferLimits limits;
  limits.records = 1000;
  TransferIn by_records(name("example.org"), {}, 4711, {}, limits);
  REQUIRE(by_records.take(forged({{soa, 5}}), kNow));
  std::optional<TransferError> error;
  for (int i = 0; i < 1001 && !error; ++i)
    if (const auto taken = by_records.take(forged({{a, 1}}), kNow); !taken) error = taken.error();
  REQUIRE(error);
  CHECK(error->kind == TransferFailure::too_large);

  limits = {};
  limits.unpacked = 1000;
  TransferIn by_unpacked(name("example.org"), {}, 4711, {}, limits);
  REQUIRE(by_unpacked.take(forged({{soa, 5}}), kNow));
  error.reset();
  for (int i = 0; i < 1000 && !error; ++i)
    if (const auto taken = by_unpacked.take(forged({{a, 1}}), kNow); !taken) error = taken.error();
  REQUIRE(error);
  CHECK(error->kind == TransferFailure::too_large);

  limits = {};
  limits.messages = 10;
  TransferIn by_messages(name("example.org"), {}, 4711, {}, limits);
  REQUIRE(by_messages.take(forged({{soa, 5}}), kNow));
  int taken = 0;
  while (by_messages.take(forged({}), kNow)) REQUIRE(++taken < 10);
}

TEST_CASE("record lists survive being written out, broken ones do not") {
  const auto zone = zone_of(1, "a A 192.0.2.1\nb MX 5 a\n");
  RecordList list;
  auto source = axfr_of(zone);
  while (const auto record = source->next()) list.add(*record);
  const auto back = RecordList::parse(list.octets());
  REQUIRE(back);
  CHECK(*back == list);
  CHECK(back->size() == list.size());
  for (std::size_t size = 1; size < list.octets().size(); ++size) {
    const auto cut = RecordList::parse(list.octets().first(size));
    if (cut) CHECK(cut->size() < list.size());
  }
}
