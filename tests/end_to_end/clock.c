/* A clock that is wrong: preloaded, it adds CLOCK_OFFSET seconds to what the wall clock says, or as many as the file of that
 * name says at the time. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static time_t offset(void) {
  const char *text = getenv("CLOCK_OFFSET");
  if (!text) return 0;
  if (text[0] != '/') return (time_t)atoll(text);
  char content[32] = {0};
  const int file = open(text, O_RDONLY | O_CLOEXEC);
  if (file < 0 || read(file, content, sizeof content - 1) < 0) content[0] = 0;
  if (file >= 0) close(file);
  return (time_t)atoll(content);
}

int clock_gettime(clockid_t id, struct timespec *now) {
  int result = (int)syscall(SYS_clock_gettime, id, now);
  if (result == 0 && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE)) now->tv_sec += offset();
  return result;
}

time_t time(time_t *out) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  if (out) *out = now.tv_sec;
  return now.tv_sec;
}
