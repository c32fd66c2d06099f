// Where messages about whole zones go: NOTIFY, UPDATE, AXFR and IXFR leave the answer path here, and what comes back
// goes to the client from wherever it is made.
//
// A worker hands over the octets and a Reply and forgets both; ZoneKeeper takes them on its own thread. A transfer is
// sent in chunks, each only after the client has taken the one before, so it costs a worker nothing but writing.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "resolver/net/address.hpp"

namespace placard::transfer {

/// The way back to one client. Destroyed without a last send(): there is no answer.
class Reply {
 public:
  virtual ~Reply() = default;
  using Messages = std::vector<std::vector<std::uint8_t>>;
  /// Whole messages, in order; more than one, or a call that is not the last, over TCP only. `taken` is called once, on
  /// any thread: true when the client has taken them, false when it is gone.
  virtual void send(Messages messages, bool last, std::function<void(bool)> taken) = 0;
  virtual void abort() = 0;  ///< breaks the connection off
};

struct ZoneRequest {
  std::vector<std::uint8_t> message;
  net::Address client;
  net::Endpoint listener;  ///< where it came in
  bool stream = false;     ///< over TCP
  std::shared_ptr<Reply> reply;
};

class ZoneDesk {
 public:
  virtual ~ZoneDesk() = default;
  /// From any thread; returns at once. False: too much is waiting, and nothing was taken.
  virtual bool take(ZoneRequest&& request) = 0;
};

}  // namespace placard::transfer
