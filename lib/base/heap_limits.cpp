#include "lib/base/heap_limits.hpp"

#include <malloc.h>

#include <atomic>

namespace sluice::core {

#ifdef __GLIBC__
namespace {

// Longer blocks always have a mapping of their own.
constexpr int kHeapBlockBytesMax = 1024 * 1024;
constexpr int kApartBytesMin = 64 * 1024;
// Half of the Linux default for a process: heaps and threads need some as well.
constexpr int kMappingsMax = 32 * 1024;
// More than this at the end of a heap is released at once.
constexpr int kHeapEndBytesMax = 256 * 1024;

std::atomic<bool> bounded{false};

}  // namespace

void bound_heaps() {
  ::mallopt(M_MMAP_THRESHOLD, kHeapBlockBytesMax);
  ::mallopt(M_MMAP_MAX, kMappingsMax);
  ::mallopt(M_TRIM_THRESHOLD, kHeapEndBytesMax);
  bounded.store(true, std::memory_order_relaxed);
}

void keep_long_blocks_apart(bool apart) {
  if (!bounded.load(std::memory_order_relaxed)) return;
  ::mallopt(M_MMAP_THRESHOLD, apart ? kApartBytesMin : kHeapBlockBytesMax);
}
#else
void bound_heaps() {}
void keep_long_blocks_apart(bool) {}
#endif

}  // namespace sluice::core
