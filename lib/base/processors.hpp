// How many processors this process may use.
#pragma once

#include <algorithm>
#include <cstddef>
#include <thread>

#include <sched.h>

namespace sluice::core {

// Those that the calling thread, or what started it, has been confined to (taskset, a container's cpuset); at
// least 1.
// std::thread::hardware_concurrency() counts all that the machine has.
inline std::size_t processor_count() {
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  // Fails on machines with more processors than the set has room for.
  if (::sched_getaffinity(0, sizeof allowed, &allowed) == 0) {
    return static_cast<std::size_t>(std::max(1, CPU_COUNT(&allowed)));
  }
  return std::max(1u, std::thread::hardware_concurrency());
}

}  // namespace sluice::core
