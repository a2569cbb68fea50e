#include "daemon/guardian.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <new>
#include <utility>

#include "lib/backend/child_groups.hpp"
#include "lib/base/close_descriptors.hpp"
#include "lib/observe/log.hpp"

namespace sluice::daemon {

namespace {

using core::ChildGroupTable;

ChildGroupTable* shared_table() {
  void* const memory =
      ::mmap(nullptr, sizeof(ChildGroupTable), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  return memory == MAP_FAILED ? nullptr : new (memory) ChildGroupTable;
}

// Only what is async-signal-safe: other threads may run in the process that this was forked from.
[[noreturn]] void guard(int daemons_end, const ChildGroupTable& table) {
  // Out of the daemon's session and its terminal's signals; a service manager's are not for it either.
  ::setsid();
  sigset_t all;
  sigfillset(&all);
  ::sigprocmask(SIG_BLOCK, &all, nullptr);
  ::prctl(PR_SET_NAME, "sluiced-guard");
  static_cast<void>(!::chdir("/"));
  ::dup2(daemons_end, 0);
  core::close_descriptors_from(1);
  char byte = 0;
  while (::read(0, &byte, 1) < 0 && errno == EINTR) continue;
  for (const auto& group : table.groups) {
    const pid_t leader = group.load();
    if (leader > 1) ::kill(-leader, SIGKILL);
  }
  ::_exit(0);
}

// Whether it runs. Its parent ends at once: this process has no children but its backends'.
bool fork_guard(const core::Descriptor& read, const core::Descriptor& write, const ChildGroupTable& table) {
  const pid_t between = ::fork();
  if (between == 0) {
    ::close(write.get());
    const pid_t guardian = ::fork();
    if (guardian == 0) guard(read.get(), table);
    ::_exit(guardian < 0 ? 1 : 0);
  }
  int status = 0;
  while (between > 0 && ::waitpid(between, &status, 0) < 0 && errno == EINTR) continue;
  return between > 0 && status == 0;
}

}  // namespace

void Guardian::start() {
  if (alive_ || ::getpid() == 1) return;
  ChildGroupTable* const table = shared_table();
  std::array<int, 2> ends{-1, -1};
  const bool connected = table != nullptr && ::pipe2(ends.data(), O_CLOEXEC) == 0;
  const core::Descriptor read(ends[0]);
  core::Descriptor write(ends[1]);
  if (!connected || !fork_guard(read, write, *table)) {
    if (table != nullptr) ::munmap(table, sizeof *table);
    spdlog::warn(
        "cannot start the guardian process: if the daemon is killed, child processes' groups survive");
    return;
  }
  alive_ = std::move(write);
  core::note_child_groups_in(table);
}

}  // namespace sluice::daemon
