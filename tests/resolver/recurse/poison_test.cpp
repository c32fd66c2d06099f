// Liars beside honest servers: whatever the zones of liars say, about whom and in which section, every resolution ends,
// and what honest zones say of their own names is what clients get.
#include <catch2/catch.hpp>

#include <array>
#include <memory>

#include "resolver/validate/anchors.hpp"
#include "tests/names.hpp"
#include "tests/resolver/recurse/fake_network.hpp"
#include "zones/wire/ldns_adapter.hpp"

namespace placard::recurse {
namespace {

using placard::tests::name;
using wire::RecordType;
using wire::Section;

/// The root and two domains below it are honest, with an honest zone each beside one of a liar; "liar." is a liar's.
class LiarsWorld {
 public:
  explicit LiarsWorld(std::uint64_t seed) : random_(seed) {}

  std::optional<FakeNetwork::Answer> operator()(const Outgoing& asked) {
    FakeNetwork::Answer answer;
    answer.delay = below(30) == 0 ? below(4'000) : 1 + below(60);
    const std::string server = asked.server.address.to_text();
    if (!server.starts_with("198.18.")) {
      if (below(40) == 0) return std::nullopt;
      answer.result = honest(asked, server);
      return answer;
    }
    if (below(12) == 0) return std::nullopt;
    if (below(12) == 0) {
      answer.result = std::unexpected(static_cast<NetworkError>(below(7)));
      return answer;
    }
    answer.result = lie(asked);
    if (below(20) == 0) {
      auto& bytes = *answer.result;
      for (std::size_t i = below(6); i > 0; --i)
        bytes[below(bytes.size())] ^= static_cast<std::uint8_t>(1U << below(8));
    }
    return answer;
  }

  std::string some_name() {
    static const std::vector<std::string> kNames = {
        ".",           "good.",         "h.good.",       "www.h.good.",   "ns.h.good.", "new.h.good.", "e.good.",
        "www.e.good.", "ns.e.good.",    "a.b.c.e.good.", "other.",        "h.other.",   "liar.",       "x.liar.",
        "ns.liar.",    "y.x.liar.",     "*.liar.",       "www.h.other.",  "e.other.",   "ns.e.other.", "_x.e.good.",
        "root.test.",  "ns.nic.good.",  "ns.nic.other.", "test.",         "d.e.good.",  "w.d.e.good.", "f.w.d.e.good.",
        "www.liar.",   "alias.h.good.", "none.h.good.",  "w.none.h.good."};
    return kNames[below(kNames.size())];
  }
  std::size_t below(std::size_t limit) { return static_cast<std::size_t>(random_() % limit); }

 private:
  struct Draft {
    explicit Draft(const Outgoing& asked) : writer(buffer, buffer.size()), asked_(asked) {
      header.qr = true;
      writer.header(header);
      writer.question(asked.question.name, asked.question.type, asked.question.record_class);
    }
    void put(Section section, const std::string& line) {
      const auto record = wire::record_from_text(line, wire::NameView{}, 300);
      if (!record) throw std::runtime_error(line + ": " + record.error());
      writer.record(section, record->owner, record->type, record->record_class, record->ttl, record->rdata);
    }
    std::vector<std::uint8_t> bytes() {
      writer.set_flags(header);
      const auto written = writer.finish();
      return {written->begin(), written->end()};
    }
    std::array<std::uint8_t, 8192> buffer{};
    wire::Header header;
    wire::MessageWriter writer;
    const Outgoing& asked_;
  };

  static std::vector<std::uint8_t> honest(const Outgoing& asked, const std::string& server) {
    Draft draft(asked);
    const wire::NameView at = asked.question.name;
    const auto below_of = [&](const char* zone) { return at.is_subdomain_of(name(zone)); };
    const auto refer = [&](const std::string& zone, const std::string& host, const std::string& address) {
      draft.put(Section::authority, zone + " NS " + host);
      if (!address.empty()) draft.put(Section::additional, host + " A " + address);
      return draft.bytes();
    };
    const bool parent_asked = asked.question.type == RecordType::ds;
    if (server == "198.51.100.1") {
      if (at.is_root() && asked.question.type == RecordType::ns) {
        draft.header.aa = true;
        draft.put(Section::answer, ". NS root.test.");
        draft.put(Section::additional, "root.test. A 198.51.100.1");
        return draft.bytes();
      }
      for (const char* zone : {"good.", "other.", "liar."}) {
        if (!below_of(zone) || (parent_asked && at == name(zone))) continue;
        const std::string host = zone == std::string("liar.") ? "ns.liar." : std::string("ns.nic.") + zone;
        const std::string address = zone == std::string("good.")    ? "192.0.2.1"
                                    : zone == std::string("other.") ? "192.0.2.2"
                                                                    : "198.18.0.1";
        return refer(zone, host, address);
      }
      return deny(draft, ".", at.label_count() < 2 && at != name("test."));
    }
    const bool good = server == "192.0.2.1", other = server == "192.0.2.2";
    const std::string tld = good ? "good." : "other.";
    if (good || other) {
      if (at == name("ns.nic." + tld)) return own(draft, asked, tld, good ? "192.0.2.1" : "192.0.2.2");
      if (below_of(("h." + tld).c_str()) && !(parent_asked && at == name("h." + tld)))
        return good ? refer("h.good.", "ns.h.good.", "192.0.2.3") : refer("h.other.", "ns.h.good.", "");
      if (below_of(("e." + tld).c_str()) && !(parent_asked && at == name("e." + tld)))
        return refer("e." + tld, good ? "ns.e.good." : "ns.liar.", good ? "198.18.0.2" : "");
      return deny(draft, tld,
                  at == name(tld) || at == name("nic." + tld) || at == name("e." + tld) || at == name("h." + tld));
    }
    const std::string zone = below_of("h.good.") ? "h.good." : "h.other.";
    if (!below_of(zone.c_str())) {
      draft.header.rcode = 5;
      return draft.bytes();
    }
    if (at == name("ns.h.good.")) return own(draft, asked, zone, "192.0.2.3");
    if (at == name("www." + zone)) return own(draft, asked, zone, "203.0.113.7");
    if (at == name("alias." + zone) && asked.question.type != RecordType::cname) {
      draft.header.aa = true;
      draft.put(Section::answer, "alias." + zone + " CNAME www." + zone);
      draft.put(Section::answer, "www." + zone + " A 203.0.113.7");
      return draft.bytes();
    }
    return deny(draft, zone, at == name(zone));
  }
  static std::vector<std::uint8_t> own(Draft& draft, const Outgoing& asked, const std::string& zone,
                                       const std::string& address) {
    if (asked.question.type != RecordType::a) return deny(draft, zone, true);
    draft.header.aa = true;
    draft.put(Section::answer, asked.question.name.to_text() + " A " + address);
    return draft.bytes();
  }
  static std::vector<std::uint8_t> deny(Draft& draft, const std::string& zone, bool exists) {
    draft.header.aa = true;
    draft.header.rcode = exists ? 0 : 3;
    draft.put(Section::authority, zone + " SOA a. b. 1 2 3 4 60");
    return draft.bytes();
  }

  std::string record_of(const std::string& owner) {
    static const std::array<const char*, 6> kTtls = {"0", "1", "30", "300", "86400", "2147483647"};
    const std::string start = owner + " " + kTtls[below(kTtls.size())] + " IN ";
    switch (below(16)) {
      case 0:
      case 1:
      case 2:
        return start + "A 198.18.9." + std::to_string(below(4));
      case 3:
        return start + "AAAA 2001:db8::bad";
      case 4:
      case 5:
        return start + "NS " + (below(2) == 0 ? "ns.liar." : some_name());
      case 6:
      case 7:
      case 8:
        return start + "CNAME " + some_name();
      case 9:
      case 10:
        return start + "DNAME " + some_name();
      case 11:
        return start + "SOA ns.liar. b. 1 2 3 4 300";
      case 12:
        return start + "DS 1 13 2 " + std::string(64, 'A');
      case 13:
        return start + "DNSKEY 257 3 13 " + std::string(84, 'A') + "AAA=";
      case 14:
        return start + "NSEC " + some_name() + " A NS RRSIG NSEC";
      default:
        return start + "RRSIG " + (below(2) == 0 ? "A" : "CNAME") + " 13 " + std::to_string(below(4)) +
               " 300 20400101000000 20200101000000 1 " + some_name() + " " + std::string(86, 'A') + "==";
    }
  }
  std::vector<std::uint8_t> lie(const Outgoing& asked) {
    Draft draft(asked);
    const std::string asked_name = asked.question.name.to_text();
    draft.header.aa = below(4) != 0;
    draft.header.tc = below(30) == 0;
    static const std::array<std::uint8_t, 12> kRcodes = {0, 0, 0, 0, 0, 0, 3, 3, 2, 5, 6, 1};
    draft.header.rcode = kRcodes[below(kRcodes.size())];
    const auto owner = [&]() -> std::string {
      switch (below(4)) {
        case 0:
          return some_name();
        case 1:
          return wire::Name(asked.question.name.view().suffix(below(asked.question.name.view().label_count() + 1)))
              .to_text();
        default:
          return asked_name;
      }
    };
    std::string next = asked_name;
    for (std::size_t i = below(5); i > 0; --i) {
      if (below(3) == 0) {
        draft.put(Section::answer, record_of(owner()));
      } else if (below(2) == 0) {
        const std::string target = some_name();
        draft.put(Section::answer, next + " 300 CNAME " + target);
        next = target;
      } else {
        draft.put(Section::answer, next + " 300 A 198.18.9.1");
      }
    }
    for (std::size_t i = below(4); i > 0; --i) draft.put(Section::authority, record_of(owner()));
    for (std::size_t i = below(4); i > 0; --i)
      draft.put(Section::additional,
                owner() + " 300 A 198.18." + std::to_string(below(2)) + "." + std::to_string(1 + below(2)));
    return draft.bytes();
  }

  std::mt19937_64 random_;
};

/// No answer about an honest zone's own name has an address of a liar.
void check_honest(const wire::Question& question, const Resolved& resolved) {
  for (const auto& entry : resolved.answer) {
    const auto& set = entry->set;
    const bool honest = set.owner.view().is_subdomain_of(name("h.good.")) ||
                        set.owner.view().is_subdomain_of(name("h.other.")) ||
                        set.owner.view().is_subdomain_of(name("nic.good."));
    INFO(question.name.to_text() << " " << wire::to_text(question.type) << ": " << set.owner.to_text() << " "
                                 << wire::to_text(set.type));
    if (!honest) continue;
    if (set.type == RecordType::cname) {
      REQUIRE(set.owner.view().first_label()[0] == 'a');
      continue;
    }
    REQUIRE(set.type == RecordType::a);
    for (const auto rdata : set.rdatas) REQUIRE((rdata[0] == 203 || rdata[0] == 192));
  }
  if (question.name == name("www.h.good.") && question.type == RecordType::a)
    REQUIRE((resolved.rcode == wire::Rcode::noerror || resolved.rcode == wire::Rcode::servfail));
}

TEST_CASE("liars make no honest name say anything else") {
  std::size_t answered = 0, honest = 0;
  for (std::uint64_t seed = 1; seed <= 150; ++seed) {
    INFO("seed " << seed);
    auto world = std::make_shared<LiarsWorld>(seed);
    LiarsWorld dice(seed * 7'919);
    ResolverOptions options;
    options.root_hints.push_back({name("root.test."), *net::Address::from_text("198.51.100.1")});
    options.qname_minimisation = seed % 3 != 0;
    if (seed % 2 == 0) {
      auto anchors = std::make_shared<validate::Anchors>();
      const std::string zone = seed % 4 == 0 ? "liar." : "e.good.";
      REQUIRE(anchors->add(zone + " DS 1 13 2 " + std::string(64, 'A')));
      options.validation.anchors = anchors;
    }
    if (seed % 5 == 0) {
      Forward forward;
      forward.zone = name(seed % 10 == 0 ? "liar." : "d.e.good.");
      forward.servers.push_back({*net::Address::from_text("198.18.0.1"), 53});
      forward.stub = seed % 15 == 0;
      forward.first = seed % 20 == 0;
      options.forwards.push_back(forward);
    }
    CacheLimits limits;
    limits.memory = 1U << 20U;
    Bench bench([world](const Outgoing& asked) { return (*world)(asked); }, options, limits, seed);
    static const std::array<RecordType, 12> kTypes = {
        RecordType::a,     RecordType::a,     RecordType::a,   RecordType::a,  RecordType::aaaa,   RecordType::ns,
        RecordType::cname, RecordType::dname, RecordType::any, RecordType::ds, RecordType::dnskey, RecordType::rrsig};
    std::vector<std::pair<wire::Question, std::unique_ptr<Bench::Client>>> clients;
    for (int round = 0; round < 25; ++round) {
      wire::Question question;
      const bool sure = dice.below(3) == 0;
      question.name = name(sure ? "www.h.good." : dice.some_name());
      question.type = sure ? RecordType::a : kTypes[dice.below(kTypes.size())];
      clients.emplace_back(question, bench.ask(question, dice.below(10) == 0));
      switch (dice.below(8)) {
        case 0:
          clients.erase(clients.begin() + static_cast<std::ptrdiff_t>(dice.below(clients.size())));
          break;
        case 1:
          bench.cache->flush_subtree(name(dice.some_name()));
          break;
        case 2:
          bench.network.advance(dice.below(400'000));
          break;
        case 3:
        case 4:
          for (std::size_t i = dice.below(30); i > 0; --i) bench.network.step();
          break;
        default:
          break;
      }
      if (dice.below(3) != 0) continue;
      for (auto& [asked, client] : clients) {
        bench.finish(*client);
        REQUIRE(client->done);
        check_honest(asked, client->resolved);
        ++answered;
        honest += asked.name == name("www.h.good.") && client->resolved.answer.size() == 1;
      }
      clients.clear();
    }
    for (auto& [asked, client] : clients) {
      bench.finish(*client);
      REQUIRE(client->done);
      check_honest(asked, client->resolved);
    }
    clients.clear();
    while (!bench.resolver.in_flight().empty() && bench.network.step()) {
    }
    REQUIRE(bench.resolver.in_flight().empty());
  }
  CHECK(answered > 0);
  CHECK(honest > answered / 10);
}

}  // namespace
}  // namespace placard::recurse
