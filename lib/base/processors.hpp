// Processors that are available to this process.
#pragma once

#include <cstddef>

namespace sluice::core {

// The processors that the calling thread, or its parent, has been confined to (taskset, a container's
// cpuset). At most as many as its control groups' CPU quota pays for, rounded up; at least 1.
// std::thread::hardware_concurrency() counts all processors of the machine.
std::size_t processor_count();

}  // namespace sluice::core
