// Resources of one I/O thread: memory, calls, limits, metrics.
#pragma once

#include <cstddef>
#include <cstdint>

#include "lib/base/buffer_pool.hpp"
#include "lib/call/call_pool.hpp"
#include "lib/call/limits.hpp"
#include "lib/observe/metrics.hpp"

namespace sluice::core {

// Shared by all objects on the thread. Not thread-safe. Outlives the event loop, whose coroutines use calls
// to their end.
class IoResources {
 public:
  IoResources(std::size_t index, const Limits& initial, MetricsShard& metrics)
      : limits(initial), index_(index), metrics_(metrics) {}

  // Index among the I/O threads.
  std::size_t index() const { return index_; }
  MetricsShard& metrics() { return metrics_; }
  BufferPool& buffers() { return buffers_; }
  CallPool& calls() { return calls_; }

  Limits limits;  // this thread's copy
  // Incremented with each change of the limits.
  std::uint32_t limits_version() const { return limits_version_; }

  // Whether more memory is kept than an idle thread may keep.
  bool holds_much() const { return buffers_.holds_much() || calls_.holds_much(); }
  // Releases memory that was not used since the last call.
  void release_unused() {
    buffers_.release_unused();
    calls_.release_unused();
  }

 protected:
  void change_limits(const Limits& changed) {
    limits = changed;
    ++limits_version_;
  }

 private:
  std::uint32_t limits_version_ = 0;
  const std::size_t index_;
  MetricsShard& metrics_;
  BufferPool buffers_;
  CallPool calls_{buffers_};
};

}  // namespace sluice::core
