/* A watchdog for tests: makes a plain file behave as /dev/watchdog does, for one process.
 *
 * LD_PRELOAD it, name the file in WATCHDOG_FILE and a log in WATCHDOG_LOG. The file has to be there;
 * one process at a time may open it. Each line of the log is what was done and when, in nanoseconds
 * of CLOCK_BOOTTIME: "open", "set 4" (the timeout), "feed", "stop" (WDIOS_DISABLECARD), "write V",
 * "close". Nothing is ever reset. A timeout under WATCHDOG_SHORTEST is refused; with
 * WATCHDOG_NOWAYOUT it can't be stopped. Without the variables nothing is changed. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/watchdog.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static int watchdog = -1;
static int timeout_s = 60;

static void note(const char* what, int value) {
  struct timespec now;
  clock_gettime(CLOCK_BOOTTIME, &now);
  char line[128];
  const int length = snprintf(line, sizeof line, value < 0 ? "%lld %s\n" : "%lld %s %d\n",
                              now.tv_sec * 1000000000LL + now.tv_nsec, what, value);
  const char* log = getenv("WATCHDOG_LOG");
  const int fd = (int)syscall(SYS_openat, AT_FDCWD, log, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC,
                              0644);
  if (fd < 0 || syscall(SYS_write, fd, line, length) != length) abort();
  syscall(SYS_close, fd);
}

static int begin(int fd) {
  if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
    syscall(SYS_close, fd);
    errno = EBUSY;
    return -1;
  }
  watchdog = fd;
  note("open", -1);
  return fd;
}

static int open_any(const char* path, int flags, mode_t mode) {
  const char* file = getenv("WATCHDOG_FILE");
  const int fd = (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
  return fd >= 0 && file != NULL && strcmp(path, file) == 0 ? begin(fd) : fd;
}

static mode_t mode_of(int flags, va_list rest) {
  return (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(rest, mode_t) : 0;
}

int open(const char* path, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  const mode_t mode = mode_of(flags, rest);
  va_end(rest);
  return open_any(path, flags, mode);
}

int open64(const char* path, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  const mode_t mode = mode_of(flags, rest);
  va_end(rest);
  return open_any(path, flags | O_LARGEFILE, mode);
}

static int refuse(int error) {
  errno = error;
  return -1;
}

static int set_timeout(int* wanted) {
  const char* shortest = getenv("WATCHDOG_SHORTEST");
  if (*wanted < 1 || (shortest != NULL && *wanted < atoi(shortest))) return refuse(EINVAL);
  timeout_s = *wanted;
  note("set", timeout_s);
  return 0;
}

static int control(unsigned long request, void* argument) {
  if (request == WDIOC_GETSUPPORT) {
    struct watchdog_info info = {WDIOF_SETTIMEOUT | WDIOF_KEEPALIVEPING | WDIOF_MAGICCLOSE, 0,
                                 "stand-in"};
    memcpy(argument, &info, sizeof info);
    return 0;
  }
  if (request == WDIOC_SETTIMEOUT) return set_timeout(argument);
  if (request == WDIOC_GETTIMEOUT) {
    *(int*)argument = timeout_s;
    return 0;
  }
  if (request == WDIOC_KEEPALIVE) {
    note("feed", -1);
    return 0;
  }
  if (request != WDIOC_SETOPTIONS || *(int*)argument != WDIOS_DISABLECARD) return refuse(ENOTTY);
  if (getenv("WATCHDOG_NOWAYOUT") != NULL) return refuse(EBUSY);
  note("stop", -1);
  return 0;
}

int ioctl(int fd, unsigned long request, ...) {
  va_list rest;
  va_start(rest, request);
  void* argument = va_arg(rest, void*);
  va_end(rest);
  if (watchdog >= 0 && fd == watchdog) return control(request, argument);
  return (int)syscall(SYS_ioctl, fd, request, argument);
}

ssize_t write(int fd, const void* bytes, size_t count) {
  static ssize_t (*real)(int, const void*, size_t);
  if (watchdog >= 0 && fd == watchdog) {
    char what[] = "write ?";
    if (count > 0) what[6] = *(const char*)bytes;
    note(what, -1);
    return (ssize_t)count;
  }
  if (real == NULL) *(void**)&real = dlsym(RTLD_NEXT, "write");
  return real(fd, bytes, count);
}

int close(int fd) {
  static int (*real)(int);
  if (watchdog >= 0 && fd == watchdog) {
    watchdog = -1;
    note("close", -1);
  }
  if (real == NULL) *(void**)&real = dlsym(RTLD_NEXT, "close");
  return real(fd);
}
