#include "resolver/recurse/flights.hpp"

#include <fmt/core.h>

#include <algorithm>

namespace placard::recurse {

std::shared_ptr<Flight> Flights::find(const FlightKey& key) const {
  const auto found = flying_.find(key);
  return found == flying_.end() ? nullptr : found->second;
}

void Flights::land(const std::shared_ptr<Flight>& flight, const FetchedPointer& fetched) {
  const auto found = flying_.find(flight->key);
  if (found != flying_.end() && found->second == flight) flying_.erase(found);
  landed_.emplace_back(flight, fetched);
  // Who is resumed may land another flight inside of that, whose waiters land the next ones: strangers' zones can make
  // such a row as long as there are flights, and the stack would not hold it. So the first one resumes them all.
  if (landing_) return;
  landing_ = true;
  while (!landed_.empty()) {
    const auto [next, its] = std::move(landed_.front());
    landed_.pop_front();
    // A resumed waiter may destroy others, so the list is read from its head each time.
    while (Waiter* waiter = next->first_waiter) {
      waiter->leave();
      waiter->landed.complete(its);
    }
  }
  landing_ = false;
}

std::vector<Resolver::InFlight> Flights::list() const {
  std::vector<Resolver::InFlight> all;
  const Milliseconds now = network_.now();
  for (const auto& [key, flight] : flying_) {
    Resolver::InFlight one;
    one.question.name = key.name;
    one.question.type = key.type;
    one.age = now - flight->started;
    TraceStep step;
    step.at = one.age;
    step.text = flight->asked == 0 ? std::string(flight->doing)
                                   : fmt::format("{}; {} questions so far, the last one to {}", flight->doing,
                                                 flight->asked, flight->last_server.to_text());
    one.steps.push_back(std::move(step));
    all.push_back(std::move(one));
  }
  return all;
}

void Flights::watch(Waiter& waiter) {
  const Milliseconds at = waiter.watched_.value()->first;
  if (next_sweep_ != 0 && next_sweep_ <= at) return;
  next_sweep_ = at;
  tasks_.spawn(sweep(at, ++generation_));
}

/// Wakes those whose time has come, and sees to it that the next ones are woken.
net::Task<void> Flights::sweep(Milliseconds at, std::uint64_t generation) {
  const Milliseconds now = network_.now();
  if (at > now) {
    auto sleeping = network_.sleep(at - now);
    co_await sleeping;
  }
  while (!deadlines_.empty() && deadlines_.begin()->first <= network_.now()) {
    Waiter* waiter = deadlines_.begin()->second;
    waiter->leave();
    waiter->landed.complete(nullptr);
  }
  if (generation != generation_) co_return;
  next_sweep_ = 0;
  if (!deadlines_.empty()) watch(*deadlines_.begin()->second);
}

Waiter::Waiter(Flights& flights, std::shared_ptr<Flight> flight, Flight* for_flight, Milliseconds deadline)
    : flights_(flights), flight_(std::move(flight)), for_flight_(for_flight) {
  next_ = flight_->first_waiter;
  if (next_) next_->previous_ = this;
  flight_->first_waiter = this;
  listed_ = true;
  if (for_flight_) for_flight_->waiting_for = flight_.get();
  if (deadline < flight_->asker.deadline) {
    watched_ = flights_.deadlines_.emplace(deadline, this);
    flights_.watch(*this);
  }
}

Waiter::~Waiter() {
  leave();
}

void Waiter::leave() {
  if (!listed_) return;
  listed_ = false;
  (previous_ ? previous_->next_ : flight_->first_waiter) = next_;
  if (next_) next_->previous_ = previous_;
  if (for_flight_) for_flight_->waiting_for = nullptr;
  if (watched_) flights_.deadlines_.erase(*watched_);
}

bool Waiter::closes_circle(const Flight& flight, const Flight* waiting) {
  if (!waiting) return false;
  for (const Flight* at = &flight; at; at = at->waiting_for) {
    if (at == waiting) return true;
  }
  return false;
}

}  // namespace placard::recurse
