// What a request to the notice page asks for: which host, in which language, in which format.
//
// Everything here is an untrusted stranger's bytes: each function is total, bounded and allocates little. Header
// fields are read as RFC 9110 12.5 says; what cannot be read counts as absent, because a visitor is owed the notice
// however odd the browser.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "zones/wire/name.hpp"

namespace placard::policy {

struct NoticeRequest {
  std::string method = "GET";
  std::string host;  ///< the Host field as it came, port and all; empty when absent
  std::string target =
      "/";             ///< origin-form with its query, still percent-encoded; "lang" and "format" are read from it
  std::string accept;  ///< the Accept field, or empty
  std::string accept_language;  ///< the Accept-Language field, or empty
};

enum class NoticeHostKind : std::uint8_t {
  name,     ///< a host name
  address,  ///< an IP address: the visitor came to the notice server itself
  invalid,  ///< neither
};

struct NoticeHost {
  NoticeHostKind kind = NoticeHostKind::invalid;
  wire::Name name;  ///< lower case; the root unless kind is name
};

/// Reads a Host field (RFC 9110 7.2): port and trailing dot are dropped; labels of letters, digits, "-" and "_" only.
NoticeHost parse_notice_host(std::string_view host);

enum class NoticeFormat : std::uint8_t { html, json, text };

/// By "format=html|json|text" in the target's query, else by Accept (RFC 9110 12.5.1). HTML wins ties and is the answer
/// to "*/*", to nothing, and to what we do not have.
NoticeFormat negotiate_format(std::string_view target, std::string_view accept);

/// The position in `available` (lower-case primary subtags, the first the default) of the best language:
/// "lang=xx" in the target's query where it names one of them, else Accept-Language (RFC 9110 12.5.4) by the lookup of
/// RFC 4647 3.4. At most 1,000 octets and 32 ranges are read; a range of weight 0 excludes its language.
std::size_t negotiate_language(std::string_view target, std::string_view accept_language,
                               std::span<const std::string> available);

}  // namespace placard::policy
