#include "resolver/serve/stored_answer.hpp"

#include <malloc.h>

#include <algorithm>
#include <cassert>
#include <cstring>

#include "resolver/serve/policy_on_answer.hpp"

namespace placard::serve {
namespace {

constexpr std::size_t kAllocation = 8;  // octets an allocator keeps beside a piece, at most

std::size_t held(const void* piece, std::size_t size) {
  return std::max(malloc_usable_size(const_cast<void*>(piece)), size) + kAllocation;
}

/// Those that are not set have no end.
std::uint32_t seconds_after(std::int64_t from, std::int64_t to) {
  return static_cast<std::uint32_t>(std::clamp<std::int64_t>(to - std::min(from, to), 0, UINT32_MAX));
}

}  // namespace

StoredAnswer::StoredAnswer(std::span<const std::uint8_t> message, std::span<const std::uint16_t> ttl_offsets)
    : message_size_(static_cast<std::uint16_t>(message.size())),
      ttl_count_(static_cast<std::uint16_t>(ttl_offsets.size())),
      octets_(new std::uint8_t[offsets_size() + message.size()]) {
  assert(message.size() <= UINT16_MAX && ttl_offsets.size() <= UINT16_MAX);
  if (!ttl_offsets.empty()) std::memcpy(octets_.get(), ttl_offsets.data(), offsets_size());
  std::memcpy(octets_.get() + offsets_size(), message.data(), message.size());
}

StoredAnswer::StoredAnswer(const StoredAnswer& other)
    : clean_generation(other.clean_generation),
      clean_views(other.clean_views),
      clean_until(other.clean_until),
      rcode(other.rcode),
      authenticated(other.authenticated),
      bogus(other.bogus),
      has_chain(other.has_chain),
      message_size_(other.message_size_),
      ttl_count_(other.ttl_count_),
      lifetime_(other.lifetime_),
      refresh_after_(other.refresh_after_),
      stored_at_(other.stored_at_),
      octets_(new std::uint8_t[other.octets_size()]),
      rare_(other.rare_ ? std::make_unique<Rare>(*other.rare_) : nullptr) {
  if (other.octets_) std::memcpy(octets_.get(), other.octets_.get(), octets_size());
}

void StoredAnswer::set_times(std::int64_t stored_at, std::int64_t expires_at, std::int64_t refresh_at) {
  stored_at_ = stored_at;
  lifetime_ = seconds_after(stored_at, expires_at);
  refresh_after_ = seconds_after(stored_at, refresh_at);
}

std::span<const wire::ExtendedError> StoredAnswer::errors() const {
  return rare_ ? std::span<const wire::ExtendedError>(rare_->errors) : std::span<const wire::ExtendedError>();
}

void StoredAnswer::set_errors(std::vector<wire::ExtendedError> errors) {
  if (rare_ || !errors.empty()) rare().errors = std::move(errors);
}

const ServersOfChain* StoredAnswer::servers() const {
  return rare_ ? rare_->servers.get() : nullptr;
}

void StoredAnswer::set_servers(std::shared_ptr<const ServersOfChain> servers) {
  rare().servers = std::move(servers);
}

StoredAnswer::Rare& StoredAnswer::rare() {
  if (!rare_) rare_ = std::make_unique<Rare>();
  return *rare_;
}

std::size_t StoredAnswer::memory() const {
  std::size_t size = sizeof *this + kAllocation;
  if (octets_) size += held(octets_.get(), octets_size());
  if (!rare_) return size;
  size += held(rare_.get(), sizeof *rare_) + rare_->errors.capacity() * sizeof(wire::ExtendedError);
  for (const auto& error : rare_->errors) size += error.extra_text.capacity();
  if (rare_->servers) size += rare_->servers->memory();
  return size;
}

}  // namespace placard::serve
