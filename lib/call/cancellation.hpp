// Cancellation: the request to stop one call.
#pragma once

#include <atomic>
#include <mutex>
#include <optional>
#include <stop_token>

namespace sluice::core {

// A stop source that is created only when a handler asks for its token: most never do, and it costs an
// allocation. Thread-safe, except reset().
class Cancellation {
 public:
  bool requested() const { return requested_.load(std::memory_order_acquire); }

  // Runs the handler's stop callbacks on the calling thread, outside the lock.
  void request() {
    std::optional<std::stop_source> source;
    {
      const std::lock_guard lock(mutex_);
      requested_.store(true, std::memory_order_release);
      source = source_;
    }
    if (source) source->request_stop();
  }

  std::stop_token token() {
    const std::lock_guard lock(mutex_);
    if (!source_) {
      source_.emplace();
      // A new source has no callbacks yet, so none runs under the lock.
      if (requested_.load(std::memory_order_relaxed)) source_->request_stop();
    }
    return source_->get_token();
  }

  // Prepares the object for the next call. No other thread may use it meanwhile.
  void reset() {
    requested_.store(false, std::memory_order_relaxed);
    source_.reset();
  }

 private:
  std::atomic<bool> requested_{false};
  std::mutex mutex_;
  std::optional<std::stop_source> source_;
};

}  // namespace sluice::core
