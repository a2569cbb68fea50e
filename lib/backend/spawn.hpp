// Spawning of a child process.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include <sys/types.h>

#include "lib/backend/backend_settings.hpp"
#include "lib/backend/child_failure.hpp"
#include "lib/backend/child_user.hpp"
#include "lib/backend/find_program.hpp"
#include "lib/base/descriptor.hpp"
#include "lib/base/result.hpp"

namespace sluice::core {

// A process that runs, and the server's ends of what it is connected by. All descriptors are non-blocking and
// not inherited by other children.
struct SpawnedChild {
  pid_t pid = -1;    // also the number of its process group
  Descriptor exit;   // pidfd: readable when the process has ended; it has to be reaped then
  Descriptor input;  // what is written here the child reads from its stdin
  Descriptor output;
  Descriptor errors;
};

// A process that has yet to run its program.
struct ForkedChild {
  SpawnedChild process;
  Descriptor report;  // readable when it runs its program, or can't: see read_report()
};

// Forks a process with its own process group, session and pipes, with nothing open but those, with ordinary
// signal handling and the limits that the server itself was started with, under the user, directory and
// limits of the settings. `user` is the settings' one. Takes a few milliseconds, never longer: what may wait
// for a disk or a network the child does itself. The process is killed when the calling thread ends.
//
// Ours rather than Boost.Process or posix_spawn(), neither of which changes users, limits and the group in a
// program with several threads without doing what is forbidden between fork() and exec(). `only_try`: the
// process exits where it would call exec().
Result<ForkedChild, ChildFailure> fork_child(const ChildSettings& settings,
                                             const std::optional<ChildUser>& user, bool only_try = false);

enum class ReportState : std::uint8_t { awaited, begun, failed };
struct Report {
  ReportState state = ReportState::awaited;
  ChildFailure failure;       // where it has failed; the process is about to end then
  bool in_directory = false;  // it has failed to enter its directory
};
// Reads the process's report so far. A process that was killed before its report counts as begun.
Report read_report(const Descriptor& report, const ChildSettings& settings);

// Like check_program(). If a user is set, a process of that user also tries to enter the directory and to run
// the program. May wait for a disk, a network or a name service: not for the thread of an event loop.
Result<void, ProgramProblem> check_start(const ChildSettings& settings);

// The soft limit of open files that children get; without this, the calling process's own. For a process that
// raises its own. Any thread.
void set_child_descriptor_limit(std::uint64_t soft);

// Ends the process and all that are left of its group. It must not have been reaped.
void kill_group(pid_t leader, int signal);

// Kills the process with its group and reaps it, where it ends soon. One that does not, such as one that
// waits for a disk, is left to the end of this process.
void kill_and_reap(const SpawnedChild& process);

struct ChildEnd {
  std::string how;          // "exit code 1" or "signal 9 (Killed)"
  bool is_orderly = false;  // exit code 0
};
// Reaps the process and ends what is left of its group; nothing while it runs. Other children's ends are not
// touched.
std::optional<ChildEnd> reap(const SpawnedChild& process);

}  // namespace sluice::core
