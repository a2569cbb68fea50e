// How many processors this process may use.
#pragma once

#include <cstddef>

namespace sluice::core {

// Those that the calling thread, or what started it, has been confined to (taskset, a container's cpuset),
// and no more than its control groups' CPU quota pays for, rounded up; at least 1.
// std::thread::hardware_concurrency() counts all that the machine has.
std::size_t processor_count();

}  // namespace sluice::core
