// One question over UDP: its time, and what is thought of the replies that reach it. The sockets are
// upstream_udp.cpp's.
#include <algorithm>

#include "resolver/recurse/upstream_udp.hpp"

namespace placard::recurse {

UdpExchange::UdpExchange(UdpPool& pool, const Outgoing& outgoing, const Cookie& cookie)
    : Alarm(pool.context().loop),
      pool_(pool),
      outgoing_(outgoing),
      message_(outgoing, cookie, Transport::udp, pool.context().random) {}

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
  auto& counters = pool_.context().counters;
  const Fit fit = message_.judge(incoming.bytes, signs_);
  switch (fit) {
    case Fit::ours:
      ++counters.udp_received;
      incoming.rtt = pool_.context().loop.now() - sent_;
      return finish(std::move(incoming));
    case Fit::malformed:
      counters.drop(Drop::malformed);
      return finish(std::unexpected(NetworkError::malformed));
    case Fit::other_case:
    case Fit::other_cookie:
    case Fit::other:
      other_case_ = other_case_ || fit == Fit::other_case;
      counters.drop(fit == Fit::other_case     ? Drop::letter_case
                    : fit == Fit::other_cookie ? Drop::cookie
                                               : Drop::question);
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
