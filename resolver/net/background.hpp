// Work that waits for a processor which nobody else wants: lists that come in, indexes that are compiled.
//
// Such a thread runs SCHED_IDLE. Linux would let it starve for as long as others keep its processors busy, and orders
// wait for what it does; so it is watched, and a thread that hardly got to run for half a second goes on as an ordinary
// one that stands back (work.hpp). It must hold nothing meanwhile that an order waits for (Foreground), or a thread
// that answers. Where the system would not let a thread come back from SCHED_IDLE, it stands back and no more: without
// a RLIMIT_NICE that allows it (setrlimit(2)) or CAP_SYS_NICE, or without /proc.
#pragma once

#include <sys/types.h>

#include <thread>

namespace placard::net {

/// While one lives, the calling thread is of the background, and so are threads that it begins. Afterwards it is an
/// ordinary one that stands back, for good. One with a policy of its own already (sched(7)) keeps that.
class Background {
 public:
  Background();
  ~Background();
  Background(const Background&) = delete;
  Background& operator=(const Background&) = delete;

 private:
  std::jthread watch_;
};

/// While one lives, the calling thread, if it is of the background, is an ordinary one that stands back: to be made
/// before what others wait for is taken.
class Foreground {
 public:
  Foreground();
  ~Foreground();
  Foreground(const Foreground&) = delete;
  Foreground& operator=(const Foreground&) = delete;

 private:
  const bool was_behind_;
};

/// Whether threads of this process could come back from SCHED_IDLE; where not, they never go there.
bool may_come_back();

/// Lets threads of this process come back from SCHED_IDLE, if it has the right to (CAP_SYS_RESOURCE), or was given it.
void allow_background();

}  // namespace placard::net
