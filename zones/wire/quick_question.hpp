// The ordinary question of a client, read in one pass: one question, no other records but perhaps an OPT of version 0
// without options other than a cookie. That is what nearly every packet is; parse_message reads the others.
//
// Whatever is accepted here parse_message accepts too, and reads alike (a fuzz target compares them).
#pragma once

#include "zones/wire/hashed_name.hpp"
#include "zones/wire/message.hpp"

namespace placard::wire {

/// Borrows from the packet. On the stack: about 1.5 kilooctets, of which only what the name needs is touched.
struct QuickQuestion {
  std::uint16_t id;
  bool recursion_desired, checking_disabled, authentic_data;  ///< RD, CD, AD
  bool edns, dnssec_ok;
  std::uint16_t udp_size;  ///< as the client says, at least 512; 512 without EDNS
  RecordType type;
  RecordClass record_class;
  NameView asked;  ///< in the packet, with the client's case
  Bytes cookie;    ///< the COOKIE option's data (RFC 7873); empty: none. Its length is checked by nobody yet
  HashedName name;

  /// False when the packet is anything else; then nothing in here means anything.
  bool parse(Bytes packet, std::uint64_t seed);

 private:
  bool parse_name(Bytes packet);  ///< into `asked` and `name`, without hashes
  bool parse_opt(Bytes opt);
};

}  // namespace placard::wire
