// Guardian: a process that kills the process groups of the daemon's children if the daemon dies.
#pragma once

#include "lib/base/descriptor.hpp"

namespace sluice::daemon {

// A child process itself dies with the daemon (PR_SET_PDEATHSIG), but what it has started does not. The
// guardian is a process of its own that waits at a pipe for the daemon's end, whatever that end is, and kills
// the process groups that are noted in memory which both share. It holds nothing else of the daemon's.
class Guardian {
 public:
  // Starts it, unless it runs already or this process is PID 1, whose end ends all others anyway. For as long
  // as this process lives. Without it, as where the machine refuses a process, everything else works.
  void start();

 private:
  core::Descriptor alive_;  // the pipe's end that closes with this process
};

}  // namespace sluice::daemon
