// Names as people write them and as the store keeps them.
//
// In: A-labels or U-labels (IDNA2008, RFC 5891, through libidn2), with or without the last dot. What is no host name
// (a URL, a port, a wildcard, an address) is refused with the way to write it. Out: A-labels in lower case without the
// last dot, and the key with the labels in reverse that makes a name and all below it one range.
#pragma once

#include <expected>
#include <optional>
#include <string>
#include <string_view>

#include "zones/wire/name.hpp"

namespace placard::policy {

/// The error says what is wrong and, where it can be guessed, what to write. Letters come out in lower case.
std::expected<wire::Name, std::string> name_from_writing(std::string_view text);

/// "kiwifarms.net"; "." for the root.
std::string stored_name(wire::NameView name);

/// "net.kiwifarms"; empty for the root. All names below x have keys that start with key_of(x) + ".": a dot inside of a
/// label stands as "\." and starts no such key.
std::string stored_key(wire::NameView name);
/// The name of such a key; nothing when it is none.
std::optional<wire::Name> name_from_key(std::string_view key);

}  // namespace placard::policy
