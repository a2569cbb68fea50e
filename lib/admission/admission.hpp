// The front door: who gets in at once, who is turned away at once. Nobody waits here.
#pragma once

#include <atomic>
#include <cstddef>
#include <utility>
#include <variant>

#include "lib/observe/metrics.hpp"

namespace sluice::core {

class Admission;

// A place in every limit that a call has passed. Move-only; giving it up frees the places, exactly once.
// May be given up by another thread than the one that got it.
class Permit {
 public:
  Permit() = default;
  Permit(Permit&& other) noexcept
      : admission_(std::exchange(other.admission_, nullptr)),
        method_(std::exchange(other.method_, nullptr)),
        client_(std::exchange(other.client_, nullptr)),
        backend_(std::exchange(other.backend_, nullptr)) {}
  Permit& operator=(Permit&& other) noexcept {
    release();
    admission_ = std::exchange(other.admission_, nullptr);
    method_ = std::exchange(other.method_, nullptr);
    client_ = std::exchange(other.client_, nullptr);
    backend_ = std::exchange(other.backend_, nullptr);
    return *this;
  }
  ~Permit() { release(); }

  void release() {
    if (admission_ != nullptr) give_back();
  }
  explicit operator bool() const { return admission_ != nullptr; }

 private:
  friend class Admission;
  void give_back();
  using Counter = std::atomic<std::size_t>;
  Permit(Admission& admission, MethodMetrics& method, Counter* client, Counter* backend)
      : admission_(&admission), method_(&method), client_(client), backend_(backend) {}

  Admission* admission_ = nullptr;
  MethodMetrics* method_ = nullptr;
  Counter* client_ = nullptr;   // null: the client is not counted
  Counter* backend_ = nullptr;  // null: it has none
};

// A client's or a backend's own count of calls in flight, and its limit (0: none). Must outlive the permits.
// Default: nothing is counted.
struct Places {
  std::atomic<std::size_t>* taken = nullptr;
  std::size_t max = 0;
};

// Limits on calls in flight, in all, by method, by backend and by client. Thread-safe and lock-free; must
// outlive its permits.
class Admission {
 public:
  explicit Admission(std::size_t in_flight_max) : in_flight_max_(in_flight_max) {}

  void set_in_flight_max(std::size_t count) { in_flight_max_.store(count, std::memory_order_relaxed); }

  // `method_max` is the method's own limit, 0 for none. A place is taken by one atomic operation before
  // it is checked against the bound, so that no burst overshoots it. The client's own limit comes first: who
  // is at it takes no place from others, not even for a moment.
  std::variant<Permit, Rejection> try_admit(MethodMetrics& method, std::size_t method_max, Places client = {},
                                            Places backend = {});

  // Statistics: may be old by the time that they are looked at.
  std::size_t in_flight_approx() const { return in_flight_.load(std::memory_order_relaxed); }
  std::size_t in_flight_max() const { return in_flight_max_.load(std::memory_order_relaxed); }

 private:
  friend class Permit;
  static bool try_take(std::atomic<std::size_t>& counter, std::size_t max);

  std::atomic<std::size_t> in_flight_{0};
  std::atomic<std::size_t> in_flight_max_;
};

}  // namespace sluice::core
