// A port that answers every connection with a reset, at once.
//
// For port 443 of the notice address: a notice over HTTPS would need a certificate for a name that is not ours. A
// browser that is reset says so in an instant, where one that is ignored would make its user wait.
// One thread of its own; holds no connection open and reads none of its octets.
#pragma once

#include <expected>
#include <memory>
#include <string>
#include <vector>

#include "resolver/net/address.hpp"

namespace placard::net {

class ResetListener {
 public:
  /// Listens on all of `endpoints` or fails with a reason that names the one that is in use or forbidden.
  static std::expected<std::unique_ptr<ResetListener>, std::string> start(const std::vector<Endpoint>& endpoints);
  ~ResetListener();                                ///< stops at once
  const std::vector<Endpoint>& endpoints() const;  ///< as bound: port 0 became a real one

 private:
  struct State;
  explicit ResetListener(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace placard::net
