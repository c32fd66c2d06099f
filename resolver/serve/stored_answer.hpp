// A whole answer as it was before policy, ready to be sent again: octets without OPT, and where its TTLs stand.
//
// There may be millions, so it is small: one line of the processor's cache, one piece of memory with all of the octets,
// and another one only for what few answers have (extended errors, name servers that rules ask for).
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "resolver/recurse/cache.hpp"
#include "zones/wire/types.hpp"

namespace placard::serve {

struct ServersOfChain;  // policy_on_answer.hpp

class StoredAnswer {
 public:
  StoredAnswer() = default;  ///< of no octets
  /// `message`: header (flags clear), question, sections; no OPT. RRSIG, NSEC and NSEC3 are in it only when it was
  /// rendered for DO. `ttl_offsets`: where in it TTLs stand. At most 65,535 octets.
  StoredAnswer(std::span<const std::uint8_t> message, std::span<const std::uint16_t> ttl_offsets);
  StoredAnswer(const StoredAnswer& other);
  StoredAnswer& operator=(const StoredAnswer& other) = delete;
  StoredAnswer(StoredAnswer&& other) noexcept = default;
  StoredAnswer& operator=(StoredAnswer&& other) noexcept = default;

  std::span<const std::uint8_t> message() const { return {octets_.get() + offsets_size(), message_size_}; }
  std::span<const std::uint16_t> ttl_offsets() const {
    return {reinterpret_cast<const std::uint16_t*>(octets_.get()), ttl_count_};
  }

  /// Seconds. `refresh_at`: who asks from then on has it fetched again; Cache::kNoEnd for never.
  void set_times(std::int64_t stored_at, std::int64_t expires_at, std::int64_t refresh_at = recurse::Cache::kNoEnd);
  std::int64_t stored_at() const { return stored_at_; }
  std::int64_t expires_at() const { return stored_at_ + lifetime_; }
  bool is_due(std::int64_t now) const { return refresh_after_ != kNever && stored_at_ + refresh_after_ <= now; }
  void refresh_began() { refresh_after_ = kNever; }  ///< nobody else needs to

  std::span<const wire::ExtendedError> errors() const;
  void set_errors(std::vector<wire::ExtendedError> errors);
  /// Who serves the names of its chain; null where no rule asks for that.
  const ServersOfChain* servers() const;
  void set_servers(std::shared_ptr<const ServersOfChain> servers);

  std::size_t memory() const;  ///< octets, the object's own included, with what the allocator keeps beside them

  // Policy found the chain clean for these views (a bit each), by this generation, until then.
  std::uint64_t clean_generation = 0, clean_views = 0;
  std::int64_t clean_until = 0;
  wire::Rcode rcode : 13 = wire::Rcode::servfail;
  bool authenticated : 1 = false;  ///< secure: AD for those who want it
  bool bogus : 1 = false;          ///< policy never rewrites it
  bool has_chain : 1 = false;      ///< CNAMEs in the answer: policy looks at their targets

 private:
  friend class AnswerCache;  // fetches octets_ ahead
  struct Rare {
    std::vector<wire::ExtendedError> errors;
    std::shared_ptr<const ServersOfChain> servers;
  };
  static constexpr std::uint32_t kNever = UINT32_MAX;

  std::size_t offsets_size() const { return std::size_t{ttl_count_} * sizeof(std::uint16_t); }
  std::size_t octets_size() const { return offsets_size() + message_size_; }
  Rare& rare();

  std::uint16_t message_size_ = 0, ttl_count_ = 0;
  std::uint32_t lifetime_ = 0, refresh_after_ = kNever;  // seconds from stored_at_
  std::int64_t stored_at_ = 0;
  std::unique_ptr<std::uint8_t[]> octets_;  // the TTLs' places, then the message
  std::unique_ptr<Rare> rare_;              // null: nothing of it
};
static_assert(sizeof(StoredAnswer) == 64);

}  // namespace placard::serve
