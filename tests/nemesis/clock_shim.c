/* Lets the elapsed time of one process run at a rate that can be changed while it runs.
 *
 * LD_PRELOAD it and name a file of 8 bytes in NEMESIS_CLOCK: a signed count of millionths by which
 * CLOCK_MONOTONIC, _RAW, _COARSE and CLOCK_BOOTTIME run fast (slow if negative), in the machine's
 * byte order. A change takes effect at the next look at the clock and never makes it jump. Waits
 * are stretched alike, as they would be on a machine whose clock has that rate: an event loop that
 * waits in poll() for what its own clock says would else wake late, or early and look again. What
 * the kernel waits for by itself (timerfd, alarm, SO_RCVTIMEO) goes by the true clock; the daemons
 * here, Qt and GLib use poll() and condition variables. The time of day stays true. Without the
 * variable nothing is changed. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_S 1000000000LL
/* Later times on a wait's clock are taken for times of day, which are far beyond any uptime. */
#define LONGEST_UPTIME_NS (1000000000LL * NS_PER_S)

/* Each of the clocks; a reading is `shown` plus what has passed since `real`, times the rate. */
struct rated_clock {
  int64_t real;
  int64_t shown;
};

static const _Atomic int64_t* wanted_ppm; /* null: nothing is changed */
static int64_t ppm;
static struct rated_clock clocks[CLOCK_BOOTTIME + 1];
static atomic_flag busy = ATOMIC_FLAG_INIT;

static int64_t to_ns(const struct timespec* time) {
  return time->tv_sec * NS_PER_S + time->tv_nsec;
}

static struct timespec from_ns(int64_t ns) {
  struct timespec time = {ns / NS_PER_S, ns % NS_PER_S};
  return time;
}

static int64_t real_ns(clockid_t id) {
  struct timespec time;
  syscall(SYS_clock_gettime, id, &time);
  return to_ns(&time);
}

/* Exact enough for years, and without overflow for them. */
static int64_t scaled(int64_t ns, int64_t by_ppm) {
  return ns + ns / 1000000 * by_ppm + ns % 1000000 * by_ppm / 1000000;
}

/* How long a wait of `ns` on the rated clock takes in truth. */
static int64_t true_length(int64_t ns, int64_t at_ppm) {
  return (int64_t)((double)ns * 1e6 / (double)(1000000 + at_ppm));
}

static int is_rated(clockid_t id) {
  return id == CLOCK_MONOTONIC || id == CLOCK_MONOTONIC_RAW || id == CLOCK_MONOTONIC_COARSE ||
         id == CLOCK_BOOTTIME;
}

/* Each clock goes on from where it is. Holding `busy`. */
static void take_rate(int64_t fresh) {
  for (clockid_t id = 0; id <= CLOCK_BOOTTIME; ++id) {
    if (!is_rated(id)) continue;
    const int64_t real = real_ns(id);
    clocks[id].shown += scaled(real - clocks[id].real, ppm);
    clocks[id].real = real;
  }
  ppm = fresh;
}

static void lock_rate(void) {
  while (atomic_flag_test_and_set_explicit(&busy, memory_order_acquire)) sched_yield();
  const int64_t fresh = atomic_load_explicit(wanted_ppm, memory_order_relaxed);
  if (fresh != ppm) take_rate(fresh);
}

static void unlock_rate(void) {
  atomic_flag_clear_explicit(&busy, memory_order_release);
}

static int64_t current_ppm(void) {
  lock_rate();
  const int64_t rate = ppm;
  unlock_rate();
  return rate;
}

static int64_t shown_ns(clockid_t id) {
  lock_rate();
  const int64_t shown = clocks[id].shown + scaled(real_ns(id) - clocks[id].real, ppm);
  unlock_rate();
  return shown;
}

__attribute__((constructor)) static void begin(void) {
  const char* file = getenv("NEMESIS_CLOCK");
  if (file == NULL) return;
  const int fd = open(file, O_RDONLY | O_CLOEXEC);
  if (fd < 0) abort();
  void* map = mmap(NULL, sizeof *wanted_ppm, PROT_READ, MAP_SHARED, fd, 0);
  if (map == MAP_FAILED) abort();
  close(fd);
  for (clockid_t id = 0; id <= CLOCK_BOOTTIME; ++id) {
    if (is_rated(id)) clocks[id].shown = clocks[id].real = real_ns(id);
  }
  wanted_ppm = map;
}

