// A registered method: its specification and the settings that a reload may change.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>

#include "lib/admission/priority.hpp"
#include "lib/call/method_settings.hpp"
#include "lib/include/sluice/method.hpp"
#include "lib/observe/metrics.hpp"

namespace sluice::core {

// Shared by the registry and the calls that run, or the I/O threads that pin it for them. So a removed method
// lives until its last call ends.
// Thread-safe: the specification never changes, the settings are atomic.
class Method {
 public:
  // `owner`: groups the methods of one backend; null: no group. `route`: for a known name, the entry of the
  // route whose permits its calls take; null: for any other method.
  Method(MethodSpec spec, MethodMetrics& metrics, const void* owner = nullptr, MethodMetrics* route = nullptr)
      : spec_(std::move(spec)),
        metrics_(metrics),
        permits_(route != nullptr ? *route : metrics),
        owner_(owner) {
    configure({});
  }

  // The configuration overrides the program's options.
  void configure(const MethodSettings& settings) {
    const auto timeout = settings.timeout ? settings.timeout : spec_.options.timeout;
    timeout_ms_.store(timeout ? std::min(*timeout, kLongestWait).count() : 0, std::memory_order_relaxed);
    max_concurrent_.store(settings.max_concurrent.value_or(spec_.options.max_concurrent),
                          std::memory_order_relaxed);
    priority_.store(settings.priority.value_or(Priority::normal), std::memory_order_relaxed);
  }

  const MethodSpec& spec() const { return spec_; }
  MethodMetrics& metrics() const { return metrics_; }
  // Where its calls in flight count, and whose name decides its settings: its own entry, or that of its
  // route.
  MethodMetrics& permits() const { return permits_; }
  // Whether it is a name under a route that is listed and counted on its own.
  bool is_known_name() const { return &permits_ != &metrics_; }
  const void* owner() const { return owner_; }
  // Zero: the server's call_timeout applies.
  milliseconds timeout() const { return milliseconds(timeout_ms_.load(std::memory_order_relaxed)); }
  Priority priority() const { return priority_.load(std::memory_order_relaxed); }
  // Zero: no limit of its own.
  std::size_t max_concurrent() const { return max_concurrent_.load(std::memory_order_relaxed); }

 private:
  const MethodSpec spec_;
  MethodMetrics& metrics_;
  MethodMetrics& permits_;
  const void* const owner_;
  std::atomic<milliseconds::rep> timeout_ms_{0};
  std::atomic<std::size_t> max_concurrent_{0};
  std::atomic<Priority> priority_{Priority::normal};
};

}  // namespace sluice::core
