// A list on its way into the record: compared with what it was, and its differences written, in steps between which
// others may write. What was written shows when the last step has put the entry into the log, and not before.
//
// Of ten million rows nearly all the work is in prepare(), which needs no one's leave; write() is one short transaction
// without a sync, finish() one with. Rows of a recording that never came to its end are removed by the next one, in
// steps of the same size, before it writes its own.
#pragma once

#include <memory>

#include "policy/record/list_digest.hpp"
#include "policy/record/store.hpp"

namespace placard::policy {

class ListRecording {
 public:
  static constexpr std::size_t kBatch = 32'768;  ///< rows of one write(); where they stand in blocks some hundreds more

  /// Reads through a connection of its own. REQUIRES: until the end no other recording of any list is begun, and `list`
  /// stays as it is.
  ListRecording(const std::filesystem::path& store, const AdmittedList& list);
  ~ListRecording();
  ListRecording(const ListRecording&) = delete;
  ListRecording& operator=(const ListRecording&) = delete;

  /// Rows to be written, in order.
  class Batch {
   public:
    bool empty() const { return size_ == 0; }
    bool is_full() const { return size_ >= kBatch; }

   private:
    friend class ListRecording;
    struct Row {
      std::uint32_t key = 0;  // where it begins in keys_
      std::uint16_t key_size = 0;
      Trigger trigger = Trigger::qname;
      MatchKind match = MatchKind::both;
      std::uint32_t form = 0, line = 0;
    };
    struct Block {  // of a list that never had a rule: see migrate_5.sql
      Trigger trigger;
      MatchKind match;
      std::string key, rows;
    };
    std::vector<Row> rows_;
    std::string keys_;
    std::vector<Block> blocks_;
    std::size_t size_ = 0;  // rows, of both kinds
  };

  /// Some of what a recording left behind that never came to its end.
  class Left {
   public:
    bool empty() const { return order_ == 0; }
    std::size_t size() const { return places_.size(); }

   private:
    friend class ListRecording;
    struct Place {
      std::int64_t trigger = -1;
      std::string key;
      std::int64_t match = -1;
    };
    std::int64_t list_ = 0, order_ = 0;  // as in list_pending
    bool blocks_ = false;                // places are in list_block, else in list_rule
    std::vector<Place> places_;          // none: that was all of it
  };
  /// What of it is to be removed next; empty when nothing is left. REQUIRES: what was found before is removed.
  Left find_left();
  void remove(Store& store, const Left& left);

  /// Walks on until kBatch rows are to be written; an empty batch when nothing is left. May run beside write() of
  /// earlier ones.
  Batch prepare();
  void write(Store& store, const Batch& batch);
  /// Copies from the write-ahead log what is there, so that no writer has to. After write() every now and then, and at
  /// the end; needs no one's leave.
  void settle();
  /// Puts the entry into the log; the outcome's sequence is 0 when nothing differs. REQUIRES: all was prepared and
  /// written.
  ListOutcome finish(Store& store, std::string_view author, Time now);

  /// What was found so far.
  const ListOutcome& outcome() const { return outcome_; }

 private:
  /// Numbers of a list's forms as the store has them, new ones as they come up.
  struct Forms {
    std::vector<std::uint32_t> numbers;  // by the form's number in the list; 0: not met yet
    std::map<std::string, std::uint32_t, std::less<>> known;
    std::vector<std::string> fresh;
    std::uint32_t first_fresh = 1;
  };

  std::uint32_t stored_form(std::uint32_t form);
  void put(Batch& batch, Trigger trigger, std::string_view key, MatchKind match, std::uint32_t form,
           std::uint32_t line);
  Batch prepare_blocks();
  void begin(Connection& connection);
  void write_blocks(Connection& connection, const Batch& batch);
  void write_rows(Connection& connection, const Batch& batch);

  const AdmittedList& list_;
  std::unique_ptr<Connection> reading_, settling_;
  Left left_;  // found last
  unsigned writes_ = 0;
  std::optional<ListStand> before_;
  bool begins_ = true;  // the list never had a rule
  Forms forms_;
  RuleList::Cursor fresh_;
  std::unique_ptr<ListCursor> kept_;
  ListedRule wanted_;
  StoredListRule stored_;
  bool has_wanted_ = false, has_stored_ = false;
  ListDigest digest_;
  ListOutcome outcome_;
  std::int64_t number_ = 0, order_ = 0;  // of the list, and its rows' `sequence`; 0: not begun
};

}  // namespace placard::policy
