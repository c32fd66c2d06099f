// The tree: names that exist, those that only lie between, cuts, wildcards; and zones among each other.
#include "tests/zones/asking.hpp"

using namespace asking;
using wire::RecordType;

TEST_CASE("zone: nodes stand in canonical order, with empty non-terminals, in whatever order they came") {
  const auto zone = zone_file("tree.zone", "example.org");
  const auto nodes = zone.nodes();
  for (std::size_t i = 1; i < nodes.size(); ++i) {
    INFO(nodes[i].name().to_text());
    CHECK(canonical_order(nodes[i - 1].name(), nodes[i].name()) == std::strong_ordering::less);
    CHECK(zone.find(nodes[i].name().parent()) != nullptr);
    CHECK(zone.find(nodes[i].name()) == &nodes[i]);
  }
  for (const char* between :
       {"b.c.example.org", "c.example.org", "_tcp.example.org", "wild.example.org", "y.wild.example.org"}) {
    INFO(between);
    REQUIRE(zone.find(name(between)) != nullptr);
    CHECK(zone.find(name(between))->is_empty());
  }
  CHECK(zone.find(name("nowhere.example.org")) == nullptr);
  CHECK(zone.find(name("WWW.Example.ORG")) != nullptr);
  CHECK(zone.origin() == name("example.org"));
  CHECK(&zone.apex() == zone.find(name("example.org")));
}

TEST_CASE("zone: closest enclosers, wildcards and cuts") {
  const auto zone = zone_file("tree.zone", "example.org");
  const auto encloser = [&](const char* text) { return zone.closest_encloser(name(text)).name().to_text(); };
  CHECK(encloser("www.example.org") == "www.example.org.");
  CHECK(encloser("x.www.example.org") == "www.example.org.");
  CHECK(encloser("a.b.nowhere.example.org") == "example.org.");
  CHECK(encloser("z.c.example.org") == "c.example.org.");
  CHECK(zone.wildcard_below(*zone.find(name("wild.example.org")))->name() == name("*.wild.example.org"));
  CHECK(zone.wildcard_below(zone.apex()) == nullptr);
  const auto cut = [&](const char* text) {
    const auto* node = zone.cut_of(*zone.find(name(text)));
    return node == nullptr ? std::string("none") : node->name().to_text();
  };
  CHECK(cut("sub.example.org") == "sub.example.org.");
  CHECK(cut("ns.sub.example.org") == "sub.example.org.");
  CHECK(cut("deep.far.example.org") == "far.example.org.");
  CHECK(cut("d.example.org") == "none");
  CHECK(cut("example.org") == "none");
}

TEST_CASE("zone: the topmost cut counts, and NSEC below a cut does not") {
  const auto zone = asking::zone(
      "$TTL 60\n@ SOA ns.x. h.x. 1 2 3 4 5\n@ NS ns.x.\n@ NSEC sub A\nsub NS ns.x.\nsub NSEC @ NS\nb.sub NS "
      "ns.x.\nb.sub NSEC x NS\n"
      "d DNAME a.x.\nsub.d NS ns.x.\n",
      "z");
  CHECK(zone.cut_of(*zone.find(name("b.sub.z")))->name() == name("sub.z"));
  CHECK(zone.cut_of(*zone.find(name("sub.d.z")))->name() == name("d.z"));
  CHECK(zone.nsec_at_or_before(name("zz.z"))->name() == name("sub.z"));
  CHECK(zone.nsec_at_or_before(name("c.sub.z"))->name() == name("sub.z"));
  CHECK(zone.nsec_at_or_before(name("a.z"))->name() == name("z"));
  CHECK(zone.nsec_at_or_before(name("y")) == nullptr);
}

TEST_CASE("zone: the root can be one") {
  const auto zone = asking::zone(
      "$TTL 60\n. SOA a. b. 1 2 3 4 5\n. NS a.\na. A 192.0.2.1\norg. NS ns.org.\nns.org. A 192.0.2.2\n", ".");
  CHECK(zone.closest_encloser(name("x.y")).name().is_root());
  CHECK(zone.cut_of(zone.closest_encloser(name("example.org")))->name() == name("org"));
  CHECK_FALSE(zone.is_signed());
}

TEST_CASE("zone: it can be moved, and what it gave out stays") {
  auto first = zone_file("rfc4592.zone", "example");
  const auto* node = first.find(name("host1.example"));
  const auto second = std::make_shared<const zones::Zone>(std::move(first));
  CHECK(second->find(name("host1.example")) == node);
  CHECK(node->name() == name("host1.example"));
}

TEST_CASE("zone: the builder refuses what is not for it") {
  zones::ZoneBuilder builder(name("z"));
  const std::vector<std::uint8_t> octets = {1, 2, 3};
  CHECK_FALSE(builder.add(name("y"), RecordType::a, 0, octets));
  CHECK_FALSE(builder.add(name("z"), RecordType::a, 0, octets));
  CHECK_FALSE(builder.add(name("z"), RecordType::ns, 0, octets));
  CHECK_FALSE(builder.add(name("z"), RecordType::rrsig, 0, octets));
  CHECK_FALSE(builder.add(name("z"), RecordType::any, 0, octets));
  CHECK(builder.add(name("z"), RecordType::txt, 0, octets));
  CHECK_FALSE(builder.build());
}

namespace {

std::shared_ptr<const zones::Zone> make(std::string_view origin) {
  return std::make_shared<const zones::Zone>(asking::zone("$TTL 60\n@ SOA ns.x. h.x. 1 2 3 4 5\n@ NS ns.x.\n", origin));
}

}  // namespace

TEST_CASE("zone set: the longest origin wins, DS goes to the parent") {
  const zones::ZoneSet set({make("org"), make("a.b.example.org"), make("Example.org"), make("net")});
  const auto found = [&](std::string_view text, RecordType type = RecordType::a) {
    const auto* zone = set.find(name(text), type);
    return zone == nullptr ? std::string("none") : zone->origin().to_text();
  };
  CHECK(set.size() == 4);
  CHECK(set.zones().size() == 4);
  CHECK(found("www.example.ORG") == "Example.org.");
  CHECK(found("b.example.org") == "Example.org.");
  CHECK(found("x.a.b.example.org") == "a.b.example.org.");
  CHECK(found("org") == "org.");
  CHECK(found("com") == "none");
  CHECK(found(".") == "none");
  CHECK(found("example.org", RecordType::ds) == "org.");
  CHECK(found("www.example.org", RecordType::ds) == "Example.org.");
  CHECK(found("a.b.example.org", RecordType::ds) == "Example.org.");
  CHECK(found("net", RecordType::ds) == "net.");  // the parent is not here
  CHECK(zones::ZoneSet().find(name("org"), RecordType::a) == nullptr);
  CHECK(zones::ZoneSet({make(".")}).find(name("org"), RecordType::ds) != nullptr);
}

TEST_CASE("a zone that could not be loaded is still ours, but not where a deeper one is") {
  const zones::ZoneSet set({make("deep.broken.org"), make("org")}, {name("broken.org"), name("net")});
  CHECK(set.is_unavailable(name("www.broken.org")));
  CHECK(set.is_unavailable(name("broken.org")));
  CHECK(set.is_unavailable(name("NET")));
  CHECK_FALSE(set.is_unavailable(name("www.deep.broken.org")));
  CHECK_FALSE(set.is_unavailable(name("other.org")));
  CHECK_FALSE(set.is_unavailable(name("com")));
}
