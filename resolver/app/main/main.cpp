#include "resolver/app/commands.hpp"

/// What jemalloc is told, with which release builds allocate: to give back what is no longer used by a thread of its
/// own. Threads that made a list or an index have ended when it is time to.
extern "C" {
extern const char* const malloc_conf;
const char* const malloc_conf = "background_thread:true,max_background_threads:1,dirty_decay_ms:1000";
}

int main(int argc, char** argv) {
  return placard::app::run_command(argc, argv);
}
