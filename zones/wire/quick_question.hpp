// The ordinary question of a client, read in one pass: one question, no other records but perhaps an OPT of version 0
// without options other than a cookie. That is what nearly every packet is; parse_message reads the others.
//
// Whatever is accepted here parse_message accepts too, and reads alike (a fuzz target compares them).
#pragma once

#include "zones/wire/message.hpp"
#include "zones/wire/suffixes.hpp"

namespace placard::wire {

/// Borrows from the packet.
struct QuickQuestion {
  std::uint16_t id;
  bool recursion_desired, checking_disabled, authentic_data;  ///< RD, CD, AD
  bool edns, dnssec_ok;
  std::uint16_t udp_size;  ///< as the client says, at least 512; 512 without EDNS
  RecordType type;
  RecordClass record_class;
  NameView asked;  ///< in the packet, with the client's case
  Bytes cookie;    ///< the COOKIE option's data (RFC 7873); empty: none. Its length is checked by nobody yet
  Suffixes name;   ///< without hashes: who looks up by them makes them (make_hashes)

  /// False when the packet is anything else; then nothing in here means anything.
  bool parse(Bytes packet);

 private:
  bool parse_name(Bytes packet);  ///< into `asked` and `name`
  bool parse_opt(Bytes opt);
};

}  // namespace placard::wire
