#include "resolver/serve/metrics.hpp"

#include <fmt/format.h>

#include "policy/record/decision.hpp"
#include "zones/wire/types.hpp"

namespace placard::serve {
namespace {

class Page {
 public:
  explicit Page(std::span<const WorkerCounters* const> workers) : workers_(workers) {}

  void head(std::string_view name, std::string_view kind, std::string_view help) {
    text_ += fmt::format("# HELP placard_{0} {2}\n# TYPE placard_{0} {1}\n", name, kind, help);
  }
  template <class Value>
  void value(std::string_view name, std::string_view labels, Value number) {
    text_ += fmt::format("placard_{}{} {}\n", name, labels, number);
  }
  template <class Value>
  void figure(std::string_view name, std::string_view kind, std::string_view help, Value number) {
    head(name, kind, help);
    value(name, "", number);
  }
  /// A counter of every worker, added up.
  void sum(std::string_view name, std::string_view kind, std::string_view help, Counter WorkerCounters::* counter) {
    figure(name, kind, help, total([&](const WorkerCounters& worker) { return (worker.*counter).get(); }));
  }
  template <class Read>
  std::uint64_t total(Read read) const {
    std::uint64_t sum = 0;
    for (const auto* worker : workers_) sum += read(*worker);
    return sum;
  }
  std::string take() { return std::move(text_); }

