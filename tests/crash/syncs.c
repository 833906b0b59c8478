// Counts a process's syncs and ends it with SIGKILL right before or right after one of them.
// Preloaded into the host by the crash driver: CRASH_SYNC is +N for after the Nth, -N for before it.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

static atomic_long count;
static long last;

__attribute__((constructor)) static void begin(void) {
  const char *text = getenv("CRASH_SYNC");
  last = text ? atol(text) : 0;
  // What the host starts is not meant.
  unsetenv("CRASH_SYNC");
  unsetenv("LD_PRELOAD");
}

static int synced(const char *name, int file) {
  int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, name);
  long now = atomic_fetch_add(&count, 1) + 1;
  if (now == -last)
    kill(getpid(), SIGKILL);
  int result = real(file);
  if (now == last)
    kill(getpid(), SIGKILL);
  return result;
}

int fsync(int file) { return synced("fsync", file); }
int fdatasync(int file) { return synced("fdatasync", file); }
