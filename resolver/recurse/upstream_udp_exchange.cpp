// One question over UDP: its time, and what is thought of the replies that reach it. The sockets are
// upstream_udp.cpp's.
#include <algorithm>

#include "resolver/recurse/upstream_udp.hpp"

namespace placard::recurse {

UdpExchange::UdpExchange(UdpPool& pool, const Outgoing& outgoing)
    : Alarm(pool.context().loop),
      pool_(pool),
      outgoing_(outgoing),
      message_(outgoing, outgoing.random_case, pool.context().random) {}

UdpExchange::~UdpExchange() {
  pool_.remove(*this);
}

void UdpExchange::start() {
  started_ = sent_ = pool_.context().loop.now();
  if (auto added = pool_.add(*this); !added) return finish(std::unexpected(added.error()));
  Alarm::start(outgoing_.timeout);
}

void UdpExchange::on_time() {
  if (other_question_) {
    distrusted_ = true;
    return finish(std::unexpected(other_case_ ? NetworkError::other_case : NetworkError::malformed));
  }
  ++pool_.context().counters.timeouts;
  finish(std::unexpected(NetworkError::timeout));
}

void UdpExchange::on_reply(wire::Bytes reply) {
  Incoming incoming;
  incoming.bytes.assign(reply.begin(), reply.end());
  switch (message_.judge(incoming.bytes)) {
    case Fit::ours:
      ++pool_.context().counters.udp_received;
      incoming.rtt = pool_.context().loop.now() - sent_;
      return finish(std::move(incoming));
    case Fit::malformed:
      ++pool_.context().counters.mismatched;
      return finish(std::unexpected(NetworkError::malformed));
    case Fit::other_case:
      other_case_ = true;
      [[fallthrough]];
    case Fit::other:
      ++pool_.context().counters.mismatched;
      if (!other_question_) {
        other_question_ = true;
        const Milliseconds passed = pool_.context().loop.now() - started_;
        Alarm::start(
            std::min(pool_.context().limits.grace, outgoing_.timeout > passed ? outgoing_.timeout - passed : 0));
      }
      return on_near_miss();
  }
}

void UdpExchange::on_near_miss() {
  if (++near_misses_ < pool_.context().limits.near_misses) return;
  distrusted_ = true;
  finish(std::unexpected(NetworkError::malformed));
}

void UdpExchange::finish(ExchangeResult result) {
  stop();
  pool_.remove(*this);
  complete(std::move(result));
}

}  // namespace placard::recurse
