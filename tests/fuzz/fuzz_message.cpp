// Whole messages: every accessor of an accepted one is safe, and rewriting it gives the same records.
#include <algorithm>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "zones/wire/writer.hpp"

using namespace placard::wire;

namespace {

struct Expanded {
  Name owner;
  RecordType type;
  RecordClass record_class;
  std::uint32_t ttl;
  std::vector<std::uint8_t> rdata;
};

std::vector<Expanded> expand(const MessageView& view, Section section) {
  std::vector<Expanded> all;
  for (const RecordView& record : view.records(section)) {
    if (record.type() == RecordType::opt) continue;
    std::vector<std::uint8_t> rdata;
    record.expand_rdata(rdata);
    all.push_back({record.owner(), record.type(), record.record_class(), record.ttl(), std::move(rdata)});
  }
  return all;
}

void rewrite(const MessageView& view) {
  std::vector<std::uint8_t> buffer(kMaxMessageSize);
  MessageWriter writer(buffer, buffer.size());
  writer.header(view.header());
  if (view.count(Section::question) > 0) {
    writer.question(view.question_name(), view.question_type(), view.question_class());
  }
  std::vector<std::vector<Expanded>> sections;
  for (const Section section : {Section::answer, Section::authority, Section::additional}) {
    sections.push_back(expand(view, section));
    for (const Expanded& record : sections.back()) {
      if (record.rdata.size() > kMaxMessageSize) return;
      writer.record(section, record.owner, record.type, record.record_class, record.ttl, record.rdata);
    }
  }
  const auto bytes = writer.finish();
  if (!bytes) return;  // uncompressed, it may have grown too large
  const auto again = parse_message(*bytes);
  assert(again);
  for (std::size_t i = 0; i < sections.size(); ++i) {
    const auto read = expand(*again, static_cast<Section>(i + 1));
    assert(std::ranges::equal(read, sections[i], [](const Expanded& a, const Expanded& b) {
      return a.owner == b.owner && a.type == b.type && a.record_class == b.record_class && a.ttl == b.ttl &&
             a.rdata == b.rdata;
    }));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto view = parse_message({data, size});
  parse_header({data, size});
  if (!view) return 0;
  view->rcode();
  if (view->count(Section::question) > 0) view->question();
  if (view->edns()) {
    view->edns()->extended_errors();
    view->edns()->option(10);
  }
  for (const Section section : {Section::answer, Section::authority, Section::additional}) {
    for (const RecordSet& set : record_sets(*view, section)) {
      for (const Bytes rdata : set.rdatas) rdata_name(set.type, rdata);
    }
  }
  rewrite(*view);
  return 0;
}
