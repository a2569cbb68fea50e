// Heap limits: how much freed memory the allocator keeps.
#pragma once

namespace sluice::core {

// For the whole process: only a main program sets them, before its threads start. By default the allocator
// keeps up to 64 MiB at the end of each thread's heap once a long block was freed. malloc_trim() releases
// that only from the main thread's heap.
void bound_heaps();

// Whether blocks of 64 KiB and more have mappings of their own, which go back to the system when they are
// freed. Otherwise they lie in their thread's heap: three times as fast, but other threads can't use what is
// free there. Any thread, one at a time. No effect without bound_heaps().
void keep_long_blocks_apart(bool apart);

}  // namespace sluice::core
