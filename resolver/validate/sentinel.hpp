// The root key trust anchor sentinel (RFC 8509): two names by which anybody can ask whether a resolver trusts a key.
#pragma once

#include "resolver/validate/anchors.hpp"

namespace placard::validate {

/// Whether an answer to this question, secure and asked for without CD, is to be SERVFAIL: "root-key-sentinel-is-ta-N"
/// of a key that is no trust anchor of the root, or "-not-ta-N" of one that is (RFC 8509 3.1). A and AAAA only.
bool sentinel_fails(wire::NameView name, wire::RecordType type, const Anchors& anchors);

}  // namespace placard::validate
