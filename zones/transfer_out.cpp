#include "zones/transfer_out.hpp"

#include <cassert>
#include <utility>

namespace placard::zones {

using wire::RecordType;

namespace {

constexpr std::size_t kOptSize = 11;
constexpr std::uint16_t kUdpSize = 1232;  // octets, announced

RecordRef soa_record(const Zone& zone) {
  return {zone.origin(), RecordType::soa, zone.soa().ttl(), *zone.soa().rdatas().begin()};
}

class WholeZone final : public RecordSource {
 public:
  explicit WholeZone(std::shared_ptr<const Zone> zone) : zone_(std::move(zone)) { enter_set(); }

  std::optional<RecordRef> next() override {
    if (!begun_) {
      begun_ = true;
      return soa_record(*zone_);
    }
    for (;;) {
      if (node_ == zone_->nodes().size()) {
        if (ended_) return std::nullopt;
        ended_ = true;
        return soa_record(*zone_);
      }
      const Node& node = zone_->nodes()[node_];
      if (set_ == node.sets().size()) {
        ++node_;
        set_ = 0;
        enter_set();
        continue;
      }
      const StoredSet& set = node.sets()[set_];
      if (at_ != set.rdatas().end()) {
        const wire::Bytes rdata = *at_++;
        if (set.type() == RecordType::soa) continue;  // it frames the transfer
        return RecordRef{node.name(), set.type(), set.ttl(), rdata};
      }
      if (signature_ != set.signatures().end())
        return RecordRef{node.name(), RecordType::rrsig, set.ttl(), *signature_++};
      ++set_;
      enter_set();
    }
  }

 private:
  void enter_set() {
    if (node_ == zone_->nodes().size()) return;
    const auto sets = zone_->nodes()[node_].sets();
    if (set_ == sets.size()) return;
    at_ = sets[set_].rdatas().begin();
    signature_ = sets[set_].signatures().begin();
  }

  std::shared_ptr<const Zone> zone_;
  std::size_t node_ = 0, set_ = 0;
  wire::RdataList::Iterator at_, signature_;
  bool begun_ = false, ended_ = false;
};

class Differences final : public RecordSource {
 public:
  Differences(std::shared_ptr<const Zone> zone, std::vector<SharedChangeSet> chain)
      : zone_(std::move(zone)), chain_(std::move(chain)) {
    assert(!chain_.empty() && chain_.back()->to == zone_->serial());
    at_ = chain_.front()->removed.begin();
  }

  std::optional<RecordRef> next() override {
    if (!begun_) {
      begun_ = true;
      return soa_record(*zone_);
    }
    while (number_ < chain_.size()) {
      const ChangeSet& changes = *chain_[number_];
      if (at_ != (adding_ ? changes.added : changes.removed).end()) return *at_++;
      if (adding_) ++number_;
      adding_ = !adding_;
      if (number_ < chain_.size()) at_ = (adding_ ? chain_[number_]->added : chain_[number_]->removed).begin();
    }
    if (ended_) return std::nullopt;
    ended_ = true;
    return soa_record(*zone_);
  }

 private:
  std::shared_ptr<const Zone> zone_;
  std::vector<SharedChangeSet> chain_;
  std::size_t number_ = 0;
  RecordList::Iterator at_;
  bool adding_ = false, begun_ = false, ended_ = false;
};

class SoaAlone final : public RecordSource {
 public:
  explicit SoaAlone(std::shared_ptr<const Zone> zone) : zone_(std::move(zone)) {}
  std::optional<RecordRef> next() override {
    if (std::exchange(given_, true)) return std::nullopt;
    return soa_record(*zone_);
  }

 private:
  std::shared_ptr<const Zone> zone_;
  bool given_ = false;
};

}  // namespace

std::unique_ptr<RecordSource> axfr_of(std::shared_ptr<const Zone> zone) {
  return std::make_unique<WholeZone>(std::move(zone));
}

std::unique_ptr<RecordSource> ixfr_of(std::shared_ptr<const Zone> zone, std::vector<SharedChangeSet> chain) {
  return std::make_unique<Differences>(std::move(zone), std::move(chain));
}

std::unique_ptr<RecordSource> soa_of(std::shared_ptr<const Zone> zone) {
  return std::make_unique<SoaAlone>(std::move(zone));
}

std::expected<std::uint32_t, std::string_view> serial_of_ixfr(const wire::MessageView& question) {
  for (const wire::RecordView record : question.records(wire::Section::authority)) {
    if (record.type() != RecordType::soa || !(record.owner().view() == question.question_name())) continue;
    std::vector<std::uint8_t> rdata;
    record.expand_rdata(rdata);
    const auto soa = wire::parse_soa(rdata);
    if (!soa) return std::unexpected("a broken SOA");
    return soa->serial;
  }
  return std::unexpected("an IXFR question without the SOA that its sender has");
}

TransferOut::TransferOut(const wire::MessageView& question, std::unique_ptr<RecordSource> records,
                         std::optional<TsigSigner> signer)
    : question_(question.question()),
      id_(question.header().id),
      recursion_desired_(question.header().rd),
      edns_(question.edns().has_value()),
      records_(std::move(records)),
      signer_(std::move(signer)) {}

std::optional<std::size_t> TransferOut::next(std::span<std::uint8_t> buffer, std::uint64_t now) {
  assert(buffer.size() >= wire::kMaxMessageSize);
  if (!waiting_ && !ended_) waiting_ = records_->next();
  if (!waiting_) {
    ended_ = true;
    return 0;
  }
  auto size = write(buffer, kMessageSize);
  if (!size) size = write(buffer, wire::kMaxMessageSize);
  if (!size) return std::nullopt;
  ++messages_;
  return signer_ ? signer_->sign(buffer, *size, now) : size;
}

/// One message; nothing when not even one record fits.
std::optional<std::size_t> TransferOut::write(std::span<std::uint8_t> buffer, std::size_t limit) {
  const bool first = messages_ == 0;
  const bool with_opt = first && edns_;
  const std::size_t behind = signer_ ? signer_->record_size() : 0;
  wire::MessageWriter writer(buffer, limit - behind, with_opt ? kOptSize : 0);
  writer.header({.id = id_, .qr = true, .aa = true, .rd = recursion_desired_});
  if (first) writer.question(question_.name, question_.type, question_.record_class);
  std::size_t count = 0;
  for (; waiting_; waiting_ = records_->next()) {
    const auto mark = writer.mark();
    writer.record(wire::Section::answer, waiting_->owner, waiting_->type, wire::RecordClass::in, waiting_->ttl,
                  waiting_->rdata);
    if (writer.full()) {
      writer.rollback(mark);
      break;
    }
    ++count;
  }
  if (count == 0) return std::nullopt;
  if (!waiting_) ended_ = true;
  sent_ += count;
  if (with_opt) writer.edns(kUdpSize, false, wire::Rcode::noerror);
  const auto message = writer.finish();
  assert(message);
  return message->size();
}

}  // namespace placard::zones
