// Admission control: admits or refuses a call at once, by limits on calls in flight.
#pragma once

#include <array>
#include <atomic>
#include <cassert>
#include <cstddef>
#include <limits>
#include <utility>

#include "lib/admission/priority.hpp"
#include "lib/base/result.hpp"
#include "lib/observe/metrics.hpp"

namespace sluice::core {

class Admission;

// A permit of every limit that a call has passed. Move-only; released exactly once.
class Permit {
 public:
  Permit() = default;
  Permit(Permit&& other) noexcept
      : admission_(std::exchange(other.admission_, nullptr)),
        method_(std::exchange(other.method_, nullptr)),
        client_(std::exchange(other.client_, nullptr)),
        backend_(std::exchange(other.backend_, nullptr)),
        priority_(std::exchange(other.priority_, nullptr)) {}
  Permit& operator=(Permit&& other) noexcept {
    release();
    admission_ = std::exchange(other.admission_, nullptr);
    method_ = std::exchange(other.method_, nullptr);
    client_ = std::exchange(other.client_, nullptr);
    backend_ = std::exchange(other.backend_, nullptr);
    priority_ = std::exchange(other.priority_, nullptr);
    return *this;
  }
  ~Permit() { release(); }

  void release() {
    if (admission_ != nullptr) release_counters();
  }
  explicit operator bool() const { return admission_ != nullptr; }
  // Whether it is a permit for that method.
  bool counts_for(const MethodMetrics& method) const { return method_ == &method && admission_ != nullptr; }
  // Whether it also counts for a client, a backend or a priority.
  bool counts_for_others() const { return client_ != nullptr || backend_ != nullptr || priority_ != nullptr; }

 private:
  friend class Admission;
  void release_counters();
  using Counter = std::atomic<std::size_t>;

  Admission* admission_ = nullptr;
  MethodMetrics* method_ = nullptr;
  Counter* client_ = nullptr;    // null: the client is not counted
  Counter* backend_ = nullptr;   // null: the method has none
  Counter* priority_ = nullptr;  // null: all methods have the same priority
};

// Calls in flight of a client or a backend, and their limit (0: none). Must outlive the permits. Default: not
// counted.
struct ConcurrencyLimit {
  std::atomic<std::size_t>* in_flight = nullptr;
  std::size_t max = 0;
};

// Request for a permit: the method, its own limit (0 for none), and the priority, which decides who is
// refused first.
struct AdmissionRequest {
  MethodMetrics& method;
  std::size_t method_max = 0;
  Priority priority = Priority::normal;
  ConcurrencyLimit client{};
  ConcurrencyLimit backend{};
};

// Limits on calls in flight: in all, by method, by backend and by client. Lock-free; must outlive its
// permits. Any thread that acquires permits may release them.
//
// Where methods have different priorities, each priority has a share of the permits: half for high, four
// tenths for normal, one tenth for low. While there are free permits, each priority may exceed its share. The
// last tenth is only for priorities below their share. So what others have borrowed comes back as their calls
// end, and no priority starves. After the partitioned limiter of Netflix's concurrency-limits, which admits
// such calls beyond the limit; here the limit holds.
class Admission {
 public:
  // `only_thread`: a single thread acquires and releases permits, without locked instructions: 1 % of a call
  // through the pool.
  explicit Admission(std::size_t in_flight_max, bool only_thread = false)
      : only_thread_(only_thread), in_flight_max_(in_flight_max), limit_(in_flight_max) {}

  void set_in_flight_max(std::size_t count);
  // The current limit, at most in_flight_max.
  void set_limit(std::size_t count) { limit_.store(count, std::memory_order_relaxed); }
  // Whether methods have different priorities.
  void use_priorities(bool use) { priorities_.store(use, std::memory_order_relaxed); }

  // Fills `permit`, which must be empty, or returns the reason for the refusal. Thread-safe unless
  // `only_thread`. Each counter is checked and incremented by one atomic operation, so that no burst exceeds
  // a limit. The client's own limit comes first: a client at its limit takes no permit from others, not even
  // for a moment.
  Result<void, Rejection> try_admit(const AdmissionRequest& request, Permit& permit);

  // Statistics: may be outdated when they are read.
  std::size_t in_flight_approx() const { return in_flight_.load(std::memory_order_relaxed); }
  std::size_t in_flight_max() const { return in_flight_max_.load(std::memory_order_relaxed); }
  std::size_t limit() const { return limit_.load(std::memory_order_relaxed); }

 private:
  friend class Permit;
  using Counter = std::atomic<std::size_t>;
  bool try_take(Counter& counter, std::size_t max) const;
  void take(Counter& counter) const {
    if (only_thread_)
      return counter.store(counter.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    counter.fetch_add(1, std::memory_order_relaxed);
  }
  void release(Counter& counter) const {
    if (only_thread_)
      return counter.store(counter.load(std::memory_order_relaxed) - 1, std::memory_order_relaxed);
    counter.fetch_sub(1, std::memory_order_relaxed);
  }
  static std::size_t or_none(std::size_t max) {
    return max == 0 ? std::numeric_limits<std::size_t>::max() : max;
  }
  bool has_priority_share(Priority priority) const;
  Rejection full() const;

  const bool only_thread_;
  Counter in_flight_{0};
  Counter in_flight_max_;
  Counter limit_;
  std::atomic<bool> priorities_{false};
  std::array<Counter, static_cast<std::size_t>(Priority::kCount)> by_priority_{};
};

// A plain increment with a check after it would let a refused caller hold a permit for a moment. Another
// caller could be refused in that moment.
inline bool Admission::try_take(Counter& counter, std::size_t max) const {
  std::size_t taken = counter.load(std::memory_order_relaxed);
  if (only_thread_) {
    if (taken < max) counter.store(taken + 1, std::memory_order_relaxed);
    return taken < max;
  }
  do {
    if (taken >= max) return false;
  } while (!counter.compare_exchange_weak(taken, taken + 1, std::memory_order_relaxed));
  return true;
}

inline Result<void, Rejection> Admission::try_admit(const AdmissionRequest& request, Permit& permit) {
  assert(!permit);
  const auto& [method, method_max, priority, client, backend] = request;
  const auto refuse = [this, taken = client.in_flight](Rejection rejection) {
    if (taken != nullptr) release(*taken);
    return rejection;
  };
  if (client.in_flight != nullptr && !try_take(*client.in_flight, or_none(client.max)))
    return Rejection::rate_limited;
  const bool priorities = priorities_.load(std::memory_order_relaxed);
  if (priorities && !has_priority_share(priority)) return refuse(full());
  if (!try_take(in_flight_, limit())) return refuse(full());
  if (!try_take(method.in_flight, or_none(method_max))) {
    release(in_flight_);
    return refuse(Rejection::method_busy);
  }
  // Calls that hang in one backend must not take all permits.
  if (backend.in_flight != nullptr && !try_take(*backend.in_flight, or_none(backend.max))) {
    release(method.in_flight);
    release(in_flight_);
    return refuse(Rejection::method_busy);
  }
  Counter* const counted = priorities ? &by_priority_[static_cast<std::size_t>(priority)] : nullptr;
  if (counted != nullptr) take(*counted);
  permit.admission_ = this;
  permit.method_ = &method;
  permit.client_ = client.in_flight;
  permit.backend_ = backend.in_flight;
  permit.priority_ = counted;
  return success();
}

}  // namespace sluice::core
