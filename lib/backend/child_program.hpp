// Starting a child process.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <variant>
#include <vector>

#include <sys/types.h>

#include "lib/base/descriptor.hpp"
#include "lib/server/settings.hpp"

namespace sluice::core {

// A process that runs, and the server's ends of what it is connected by. All descriptors are non-blocking and
// not inherited by other children.
struct ChildProcess {
  pid_t pid = -1;    // also the number of its process group
  Descriptor exit;   // pidfd: readable when the process has ended; it has to be reaped then
  Descriptor input;  // what is written here the child reads from its stdin
  Descriptor output;
  Descriptor errors;
};

// What could not be done, in words: "python3: No such file or directory".
struct ChildFailure {
  std::string what;
};

// Starts the program with its own process group and session of pipes, with nothing open but those, with
// ordinary signal handling, under the user and limits of the settings. Returns when it has begun or failed
// to. The process is killed when the calling thread ends.
//
// Ours rather than Boost.Process or posix_spawn(), neither of which changes users, limits and the group in a
// program with several threads without doing what is forbidden between fork() and exec().
std::variant<ChildProcess, ChildFailure> start_child(const ChildSettings& settings);

// Ends the process and all that are left of its group. It must not have been reaped.
void kill_group(pid_t leader, int signal);

// Kills the process with its group and waits for its end, which is soon.
void kill_and_reap(pid_t pid);

// The status of waitid(), as "exit code 1" or "signal 9 (Killed)"; nothing while it runs.
std::optional<std::string> reap(pid_t pid);

}  // namespace sluice::core
