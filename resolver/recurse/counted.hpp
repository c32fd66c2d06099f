// One more of something, for as long as this lives: a coroutine that is cancelled takes itself off the count.
#pragma once

namespace placard::recurse {

template <typename Count>
class Counted {
 public:
  explicit Counted(Count& count) : count_(count) { ++count_; }
  ~Counted() { --count_; }
  Counted(const Counted&) = delete;
  Counted& operator=(const Counted&) = delete;

 private:
  Count& count_;  // outlives this
};

}  // namespace placard::recurse
