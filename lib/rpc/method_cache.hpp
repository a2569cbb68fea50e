// Method cache: one I/O thread's entries of the registry.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "lib/base/same_text.hpp"
#include "lib/rpc/registry.hpp"
#include "lib/worker/io_thread.hpp"

namespace sluice::core {

// A pinned method with a plain count of one I/O thread's calls: an atomic reference count took 9 ns of a call
// through the pool.
struct MethodCacheEntry {
  std::shared_ptr<Method> method;  // null: free
  MethodShard* counts = nullptr;   // null: not there yet
  std::uint64_t version = 0;       // the registry's that it was looked up in
  std::size_t calls = 0;           // with workers, or on their way there
};

// Keeps the methods that were looked up in this iteration, since most calls of an iteration are for the same
// few, and those that workers run. A call of them takes neither the registry's lock nor a hash. A removed
// method may live until the end of the iteration in which its last call ends. I/O thread only; outlives every
// worker.
class MethodCache final : DeferredTask {
 public:
  static constexpr std::size_t kMethodsMax = 16;  // kept
  // Entries that are pinned for calls at workers, at most, since those can take long: the rest is for the
  // current iteration.
  static constexpr std::size_t kHeldMax = kMethodsMax / 2;

  MethodCache(const Registry& registry, IoThread& io) : registry_(registry), io_(io) {}

  // Finds the call's method, if it exists, and its counters. A method for workers, or an inline one, whose
  // calls end within the iteration, is pinned here if there is room; otherwise the call holds a reference of
  // its own.
  void resolve(ActiveCall& call);
  // Unpins the call's method.
  void unpin(ActiveCall& call) {
    if (call.hold == nullptr) return;
    if (--call.hold->calls == 0) {
      --held_;
      io_.defer_late(*this);
    }
    call.hold = nullptr;
  }

 private:
  MethodCacheEntry* look_up(ActiveCall& call, std::uint64_t version);
  void pin(MethodCacheEntry& hold, ActiveCall& call);
  void on_deferred() override;

  const Registry& registry_;
  IoThread& io_;
  // A pinned entry stays where it is: nothing replaces it before it is unpinned.
  std::array<MethodCacheEntry, kMethodsMax> holds_;
  std::size_t end_ = 0;   // behind the last that is not free
  std::size_t held_ = 0;  // with calls
};

inline void MethodCache::resolve(ActiveCall& call) {
  const std::string_view name = call.request.method;
  // Read before the look-up, so that the next look-up notices a concurrent change.
  const std::uint64_t version = registry_.version();
  MethodCacheEntry* hold = nullptr;
  for (std::size_t i = 0; i < end_ && hold == nullptr; ++i) {
    MethodCacheEntry& each = holds_[i];
    if (each.version == version && each.method && same_text(each.method->spec().name, name)) hold = &each;
  }
  if (hold == nullptr) hold = look_up(call, version);
  if (hold != nullptr) pin(*hold, call);
}

inline void MethodCache::pin(MethodCacheEntry& hold, ActiveCall& call) {
  call.method = hold.method.get();
  if (hold.counts == nullptr) hold.counts = io_.metrics().find(call.method->metrics());
  call.counts = hold.counts;
  switch (call.method->spec().kind) {
    case HandlerKind::inline_io:
      return;
    case HandlerKind::blocking:
      if (hold.calls == 0 && held_ == kHeldMax) break;
      if (hold.calls++ == 0) ++held_;
      call.hold = &hold;
      return;
    case HandlerKind::async:
      // Its coroutine may be destroyed with the event loop, after this view.
      break;
  }
  call.method_kept = hold.method;
}

}  // namespace sluice::core
