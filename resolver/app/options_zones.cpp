// The options of own zones and of the keys that are shared with other servers.
#include <array>

#include "resolver/app/options_rows.hpp"

namespace placard::app {
namespace {

zones::SigningPolicy& signing(Options& options) {
  return options.reloadable.zones.back().signing;
}

/// One that cannot be used where the text is none; read_zone_setup() says so.
wire::Algorithm signing_algorithm(const std::string& text) {
  if (text == "ecdsap256sha256") return wire::Algorithm::ecdsap256sha256;
  return text == "ed25519" ? wire::Algorithm::ed25519 : wire::Algorithm{};
}

using enum OptionKind;
using O = Options;
using V = const OptionValue;

constexpr std::array kZoneRows = {
    // [[key]]
    Option{"key", "name", name, 0, 0, R"("transfer.example")", "", kReload, kRequired,
           "Its name, the same on both ends.", [](O& o, V& v) { o.reloadable.keys.back().name = v.name; }},
    Option{"key", "algorithm", text, 1, 32, R"("hmac-sha256")", "", kReload, kOptional,
           "hmac-sha1, hmac-sha224, hmac-sha256, hmac-sha384 or hmac-sha512.",
           [](O& o, V& v) { o.reloadable.keys.back().algorithm = v.text; }},
    Option{"key", "secret", text, 0, 1024, R"("")", "", kReload, kOptional,
           "The secret in base64; better in a file that only the server may read.",
           [](O& o, V& v) { o.reloadable.keys.back().secret = v.text; }},
    Option{"key", "secret_file", path, 0, 4096, R"("")", "", kReload, kOptional, "A file with the secret in base64.",
           [](O& o, V& v) { o.reloadable.keys.back().secret_file = v.text; }},
    // [[zone]]
    Option{"zone", "name", name, 0, 0, R"("example.org")", "", kReload, kRequired, "The zone's apex.",
           [](O& o, V& v) { o.reloadable.zones.back().name = v.name; }},
    Option{"zone", "file", path, 1, 4096, R"("example.org.zone")", "", kReload, kOptional,
           "Its master file; of a secondary what is served until the first transfer.",
           [](O& o, V& v) { o.reloadable.zones.back().file = v.text; }},
    Option{"zone", "listen", endpoints, 53, 0, R"(["127.0.0.9:5300"])", "", kReload, kOptional,
           "Answer for it on these addresses alone, which answer nothing else. A new address needs a restart.",
           [](O& o, V& v) { o.reloadable.zones.back().listen = v.endpoints; }},
    Option{"zone", "primaries", endpoints, 53, 0, R"(["192.0.2.1"])", "", kReload, kOptional,
           "Servers to follow: the zone is theirs, kept as a secondary, and served from its last transfer after a "
           "restart.",
           [](O& o, V& v) { o.reloadable.zones.back().primaries = v.endpoints; }},
    Option{"zone", "primary_key", name, 0, 0, R"("transfer.example")", "", kReload, kOptional,
           "The [[key]] that questions to the primaries are signed with.",
           [](O& o, V& v) { o.reloadable.zones.back().primary_key = v.name; }},
    Option{"zone", "allow_notify", prefixes, 0, 0, R"(["192.0.2.0/24"])", "", kReload, kOptional,
           "Who besides the primaries may say that there is something new.",
           [](O& o, V& v) { o.reloadable.zones.back().notify_from.prefixes = v.prefixes; }},
    Option{"zone", "allow_transfer", prefixes, 0, 0, R"(["192.0.2.0/24"])", "", kReload, kOptional,
           "Who may have the whole zone (AXFR, IXFR); with transfer_keys as well, both must fit. Neither: nobody.",
           [](O& o, V& v) { o.reloadable.zones.back().transfer.prefixes = v.prefixes; }},
    Option{"zone", "transfer_keys", names, 0, 0, R"(["transfer.example"])", "", kReload, kOptional,
           "The [[key]]s of which a transfer must be signed with one.",
           [](O& o, V& v) { o.reloadable.zones.back().transfer.keys = lowered(v.names); }},
    Option{"zone", "notify", endpoints, 53, 0, R"(["192.0.2.2"])", "", kReload, kOptional,
           "Secondaries that are told of each new version.",
           [](O& o, V& v) { o.reloadable.zones.back().notify = v.endpoints; }},
    Option{"zone", "notify_key", name, 0, 0, R"("transfer.example")", "", kReload, kOptional,
           "The [[key]] that they are told with.", [](O& o, V& v) { o.reloadable.zones.back().notify_key = v.name; }},
    Option{"zone", "allow_update", prefixes, 0, 0, R"(["192.0.2.9/32"])", "", kReload, kOptional,
           "Who may change it by dynamic update (RFC 2136); with update_keys as well, both must fit. Neither: nobody.",
           [](O& o, V& v) { o.reloadable.zones.back().update.prefixes = v.prefixes; }},
    Option{"zone", "update_keys", names, 0, 0, R"(["transfer.example"])", "", kReload, kOptional,
           "The [[key]]s of which an update must be signed with one.",
           [](O& o, V& v) { o.reloadable.zones.back().update.keys = lowered(v.names); }},
    Option{"zone", "catalog", text, 0, 8, R"("")", "", kReload, kOptional,
           "\"consume\": the zones that this one lists (RFC 9432) are followed at the same primaries, with the same "
           "options; \"produce\": it is made of the zones that name it in member_of, and wants no file.",
           [](O& o, V& v) { o.reloadable.catalogs.emplace_back(o.reloadable.zones.size() - 1, v.text); }},
    Option{"zone", "policy_of", text, 1, 64, R"("default")", "", kReload, kOptional,
           "It is a policy zone (RPZ) of what is decided for this view, for others to follow by AXFR and IXFR; clients "
           "who ask see its SOA and NS alone. Wants no file.",
           [](O& o, V& v) { o.reloadable.zones.back().policy_of = v.text; }},
    Option{"zone", "policy_undisclosed", boolean, 0, 0, "false", "", kReload, kOptional,
           "Names of sealed and delayed decisions stand in it too, without a word about them.",
           [](O& o, V& v) { o.reloadable.zones.back().policy_undisclosed = v.boolean; }},
    Option{"zone", "member_of", name, 0, 0, R"("catalog.example")", "", kReload, kOptional,
           "The catalog of ours that lists it.", [](O& o, V& v) { o.reloadable.zones.back().member_of = v.name; }},
    Option{"zone", "group", text, 0, 255, R"("")", "", kReload, kOptional, "Its group in that catalog.",
           [](O& o, V& v) { o.reloadable.zones.back().group = v.text; }},
    Option{"zone", "for_clients", boolean, 0, 0, "true", "", kReload, kOptional, "Answer clients from it.",
           [](O& o, V& v) { o.reloadable.zones.back().for_clients = v.boolean; }},
    Option{"zone", "for_recursion", boolean, 0, 0, "false", "", kReload, kOptional,
           "Recursion reads it instead of asking its servers: the root, say (RFC 8806).",
           [](O& o, V& v) { o.reloadable.zones.back().for_recursion = v.boolean; }},
    Option{"zone", "fallback", boolean, 0, 0, "true", "", kReload, kOptional,
           "While it cannot be read, recursion asks its servers after all; false: SERVFAIL.",
           [](O& o, V& v) { o.reloadable.zones.back().fallback = v.boolean; }},
    Option{"zone", "sign", boolean, 0, 0, "false", "", kReload, kOptional,
           "Sign it here (DNSSEC): keys are made and rolled over, signatures kept fresh.",
           [](O& o, V& v) { o.reloadable.zones.back().sign = v.boolean; }},
    Option{"zone", "sign_algorithm", text, 1, 32, R"("ecdsap256sha256")", "", kReload, kOptional,
           "ecdsap256sha256 or ed25519; of a signed zone another one means a roll-over that waits for the parent.",
           [](O& o, V& v) { signing(o).keys.algorithm = signing_algorithm(v.text); }},
    Option{"zone", "nsec3", boolean, 0, 0, "false", "", kReload, kOptional,
           "Deny names by NSEC3, without salt and iterations (RFC 9276), instead of NSEC.",
           [](O& o, V& v) { signing(o).nsec3 = v.boolean; }},
    Option{"zone", "key_folder", path, 1, 4096, R"("keys")", "", kReload, kOptional,
           "Where its keys are kept; without it in keys of the state directory.",
           [](O& o, V& v) { o.reloadable.zones.back().key_folder = v.text; }},
    Option{"zone", "signature_lifetime", integer, 60, 31'536'000, "1209600", "seconds", kReload, kOptional,
           "For how long signatures are good.", [](O& o, V& v) { signing(o).lifetime = number(v); }},
    Option{"zone", "signature_refresh", integer, 1, 31'535'999, "604800", "seconds", kReload, kOptional,
           "So long before they lapse they are made anew.", [](O& o, V& v) { signing(o).refresh = number(v); }},
    Option{"zone", "dnskey_ttl", integer, 0, 604'800, "3600", "seconds", kReload, kOptional,
           "TTL of DNSKEY, CDS and CDNSKEY.", [](O& o, V& v) { signing(o).keys.dnskey_ttl = number(v); }},
    Option{"zone", "zsk_lifetime", integer, 0, 315'360'000, "2592000", "seconds", kReload, kOptional,
           "After which the key that signs the records is rolled over; 0: only when it is ordered.",
           [](O& o, V& v) { signing(o).keys.zsk_lifetime = number(v); }},
    Option{"zone", "ksk_lifetime", integer, 0, 315'360'000, "0", "seconds", kReload, kOptional,
           "The same of the key that the parent's DS names.",
           [](O& o, V& v) { signing(o).keys.ksk_lifetime = number(v); }},
    Option{"zone", "propagation", integer, 0, 604'800, "3600", "seconds", kReload, kOptional,
           "Until every secondary has a new version: what roll-overs wait for on top of TTLs.",
           [](O& o, V& v) { signing(o).keys.propagation = number(v); }},
    Option{"zone", "ds_ttl", integer, 0, 604'800, "86400", "seconds", kReload, kOptional,
           "TTL of the DS at the parent.", [](O& o, V& v) { signing(o).keys.ds_ttl = number(v); }},
};

}  // namespace

std::span<const Option> zone_options() {
  return kZoneRows;
}

}  // namespace placard::app
