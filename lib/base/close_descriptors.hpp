// Closing inherited descriptors in a forked process.
#pragma once

#include <dirent.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace sluice::core {

// Closes the descriptors from `first` on that /proc lists. False if it can't be read. Async-signal-safe.
inline bool close_listed_descriptors_from(int first) {
  const int folder = ::open("/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder < 0) return false;
  // Read without the C library, which would allocate.
  alignas(dirent64) char entries[4096];
  long bytes = 0;
  while ((bytes = ::syscall(SYS_getdents64, folder, entries, sizeof entries)) > 0) {
    for (long at = 0; at < bytes;) {
      const auto& entry = *reinterpret_cast<const dirent64*>(entries + at);
      at += entry.d_reclen;
      int number = 0;
      const char* digit = entry.d_name;
      for (; *digit >= '0' && *digit <= '9'; ++digit) number = number * 10 + (*digit - '0');
      if (digit != entry.d_name && number >= first && number != folder) ::close(number);
    }
  }
  ::close(folder);
  return bytes == 0;
}

// Closes all descriptors from `first` on, even those without FD_CLOEXEC. Async-signal-safe.
inline void close_descriptors_from(int first) {
  if (::syscall(SYS_close_range, first, ~0U, 0) == 0) return;
  // The kernel or a seccomp filter does not know close_range(). Containers may allow a thousand million
  // descriptors: trying each would take minutes.
  if (close_listed_descriptors_from(first)) return;
  rlimit most{};
  if (::getrlimit(RLIMIT_NOFILE, &most) != 0) return;
  for (auto each = static_cast<rlim_t>(first); each < most.rlim_cur; ++each) ::close(static_cast<int>(each));
}

}  // namespace sluice::core
