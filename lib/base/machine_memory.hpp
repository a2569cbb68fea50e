// How much memory this process can have.
#pragma once

#include <cstddef>

namespace sluice::core {

// Bytes: the machine's memory, or the smallest limit of the control groups that this process is in. At
// least 1.
std::size_t available_memory();

// The part of it that connections may hold where nothing else is configured: 75 %.
std::size_t default_memory_max();

}  // namespace sluice::core
