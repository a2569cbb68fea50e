#include "daemon/guardian.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <new>
#include <system_error>
#include <utility>

#include "lib/backend/child_groups.hpp"
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
  ::syscall(SYS_close_range, 1, ~0U, 0);
  char byte = 0;
  while (::read(0, &byte, 1) < 0 && errno == EINTR) continue;
  for (const auto& group : table.groups) {
    const pid_t leader = group.load();
    if (leader > 1) ::kill(-leader, SIGKILL);
  }
  ::_exit(0);
}

}  // namespace

void Guardian::start() {
  if (alive_ || ::getpid() == 1) return;
  ChildGroupTable* const table = shared_table();
  std::array<int, 2> ends{};
  if (table == nullptr || ::pipe2(ends.data(), O_CLOEXEC) != 0) return;
  const core::Descriptor read(ends[0]);
  core::Descriptor write(ends[1]);
  // Its parent ends at once: this process has no children but its backends'.
  const pid_t between = ::fork();
  if (between == 0) {
    ::close(write.get());
    if (::fork() == 0) guard(read.get(), *table);
    ::_exit(0);
  }
  if (between < 0) {
    spdlog::warn("no process to guard children's groups: {}", std::generic_category().message(errno));
    return;
  }
  while (::waitpid(between, nullptr, 0) < 0 && errno == EINTR) continue;
  alive_ = std::move(write);
  core::note_child_groups_in(table);
}

}  // namespace sluice::daemon
