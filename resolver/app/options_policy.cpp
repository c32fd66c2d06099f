// The options of policy: views, feeds, the record and its answers, the notice.
#include <array>

#include "policy/record/written_name.hpp"
#include "resolver/app/options_rows.hpp"

namespace placard::app {
namespace {

using enum OptionKind;
using O = Options;
using V = const OptionValue;

constexpr std::array kPolicyRows = {
    // [[view]]
    Option{"view", "name", text, 1, 64, R"("nz")", "", kReload, kRequired, "Its name.",
           [](O& o, V& v) { o.reloadable.views.back().name = v.text; }},
    Option{"view", "clients", prefixes, 0, 0, R"(["127.0.0.64/26"])", "", kReload, kOptional,
           "Prefixes of its clients.", [](O& o, V& v) { o.reloadable.views.back().clients = v.texts; }},
    Option{"view", "jurisdictions", jurisdictions, 0, 0, R"(["NZ"])", "", kReload, kOptional,
           "ISO 3166 codes; decisions of another territorial scope do not apply.",
           [](O& o, V& v) { o.reloadable.views.back().jurisdictions = v.texts; }},
    Option{"view", "sources", texts, 1, 64, R"(["*"])", "", kReload, kOptional,
           "Authorities, and \"list:ID\" for one list, in the order of their precedence; \"*\" stands for all that are "
           "not named.",
           [](O& o, V& v) { o.reloadable.views.back().sources = v.texts; }},
    Option{"view", "listeners", endpoints, 53, 0, R"(["192.0.2.1:53"])", "", kReload, kOptional,
           "Addresses of the server that its clients ask; none: all.",
           [](O& o, V& v) {
             for (const auto& endpoint : v.endpoints) o.reloadable.views.back().listeners.push_back(endpoint.to_text());
           }},
    Option{"view", "keys", names, 0, 0, R"(["home.example"])", "", kReload, kOptional,
           "[[key]]s of which its clients sign their questions with one; none: signed or not.",
           [](O& o, V& v) {
             for (const auto& name : lowered(v.names))
               o.reloadable.views.back().keys.push_back(policy::stored_name(name));
           }},
    Option{"view", "opted_in", boolean, 0, 0, "false", "", kReload, kOptional,
           "Its clients chose it: blocks that are no orders carry the extended error 17 (filtered).",
           [](O& o, V& v) { o.reloadable.views.back().opted_in = v.boolean; }},
    // [[feed]]
    Option{"feed", "id", text, 1, 64, R"("malware")", "", kReload, kRequired, "Its name: a-z, 0-9 and -.",
           [](O& o, V& v) { o.reloadable.feeds.back().id = v.text; }},
    Option{"feed", "format", text, 1, 16, R"("rpz")", "", kReload, kRequired,
           "domains, hosts, adblock, dnsmasq, rpz, csv or jsonl.",
           [](O& o, V& v) { o.reloadable.feeds.back().format = v.text; }},
    Option{"feed", "path", path, 0, 4096, R"("")", "", kReload, kOptional,
           "A file, read at the start, at each reload, and as refresh says; beside primaries, what is in force until "
           "the first transfer.",
           [](O& o, V& v) { o.reloadable.feeds.back().path = v.text; }},
    Option{"feed", "url", text, 1, 2048, R"("https://lists.example/names.txt")", "", kReload, kOptional,
           "http or https: fetched at intervals, with ETag and If-Modified-Since; what was fetched last stays in the "
           "state directory.",
           [](O& o, V& v) { o.reloadable.feeds.back().url = v.text; }},
    Option{"feed", "refresh", integer, 0, 2'592'000, "0", "seconds", kReload, kOptional,
           "How often a url is fetched or a file looked at for a change, up to a tenth earlier; 0: a url once a day, a "
           "file at the start and at each reload.",
           [](O& o, V& v) { o.reloadable.feeds.back().refresh = number(v); }},
    Option{
        "feed", "stale_after", integer, 0, 31'536'000, "259200", "seconds", kReload, kOptional,
        "Older than this the feed is stale, an alarm in metrics and status; a file without refresh never is. 0: off.",
        [](O& o, V& v) { o.reloadable.feeds.back().stale_after = number(v); }},
    Option{"feed", "timeout", integer, 1, 86'400, "600", "seconds", kReload, kOptional, "Of one fetch in all.",
           [](O& o, V& v) { o.reloadable.feeds.back().timeout = number(v); }},
    Option{"feed", "max_size", size, 1, std::int64_t{16} << 30, R"("1GiB")", "octets", kReload, kOptional,
           "A url that sends more, unpacked, is refused.",
           [](O& o, V& v) { o.reloadable.feeds.back().max_size = static_cast<std::uint64_t>(v.integer); }},
    Option{"feed", "ca_file", path, 0, 4096, R"("")", "", kReload, kOptional,
           "Certificates (PEM) that a server of https is held against, instead of the system's.",
           [](O& o, V& v) { o.reloadable.feeds.back().ca_file = v.text; }},
    Option{"feed", "mandate", text, 1, 64, R"("list-maker")", "", kReload, kOptional,
           "The recorded authority under whose standing mandate the list comes; none: the operator's own.",
           [](O& o, V& v) { o.reloadable.feeds.back().mandate = v.text; }},
    Option{"feed", "match", text, 4, 10, R"("both")", "", kReload, kOptional,
           "exact, subdomains or both, for formats that don't say it: domains, csv, hosts.",
           [](O& o, V& v) { o.reloadable.feeds.back().match = v.text; }},
    Option{"feed", "columns", texts, 1, 16, R"(["-", "name"])", "", kReload, kOptional,
           "Of a csv: name, match, action, ttl, or - for one that is not looked at.",
           [](O& o, V& v) { o.reloadable.feeds.back().columns = v.texts; }},
    Option{"feed", "delimiter", text, 1, 1, R"(",")", "", kReload, kOptional, "Of a csv.",
           [](O& o, V& v) { o.reloadable.feeds.back().delimiter = v.text; }},
    Option{"feed", "skip_lines", integer, 0, 1000, "0", "", kReload, kOptional, "Headings of a csv.",
           [](O& o, V& v) { o.reloadable.feeds.back().skip_lines = number(v); }},
    Option{"feed", "encoding", text, 5, 12, R"("utf-8")", "", kReload, kOptional, "Of a csv; or windows-1251.",
           [](O& o, V& v) { o.reloadable.feeds.back().encoding = v.text; }},
    Option{"feed", "max_rejects", integer, 0, 100, "5", "percent", kReload, kOptional,
           "With more broken lines the whole list is refused and the last good one stays; 0: no limit.",
           [](O& o, V& v) { o.reloadable.feeds.back().max_rejects = number(v); }},
    Option{"feed", "max_growth", integer, 0, 1'000'000, "100", "percent", kReload, kOptional,
           "The same for a list that grew by more; 0: no limit.",
           [](O& o, V& v) { o.reloadable.feeds.back().max_growth = number(v); }},
    Option{"feed", "max_shrink", integer, 0, 100, "30", "percent", kReload, kOptional,
           "The same for one that shrank by more; 0: no limit.",
           [](O& o, V& v) { o.reloadable.feeds.back().max_shrink = number(v); }},
    Option{"feed", "primaries", endpoints, 53, 0, R"(["192.0.2.1"])", "", kReload, kOptional,
           "Servers that the policy zone (RPZ) is transferred from, by IXFR or AXFR; their NOTIFY is followed.",
           [](O& o, V& v) { o.reloadable.feeds.back().primaries = v.endpoints; }},
    Option{"feed", "primary_key", name, 0, 0, R"("transfer.example")", "", kReload, kOptional,
           "The [[key]] that they are asked with.", [](O& o, V& v) { o.reloadable.feeds.back().primary_key = v.name; }},
    Option{"feed", "allow_notify", prefixes, 0, 0, R"(["192.0.2.0/24"])", "", kReload, kOptional,
           "Who besides the primaries may say that there is something new.",
           [](O& o, V& v) { o.reloadable.feeds.back().notify_from = v.prefixes; }},
    Option{"feed", "zone", name, 0, 0, R"("rpz.example")", "", kReload, kOptional,
           "The policy zone's name; of a file, where it is not that of its SOA.",
           [](O& o, V& v) { o.reloadable.feeds.back().zone = v.name; }},
    Option{"feed", "guards", text, 2, 3, R"("on")", "", kReload, kOptional,
           "\"off\": public suffixes, protected names and wide prefixes may be blocked; recorded as the operator's "
           "override.",
           [](O& o, V& v) { o.reloadable.feeds.back().guards = v.text != "off"; }},
    Option{"feed", "state", text, 6, 6, R"("shadow")", "", kReload, kOptional,
           "\"active\", or \"shadow\": its rules are counted and change no answer.",
           [](O& o, V& v) { o.reloadable.feeds.back().shadow = v.text != "active"; }},
    Option{"feed", "policy", text, 1, 16, R"("given")", "", kReload, kOptional,
           "What its rules do, whatever they say: given, disabled, nxdomain, nodata, passthru, drop, tcp-only, cname, "
           "sinkhole or refused.",
           [](O& o, V& v) { o.reloadable.feeds.back().policy = v.text; }},
    Option{"feed", "target", name, 0, 0, R"("garden.example")", "", kReload, kOptional, "Of the policy cname.",
           [](O& o, V& v) { o.reloadable.feeds.back().target = v.name; }},
    Option{"feed", "max_ttl", integer, 0, 86'400, "60", "seconds", kReload, kOptional, "Caps the TTLs of its answers.",
           [](O& o, V& v) { o.reloadable.feeds.back().max_ttl = number(v); }},
    Option{"feed", "zone_wildcards", boolean, 0, 0, "false", "", kReload, kOptional,
           "A name that the list has takes itself and what is below it out of what a shorter name's rules cover (RFC "
           "4592, as in BIND and Unbound); false: what is blocked below a name stays blocked.",
           [](O& o, V& v) { o.reloadable.feeds.back().zone_wildcards = v.boolean; }},
    Option{"feed", "signal_nxdomain", boolean, 0, 0, "false", "", kReload, kOptional,
           "NXDOMAIN by it goes out with RA clear, so that it can be told apart.",
           [](O& o, V& v) { o.reloadable.feeds.back().signal_nxdomain = v.boolean; }},
    // [policy]
    Option{"policy", "store", path, 1, 4096, R"("policy.db")", "", kFixed, kOptional,
           "The record, an SQLite file in the state directory.", [](O& o, V& v) { o.fixed.store = v.text; }},
    Option{"policy", "ttl", integer, 1, 86'400, "10", "seconds", kReload, kOptional,
           "TTL of answers by decision, where the rule names none.",
           [](O& o, V& v) { o.reloadable.policy_ttl = number(v); }},
    Option{"policy", "notice_addresses", addresses, 0, 0, R"(["127.0.0.1", "::1"])", "", kReload, kOptional,
           "What a blocked name resolves to: where clients reach the notice page.",
           [](O& o, V& v) { o.reloadable.notice_addresses = v.addresses; }},
    Option{"policy", "own_zones", boolean, 0, 0, "false", "", kReload, kOptional,
           "Decisions apply to the server's own zones too.",
           [](O& o, V& v) { o.reloadable.own_zones_policy = v.boolean; }},
    Option{
        "policy", "order", text, 1, 16, R"("name-first")", "", kReload, kOptional,
        "\"name-first\": a rule about the name or the client answers before anybody is asked, unless an earlier source "
        "has rules on what comes back; \"names-outrank\": then too, and outranks them all (as in Unbound); "
        "\"after-recursion\": its servers are asked all the same, so that they can't see that it is blocked (RPZ's "
        "qname-wait-recurse).",
        [](O& o, V& v) { o.reloadable.policy_order = v.text; }},
    Option{"policy", "judge_redirects", boolean, 0, 0, "false", "", kReload, kOptional,
           "The name that an action cname leads to meets rules like any other alias; false: it is final, as in BIND.",
           [](O& o, V& v) { o.reloadable.judge_redirects = v.boolean; }},
    Option{"policy", "traffic_sketch", boolean, 0, 0, "false", "", kReload, kOptional,
           "Keep for a day which registrable domains at least ten clients asked for in an hour, and how often, for "
           "placard preview. No client is kept.",
           [](O& o, V& v) { o.reloadable.traffic_sketch = v.boolean; }},
    Option{"policy", "signed", text, 1, 16, R"("answer")", "", kReload, kOptional,
           "What a client that asks for signatures gets where a decision rewrites records: answer, nxdomain or refuse.",
           [](O& o, V& v) { o.reloadable.signed_names = v.text; }},
    Option{"policy", "protected", names, 0, 0, "[]", "", kReload, kOptional,
           "Names that no decision may block, nor anything above them.",
           [](O& o, V& v) { o.reloadable.protected_names = v.names; }},
    Option{"policy", "widest_ipv4", integer, 0, 32, "16", "bits", kReload, kOptional,
           "The shortest IPv4 prefix that a rule about addresses may have; a wider one is refused.",
           [](O& o, V& v) { o.reloadable.widest_ipv4 = static_cast<std::uint8_t>(v.integer); }},
    Option{"policy", "widest_ipv6", integer, 0, 128, "32", "bits", kReload, kOptional, "The same for IPv6.",
           [](O& o, V& v) { o.reloadable.widest_ipv6 = static_cast<std::uint8_t>(v.integer); }},
    // [notice]
    Option{"notice", "listen", endpoints, 80, 0, R"(["127.0.0.1:8451", "[::1]:8451"])", "", kFixed, kOptional,
           "Addresses of the notice page over HTTP; a public one wants port 80.",
           [](O& o, V& v) { o.fixed.notice_listen = v.endpoints; }},
    Option{"notice", "operator_name", text, 0, 200, R"("")", "", kReload, kOptional,
           "Who runs this resolver, as the page says it.", [](O& o, V& v) { o.reloadable.operator_name = v.text; }},
    Option{"notice", "operator_contact", text, 0, 500, R"("")", "", kReload, kOptional,
           "A mailto: or https: address of the operator.", [](O& o, V& v) { o.reloadable.operator_contact = v.text; }},
    Option{"notice", "reset_listen", endpoints, 443, 0, "[]", "", kFixed, kOptional,
           "Addresses where connections are reset at once: port 443 of the notice address, for no honest page can be "
           "shown there.",
           [](O& o, V& v) { o.fixed.reset_listen = v.endpoints; }},
};

}  // namespace

std::span<const Option> policy_options() {
  return kPolicyRows;
}

}  // namespace placard::app
