// Bounds on what the allocator keeps of freed memory.
#pragma once

namespace sluice::core {

// For the whole process: only a program of its own sets them, before its threads start. By itself the
// allocator keeps up to 64 MiB at the end of each thread's heap once a long block was freed, and no
// malloc_trim() gives that back but from the main thread's heap.
void bound_heaps();

// Whether blocks of 64 KiB and more have mappings of their own, which go back to the system when they
// are freed. Else they lie in their thread's heap: three times as fast, but what is free in one thread's heap
// is of no use to another. Any thread, one at a time. No effect without bound_heaps().
void keep_long_blocks_apart(bool apart);

}  // namespace sluice::core
