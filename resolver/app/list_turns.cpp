#include "resolver/app/list_turns.hpp"

#include <uv.h>

#include <future>

namespace placard::app {
namespace {

/// Throws when the server is about to stop: what was written so far is seen by nobody, and goes with the next list.
void unless_stopping(const SharedRecord& at) {
  if (at.stopping != nullptr && *at.stopping)
    throw policy::StoreError(policy::StoreError::Kind::other, "the server stops; the last good list stays");
}

/// On a thread of its own where there is a processor for it, as the `number`th beside the caller; else when it is asked
/// for. Several that want the same processor keep a worker waiting there for as long as they pass it on to one another.
std::launch beside(unsigned number) {
  return uv_available_parallelism() > number ? std::launch::async : std::launch::deferred;
}

}  // namespace

std::expected<policy::ListOutcome, std::string> record_in_turns(const SharedRecord& at,
                                                                const policy::AdmittedList& admitted,
                                                                const std::string& author) {
  policy::ListRecording recording(at.file, admitted);
  for (auto left = recording.find_left(); !left.empty(); left = recording.find_left()) {
    unless_stopping(at);
    at.turn([&](const Workplace& place) { recording.remove(place.store, left); });
    recording.settle();
  }
  const policy::UpcomingList upcoming{admitted.list(), admitted.rules()};
  std::future<std::unique_ptr<UpcomingIndex>> index;  // where an overlay would be large
  const auto prepare = [&recording] { return recording.prepare(); };
  auto batch = recording.prepare();
  while (!batch.empty()) {
    unless_stopping(at);
    auto next = std::async(beside(2), prepare);
    if (at.index != nullptr && !index.valid() && batch.is_full())
      index = std::async(beside(1), [&] { return at.index->write_upcoming(upcoming, at.now()); });
    at.turn([&](const Workplace& place) { recording.write(place.store, batch); });
    recording.settle();
    batch = next.get();
  }
  const auto made = index.valid() ? index.get() : nullptr;
  unless_stopping(at);
  policy::ListOutcome outcome;
  std::expected<void, std::string> published;
  at.turn([&](const Workplace& place) {
    outcome = recording.finish(place.store, author, at.now());
    if (made) at.index->take_over(*made, place.store, outcome.sequence);
    published = place.bring_into_force();
  });
  recording.settle();
  if (!published) return std::unexpected(published.error());
  return outcome;
}

}  // namespace placard::app
