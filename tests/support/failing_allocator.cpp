#include "tests/support/failing_allocator.hpp"

#include <atomic>
#include <cstdlib>
#include <new>

namespace sluice::testing {
namespace {

struct Plan {
  std::size_t skip = 0;
  std::size_t count = 0;
  std::size_t bytes = 0;
};

constinit thread_local Plan plan;
constinit std::atomic<std::size_t> failed{0};

bool fails_now(std::size_t size) {
  if (plan.count == 0 || size < plan.bytes) return false;
  if (plan.skip > 0) {
    --plan.skip;
    return false;
  }
  --plan.count;
  failed.fetch_add(1, std::memory_order_relaxed);
  return true;
}

void* allocate(std::size_t size) noexcept {
  return fails_now(size) ? nullptr : std::malloc(size == 0 ? 1 : size);
}

void* allocate_or_throw(std::size_t size) {
  if (void* const memory = allocate(size)) return memory;
  throw std::bad_alloc();
}

}  // namespace

void fail_allocations(std::size_t skip, std::size_t count, std::size_t bytes) { plan = {skip, count, bytes}; }
std::size_t failed_allocations() { return failed.load(std::memory_order_relaxed); }

}  // namespace sluice::testing

// All but the aligned forms, which the sanitizers' own allocators keep: news and deletes must belong
// together.
using sluice::testing::allocate;
using sluice::testing::allocate_or_throw;

void* operator new(std::size_t size) { return allocate_or_throw(size); }
void* operator new[](std::size_t size) { return allocate_or_throw(size); }
void* operator new(std::size_t size, const std::nothrow_t&) noexcept { return allocate(size); }
void* operator new[](std::size_t size, const std::nothrow_t&) noexcept { return allocate(size); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete(void* memory, const std::nothrow_t&) noexcept { std::free(memory); }
void operator delete[](void* memory, const std::nothrow_t&) noexcept { std::free(memory); }

extern "C" void* aligned_alloc(std::size_t alignment, std::size_t size) noexcept {
  void* memory = nullptr;
  if (sluice::testing::fails_now(size)) return nullptr;
  return ::posix_memalign(&memory, alignment, size) == 0 ? memory : nullptr;
}
