// Set-up of the process before any thread starts.
#pragma once

#include <cstdint>

namespace sluice::daemon {

// Opens /dev/null as stdin, stdout and stderr where they are closed: otherwise the next descriptor would take
// their number, and a client could receive the log.
void keep_standard_descriptors();

struct DescriptorLimit {
  std::uint64_t before = 0;
  std::uint64_t now = 0;
};

// Raises the number of descriptors that may be open to what the machine allows.
DescriptorLimit raise_descriptor_limit();

// Reaps the ended children that this process has not started itself: it gets other processes' children where
// it is PID 1, as in a container, a subreaper, or was run by a shell that has become it. Backends' processes
// are left to those who await them: they are children of another thread. First thread only.
void reap_adopted_children();

}  // namespace sluice::daemon
