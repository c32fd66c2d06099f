// Who is known to serve a name, without asking: what rules about name servers are held against.
#include "resolver/recurse/name_servers.hpp"

#include <catch2/catch.hpp>

#include "tests/names.hpp"
#include "tests/resolver/recurse/cached.hpp"

namespace placard::recurse {
namespace {

using placard::tests::name;

}  // namespace

TEST_CASE("names below a stub zone of one label have that zone's servers") {
  Cache cache({});
  wire::RecordSet ns;
  ns.owner = name("corp.");
  ns.type = wire::RecordType::ns;
  ns.ttl = 3600;
  ns.rdatas.add(name("ns1.corp.").view().bytes());
  (void)cache.store(ns, Credibility::answer_aa, kNow);
  const auto servers_of = [&](const std::vector<Forward>& forwards) {
    std::vector<std::string> names;
    for (const auto& server : known_servers(cache, forwards, name("www.corp."), kNow))
      names.push_back(server.name.to_text());
    return names;
  };
  CHECK(servers_of({}).empty());  // a top-level domain is everybody's
  Forward stub{name("corp."), {*net::Endpoint::from_text("192.0.2.53", 53)}, false};
  stub.stub = true;
  CHECK(servers_of({stub}) == std::vector<std::string>{".", "ns1.corp."});
}

}  // namespace placard::recurse
