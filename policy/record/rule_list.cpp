#include "policy/record/rule_list.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <cassert>
#include <cstdlib>
#include <cstring>
#include <new>
#include <span>
#include <utility>

namespace placard::policy {
namespace {

constexpr std::size_t kChunk = std::size_t{1} << 21;  // octets; the upper 11 bits of a place number its chunk
constexpr std::size_t kMaxChunks = std::size_t{1} << 11;
constexpr std::uint32_t kNone = 0xFFFFFFFF;
constexpr std::size_t kAhead = 24;  // entries whose texts are asked for
constexpr std::size_t kTextHeader = sizeof(std::uint32_t) + sizeof(std::uint16_t);

std::uint64_t prefix_of(std::string_view rest) {
  std::uint64_t prefix = 0;
  std::memcpy(&prefix, rest.data(), std::min(rest.size(), sizeof prefix));
  return __builtin_bswap64(prefix);  // keys have no zero octets, so what is missing sorts first
}

/// Sorts by prefix from its octet at `shift` on, in place, then by `less`. Octet by octet (American flag sort) until
/// few have their first octets in common.
template <typename Entry, typename Less>
void sort_by_prefix(std::span<Entry> entries, int shift, const Less& less) {
  constexpr std::size_t kFew = 200;
  if (entries.size() <= kFew || shift < 0) {
    std::sort(entries.begin(), entries.end(), less);
    return;
  }
  const auto digit = [shift](const Entry& entry) { return entry.prefix >> shift & 0xFF; };
  std::array<std::size_t, 256> next{}, end{};
  for (const auto& entry : entries) ++end[digit(entry)];
  for (std::size_t i = 1; i < end.size(); ++i) end[i] += next[i] = end[i - 1];
  const auto begin = next;
  for (std::size_t i = 0; i < end.size(); ++i) {
    while (next[i] < end[i]) {
      Entry moved = entries[next[i]];
      for (auto to = digit(moved); to != i; to = digit(moved)) std::swap(moved, entries[next[to]++]);
      entries[next[i]++] = moved;
    }
  }
  for (std::size_t i = 0; i < end.size(); ++i)
    if (end[i] - begin[i] > 1) sort_by_prefix(entries.subspan(begin[i], end[i] - begin[i]), shift - 8, less);
}

/// Everything that makes two forms the same, one behind the other.
std::string octets_of(const RuleForm& form) {
  std::string octets;
  const auto number = [&](std::uint64_t value) { octets.append(reinterpret_cast<const char*>(&value), sizeof value); };
  const auto bytes = [&](wire::Bytes value) {
    number(value.size());
    octets.append(reinterpret_cast<const char*>(value.data()), value.size());
  };
  number(static_cast<std::uint64_t>(form.trigger));
  number(static_cast<std::uint64_t>(form.match));
  number(static_cast<std::uint64_t>(form.action));
  number(form.ttl ? std::uint64_t{1} + *form.ttl : 0);
  bytes(form.target.view().bytes());
  for (const auto& record : form.records) {
    number(static_cast<std::uint64_t>(record.type));
    bytes(record.rdata);
  }
  return octets;
}

}  // namespace

RuleList::RuleList() = default;
RuleList::RuleList(RuleList&&) noexcept = default;
RuleList& RuleList::operator=(RuleList&&) noexcept = default;
RuleList::~RuleList() = default;

std::uint32_t RuleList::form_number(const RuleForm& form) {
  const auto [at, fresh] = form_numbers_.try_emplace(octets_of(form), static_cast<std::uint32_t>(forms_.size()));
  if (fresh) forms_.push_back(form);
  return at->second;
}

std::uint32_t RuleList::store(std::uint32_t form, std::string_view rest) {
  const auto needed = kTextHeader + rest.size();
  if (chunks_.empty() || chunk_used_ + needed > kChunk) {
    auto* chunk = static_cast<std::uint8_t*>(std::aligned_alloc(kChunk, kChunk));
    if (chunk == nullptr) throw std::bad_alloc();
    // Those of a long list are put in order once: on large pages.
    if (!chunks_.empty()) (void)::madvise(chunk, kChunk, MADV_HUGEPAGE);
    chunks_.emplace_back(chunk);
    chunk_used_ = 0;
  }
  auto* at = chunks_.back().get() + chunk_used_;
  const auto size = static_cast<std::uint16_t>(rest.size());
  std::memcpy(at, &form, sizeof form);
  std::memcpy(at + sizeof form, &size, sizeof size);
  std::memcpy(at + kTextHeader, rest.data(), rest.size());
  const auto place = static_cast<std::uint32_t>((chunks_.size() - 1) * kChunk + chunk_used_);
  chunk_used_ += needed;
  return place;
}

RuleList::Text RuleList::text_in(const std::uint8_t* at) {
  std::uint32_t form = 0;
  std::uint16_t size = 0;
  std::memcpy(&form, at, sizeof form);
  std::memcpy(&size, at + sizeof form, sizeof size);
  return {form, {reinterpret_cast<const char*>(at + kTextHeader), size}};
}

RuleList::Text RuleList::text_at(std::uint32_t place) const {
  return text_in(chunks_[place / kChunk].get() + place % kChunk);
}

void RuleList::set_form(std::uint32_t place, std::uint32_t form) {
  std::memcpy(chunks_[place / kChunk].get() + place % kChunk, &form, sizeof form);
}

void RuleList::FreeChunk::operator()(std::uint8_t* chunk) const {
  std::free(chunk);
}

RuleList::Group& RuleList::group_of(Trigger trigger, std::string_view lead) {
  auto slot = lead.size() + static_cast<std::size_t>(trigger);
  if (!lead.empty())
    slot += static_cast<std::size_t>(lead.front()) * 7 + static_cast<std::size_t>(lead[lead.size() / 2]);
  auto& recent = recent_groups_[slot % recent_groups_.size()];
  const bool same = recent != nullptr && recent->lead[0] == static_cast<char>(trigger) &&
                    std::string_view(recent->lead).substr(1) == lead;
  if (!same) recent = &find_group(trigger, lead);
  return *recent;
}

RuleList::Group& RuleList::find_group(Trigger trigger, std::string_view lead) {
  std::string whole;
  whole.reserve(lead.size() + 1);
  whole += static_cast<char>(trigger);
  whole += lead;
  auto& group = groups_by_lead_[whole];
  if (!group) {
    groups_.push_back(std::make_unique<Group>(Group{std::move(whole), {}}));
    group = groups_.back().get();
  }
  return *group;
}

bool RuleList::add(std::string_view key, std::uint32_t form, std::uint32_t line) {
  assert(!sealed_ && form < forms_.size() && key.size() + kTextHeader <= kChunk / 2);
  if (size_ == kMaxRules || groups_.size() == kMaxLeads ||
      (chunks_.size() == kMaxChunks && chunk_used_ + kTextHeader + key.size() > kChunk))
    return false;
  // The first label with its dot (of an IPv6 prefix the first word), or all of a key without one: in the order of
  // octets no group lies inside another.
  const auto dot = key.find_first_of(".:");
  const auto lead = dot == key.npos ? key.size() : dot + 1;
  auto& group = group_of(forms_[form].trigger, key.substr(0, lead));
  const auto rest = key.substr(lead);
  group.entries.push_back({prefix_of(rest), store(form, rest), line});
  ++size_;
  return true;
}

/// The form of both rules together: one for a name and one for what is below it that do the same, or records of one
/// name. Nothing when they say different things.
std::optional<std::uint32_t> RuleList::joined_form(std::uint32_t a, std::uint32_t b) {
  auto joined = forms_[a];
  const auto& other = forms_[b];
  if (joined.match == other.match) {
    if (joined.action != Action::local_data || other.action != Action::local_data) return std::nullopt;
    for (const auto& record : other.records) {
      const bool there = std::ranges::any_of(
          joined.records, [&](const LocalRecord& one) { return one.type == record.type && one.rdata == record.rdata; });
      if (!there) joined.records.push_back(record);
    }
    return form_number(joined);
  }
  joined.match = other.match;
  if (joined.match == MatchKind::both || forms_[a].match == MatchKind::both) return std::nullopt;
  if (octets_of(joined) != octets_of(other)) return std::nullopt;
  joined.match = MatchKind::both;
  return form_number(joined);
}

void RuleList::seal_group(Group& group, const std::function<void(const DroppedRule&)>& dropped) {
  const auto same_key = [this](const Entry& a, const Entry& b) {
    return a.prefix == b.prefix && text_at(a.place).rest == text_at(b.place).rest;
  };
  const auto less = [this](const Entry& a, const Entry& b) {
    if (a.prefix != b.prefix) return a.prefix < b.prefix;
    const auto x = text_at(a.place), y = text_at(b.place);
    if (const auto order = x.rest.compare(y.rest); order != 0) return order < 0;
    const auto &f = forms_[x.form], &g = forms_[y.form];
    if (f.match != g.match) return f.match < g.match;
    return a.line != b.line ? a.line < b.line : a.place < b.place;
  };
  sort_by_prefix(std::span(group.entries), 56, less);
  const auto tell = [&](DroppedRule::Why why, const Entry& gone, const Entry& kept) {
    if (!dropped) return;
    std::string key = group.lead.substr(1);
    key += text_at(gone.place).rest;
    dropped({why, std::move(key), gone.line, kept.line});
  };
  auto& entries = group.entries;
  const auto form_of = [this](const Entry& entry) { return text_at(entry.place).form; };
  std::size_t kept = 0;
  for (std::size_t i = 0; i < entries.size();) {
    // The rules of one name: the first of each match, which those behind it add to, repeat or contradict.
    const auto first = kept;
    const Entry name = entries[i];
    for (; i < entries.size() && same_key(name, entries[i]); ++i) {
      const auto form = form_of(entries[i]);
      if (kept == first || forms_[form_of(entries[kept - 1])].match != forms_[form].match) {
        entries[kept++] = entries[i];
        continue;
      }
      auto& before = entries[kept - 1];
      const auto joined = form_of(before) == form ? form : joined_form(form_of(before), form).value_or(kNone);
      if (joined == kNone)
        tell(DroppedRule::Why::contradiction, entries[i], before);
      else if (joined == form_of(before))
        tell(DroppedRule::Why::duplicate, entries[i], before);
      else
        set_form(before.place, joined);
    }
    if (kept - first != 2) continue;
    if (const auto joined = joined_form(form_of(entries[first]), form_of(entries[first + 1]))) {
      set_form(entries[first].place, *joined);
      entries[first].line = std::min(entries[first].line, entries[first + 1].line);
      --kept;
    }
  }
  size_ -= entries.size() - kept;
  entries.resize(kept);
}

void RuleList::seal(const std::function<void(const DroppedRule&)>& dropped) {
  assert(!sealed_);
  std::ranges::sort(groups_, {}, [](const auto& group) -> const std::string& { return group->lead; });
  for (auto& group : groups_) seal_group(*group, dropped);
  order_texts();
  sealed_ = true;
}

/// Puts the texts into the order of the keys: looking for each of them here and there is paid once, not by each who
/// reads the list.
void RuleList::order_texts() {
  const auto old = std::exchange(chunks_, {});
  chunk_used_ = 0;
  const auto text = [&old](const Entry& entry) { return old[entry.place / kChunk].get() + entry.place % kChunk; };
  for (auto& group : groups_) {
    auto& entries = group->entries;
    for (std::size_t i = 0; i < entries.size(); ++i) {
      if (i + kAhead < entries.size()) {
        __builtin_prefetch(text(entries[i + kAhead]));
        __builtin_prefetch(text(entries[i + kAhead]) + 32);  // most end in this line or the next
      }
      const auto read = text_in(text(entries[i]));
      entries[i].place = store(read.form, read.rest);
    }
  }
}

RuleList::Cursor::Cursor(const RuleList& list, Trigger trigger) : list_(&list) {
  const auto range = std::ranges::equal_range(list.groups_, static_cast<char>(trigger), {},
                                              [](const auto& group) { return group->lead[0]; });
  group_ = static_cast<std::size_t>(range.begin() - list.groups_.begin());
  end_ = static_cast<std::size_t>(range.end() - list.groups_.begin());
}

bool RuleList::Cursor::next(ListedRule& rule) {
  assert(list_->sealed_);
  while (group_ < end_ && entry_ == list_->groups_[group_]->entries.size()) {
    ++group_;
    entry_ = 0;
  }
  if (group_ == end_) return false;
  const auto& group = *list_->groups_[group_];
  const auto& entry = group.entries[entry_++];
  const auto text = list_->text_at(entry.place);
  key_.assign(group.lead, 1);
  key_ += text.rest;
  rule = {key_, text.form, entry.line};
  return true;
}

void RuleList::remove_if(const std::function<bool(const ListedRule&)>& unwanted) {
  assert(sealed_);
  std::string key;
  for (auto& group : groups_) {
    const auto gone = std::erase_if(group->entries, [&](const Entry& entry) {
      const auto text = text_at(entry.place);
      key.assign(group->lead, 1);
      key += text.rest;
      return unwanted({key, text.form, entry.line});
    });
    size_ -= gone;
  }
}

Rule rule_of(const RuleForm& form) {
  Rule rule;
  rule.trigger = form.trigger;
  rule.match = form.match;
  rule.action = form.action;
  rule.ttl = form.ttl;
  rule.records = form.records;
  rule.target = form.target;
  return rule;
}

std::size_t RuleList::memory() const {
  std::size_t octets = chunks_.size() * kChunk;
  for (const auto& group : groups_) octets += sizeof *group + group->entries.capacity() * sizeof(Entry);
  return octets;
}

}  // namespace placard::policy
