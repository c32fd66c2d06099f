// The table of options: each stands here once and nowhere else.
#include <array>

#include "policy/record/written_name.hpp"
#include "resolver/app/options.hpp"

namespace placard::app {
namespace {

constexpr bool kReload = true, kFixed = false;
constexpr bool kRequired = true, kOptional = false;
constexpr std::int64_t kMega = 1 << 20, kTera = std::int64_t{1} << 40;

std::uint16_t small(const OptionValue& value) {
  return static_cast<std::uint16_t>(value.integer);
}
std::uint32_t number(const OptionValue& value) {
  return static_cast<std::uint32_t>(value.integer);
}

std::vector<wire::Name> lowered(const std::vector<wire::Name>& names) {
  std::vector<wire::Name> all;
  for (const auto& name : names) all.push_back(name.lowered());
  return all;
}

zones::SigningPolicy& signing(Options& options) {
  return options.reloadable.zones.back().signing;
}

/// One that cannot be used where the text is none; read_zone_setup() says so.
wire::Algorithm signing_algorithm(const std::string& text) {
  if (text == "ecdsap256sha256") return wire::Algorithm::ecdsap256sha256;
  return text == "ed25519" ? wire::Algorithm::ed25519 : wire::Algorithm{};
}

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
             for (const auto& endpoint : v.endpoints)
               o.reloadable.views.back().listeners.push_back(endpoint.to_text());
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
           "A file, read at the start and at each reload.",
           [](O& o, V& v) { o.reloadable.feeds.back().path = v.text; }},
    Option{"feed", "primaries", endpoints, 53, 0, R"(["192.0.2.1"])", "", kReload, kOptional,
           "Servers that the policy zone (RPZ) is transferred from, by IXFR or AXFR; their NOTIFY is followed.",
           [](O& o, V& v) { o.reloadable.feeds.back().primaries = v.endpoints; }},
    Option{"feed", "primary_key", name, 0, 0, R"("transfer.example")", "", kReload, kOptional,
           "The [[key]] that they are asked with.", [](O& o, V& v) { o.reloadable.feeds.back().primary_key = v.name; }},
    Option{"feed", "zone", name, 0, 0, R"("rpz.example")", "", kReload, kOptional,
           "The policy zone's name; of a file, where it is not that of its SOA.",
           [](O& o, V& v) { o.reloadable.feeds.back().zone = v.name; }},
    Option{"feed", "guards", text, 2, 3, R"("on")", "", kReload, kOptional,
           "\"off\": public suffixes, protected names and wide prefixes may be blocked; recorded as the operator's override.",
           [](O& o, V& v) { o.reloadable.feeds.back().guards = v.text != "off"; }},
    Option{"feed", "state", text, 6, 6, R"("shadow")", "", kReload, kOptional,
           "\"active\", or \"shadow\": its rules are counted and change no answer.",
           [](O& o, V& v) { o.reloadable.feeds.back().shadow = v.text != "active"; }},
    Option{"feed", "policy", text, 5, 16, R"("given")", "", kReload, kOptional,
           "What its rules do, whatever they say: given, disabled, nxdomain, nodata, passthru, drop, tcp-only, cname, "
           "sinkhole or refused.",
           [](O& o, V& v) { o.reloadable.feeds.back().policy = v.text; }},
    Option{"feed", "target", name, 0, 0, R"("garden.example")", "", kReload, kOptional, "Of the policy cname.",
           [](O& o, V& v) { o.reloadable.feeds.back().target = v.name; }},
    Option{"feed", "max_ttl", integer, 0, 86'400, "60", "seconds", kReload, kOptional, "Caps the TTLs of its answers.",
           [](O& o, V& v) { o.reloadable.feeds.back().max_ttl = number(v); }},
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
    Option{"policy", "order", text, 1, 16, R"("name-first")", "", kReload, kOptional,
           "\"name-first\": a rule about the name or the client answers before anybody is asked; \"after-recursion\": its "
           "servers are asked all the same, so that they can't see that it is blocked (RPZ's qname-wait-recurse).",
           [](O& o, V& v) { o.reloadable.policy_order = v.text; }},
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
  return kOptions;
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
