// Getting a zone, or what has changed of it, from one primary: the SOA over UDP, then IXFR or AXFR over TCP.
//
// What comes out has gone through zones/transfer_in and is whole, or it is an error; nothing is stored here. Zones and
// policy feeds use it alike. The answer to IXFR that cannot be used is followed by AXFR on a new connection.
#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <optional>

#include "resolver/net/address.hpp"
#include "resolver/net/loop.hpp"
#include "resolver/transfer/client.hpp"
#include "zones/transfer_in.hpp"

namespace placard::transfer {

struct FetchTimes {
  net::Milliseconds soa = 2'000;  ///< each of the tries over UDP
  int soa_tries = 3;
  net::Milliseconds connect = 10'000;
  net::Milliseconds message = 30'000;   ///< from one message of a transfer to the next
  net::Milliseconds whole = 3'600'000;  ///< of a transfer
};

struct FetchRequest {
  wire::Name origin;
  net::Endpoint primary;
  zones::SharedTsigKey key;           ///< null: unsigned
  std::optional<std::uint32_t> have;  ///< our serial; nothing: all of it is wanted, whatever the primary's serial
  bool ask_first = true;              ///< with `have`: the SOA alone over UDP before anything else
  bool incremental = true;            ///< with `have`: IXFR before AXFR
  zones::TransferLimits limits;
  FetchTimes times;
};

/// The SOA's serial at the primary, over UDP and where that is silent or truncated over TCP.
net::Task<std::expected<std::uint32_t, zones::TransferError>> fetch_serial(net::Loop& loop, FetchRequest request);
net::Task<std::expected<zones::Transferred, zones::TransferError>> fetch(net::Loop& loop, FetchRequest request);
/// AXFR whatever we have.
net::Task<std::expected<zones::Transferred, zones::TransferError>> fetch_whole(net::Loop& loop, FetchRequest request);

}  // namespace placard::transfer
