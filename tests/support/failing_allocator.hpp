// Allocation failures on demand, for one thread at a time. Off unless a test asks for them.
#pragma once

#include <cstddef>

namespace sluice::testing {

// Of the calling thread's next allocations of at least `bytes`, `skip` succeed and then `count` fail:
// operator new throws std::bad_alloc, std::aligned_alloc (which Asio uses) gives null. Replaces what was
// asked for before.
void fail_allocations(std::size_t skip, std::size_t count = 1, std::size_t bytes = 0);

// Allocations that failed so far, on all threads.
std::size_t failed_allocations();

}  // namespace sluice::testing
