// Questions being worked on: identical ones are asked once, and whoever wants the same answer waits for it.
//
// A Flight is one question's work; it runs by itself (a root task), so that a waiter who leaves takes nobody's answer
// away. Waiters are intrusive: they live in the waiting coroutine's frame and take themselves off when destroyed.
// A flight may wait for another one (the address of a name server). Following these links finds a circle (A needs B
// needs A) before it is closed: that wait is refused, which fails the branch and not the whole.
// A waiter whose deadline comes before the flight's own is woken by the sweeper with nothing in its hands.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "resolver/recurse/flight_key.hpp"
#include "resolver/recurse/resolver.hpp"

namespace placard::recurse {

/// What all the work done for one client's question shares.
struct Budget {
  Milliseconds started = 0;
  std::uint32_t questions = 0;   ///< left
  std::uint32_t glueless = 0;    ///< left
  validate::Means means;         ///< of validation, left
  std::shared_ptr<Trace> trace;  ///< null: nobody wants to know
};

/// On whose behalf something is asked.
struct Flight;
struct Asker {
  std::shared_ptr<Budget> budget;
  Milliseconds deadline = 0;  ///< on the network's clock
  std::uint32_t depth = 0;    ///< resolutions of servers' addresses around this one
  Flight* flight = nullptr;   ///< the one that needs it; null for a client
  bool checking_disabled = false;
  bool cache_only = false;  ///< nobody is asked
  bool refreshing = false;  ///< what has but a tenth of its time left is fetched again
  bool reporting = false;   ///< of an error: what fails then is not reported
  bool for_chain = false;   ///< validation's own: a denial of DS will do without the SOA that clients need
  std::uint32_t ahead = 0;  ///< seconds: start from the delegations that the cache will still have then
};

/// What became of one question: links of a chain, and perhaps its end.
struct Fetched {
  std::vector<EntryPointer> links;  ///< CNAME and DNAME sets; behind them, when complete, the asked ones
  wire::Name next;                  ///< where the chain goes on
  bool complete = false;
  wire::Rcode rcode = wire::Rcode::noerror;
  EntryPointer negative;
  bool failed = false;
  bool out_of_means = false;  ///< failed by the asker's own bounds, not by the servers: says nothing about the name
  bool stale = false;
  bool overloaded = false;  ///< failed because we have no room for it now
  std::uint32_t keep = 0;   ///< of a failure: seconds for which it is remembered
  bool bogus = false;       ///< failed because validation says so
  std::vector<wire::ExtendedError> errors;
};
using FetchedPointer = std::shared_ptr<const Fetched>;

class Waiter;
struct Flight {
  FlightKey key;
  Asker asker;  ///< flight: this one
  Milliseconds started = 0;
  std::uint32_t asked = 0;  ///< questions to servers
  std::string_view doing = "starting";
  net::Endpoint last_server;
  wire::Name report_agent;                ///< whom the servers want to be told of errors (RFC 9567); the root: nobody
  bool without_local = false;             ///< no zone of our own had an answer, and others may be asked
  bool without_configured = false;        ///< what the configuration says of this name failed, and others may be asked
  std::vector<net::Endpoint> distrusted;  ///< gave bogus replies; not asked again
  bool crowded = false;  ///< what validation found of the last reply, it found for want of room: it says nothing
  const Flight* waiting_for = nullptr;
  Waiter* first_waiter = nullptr;
};

class Flights {
 public:
  Flights(Network& network, std::uint64_t seed) : network_(network), flying_(64, FlightKeyHash{seed}) {}

  std::shared_ptr<Flight> find(const FlightKey& key) const;
  void add(const std::shared_ptr<Flight>& flight) { flying_.emplace(flight->key, flight); }
  /// Runs a flight's work by itself. May finish inside.
  void start(net::Task<void> work) { tasks_.spawn(std::move(work)); }
  /// The end of a flight: out of the table, then its waiters are resumed one by one; inside of another one's end,
  /// behind that one's.
  void land(const std::shared_ptr<Flight>& flight, const FetchedPointer& fetched);

  std::size_t size() const { return flying_.size(); }
  std::vector<Resolver::InFlight> list() const;

 private:
  friend class Waiter;
  void watch(Waiter& waiter);
  net::Task<void> sweep(Milliseconds at, std::uint64_t generation);

  Network& network_;
  std::multimap<Milliseconds, Waiter*> deadlines_;  // of waiters that can't wait for their flight's own
  Milliseconds next_sweep_ = 0;
  std::uint64_t generation_ = 0;  // only the newest sweep goes on
  std::unordered_map<FlightKey, std::shared_ptr<Flight>, FlightKeyHash> flying_;
  std::deque<std::pair<std::shared_ptr<Flight>, FetchedPointer>> landed_;  // with waiters to resume
  bool landing_ = false;
  net::TaskSet tasks_;  // last: its frames use all of the above when destroyed
};

/// One who waits for a flight. Lives in the frame that awaits `landed`.
class Waiter {
 public:
  /// `deadline` as on the network's clock; null comes at that time if nothing came before.
  Waiter(Flights& flights, std::shared_ptr<Flight> flight, Flight* for_flight, Milliseconds deadline);
  ~Waiter();
  Waiter(const Waiter&) = delete;
  Waiter& operator=(const Waiter&) = delete;

  net::Completion<FetchedPointer> landed;

  /// Would `waiting` wait for itself, in the end, if it waited for `flight`?
  static bool closes_circle(const Flight& flight, const Flight* waiting);

 private:
  friend class Flights;
  void leave();

  Flights& flights_;
  std::shared_ptr<Flight> flight_;
  Flight* for_flight_;
  Waiter* next_ = nullptr;
  Waiter* previous_ = nullptr;
  bool listed_ = false;
  std::optional<std::multimap<Milliseconds, Waiter*>::iterator> watched_;
};

}  // namespace placard::recurse
