// Whom to ask about a zone: a delegation, and the list of its servers while one question is put to them.
//
// ServerList knows which addresses there are, which of them is worth asking next, and which name servers have no known
// address yet. It asks nobody; ask.cpp does. Its size is bounded by servers_per_zone and addresses_per_server.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "resolver/recurse/resolver.hpp"

namespace placard::recurse {

/// Where a question goes: to the servers that a parent, the hints, or the configuration (a stub, a forward) name, or to
/// a zone of our own.
struct Delegation {
  EntryPointer entry;                   ///< NS set and glue; null for the configured
  const Forward* configured = nullptr;  ///< its servers, with their ports
  std::optional<wire::Name> local;      ///< the zone is read, and nobody is asked
  bool cached = false;                  ///< it was known before this question came

  wire::NameView zone() const {
    if (local) return *local;
    return configured ? configured->zone.view() : entry->set.owner.view();
  }
};

/// False for what is never a name server on the Internet: 0/8, multicast, broadcast, reserved, v4-mapped; and, unless
/// `loopback`, 127/8 and ::1.
bool usable_address(const net::Address& address, bool loopback);

/// One address of a name server, and how far we are with it in this question.
struct Server {
  net::Endpoint endpoint;
  std::uint16_t name = 0;  ///< number of its NS record; of no meaning for configured ones
  std::uint32_t tries = 0;
  bool exhausted = false;  ///< has said, or failed to say, all that it will
  bool lame = false;       ///< known for not serving the zone: last resort
  ServerFacts facts;
};

class ServerList {
 public:
  struct World {
    const ResolverOptions& options;
    const Cache& cache;
    const ServerTable& servers;
    Network& network;
    const std::vector<net::Endpoint>& distrusted;
  };
  ServerList(const World& world, const Delegation& delegation);

  /// The server to ask next, by expected time, now and then another one to see how it does. Null: none is left.
  Server* best();
  /// A last server is worth more patience.
  bool is_last(const Server& server) const;
  /// The next name server that has no address yet, in random order. Each once.
  std::optional<wire::Name> next_glueless();
  bool add(const wire::RecordSet& addresses);  ///< false: none in it that we may ask
  /// When all else failed: addresses that the parents of the name servers gave as glue, where the servers' own zones
  /// say otherwise. Once; true when there are some.
  bool add_parent_side();
  std::string describe(const Server& server) const;  ///< "ns1.example. (192.0.2.1)"
  bool empty() const { return servers_.empty(); }
  /// There are servers, and all of them have left several questions in a row unanswered, not long ago.
  bool silent() const;
  /// Every server that is left was lame or silent of late: a name server not looked up yet may be better.
  bool only_bad_ones() const;

 private:
  void add_names();
  bool add_address(const net::Endpoint& endpoint, std::uint16_t name);  ///< false: one that we may not ask
  bool add_set(const wire::RecordSet& addresses, std::uint16_t number);
  bool add_cached(wire::NameView name, wire::RecordType type, std::uint16_t number);
  double cost(const Server& server) const;

  const World world_;
  const Delegation& delegation_;
  std::vector<Server> servers_;
  std::vector<wire::Name> glueless_;  // taken from the back
  bool parent_side_added_ = false;
};

}  // namespace placard::recurse
