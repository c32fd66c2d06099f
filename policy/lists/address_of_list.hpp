// The addresses that hosts files and dnsmasq put beside names. Internal to policy/lists.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "policy/lists/list_sink.hpp"

namespace placard::policy {

/// What an address beside a name says. Lists have the same one in millions of lines, so the last one is remembered.
class ListedAddress {
 public:
  enum class Kind : std::uint8_t {
    none,   ///< no address
    null,   ///< nowhere or this host: the name is to be blocked
    other,  ///< a redirect to somebody
  };
  Kind read(std::string_view text);
  /// Of the last one that was `other`.
  const LocalRecord& record() const { return record_; }

 private:
  std::string last_;
  Kind kind_ = Kind::none;
  LocalRecord record_;
};

}  // namespace placard::policy
