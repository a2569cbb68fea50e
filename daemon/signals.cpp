#include "daemon/signals.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <limits>
#include <string>
#include <system_error>

#include "daemon/process.hpp"

namespace sluice::daemon {

namespace {

int checked(int descriptor, const char* what) {
  if (descriptor < 0) {
    throw std::system_error(errno, std::generic_category(), std::string("can't create ") + what);
  }
  return descriptor;
}

sigset_t handled_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP, SIGCHLD}) sigaddset(&set, signal);
  return set;
}

// Signals that end a process by default and say nothing about its state. A write past a file size limit is an
// error of that write, and so is a write to a pipe without a reader.
constexpr std::array kHarmless = {SIGPIPE, SIGXFSZ, SIGXCPU,   SIGUSR1, SIGUSR2,  SIGALRM,
                                  SIGPROF, SIGIO,   SIGVTALRM, SIGPWR,  SIGSTKFLT};

// For poll(): rounded up, so that the time has really come when it returns; -1 waits without end.
int milliseconds_until(std::optional<TimePoint> until) {
  if (!until) return -1;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(*until - std::chrono::steady_clock::now());
  return static_cast<int>(std::clamp<std::int64_t>(left.count(), 0, std::numeric_limits<int>::max()));
}

}  // namespace

void hold_signals() {
  const sigset_t set = handled_signals();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  // A parent may have them ignored, and an ignored signal is never pending.
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) std::signal(signal, SIG_DFL);
  // With SIGCHLD ignored the kernel would reap children itself, and their process ids could be reused.
  std::signal(SIGCHLD, SIG_DFL);
  for (const int signal : kHarmless) std::signal(signal, SIG_IGN);
  for (int signal = SIGRTMIN; signal <= SIGRTMAX; ++signal) std::signal(signal, SIG_IGN);
}

void release_signals() {
  const sigset_t set = handled_signals();
  pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
}

SignalQueue::SignalQueue() {
  const sigset_t set = handled_signals();
  signals_ = checked(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK), "a descriptor for signals");
  wake_ = checked(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), "a descriptor for wake-ups");
}

SignalQueue::~SignalQueue() {
  ::close(signals_);
  ::close(wake_);
}

std::optional<int> SignalQueue::wait(std::optional<TimePoint> until) {
  std::array<pollfd, 2> descriptors = {{{signals_, POLLIN, 0}, {wake_, POLLIN, 0}}};
  signalfd_siginfo info{};
  do {
    info.ssi_signo = 0;
    while (::poll(descriptors.data(), descriptors.size(), milliseconds_until(until)) < 0 && errno == EINTR) {
    }
    const bool came = ::read(signals_, &info, sizeof info) == sizeof info;
    if (came && info.ssi_signo != SIGCHLD) return static_cast<int>(info.ssi_signo);
    if (came) reap_adopted_children();
  } while (info.ssi_signo == SIGCHLD);
  std::uint64_t count = 0;
  static_cast<void>(!::read(wake_, &count, sizeof count));
  return std::nullopt;
}

void SignalQueue::wake() {
  const std::uint64_t one = 1;
  static_cast<void>(!::write(wake_, &one, sizeof one));
}

}  // namespace sluice::daemon