 private:
  std::span<const WorkerCounters* const> workers_;
  std::string text_;
};

void questions(Page& page) {
  page.head("questions_total", "counter", "Questions received, well-formed or not.");
  page.value("questions_total", "{transport=\"udp\"}", page.total([](const auto& w) { return w.udp_questions.get(); }));
  page.value("questions_total", "{transport=\"tcp\"}", page.total([](const auto& w) { return w.tcp_questions.get(); }));
  page.sum("dropped_total", "counter", "Packets that got no answer: no question, or over a limit.",
           &WorkerCounters::dropped);
  page.sum("malformed_total", "counter", "Questions answered FORMERR.", &WorkerCounters::malformed);
  page.sum("bad_cookies_total", "counter", "Server cookies received that were not ours, or too old.",
           &WorkerCounters::bad_cookies);
  page.sum("access_refused_total", "counter", "Questions refused by access control.", &WorkerCounters::refused);
  page.head("limited_total", "counter", "Questions that got less than they asked for, by the limit that they met.");
  for (std::size_t limit = 0; limit < kLimits; ++limit)
    page.value("limited_total", fmt::format("{{limit=\"{}\"}}", to_text(static_cast<Limit>(limit))),
               page.total([&](const auto& w) { return w.limited[limit].get(); }));
  page.head("answers_total", "counter", "Answers sent, by response code.");
  for (std::size_t rcode = 0; rcode < kRcodes; ++rcode) {
    const auto count = page.total([&](const auto& w) { return w.answers[rcode].get(); });
    if (count != 0 || rcode <= 5)
      page.value("answers_total", fmt::format("{{rcode=\"{}\"}}", wire::to_text(static_cast<wire::Rcode>(rcode))),
                 count);
  }
  page.sum("truncated_total", "counter", "Answers sent with TC.", &WorkerCounters::truncated);
  page.sum("tcp_refused_total", "counter", "Connections closed at once: too many, of one client or in all.",
           &WorkerCounters::tcp_refused);
  page.sum("tcp_closed_idle_total", "counter", "Connections closed because they were idle, or slow to say something.",
           &WorkerCounters::tcp_closed_idle);
  page.sum("tcp_closed_slow_total", "counter", "Connections closed because their clients did not read.",
           &WorkerCounters::tcp_closed_slow);
  page.figure("malformed_proxy_total", "counter", "Datagrams and connections from balancers without a PROXY header.",
              page.total([](const auto& w) { return w.malformed_proxy.get() + w.tcp_malformed_proxy.get(); }));
  page.sum("tcp_connections", "gauge", "Client connections open now.", &WorkerCounters::tcp_connections);
}

void policy_hits(Page& page, const ProcessFigures& process) {
  page.head("policy_hits_total", "counter", "Questions that a rule answered, by action.");
  for (std::size_t action = 0; action < kActions; ++action)
    page.value("policy_hits_total",
               fmt::format("{{action=\"{}\"}}", policy::to_text(static_cast<policy::Action>(action))),
               page.total([&](const auto& w) { return w.policy_hits[action].get(); }));
  page.figure("policy_rules", "gauge", "Rules in the snapshot in force.", process.policy_rules);
  page.figure("policy_decisions", "gauge", "Decisions in the snapshot in force.", process.policy_decisions);
  page.figure("policy_memory_bytes", "gauge", "Memory of the policy index.", process.policy_memory);
  page.figure("policy_generation", "gauge", "Number of the snapshot in force since the start.",
              process.policy_generation);
  page.figure("policy_log_sequence", "gauge", "Last entry of the policy log that is in force.",
              process.policy_log_sequence);
  page.figure("intake_rejections_total", "counter", "Decision files refused.", process.intake_rejections);
}

void caches(Page& page, const ProcessFigures& process) {
  page.sum("answer_cache_hits_total", "counter", "Questions answered from the wire answer cache.",
           &WorkerCounters::answer_cache_hits);
  page.sum("answer_cache_misses_total", "counter", "Questions not found there.", &WorkerCounters::answer_cache_misses);
  page.sum("answer_cache_entries", "gauge", "Answers held.", &WorkerCounters::answer_cache_entries);
  page.sum("answer_cache_memory_bytes", "gauge", "Memory of the answers held.", &WorkerCounters::answer_cache_memory);
  page.figure("record_cache_hits_total", "counter", "Record sets found in the record cache.", process.cache_hits);
  page.figure("record_cache_misses_total", "counter", "Record sets not found there.", process.cache_misses);
  page.figure("record_cache_evicted_total", "counter", "Entries dropped for space.", process.cache_evicted);
  page.figure("record_cache_entries", "gauge", "Entries held.", process.cache_entries);
  page.figure("record_cache_memory_bytes", "gauge", "Memory of the record cache.", process.cache_memory);
}

void recursion(Page& page, const ProcessFigures& process) {
  page.sum("zone_answers_total", "counter", "Questions answered from own zones.", &WorkerCounters::zone_answers);
  page.sum("special_answers_total", "counter", "Questions for special-use names.", &WorkerCounters::special_answers);
  page.sum("resolutions_in_flight", "gauge", "Resolutions under way.", &WorkerCounters::in_flight);
  page.sum("coalesced_total", "counter", "Questions that joined a resolution in flight.", &WorkerCounters::coalesced);
  page.sum("upstream_questions_total", "counter", "Round trips to other servers begun.",
           &WorkerCounters::upstream_questions);
  page.sum("upstream_tcp_total", "counter", "Those over TCP.", &WorkerCounters::upstream_tcp);
  page.sum("upstream_timeouts_total", "counter", "Those without an answer in time.",
           &WorkerCounters::upstream_timeouts);
  page.sum("upstream_mismatched_total", "counter", "Replies that fit no question of ours.",
           &WorkerCounters::upstream_mismatched);
  page.head("upstream_dropped_total", "counter", "Those by what did not fit.");
  for (std::size_t reason = 0; reason < recurse::kDrops; ++reason)
    page.value("upstream_dropped_total",
               fmt::format("{{reason=\"{}\"}}", recurse::to_text(static_cast<recurse::Drop>(reason))),
               page.total([&](const auto& w) { return w.upstream_dropped[reason].get(); }));
  page.sum("upstream_distrusted_total", "counter", "Questions moved to TCP because replies looked forged.",
           &WorkerCounters::upstream_distrusted);
  page.sum("upstream_bad_cookies_total", "counter", "BADCOOKIE answers of servers.",
           &WorkerCounters::upstream_bad_cookies);
  page.sum("upstream_busy_total", "counter", "Questions not sent, because their server had too many already.",
           &WorkerCounters::upstream_busy);
  page.sum("upstream_connections_total", "counter", "TCP connections begun to servers.",
           &WorkerCounters::upstream_connections);
  page.figure("upstream_servers", "gauge", "Servers of which something is known.", process.servers_known);
  page.sum("stale_answers_total", "counter", "Resolutions that ended in a stale answer (RFC 8767).",
           &WorkerCounters::stale_answers);
  page.sum("resolution_failures_total", "counter", "Resolutions that ended in SERVFAIL.", &WorkerCounters::failures);
}

void validation(Page& page) {
  static constexpr std::string_view kStatus[] = {"secure", "insecure", "bogus"};
  page.head("validated_total", "counter", "Replies of servers that were validated, by what came of it.");
  for (std::size_t status = 0; status < std::size(kStatus); ++status)
    page.value("validated_total", fmt::format("{{status=\"{}\"}}", kStatus[status]),
               page.total([&](const auto& w) { return w.validated[status].get(); }));
  page.sum("synthesised_total", "counter", "Answers made from proofs that were known (RFC 8198).",
           &WorkerCounters::synthesised);
  page.sum("signature_verifications_total", "counter", "Signatures checked with a key.",
           &WorkerCounters::verifications);
  page.sum("nsec3_hashes_total", "counter", "Runs of SHA-1 for NSEC3.", &WorkerCounters::nsec3_hashes);
  page.sum("validation_refused_total", "counter", "Replies not validated for want of means.",
           &WorkerCounters::validation_refused);
}

}  // namespace

std::string_view to_text(Limit limit) {
  switch (limit) {
    case Limit::access_dropped:
      return "access_dropped";
    case Limit::cache_refused:
      return "cache_refused";
    case Limit::cookie_required:
      return "cookie_required";
    case Limit::question_rate:
      return "question_rate";
    case Limit::response_rate:
      return "response_rate";
    case Limit::any:
      return "any";
    case Limit::client_share:
      return "client_share";
    case Limit::network_share:
      return "network_share";
    case Limit::zone_share:
      return "zone_share";
    case Limit::in_flight:
      return "in_flight";
    case Limit::waiters:
      return "waiters";
    case Limit::late:
      return "late";
  }
  return "unknown";
}

std::string render_metrics(std::span<const WorkerCounters* const> workers, const ProcessFigures& process) {
  Page page(workers);
  questions(page);
  policy_hits(page, process);
  caches(page, process);
  recursion(page, process);
  validation(page);
  page.figure("notice_requests_total", "counter", "Requests to the notice page.", process.notice_requests);
  page.figure("reloads_total", "counter", "Configurations taken over.", process.reloads);
  page.figure("reload_failures_total", "counter", "Configurations refused at a reload.", process.reload_failures);
  page.figure("resident_memory_bytes", "gauge", "Resident memory of the process.", process.resident_memory);
  page.figure("uptime_seconds", "counter", "Seconds since the start.", process.uptime_seconds);
  return page.take();
}

}  // namespace placard::serve
