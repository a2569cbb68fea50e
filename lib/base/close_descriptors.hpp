// What a process that was forked has open and is not to keep.
#pragma once

#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace sluice::core {

// Closes all descriptors from `first` on, also those that are not marked to be closed. Async-signal-safe.
inline void close_descriptors_from(int first) {
  if (::syscall(SYS_close_range, first, ~0U, 0) == 0) return;
  // A kernel or a filter that does not know it.
  rlimit most{};
  if (::getrlimit(RLIMIT_NOFILE, &most) != 0) return;
  for (auto each = static_cast<rlim_t>(first); each < most.rlim_cur; ++each) ::close(static_cast<int>(each));
}

}  // namespace sluice::core