int clock_gettime(clockid_t id, struct timespec* time) {
  if (wanted_ppm == NULL || !is_rated(id)) return (int)syscall(SYS_clock_gettime, id, time);
  *time = from_ns(shown_ns(id));
  return 0;
}

/* The true time, on the clock itself, of a time that was asked for on the rated clock. */
static struct timespec true_time(clockid_t id, const struct timespec* until) {
  const int64_t left = to_ns(until) - shown_ns(id);
  return from_ns(real_ns(id) + (left > 0 ? true_length(left, current_ppm()) : left));
}

int ppoll(struct pollfd* fds, nfds_t count, const struct timespec* timeout, const sigset_t* mask) {
  static int (*real)(struct pollfd*, nfds_t, const struct timespec*, const sigset_t*);
  if (real == NULL) *(void**)&real = dlsym(RTLD_NEXT, "ppoll");
  if (wanted_ppm == NULL || timeout == NULL) return real(fds, count, timeout, mask);
  const struct timespec scaled_timeout = from_ns(true_length(to_ns(timeout), current_ppm()));
  return real(fds, count, &scaled_timeout, mask);
}

int poll(struct pollfd* fds, nfds_t count, int timeout_ms) {
  if (timeout_ms < 0) return ppoll(fds, count, NULL, NULL);
  const struct timespec timeout = {timeout_ms / 1000, timeout_ms % 1000 * 1000000L};
  return ppoll(fds, count, &timeout, NULL);
}

int pthread_cond_clockwait(pthread_cond_t* cond, pthread_mutex_t* mutex, clockid_t id,
                           const struct timespec* until) {
  static int (*real)(pthread_cond_t*, pthread_mutex_t*, clockid_t, const struct timespec*);
  if (real == NULL) *(void**)&real = dlsym(RTLD_NEXT, "pthread_cond_clockwait");
  if (wanted_ppm == NULL || !is_rated(id)) return real(cond, mutex, id, until);
  const struct timespec true_until = true_time(id, until);
  return real(cond, mutex, id, &true_until);
}

/* Which clock a condition variable uses is not to be seen from outside: the time itself tells. */
int pthread_cond_timedwait(pthread_cond_t* cond, pthread_mutex_t* mutex,
                           const struct timespec* until) {
  static int (*real)(pthread_cond_t*, pthread_mutex_t*, const struct timespec*);
  if (real == NULL) *(void**)&real = dlsym(RTLD_NEXT, "pthread_cond_timedwait");
  if (wanted_ppm == NULL || to_ns(until) > LONGEST_UPTIME_NS) return real(cond, mutex, until);
  const struct timespec true_until = true_time(CLOCK_MONOTONIC, until);
  return real(cond, mutex, &true_until);
}

int sem_clockwait(sem_t* sem, clockid_t id, const struct timespec* until) {
  static int (*real)(sem_t*, clockid_t, const struct timespec*);
  if (real == NULL) *(void**)&real = dlsym(RTLD_NEXT, "sem_clockwait");
  if (wanted_ppm == NULL || !is_rated(id)) return real(sem, id, until);
  const struct timespec true_until = true_time(id, until);
  return real(sem, id, &true_until);
}

int clock_nanosleep(clockid_t id, int flags, const struct timespec* time, struct timespec* left) {
  struct timespec asked = *time;
  if (wanted_ppm != NULL && is_rated(id)) {
    asked = (flags & TIMER_ABSTIME) ? true_time(id, time)
                                    : from_ns(true_length(to_ns(time), current_ppm()));
  }
  return syscall(SYS_clock_nanosleep, id, flags, &asked, left) == 0 ? 0 : errno;
}

int nanosleep(const struct timespec* time, struct timespec* left) {
  const int result = clock_nanosleep(CLOCK_MONOTONIC, 0, time, left);
  if (result == 0) return 0;
  errno = result;
  return -1;
}
