// The rules of one list, ten million of them if need be, in as few octets as will do: what a list is between the
// parser that reads it, the guards, the store and the index.
//
// Rules are added in any order and then sealed: sorted, the same rule twice counted and dropped, of two that contradict
// one another the earlier line kept. A rule costs 16 octets and what its name has beside its top-level label. What
// rules have in common (trigger, match, action, TTL, data) is a form that stands once. The order is that of the store
// and the same on every machine: by trigger, then by the octets of the key, then match. The key of a name is
// stored_key() (labels reversed: "net.kiwifarms"); of an address trigger the canonical prefix as text ("192.0.2.0/24").
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "policy/record/decision.hpp"

namespace placard::policy {

/// All of a rule but whom it is about.
struct RuleForm {
  Trigger trigger = Trigger::qname;
  MatchKind match = MatchKind::both;
  Action action = Action::sinkhole;
  std::optional<std::uint32_t> ttl;  ///< seconds
  std::vector<LocalRecord> records;  ///< of local_data
  wire::Name target;                 ///< of cname
};

/// A rule of that form, without name and prefix.
Rule rule_of(const RuleForm& form);

/// One rule of a sealed list; borrowed until the cursor moves.
struct ListedRule {
  std::string_view key;
  std::uint32_t form = 0;  ///< number of its form
  std::uint32_t line = 0;  ///< where it stands in its source, from 1; 0: nowhere
};

/// A rule that sealing dropped.
struct DroppedRule {
  enum class Why : std::uint8_t { duplicate, contradiction };
  Why why = Why::duplicate;
  std::string key;
  std::uint32_t line = 0, kept_line = 0;
};

class RuleList {
 public:
  static constexpr std::size_t kMaxRules = 100'000'000;  ///< what the offsets of names can reach, with a margin
  static constexpr std::size_t kMaxLeads = 250'000;      ///< top-level labels: there are some 1,500 in the world

  RuleList();
  RuleList(RuleList&&) noexcept;
  RuleList& operator=(RuleList&&) noexcept;
  ~RuleList();

  /// The number of a form; equal forms are one.
  std::uint32_t form_number(const RuleForm& form);
  const RuleForm& form(std::uint32_t number) const { return forms_[number]; }
  std::size_t form_count() const { return forms_.size(); }

  /// False when the list is full. REQUIRES: not sealed; a key as described above, of at most 1,016 octets.
  bool add(std::string_view key, std::uint32_t form, std::uint32_t line);

  /// Sorts and drops; tells of each dropped rule. `exact` and `subdomains` of one name that do the same become one rule
  /// `both`; records of one name from several lines become one rule. Once.
  void seal(const std::function<void(const DroppedRule&)>& dropped = {});
  bool is_sealed() const { return sealed_; }

  std::size_t size() const { return size_; }
  std::size_t memory() const;  ///< octets, roughly

  /// Reads a sealed list in order.
  class Cursor {
   public:
    explicit Cursor(const RuleList& list) : list_(&list), end_(list.groups_.size()) {}
    Cursor(const RuleList& list, Trigger trigger);  ///< its rules alone
    bool next(ListedRule& rule);

   private:
    const RuleList* list_;
    std::size_t group_ = 0, end_, entry_ = 0;
    std::string key_;
  };

  /// Takes out what `unwanted` says; asked in order. REQUIRES: sealed.
  void remove_if(const std::function<bool(const ListedRule&)>& unwanted);

 private:
  struct Entry {
    std::uint64_t prefix;  // the first octets of the rest of the key, big-endian: decides nearly every comparison
    std::uint32_t place;   // in the arena: form, size and rest of the key
    std::uint32_t line;
  };
  struct Group {       // rules of one trigger whose keys share all up to the first dot
    std::string lead;  // trigger as one octet, then that part of the key
    std::vector<Entry> entries;
  };
  struct Text {
    std::uint32_t form;
    std::string_view rest;
  };

  Text text_at(std::uint32_t place) const;
  static Text text_in(const std::uint8_t* at);
  void order_texts();
  void set_form(std::uint32_t place, std::uint32_t form);
  std::uint32_t store(std::uint32_t form, std::string_view rest);
  Group& group_of(Trigger trigger, std::string_view lead);
  Group& find_group(Trigger trigger, std::string_view lead);
  void seal_group(Group& group, const std::function<void(const DroppedRule&)>& dropped);
  std::optional<std::uint32_t> joined_form(std::uint32_t a, std::uint32_t b);

  std::vector<RuleForm> forms_;
  std::map<std::string, std::uint32_t> form_numbers_;  // by their octets
  struct FreeChunk {
    void operator()(std::uint8_t* chunk) const;
  };
  std::vector<std::unique_ptr<std::uint8_t, FreeChunk>> chunks_;
  std::size_t chunk_used_ = 0;
  std::vector<std::unique_ptr<Group>> groups_;
  std::unordered_map<std::string, Group*> groups_by_lead_;
  std::array<Group*, 64> recent_groups_{};  // by a few octets of the lead
  std::size_t size_ = 0;
  bool sealed_ = false;
};

}  // namespace placard::policy
