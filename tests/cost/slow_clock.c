// The monotonic clock at a fraction of its speed, preloaded into a program that runs under valgrind or
// strace.
//
// They make a program some fifty times slower. Work that the program does only when something takes long (time
// slices end, clients alternate) would be counted, though it does not happen at normal speed.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <sys/timerfd.h>
#include <time.h>

#define SLOWER 100
#define SECOND 1000000000LL

static long long began;  // what the clock showed when the program started

typedef int Clock(clockid_t, struct timespec*);
static Clock* system_clock;

static long long real_time(void) {
  struct timespec now;
  system_clock(CLOCK_MONOTONIC, &now);
  return now.tv_sec * SECOND + now.tv_nsec;
}

__attribute__((constructor)) static void begin(void) {
  system_clock = (Clock*)dlsym(RTLD_NEXT, "clock_gettime");
  began = real_time();
}

static struct timespec as_timespec(long long time) {
  return (struct timespec){.tv_sec = time / SECOND, .tv_nsec = time % SECOND};
}

int clock_gettime(clockid_t clock, struct timespec* to) {
  if (system_clock == NULL) begin();
  if (clock != CLOCK_MONOTONIC) return system_clock(clock, to);
  *to = as_timespec(began + (real_time() - began) / SLOWER);
  return 0;
}

// Waits until a time on the slow clock, which the system does not know.
typedef int Wait(pthread_cond_t*, pthread_mutex_t*, clockid_t, const struct timespec*);
int pthread_cond_clockwait(pthread_cond_t* condition, pthread_mutex_t* mutex, clockid_t clock,
                           const struct timespec* until) {
  Wait* const real = (Wait*)dlsym(RTLD_NEXT, "pthread_cond_clockwait");
  if (clock != CLOCK_MONOTONIC) return real(condition, mutex, clock, until);
  const long long slow = until->tv_sec * SECOND + until->tv_nsec;
  const struct timespec stretched = as_timespec(began + (slow - began) * SLOWER);
  return real(condition, mutex, clock, &stretched);
}

// A timer from now on, which the system would end early.
typedef int SetTimer(int, int, const struct itimerspec*, struct itimerspec*);
int timerfd_settime(int timer, int flags, const struct itimerspec* time, struct itimerspec* before) {
  SetTimer* const real = (SetTimer*)dlsym(RTLD_NEXT, "timerfd_settime");
  if (flags & TFD_TIMER_ABSTIME) return real(timer, flags, time, before);
  struct itimerspec stretched = *time;
  stretched.it_value = as_timespec((time->it_value.tv_sec * SECOND + time->it_value.tv_nsec) * SLOWER);
  return real(timer, flags, &stretched, before);
}
