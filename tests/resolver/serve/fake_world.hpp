// A world without sockets for the pipeline's tests: one forwarder that knows what it is told, and a clock set by hand.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "resolver/recurse/resolver.hpp"
#include "zones/wire/ldns_adapter.hpp"
#include "zones/wire/writer.hpp"

namespace placard::tests {

/// Answers at once, or when release() is called, from records in presentation form.
class FakeWorld final : public recurse::Network {
 public:
  std::int64_t seconds = 1'800'000'000;
  net::Milliseconds milliseconds = 1'000;
  int asked = 0;
  bool silent = false;  ///< every exchange times out
  bool hold = false;    ///< exchanges wait for release()
  std::string failing;  ///< a name that gets SERVFAIL; aliases to it are answered

  void add(const std::string& record) {
    auto parsed = wire::record_from_text(record, {}, 300);
    if (!parsed) throw std::runtime_error(record + ": " + parsed.error());
    records_.push_back(std::move(*parsed));
  }
  void release() {
    auto waiting = std::move(held_);
    held_.clear();
    for (auto* completion : waiting) completion->complete(true);
  }

  net::Task<std::expected<recurse::Incoming, recurse::NetworkError>> exchange(recurse::Outgoing outgoing) override {
    ++asked;
    if (hold) {
      net::Completion<bool> gate;
      held_.push_back(&gate);
      co_await gate;
    }
    if (silent) {
      milliseconds += outgoing.timeout;
      co_return std::unexpected(recurse::NetworkError::timeout);
    }
    recurse::Incoming incoming;
    incoming.bytes = answer(outgoing.question);
    co_return incoming;
  }
  net::Task<void> work(std::function<void()> job) override {
    job();
    co_return;
  }
  net::Task<void> sleep(net::Milliseconds delay) override {
    milliseconds += delay;
    co_return;
  }
  net::Milliseconds now() const override { return milliseconds; }
  std::int64_t wall_seconds() const override { return seconds; }
  std::uint32_t random(std::uint32_t below) override { return below / 2; }

 private:
  /// As a forwarder does: the whole CNAME chain, or NXDOMAIN with the root's SOA.
  std::vector<std::uint8_t> answer(const wire::Question& question) const {
    std::vector<std::uint8_t> buffer(16384);
    wire::MessageWriter writer(buffer, buffer.size());
    wire::Header header;
    header.qr = header.rd = header.ra = true;
    writer.header(header);
    writer.question(question.name, question.type, question.record_class);
    wire::Name name = question.name;
    bool exists = false;
    for (int hop = 0; hop < 8; ++hop) {
      if (name.to_text() == failing) {
        if (hop == 0) header.rcode = 2;
        writer.set_flags(header);
        exists = true;
        break;
      }
      const wire::Record* alias = nullptr;
      for (const auto& record : records_) {
        if (!(record.owner == name)) continue;
        exists = true;
        if (record.type == question.type || record.type == wire::RecordType::cname)
          writer.record(wire::Section::answer, record.owner, record.type, record.record_class, record.ttl,
                        record.rdata);
        if (record.type == wire::RecordType::cname && question.type != wire::RecordType::cname) alias = &record;
      }
      if (alias == nullptr) break;
      name = *wire::rdata_name(alias->type, alias->rdata);
      exists = false;
    }
    if (!exists) {
      const wire::Soa soa{
          *wire::Name::from_text("a.root."), *wire::Name::from_text("nobody."), 1, 3600, 600, 86400, 60};
      writer.record(wire::Section::authority, {}, wire::RecordType::soa, wire::RecordClass::in, 60,
                    wire::make_soa_rdata(soa));
      header.rcode = 3;
      writer.set_flags(header);
    }
    const auto written = *writer.finish();
    return {written.begin(), written.end()};
  }

  std::vector<wire::Record> records_;
  std::vector<net::Completion<bool>*> held_;
};

}  // namespace placard::tests
