// Completion source: work that other threads have completed for an event loop.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>

#include "lib/time/mean_time.hpp"

namespace sluice::core {

// The loop checks this before it sleeps, so that only a sleeping loop has to be woken
// (EventLoop::try_post_drain). Loop's thread only, except looked_for().
class CompletionSource {
 public:
  // True if nothing was pushed and no push is in progress. Sequentially consistent with the push.
  virtual bool empty() const = 0;
  // True if a completion can be drained: its push is complete.
  virtual bool ready() const = 0;
  // Processes all completions so far. Within an event. Must not throw.
  virtual void drain() = 0;
  // Sets whether the loop checks this before it sleeps.
  void set_looked_for(bool looks, std::memory_order order) { looks_for_completions_.store(looks, order); }

 protected:
  ~CompletionSource() = default;
  // True if the loop will check this before it sleeps, so that no wake-up is needed. A pushing thread asks
  // after the push: either the loop sees the completion, or that thread sees that it must wake the loop (both
  // are sequentially consistent). Any thread.
  bool looked_for() const { return looks_for_completions_.load(std::memory_order_seq_cst); }

 private:
  std::atomic<bool> looks_for_completions_{false};
};

// Work of other threads for a loop; busy polling depends on it. Loop's thread only.
struct OutsideWork {
  std::size_t pending = 0;      // pieces of work
  std::uint64_t completed = 0;  // so far
  MeanTime run_time;            // of a piece
};

}  // namespace sluice::core
