#include "resolver/app/serve.hpp"

#include <fmt/format.h>
#include <sched.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <chrono>
#include <iostream>

#include "resolver/app/server.hpp"
#include "resolver/app/version.hpp"
#include "resolver/net/background.hpp"

namespace placard::app {
namespace {

/// The signals that mean something to us are taken by one thread with sigwait(); every thread made later inherits this
/// mask. Writing to a closed connection or beyond a file size limit is an error of that write, not our end.
sigset_t take_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int number : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&signals, number);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  ::signal(SIGPIPE, SIG_IGN);
  ::signal(SIGXFSZ, SIG_IGN);
  return signals;
}

/// Each worker may hold thousands of connections and hundreds of sockets upstream; a shell gives 1,024 descriptors to
/// all. The hard limit is the administrator's word, so it is taken as far as that goes.
void raise_descriptor_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace

int serve(const Options& options) {
  const auto signals = take_signals();
  raise_descriptor_limit();
  net::allow_background();
  try {
    Server server(options);
    for (const auto& line : server.describe()) std::cout << line << '\n';
    server.start([] { ::kill(::getpid(), SIGTERM); });
    std::cout << "placard: ready" << std::endl;  // flushed: someone waits for it
    for (;;) {
      int number = 0;
      if (sigwait(&signals, &number) != 0) continue;
      if (number != SIGHUP) break;
      server.reload_soon();
    }
    server.stop();
    return 0;
  } catch (const std::exception& error) {
    std::cerr << "placard: " << error.what() << std::endl;
    return 1;
  }
}

}  // namespace placard::app
