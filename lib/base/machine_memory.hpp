// Memory that is available to this process.
#pragma once

#include <cstddef>

namespace sluice::core {

// In bytes: the machine's memory, or the smallest limit of the process's control groups. At least 1.
std::size_t available_memory();

// The default of max_memory: 75 % of that.
std::size_t default_memory_max();

}  // namespace sluice::core
