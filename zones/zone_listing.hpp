// A zone as the list of its records, for those who take it whole or by what changes (AXFR, IXFR): no tree, and no way
// to answer a question from it, in return for a fraction of a Zone's memory and for changes that cost what changes.
//
// Records stand in canonical order of their owners, packed in blocks of some 16 KiB. Nothing changes once made: a new
// version shares the blocks of the one before, and makes only those anew that hold a changed owner. All records of one
// owner are in one block, by type, TTL and rdata, each once. The records of the apex are kept beside the blocks.
// A record costs 8 octets, its owner's name and its rdata. Nothing here checks what may stand beside what: that is for
// who makes the records.
#pragma once

#include <cstdint>
#include <expected>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "zones/change_set.hpp"
#include "zones/record_list.hpp"
#include "zones/transfer_out.hpp"
#include "zones/zone.hpp"

namespace placard::zones {

struct CanonicalOrder {
  using is_transparent = void;
  bool operator()(wire::NameView a, wire::NameView b) const { return canonical_order(a, b) < 0; }
};

class ZoneListing {
 public:
  using Block = std::shared_ptr<const RecordList>;
  /// By owner: all its records from now on; an empty list: none.
  using Changed = std::map<wire::Name, RecordList, CanonicalOrder>;

  /// Gathers records: all of one owner one behind the other, each once. Fast where owners come in canonical order.
  class Builder {
   public:
    void add(const RecordRef& record);

   private:
    friend class ZoneListing;
    void flush();
    void settle();
    void share(Block block);
    std::vector<Block> blocks_;
    RecordList open_;
    bool cuts_ = true;  // blocks are closed as soon as they are full; else by settle()
    wire::Name last_;   // the owner of the record before; the root: there was none
    Changed aside_;     // what came out of order
  };

  /// `apex`: the records of the origin, a sound SOA first and an NS set. REQUIRES: what was gathered is below it.
  ZoneListing(RecordList apex, Builder gathered);
  /// As above from records that were written out, in this order. The error is a phrase.
  static std::expected<ZoneListing, std::string> from_records(wire::NameView origin, RecordList::Iterator begin,
                                                              RecordList::Iterator end);

  /// The same zone with other records at some owners, none of them the apex, and another apex.
  ZoneListing with(RecordList apex, const Changed& changed) const;
  /// What such a version differs in. `changed` as for with().
  ChangeSet changes_by(const RecordList& apex, const Changed& changed) const;
  /// The version that differences, one behind the other, lead to; the error is a phrase, where they do not fit.
  std::expected<ZoneListing, std::string> apply(std::span<const SharedChangeSet> chain) const;
  friend ChangeSet difference(const ZoneListing& from, const ZoneListing& to);

  wire::NameView origin() const { return apex_->origin(); }
  std::uint32_t serial() const { return apex_->serial(); }
  const std::shared_ptr<const Zone>& apex() const { return apex_; }  ///< SOA and NS alone, to be answered from
  const RecordList& apex_records() const { return apex_records_; }
  const std::vector<Block>& blocks() const { return blocks_; }
  std::vector<RecordRef> at(wire::NameView owner) const;  ///< not of the apex
  std::size_t record_count() const { return record_count_; }
  std::size_t memory_size() const { return memory_size_; }  ///< octets of heap

 private:
  std::size_t block_of(wire::NameView owner) const;  // where it stands or would; REQUIRES: some block
  void count();

  RecordList apex_records_;
  std::shared_ptr<const Zone> apex_;
  std::vector<Block> blocks_;
  std::size_t record_count_ = 0, memory_size_ = 0;
};

ChangeSet difference(const ZoneListing& from, const ZoneListing& to);  ///< REQUIRES: the same origin
std::unique_ptr<RecordSource> axfr_of(std::shared_ptr<const ZoneListing> listing);

}  // namespace placard::zones
