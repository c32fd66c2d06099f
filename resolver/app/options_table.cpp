// The table of options: each stands once, here or in options_zones.cpp and options_policy.cpp, and nowhere else.
#include <array>

#include "resolver/app/options_rows.hpp"

namespace placard::app {
namespace {

constexpr std::int64_t kMega = 1 << 20, kTera = std::int64_t{1} << 40;

void add_forward(Options& options, bool stub) {
  options.fixed.forwards.push_back({{}, {}, stub, false});
}

constexpr std::array kSections = {
    OptionSection{"server", false, "Where the server listens and where it keeps its state.", nullptr},
    OptionSection{"access", false, "Who may ask.", nullptr},
    OptionSection{"limits", false, "What one client may cost, and what is sent to addresses that may be forged.",
                  nullptr},
    OptionSection{"cookies", false, "How clients over UDP show that they are who they say.", nullptr},
    OptionSection{"dns64", false, "IPv6 addresses made of IPv4 ones, for clients behind a translator.", nullptr},
    OptionSection{"recursion", false, "How names of others are resolved, and every bound of it.", nullptr},
    OptionSection{"cache", false, "What is remembered, and for how long.", nullptr},
    OptionSection{"dnssec", false, "Which answers are believed: validation (RFC 4033) and where trust begins.",
                  nullptr},
    OptionSection{"forward", true,
                  "Questions at or below a zone go to other resolvers, with RD set. The longest zone wins.",
                  [](Options& o) { add_forward(o, false); }},
    OptionSection{"stub", true,
                  "Questions at or below a zone start at these authoritative servers instead of at the root.",
                  [](Options& o) { add_forward(o, true); }},
    OptionSection{"key", true, "A secret shared with other servers, to sign what is said to one another (TSIG).",
                  [](Options& o) { o.reloadable.keys.emplace_back(); }},
    OptionSection{"zone", true,
                  "A zone served with authority: from a master file, or as a secondary of the primaries named.",
                  [](Options& o) { o.reloadable.zones.emplace_back(); }},
    OptionSection{
        "view", true,
        "Which clients a set of decisions applies to. The longest prefix decides; \"default\" is for the rest.",
        [](Options& o) { o.reloadable.views.emplace_back(); }},
    OptionSection{"feed", true,
                  "A list that is followed: its rules apply in the order of the feeds, behind what was decided.",
                  [](Options& o) { o.reloadable.feeds.emplace_back(); }},
    OptionSection{"policy", false, "The record of decisions and how it is answered by.", nullptr},
    OptionSection{"notice", false, "The page that visitors of a blocked name see.", nullptr},
    OptionSection{"metrics", false, "Counters in the Prometheus text format, at /metrics.", nullptr},
    OptionSection{"control", false, "How commands reach the running server.", nullptr},
};

using enum OptionKind;
using O = Options;
using V = const OptionValue;

constexpr std::array kOptions = {
    // [server]
    Option{"server", "listen", endpoints, 53, 0, R"(["127.0.0.1:5300", "[::1]:5300"])", "", kFixed, kOptional,
           "Addresses for DNS over UDP and TCP.", [](O& o, V& v) { o.fixed.listen = v.endpoints; }},
    Option{"server", "workers", integer, 0, 256, "0", "threads", kFixed, kOptional,
           "Threads that answer; 0 is one for each processor.", [](O& o, V& v) { o.fixed.workers = number(v); }},
    Option{"server", "state_directory", path, 0, 4096, R"("")", "", kFixed, kOptional,
           "Where the policy store and the control socket lie; empty: $STATE_DIRECTORY, $XDG_STATE_HOME/placard or "
           "~/.local/state/placard.",
           [](O& o, V& v) { o.fixed.state_directory = v.text; }},
    Option{"server", "user", text, 0, 32, R"("")", "", kFixed, kOptional,
           "The user to become once every address is bound; empty: stay.", [](O& o, V& v) { o.fixed.user = v.text; }},
    Option{"server", "identity", text, 0, 64, R"("")", "", kReload, kOptional,
           "Told to who asks for id.server (class CH, type TXT); empty: not told.",
           [](O& o, V& v) { o.reloadable.identity = v.text; }},
    Option{"server", "minimal_responses", boolean, 0, 0, "true", "", kReload, kOptional,
           "Leave the NS set out of positive answers from own zones: nobody needs it there, and it costs octets.",
           [](O& o, V& v) { o.reloadable.minimal_responses = v.boolean; }},
    Option{"server", "minimal_any", boolean, 0, 0, "true", "", kReload, kOptional,
           "Answer ANY and RRSIG from own zones with one record set (RFC 8482).",
           [](O& o, V& v) { o.reloadable.minimal_any = v.boolean; }},
    Option{"server", "version", text, 0, 64, R"("")", "", kReload, kOptional,
           "Told to who asks for version.bind (class CH, type TXT); empty: not told.",
           [](O& o, V& v) { o.reloadable.version = v.text; }},
    Option{"server", "info_url", text, 0, 200, R"("")", "", kReload, kOptional,
           "An https: address with more about this resolver, told in RESINFO (RFC 9606); empty: none.",
           [](O& o, V& v) { o.reloadable.info_url = v.text; }},
    Option{"server", "nsid", text, 0, 64, R"("")", "", kReload, kOptional,
           "The name server identifier, told to who asks for it (RFC 5001); empty: not told.",
           [](O& o, V& v) { o.reloadable.nsid = v.text; }},
    Option{
        "server", "proxies", prefixes, 0, 0, "[]", "", kFixed, kOptional,
        "Load balancers that put a PROXY header (version 2) before what their clients say: access, limits, cookies and "
        "views then see those clients. Whatever comes from there without one is dropped.",
        [](O& o, V& v) { o.fixed.proxies = v.prefixes; }},
    Option{"server", "tcp_connections", integer, 1, 100'000, "4096", "connections", kFixed, kOptional,
           "Open at once on each address in each worker; the longest idle one makes place for a new one.",
           [](O& o, V& v) { o.fixed.tcp_connections = number(v); }},
    Option{"server", "tcp_connections_per_client", integer, 1, 100'000, "64", "connections", kFixed, kOptional,
           "Of those, by one IPv4 address or IPv6 /64.",
           [](O& o, V& v) { o.fixed.tcp_connections_per_client = number(v); }},
    Option{"server", "tcp_idle", integer, 100, 600'000, "10000", "milliseconds", kFixed, kOptional,
           "A connection may stay idle so long; less when more than half of all are open.",
           [](O& o, V& v) { o.fixed.tcp_idle = number(v); }},
    // [access]
    Option{"access", "recursion", prefixes, 0, 0, R"(["127.0.0.0/8", "::1/128"])", "", kReload, kOptional,
           "Clients that may have recursion. Others get REFUSED with extended error 18.",
           [](O& o, V& v) { o.reloadable.access.recursion = v.prefixes; }},
    Option{
        "access", "cache", prefixes, 0, 0, R"(["127.0.0.0/8", "::1/128"])", "", kReload, kOptional,
        "Clients that are answered from the cache when they don't ask for recursion (RD=0): they can see what others "
        "have asked for.",
        [](O& o, V& v) { o.reloadable.access.cache = v.prefixes; }},
    Option{"access", "refuse", prefixes, 0, 0, "[]", "", kReload, kOptional,
           "Clients that get neither, where a shorter prefix would let them; own zones they may ask.",
           [](O& o, V& v) { o.reloadable.access.refuse = v.prefixes; }},
    Option{"access", "drop", prefixes, 0, 0, "[]", "", kReload, kOptional,
           "Clients that get no answer, whatever they ask. Of all four lists the longest prefix decides.",
           [](O& o, V& v) { o.reloadable.access.drop = v.prefixes; }},
    // [limits]
    Option{
        "limits", "exempt", prefixes, 0, 0, R"(["127.0.0.0/8", "::1/128"])", "", kReload, kOptional,
        "Clients whose addresses nobody can forge: they count as verified, as those do that ask over TCP or with a DNS "
        "cookie.",
        [](O& o, V& v) { o.reloadable.limits.exempt = v.prefixes; }},
    Option{"limits", "responses", integer, 0, 1'000'000, "200", "answers", kReload, kOptional,
           "A second, over UDP, of each kind (data, no data, NXDOMAIN, referral, error) to one network (/24 or /56) of "
           "unverified clients that may not have recursion; 0: no limit.",
           [](O& o, V& v) { o.reloadable.limits.responses = number(v); }},
    Option{"limits", "client_responses", integer, 0, 1'000'000, "5000", "answers", kReload, kOptional,
           "The same for clients that may.", [](O& o, V& v) { o.reloadable.limits.client_responses = number(v); }},
    Option{
        "limits", "slip", integer, 0, 100, "2", "answers", kReload, kOptional,
        "One in so many of the answers that are held back becomes a hint to come again over TCP, or with the cookie in "
        "it; 0: none does.",
        [](O& o, V& v) { o.reloadable.limits.slip = number(v); }},
    Option{"limits", "questions", integer, 0, 1'000'000, "0", "questions", kReload, kOptional,
           "A second, of one client (an IPv4 address, or an IPv6 /56), whatever they ask; 0: no limit.",
           [](O& o, V& v) { o.reloadable.limits.questions = number(v); }},
    Option{"limits", "waiting", integer, 1, 1'000'000, "1000", "questions", kReload, kOptional,
           "Of one unverified client (an IPv4 address, or an IPv6 /56) that may wait for resolutions in each worker.",
           [](O& o, V& v) { o.reloadable.limits.waiting = number(v); }},
    Option{"limits", "answer_age", integer, 0, 60'000, "4000", "milliseconds", kReload, kOptional,
           "An answer with data that comes later is not sent to an unverified client, who has given up; 0: it is sent.",
           [](O& o, V& v) { o.reloadable.limits.answer_age = number(v); }},
    Option{"limits", "unverified_size", integer, 512, 4096, "1232", "octets", kReload, kOptional,
           "Larger answers to unverified clients over UDP are truncated.",
           [](O& o, V& v) { o.reloadable.limits.unverified_size = small(v); }},
    Option{"limits", "minimal_any", boolean, 0, 0, "true", "", kReload, kOptional,
           "Answer questions for ANY of unverified clients with a HINFO record (RFC 8482) instead of all there is.",
           [](O& o, V& v) { o.reloadable.limits.minimal_any = v.boolean; }},
    // [cookies]
    Option{"cookies", "enabled", boolean, 0, 0, "true", "", kReload, kOptional,
           "Give and accept DNS cookies (RFC 7873).", [](O& o, V& v) { o.reloadable.cookies.enabled = v.boolean; }},
    Option{"cookies", "required", boolean, 0, 0, "false", "", kReload, kOptional,
           "Answer unverified clients over UDP with BADCOOKIE, or without a cookie truncated, whatever they ask.",
           [](O& o, V& v) { o.reloadable.cookies.required = v.boolean; }},
    Option{
        "cookies", "secret_file", path, 0, 4096, R"("")", "", kReload, kOptional,
        "Secrets of 32 hexadecimal digits, one a line, for nodes that share an address: the first makes cookies, all "
        "are accepted (RFC 9018). Read again at each reload. Empty: a random one for each start.",
        [](O& o, V& v) { o.reloadable.cookies.secret_file = v.text; }},
    // [dns64]
    Option{"dns64", "prefixes", prefixes, 0, 0, "[]", "", kReload, kOptional,
           "Of translators: names without AAAA get what their A become under each (RFC 6147). 64:ff9b::/96 is the "
           "well-known one. Empty: no DNS64.",
           [](O& o, V& v) { o.reloadable.dns64.prefixes = v.prefixes; }},
    Option{"dns64", "clients", prefixes, 0, 0, R"(["0.0.0.0/0", "::/0"])", "", kReload, kOptional, "Who gets it.",
           [](O& o, V& v) { o.reloadable.dns64.clients = v.prefixes; }},
    Option{"dns64", "exclude", prefixes, 0, 0, R"(["::ffff:0:0/96"])", "", kReload, kOptional,
           "AAAA that count as none.", [](O& o, V& v) { o.reloadable.dns64.exclude = v.prefixes; }},
    // [recursion]
    Option{"recursion", "enabled", boolean, 0, 0, "true", "", kReload, kOptional,
           "Resolve names of others; false: answer for own zones only.",
           [](O& o, V& v) { o.reloadable.recursion = v.boolean; }},
    Option{"recursion", "root_hints", path, 0, 4096, R"("")", "", kFixed, kOptional,
           "A file with the root's name servers; empty: the thirteen that IANA publishes.",
           [](O& o, V& v) { o.fixed.root_hints = v.text; }},
    Option{"recursion", "upstream_port", integer, 1, 65535, "53", "", kFixed, kOptional,
           "The port at which authoritative servers are asked; another one is for trying things out.",
           [](O& o, V& v) { o.fixed.upstream_port = small(v); }},
    Option{"recursion", "ipv4", boolean, 0, 0, "true", "", kFixed, kOptional, "Ask servers over IPv4.",
           [](O& o, V& v) { o.fixed.ipv4 = v.boolean; }},
    Option{"recursion", "ipv6", boolean, 0, 0, "true", "", kFixed, kOptional, "Ask servers over IPv6.",
           [](O& o, V& v) { o.fixed.ipv6 = v.boolean; }},
    Option{"recursion", "query_loopback", boolean, 0, 0, "false", "", kFixed, kOptional,
           "Ask servers on loopback addresses that a delegation names. Root hints and forwards always may.",
           [](O& o, V& v) { o.fixed.query_loopback = v.boolean; }},
    Option{"recursion", "qname_minimisation", boolean, 0, 0, "true", "", kFixed, kOptional,
           "Tell each server no more of the name than it needs (RFC 9156).",
           [](O& o, V& v) { o.fixed.qname_minimisation = v.boolean; }},
    Option{"recursion", "random_case", boolean, 0, 0, "true", "", kFixed, kOptional,
           "Mix the case of names that are asked and want it back, against forged answers.",
           [](O& o, V& v) { o.fixed.random_case = v.boolean; }},
    Option{"recursion", "cookies", boolean, 0, 0, "true", "", kFixed, kOptional,
           "Send DNS cookies to servers and want theirs back (RFC 7873), against forged answers.",
           [](O& o, V& v) { o.fixed.cookies = v.boolean; }},
    Option{"recursion", "tcp_fast_open", boolean, 0, 0, "true", "", kFixed, kOptional,
           "Let a question over TCP travel with the SYN where the system and the server can (RFC 7413).",
           [](O& o, V& v) { o.fixed.tcp_fast_open = v.boolean; }},
    Option{"recursion", "server_in_flight", integer, 1, 1'000'000, "2000", "questions", kFixed, kOptional,
           "To one address at once, of all workers; fewer while it leaves questions unanswered. Those beyond go to "
           "other servers of the zone, or get SERVFAIL.",
           [](O& o, V& v) { o.fixed.server_in_flight = number(v); }},
    Option{"recursion", "server_rate", integer, 0, 10'000'000, "0", "questions a second", kFixed, kOptional,
           "To one address; 0: as many as server_in_flight lets through.",
           [](O& o, V& v) { o.fixed.server_rate = number(v); }},
    Option{"recursion", "udp_size", integer, 512, 4096, "1232", "octets", kFixed, kOptional,
           "The largest UDP message sent and announced, to clients and to servers.",
           [](O& o, V& v) { o.fixed.udp_size = small(v); }},
    Option{"recursion", "deadline", integer, 100, 60'000, "5000", "milliseconds", kFixed, kOptional,
           "From a question to its answer or SERVFAIL.", [](O& o, V& v) { o.fixed.deadline = number(v); }},
    Option{"recursion", "max_questions", integer, 4, 10'000, "64", "questions", kFixed, kOptional,
           "Sent to servers for one question, those for their addresses included.",
           [](O& o, V& v) { o.fixed.max_questions = number(v); }},
    Option{"recursion", "max_depth", integer, 1, 32, "8", "resolutions", kFixed, kOptional,
           "Resolutions of name servers' addresses inside one another.",
           [](O& o, V& v) { o.fixed.max_depth = number(v); }},
    Option{"recursion", "max_chain", integer, 1, 64, "12", "records", kFixed, kOptional,
           "CNAME and DNAME records followed for one question.", [](O& o, V& v) { o.fixed.max_chain = number(v); }},
    Option{"recursion", "serve_stale", boolean, 0, 0, "true", "", kFixed, kOptional,
           "Answer from expired records when their servers cannot be reached (RFC 8767).",
           [](O& o, V& v) { o.fixed.serve_stale = v.boolean; }},
    Option{"recursion", "stale_for", integer, 0, 604'800, "86400", "seconds", kFixed, kOptional,
           "How long past its end a record may still be used so.", [](O& o, V& v) { o.fixed.stale_for = number(v); }},
    Option{"recursion", "stale_after", integer, 0, 10'000, "1800", "milliseconds", kFixed, kOptional,
           "How long a client waits for a fresh answer where a stale one would do; 0: not at all.",
           [](O& o, V& v) { o.fixed.stale_after = number(v); }},
    Option{"recursion", "stale_ttl", integer, 1, 3'600, "30", "seconds", kFixed, kOptional, "TTL of stale answers.",
           [](O& o, V& v) { o.fixed.stale_ttl = number(v); }},
    Option{"recursion", "stale_recheck", integer, 1, 300, "30", "seconds", kFixed, kOptional,
           "How long a name with a stale answer is left alone after its servers have failed.",
           [](O& o, V& v) { o.fixed.stale_recheck = number(v); }},
    Option{"recursion", "failure_ttl", integer, 1, 300, "5", "seconds", kFixed, kOptional,
           "How long a name without one is left alone then (RFC 9520).",
           [](O& o, V& v) { o.fixed.failure_ttl = number(v); }},
    Option{"recursion", "prefetch", boolean, 0, 0, "true", "", kFixed, kOptional,
           "Fetch again what is asked for in the last tenth of its time, so that nobody waits when it ends.",
           [](O& o, V& v) { o.fixed.prefetch = v.boolean; }},
    Option{
        "recursion", "never_query", prefixes, 0, 0,
        R"(["10.0.0.0/8", "100.64.0.0/10", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24", "192.168.0.0/16", "198.18.0.0/15", "fc00::/7", "fe80::/10"])",
        "", kFixed, kOptional,
        "Servers there are not asked because a delegation names them: nobody shall probe the inside through us. Root "
        "hints, stubs and forwards always may be there.",
        [](O& o, V& v) { o.fixed.never_query = v.prefixes; }},
    Option{
        "recursion", "private_addresses", prefixes, 0, 0, "[]", "", kFixed, kOptional,
        "Addresses that public names must not have, against DNS rebinding: taken out of answers, EDE 15 where none is "
        "left. Where all clients are at home: [\"10.0.0.0/8\", \"172.16.0.0/12\", \"192.168.0.0/16\", "
        "\"169.254.0.0/16\", \"fc00::/7\", \"fe80::/10\"]. Block lists for mail answer from 127.0.0.0/8.",
        [](O& o, V& v) { o.fixed.private_addresses = v.prefixes; }},
    Option{
        "recursion", "private_names", names, 0, 0, "[]", "", kFixed, kOptional,
        "Names that may have such addresses all the same, with all below. Those in [[forward]] and [[stub]] zones may.",
        [](O& o, V& v) { o.fixed.private_names = v.names; }},
    Option{
        "recursion", "error_reporting", boolean, 0, 0, "false", "", kFixed, kOptional,
        "Tell servers that name an agent for it what could not be resolved (RFC 9567). The agent learns these names.",
        [](O& o, V& v) { o.fixed.error_reporting = v.boolean; }},
    Option{"recursion", "not_special", names, 0, 0, "[]", "", kFixed, kOptional,
           "Special-use names (RFC 6761) that are to be resolved like any other, such as \"test\".",
           [](O& o, V& v) { o.fixed.not_special = v.names; }},
    Option{"recursion", "in_flight", integer, 100, 1'000'000, "20000", "resolutions", kFixed, kOptional,
           "Open at once in each worker; a question beyond gets SERVFAIL.",
           [](O& o, V& v) { o.fixed.in_flight = number(v); }},
    // [cache]
    Option{"cache", "memory", size, kMega, kTera, R"("64MiB")", "", kFixed, kOptional,
           "Of the record cache, shared by all workers.",
           [](O& o, V& v) { o.fixed.cache_memory = static_cast<std::size_t>(v.integer); }},
    Option{"cache", "answers_memory", size, kMega, kTera, R"("16MiB")", "", kFixed, kOptional,
           "Of each worker's cache of whole answers.",
           [](O& o, V& v) { o.fixed.answers_memory = static_cast<std::size_t>(v.integer); }},
    Option{"cache", "min_ttl", integer, 0, 3'600, "0", "seconds", kFixed, kOptional,
           "Records are kept at least so long.", [](O& o, V& v) { o.fixed.min_ttl = number(v); }},
    Option{"cache", "max_ttl", integer, 1, 604'800, "86400", "seconds", kFixed, kOptional,
           "Records are kept at most so long.", [](O& o, V& v) { o.fixed.max_ttl = number(v); }},
    Option{"cache", "max_negative_ttl", integer, 1, 86'400, "3600", "seconds", kFixed, kOptional,
           "Answers that something does not exist are kept at most so long.",
           [](O& o, V& v) { o.fixed.max_negative_ttl = number(v); }},
    Option{"cache", "save", path, 0, 4096, R"("records.cache")", "", kFixed, kOptional,
           "Where a stop saves the record cache for the next start, a file in the state directory; empty: nowhere.",
           [](O& o, V& v) { o.fixed.cache_save = v.text; }},
    Option{"cache", "save_interval", integer, 0, 1'440, "15", "minutes", kFixed, kOptional,
           "Save it every so often too, for a stop that nobody planned; 0: at the stop only.",
           [](O& o, V& v) { o.fixed.cache_save_interval = number(v); }},
    // [dnssec]
    Option{"dnssec", "validation", boolean, 0, 0, "true", "", kFixed, kOptional,
           "Check signatures; a name whose answers are forged or broken gets SERVFAIL.",
           [](O& o, V& v) { o.fixed.dnssec.validation = v.boolean; }},
    Option{"dnssec", "trust_anchors", texts, 1, 4096, "[]", "", kFixed, kOptional,
           "DS or DNSKEY records, of the root or below it; none here and in no file: the root's keys as IANA has them.",
           [](O& o, V& v) { o.fixed.dnssec.trust_anchors = v.texts; }},
    Option{"dnssec", "trust_anchors_file", path, 0, 4096, R"("")", "", kFixed, kOptional,
           "A file of such records, one a line.", [](O& o, V& v) { o.fixed.dnssec.trust_anchors_file = v.text; }},
    Option{"dnssec", "negative_anchors", texts, 1, 400, "[]", "", kReload, kOptional,
           "Names at and below which nothing is validated until a day (RFC 7646): \"broken.example 2026-12-31\".",
           [](O& o, V& v) { o.reloadable.negative_anchors = v.texts; }},
    Option{"dnssec", "state_file", path, 0, 4096, R"("trust-anchors")", "", kFixed, kOptional,
           "Where anchors that roll over by themselves are kept (RFC 5011), in the state directory; empty: they don't.",
           [](O& o, V& v) { o.fixed.dnssec.state_file = v.text; }},
    Option{"dnssec", "rsasha1", boolean, 0, 0, "false", "", kFixed, kOptional,
           "Count signatures with RSASHA1; else zones that have no others are insecure (RFC 9905).",
           [](O& o, V& v) { o.fixed.dnssec.rsasha1 = v.boolean; }},
    Option{"dnssec", "aggressive", boolean, 0, 0, "true", "", kFixed, kOptional,
           "Answer from proofs of non-existence that are known already (RFC 8198).",
           [](O& o, V& v) { o.fixed.dnssec.aggressive = v.boolean; }},
    Option{"dnssec", "nsec3_insecure", integer, 0, 65'535, "50", "iterations", kFixed, kOptional,
           "NSEC3 records with more prove nothing: the answer is insecure (RFC 9276).",
           [](O& o, V& v) { o.fixed.dnssec.nsec3_insecure = number(v); }},
    Option{"dnssec", "nsec3_bogus", integer, 0, 65'535, "500", "iterations", kFixed, kOptional,
           "With more than so many the answer is bogus.", [](O& o, V& v) { o.fixed.dnssec.nsec3_bogus = number(v); }},
    Option{
        "dnssec", "signature_skew", integer, 0, 86'400, "3600", "seconds", kFixed, kOptional,
        "How far clocks may differ: a signature counts for a tenth of its life before and after it, at most so long.",
        [](O& o, V& v) { o.fixed.dnssec.signature_skew = number(v); }},
    Option{"dnssec", "bogus_ttl", integer, 1, 300, "60", "seconds", kFixed, kOptional,
           "How long a bogus answer is remembered, as a failure.",
           [](O& o, V& v) { o.fixed.dnssec.bogus_ttl = number(v); }},
    Option{"dnssec", "verifications", integer, 100, 10'000'000, "20000", "a second", kFixed, kOptional,
           "Signatures verified by one worker; a question that needs more gets SERVFAIL.",
           [](O& o, V& v) { o.fixed.dnssec.verifications = number(v); }},
    // [[forward]] and [[stub]]
    Option{"forward", "zone", name, 0, 0, R"("corp.example")", "", kFixed, kRequired, "The zone; \".\" is everything.",
           [](O& o, V& v) { o.fixed.forwards.back().zone = v.name; }},
    Option{"forward", "servers", endpoints, 53, 0, R"(["192.0.2.53", "[2001:db8::53]:5353"])", "", kFixed, kRequired,
           "Resolvers to ask.", [](O& o, V& v) { o.fixed.forwards.back().servers = v.endpoints; }},
    Option{"forward", "first", boolean, 0, 0, "false", "", kFixed, kOptional,
           "Where these servers fail, resolve the name as if they were not configured.",
           [](O& o, V& v) { o.fixed.forwards.back().first = v.boolean; }},
    Option{"stub", "zone", name, 0, 0, R"("internal.example")", "", kFixed, kRequired, "The zone.",
           [](O& o, V& v) { o.fixed.forwards.back().zone = v.name; }},
    Option{"stub", "servers", endpoints, 53, 0, R"(["192.0.2.54"])", "", kFixed, kRequired,
           "Its authoritative servers.", [](O& o, V& v) { o.fixed.forwards.back().servers = v.endpoints; }},
    Option{"stub", "first", boolean, 0, 0, "false", "", kFixed, kOptional,
           "Where these servers fail, start at the root as if they were not configured.",
           [](O& o, V& v) { o.fixed.forwards.back().first = v.boolean; }},
    // [metrics], [control]
    Option{"metrics", "listen", endpoints, 9453, 0, R"(["127.0.0.1:9453"])", "", kFixed, kOptional,
           "Addresses of the metrics page.", [](O& o, V& v) { o.fixed.metrics_listen = v.endpoints; }},
    Option{"control", "socket", path, 1, 4096, R"("control.sock")", "", kFixed, kOptional,
           "A Unix socket in the state directory, for its owner and root.",
           [](O& o, V& v) { o.fixed.control_socket = v.text; }},
};

}  // namespace

std::span<const OptionSection> option_sections() {
  return kSections;
}
std::span<const Option> option_table() {
  static const auto table = [] {
    std::vector<Option> all(kOptions.begin(), kOptions.end());
    for (const auto rows : {zone_options(), policy_options()}) all.insert(all.end(), rows.begin(), rows.end());
    return all;
  }();
  return table;
}

std::string_view to_text(OptionKind kind) {
  switch (kind) {
    case boolean:
      return "true or false";
    case integer:
      return "a whole number";
    case size:
      return "a size such as \"64MiB\"";
    case text:
      return "text";
    case path:
      return "a path";
    case name:
      return "a domain name";
    case names:
      return "a list of domain names";
    case texts:
      return "a list of texts";
    case endpoints:
      return "a list of addresses, with ports or without";
    case addresses:
      return "a list of IP addresses";
    case prefixes:
      return "a list of prefixes such as \"192.0.2.0/24\"";
    case jurisdictions:
      return "a list of ISO 3166 codes such as \"NZ\" or \"US-CA\"";
  }
  return "";
}

}  // namespace placard::app
